/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/send_print.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/quote.h"
#include "base/utc.h"
#include "edmarc/csv.h"

static const struct send_print_to nobody = { .address = "",
					     .state = "",
					     .detail = "" };

/* ---------------------------------------------------------------------- JSON */

static void json_time(struct json *json, const char *key, int64_t time)
{
	if (time > 0)
		json_key_string(json, key, utc_stamp(time).text);
	else
		json_key_text(json, key, (struct span){ NULL, 0 });
}

static void json_report(struct send_print *print)
{
	const struct send_print_report *report = print->report;
	struct json json = JSON_INIT(print->out);

	if (print->have_report)
		buf_add_char(print->out, ',');
	json_open(&json, '{');
	json_key_string(&json, "day", utc_date(report->day).text);
	json_key_string(&json, "policy_domain", report->policy_domain);
	json_key_string(&json, "report_id", report->report_id);
	json_key_string(&json, "state", report->state);
	json_key_uint(&json, "messages", report->messages);
	json_key_uint(&json, "late_messages", report->late);
	json_key_uint(&json, "rows", report->rows);
	json_key_int(&json, "attempts", report->attempts);
	json_time(&json, "due", report->due_at);
	json_key_string(&json, "detail", report->detail);
	json_key(&json, "destinations");
	json_open(&json, '[');
}

static void json_to(struct send_print *print, const struct send_print_to *to)
{
	struct json json = JSON_INIT(print->out);

	if (print->have_to)
		buf_add_char(print->out, ',');
	json_open(&json, '{');
	json_key_string(&json, "address", to->address);
	json_key_string(&json, "state", to->state);
	json_key_int(&json, "attempts", to->attempts);
	json_time(&json, "due", to->due_at);
	json_time(&json, "updated", to->updated_at);
	json_key_string(&json, "detail", to->detail);
	json_close(&json, '}');
}

static void json_day(struct json *json, const struct send_print_day *day)
{
	json_open(json, '{');
	json_key_string(json, "day", utc_date(day->day).text);
	json_key_uint(json, "planned", day->planned);
	json_key_uint(json, "sent", day->sent);
	json_key_uint(json, "skipped", day->skipped);
	json_key_uint(json, "postponed", day->postponed);
	json_key_uint(json, "failed", day->failed);
	json_key_uint(json, "waiting", day->waiting);
	json_key_uint(json, "late_messages", day->late);
	json_close(json, '}');
}

/* ----------------------------------------------------------------------- CSV */

static void cell(struct buf *out, const char *text)
{
	buf_add_char(out, ',');
	csv_text(out, span_of(text));
}

static void time_cell(struct buf *out, int64_t time)
{
	buf_add_char(out, ',');
	if (time > 0)
		buf_add_string(out, utc_stamp(time).text);
}

static void csv_line(struct send_print *print, const struct send_print_to *to)
{
	const struct send_print_report *report = print->report;
	struct buf *out = print->out;

	buf_add_string(out, utc_date(report->day).text);
	cell(out, report->policy_domain);
	cell(out, report->report_id);
	cell(out, report->state);
	buf_addf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%d",
		 report->messages, report->late, report->rows,
		 report->attempts);
	time_cell(out, report->due_at);
	cell(out, report->detail);
	cell(out, to->address);
	cell(out, to->state);
	buf_addf(out, ",%d", to->attempts);
	time_cell(out, to->due_at);
	time_cell(out, to->updated_at);
	cell(out, to->detail);
	buf_add_char(out, '\n');
}

/* ---------------------------------------------------------------------- text */

static void text_why(struct buf *out, int64_t due_at, const char *detail)
{
	if (due_at > 0)
		buf_addf(out, ", next %s", utc_stamp(due_at).text);
	if (detail[0] != '\0')
		buf_addf(out, ": %s", quote(span_of(detail)).text);
	buf_add_char(out, '\n');
}

static void text_report(struct send_print *print)
{
	const struct send_print_report *report = print->report;

	print->shown = print->all || !report->fine;
	if (!print->shown)
		return;
	buf_addf(print->out, "%s  %s  %" PRIu64 " messages",
		 utc_date(report->day).text,
		 quote(span_of(report->policy_domain)).text, report->messages);
	if (report->late > 0)
		buf_addf(print->out, " and %" PRIu64 " late", report->late);
	buf_addf(print->out, "  %s", report->state);
	text_why(print->out, report->due_at, report->detail);
}

static void text_to(struct send_print *print, const struct send_print_to *to)
{
	if (!print->shown)
		return;
	buf_addf(print->out, "    %s  %s", quote(span_of(to->address)).text,
		 to->state);
	text_why(print->out, to->due_at, to->detail);
}

static void text_day(struct buf *out, const struct send_print_day *day)
{
	buf_addf(out,
		 "%s: %" PRIu64 " planned, %" PRIu64 " sent, %" PRIu64
		 " skipped, %" PRIu64 " postponed, %" PRIu64 " failed, %" PRIu64
		 " waiting",
		 utc_date(day->day).text, day->planned, day->sent, day->skipped,
		 day->postponed, day->failed, day->waiting);
	if (day->late > 0)
		buf_addf(out, "; %" PRIu64 " messages came late", day->late);
	buf_add_char(out, '\n');
}

/* ---------------------------------------------------------------------- order */

void send_print_start(struct send_print *print)
{
	switch (print->format) {
	case FORMAT_TEXT:
		return;
	case FORMAT_JSON:
		buf_add_string(print->out, "{\"reports\":[");
		return;
	case FORMAT_CSV:
		buf_add_string(print->out,
			       "day,policy_domain,report_id,state,messages,"
			       "late_messages,rows,attempts,due,detail,address,"
			       "address_state,address_attempts,address_due,"
			       "address_updated,address_detail\n");
		return;
	}
}

void send_print_report(struct send_print *print,
		       const struct send_print_report *report)
{
	print->report = report;
	print->have_to = false;
	switch (print->format) {
	case FORMAT_TEXT:
		text_report(print);
		return;
	case FORMAT_JSON:
		json_report(print);
		return;
	case FORMAT_CSV:
		return;
	}
}

void send_print_to(struct send_print *print, const struct send_print_to *to)
{
	switch (print->format) {
	case FORMAT_TEXT:
		text_to(print, to);
		break;
	case FORMAT_JSON:
		json_to(print, to);
		break;
	case FORMAT_CSV:
		csv_line(print, to);
		break;
	}
	print->have_to = true;
}

void send_print_report_end(struct send_print *print)
{
	switch (print->format) {
	case FORMAT_TEXT:
		break;
	case FORMAT_JSON:
		buf_add_string(print->out, "]}");
		break;
	case FORMAT_CSV:
		if (!print->have_to)
			csv_line(print, &nobody);
		break;
	}
	print->have_report = true;
	print->report = NULL;
}

void send_print_days(struct send_print *print,
		     const struct send_print_day *days, size_t n)
{
	struct json json = JSON_INIT(print->out);
	size_t i;

	switch (print->format) {
	case FORMAT_TEXT:
		for (i = 0; i < n; i++)
			text_day(print->out, &days[i]);
		return;
	case FORMAT_JSON:
		buf_add_string(print->out, "],\"days\":");
		json_open(&json, '[');
		for (i = 0; i < n; i++)
			json_day(&json, &days[i]);
		json_close(&json, ']');
		return;
	case FORMAT_CSV:
		return;
	}
}

void send_print_end(struct send_print *print)
{
	if (print->format == FORMAT_JSON)
		buf_add_string(print->out, "}\n");
}
