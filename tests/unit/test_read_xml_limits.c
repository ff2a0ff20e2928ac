/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The limits of one document, on both sides, and what happens when memory ends.
 */
#include "report/read_xml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "report/limits.h"
#include "unit/faults.h"

#define METADATA                                                  \
	"<report_metadata><email>r@r.example</email><report_id>1" \
	"</report_id><date_range><begin>1700006400</begin>"       \
	"<end>1700092799</end></date_range></report_metadata>"    \
	"<policy_published><domain>example.org</domain></policy_published>"
#define ROW                                                           \
	"<record><row><source_ip>::1</source_ip><count>1</count>"     \
	"<policy_evaluated><disposition>none</disposition><dkim>fail" \
	"</dkim><spf>fail</spf></policy_evaluated></row></record>"

/* A sink that counts, and needs no memory. */
struct counter {
	struct report_sink sink;
	size_t rows;
	size_t n_dkim; /* of the last row */
	size_t n_spf;
	size_t n_reasons;
	size_t n_errors;
	size_t text; /* length of the last comment, or envelope_from */
	enum report_status status;
	uint64_t skipped;
	bool ended;
	char reason[200];
	char warnings[400];
};

static int
on_begin(struct report_sink *self, struct span entry, struct err *err)
{
	(void)self, (void)entry, (void)err;
	return 0;
}

static int on_head(struct report_sink *self, const struct report_head *head,
		   struct err *err)
{
	(void)err;
	((struct counter *)self)->n_errors = head->n_errors;
	return 0;
}

static int
on_row(struct report_sink *self, const struct report_row *row, struct err *err)
{
	struct counter *counter = (struct counter *)self;

	(void)err;
	counter->rows++;
	counter->n_dkim = row->n_dkim;
	counter->n_spf = row->n_spf;
	counter->n_reasons = row->n_reasons;
	counter->text = row->n_reasons > 0 ? row->reasons[0].comment.n :
					     row->envelope_from.n;
	return 0;
}

static int
on_end(struct report_sink *self, const struct report_end *end, struct err *err)
{
	struct counter *counter = (struct counter *)self;

	(void)err;
	counter->ended = true;
	counter->status = end->status;
	counter->skipped = end->skipped_rows;
	snprintf(counter->reason, sizeof(counter->reason), "%.*s",
		 SPAN_ARGS(end->reason));
	snprintf(counter->warnings, sizeof(counter->warnings), "%.*s",
		 SPAN_ARGS(end->warnings));
	return 0;
}

static struct counter counter_start(void)
{
	return (struct counter){ .sink = { .begin = on_begin,
					   .head = on_head,
					   .row = on_row,
					   .end = on_end } };
}

/* Read before, then piece n times, then after. */
static struct counter
read_times(const char *before, const char *piece, size_t n, const char *after)
{
	struct counter counter = counter_start();
	struct err err = ERR_INIT;
	struct xml_reader *reader =
		xml_reader_new(SPAN("e"), &counter.sink, &err);
	int more;

	assert_non_null(reader);
	more = xml_reader_push(reader, span_of(before), &err);
	while (n-- > 0 && more == 1)
		more = xml_reader_push(reader, span_of(piece), &err);
	if (more == 1)
		more = xml_reader_push(reader, span_of(after), &err);
	assert_int_not_equal(more, -1);
	assert_int_not_equal(xml_reader_finish(reader, SPAN(""), &err), -1);
	xml_reader_free(&reader);
	return counter;
}

static void test_rows(void **state)
{
	struct counter counter;

	(void)state;
	counter = read_times("<feedback>" METADATA, ROW, MAX_ROWS + 1,
			     "</feedback>");
	/* The last that is allowed was given, the next refused all. */
	assert_int_equal(counter.rows, MAX_ROWS);
	assert_int_equal(counter.status, REPORT_REJECTED);
	assert_string_equal(counter.reason, "more than 1000000 rows");
}

static void test_rows_held_back(void **state)
{
	struct counter counter;

	(void)state;
	counter = read_times("<feedback>", ROW, 10000, METADATA "</feedback>");
	assert_int_equal(counter.status, REPORT_OK);
	assert_int_equal(counter.rows, 10000);
	counter = read_times("<feedback>", ROW, MAX_HELD_BACK_BYTES / 200,
			     METADATA "</feedback>");
	assert_int_equal(counter.status, REPORT_REJECTED);
	assert_int_equal(counter.rows, 0);
	assert_non_null(strstr(counter.reason, "in front of report_metadata"));
}

#define OPEN_RECORD                                                   \
	"<record><row><source_ip>::1</source_ip><count>1</count>"     \
	"<policy_evaluated><disposition>none</disposition><dkim>fail" \
	"</dkim><spf>fail</spf>"

static void test_signatures(void **state)
{
	static const char before[] = "<feedback>" METADATA OPEN_RECORD
				     "</policy_evaluated></row><auth_results>";
	static const char after[] = "</auth_results></record></feedback>";
	static const char dkim[] = "<dkim><result>pass</result></dkim>";
	static const char spf[] = "<spf><result>pass</result></spf>";
	struct counter counter;

	(void)state;
	counter = read_times(before, dkim, MAX_ROW_SIGNATURES, after);
	assert_int_equal(counter.n_dkim, MAX_ROW_SIGNATURES);
	assert_string_equal(counter.warnings, "");
	counter = read_times(before, dkim, MAX_ROW_SIGNATURES + 1, after);
	assert_int_equal(counter.n_dkim, MAX_ROW_SIGNATURES);
	assert_non_null(strstr(counter.warnings, "more results"));
	assert_int_equal(counter.status, REPORT_OK);
	counter = read_times(before, spf, MAX_ROW_SPF, after);
	assert_int_equal(counter.n_spf, MAX_ROW_SPF);
	assert_string_equal(counter.warnings, "");
	counter = read_times(before, spf, MAX_ROW_SPF + 1, after);
	assert_int_equal(counter.n_spf, MAX_ROW_SPF);
	assert_non_null(strstr(counter.warnings, "more results"));
}

static void test_reasons(void **state)
{
	static const char before[] = "<feedback>" METADATA OPEN_RECORD;
	static const char after[] =
		"</policy_evaluated></row></record></feedback>";
	static const char reason[] = "<reason><type>other</type></reason>";
	struct counter counter;

	(void)state;
	counter = read_times(before, reason, MAX_ROW_REASONS, after);
	assert_int_equal(counter.n_reasons, MAX_ROW_REASONS);
	assert_string_equal(counter.warnings, "");
	counter = read_times(before, reason, MAX_ROW_REASONS + 1, after);
	assert_int_equal(counter.n_reasons, MAX_ROW_REASONS);
	assert_non_null(strstr(counter.warnings, "more results"));
}

static void test_errors(void **state)
{
	static const char before[] = "<feedback><report_metadata>";
	static const char after[] =
		"<email>r@r.example</email><report_id>1</report_id>"
		"<date_range><begin>1700006400</begin><end>1700092799</end>"
		"</date_range></report_metadata><policy_published><domain>"
		"example.org</domain></policy_published>" ROW "</feedback>";
	static const char error[] = "<error>e</error>";
	struct counter counter;

	(void)state;
	counter = read_times(before, error, MAX_REPORT_ERRORS, after);
	assert_int_equal(counter.n_errors, MAX_REPORT_ERRORS);
	assert_string_equal(counter.warnings, "");
	counter = read_times(before, error, MAX_REPORT_ERRORS + 1, after);
	assert_int_equal(counter.n_errors, MAX_REPORT_ERRORS);
	assert_non_null(strstr(counter.warnings, "more results"));
}

static void test_long_names(void **state)
{
	static const char before[] =
		"<feedback>" METADATA ROW OPEN_RECORD
		"</policy_evaluated></row><identifiers><envelope_from>";
	static const char after[] =
		"</envelope_from></identifiers></record></feedback>";
	struct counter counter;

	(void)state;
	counter = read_times(before, "x", MAX_TEXT_BYTES, after);
	assert_int_equal(counter.rows, 2);
	assert_int_equal(counter.text, MAX_TEXT_BYTES);
	counter = read_times(before, "x", MAX_TEXT_BYTES + 1, after);
	assert_int_equal(counter.rows, 1);
	assert_int_equal(counter.skipped, 1);
	assert_int_equal(counter.status, REPORT_PARTIAL);
}

static void test_long_comments(void **state)
{
	static const char before[] =
		"<feedback>" METADATA OPEN_RECORD "<reason><comment>";
	static const char after[] = "</comment></reason></policy_evaluated>"
				    "</row></record></feedback>";
	struct counter counter;

	(void)state;
	counter = read_times(before, "x", MAX_TEXT_BYTES, after);
	assert_int_equal(counter.text, MAX_TEXT_BYTES);
	assert_string_equal(counter.warnings, "");
	counter = read_times(before, "x", MAX_TEXT_BYTES + 1, after);
	assert_int_equal(counter.text, MAX_TEXT_BYTES);
	assert_non_null(strstr(counter.warnings, "long text cut: comment"));
	/* Not in the middle of a character. */
	counter = read_times(before, "\xe2\x82\xac", MAX_TEXT_BYTES, after);
	assert_int_equal(counter.text, MAX_TEXT_BYTES / 3 * 3);
	/* White space of any length around it costs nothing. */
	counter = read_times(before, " \n", MAX_RAW_TEXT_BYTES,
			     "x</comment>"
			     "</reason></policy_evaluated></row></record>"
			     "</feedback>");
	assert_int_equal(counter.text, 1);
}

static void test_tags(void **state)
{
	static const char after[] = "'/>" METADATA ROW "</feedback>";
	struct counter counter;
	size_t fits = MAX_XML_TAG_BYTES - strlen("<x a=''/>");

	(void)state;
	counter = read_times("<feedback><x a='", "x", fits, after);
	assert_int_equal(counter.status, REPORT_OK);
	counter = read_times("<feedback><x a='", "x", fits + 1, after);
	assert_int_equal(counter.status, REPORT_REJECTED);
	assert_non_null(strstr(counter.reason, "a tag of more than"));
}

static void test_wrappers(void **state)
{
	static const char report[] = "<feedback>" METADATA ROW "</feedback>";
	struct counter counter;

	(void)state;
	counter = read_times("", "<a>", MAX_XML_WRAPPERS - 1, report);
	assert_true(counter.ended && counter.rows == 1);
	counter = read_times("", "<a>", MAX_XML_WRAPPERS, report);
	assert_false(counter.ended);
}

/*
 * One after another, each allocation of ours fails: never a crash, never a good
 * end with rows missing.
 */
static bool survives(const char *document, size_t n, size_t rows)
{
	struct counter counter = counter_start();
	struct err err = ERR_INIT;
	struct xml_reader *reader;
	int result = -1;

	faults_begin(n);
	reader = xml_reader_new(SPAN("e"), &counter.sink, &err);
	if (reader != NULL) {
		result = xml_reader_push(reader, span_of(document), &err);
		if (result >= 0)
			result = xml_reader_finish(reader, SPAN(""), &err);
		xml_reader_free(&reader);
	}
	if (!faults_end()) {
		assert_int_equal(result, 1);
		assert_int_equal(counter.rows, rows);
		return false;
	}
	if (result < 0)
		assert_int_equal(err.kind, ERR_TEMP);
	else
		/* It was something we can do without. */
		assert_true(counter.status == REPORT_REJECTED ||
			    counter.rows == rows);
	return true;
}

static void test_no_memory(void **state)
{
	static const char in_order[] =
		"<?xml version='1.0'?><feedback>" METADATA ROW ROW
		"<record><row><source_ip/></row></record></feedback>";
	static const char rows_first[] =
		"<feedback>" ROW ROW METADATA "</feedback>";
	size_t n;

	(void)state;
	for (n = 1; survives(in_order, n, 2); n++)
		;
	assert_true(n > 5);
	for (n = 1; survives(rows_first, n, 2); n++)
		;
	assert_true(n > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_rows_held_back),
		cmocka_unit_test(test_signatures),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_long_comments),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_wrappers),
		cmocka_unit_test(test_no_memory),
	};

	xml_reader_prepare();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
