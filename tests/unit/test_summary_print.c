/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a person, jq and a spreadsheet see of a summary; without a server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "edmarc/csv.h"
#include "edmarc/summary_print.h"

#define NOW 1795453509 /* 2026-11-23T17:05:09Z */
#define DAY 1795305600 /* 2026-11-22T00:00:00Z */

/* SPAN() is no constant for a static initializer. */
#define TEXT(literal)                        \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

static struct summary_source sources[] = {
	{ TEXT("192.0.2.1"), 1000000 },
	{ TEXT("2001:db8::1"), 200 },
};
static struct summary_reporter reporters[] = {
	{ TEXT("Example \"Big\" Mail"), 2, 1000234 },
	{ TEXT("=cmd|x"), 1, 100 },
};
static struct summary_report reports[] = {
	{ TEXT("Example \"Big\" Mail"), TEXT("r-1"), DAY, DAY + 86399, 34,
	  TEXT("yes"), TEXT("mail.example"), false },
	{ TEXT("=cmd|x"), TEXT("id,2"), DAY + 3600, DAY + 7200, 100,
	  TEXT("unknown"), TEXT(""), false },
	{ TEXT("Example \"Big\" Mail"), TEXT("r-2"), DAY, DAY + 86400, 1000200,
	  TEXT("other"), TEXT("else.example"), true },
};

static const struct summary_domain full = {
	.domain = TEXT("example.org"),
	.sums = { .reports = 3,
		  .messages = 1000334,
		  .compliant = 1000200,
		  .quarantined = 30,
		  .rejected = 4,
		  .spf_passed = 1000000,
		  .spf_failed = 334,
		  .dkim_passed = 200,
		  .dkim_failed = 1000134,
		  .unauthenticated_reports = 2,
		  .unauthenticated_messages = 1000300,
		  .overlapping_reports = 1 },
	.sources = sources,
	.n_sources = 2,
	.reporters = reporters,
	.n_reporters = 2,
	.reports = reports,
	.n_reports = 3,
};

static const struct summary_domain quiet = {
	.domain = TEXT("a-rather-long-name-of-a-customer.example.net"),
};

static struct summary_print start(struct buf *out, enum format format, bool one)
{
	struct summary_print print = {
		.out = out,
		.format = format,
		.one = one,
		.days = 15,
		.now = NOW,
	};

	summary_print_start(&print);
	return print;
}

static void assert_narrow(struct buf *out)
{
	struct span rest = buf_span(out);
	struct span line;

	while (span_take_line(&rest, &line))
		assert_in_range(line.n, 0, 80);
}

static void text_is_a_table(void **state)
{
	struct buf out = BUF_INIT(100000);
	struct summary_print print = start(&out, FORMAT_TEXT, false);

	(void)state;
	summary_print_domain(&print, &quiet);
	summary_print_domain(&print, &full);
	summary_print_end(&print, 1);
	assert_string_equal(
		buf_string(&out),
		"DMARC reports of the last 15 days, until 2026-11-23T17:05:09Z\n"
		"\n"
		"Domain                   Messages  Compliant  Quarant.  Rejected    SPF   DKIM\n"
		"...ustomer.example.net          0          0         0         0      -      -\n"
		"example.org             1,000,334  1,000,200        30         4  99.9%   0.0%\n"
		"2 domains               1,000,334  1,000,200        30         4  99.9%   0.0%\n"
		"\n"
		"1 report covers a time that another of the same reporter covers\n"
		"as well: messages may be counted twice.\n"
		"\n"
		"1 mail is set aside; see edmarc rejected list\n");
	assert_narrow(&out);
	buf_release(&out);
}

static void assert_percent(int64_t part, int64_t whole, const char *percent)
{
	struct buf out = BUF_INIT(100000);
	struct summary_print print = start(&out, FORMAT_TEXT, true);
	const struct summary_domain domain = {
		.domain = TEXT("example.org"),
		.sums = { .messages = whole, .rejected = part },
	};
	char line[100];

	summary_print_domain(&print, &domain);
	snprintf(line, sizeof(line), "  Rejected     %10s  %6s\n",
		 summary_number(part).text, percent);
	if (strstr(buf_string(&out), line) == NULL)
		fail_msg("%s is not in\n%s", line, buf_string(&out));
	buf_release(&out);
}

static void percents_are_the_nearest(void **state)
{
	(void)state;
	assert_percent(0, 0, "-");
	assert_percent(0, 7, "0.0%");
	assert_percent(1, 3, "33.3%");
	assert_percent(2, 3, "66.7%");
	assert_percent(57, 100, "57.0%");
	assert_percent(9, 10, "90.0%");
	assert_percent(9999, 10000, "99.9%");
	assert_percent(10000, 10000, "100.0%");
}

static void text_of_one_has_details(void **state)
{
	struct buf out = BUF_INIT(100000);
	struct summary_print print = start(&out, FORMAT_TEXT, true);

	(void)state;
	summary_print_domain(&print, &full);
	summary_print_end(&print, 0);
	assert_string_equal(
		buf_string(&out),
		"DMARC reports of the last 15 days, until 2026-11-23T17:05:09Z\n"
		"\n"
		"example.org\n"
		"\n"
		"  Messages      1,000,334\n"
		"  Compliant     1,000,200   99.9%\n"
		"  Quarantined          30    0.0%\n"
		"  Rejected              4    0.0%\n"
		"  SPF           1,000,000   99.9% passed, 334 failed\n"
		"  DKIM                200    0.0% passed, 1,000,134 failed\n"
		"\n"
		"Sources of compliant messages (2)\n"
		"  192.0.2.1                                     1,000,000\n"
		"  2001:db8::1                                         200\n"
		"\n"
		"Reporters                                        Messages   Reports\n"
		"  Example \"Big\" Mail                            1,000,234         2\n"
		"  =cmd|x                                              100         1\n"
		"\n"
		"Reports                               Reporter                        Messages\n"
		"  2026-11-22                          Example \"Big\" Mail                    34\n"
		"  2026-11-22 01:00 - 2026-11-22 02:00 =cmd|x                               100\n"
		"  2026-11-22                          Example \"Big\" Mail             1,000,200 *\n"
		"\n"
		"* 1 report covers a time that another of the same reporter covers\n"
		"as well: messages may be counted twice.\n");
	assert_narrow(&out);
	buf_release(&out);
}

static void nothing_is_said_where_none_overlap(void **state)
{
	struct buf out = BUF_INIT(100000);
	struct summary_domain domain = full;
	struct summary_print print = start(&out, FORMAT_TEXT, true);

	(void)state;
	domain.sums.overlapping_reports = 0;
	domain.n_reports = 2;
	summary_print_domain(&print, &domain);
	assert_null(strstr(buf_string(&out), "twice"));
	assert_null(strstr(buf_string(&out), " *\n"));
	buf_reset(&out);
	domain.sums.overlapping_reports = 12345678;
	print = start(&out, FORMAT_TEXT, true);
	summary_print_domain(&print, &domain);
	assert_non_null(strstr(buf_string(&out),
			       "\n* 12,345k reports cover a time that"));
	assert_narrow(&out);
	buf_release(&out);
}

#define APART                                                               \
	"\nOf these, 1,000,300 messages in 2 reports came by mail that is " \
	"not known\nto have passed DMARC for the reporter's domain.\n"

static void unauthenticated_ones_are_shown_apart(void **state)
{
	struct buf out = BUF_INIT(100000);
	struct summary_print print;
	bool one = false;

	(void)state;
	do {
		print = start(&out, FORMAT_TEXT, one);
		print.apart = true;
		summary_print_domain(&print, &full);
		summary_print_domain(&print, &quiet);
		summary_print_end(&print, 0);
		assert_non_null(strstr(buf_string(&out), APART));
		assert_ptr_equal(strstr(buf_string(&out), "Of these"),
				 strstr(buf_string(&out), APART) + 1);
		assert_narrow(&out);
		buf_reset(&out);
		one = !one;
	} while (one);
	/* None, or not wanted: nothing is said. */
	print = start(&out, FORMAT_TEXT, true);
	print.apart = true;
	summary_print_domain(&print, &quiet);
	summary_print_end(&print, 0);
	print = start(&out, FORMAT_TEXT, false);
	summary_print_domain(&print, &full);
	summary_print_end(&print, 0);
	assert_null(strstr(buf_string(&out), "Of these"));
	buf_release(&out);
}

static void no_reports_are_said(void **state)
{
	struct buf out = BUF_INIT(100000);
	struct summary_print print = start(&out, FORMAT_TEXT, true);

	(void)state;
	summary_print_domain(&print, &quiet);
	summary_print_end(&print, 0);
	assert_non_null(strstr(buf_string(&out), "\nNo reports.\n"));
	buf_reset(&out);
	print = start(&out, FORMAT_TEXT, false);
	summary_print_end(&print, 12345);
	assert_non_null(strstr(buf_string(&out), "\nNo reports.\n"));
	assert_non_null(
		strstr(buf_string(&out), "\n12,345 mails are set aside"));
	buf_release(&out);
}

/* Beyond the shown ones text says how many there are, on both sides of it. */
static void long_lists_are_cut(void **state)
{
	static struct summary_source many[SUMMARY_SHOWN_SOURCES + 2];
	static struct summary_report papers[SUMMARY_SHOWN_REPORTS + 1];
	struct summary_domain domain = full;
	struct buf out = BUF_INIT(100000);
	struct summary_print print;
	size_t i;

	(void)state;
	for (i = 0; i < SUMMARY_SHOWN_SOURCES + 2; i++)
		many[i] = (struct summary_source){ SPAN("192.0.2.9"), 7 };
	for (i = 0; i < SUMMARY_SHOWN_REPORTS + 1; i++)
		papers[i] = reports[0];
	papers[0].reporter = SPAN("the oldest");
	domain.sources = many;
	domain.reports = papers;
	domain.n_sources = SUMMARY_SHOWN_SOURCES;
	domain.n_reports = SUMMARY_SHOWN_REPORTS;
	print = start(&out, FORMAT_TEXT, true);
	summary_print_domain(&print, &domain);
	assert_null(strstr(buf_string(&out), "more"));
	assert_null(strstr(buf_string(&out), "older ones"));
	assert_non_null(strstr(buf_string(&out), "the oldest"));

	buf_reset(&out);
	domain.n_sources = SUMMARY_SHOWN_SOURCES + 2;
	domain.n_reports = SUMMARY_SHOWN_REPORTS + 1;
	print = start(&out, FORMAT_TEXT, true);
	summary_print_domain(&print, &domain);
	assert_non_null(
		strstr(buf_string(&out),
		       "  and 2 more                                    "
		       "       14\n"));
	assert_non_null(strstr(buf_string(&out), "  1 older ones, then\n"));
	assert_null(strstr(buf_string(&out), "the oldest"));
	buf_release(&out);
}

static void a_stranger_cannot_reach_the_terminal(void **state)
{
	struct summary_reporter evil = { SPAN("\x1b[2J\xff"), 1, 1 };
	struct summary_domain domain = full;
	struct buf out = BUF_INIT(100000);
	struct summary_print print = start(&out, FORMAT_TEXT, true);

	(void)state;
	domain.reporters = &evil;
	domain.n_reporters = 1;
	summary_print_domain(&print, &domain);
	assert_false(span_has(buf_span(&out), '\x1b'));
	assert_non_null(strstr(buf_string(&out), "\\x1b[2J\\xff"));
	buf_release(&out);
}

static void json_holds_everything(void **state)
{
	struct buf out = BUF_INIT(100000);
	struct summary_print print = start(&out, FORMAT_JSON, false);

	(void)state;
	summary_print_domain(&print, &full);
	summary_print_domain(&print, &quiet);
	summary_print_end(&print, 3);
	assert_string_equal(
		buf_string(&out),
		"{\"days\":15,\"until\":1795453509,\"domains\":["
		"{\"domain\":\"example.org\",\"messages\":1000334,"
		"\"compliant\":1000200,\"quarantined\":30,\"rejected\":4,"
		"\"spf_passed\":1000000,\"spf_failed\":334,"
		"\"dkim_passed\":200,\"dkim_failed\":1000134,"
		"\"unauthenticated_reports\":2,"
		"\"unauthenticated_messages\":1000300,"
		"\"overlapping_reports\":1,\"sources\":["
		"{\"ip\":\"192.0.2.1\",\"messages\":1000000},"
		"{\"ip\":\"2001:db8::1\",\"messages\":200}],\"reporters\":["
		"{\"name\":\"Example \\\"Big\\\" Mail\",\"reports\":2,"
		"\"messages\":1000234},"
		"{\"name\":\"=cmd|x\",\"reports\":1,\"messages\":100}],"
		"\"reports\":["
		"{\"reporter\":\"Example \\\"Big\\\" Mail\",\"report_id\":"
		"\"r-1\",\"begin\":1795305600,\"end\":1795391999,"
		"\"messages\":34,\"authenticated\":\"yes\","
		"\"auth_domain\":\"mail.example\",\"overlaps\":false},"
		"{\"reporter\":\"=cmd|x\",\"report_id\":\"id,2\",\"begin\":"
		"1795309200,\"end\":1795312800,\"messages\":100,"
		"\"authenticated\":\"unknown\",\"auth_domain\":\"\","
		"\"overlaps\":false},"
		"{\"reporter\":\"Example \\\"Big\\\" Mail\",\"report_id\":"
		"\"r-2\",\"begin\":1795305600,\"end\":1795392000,"
		"\"messages\":1000200,\"authenticated\":\"other\","
		"\"auth_domain\":\"else.example\",\"overlaps\":true}]},"
		"{\"domain\":\"a-rather-long-name-of-a-customer.example.net\","
		"\"messages\":0,\"compliant\":0,\"quarantined\":0,"
		"\"rejected\":0,\"spf_passed\":0,\"spf_failed\":0,"
		"\"dkim_passed\":0,\"dkim_failed\":0,"
		"\"unauthenticated_reports\":0,"
		"\"unauthenticated_messages\":0,"
		"\"overlapping_reports\":0,\"sources\":[],"
		"\"reporters\":[],\"reports\":[]}],"
		"\"total\":{\"reports\":3,\"messages\":1000334,"
		"\"compliant\":1000200,\"quarantined\":30,\"rejected\":4,"
		"\"spf_passed\":1000000,\"spf_failed\":334,"
		"\"dkim_passed\":200,\"dkim_failed\":1000134,"
		"\"unauthenticated_reports\":2,"
		"\"unauthenticated_messages\":1000300,"
		"\"overlapping_reports\":1},"
		"\"set_aside\":3}\n");
	buf_release(&out);
}

static void csv_holds_everything(void **state)
{
	struct buf out = BUF_INIT(100000);
	struct summary_print print = start(&out, FORMAT_CSV, false);

	(void)state;
	summary_print_domain(&print, &full);
	summary_print_end(&print, 3);
	assert_string_equal(
		buf_string(&out),
		"kind,domain,name,report_id,begin,end,reports,messages,"
		"compliant,quarantined,rejected,spf_passed,spf_failed,"
		"dkim_passed,dkim_failed,unauthenticated_reports,"
		"unauthenticated_messages,overlapping_reports,authenticated,"
		"auth_domain\r\n"
		"domain,\"example.org\",,,,,3,1000334,1000200,30,4,1000000,"
		"334,200,1000134,2,1000300,1,,\r\n"
		"source,\"example.org\",\"192.0.2.1\",,,,,,1000000,,,,,,,,,,,\r\n"
		"source,\"example.org\",\"2001:db8::1\",,,,,,200,,,,,,,,,,,\r\n"
		"reporter,\"example.org\",\"Example \"\"Big\"\" Mail\",,,,2,"
		"1000234,,,,,,,,,,,,\r\n"
		"reporter,\"example.org\",\"'=cmd|x\",,,,1,100,,,,,,,,,,,,\r\n"
		"report,\"example.org\",\"Example \"\"Big\"\" Mail\",\"r-1\","
		"1795305600,1795391999,,34,,,,,,,,,,0,yes,\"mail.example\"\r\n"
		"report,\"example.org\",\"'=cmd|x\",\"id,2\",1795309200,"
		"1795312800,,100,,,,,,,,,,0,unknown,\"\"\r\n"
		"report,\"example.org\",\"Example \"\"Big\"\" Mail\",\"r-2\","
		"1795305600,1795392000,,1000200,,,,,,,,,,1,other,\"else.example\"\r\n"
		"total,\"\",,,,,3,1000334,1000200,30,4,1000000,334,200,"
		"1000134,2,1000300,1,,\r\n"
		"set_aside,\"\",,,,,,3,,,,,,,,,,,,\r\n");
	buf_release(&out);
}

static void numbers_fit_their_column(void **state)
{
	static const struct {
		int64_t number;
		const char *text;
	} cases[] = {
		{ 0, "0" },
		{ 999, "999" },
		{ 1000, "1,000" },
		{ 9999999, "9,999,999" },
		{ 10000000, "10,000k" },
		{ 9999999999, "9,999,999k" },
		{ 10000000000, "10,000M" },
		{ INT64_MAX, "9,223,372T" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(summary_number(cases[i].number).text,
				    cases[i].text);
}

static void assert_cell(struct span text, const char *cell)
{
	struct buf out = BUF_INIT(1000);

	csv_text(&out, text);
	assert_string_equal(buf_string(&out), cell);
	buf_release(&out);
}

static void csv_cells_are_harmless(void **state)
{
	(void)state;
	assert_cell(SPAN(""), "\"\"");
	assert_cell(SPAN("a \"b\""), "\"a \"\"b\"\"\"");
	assert_cell(SPAN("=cmd|x"), "\"'=cmd|x\"");
	assert_cell(SPAN("-1"), "\"'-1\"");
	assert_cell(SPAN("a=b\r\n\tc"), "\"a=b\r\n\tc\"");
	assert_cell(SPAN("Gr\xc3\xb6\xc3\x9f"
			 "e"),
		    "\"Gr\xc3\xb6\xc3\x9f"
		    "e\"");
	assert_cell(SPAN("\xc2\xa0|\xc2\x9f"), "\"\xc2\xa0|\xef\xbf\xbd\"");
	assert_cell(SPAN("\x1b[2J\x7f\0"),
		    "\"\xef\xbf\xbd[2J\xef\xbf\xbd\xef\xbf\xbd\"");
	assert_cell(SPAN("\xff"), "\"\xef\xbf\xbd\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_a_table),
		cmocka_unit_test(percents_are_the_nearest),
		cmocka_unit_test(text_of_one_has_details),
		cmocka_unit_test(nothing_is_said_where_none_overlap),
		cmocka_unit_test(unauthenticated_ones_are_shown_apart),
		cmocka_unit_test(no_reports_are_said),
		cmocka_unit_test(long_lists_are_cut),
		cmocka_unit_test(a_stranger_cannot_reach_the_terminal),
		cmocka_unit_test(json_holds_everything),
		cmocka_unit_test(csv_holds_everything),
		cmocka_unit_test(csv_cells_are_harmless),
		cmocka_unit_test(numbers_fit_their_column),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
