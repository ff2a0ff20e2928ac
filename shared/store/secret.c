/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/secret.h"

#include <string.h>
#include <sys/random.h>

/* 1 when there is one, 0, or -1. */
static int read_key(struct database *db, const char *name, struct verp_key *key,
		    struct err *err)
{
	const struct db_value value = db_string(name);
	struct db_rows *rows;
	int more;

	if (database_query(db, "SELECT value FROM secret WHERE name = ?",
			   &value, 1, &rows, err) < 0)
		return -1;
	more = db_rows_next(rows, err);
	if (more > 0) {
		struct span found = db_rows_text(rows, 0);

		if (found.n == sizeof(key->bytes))
			memcpy(key->bytes, found.p, found.n);
		else
			more = err_set(err, ERR_CONFIG,
				       "secret %s in the database: %zu bytes, "
				       "not %zu",
				       name, found.n, sizeof(key->bytes));
	}
	db_rows_free(&rows);
	return more;
}

/* Of two machines that make one at a time, the first one's counts. */
static int
make_key(struct database *db, const char *name, int64_t now, struct err *err)
{
	unsigned char bytes[VERP_KEY_BYTES];
	const struct db_value values[] = { db_string(name),
					   db_bytes(bytes, sizeof(bytes)),
					   db_int(now) };

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_errno(err, ERR_TEMP, "random numbers");
	return database_run(db,
			    "INSERT INTO secret (name, value, created_at) "
			    "VALUES (?, ?, ?) "
			    "ON DUPLICATE KEY UPDATE name = name",
			    values, 3, NULL, err);
}

int secret_verp(struct database *db, int64_t now, struct verp_key *key,
		struct err *err)
{
	static const char name[] = "verp";
	int found = read_key(db, name, key, err);

	if (found == 0) {
		if (make_key(db, name, now, err) < 0)
			return -1;
		found = read_key(db, name, key, err);
	}
	if (found == 0)
		return err_set(err, ERR_TEMP, "secret %s in the database: gone",
			       name);
	return found < 0 ? -1 : 0;
}
