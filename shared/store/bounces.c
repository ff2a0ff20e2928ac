/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/bounces.h"

#include <string.h>

#include "base/utc.h"
#include "store/columns.h"

#define EXPIRE_ROWS "1000"

/* Characters of the columns. */
#define MAX_STATUS     16
#define MAX_DIAGNOSTIC 1000
#define MAX_REPORTER   255
#define MAX_ADDRESS    320

bool suppress_steps_parse(struct span text, struct suppress_steps *steps)
{
	struct suppress_steps read = { .n = 0 };
	struct span item;
	uint64_t days;

	while (span_take_item(&text, ',', &item)) {
		if (read.n == MAX_SUPPRESS_STEPS ||
		    !span_to_uint(item, MAX_SUPPRESS_DAYS, &days) || days == 0)
			return false;
		read.days[read.n++] = (int)days;
	}
	*steps = read;
	return true;
}

struct bounce_item *
bounce_keep(const struct bounce *bounce, const struct verp *verp,
	    const struct suppress_steps *steps, struct arena *arena)
{
	struct bounce_item *item = arena_alloc(arena, sizeof(*item));

	if (item == NULL)
		return NULL;
	*item = (struct bounce_item){
		.verp = *verp,
		.steps = *steps,
		.kind = bounce->kind,
		.status = column_text(arena, bounce->status, MAX_STATUS),
		.diagnostic =
			column_text(arena, bounce->diagnostic, MAX_DIAGNOSTIC),
		.reporter = column_text(arena, bounce->reporter, MAX_REPORTER),
	};
	return item->status.p == NULL || item->diagnostic.p == NULL ||
			       item->reporter.p == NULL ?
		       NULL :
		       item;
}

/* ---------------------------------------------------------------- the report */

/* The mail that came back, by its row in sent_destination. */
struct sent {
	unsigned char policy[COLUMN_HASH];
	char address[MAX_ADDRESS * 4 + 1]; /* "" when it is not known */
	size_t n;
	int64_t handed_over_at;
};

/* Rows of the day whose policy begins as the token says: one or two. */
static int pick(struct db_rows *rows, const struct verp *verp,
		struct sent *sent, struct err *err)
{
	int more;

	while ((more = db_rows_next(rows, err)) > 0) {
		struct span policy = db_rows_text(rows, 0);
		struct span address = db_rows_text(rows, 1);

		if (policy.n != sizeof(sent->policy) ||
		    address.n >= sizeof(sent->address) ||
		    !verp_is_for(verp, address))
			continue;
		memcpy(sent->policy, policy.p, policy.n);
		memcpy(sent->address, address.p, address.n);
		sent->n = address.n;
		sent->handed_over_at = db_rows_int(rows, 2);
		return 1;
	}
	return more;
}

static int find_sent(struct database *db, const struct verp *verp,
		     const char *day, struct sent *sent, struct err *err)
{
	unsigned char first[COLUMN_HASH], last[COLUMN_HASH];
	const struct db_value values[] = {
		db_string(day),
		db_bytes(first, sizeof(first)),
		db_bytes(last, sizeof(last)),
	};
	struct db_rows *rows = NULL;
	int found;

	memset(first, 0, sizeof(first));
	memset(last, 0xff, sizeof(last));
	memcpy(first, verp->policy, sizeof(verp->policy));
	memcpy(last, verp->policy, sizeof(verp->policy));
	if (database_lookup(db,
			    "SELECT policy_hash, address, updated_at "
			    "FROM sent_destination WHERE day = ? AND "
			    "policy_hash BETWEEN ? AND ? "
			    "AND state = 'handed_over'",
			    values, 3, &rows, err) < 0)
		return -1;
	found = pick(rows, verp, sent, err);
	db_rows_free(&rows);
	return found < 0 ? -1 : 0;
}

/* Its state stays: it must not be sent again. */
static int note_at_report(struct database *db, const struct bounce_item *item,
			  const char *day, const struct sent *sent,
			  struct err *err)
{
	const struct db_value values[] = {
		db_string(bounce_kind_name(item->kind)),
		db_text(item->diagnostic.n > 0 ? item->diagnostic :
						 item->status),
		db_string(day),
		db_bytes(sent->policy, sizeof(sent->policy)),
		db_text((struct span){ sent->address, sent->n }),
	};

	return database_run(db,
			    "UPDATE sent_destination SET detail = "
			    "CONCAT('came back (', ?, '): ', ?) "
			    "WHERE day = ? AND policy_hash = ? AND address = ?",
			    values, sizeof(values) / sizeof(values[0]), NULL,
			    err);
}

/* ------------------------------------------------------------ what follows */

/* What there is about the address. */
struct before {
	bool known;
	bool manual; /* and in force */
	int64_t bounces;
	int64_t added_at;
	int64_t tried_at;
};

static int find_before(struct database *db, struct span address, int64_t now,
		       struct before *before, struct err *err)
{
	const struct db_value values[] = { db_int(now), db_text(address) };
	struct db_rows *rows = NULL;
	int found;

	if (database_lookup(db,
			    "SELECT origin = 'manual' AND "
			    "(until_at = 0 OR until_at > ?), bounces, "
			    "added_at, tried_at FROM suppression "
			    "WHERE pattern = ? FOR UPDATE",
			    values, 2, &rows, err) < 0)
		return -1;
	found = db_rows_next(rows, err);
	if (found > 0)
		*before = (struct before){
			.known = true,
			.manual = db_rows_int(rows, 0) != 0,
			.bounces = db_rows_int(rows, 1),
			.added_at = db_rows_int(rows, 2),
			.tried_at = db_rows_int(rows, 3),
		};
	db_rows_free(&rows);
	return found < 0 ? -1 : 0;
}

static int suppress(struct database *db, const struct bounce_item *item,
		    struct span address, int64_t bounces, int64_t now,
		    struct err *err)
{
	const struct suppress_steps *steps = &item->steps;
	size_t step = (size_t)bounces > steps->n ? steps->n : (size_t)bounces;
	const struct db_value values[] = {
		db_text(address),
		db_text(item->diagnostic.n > 0 ? item->diagnostic :
						 item->status),
		db_int(bounces),
		db_int(now),
		db_int(now + steps->days[step - 1] * (int64_t)UTC_DAY),
	};

	return database_run(db,
			    "REPLACE INTO suppression (pattern, origin, "
			    "reason, bounces, added_at, until_at, tried_at) "
			    "VALUES (?, 'bounce', ?, ?, ?, ?, 0)",
			    values, sizeof(values) / sizeof(values[0]), NULL,
			    err);
}

/*
 * Reports that were on their way when the first of them came back say nothing
 * new, however many policy domains share the address.
 */
static int conclude(struct database *db, const struct bounce_item *item,
		    struct sent *sent, int64_t now, struct err *err)
{
	struct span address = { sent->address, sent->n };
	struct before before = { .known = false };
	int64_t bounces = 1;
	size_t i;

	if (item->kind != BOUNCE_HARD || item->steps.n == 0)
		return 0;
	for (i = 0; i < sent->n; i++)
		sent->address[i] = ascii_lower(sent->address[i]);
	if (find_before(db, address, now, &before, err) < 0)
		return -1;
	if (before.manual ||
	    (before.known && sent->handed_over_at <= before.added_at))
		return 0;
	if (before.known &&
	    (before.tried_at == 0 ||
	     before.tried_at > now - BOUNCE_DAYS * (int64_t)UTC_DAY))
		bounces = before.bounces + 1;
	return suppress(db, item, address, bounces, now, err);
}

/* 1 when it is new, 0 when it is there already, -1. */
static int insert(struct database *db, const struct bounce_item *item,
		  struct span mail_name, const char *day,
		  const struct sent *sent, int64_t now, struct err *err)
{
	const struct db_value values[] = {
		db_text(mail_name),
		db_int(now),
		db_string(day),
		db_text((struct span){ sent->address, sent->n }),
		db_string(bounce_kind_name(item->kind)),
		db_text(item->status),
		db_text(item->diagnostic),
		db_text(item->reporter),
	};
	uint64_t changed = 0;

	if (database_run(db,
			 "INSERT INTO bounce (mail_name, stored_at, day, "
			 "address, kind, status, diagnostic, reporter) "
			 "VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
			 "ON DUPLICATE KEY UPDATE mail_name = mail_name",
			 values, sizeof(values) / sizeof(values[0]), &changed,
			 err) < 0)
		return -1;
	return changed == 1;
}

int bounce_store(struct database *db, const struct bounce_item *item,
		 struct span mail_name, int64_t now, struct err *err)
{
	const struct utc_text day = utc_date(item->verp.day);
	struct sent sent = { .n = 0 };
	int fresh;

	if (find_sent(db, &item->verp, day.text, &sent, err) < 0)
		return -1;
	fresh = insert(db, item, mail_name, day.text, &sent, now, err);
	if (fresh <= 0 || sent.n == 0)
		return fresh;
	if (note_at_report(db, item, day.text, &sent, err) < 0)
		return -1;
	return conclude(db, item, &sent, now, err);
}

int bounces_expire(struct database *db, int64_t before, uint64_t *removed,
		   struct err *err)
{
	const struct db_value value = db_int(before);

	return database_run(db,
			    "DELETE FROM bounce WHERE stored_at < ? "
			    "ORDER BY stored_at LIMIT " EXPIRE_ROWS,
			    &value, 1, removed, err);
}
