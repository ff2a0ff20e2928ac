/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/history.h"

#include "base/utc.h"

int history_is_good(struct database *db, const char *policy_domain, int64_t day,
		    int days, bool *good, struct err *err)
{
	const struct utc_text last = utc_date(day);
	const struct db_value values[] = { db_string(last.text),
					   db_string(policy_domain),
					   db_int(days) };
	int64_t found = 0;

	/* A seek by (day, policy_hash) for each day and each of its policies. */
	if (database_number(db,
			    "SELECT STRAIGHT_JOIN 1 FROM verdict_policy p "
			    "JOIN seq_0_to_36500 s JOIN verdict_row r "
			    "ON r.day = CAST(? AS DATE) - INTERVAL s.seq DAY "
			    "AND r.policy_hash = p.policy_hash "
			    "WHERE p.policy_domain = ? AND s.seq < ? "
			    "AND (r.result = 'pass' OR r.disposition NOT IN "
			    "('quarantine', 'reject')) LIMIT 1",
			    values, 3, &found, err) < 0)
		return -1;
	*good = found != 0;
	return 0;
}
