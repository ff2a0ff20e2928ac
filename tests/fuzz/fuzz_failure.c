/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/buf.h"
#include "dns/domain.h"
#include "report/extract.h"
#include "report/failure.h"
#include "report/limits.h"

/* One line of a bounded length, without octets that steer a terminal. */
static void must_be_line(struct span text)
{
	size_t i;

	MUST_HOLD(text.n <= MAX_TEXT_BYTES);
	for (i = 0; i < text.n; i++)
		MUST_HOLD((unsigned char)text.p[i] >= ' ' && text.p[i] != 0x7f);
}

static void must_be_address(struct span text)
{
	char copy[INET6_ADDRSTRLEN];
	unsigned char address[16];

	if (text.p == NULL)
		return;
	MUST_HOLD(text.n < sizeof(copy));
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	MUST_HOLD(inet_pton(span_has(text, ':') ? AF_INET6 : AF_INET, copy,
			    address) == 1);
}

static void check(const struct failure_report *report, struct span input)
{
	const char *end;

	must_be_line(report->feedback_type);
	must_be_line(report->user_agent);
	must_be_line(report->auth_failure);
	must_be_line(report->delivery_result);
	must_be_line(report->identity_alignment);
	must_be_line(report->reported_domain);
	must_be_line(report->mail_from);
	must_be_line(report->rcpt_to);
	must_be_line(report->dkim_domain);
	must_be_line(report->dkim_identity);
	must_be_line(report->dkim_selector);
	must_be_line(report->spf_dns);
	must_be_line(report->authentication_results);
	must_be_line(report->header_from);
	must_be_line(report->subject);
	must_be_line(report->message_id);
	must_be_address(report->source_ip);
	MUST_HOLD(report->incidents >= 1 && report->incidents <= MAX_MESSAGES);
	/* The header as it came, so some place of the input, and no body. */
	MUST_HOLD(report->header.n <= MAX_FAILURE_HEADER_BYTES);
	if (report->header.n == 0)
		return;
	MUST_HOLD(memmem(input.p, input.n, report->header.p,
			 report->header.n) != NULL);
	end = memmem(report->header.p, report->header.n, "\n\n", 2);
	MUST_HOLD(end == NULL ||
		  end + 2 == report->header.p + report->header.n);
}

static void add_field(struct buf *out, const char *name, struct span value)
{
	if (value.n > 0)
		buf_addf(out, "%s: %.*s\n", name, SPAN_ARGS(value));
}

static bool same(struct span a, struct span b)
{
	return (a.n == 0 && b.n == 0) || span_equal(a, b);
}

/* What was read, written again, reads the same. */
static void read_again(const struct failure_report *report, struct arena *arena)
{
	struct failure_report again;
	struct buf text = BUF_INIT((size_t)1024 * 1024);
	size_t without_fields;
	bool known;

	buf_addf(&text, "Incidents: %llu\n",
		 (unsigned long long)report->incidents);
	without_fields = text.n;
	add_field(&text, "Feedback-Type", report->feedback_type);
	add_field(&text, "User-Agent", report->user_agent);
	add_field(&text, "Auth-Failure", report->auth_failure);
	add_field(&text, "Source-IP", report->source_ip);
	add_field(&text, "Reported-Domain", report->reported_domain);
	add_field(&text, "DKIM-Domain", report->dkim_domain);
	add_field(&text, "DKIM-Selector", report->dkim_selector);
	add_field(&text, "Authentication-Results",
		  report->authentication_results);
	MUST_HOLD(buf_ok(&text));
	known = failure_read(buf_span(&text), extract_date, arena, &again);
	MUST_HOLD(known == (text.n > without_fields));
	MUST_HOLD(again.incidents == report->incidents);
	MUST_HOLD(same(again.feedback_type, report->feedback_type));
	MUST_HOLD(same(again.user_agent, report->user_agent));
	MUST_HOLD(same(again.auth_failure, report->auth_failure));
	MUST_HOLD(same(again.source_ip, report->source_ip));
	MUST_HOLD(same(again.reported_domain, report->reported_domain));
	MUST_HOLD(same(again.dkim_domain, report->dkim_domain));
	MUST_HOLD(same(again.dkim_selector, report->dkim_selector));
	MUST_HOLD(same(again.authentication_results,
		       report->authentication_results));
	buf_release(&text);
}

static void read_fields(struct span input, struct arena *arena)
{
	struct arena *other = arena_new(MAX_FAILURE_MEMORY);
	struct failure_report report;

	MUST_HOLD(other != NULL);
	if (failure_read(input, extract_date, arena, &report)) {
		failure_add_header(input, arena, &report);
		check(&report, input);
		read_again(&report, other);
	}
	arena_free(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = { (const char *)data, size };
	struct failure_report report;
	struct err err = ERR_INIT;
	struct arena *arena;

	MUST_HOLD(extract_prepare(&err) == 0);
	arena = arena_new(MAX_FAILURE_MEMORY);
	MUST_HOLD(arena != NULL);
	read_fields(input, arena);
	arena_reset(arena);
	if (failure_is_text(input) &&
	    failure_read_text(input, extract_date, arena, &report)) {
		MUST_HOLD(report.feedback_type.n > 0);
		check(&report, input);
	}
	arena_free(&arena);
	MUST_HOLD(arena == NULL);
	return 0;
}
