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

#define POLICY_COLUMNS                                                         \
	"p.policy_hash, p.policy_domain, p.method, p.p, p.sp, p.np, p.adkim, " \
	"p.aspf, p.fo, p.testing, p.pct, p.rua, p.faults"

/* Behind them, of rows that are planned. */
#define PLANNED_COLUMNS                                                      \
	"s.day, s.report_id, s.submitter, s.state, s.due_at, s.give_up_at, " \
	"s.attempts"

/* POLICY_COLUMNS and the numbers of messages and of rows. */
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

/* PLANNED_COLUMNS. */
static int read_plan(const struct db_rows *rows, struct arena *arena,
		     struct outgoing *report, struct err *err)
{
	report->report_id = text_or(arena, rows, 16, "").p;
	report->submitter = text_or(arena, rows, 17, "").p;
	report->state = text_or(arena, rows, 18, "").p;
	report->due_at = db_rows_int(rows, 19);
	report->give_up_at = db_rows_int(rows, 20);
	report->attempts = (int)db_rows_int(rows, 21);
	if (report->report_id == NULL || report->submitter == NULL ||
	    report->state == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	if (!utc_parse_date(db_rows_text(rows, 15), &report->day))
		return err_set(err, ERR_INPUT, "sent_report: no day");
	return 0;
}

/* Reports in an array that grows; the arena gets it when it is whole. */
static int collect(struct db_rows *rows, bool planned, struct arena *arena,
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
		if (read_report(rows, arena, &(*reports)[*n], err) < 0 ||
		    (planned &&
		     read_plan(rows, arena, &(*reports)[*n], err) < 0))
			return -1;
		(*n)++;
	}
	return more;
}

static int read_list(struct database *db, const char *sql,
		     const struct db_value *values, size_t n_values,
		     bool planned, struct arena *arena,
		     struct outgoing_list *list, struct err *err)
{
	struct outgoing *reports = NULL;
	struct db_rows *rows = NULL;
	size_t n = 0;
	int result;

	if (database_query(db, sql, values, n_values, &rows, err) < 0)
		return -1;
	result = collect(rows, planned, arena, &reports, &n, err);
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

/*
 * This runs every few minutes. The policies of a day are found by leaps through
 * the key; only those that are new have their rows read.
 */
int outgoing_unplanned(struct database *db, int64_t day, const char *domain,
		       const char *own_domain, struct arena *arena,
		       struct outgoing_list *list, struct err *err)
{
	struct utc_text date = utc_date(day);
	const struct db_value values[] = {
		db_string(date.text), db_string(date.text),
		db_string(date.text), db_string(domain),
		db_string(domain),    db_string(own_domain)
	};
	size_t i;

	if (read_list(
		    db,
		    "SELECT STRAIGHT_JOIN " POLICY_COLUMNS ", SUM(r.count), "
		    "COUNT(*) FROM (SELECT DISTINCT policy_hash FROM verdict_row "
		    "WHERE day = ?) d "
		    "JOIN verdict_policy p ON p.policy_hash = d.policy_hash "
		    "LEFT JOIN sent_report s ON s.day = ? "
		    "AND s.policy_hash = d.policy_hash "
		    "JOIN verdict_row r ON r.day = ? "
		    "AND r.policy_hash = d.policy_hash "
		    "WHERE s.day IS NULL AND p.policy_domain <> '' "
		    "AND p.rua <> '' AND (? = '' OR p.policy_domain = ?) "
		    "GROUP BY p.policy_hash "
		    "HAVING SUM(r.envelope_from <> '' AND "
		    "(r.header_from <> ? OR "
		    "(r.dkim_aligned = 0 AND r.spf_aligned = 0))) > 0 "
		    "ORDER BY p.policy_domain, p.policy_hash",
		    values, 6, false, arena, list, err) < 0)
		return -1;
	for (i = 0; i < list->n; i++) {
		list->reports[i].day = day;
		list->reports[i].report_id = list->reports[i].submitter =
			list->reports[i].state = "";
	}
	return 0;
}

int outgoing_planned(struct database *db, const struct outgoing_range *range,
		     enum outgoing_which which, size_t limit,
		     struct arena *arena, struct outgoing_list *list,
		     struct err *err)
{
	struct utc_text first = utc_date(range->first);
	struct utc_text last = utc_date(range->last);
	const struct db_value values[] = { db_string(first.text),
					   db_string(last.text),
					   db_string(range->domain),
					   db_string(range->domain),
					   db_int(which),
					   db_int((int64_t)limit) };

	return read_list(
		db,
		"SELECT STRAIGHT_JOIN " POLICY_COLUMNS ", "
		"COALESCE(SUM(r.count), 0), COUNT(r.count), " PLANNED_COLUMNS
		" FROM "
		"(SELECT n.* FROM sent_report n JOIN verdict_policy q "
		"ON q.policy_hash = n.policy_hash "
		"WHERE n.day BETWEEN ? AND ? "
		"AND (? = '' OR q.policy_domain = ?) AND (? = 1 "
		"OR (n.state IN ('planned', 'postponed') "
		"AND n.due_at <= UNIX_TIMESTAMP()) "
		"OR (n.state = 'claimed' "
		"AND n.lease_until < UNIX_TIMESTAMP())) "
		"ORDER BY n.due_at, n.policy_hash LIMIT ?) s "
		"JOIN verdict_policy p ON p.policy_hash = s.policy_hash "
		"LEFT JOIN verdict_row r ON r.day = s.day "
		"AND r.policy_hash = s.policy_hash "
		"GROUP BY s.day, s.policy_hash "
		"ORDER BY s.due_at, s.policy_hash",
		values, 6, true, arena, list, err);
}
