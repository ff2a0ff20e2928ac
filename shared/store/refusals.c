/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/refusals.h"

/* A cache: when the database fails, the next statement about reports says so. */
static const char *find(struct refusals *self, const char *policy_domain,
			const char *host, struct arena *arena)
{
	const struct stored_refusals *stored =
		(const struct stored_refusals *)self;
	const struct db_value values[] = { db_string(policy_domain),
					   db_string(host),
					   db_int(stored->now) };
	struct err err = ERR_INIT;
	const char *why = NULL;
	struct db_rows *rows;

	if (database_lookup(stored->db,
			    "SELECT why FROM refusing_host WHERE "
			    "policy_domain = ? AND host = ? AND until_at > ?",
			    values, 3, &rows, &err) < 0)
		return NULL;
	if (db_rows_next(rows, &err) > 0)
		why = arena_copy(arena, db_rows_text(rows, 0)).p;
	db_rows_free(&rows);
	return why;
}

static void keep(struct refusals *self, const char *policy_domain,
		 const char *host, const char *why)
{
	const struct stored_refusals *stored =
		(const struct stored_refusals *)self;
	const struct db_value now = db_int(stored->now);
	const struct db_value values[] = {
		db_string(policy_domain), db_string(host), db_string(why),
		db_int(stored->now + REFUSAL_SECONDS)
	};
	struct err err = ERR_INIT;

	/* The second statement is not needed when the first fails. */
	if (database_run(stored->db,
			 "REPLACE INTO refusing_host (policy_domain, host, "
			 "why, until_at) VALUES (?, ?, ?, ?)",
			 values, 4, NULL, &err) < 0 ||
	    database_run(stored->db,
			 "DELETE FROM refusing_host "
			 "WHERE until_at <= ? LIMIT 100",
			 &now, 1, NULL, &err) < 0)
		return;
}

struct refusals *refusals_stored(struct stored_refusals *stored,
				 struct database *db, int64_t now)
{
	*stored = (struct stored_refusals){
		.refusals = { .find = find, .keep = keep },
		.db = db,
		.now = now,
	};
	return &stored->refusals;
}
