/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/originals.h"

#include "report/gzip.h"

/* They are large, and Galera likes its transactions small. */
#define EXPIRE_ROWS "100"

int original_insert(struct database *db, const struct original *original,
		    struct err *err)
{
	const struct db_value values[] = {
		db_text(original->mail_name),
		db_int(original->stored_at),
		db_int((int64_t)original->bytes),
		db_bytes(original->compressed.p, original->compressed.n),
	};

	return database_run(db,
			    "REPLACE INTO received_original (mail_name, "
			    "stored_at, bytes, compressed) VALUES (?, ?, ?, ?)",
			    values, sizeof(values) / sizeof(values[0]), NULL,
			    err);
}

int original_find(struct database *db, struct span name_or_id,
		  struct arena *arena, struct span *names, size_t max,
		  size_t *n, struct err *err)
{
	const struct db_value values[] = { db_text(name_or_id),
					   db_text(name_or_id),
					   db_text(name_or_id) };
	struct db_rows *rows;
	int more;

	*n = 0;
	if (database_query(db,
			   "SELECT mail_name FROM received_original "
			   "WHERE mail_name = ? "
			   "OR mail_name IN (SELECT mail_name FROM "
			   "received_report WHERE report_id = ?) "
			   "OR mail_name IN (SELECT mail_name FROM tls_report "
			   "WHERE report_id = ?) ORDER BY mail_name",
			   values, sizeof(values) / sizeof(values[0]), &rows,
			   err) < 0)
		return -1;
	while ((more = db_rows_next(rows, err)) > 0 && *n < max) {
		names[*n] = arena_copy(arena, db_rows_text(rows, 0));
		if (names[*n].p == NULL) {
			more = err_set(err, ERR_TEMP, "out of memory");
			break;
		}
		(*n)++;
	}
	db_rows_free(&rows);
	return more < 0 ? -1 : 0;
}

int original_write(struct database *db, struct span mail_name, int fd,
		   struct err *err)
{
	const struct db_value value = db_text(mail_name);
	struct db_rows *rows;
	int more;

	if (database_query(db,
			   "SELECT compressed FROM received_original "
			   "WHERE mail_name = ?",
			   &value, 1, &rows, err) < 0)
		return -1;
	more = db_rows_next(rows, err);
	if (more == 0)
		more = err_set(err, ERR_INPUT, "not kept");
	else if (more > 0)
		more = gzip_expand(db_rows_text(rows, 0), fd, err);
	db_rows_free(&rows);
	return more < 0 ? -1 : 0;
}

int originals_expire(struct database *db, int64_t before, uint64_t *removed,
		     struct err *err)
{
	const struct db_value value = db_int(before);

	return database_run(db,
			    "DELETE FROM received_original WHERE stored_at < ? "
			    "ORDER BY stored_at LIMIT " EXPIRE_ROWS,
			    &value, 1, removed, err);
}
