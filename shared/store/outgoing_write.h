/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * outgoing_write.h - one report, from the rows of the day to who writes it down
 *
 * The document is about one policy domain and one configuration of its record
 * (R7.1, R8.11). Rows are told apart by source, what was decided, identifiers and
 * results (R7.2); what several machines saw of the same is one row. Neither pct
 * nor t takes anything out of it (R7.9).
 */
#ifndef EDMARC_STORE_OUTGOING_WRITE_H
#define EDMARC_STORE_OUTGOING_WRITE_H

#include <stdint.h>

#include "base/attributes.h"
#include "base/err.h"
#include "report/aggregate.h"
#include "store/database.h"
#include "store/outgoing.h"
#include "store/verdicts.h"

/* How it is said, and by whom: report_metadata. */
struct outgoing_sender {
	enum report_dialect dialect;
	const char *org_name;
	const char *email;
	const char *extra_contact; /* or "" */
	const char *generator;
	uint64_t max_rows; /* 1 or more */
};

/* What the document holds, and what max_rows kept out of it. */
struct outgoing_told {
	uint64_t messages;
	uint64_t rows;
	uint64_t messages_left_out;
	uint64_t rows_left_out;
};

/*
 * Tell the report to sink: head, rows in the order of their key, end. Of more
 * than max_rows rows those with the most messages are told (of equal ones, the
 * first by their key, so that the choice is the same each time), and an error
 * element of the head says how many are not. Needs memory for one row, whatever
 * their number. The connection can do nothing else until it returns.
 */
MUST_CHECK int
outgoing_write(struct database *db, const struct outgoing *report,
	       const char *report_id, const struct outgoing_sender *sender,
	       struct report_sink *sink, struct outgoing_told *told,
	       struct err *err);

/*
 * A row as the tables have it, as a row of a report. It points into *stored and
 * the arena; ERR_INPUT when the JSON columns cannot be read.
 */
MUST_CHECK int outgoing_row_make(const struct verdict_row *stored,
				 struct arena *arena, struct report_row *row,
				 struct err *err);

#endif
