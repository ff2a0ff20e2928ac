/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/summary_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/quote.h"
#include "base/utc.h"
#include "edmarc/csv.h"

#define NAME_WIDTH     22 /* of the table; with the numbers 80 columns */
#define PERIOD_WIDTH   35
#define REPORTER_WIDTH 30
#define WIDE_NAME      44

struct text {
	char text[300];
};

/* ------------------------------------------------------------------ numbers */

struct summary_number summary_number(int64_t number)
{
	static const char units[] = { '\0', 'k', 'M', 'G', 'T', 'P' };
	struct summary_number out = { "" };
	size_t unit = 0;

	while (number >= 10000000 && unit + 1 < sizeof(units)) {
		number /= 1000;
		unit++;
	}
	if (number >= 1000000)
		(void)snprintf(out.text, sizeof(out.text),
			       "%" PRId64 ",%03d,%03d%c", number / 1000000,
			       (int)(number / 1000 % 1000),
			       (int)(number % 1000), units[unit]);
	else if (number >= 1000)
		(void)snprintf(out.text, sizeof(out.text), "%" PRId64 ",%03d%c",
			       number / 1000, (int)(number % 1000),
			       units[unit]);
	else
		(void)snprintf(out.text, sizeof(out.text), "%" PRId64 "%c",
			       number, units[unit]);
	return out;
}

/* Nearest, but never up to 100: one bad message in a million counts. */
static struct text percent(int64_t part, int64_t whole)
{
	struct text out = { "-" };
	int64_t tenths;

	if (whole <= 0)
		return out;
	tenths = (int64_t)((double)part / (double)whole * 1000.0 + 0.5);
	if (part == whole)
		tenths = 1000;
	else if (tenths > 999)
		tenths = 999;
	(void)snprintf(out.text, sizeof(out.text), "%" PRId64 ".%" PRId64 "%%",
		       tenths / 10, tenths % 10);
	return out;
}

/* -------------------------------------------------------------------- text */

/* A domain that is too long loses its beginning: the end says whose it is. */
static struct text cut_domain(struct span domain, size_t width)
{
	struct quoted shown = quote(domain);
	size_t n = strlen(shown.text);
	struct text out;

	if (n <= width)
		(void)snprintf(out.text, sizeof(out.text), "%s", shown.text);
	else
		(void)snprintf(out.text, sizeof(out.text), "...%s",
			       shown.text + n - (width - 3));
	return out;
}

static struct text cut_name(struct span name, size_t width)
{
	struct quoted shown = quote(name);
	struct text out;

	if (strlen(shown.text) <= width)
		(void)snprintf(out.text, sizeof(out.text), "%s", shown.text);
	else
		(void)snprintf(out.text, sizeof(out.text), "%.*s...",
			       (int)width - 3, shown.text);
	return out;
}

static const char *plural(int64_t n)
{
	return n == 1 ? "" : "s";
}

static void table_head(struct summary_print *print)
{
	buf_addf(print->out, "%-*s %10s %10s %9s %9s %6s %6s\n", NAME_WIDTH,
		 "Domain", "Messages", "Compliant", "Quarant.", "Rejected",
		 "SPF", "DKIM");
}

static void table_row(struct summary_print *print, const char *name,
		      const struct summary_sums *sums)
{
	buf_addf(print->out, "%-*s %10s %10s %9s %9s %6s %6s\n", NAME_WIDTH,
		 name, summary_number(sums->messages).text,
		 summary_number(sums->compliant).text,
		 summary_number(sums->quarantined).text,
		 summary_number(sums->rejected).text,
		 percent(sums->spf_passed, sums->messages).text,
		 percent(sums->dkim_passed, sums->messages).text);
}

static void text_start(struct summary_print *print)
{
	buf_addf(print->out, "DMARC reports of the last %d day%s, until %s\n\n",
		 print->days, plural(print->days), utc_stamp(print->now).text);
	if (!print->one)
		table_head(print);
}

static void number_line(struct summary_print *print, const char *what,
			int64_t part, int64_t whole)
{
	buf_addf(print->out, "  %-12s %10s  %6s\n", what,
		 summary_number(part).text, percent(part, whole).text);
}

static void both_line(struct summary_print *print, const char *what,
		      int64_t passed, int64_t failed)
{
	buf_addf(print->out, "  %-12s %10s  %6s passed, %s failed\n", what,
		 summary_number(passed).text,
		 percent(passed, passed + failed).text,
		 summary_number(failed).text);
}

static void
text_sums(struct summary_print *print, const struct summary_sums *sums)
{
	buf_addf(print->out, "  %-12s %10s\n", "Messages",
		 summary_number(sums->messages).text);
	number_line(print, "Compliant", sums->compliant, sums->messages);
	number_line(print, "Quarantined", sums->quarantined, sums->messages);
	number_line(print, "Rejected", sums->rejected, sums->messages);
	both_line(print, "SPF", sums->spf_passed, sums->spf_failed);
	both_line(print, "DKIM", sums->dkim_passed, sums->dkim_failed);
}

static void
text_sources(struct summary_print *print, const struct summary_domain *domain)
{
	int64_t rest = 0;
	size_t i;

	buf_addf(print->out, "\nSources of compliant messages (%zu)\n",
		 domain->n_sources);
	for (i = 0; i < domain->n_sources; i++) {
		const struct summary_source *source = &domain->sources[i];

		if (i >= SUMMARY_SHOWN_SOURCES)
			rest += source->messages;
		else
			buf_addf(print->out, "  %-*s %10s\n", WIDE_NAME,
				 cut_name(source->address, WIDE_NAME).text,
				 summary_number(source->messages).text);
	}
	if (i > SUMMARY_SHOWN_SOURCES) {
		struct text more;

		(void)snprintf(more.text, sizeof(more.text), "and %zu more",
			       i - SUMMARY_SHOWN_SOURCES);
		buf_addf(print->out, "  %-*s %10s\n", WIDE_NAME, more.text,
			 summary_number(rest).text);
	}
}

static void
text_reporters(struct summary_print *print, const struct summary_domain *domain)
{
	size_t i;

	buf_addf(print->out, "\n%-*s %10s %9s\n", WIDE_NAME + 2, "Reporters",
		 "Messages", "Reports");
	for (i = 0; i < domain->n_reporters; i++) {
		const struct summary_reporter *reporter = &domain->reporters[i];

		buf_addf(print->out, "  %-*s %10s %9s\n", WIDE_NAME,
			 cut_name(reporter->name, WIDE_NAME).text,
			 summary_number(reporter->messages).text,
			 summary_number(reporter->reports).text);
	}
}

/* "2026-11-22" for a UTC day, otherwise from when to when, by the minute. */
static struct text period(const struct summary_report *report)
{
	struct utc_text begin = utc_stamp(report->begin);
	struct utc_text end = utc_stamp(report->end);
	struct text out;

	if (report->begin == utc_day_begin(report->begin) &&
	    report->end - report->begin >= UTC_DAY - 1 &&
	    report->end - report->begin <= UTC_DAY)
		(void)snprintf(out.text, sizeof(out.text), "%.10s", begin.text);
	else
		(void)snprintf(out.text, sizeof(out.text),
			       "%.10s %.5s - %.10s %.5s", begin.text,
			       begin.text + 11, end.text, end.text + 11);
	return out;
}

/* The newest ones; the list has the oldest first. */
static void
text_reports(struct summary_print *print, const struct summary_domain *domain)
{
	size_t i, first = 0;

	buf_addf(print->out, "\n%-*s %-*s %9s\n", PERIOD_WIDTH + 2, "Reports",
		 REPORTER_WIDTH, "Reporter", "Messages");
	if (domain->n_reports > SUMMARY_SHOWN_REPORTS) {
		first = domain->n_reports - SUMMARY_SHOWN_REPORTS;
		buf_addf(print->out, "  %zu older ones, then\n", first);
	}
	for (i = first; i < domain->n_reports; i++) {
		const struct summary_report *report = &domain->reports[i];

		buf_addf(print->out, "  %-*s %-*s %9s%s\n", PERIOD_WIDTH,
			 period(report).text, REPORTER_WIDTH,
			 cut_name(report->reporter, REPORTER_WIDTH).text,
			 summary_number(report->messages).text,
			 report->overlaps ? " *" : "");
	}
}

/* The mark of those that are listed is explained here. */
static void
text_overlaps(struct summary_print *print, const struct summary_sums *sums)
{
	if (sums->overlapping_reports == 0)
		return;
	buf_addf(print->out,
		 "\n%s%s report%s cover%s a time that another of the same "
		 "reporter covers\nas well: messages may be counted twice.\n",
		 print->one ? "* " : "",
		 summary_number(sums->overlapping_reports).text,
		 plural(sums->overlapping_reports),
		 sums->overlapping_reports == 1 ? "s" : "");
}

/* What of these sums came from somebody who may not be the reporter? */
static void
text_apart(struct summary_print *print, const struct summary_sums *sums)
{
	if (!print->apart || sums->unauthenticated_reports == 0)
		return;
	buf_addf(print->out,
		 "\nOf these, %s message%s in %s report%s came by mail that is "
		 "not known\nto have passed DMARC for the reporter's domain.\n",
		 summary_number(sums->unauthenticated_messages).text,
		 plural(sums->unauthenticated_messages),
		 summary_number(sums->unauthenticated_reports).text,
		 plural(sums->unauthenticated_reports));
}

static void
text_domain(struct summary_print *print, const struct summary_domain *domain)
{
	if (!print->one) {
		table_row(print, cut_domain(domain->domain, NAME_WIDTH).text,
			  &domain->sums);
		return;
	}
	buf_addf(print->out, "%s\n\n", cut_domain(domain->domain, 78).text);
	text_sums(print, &domain->sums);
	if (domain->sums.reports == 0) {
		buf_add_string(print->out, "\nNo reports.\n");
		return;
	}
	text_sources(print, domain);
	text_reporters(print, domain);
	text_reports(print, domain);
	text_overlaps(print, &domain->sums);
	text_apart(print, &domain->sums);
}

static void text_end(struct summary_print *print, int64_t set_aside)
{
	if (!print->one && print->domains == 0)
		buf_add_string(print->out, "No reports.\n");
	if (!print->one && print->domains > 1) {
		struct text name;

		(void)snprintf(name.text, sizeof(name.text), "%zu domains",
			       print->domains);
		table_row(print, name.text, &print->total);
	}
	if (!print->one) {
		text_overlaps(print, &print->total);
		text_apart(print, &print->total);
	}
	if (set_aside > 0)
		buf_addf(print->out,
			 "\n%s mail%s set aside; see edmarc rejected list\n",
			 summary_number(set_aside).text,
			 set_aside == 1 ? " is" : "s are");
}

/* -------------------------------------------------------------------- JSON */

static void json_sums(struct json *json, const struct summary_sums *sums)
{
	json_key_int(json, "messages", sums->messages);
	json_key_int(json, "compliant", sums->compliant);
	json_key_int(json, "quarantined", sums->quarantined);
	json_key_int(json, "rejected", sums->rejected);
	json_key_int(json, "spf_passed", sums->spf_passed);
	json_key_int(json, "spf_failed", sums->spf_failed);
	json_key_int(json, "dkim_passed", sums->dkim_passed);
	json_key_int(json, "dkim_failed", sums->dkim_failed);
	json_key_int(json, "unauthenticated_reports",
		     sums->unauthenticated_reports);
	json_key_int(json, "unauthenticated_messages",
		     sums->unauthenticated_messages);
	json_key_int(json, "overlapping_reports", sums->overlapping_reports);
}

static void json_start(struct summary_print *print)
{
	struct json json = JSON_INIT(print->out);

	json_open(&json, '{');
	json_key_int(&json, "days", print->days);
	json_key_int(&json, "until", print->now);
	json_key(&json, "domains");
	json_open(&json, '[');
}

static void json_sources(struct json *json, const struct summary_domain *domain)
{
	size_t i;

	json_key(json, "sources");
	json_open(json, '[');
	for (i = 0; i < domain->n_sources; i++) {
		json_open(json, '{');
		json_key_text(json, "ip", domain->sources[i].address);
		json_key_int(json, "messages", domain->sources[i].messages);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void
json_reporters(struct json *json, const struct summary_domain *domain)
{
	size_t i;

	json_key(json, "reporters");
	json_open(json, '[');
	for (i = 0; i < domain->n_reporters; i++) {
		const struct summary_reporter *reporter = &domain->reporters[i];

		json_open(json, '{');
		json_key_text(json, "name", reporter->name);
		json_key_int(json, "reports", reporter->reports);
		json_key_int(json, "messages", reporter->messages);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void json_reports(struct json *json, const struct summary_domain *domain)
{
	size_t i;

	json_key(json, "reports");
	json_open(json, '[');
	for (i = 0; i < domain->n_reports; i++) {
		const struct summary_report *report = &domain->reports[i];

		json_open(json, '{');
		json_key_text(json, "reporter", report->reporter);
		json_key_text(json, "report_id", report->report_id);
		json_key_int(json, "begin", report->begin);
		json_key_int(json, "end", report->end);
		json_key_int(json, "messages", report->messages);
		json_key_text(json, "authenticated", report->authenticated);
		json_key_text(json, "auth_domain", report->auth_domain);
		json_key_bool(json, "overlaps", report->overlaps);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void
json_domain(struct summary_print *print, const struct summary_domain *domain)
{
	struct json json = JSON_INIT(print->out);

	json.comma = print->domains > 1;
	json_open(&json, '{');
	json_key_text(&json, "domain", domain->domain);
	json_sums(&json, &domain->sums);
	json_sources(&json, domain);
	json_reporters(&json, domain);
	json_reports(&json, domain);
	json_close(&json, '}');
}

static void json_end(struct summary_print *print, int64_t set_aside)
{
	struct json json = JSON_INIT(print->out);

	json_close(&json, ']');
	json_key(&json, "total");
	json_open(&json, '{');
	json_key_int(&json, "reports", print->total.reports);
	json_sums(&json, &print->total);
	json_close(&json, '}');
	json_key_int(&json, "set_aside", set_aside);
	json_close(&json, '}');
	buf_add_char(print->out, '\n');
}

/* --------------------------------------------------------------------- CSV */

/*
 * One table for all: kind says what a line is, and what a kind does not have
 * stays empty.
 */
static const char csv_head[] =
	"kind,domain,name,report_id,begin,end,reports,messages,compliant,"
	"quarantined,rejected,spf_passed,spf_failed,dkim_passed,"
	"dkim_failed,unauthenticated_reports,unauthenticated_messages,"
	"overlapping_reports,authenticated,auth_domain\r\n";

static void csv_sums(struct buf *out, const char *kind, struct span domain,
		     const struct summary_sums *sums)
{
	buf_addf(out, "%s,", kind);
	csv_text(out, domain);
	buf_addf(out,
		 ",,,,,%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64
		 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64
		 ",%" PRId64 ",%" PRId64 ",,\r\n",
		 sums->reports, sums->messages, sums->compliant,
		 sums->quarantined, sums->rejected, sums->spf_passed,
		 sums->spf_failed, sums->dkim_passed, sums->dkim_failed,
		 sums->unauthenticated_reports, sums->unauthenticated_messages,
		 sums->overlapping_reports);
}

static void csv_name(struct buf *out, const char *kind, struct span domain,
		     struct span name)
{
	buf_addf(out, "%s,", kind);
	csv_text(out, domain);
	buf_add_char(out, ',');
	csv_text(out, name);
	buf_add_char(out, ',');
}

static void
csv_domain(struct summary_print *print, const struct summary_domain *domain)
{
	struct buf *out = print->out;
	size_t i;

	csv_sums(out, "domain", domain->domain, &domain->sums);
	for (i = 0; i < domain->n_sources; i++) {
		csv_name(out, "source", domain->domain,
			 domain->sources[i].address);
		buf_addf(out, ",,,,,%" PRId64 ",,,,,,,,,,,\r\n",
			 domain->sources[i].messages);
	}
	for (i = 0; i < domain->n_reporters; i++) {
		csv_name(out, "reporter", domain->domain,
			 domain->reporters[i].name);
		buf_addf(out, ",,,%" PRId64 ",%" PRId64 ",,,,,,,,,,,,\r\n",
			 domain->reporters[i].reports,
			 domain->reporters[i].messages);
	}
	for (i = 0; i < domain->n_reports; i++) {
		const struct summary_report *report = &domain->reports[i];

		csv_name(out, "report", domain->domain, report->reporter);
		csv_text(out, report->report_id);
		buf_addf(out,
			 ",%" PRId64 ",%" PRId64 ",,%" PRId64
			 ",,,,,,,,,,%d,%.*s,",
			 report->begin, report->end, report->messages,
			 report->overlaps, SPAN_ARGS(report->authenticated));
		csv_text(out, report->auth_domain);
		buf_add_string(out, "\r\n");
	}
}

static void csv_end(struct summary_print *print, int64_t set_aside)
{
	csv_sums(print->out, "total", SPAN(""), &print->total);
	buf_addf(print->out, "set_aside,\"\",,,,,,%" PRId64 ",,,,,,,,,,,,\r\n",
		 set_aside);
}

/* --------------------------------------------------------------- all formats */

void summary_print_start(struct summary_print *print)
{
	switch (print->format) {
	case FORMAT_TEXT:
		text_start(print);
		break;
	case FORMAT_JSON:
		json_start(print);
		break;
	case FORMAT_CSV:
		buf_add_string(print->out, csv_head);
		break;
	}
}

void summary_print_domain(struct summary_print *print,
			  const struct summary_domain *domain)
{
	print->domains++;
	summary_add(&print->total, &domain->sums);
	switch (print->format) {
	case FORMAT_TEXT:
		text_domain(print, domain);
		break;
	case FORMAT_JSON:
		json_domain(print, domain);
		break;
	case FORMAT_CSV:
		csv_domain(print, domain);
		break;
	}
}

void summary_print_end(struct summary_print *print, int64_t set_aside)
{
	switch (print->format) {
	case FORMAT_TEXT:
		text_end(print, set_aside);
		break;
	case FORMAT_JSON:
		json_end(print, set_aside);
		break;
	case FORMAT_CSV:
		csv_end(print, set_aside);
		break;
	}
}
