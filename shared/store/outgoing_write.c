/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/outgoing_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utc.h"
#include "journal/results.h"
#include "store/columns.h"

#define MAX_ROW_BYTES ((size_t)4 * 1024 * 1024) /* of a row, read back */
#define DAY_SECONDS   (UTC_DAY - 1) /* begin and end are inclusive */

/*
 * Which rows are told: all with more than `least` messages, and the first `ties`
 * of those with exactly as many.
 */
struct choice {
	uint64_t least;
	uint64_t ties;
	char said[160]; /* in the report, about those that are not; or "" */
};

#define CHOOSE_ALL                                \
	{                                         \
		.least = 0, .ties = 0, .said = "" \
	}

struct writing {
	struct database *db;
	const struct outgoing *report;
	const char *report_id;
	const struct outgoing_sender *sender;
	struct report_sink *sink;
	struct outgoing_told *told;
	struct choice choice;

	struct arena *arena;       /* of the row at hand */
	struct span hash;          /* its key; p is NULL before the first */
	struct verdict_row stored; /* not read before it is told */
	struct report_row row;
};

static struct db_value db_hash(const struct outgoing *report)
{
	return db_bytes(report->policy.bytes, sizeof(report->policy.bytes));
}

/* -------------------------------------------------------------------- head */

static struct span maybe(const char *text)
{
	return text[0] == '\0' ? (struct span){ NULL, 0 } : span_of(text);
}

static void add_error(struct report_head *head, struct span text)
{
	if (text.n > 0)
		head->errors[head->n_errors++] = text;
}

static struct report_head make_head(const struct writing *w)
{
	const struct outgoing *report = w->report;
	const struct outgoing_sender *sender = w->sender;
	struct report_head head = {
		.dialect = sender->dialect,
		.org_name = span_of(sender->org_name),
		.email = span_of(sender->email),
		.extra_contact = maybe(sender->extra_contact),
		.report_id = span_of(w->report_id),
		.begin = report->day,
		.end = report->day + DAY_SECONDS,
		.generator = maybe(sender->generator),
		.policy_domain = span_of(report->policy_domain),
		.have_method = true,
		.method = report->method,
		.p = report->p,
		.sp = report->sp,
		.np = report->np,
		.adkim = report->adkim,
		.aspf = report->aspf,
		.pct = report->pct,
		.fo = report->fo,
		.testing = report->testing,
	};

	add_error(&head, report->faults); /* R7.7 */
	add_error(&head, span_of(w->choice.said));
	return head;
}

/* ---------------------------------------------------------------- max_rows */

/* The smallest of the max_rows largest rows, and how many of them are like it. */
static int find_least(struct writing *w, struct err *err)
{
	struct utc_text day = utc_date(w->report->day);
	const struct db_value values[] = {
		db_string(day.text), db_hash(w->report),
		db_int((int64_t)w->sender->max_rows)
	};
	struct db_rows *rows;
	int found;

	if (database_query(w->db,
			   "SELECT messages, COUNT(*) FROM (SELECT SUM(count) "
			   "AS messages FROM verdict_row "
			   "WHERE day = ? AND policy_hash = ? "
			   "GROUP BY row_hash ORDER BY messages DESC LIMIT ?) "
			   "AS largest GROUP BY messages ORDER BY messages "
			   "LIMIT 1",
			   values, 3, &rows, err) < 0)
		return -1;
	found = db_rows_next(rows, err);
	if (found > 0) {
		w->choice.least = (uint64_t)db_rows_int(rows, 0);
		w->choice.ties = (uint64_t)db_rows_int(rows, 1);
	}
	db_rows_free(&rows);
	return found < 0 ? -1 : 0;
}

/* How much that leaves out. */
static int
count_left_out(struct writing *w, struct outgoing_told *told, struct err *err)
{
	struct utc_text day = utc_date(w->report->day);
	const struct db_value values[] = { db_int((int64_t)w->choice.least),
					   db_int((int64_t)w->choice.least),
					   db_string(day.text),
					   db_hash(w->report) };
	struct db_rows *rows;
	int found;

	if (database_query(w->db,
			   "SELECT COUNT(*), COALESCE(SUM(messages), 0), "
			   "COALESCE(SUM(messages > ?), 0), "
			   "COALESCE(SUM(IF(messages > ?, messages, 0)), 0) "
			   "FROM (SELECT SUM(count) AS messages "
			   "FROM verdict_row WHERE day = ? AND policy_hash = ? "
			   "GROUP BY row_hash) AS grouped",
			   values, 4, &rows, err) < 0)
		return -1;
	found = db_rows_next(rows, err);
	if (found > 0) {
		told->rows = (uint64_t)db_rows_int(rows, 0);
		told->messages = (uint64_t)db_rows_int(rows, 1);
		told->rows_left_out = told->rows - w->choice.ties -
				      (uint64_t)db_rows_int(rows, 2);
		told->messages_left_out = told->messages -
					  w->choice.ties * w->choice.least -
					  (uint64_t)db_rows_int(rows, 3);
	}
	db_rows_free(&rows);
	return found < 0 ? -1 : 0;
}

static int choose(struct writing *w, struct err *err)
{
	struct outgoing_told all = { 0 };

	if (find_least(w, err) < 0 || count_left_out(w, &all, err) < 0)
		return -1;
	if (all.rows_left_out == 0)
		return 0;
	snprintf(w->choice.said, sizeof(w->choice.said),
		 "rows left out, those with the fewest messages: %" PRIu64
		 " of %" PRIu64 ", %" PRIu64 " of %" PRIu64 " messages",
		 all.rows_left_out, all.rows, all.messages_left_out,
		 all.messages);
	w->told->rows_left_out = all.rows_left_out;
	w->told->messages_left_out = all.messages_left_out;
	return 0;
}

/* -------------------------------------------------------------------- rows */

/* The JSON columns, as the journal's reader gives them, into the row. */
static int add_results(const struct verdict_row *stored, struct arena *arena,
		       struct report_row *row, struct err *err)
{
	struct results results;
	size_t i;

	if (results_parse(stored->reasons, stored->auth_results, arena,
			  &results, err) < 0)
		return -1;
	for (i = 0; i < results.n_reasons && i < MAX_ROW_REASONS; i++)
		row->reasons[row->n_reasons++] = (struct report_reason){
			results.reasons[i].type,
			maybe(results.reasons[i].comment)
		};
	for (i = 0; i < results.n_dkim && i < MAX_ROW_SIGNATURES; i++)
		row->dkim[row->n_dkim++] =
			(struct report_dkim){ span_of(results.dkim[i].domain),
					      span_of(results.dkim[i].selector),
					      results.dkim[i].result,
					      maybe(results.dkim[i].human) };
	/* Without a domain (HELO was an address literal) nothing was checked. */
	if (results.spf.known && results.spf.domain[0] != '\0')
		row->spf[row->n_spf++] =
			(struct report_spf){ span_of(results.spf.domain),
					     results.spf.scope,
					     results.spf.result,
					     { NULL, 0 } };
	return 0;
}

int outgoing_row_make(const struct verdict_row *stored, struct arena *arena,
		      struct report_row *row, struct err *err)
{
	report_row_clear(row);
	row->source_ip = column_address_shown(span_of(stored->source.text));
	row->count = (uint64_t)stored->count;
	(void)disposition_parse(span_of(stored->disposition),
				&row->disposition);
	row->dkim_aligned = stored->dkim_aligned;
	row->spf_aligned = stored->spf_aligned;
	row->header_from = stored->header_from;
	row->envelope_from = stored->envelope_from;
	if (stored->envelope_to.n > 0)
		row->envelope_to = stored->envelope_to;
	return add_results(stored, arena, row, err);
}

/* Columns as stream_rows() selects them, kept until the next row. */
static int
start_row(struct writing *w, const struct db_rows *rows, struct err *err)
{
	struct span address = db_rows_text(rows, 1);
	struct span disposition;
	struct verdict_row *row = &w->stored;

	arena_reset(w->arena);
	*row = (struct verdict_row){
		.header_from = arena_copy(w->arena, db_rows_text(rows, 6)),
		.envelope_from = arena_copy(w->arena, db_rows_text(rows, 7)),
		.reasons = arena_copy(w->arena, db_rows_text(rows, 8)),
		.auth_results = arena_copy(w->arena, db_rows_text(rows, 9)),
		.envelope_to = arena_copy(w->arena, db_rows_text(rows, 10)),
		.dkim_aligned = db_rows_int(rows, 4) != 0,
		.spf_aligned = db_rows_int(rows, 5) != 0,
	};
	w->hash = arena_copy(w->arena, db_rows_text(rows, 0));
	disposition = arena_copy(w->arena, db_rows_text(rows, 3));
	if (w->hash.p == NULL || disposition.p == NULL ||
	    row->header_from.p == NULL || row->envelope_from.p == NULL ||
	    row->reasons.p == NULL || row->auth_results.p == NULL ||
	    row->envelope_to.p == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	if (address.n >= sizeof(row->source.text))
		return err_set(err, ERR_INPUT, "source_ip: %zu characters",
			       address.n);
	memcpy(row->source.text, address.p, address.n);
	row->disposition = disposition.p;
	return 0;
}

static bool is_chosen(struct choice *choice, uint64_t count)
{
	if (count != choice->least)
		return count > choice->least;
	if (choice->ties == 0)
		return false;
	choice->ties--;
	return true;
}

/* Tell the row at hand, if there is one. */
static int end_row(struct writing *w, struct err *err)
{
	if (w->hash.p == NULL ||
	    !is_chosen(&w->choice, (uint64_t)w->stored.count))
		return 0;
	if (outgoing_row_make(&w->stored, w->arena, &w->row, err) < 0)
		return -1;
	w->told->rows++;
	w->told->messages += w->row.count;
	return w->sink->row(w->sink, &w->row, err);
}

/* What several machines saw of the same stands side by side. */
static int tell_rows(struct writing *w, struct db_rows *rows, struct err *err)
{
	int more;

	while ((more = db_rows_next(rows, err)) > 0) {
		if (w->hash.p == NULL ||
		    !span_equal(w->hash, db_rows_text(rows, 0))) {
			if (end_row(w, err) < 0 || start_row(w, rows, err) < 0)
				return -1;
		}
		w->stored.count += db_rows_int(rows, 2);
	}
	return more < 0 ? -1 : end_row(w, err);
}

static int stream_rows(struct writing *w, struct err *err)
{
	struct utc_text day = utc_date(w->report->day);
	const struct db_value values[] = { db_string(day.text),
					   db_hash(w->report) };
	struct db_rows *rows = NULL;
	int result;

	if (database_stream(w->db,
			    "SELECT row_hash, source_ip, count, disposition, "
			    "dkim_aligned, spf_aligned, header_from, "
			    "envelope_from, reasons, auth_results, "
			    "envelope_to FROM verdict_row WHERE day = ? AND "
			    "policy_hash = ? "
			    "ORDER BY day, policy_hash, row_hash, mta",
			    values, 2, &rows, err) < 0)
		return -1;
	result = tell_rows(w, rows, err);
	db_rows_free(&rows);
	return result;
}

/* ------------------------------------------------------------------ report */

static int write_chosen(struct writing *w, struct err *err)
{
	const struct report_head head = make_head(w);
	const struct report_end end = { .status = REPORT_OK,
					.reason = { "", 0 },
					.warnings = { "", 0 } };

	if (w->sink->begin(w->sink, SPAN(""), err) < 0 ||
	    w->sink->head(w->sink, &head, err) < 0 || stream_rows(w, err) < 0)
		return -1;
	return w->sink->end(w->sink, &end, err);
}

/* One view of the table: what is counted is what is told. */
static int choose_and_write(struct database *db, void *context, struct err *err)
{
	struct writing *w = context;

	(void)db;
	if (choose(w, err) < 0)
		return -1;
	return write_chosen(w, err);
}

int outgoing_write(struct database *db, const struct outgoing *report,
		   const char *report_id, const struct outgoing_sender *sender,
		   struct report_sink *sink, struct outgoing_told *told,
		   struct err *err)
{
	const struct writing start = { .db = db,
				       .report = report,
				       .report_id = report_id,
				       .sender = sender,
				       .sink = sink,
				       .told = told,
				       .choice = CHOOSE_ALL };
	struct writing *w = malloc(sizeof(*w));
	int result = -1;

	*told = (struct outgoing_told){ 0 };
	if (w == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	*w = start;
	w->arena = arena_new(MAX_ROW_BYTES);
	if (w->arena == NULL)
		err_set(err, ERR_LIMIT, "out of memory");
	else if (report->stored_rows <= sender->max_rows)
		result = write_chosen(w, err);
	else
		result = database_snapshot(db, choose_and_write, w, err);
	arena_free(&w->arena);
	free(w);
	return result;
}
