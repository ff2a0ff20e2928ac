/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From verdicts to reports and back, with nothing but the tables left out: random
 * sets of messages are grouped as ingest does, made into rows as send does,
 * written in both dialects, held against the schema where that is at hand, and
 * read by our own reader. What is read has the messages that were seen, told apart
 * by what a report tells apart (R7.2), whatever strangers wrote into them.
 *
 * 1,000 sets; EDMARC_SETS=10000 for more. The same sets each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libxml/parser.h>
#include <libxml/xmlschemas.h>

#include "base/file.h"
#include "base/utf8.h"
#include "report/read_xml.h"
#include "report/write_xml.h"
#include "store/outgoing_write.h"
#include "store/verdicts.h"
#include "unit/cases.h"
#include "unit/random_report.h"
#include "unit/said.h"

#define SETS       1000
#define MAX_KINDS  4 /* different messages of a set */
#define MAX_COPIES 5
#define MAX_BYTES  ((size_t)16 * 1024 * 1024)
#define NOON       1795435200 /* 2026-11-23 12:00 */
#define BEGIN      1795392000

struct kind {
	struct entry entry;
	struct dkim_fact dkim[MAX_DKIM_SIGNATURES];
	uint64_t copies;
};

static struct kind kinds[MAX_KINDS];
static size_t n_kinds;

/* ------------------------------------------------------------ random messages */

static bool one_in(struct test_random *random, uint32_t n)
{
	return random_below(random, n) == 0;
}

/* Markup, terminals' codes, what is no character of XML, what is no UTF-8. */
static const char *hostile(struct test_random *random, struct arena *arena)
{
	static const char *const pieces[] = {
		"a",
		"Z9",
		"<",
		">",
		"&",
		"&amp;",
		"]]>",
		"\"",
		"'",
		"</feedback>",
		"<!--",
		"\\",
		"%s",
		"\x01",
		"\x1b[31m",
		"\x7f",
		"\xff",
		"\xc3",
		"\xc3\xa9",
		"\xed\xa0\x80",
		"\xef\xbf\xbe",
		"\xf0\x9f\x93\xa7",
		"\xe2\x80\xae",
		"x\ty",
	};
	char text[200];
	size_t n = 0, left = 1 + random_below(random, 8);

	text[n++] = 'q'; /* white space at the ends is not kept by readers */
	while (left-- > 0) {
		const char *piece = pieces[random_below(
			random, sizeof(pieces) / sizeof(pieces[0]))];

		memcpy(text + n, piece, strlen(piece));
		n += strlen(piece);
	}
	text[n++] = 'p';
	return arena_copy(arena, (struct span){ text, n }).p;
}

/* As domain_normalize() leaves them: A-labels, in lower case. */
static const char *domain(struct test_random *random)
{
	static const char *const domains[] = {
		"example.com",
		"sub.example.com",
		"xn--mnchen-3ya.example",
		"xn--80ak6aa92e.example",
		"_a.b-c.example",
		"a.b.c.d.e.f.example",
	};

	return domains[random_below(random, 6)];
}

static const char *address(struct test_random *random, struct arena *arena)
{
	if (one_in(random, 2))
		return arena_printf(arena, "192.0.%u.%u",
				    random_below(random, 3),
				    random_below(random, 256));
	return arena_printf(arena, "2001:db8::%x",
			    1 + random_below(random, 0xffff));
}

static const char *sender(struct test_random *random, struct arena *arena)
{
	switch (random_below(random, 4)) {
	case 0:
		return "";
	case 1:
		return arena_printf(arena, "%s@%s", hostile(random, arena),
				    hostile(random, arena));
	}
	return arena_printf(arena, "%s@%s", hostile(random, arena),
			    domain(random));
}

static void random_signatures(struct test_random *random, struct arena *arena,
			      struct kind *kind)
{
	size_t n = one_in(random, 20) ? MAX_DKIM_SIGNATURES :
					random_below(random, 5);
	size_t i;

	for (i = 0; i < n; i++)
		kind->dkim[i] = (struct dkim_fact){
			.domain = domain(random),
			.selector = hostile(random, arena),
			/* all but softfail, which is SPF's */
			.result = (enum auth_result)(
				(AUTH_NEUTRAL + random_below(random, 7)) % 8),
			.human =
				one_in(random, 2) ? "" : hostile(random, arena),
		};
	for (i = 0; i < n; i++)
		if (kind->dkim[i].result == AUTH_SOFTFAIL)
			kind->dkim[i].result = AUTH_FAIL;
	kind->entry.facts.dkim = kind->dkim;
	kind->entry.facts.n_dkim = n;
}

static void random_reasons(struct test_random *random, struct arena *arena,
			   struct dmarc_verdict *verdict)
{
	size_t i;

	verdict->n_reasons =
		one_in(random, 10) ? MAX_REASONS : random_below(random, 3);
	for (i = 0; i < verdict->n_reasons; i++)
		verdict->reasons[i] = (struct verdict_reason){
			(enum reason_type)random_below(random, 7),
			one_in(random, 3) ? "" : hostile(random, arena)
		};
}

static void
random_kind(struct test_random *random, struct arena *arena, struct kind *kind)
{
	struct entry *e = &kind->entry;

	*e = (struct entry){
		.time = NOON + random_below(random, 10000),
		.id = "1w",
		.mta = "mx1.example.net",
		.facts = { .client_ip = address(random, arena),
			   .helo = "h",
			   .mail_from = sender(random, arena),
			   .spf = { .known = !one_in(random, 10),
				    .result = (enum auth_result)random_below(
					    random, 8),
				    .scope = (enum spf_scope)random_below(
					    random, 2),
				    .domain = domain(random) } },
		.verdict = { .result = DMARC_FAIL,
			     .from_domain = domain(random),
			     .policy_domain = "example.com",
			     .have_record = true,
			     .record = { .p = DMARC_POLICY_REJECT,
					 .fo = DMARC_FO_ALL,
					 .pct = 100,
					 .rua = SPAN("mailto:a@example.com") },
			     .dkim_aligned = one_in(random, 2),
			     .spf_aligned = one_in(random, 2),
			     .disposition =
				     (enum disposition)random_below(random, 4),
			     .faults = SPAN(""),
			     .explanation = "" },
	};
	e->rcpt_domains[0] = "hosted.example";
	e->n_rcpt_domains = random_below(random, 2);
	random_signatures(random, arena, kind);
	random_reasons(random, arena, &e->verdict);
	kind->copies = 1 + random_below(random, MAX_COPIES);
}

/* ------------------------------------------------------------- what is expected */

/* A JSON column, and then an element, make U+FFFD of what they cannot hold. */
static struct span cleaned(const char *text, struct arena *arena)
{
	struct span in = span_of(text);
	struct buf out = BUF_INIT(MAX_BYTES);
	struct span copy;

	while (in.n > 0) {
		size_t n = utf8_length(in);
		struct span c = { in.p, n == 0 ? 1 : n };

		if (n == 0 ||
		    (c.n == 1 && (unsigned char)*c.p < ' ' && *c.p != '\t') ||
		    span_is(c, "\xef\xbf\xbe"))
			buf_add_string(&out, UTF8_REPLACEMENT);
		else
			buf_add(&out, c);
		in.p += c.n;
		in.n -= c.n;
	}
	copy = arena_copy(arena, buf_span(&out));
	buf_release(&out);
	return copy;
}

static struct span cleaned_or_absent(const char *text, struct arena *arena)
{
	return *text == '\0' ? (struct span){ NULL, 0 } : cleaned(text, arena);
}

static struct report_reason expected_reason(const struct verdict_reason *reason,
					    enum report_dialect dialect,
					    struct arena *arena)
{
	bool rfc9990 = dialect == DIALECT_RFC9990;
	bool known = reason->type == REASON_POLICY_TEST_MODE ? rfc9990 :
		     reason->type == REASON_FORWARDED ||
				     reason->type == REASON_SAMPLED_OUT ?
							       !rfc9990 :
							       true;
	const char *name = reason_type_name(reason->type);

	if (known)
		return (struct report_reason){
			reason->type, cleaned_or_absent(reason->comment, arena)
		};
	if (*reason->comment != '\0')
		name = arena_printf(arena, "%s: %s", name, reason->comment);
	return (struct report_reason){ REASON_OTHER, cleaned(name, arena) };
}

static void expected_spf(const struct entry *e, enum report_dialect dialect,
			 struct report_row *row)
{
	const struct spf_fact *spf = &e->facts.spf;
	bool old = dialect == DIALECT_RFC7489;
	struct span domain = span_of(spf->domain);

	if (!spf->known && !old)
		return;
	if (!spf->known)
		domain = row->envelope_from.n > 0 ? row->envelope_from :
						    row->header_from;
	row->spf[0] = (struct report_spf){ domain,
					   spf->known && old ? spf->scope :
							       SPF_SCOPE_MFROM,
					   !spf->known ? AUTH_NONE :
					   old && spf->result == AUTH_POLICY ?
							 AUTH_NEUTRAL :
							 spf->result,
					   { NULL, 0 } };
	row->n_spf = 1;
}

/* What a report says about this message: written from the rules, not the code. */
static void expected_row(const struct kind *kind, enum report_dialect dialect,
			 struct arena *arena, struct report_row *row)
{
	const struct entry *e = &kind->entry;
	const char *at = strrchr(e->facts.mail_from, '@');
	char *lower = arena_printf(arena, "%s", at == NULL ? "" : at + 1);
	size_t i;

	for (i = 0; lower[i] != '\0'; i++) {
		lower[i] = ascii_lower(lower[i]);
		if (lower[i] <= ' ' || lower[i] > '~')
			lower[i] = '?';
	}
	memset(row, 0, sizeof(*row));
	row->source_ip = span_of(e->facts.client_ip);
	row->disposition = e->verdict.disposition;
	if (dialect == DIALECT_RFC7489 && row->disposition == DISPOSITION_PASS)
		row->disposition = DISPOSITION_NONE;
	row->dkim_aligned = e->verdict.dkim_aligned;
	row->spf_aligned = e->verdict.spf_aligned;
	row->header_from = span_of(e->verdict.from_domain);
	row->envelope_from = span_of(lower);
	if (e->n_rcpt_domains == 1)
		row->envelope_to = span_of(e->rcpt_domains[0]);
	for (i = 0; i < e->verdict.n_reasons; i++)
		row->reasons[row->n_reasons++] =
			expected_reason(&e->verdict.reasons[i], dialect, arena);
	for (i = 0; i < e->facts.n_dkim; i++)
		row->dkim[row->n_dkim++] = (struct report_dkim){
			span_of(kind->dkim[i].domain),
			cleaned(kind->dkim[i].selector, arena),
			kind->dkim[i].result,
			cleaned_or_absent(kind->dkim[i].human, arena)
		};
	expected_spf(e, dialect, row);
}

/* ------------------------------------------------------------- writing, reading */

static const struct report_end good = { .status = REPORT_OK };

static struct report_head head_of(enum report_dialect dialect)
{
	return (struct report_head){
		.dialect = dialect,
		.version = SPAN("1.0"),
		.org_name = SPAN("Receiver"),
		.email = SPAN("dmarc@receiver.example"),
		.report_id = SPAN("0123456789abcdef"),
		.begin = BEGIN,
		.end = BEGIN + 86399,
		.policy_domain = SPAN("example.com"),
		.p = DMARC_POLICY_REJECT,
		.sp = DMARC_POLICY_REJECT,
		.pct = dialect == DIALECT_RFC7489 ? SPAN("100") :
						    (struct span){ NULL, 0 },
		.fo = SPAN("0"),
	};
}

static void
write_rows(struct verdict_batch *batch, enum report_dialect dialect, int fd)
{
	static struct report_row row;
	const struct report_head head = head_of(dialect);
	struct arena *arena = arena_new(MAX_BYTES);
	const struct verdict_row *const *rows;
	struct err err = ERR_INIT;
	struct report_sink *sink = xml_writer_new(fd, false, MAX_BYTES, &err);
	size_t n, i;
	int result;

	assert_non_null(sink);
	rows = verdict_batch_rows(batch, &n);
	result = sink->begin(sink, SPAN("x"), &err);
	if (result == 0)
		result = sink->head(sink, &head, &err);
	for (i = 0; i < n && result == 0; i++) {
		arena_reset(arena);
		result = outgoing_row_make(rows[i], arena, &row, &err);
		if (result == 0)
			result = sink->row(sink, &row, &err);
	}
	if (result < 0 || sink->end(sink, &good, &err) < 0)
		fail_msg("%s", err.text);
	xml_writer_free(&sink);
	arena_free(&arena);
}

static void document(struct verdict_batch *batch, enum report_dialect dialect,
		     int fd, struct buf *text)
{
	struct err err = ERR_INIT;

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	write_rows(batch, dialect, fd);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	buf_reset(text);
	assert_int_equal(file_read_fd(fd, "document", text, &err), 0);
}

static void read_document(struct span document, struct said *said)
{
	struct err err = ERR_INIT;
	struct xml_reader *reader =
		xml_reader_new(SPAN("x"), &said->sink, &err);

	assert_non_null(reader);
	if (xml_reader_push(reader, document, &err) < 0 ||
	    xml_reader_finish(reader, SPAN(""), &err) < 0)
		fail_msg("%s", err.text);
	xml_reader_free(&reader);
}

/* The text of one row, told by itself. */
static void tell_row(const struct report_row *row, struct said *said)
{
	const struct report_head head = head_of(DIALECT_RFC9990);
	struct err err = ERR_INIT;

	assert_int_equal(said->sink.begin(&said->sink, SPAN("x"), &err), 0);
	assert_int_equal(said->sink.head(&said->sink, &head, &err), 0);
	buf_reset(&said->text);
	assert_int_equal(said->sink.row(&said->sink, row, &err), 0);
}

static void fail_with(const char *why, struct span document, struct span read,
		      struct span wanted)
{
	fail_msg("%s\nwritten:\n%.*s\nread:\n%.*s\nwanted:\n%.*s", why,
		 SPAN_ARGS(document), SPAN_ARGS(read), SPAN_ARGS(wanted));
}

/* Each different message has exactly its row, with its count, and no other is. */
static void expect_rows(struct span document, struct said *read,
			enum report_dialect dialect)
{
	static struct report_row wanted[MAX_KINDS];
	struct arena *arena = arena_new(MAX_BYTES);
	struct said said;
	size_t i, j, rows = 0;

	for (i = 0; i < n_kinds; i++) {
		expected_row(&kinds[i], dialect, arena, &wanted[i]);
		wanted[i].count = kinds[i].copies;
	}
	for (i = 0; i < n_kinds; i++) {
		said_start(&said);
		tell_row(&wanted[i], &said);
		for (j = 0; j < i; j++) /* all client addresses differ */
			assert_false(span_equal(wanted[i].source_ip,
						wanted[j].source_ip));
		if (strstr(buf_string(&read->text), buf_string(&said.text)) ==
		    NULL)
			fail_with("a row is not there", document,
				  buf_span(&read->text), buf_span(&said.text));
		rows++;
		said_release(&said);
	}
	if (read->rows != rows || read->ok != 1)
		fail_with("not as many rows, or not ok", document,
			  buf_span(&read->text), SPAN(""));
	arena_free(&arena);
}

/* --------------------------------------------------------------------- schema */

static void note(void *context, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void note(void *context, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(context, 500, fmt, args);
	va_end(args);
}

static void expect_valid(xmlSchemaPtr schema, struct span text)
{
	xmlSchemaValidCtxtPtr valid;
	char why[500] = "not well-formed";
	xmlDocPtr doc = xmlReadMemory(text.p, (int)text.n, "report.xml", NULL,
				      XML_PARSE_NONET);

	if (doc == NULL)
		fail_with(why, text, SPAN(""), SPAN(""));
	valid = xmlSchemaNewValidCtxt(schema);
	xmlSchemaSetValidErrors(valid, note, note, why);
	if (xmlSchemaValidateDoc(valid, doc) != 0)
		fail_with(why, text, SPAN(""), SPAN(""));
	xmlFreeDoc(doc);
	xmlSchemaFreeValidCtxt(valid);
}

/* NULL where the shared samples are not. */
static xmlSchemaPtr open_schema(const char *name)
{
	const char *path = shared_path(name);
	xmlSchemaParserCtxtPtr parser;
	xmlSchemaPtr schema;

	if (path == NULL) {
		print_message("%s is not here: not validated\n", name);
		return NULL;
	}
	parser = xmlSchemaNewParserCtxt(path);
	schema = xmlSchemaParse(parser);
	assert_non_null(schema);
	xmlSchemaFreeParserCtxt(parser);
	return schema;
}

/* ----------------------------------------------------------------------- sets */

static size_t sets(void)
{
	const char *text = getenv("EDMARC_SETS");
	uint64_t n;

	if (text == NULL || !span_to_uint(span_of(text), 100000000, &n))
		return SETS;
	return (size_t)n;
}

static bool address_is_new(size_t i)
{
	size_t j;

	for (j = 0; j < i; j++)
		if (strcmp(kinds[j].entry.facts.client_ip,
			   kinds[i].entry.facts.client_ip) == 0)
			return false;
	return true;
}

static void random_set(struct test_random *random, struct arena *arena,
		       struct verdict_batch *batch)
{
	struct err err = ERR_INIT;
	uint64_t copy;
	size_t i;

	verdict_batch_reset(batch);
	n_kinds = 1 + random_below(random, MAX_KINDS);
	for (i = 0; i < n_kinds; i++) {
		do {
			random_kind(random, arena, &kinds[i]);
		} while (!address_is_new(i));
	}
	for (i = 0; i < n_kinds; i++)
		for (copy = 0; copy < kinds[i].copies; copy++)
			if (verdict_batch_add(batch, &kinds[i].entry, &err) < 0)
				fail_msg("%s", err.text);
}

static void go_round(struct verdict_batch *batch, enum report_dialect dialect,
		     xmlSchemaPtr schema, int fd)
{
	struct buf text = BUF_INIT(MAX_BYTES);
	struct said read;

	document(batch, dialect, fd, &text);
	if (schema != NULL)
		expect_valid(schema, buf_span(&text));
	said_start(&read);
	read_document(buf_span(&text), &read);
	expect_rows(buf_span(&text), &read, dialect);
	said_release(&read);
	buf_release(&text);
}

/* R7.2, R7.3, R7.8, R7.10 */
static void what_was_seen_is_read(void **state)
{
	struct test_random random = { 20261124 };
	xmlSchemaPtr old = open_schema("xsd/rfc7489-nonamespace.xsd");
	xmlSchemaPtr new = open_schema("xsd/rfc9990.xsd");
	struct verdict_batch *batch = verdict_batch_new();
	struct arena *arena = arena_new(MAX_BYTES);
	FILE *file = tmpfile();
	size_t i, n = sets();

	(void)state;
	assert_non_null(file);
	verdict_batch_by_recipient(batch, true);
	for (i = 0; i < n; i++) {
		arena_reset(arena);
		random_set(&random, arena, batch);
		go_round(batch, DIALECT_RFC7489, old, fileno(file));
		go_round(batch, DIALECT_RFC9990, new, fileno(file));
	}
	print_message("%zu sets\n", n);
	fclose(file);
	arena_free(&arena);
	verdict_batch_free(&batch);
	xmlSchemaFree(old);
	xmlSchemaFree(new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_seen_is_read),
	};

	xml_reader_prepare();
	return cmocka_run_group_tests_name("verdict_reports", tests, NULL,
					   NULL);
}
