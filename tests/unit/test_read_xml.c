/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/read_xml.h"

#include <stdlib.h>
#include <string.h>

#include "unit/cases.h"
#include "unit/said.h"

/* cmocka's headers in the order they ask for */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define METADATA                                                         \
	"<org_name>Reporter</org_name><email>r@reporter.example</email>" \
	"<report_id>1</report_id><date_range><begin>1700006400</begin>"  \
	"<end>1700092799</end></date_range>"
#define POLICY "<domain>example.org</domain><p>none</p>"
#define RECORD                                                      \
	"<row><source_ip>192.0.2.1</source_ip><count>5</count>"     \
	"<policy_evaluated><disposition>none</disposition>"         \
	"<dkim>pass</dkim><spf>fail</spf></policy_evaluated></row>" \
	"<identifiers><header_from>example.org</header_from></identifiers>"

static void add(struct buf *out, const struct test_case *c, const char *field,
		const char *tag, const char *otherwise)
{
	struct span text;
	size_t i;

	for (i = 0; i == 0 || case_nth(c, field, i).p != NULL; i++) {
		text = case_nth(c, field, i);
		if (text.p == NULL)
			text = span_of(otherwise);
		/* "-" leaves the element out altogether. */
		if (span_is(text, "-"))
			continue;
		buf_addf(out, "<%s>", tag);
		buf_add(out, text);
		buf_addf(out, "</%s>", tag);
	}
}

/* The document of a case: written out, or built from what it names. */
static void build(struct buf *out, const struct test_case *c)
{
	if (case_has(c, "document")) {
		buf_add(out, case_span(c, "document"));
		return;
	}
	buf_add_string(out, "<feedback>");
	add(out, c, "metadata", "report_metadata", METADATA);
	add(out, c, "policy", "policy_published", POLICY);
	add(out, c, "record", "record", RECORD);
	buf_add_string(out, "</feedback>");
}

/* Read in pieces of this size; what was said is in said. */
static void read_pieces(struct span document, size_t piece, struct said *said)
{
	struct err err = ERR_INIT;
	struct xml_reader *reader;
	int more = 1, found;

	said_start(said);
	reader = xml_reader_new(SPAN("a.xml"), &said->sink, &err);
	assert_non_null(reader);
	while (document.n > 0 && more == 1) {
		struct span bytes = document;

		if (bytes.n > piece)
			bytes.n = piece;
		more = xml_reader_push(reader, bytes, &err);
		document.p += bytes.n;
		document.n -= bytes.n;
	}
	assert_int_not_equal(more, -1);
	found = xml_reader_finish(reader, SPAN(""), &err);
	assert_int_not_equal(found, -1);
	assert_int_equal(found, (int)said->reports);
	if (found == 0)
		buf_add(&said->text, xml_reader_other(reader));
	xml_reader_free(&reader);
	if (said->broken != NULL)
		fail_msg("broken promise: %s", said->broken);
	assert_int_equal(said->depth, 0);
}

/* The lines of text that begin with one of the words. */
static struct span
lines_of(struct span text, const char *const *words, struct buf *out)
{
	struct span line;
	size_t i;

	while (span_take_line(&text, &line)) {
		for (i = 0; words[i] != NULL; i++) {
			if (!span_starts(line, words[i]))
				continue;
			if (out->n > 0)
				buf_add_char(out, '\n');
			buf_add(out, line);
		}
	}
	return buf_span(out);
}

static void expect_lines(const struct test_case *c, const char *field,
			 struct span text, const char *const *words)
{
	struct buf lines = BUF_INIT(1024 * 1024);

	buf_add_string(&lines, "");
	expect_span(c, field, lines_of(text, words, &lines));
	buf_release(&lines);
}

static void check(const struct test_case *c)
{
	static const char *const head[] = { "head ", NULL };
	static const char *const rows[] = { "row ", "reason ", "dkim ", "spf ",
					    NULL };
	static const char *const end[] = { "end ", NULL };
	struct buf document = BUF_INIT(1024 * 1024);
	struct said said, again;
	struct span text;

	build(&document, c);
	read_pieces(buf_span(&document), SIZE_MAX, &said);
	text = buf_span(&said.text);
	expect_lines(c, "head", text, head);
	expect_lines(c, "rows", text, rows);
	expect_lines(c, "end", text, end);
	expect_span(c, "other", text);

	/* Where the bytes are cut makes no difference. */
	read_pieces(buf_span(&document), 1, &again);
	if (!span_equal(text, buf_span(&again.text)))
		fail_msg("whole:\n%s\nin pieces:\n%s", buf_string(&said.text),
			 buf_string(&again.text));
	said_release(&said);
	said_release(&again);
	buf_release(&document);
}

int main(void)
{
	xml_reader_prepare();
	return cases_run("read_xml.cases", check);
}
