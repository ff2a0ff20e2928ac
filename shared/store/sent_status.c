/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/sent_status.h"

#include <stdlib.h>

#include "base/utc.h"

struct sent_statuses {
	struct db_rows *rows;
};

int sent_status_open(struct database *db, const struct outgoing_range *range,
		     struct sent_statuses **statuses, struct err *err)
{
	struct utc_text first = utc_date(range->first);
	struct utc_text last = utc_date(range->last);
	const struct db_value values[] = {
		db_string(first.text),    db_string(last.text),
		db_string(first.text),    db_string(last.text),
		db_string(range->domain), db_string(range->domain)
	};
	struct sent_statuses *new = calloc(1, sizeof(*new));

	if (new == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	if (database_query(
		    db,
		    "SELECT s.day, s.policy_hash, p.policy_domain, "
		    "s.report_id, s.state, s.messages, "
		    "COALESCE(v.messages, 0), s.row_count, s.attempts, "
		    "s.due_at, s.detail, d.address, d.state, d.attempts, "
		    "d.due_at, d.updated_at, d.detail "
		    "FROM sent_report s "
		    "JOIN verdict_policy p ON p.policy_hash = s.policy_hash "
		    "LEFT JOIN (SELECT r.day, r.policy_hash, "
		    "SUM(r.count) AS messages FROM verdict_row r "
		    "WHERE r.day BETWEEN ? AND ? "
		    "GROUP BY r.day, r.policy_hash) v "
		    "ON v.day = s.day AND v.policy_hash = s.policy_hash "
		    "LEFT JOIN sent_destination d ON d.day = s.day "
		    "AND d.policy_hash = s.policy_hash "
		    "WHERE s.day BETWEEN ? AND ? "
		    "AND (? = '' OR p.policy_domain = ?) "
		    "ORDER BY s.day, p.policy_domain, s.policy_hash, d.address",
		    values, 6, &new->rows, err) < 0) {
		free(new);
		return -1;
	}
	*statuses = new;
	return 0;
}

static const char *text(const struct sent_statuses *statuses, size_t column)
{
	const char *found = db_rows_text(statuses->rows, column).p;

	return found == NULL ? "" : found;
}

int sent_status_next(struct sent_statuses *statuses, struct sent_status *status,
		     struct err *err)
{
	const struct db_rows *rows = statuses->rows;
	int more = db_rows_next(statuses->rows, err);

	if (more <= 0)
		return more;
	if (!utc_parse_date(db_rows_text(rows, 0), &status->day))
		return err_set(err, ERR_INPUT, "sent_report: no day");
	status->policy = db_rows_text(rows, 1);
	status->policy_domain = text(statuses, 2);
	status->report_id = text(statuses, 3);
	status->state = text(statuses, 4);
	status->messages = (uint64_t)db_rows_int(rows, 5);
	status->stored = (uint64_t)db_rows_int(rows, 6);
	status->rows = (uint64_t)db_rows_int(rows, 7);
	status->attempts = (int)db_rows_int(rows, 8);
	status->due_at = db_rows_int(rows, 9);
	status->detail = text(statuses, 10);
	status->address = text(statuses, 11);
	status->to_state = text(statuses, 12);
	status->to_attempts = (int)db_rows_int(rows, 13);
	status->to_due_at = db_rows_int(rows, 14);
	status->to_updated_at = db_rows_int(rows, 15);
	status->to_detail = text(statuses, 16);
	return 1;
}

void sent_status_close(struct sent_statuses **statuses)
{
	if (*statuses == NULL)
		return;
	db_rows_free(&(*statuses)->rows);
	free(*statuses);
	*statuses = NULL;
}
