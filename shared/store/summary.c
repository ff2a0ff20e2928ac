/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/summary.h"

#include <stdlib.h>
#include <string.h>

#include "store/columns.h"
#include "store/mails.h"

/*
 * All answers are in the order of the domain, so that they can be read side by
 * side. An answer is one row ahead: whether it belongs to the domain in hand is
 * only known when it has been read.
 */
struct answer {
	struct db_rows *rows;
	int more; /* 1: there is a row, 0: at the end */
};

struct summary {
	struct answer domains;
	struct answer sources;
	struct answer reporters;
	struct answer reports;
};

/* What one row of an answer becomes, and how large that is. */
struct kind {
	size_t size;
	bool (*read)(const struct db_rows *rows, struct arena *arena,
		     void *item);
};

#define IN_TIME   "r.complete = 1 AND r.end_at > ? AND r.end_at <= ? "
#define OF_DOMAIN "AND r.policy_domain = ? "

/* The same question about one domain and about all. */
#define BOTH(before, behind)                                           \
	{                                                              \
		before IN_TIME behind, before IN_TIME OF_DOMAIN behind \
	}

static const char *const domains_sql[2] =
	BOTH("SELECT r.policy_domain, COUNT(*), SUM(r.messages), "
	     "SUM(r.compliant), SUM(r.quarantined), SUM(r.rejected), "
	     "SUM(r.spf_passed), SUM(r.dkim_passed), "
	     "SUM(r.authenticated <> 'yes'), "
	     "SUM(IF(r.authenticated <> 'yes', r.messages, 0)), "
	     "SUM(r.overlaps) "
	     "FROM received_report r WHERE ",
	     "GROUP BY r.policy_domain ORDER BY r.policy_domain");
static const char *const sources_sql[2] =
	BOTH("SELECT r.policy_domain, w.source_ip, SUM(w.count) AS n "
	     "FROM received_report r JOIN received_row w ON w.report = r.id "
	     "WHERE (w.dkim_aligned = 1 OR w.spf_aligned = 1) AND ",
	     "GROUP BY r.policy_domain, w.source_ip "
	     "ORDER BY r.policy_domain, n DESC, w.source_ip");
static const char *const reporters_sql[2] =
	BOTH("SELECT r.policy_domain, r.reporter, COUNT(*), "
	     "SUM(r.messages) AS n FROM received_report r WHERE ",
	     "GROUP BY r.policy_domain, r.reporter "
	     "ORDER BY r.policy_domain, n DESC, r.reporter");
static const char *const reports_sql[2] =
	BOTH("SELECT r.policy_domain, r.reporter, r.report_id, r.begin_at, "
	     "r.end_at, r.messages, r.authenticated, r.auth_domain, "
	     "r.overlaps FROM received_report r WHERE ",
	     "ORDER BY r.policy_domain, r.begin_at, r.reporter, r.id");

static int next_row(struct answer *answer, struct err *err)
{
	answer->more = db_rows_next(answer->rows, err);
	return answer->more < 0 ? -1 : 0;
}

static int ask(struct database *db, const struct summary_question *question,
	       const char *const sql[2], struct answer *answer, struct err *err)
{
	struct db_value values[] = { db_int(question->after),
				     db_int(question->until),
				     db_string(question->domain) };
	bool one = question->domain != NULL;

	if (database_query(db, sql[one], values, one ? 3 : 2, &answer->rows,
			   err) < 0)
		return -1;
	return next_row(answer, err);
}

int summary_open(struct database *db, const struct summary_question *question,
		 struct summary **summary, struct err *err)
{
	struct summary *new = calloc(1, sizeof(*new));

	*summary = NULL;
	if (new == NULL)
		return err_set(err, ERR_TEMP, "out of memory");
	if (ask(db, question, domains_sql, &new->domains, err) == 0 &&
	    (!question->details ||
	     (ask(db, question, sources_sql, &new->sources, err) == 0 &&
	      ask(db, question, reporters_sql, &new->reporters, err) == 0 &&
	      ask(db, question, reports_sql, &new->reports, err) == 0))) {
		*summary = new;
		return 0;
	}
	summary_close(&new);
	return -1;
}

void summary_close(struct summary **summary)
{
	if (*summary == NULL)
		return;
	db_rows_free(&(*summary)->domains.rows);
	db_rows_free(&(*summary)->sources.rows);
	db_rows_free(&(*summary)->reporters.rows);
	db_rows_free(&(*summary)->reports.rows);
	free(*summary);
	*summary = NULL;
}

/* ------------------------------------------------------- rows become values */

static bool copy_text(const struct db_rows *rows, size_t column,
		      struct arena *arena, struct span *text)
{
	*text = arena_copy(arena, db_rows_text(rows, column));
	return text->p != NULL;
}

static bool
read_source(const struct db_rows *rows, struct arena *arena, void *item)
{
	struct summary_source *source = item;

	source->messages = db_rows_int(rows, 2);
	if (!copy_text(rows, 1, arena, &source->address))
		return false;
	source->address = column_address_shown(source->address);
	return true;
}

static bool
read_reporter(const struct db_rows *rows, struct arena *arena, void *item)
{
	struct summary_reporter *reporter = item;

	reporter->reports = db_rows_int(rows, 2);
	reporter->messages = db_rows_int(rows, 3);
	return copy_text(rows, 1, arena, &reporter->name);
}

static bool
read_report(const struct db_rows *rows, struct arena *arena, void *item)
{
	struct summary_report *report = item;

	report->begin = db_rows_int(rows, 3);
	report->end = db_rows_int(rows, 4);
	report->messages = db_rows_int(rows, 5);
	report->overlaps = db_rows_int(rows, 8) != 0;
	return copy_text(rows, 1, arena, &report->reporter) &&
	       copy_text(rows, 2, arena, &report->report_id) &&
	       copy_text(rows, 6, arena, &report->authenticated) &&
	       copy_text(rows, 7, arena, &report->auth_domain);
}

static const struct kind source_kind = { sizeof(struct summary_source),
					 read_source };
static const struct kind reporter_kind = { sizeof(struct summary_reporter),
					   read_reporter };
static const struct kind report_kind = { sizeof(struct summary_report),
					 read_report };

static void read_sums(const struct db_rows *rows, struct summary_sums *sums)
{
	*sums = (struct summary_sums){
		.reports = db_rows_int(rows, 1),
		.messages = db_rows_int(rows, 2),
		.compliant = db_rows_int(rows, 3),
		.quarantined = db_rows_int(rows, 4),
		.rejected = db_rows_int(rows, 5),
		.spf_passed = db_rows_int(rows, 6),
		.dkim_passed = db_rows_int(rows, 7),
		.unauthenticated_reports = db_rows_int(rows, 8),
		.unauthenticated_messages = db_rows_int(rows, 9),
		.overlapping_reports = db_rows_int(rows, 10),
	};
	sums->spf_failed = sums->messages - sums->spf_passed;
	sums->dkim_failed = sums->messages - sums->dkim_passed;
}

/* An array in an arena, twice as long whenever it is full. */
static void *grow(struct arena *arena, void *items, size_t n, size_t size)
{
	void *larger;

	if (n != 0 && (n & (n - 1)) != 0)
		return items; /* full at powers of two only */
	larger = arena_array(arena, n == 0 ? 1 : 2 * n, size);
	if (larger != NULL && n > 0)
		memcpy(larger, items, n * size);
	return larger;
}

/* All rows of the answer that belong to the domain. */
static int take(struct answer *answer, const struct kind *kind,
		struct span domain, struct arena *arena, void **items,
		size_t *n, struct err *err)
{
	*items = NULL;
	for (*n = 0; answer->more > 0 &&
		     span_equal(db_rows_text(answer->rows, 0), domain);
	     (*n)++) {
		*items = grow(arena, *items, *n, kind->size);
		if (*items == NULL ||
		    !kind->read(answer->rows, arena,
				(char *)*items + *n * kind->size))
			return err_set(err, ERR_LIMIT, "out of memory");
		if (next_row(answer, err) < 0)
			return -1;
	}
	return 0;
}

int summary_next(struct summary *summary, struct arena *arena,
		 struct summary_domain *domain, struct err *err)
{
	struct summary_domain next = { 0 };
	void *sources, *reporters, *reports;

	if (summary->domains.more == 0)
		return 0;
	if (!copy_text(summary->domains.rows, 0, arena, &next.domain))
		return err_set(err, ERR_LIMIT, "out of memory");
	read_sums(summary->domains.rows, &next.sums);
	if (next_row(&summary->domains, err) < 0 ||
	    take(&summary->sources, &source_kind, next.domain, arena, &sources,
		 &next.n_sources, err) < 0 ||
	    take(&summary->reporters, &reporter_kind, next.domain, arena,
		 &reporters, &next.n_reporters, err) < 0 ||
	    take(&summary->reports, &report_kind, next.domain, arena, &reports,
		 &next.n_reports, err) < 0)
		return -1;
	next.sources = sources;
	next.reporters = reporters;
	next.reports = reports;
	*domain = next;
	return 1;
}

int summary_set_aside(struct database *db, int64_t *mails, struct err *err)
{
	return database_number(db,
			       "SELECT COUNT(*) FROM received_mail "
			       "WHERE set_aside = 1 "
			       "AND name NOT LIKE '" IMPORTED_NAME "%'",
			       NULL, 0, mails, err);
}

/* Anybody can report impossible numbers, and they must not become small ones. */
static void add(int64_t *sum, int64_t more)
{
	if (__builtin_add_overflow(*sum, more, sum))
		*sum = INT64_MAX;
}

void summary_add(struct summary_sums *sums, const struct summary_sums *more)
{
	add(&sums->reports, more->reports);
	add(&sums->messages, more->messages);
	add(&sums->compliant, more->compliant);
	add(&sums->quarantined, more->quarantined);
	add(&sums->rejected, more->rejected);
	add(&sums->spf_passed, more->spf_passed);
	add(&sums->spf_failed, more->spf_failed);
	add(&sums->dkim_passed, more->dkim_passed);
	add(&sums->dkim_failed, more->dkim_failed);
	add(&sums->unauthenticated_reports, more->unauthenticated_reports);
	add(&sums->unauthenticated_messages, more->unauthenticated_messages);
	add(&sums->overlapping_reports, more->overlapping_reports);
}
