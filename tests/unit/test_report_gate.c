/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which reports get through to the sink behind the gate, and what it is told of
 * the others; both sides of each limit.
 */
#include "edmarc/report_gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/utc.h"
#include "report/failure.h"
#include "report/limits.h"
#include "report/tls.h"
#include "unit/said.h"

#define NOW INT64_C(1795453509) /* 2026-11-23T17:05:09Z */

static const char *domains[] = { "hosted.example", "xn--bcher-kva.example" };
static const struct hosted ours = { true, domains, 2 };
static const struct hosted anybodys = { false, NULL, 0 };

static const struct report_end good = { .status = REPORT_OK,
					.reason = { "", 0 },
					.warnings = { "", 0 } };

static void
say(struct report_gate *gate, const char *domain, int64_t begin, int64_t end)
{
	const struct report_head head = { .report_id = SPAN("1"),
					  .begin = begin,
					  .end = end,
					  .policy_domain = span_of(domain) };
	const struct report_row row = { .source_ip = SPAN("192.0.2.1"),
					.count = 7 };
	struct report_sink *sink = &gate->sink;
	struct err err = ERR_INIT;

	assert_int_equal(sink->begin(sink, SPAN("x.xml"), &err), 0);
	assert_int_equal(sink->head(sink, &head, &err), 0);
	assert_int_equal(sink->row(sink, &row, &err), 0);
	assert_int_equal(sink->row(sink, &row, &err), 0);
	assert_int_equal(sink->end(sink, &good, &err), 0);
}

/* reason: NULL when it passes. */
static void expect_said(struct said *said, const char *reason)
{
	const char *text = buf_string(&said->text);
	bool passed = strstr(text, "row 192.0.2.1 7") != NULL &&
		      strstr(text, "end aggregate ok") != NULL;

	if (said->broken != NULL)
		fail_msg("%s", said->broken);
	assert_int_equal(said->depth, 0);
	if (reason == NULL && !passed)
		fail_msg("should have passed: %s", text);
	if (reason != NULL &&
	    (strstr(text, "head") != NULL || strstr(text, "row") != NULL ||
	     strstr(text, "end aggregate rejected") == NULL ||
	     strstr(text, reason) == NULL))
		fail_msg("should be refused for \"%s\": %s", reason, text);
}

static void try(const struct hosted *hosted, const char *domain, int64_t begin,
		int64_t end, const char *reason)
{
	struct report_gate gate;
	struct said said;

	said_start(&said);
	report_gate_start(&gate, &said.sink, hosted, NOW);
	say(&gate, domain, begin, end);
	expect_said(&said, reason);
	said_release(&said);
}

static void domains_of_others_are_refused(void **state)
{
	const char *reason = "reason=policy domain other.example is not hosted";

	(void)state;
	try(&ours, "hosted.example", NOW - UTC_DAY, NOW, NULL);
	try(&ours, "HOSTED.Example", NOW - UTC_DAY, NOW, NULL);
	try(&ours, "mail.hosted.example", NOW - UTC_DAY, NOW, NULL);
	try(&ours,
	    "b\xc3\xbc"
	    "cher.example",
	    NOW - UTC_DAY, NOW, NULL);
	try(&ours, "other.example", NOW - UTC_DAY, NOW, reason);
	try(&ours, "nothosted.example", NOW - UTC_DAY, NOW, "is not hosted");
	try(&ours, "example", NOW - UTC_DAY, NOW, "is not hosted");
	try(&ours, "no domain", NOW - UTC_DAY, NOW, "is not hosted");
	try(&ours, "", NOW - UTC_DAY, NOW, "is not hosted");
	/* Nobody has said what is ours. */
	try(&anybodys, "other.example", NOW - UTC_DAY, NOW, NULL);
}

static void periods_that_cannot_be_are_refused(void **state)
{
	const int64_t days = MAX_REPORT_DAYS * UTC_DAY;

	(void)state;
	try(&anybodys, "a.example", NOW, NOW, NULL);
	try(&anybodys, "a.example", NOW, NOW - 1, "ends before it begins");
	try(&anybodys, "a.example", NOW, NOW + MAX_CLOCK_AHEAD, NULL);
	try(&anybodys, "a.example", NOW, NOW + MAX_CLOCK_AHEAD + 1,
	    "ends in the future: 2026-11-24T17:05:10Z");
	try(&anybodys, "a.example", NOW - days, NOW, NULL);
	try(&anybodys, "a.example", NOW - days - 1, NOW, "longer than 400");
	try(&anybodys, "a.example", FIRST_REPORT_TIME,
	    FIRST_REPORT_TIME + UTC_DAY, NULL);
	try(&anybodys, "a.example", FIRST_REPORT_TIME - 1, FIRST_REPORT_TIME,
	    "before there was DMARC: 2011-12-31T23:59:59Z");
	try(&anybodys, "a.example", 0, UTC_DAY, "before there was DMARC");
	try(&anybodys, "a.example", INT64_MIN, INT64_MAX, "before there was");
	try(&anybodys, "a.example", NOW, INT64_MAX, "longer than 400");
}

/* One that is refused does not touch its neighbours in the mail. */
static void others_of_the_mail_pass(void **state)
{
	struct report_gate gate;
	struct said said;

	(void)state;
	said_start(&said);
	report_gate_start(&gate, &said.sink, &ours, NOW);
	say(&gate, "other.example", NOW - UTC_DAY, NOW);
	buf_reset(&said.text);
	say(&gate, "hosted.example", NOW - UTC_DAY, NOW);
	expect_said(&said, NULL);
	buf_reset(&said.text);
	say(&gate, "hosted.example", NOW, NOW - UTC_DAY);
	expect_said(&said, "ends before it begins");
	assert_int_equal(said.reports, 3);
	said_release(&said);
}

static void the_readers_reason_comes_first(void **state)
{
	const struct report_end broken = { .status = REPORT_REJECTED,
					   .reason = SPAN("line 7"),
					   .warnings = SPAN("") };
	struct report_gate gate;
	struct err err = ERR_INIT;
	struct said said;

	(void)state;
	said_start(&said);
	report_gate_start(&gate, &said.sink, &ours, NOW);
	assert_int_equal(gate.sink.begin(&gate.sink, SPAN(""), &err), 0);
	assert_int_equal(gate.sink.head(&gate.sink,
					&(struct report_head){
						.policy_domain = SPAN("x.y") },
					&err),
			 0);
	assert_int_equal(gate.sink.end(&gate.sink, &broken, &err), 0);
	expect_said(&said, "reason=line 7");
	buf_reset(&said.text);
	/* Nor does a mail that holds no report need another one. */
	report_gate_close(&gate, "not ours");
	assert_int_equal(gate.sink.begin(&gate.sink, SPAN(""), &err), 0);
	assert_int_equal(gate.sink.end(&gate.sink, &broken, &err), 0);
	expect_said(&said, "reason=line 7");
	said_release(&said);
}

/* One policy for each of the domains, which end with NULL, and its failure. */
static void
tls(struct report_gate *gate, int64_t end, const char *const *domain)
{
	const struct tls_head head = { .org_name = SPAN("R"),
				       .report_id = SPAN("1"),
				       .begin = NOW - UTC_DAY,
				       .end = end };
	const struct tls_failure failure = { .result = SPAN("expired") };
	const struct report_end end_of = { .kind = REPORT_TLS,
					   .reason = SPAN(""),
					   .warnings = SPAN("") };
	struct report_sink *sink = &gate->sink;
	struct err err = ERR_INIT;

	assert_int_equal(sink->begin(sink, SPAN(""), &err), 0);
	assert_int_equal(sink->tls_head(sink, &head, &err), 0);
	for (; *domain != NULL; domain++) {
		const struct tls_policy policy = { .type = SPAN("sts"),
						   .domain = span_of(*domain) };

		assert_int_equal(sink->tls_policy(sink, &policy, &err), 0);
		assert_int_equal(sink->tls_failure(sink, &failure, &err), 0);
	}
	assert_int_equal(sink->end(sink, &end_of, &err), 0);
}

static unsigned times(const char *text, const char *part)
{
	unsigned n = 0;

	while ((text = strstr(text, part)) != NULL) {
		text += strlen(part);
		n++;
	}
	return n;
}

/* last: how the report ends. */
static void try_tls(int64_t end, const char *const *about, unsigned policies,
		    const char *last)
{
	struct report_gate gate;
	struct said said;
	const char *text;

	said_start(&said);
	report_gate_start(&gate, &said.sink, &ours, NOW);
	tls(&gate, end, about);
	text = buf_string(&said.text);
	if (said.broken != NULL)
		fail_msg("%s", said.broken);
	if (strstr(text, last) == NULL)
		fail_msg("should end with \"%s\": %s", last, text);
	assert_int_equal(times(text, "policy type"), policies);
	assert_int_equal(times(text, "failed result"), policies);
	said_release(&said);
}

#define ABOUT(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void tls_reports_are_checked_too(void **state)
{
	(void)state;
	try_tls(NOW, ABOUT("hosted.example"), 1, "end tls ok");
	try_tls(NOW, ABOUT("hosted.example", "mx.hosted.example"), 2,
		"end tls ok");
	try_tls(NOW, ABOUT("other.example"), 0, "end tls rejected");
	try_tls(NOW, ABOUT("b.example", "other.example"), 0,
		"reason=policy domain b.example is not hosted here");
	try_tls(NOW + 2 * UTC_DAY, ABOUT("hosted.example", "other.example"), 0,
		"reason=the period ends in the future");
}

/* What is ours of a TLS report counts, whatever stands beside it. */
static void tls_policies_of_others_are_left_out(void **state)
{
	const char *last = "end tls partial skipped=0 reason=policy domain "
			   "other.example is not hosted here";

	(void)state;
	try_tls(NOW, ABOUT("hosted.example", "other.example"), 1, last);
	try_tls(NOW, ABOUT("other.example", "hosted.example"), 1, last);
	try_tls(NOW,
		ABOUT("mx.hosted.example", "other.example", "c.example",
		      "hosted.example"),
		2, last);
}

/* A mail of which nothing may count: each of its reports is told so. */
static void closed_it_lets_nothing_through(void **state)
{
	struct report_gate gate;
	struct said said;

	(void)state;
	said_start(&said);
	report_gate_start(&gate, &said.sink, &ours, NOW);
	report_gate_close(&gate, "not ours");
	say(&gate, "hosted.example", NOW - UTC_DAY, NOW);
	expect_said(&said, "reason=not ours");
	buf_reset(&said.text);
	say(&gate, "other.example", NOW - UTC_DAY, NOW);
	expect_said(&said, "reason=not ours");
	buf_reset(&said.text);
	tls(&gate, NOW, ABOUT("hosted.example"));
	assert_null(strstr(buf_string(&said.text), "policy type"));
	assert_non_null(strstr(buf_string(&said.text),
			       "end tls rejected skipped=0 reason=not ours"));
	said_release(&said);
}

static const char *
failure(struct report_gate *gate, struct said *said, const char *domain)
{
	const struct failure_report report = { .reported_domain =
						       span_of(domain),
					       .incidents = 1 };
	const struct report_end end = { .kind = REPORT_FAILURE,
					.reason = SPAN(""),
					.warnings = SPAN("") };
	struct report_sink *sink = &gate->sink;
	struct err err = ERR_INIT;

	buf_reset(&said->text);
	assert_int_equal(sink->begin(sink, SPAN(""), &err), 0);
	assert_int_equal(sink->failure(sink, &report, &err), 0);
	assert_int_equal(sink->end(sink, &end, &err), 0);
	if (said->broken != NULL)
		fail_msg("%s", said->broken);
	return buf_string(&said->text);
}

static void failure_reports_are_checked_too(void **state)
{
	struct report_gate gate;
	struct said said;
	const char *text;

	(void)state;
	said_start(&said);
	report_gate_start(&gate, &said.sink, &ours, NOW);
	assert_non_null(strstr(failure(&gate, &said, "a.hosted.example"),
			       "end failure ok"));
	/* Exim's plain text ones do not always name it. */
	assert_non_null(strstr(failure(&gate, &said, ""), "end failure ok"));
	text = failure(&gate, &said, "other.example");
	assert_non_null(strstr(text, "end failure rejected"));
	assert_null(strstr(text, "failure type"));
	report_gate_close(&gate, "not ours");
	text = failure(&gate, &said, "hosted.example");
	assert_non_null(strstr(text, "reason=not ours"));
	said_release(&said);
}

/* What the sink behind says goes to the reader. */
static void errors_pass(void **state)
{
	struct report_gate gate;
	struct err err = ERR_INIT;
	struct said said;

	(void)state;
	said_start(&said);
	said.refuse_after = 0;
	report_gate_start(&gate, &said.sink, &ours, NOW);
	assert_int_equal(gate.sink.begin(&gate.sink, SPAN(""), &err), -1);
	said_release(&said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(domains_of_others_are_refused),
		cmocka_unit_test(periods_that_cannot_be_are_refused),
		cmocka_unit_test(others_of_the_mail_pass),
		cmocka_unit_test(the_readers_reason_comes_first),
		cmocka_unit_test(tls_reports_are_checked_too),
		cmocka_unit_test(tls_policies_of_others_are_left_out),
		cmocka_unit_test(closed_it_lets_nothing_through),
		cmocka_unit_test(failure_reports_are_checked_too),
		cmocka_unit_test(errors_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
