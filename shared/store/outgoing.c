/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/outgoing.h"

#include <stdlib.h>
#include <string.h>

#include "base/utc.h"

/* ----------------------------------------------------------------- planning */

static enum dmarc_policy policy_or(struct span word, enum dmarc_policy instead)
{
	enum dmarc_policy policy = instead;

	return dmarc_policy_parse(word, &policy) ? policy : instead;
}

static struct span text_or(struct arena *arena, const struct db_rows *rows,
			   size_t column, const char *instead)
{
	struct span text = db_rows_text(rows, column);

	return arena_copy(arena, text.n > 0 ? text : span_of(instead));
}

/* Columns as outgoing_find() selects them. */
static int read_report(const struct db_rows *rows, struct arena *arena,
		       struct outgoing *report, struct err *err)
{
	struct span hash = db_rows_text(rows, 0);
	struct outgoing r = { .method = DISCOVERY_TREEWALK };

	if (hash.n != sizeof(r.policy.bytes))
		return err_set(err, ERR_INPUT, "policy_hash: %zu bytes",
			       hash.n);
	memcpy(r.policy.bytes, hash.p, hash.n);
	r.policy_domain = arena_copy(arena, db_rows_text(rows, 1)).p;
	(void)discovery_method_parse(db_rows_text(rows, 2), &r.method);
	/* R2.11, R7.4: what is not published follows from what is. */
	r.p = policy_or(db_rows_text(rows, 3), DMARC_POLICY_NONE);
	r.sp = policy_or(db_rows_text(rows, 4), r.p);
	r.np = policy_or(db_rows_text(rows, 5), r.sp);
	r.adkim = text_or(arena, rows, 6, "r");
	r.aspf = text_or(arena, rows, 7, "r");
	r.fo = text_or(arena, rows, 8, "0");
	r.testing = text_or(arena, rows, 9, "n");
	r.pct = text_or(arena, rows, 10, "100");
	r.rua = text_or(arena, rows, 11, "");
	r.faults = text_or(arena, rows, 12, "");
	r.messages = (uint64_t)db_rows_int(rows, 13);
	r.stored_rows = (uint64_t)db_rows_int(rows, 14);
	if (r.policy_domain == NULL || r.adkim.p == NULL || r.aspf.p == NULL ||
	    r.fo.p == NULL || r.testing.p == NULL || r.pct.p == NULL ||
	    r.rua.p == NULL || r.faults.p == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	*report = r;
	return 0;
}

/* Reports in an array that grows; the arena gets it when it is whole. */
static int collect(struct db_rows *rows, int64_t day, struct arena *arena,
		   struct outgoing **reports, size_t *n, struct err *err)
{
	size_t room = 0;
	int more;

	while ((more = db_rows_next(rows, err)) > 0) {
		if (*n == room) {
			struct outgoing *grown;

			room = room == 0 ? 64 : room * 2;
			grown = reallocarray(*reports, room, sizeof(*grown));
			if (grown == NULL)
				return err_set(err, ERR_LIMIT, "out of memory");
			*reports = grown;
		}
		if (read_report(rows, arena, &(*reports)[*n], err) < 0)
			return -1;
		(*reports)[(*n)++].day = day;
	}
	return more;
}

int outgoing_find(struct database *db, int64_t day, const char *domain,
		  const char *own_domain, struct arena *arena,
		  struct outgoing_list *list, struct err *err)
{
	struct utc_text date = utc_date(day);
	const struct db_value values[] = { db_string(date.text),
					   db_string(domain), db_string(domain),
					   db_string(own_domain) };
	struct outgoing *reports = NULL;
	struct db_rows *rows = NULL;
	size_t n = 0;
	int result;

	if (database_query(db,
			   "SELECT p.policy_hash, p.policy_domain, p.method, "
			   "p.p, p.sp, p.np, p.adkim, p.aspf, p.fo, p.testing, "
			   "p.pct, p.rua, p.faults, SUM(r.count), "
			   "COUNT(*) "
			   "FROM verdict_row r JOIN verdict_policy p "
			   "ON p.policy_hash = r.policy_hash "
			   "WHERE r.day = ? AND p.policy_domain <> '' "
			   "AND p.rua <> '' "
			   "AND (? = '' OR p.policy_domain = ?) "
			   "GROUP BY p.policy_hash "
			   "HAVING SUM(r.header_from <> ? OR "
			   "(r.dkim_aligned = 0 AND r.spf_aligned = 0)) > 0 "
			   "ORDER BY p.policy_domain, p.policy_hash",
			   values, 4, &rows, err) < 0)
		return -1;
	result = collect(rows, day, arena, &reports, &n, err);
	db_rows_free(&rows);
	if (result == 0) {
		list->n = n;
		list->reports = arena_array(arena, n, sizeof(*list->reports));
		if (list->reports == NULL)
			result = err_set(err, ERR_LIMIT, "out of memory");
		else if (n > 0)
			memcpy(list->reports, reports, n * sizeof(*reports));
	}
	free(reports);
	return result;
}

int outgoing_unfinished_days(struct database *db, int64_t first, int64_t last,
			     struct arena *arena, int64_t **days, size_t *n,
			     struct err *err)
{
	struct utc_text from = utc_date(first), to = utc_date(last);
	const struct db_value values[] = { db_string(from.text),
					   db_string(to.text) };
	size_t room = (size_t)((last - first) / UTC_DAY) + 1;
	int64_t *found = arena_array(arena, room, sizeof(*found));
	struct db_rows *rows = NULL;
	int more = 0;

	*n = 0;
	*days = found;
	if (found == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	if (database_query(db,
			   "SELECT DISTINCT day FROM sent_report "
			   "WHERE day >= ? AND day < ? "
			   "AND state IN ('planned', 'claimed') ORDER BY day",
			   values, 2, &rows, err) < 0)
		return -1;
	while (*n < room && (more = db_rows_next(rows, err)) > 0)
		if (utc_parse_date(db_rows_text(rows, 0), &found[*n]))
			(*n)++;
	db_rows_free(&rows);
	return more < 0 ? -1 : 0;
}

/* ------------------------------------------------------------------- states */

static const char *const states[] = {
	[OUTGOING_PLANNED] = "planned",
	[OUTGOING_DONE] = "done",
	[OUTGOING_SKIPPED] = "skipped",
	[OUTGOING_FAILED] = "failed",
};

static const char *const destination_states[] = {
	[TO_PLANNED] = "planned", [TO_HANDED_OVER] = "handed_over",
	[TO_REFUSED] = "refused", [TO_POSTPONED] = "postponed",
	[TO_FAILED] = "failed",
};

static struct db_value db_hash(const struct outgoing *report)
{
	return db_bytes(report->policy.bytes, sizeof(report->policy.bytes));
}

struct claim {
	const struct outgoing *report;
	const char *report_id;
	const char *owner;
	int64_t now;
	int64_t lease_until;
	bool claimed;
};

static int make_claim(struct database *db, void *context, struct err *err)
{
	struct claim *claim = context;
	struct utc_text day = utc_date(claim->report->day);
	const struct db_value plan[] = { db_string(day.text),
					 db_hash(claim->report),
					 db_string(claim->report_id),
					 db_int(claim->now) };
	const struct db_value take[] = {
		db_string(claim->owner), db_int(claim->lease_until),
		db_int(claim->now),      db_string(day.text),
		db_hash(claim->report),  db_int(claim->now)
	};
	uint64_t changed = 0;

	if (database_run(db,
			 "INSERT INTO sent_report (day, policy_hash, "
			 "report_id, state, owner, lease_until, attempts, "
			 "messages, row_count, detail, updated_at) "
			 "VALUES (?, ?, ?, 'planned', '', 0, 0, 0, 0, '', ?) "
			 "ON DUPLICATE KEY UPDATE day = day",
			 plan, 4, NULL, err) < 0 ||
	    database_run(db,
			 "UPDATE sent_report SET state = 'claimed', "
			 "owner = ?, lease_until = ?, "
			 "attempts = attempts + 1, updated_at = ? "
			 "WHERE day = ? AND policy_hash = ? AND "
			 "(state = 'planned' OR "
			 "(state = 'claimed' AND lease_until < ?))",
			 take, 6, &changed, err) < 0)
		return -1;
	claim->claimed = changed == 1;
	return 0;
}

int outgoing_claim(struct database *db, const struct outgoing *report,
		   const char *report_id, const char *owner, int64_t now,
		   int64_t lease_until, bool *claimed, struct err *err)
{
	struct claim claim = {
		report, report_id, owner, now, lease_until, false
	};

	if (database_transaction(db, make_claim, &claim, err) < 0)
		return -1;
	*claimed = claim.claimed;
	return 0;
}

struct finish {
	const struct outgoing *report;
	const char *owner;
	int64_t now;
	const struct outgoing_result *result;
};

static int make_finish(struct database *db, void *context, struct err *err)
{
	const struct finish *finish = context;
	struct utc_text day = utc_date(finish->report->day);
	const struct db_value values[] = {
		db_string(states[finish->result->state]),
		db_int((int64_t)finish->result->messages),
		db_int((int64_t)finish->result->rows),
		db_string(finish->result->detail),
		db_int(finish->now),
		db_string(day.text),
		db_hash(finish->report),
		db_string(finish->owner),
	};
	uint64_t changed = 0;

	if (database_run(db,
			 "UPDATE sent_report SET state = ?, owner = '', "
			 "lease_until = 0, messages = ?, row_count = ?, "
			 "detail = ?, updated_at = ? WHERE day = ? AND "
			 "policy_hash = ? AND state = 'claimed' AND owner = ?",
			 values, 8, &changed, err) < 0)
		return -1;
	if (changed != 1)
		return err_set(err, ERR_TEMP,
			       "report about %s of %s: the claim was lost",
			       finish->report->policy_domain, day.text);
	return 0;
}

int outgoing_finish(struct database *db, const struct outgoing *report,
		    const char *owner, int64_t now,
		    const struct outgoing_result *result, struct err *err)
{
	struct finish finish = { report, owner, now, result };

	return database_transaction(db, make_finish, &finish, err);
}

int outgoing_is_handed_over(struct database *db, const struct outgoing *report,
			    const char *address, bool *handed_over,
			    struct err *err)
{
	struct utc_text day = utc_date(report->day);
	const struct db_value values[] = { db_string(day.text), db_hash(report),
					   db_string(address) };
	int64_t found = 0;

	if (database_number(db,
			    "SELECT COUNT(*) FROM sent_destination "
			    "WHERE day = ? AND policy_hash = ? AND "
			    "address = ? AND state = 'handed_over'",
			    values, 3, &found, err) < 0)
		return -1;
	*handed_over = found > 0;
	return 0;
}

struct note {
	const struct outgoing *report;
	const char *address;
	enum outgoing_destination_state state;
	const char *detail;
	int64_t now;
};

static int make_note(struct database *db, void *context, struct err *err)
{
	const struct note *note = context;
	struct utc_text day = utc_date(note->report->day);
	const struct db_value values[] = {
		db_string(day.text),
		db_hash(note->report),
		db_string(note->address),
		db_string(destination_states[note->state]),
		db_string(note->detail),
		db_int(note->now),
	};

	return database_run(db,
			    "INSERT INTO sent_destination (day, policy_hash, "
			    "address, state, detail, updated_at) "
			    "VALUES (?, ?, ?, ?, ?, ?) "
			    "ON DUPLICATE KEY UPDATE state = VALUES(state), "
			    "detail = VALUES(detail), "
			    "updated_at = VALUES(updated_at)",
			    values, 6, NULL, err);
}

int outgoing_note(struct database *db, const struct outgoing *report,
		  const char *address, enum outgoing_destination_state state,
		  const char *detail, int64_t now, struct err *err)
{
	struct note note = { report, address, state, detail, now };

	return database_transaction(db, make_note, &note, err);
}
