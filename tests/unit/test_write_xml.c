/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Documents of both dialects against what we expect them to look like, against
 * the schemas (where those are at hand), and the ways in which writing fails.
 */
#include "report/write_xml.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xmlschemas.h>
#include <zlib.h>

#include "base/file.h"
#include "unit/cases.h"
#include "unit/random_report.h"

#define NO_LIMIT         ((size_t)1 << 40)
#define SCHEMA_REPORTS   1000
#define MEMORY_ROWS      100000
#define MAX_MEMORY_BYTES ((size_t)8 * 1024 * 1024)

/* Random reports that are held against the schema: EDMARC_SETS=10000 for more. */
static size_t schema_reports(void)
{
	const char *text = getenv("EDMARC_SETS");
	uint64_t n;

	if (text == NULL || !span_to_uint(span_of(text), 100000000, &n))
		return SCHEMA_REPORTS;
	return (size_t)n;
}

static const struct report_end good = { .status = REPORT_OK };

static int open_temp(void)
{
	FILE *file = tmpfile();
	int fd;

	assert_non_null(file);
	fd = dup(fileno(file));
	assert_true(fd >= 0);
	fclose(file);
	return fd;
}

static void read_back(int fd, struct buf *text)
{
	struct err err = ERR_INIT;

	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(file_read_fd(fd, "document", text, &err), 0);
}

static int
write_report(struct report_sink *sink, const struct report_head *head,
	     const struct report_row *rows, size_t n, struct err *err)
{
	size_t i;

	if (sink->begin(sink, SPAN("entry"), err) < 0 ||
	    sink->head(sink, head, err) < 0)
		return -1;
	for (i = 0; i < n; i++)
		if (sink->row(sink, &rows[i], err) < 0)
			return -1;
	return sink->end(sink, &good, err);
}

static void document(const struct report_head *head,
		     const struct report_row *rows, size_t n, struct buf *text)
{
	int fd = open_temp();
	struct err err = ERR_INIT;
	struct report_sink *sink = xml_writer_new(fd, false, NO_LIMIT, &err);

	assert_non_null(sink);
	if (write_report(sink, head, rows, n, &err) < 0)
		fail_msg("%s", err.text);
	xml_writer_free(&sink);
	assert_null(sink);
	read_back(fd, text);
	close(fd);
}

/* Everything that a head and a row can hold, so that each has to be told. */
static const struct report_head full_head = {
	.dialect = DIALECT_RFC9990,
	.version = { "2.0", 3 },
	.org_name = { "Caf\xe9 & <Sons>", 13 },
	.email = { "dmarc@mx.example", 16 },
	.extra_contact = { "https://mx.example/\x01", 20 },
	.report_id = { "0123456789abcdef", 16 },
	.begin = 1795305600,
	.end = 1795391999,
	.errors = { { "bad rua", 7 }, { "two records", 11 } },
	.n_errors = 2,
	.generator = { "edmarc", 6 },
	.policy_domain = { "example.com", 11 },
	.have_method = true,
	.method = DISCOVERY_TREEWALK,
	.p = DMARC_POLICY_REJECT,
	.np = DMARC_POLICY_QUARANTINE,
	.adkim = { "R", 1 },
	.aspf = { "x", 1 },
	.pct = { "150", 3 },
	.fo = { "1", 1 },
	.testing = { "y", 1 },
};

static const struct report_row full_row = {
	.source_ip = { "2001:db8::1", 11 },
	.count = UINT64_MAX,
	.disposition = DISPOSITION_PASS,
	.dkim_aligned = true,
	.reasons = { { REASON_POLICY_TEST_MODE, { NULL, 0 } },
		     { REASON_FORWARDED, { "a list", 6 } },
		     { REASON_SAMPLED_OUT, { NULL, 0 } },
		     { REASON_LOCAL_POLICY, { "arc=pass", 8 } } },
	.n_reasons = 4,
	.header_from = { "a.example.com", 13 },
	.envelope_to = { "mx.example", 10 },
	.dkim = { { { "example.com", 11 },
		    { NULL, 0 },
		    AUTH_PASS,
		    { "2048-bit key", 12 } },
		  { { "other.example", 13 },
		    { "s1", 2 },
		    AUTH_SOFTFAIL,
		    { NULL, 0 } } },
	.n_dkim = 2,
	.spf = { { { "mx.example.com", 14 },
		   SPF_SCOPE_HELO,
		   AUTH_PASS,
		   { NULL, 0 } },
		 { { "bounce.example.com", 18 },
		   SPF_SCOPE_MFROM,
		   AUTH_POLICY,
		   { "no \xef\xbf\xbe", 6 } } },
	.n_spf = 2,
};

/* As little as the store may know: what the dialect demands is filled in. */
static const struct report_row bare_row = {
	.source_ip = { "192.0.2.1", 9 },
	.count = 1,
	.header_from = { "example.com", 11 },
};

static const struct report_row helo_row = {
	.source_ip = { "192.0.2.2", 9 },
	.count = 2,
	.disposition = DISPOSITION_REJECT,
	.header_from = { "example.com", 11 },
	.envelope_from = { "", 0 },
	.spf = { { { "mx.example.com", 14 },
		   SPF_SCOPE_HELO,
		   AUTH_FAIL,
		   { NULL, 0 } } },
	.n_spf = 1,
};

static void check_document(enum report_dialect dialect, const char *name)
{
	struct report_row rows[] = { full_row, bare_row, helo_row };
	struct report_head head = full_head;
	struct buf got = BUF_INIT(1 << 20), expected = BUF_INIT(1 << 20);
	struct err err = ERR_INIT;

	head.dialect = dialect;
	document(&head, rows, 3, &got);
	if (file_read(data_path(name), &expected, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(buf_string(&got), buf_string(&expected));
	buf_release(&got);
	buf_release(&expected);
}

static void looks_like_rfc9990(void **state)
{
	(void)state;
	check_document(DIALECT_RFC9990, "written/rfc9990.xml");
}

static void looks_like_rfc7489(void **state)
{
	(void)state;
	check_document(DIALECT_RFC7489, "written/rfc7489.xml");
}

/* ------------------------------------------------------------------ schema */

static void quiet(void *context, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void quiet(void *context, const char *fmt, ...)
{
	char *text = context;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, 500, fmt, args);
	va_end(args);
}

static bool is_valid(xmlSchemaPtr schema, struct span text, char *why)
{
	xmlSchemaValidCtxtPtr valid = xmlSchemaNewValidCtxt(schema);
	xmlDocPtr doc = xmlReadMemory(text.p, (int)text.n, "report.xml", NULL,
				      XML_PARSE_NONET);
	bool result;

	assert_non_null(valid);
	if (doc == NULL) {
		snprintf(why, 500, "not well-formed");
		xmlSchemaFreeValidCtxt(valid);
		return false;
	}
	xmlSchemaSetValidErrors(valid, quiet, quiet, why);
	result = xmlSchemaValidateDoc(valid, doc) == 0;
	xmlFreeDoc(doc);
	xmlSchemaFreeValidCtxt(valid);
	return result;
}

static void check_schema(enum report_dialect dialect, const char *name)
{
	const char *path = shared_path(name);
	struct test_random random = { 20261123 };
	struct buf text = BUF_INIT(16 << 20);
	xmlSchemaParserCtxtPtr parser;
	struct report_row rows[3];
	struct report_head head;
	xmlSchemaPtr schema;
	char why[500] = "";
	size_t i, n, n_reports = schema_reports();

	if (path == NULL) {
		print_message("%s is not here\n", name);
		skip();
	}
	parser = xmlSchemaNewParserCtxt(path);
	schema = xmlSchemaParse(parser);
	assert_non_null(schema);
	for (i = 0; i < n_reports; i++) {
		struct arena *arena = arena_new(1 << 20);

		/* Made for the one or the other, written in this dialect. */
		random_head(&random, (enum report_dialect)(i % 2), arena,
			    &head);
		for (n = 0; n < 3; n++)
			random_row(&random, (enum report_dialect)(i / 2 % 2),
				   arena, &rows[n]);
		head.dialect = dialect;
		buf_reset(&text);
		document(&head, rows, 1 + i % 3, &text);
		if (!is_valid(schema, buf_span(&text), why))
			fail_msg("%s\n%s", why, buf_string(&text));
		arena_free(&arena);
	}
	buf_release(&text);
	xmlSchemaFree(schema);
	xmlSchemaFreeParserCtxt(parser);
}

static void valid_rfc9990(void **state)
{
	(void)state;
	check_schema(DIALECT_RFC9990, "xsd/rfc9990.xsd");
}

static void valid_rfc7489(void **state)
{
	(void)state;
	check_schema(DIALECT_RFC7489, "xsd/rfc7489-nonamespace.xsd");
}

/* ------------------------------------------- the sample of RFC 9990 app. B */

static const struct report_head sample_head = {
	.dialect = DIALECT_RFC9990,
	.org_name = { "Sample Reporter", 15 },
	.email = { "report_sender@example-reporter.com", 34 },
	.extra_contact = { "...", 3 },
	.report_id = { "3v98abbp8ya9n3va8yr8oa3ya", 25 },
	.begin = 302832000,
	.end = 302918399,
	.generator = { "Example DMARC Aggregate Reporter v1.2", 37 },
	.policy_domain = { "example.com", 11 },
	.have_method = true,
	.method = DISCOVERY_TREEWALK,
	.p = DMARC_POLICY_QUARANTINE,
	.sp = DMARC_POLICY_NONE,
	.np = DMARC_POLICY_NONE,
	.testing = { "n", 1 },
};

static const struct report_row sample_row = {
	.source_ip = { "192.0.2.123", 11 },
	.count = 123,
	.disposition = DISPOSITION_PASS,
	.dkim_aligned = true,
	.header_from = { "example.com", 11 },
	.envelope_from = { "example.com", 11 },
	.dkim = { { { "example.com", 11 },
		    { "abc123", 6 },
		    AUTH_PASS,
		    { NULL, 0 } } },
	.n_dkim = 1,
	.spf = { { { "example.com", 11 },
		   SPF_SCOPE_MFROM,
		   AUTH_FAIL,
		   { NULL, 0 } } },
	.n_spf = 1,
};

/*
 * Where we differ, and why. A line of the sample that we have elsewhere counts as
 * left out there and added here; each must be used exactly once.
 */
static const struct {
	char sign; /* '-': of the sample alone, '+': ours alone */
	const char *line;
} differences[] = {
	/* The order of the schema, and of RFC 7489; "all" allows any. */
	{ '+', "feedback/record/auth_results/dkim/selector abc123" },
	{ '-', "feedback/record/auth_results/dkim/selector abc123" },
	/* The only scope there is, for readers of RFC 7489, who need it. */
	{ '+', "feedback/record/auth_results/spf/scope mfrom" },
};

#define N_DIFFERENCES (sizeof(differences) / sizeof(differences[0]))

/* "a/b/c text", a line for each element in its order. */
static void flatten(xmlNode *node, const char *above, struct buf *out)
{
	char path[300];

	for (; node != NULL; node = node->next) {
		if (node->type != XML_ELEMENT_NODE)
			continue;
		assert_string_equal((const char *)node->ns->href,
				    "urn:ietf:params:xml:ns:dmarc-2.0");
		snprintf(path, sizeof(path), "%s%s%s", above,
			 *above == '\0' ? "" : "/", (const char *)node->name);
		buf_add_string(out, path);
		if (xmlChildElementCount(node) == 0 && node->children != NULL)
			buf_addf(out, " %s",
				 (const char *)node->children->content);
		buf_add_char(out, '\n');
		flatten(node->children, path, out);
	}
}

static bool is_difference(char sign, struct span line, bool *used)
{
	size_t i;

	for (i = 0; i < N_DIFFERENCES; i++) {
		if (used[i] || differences[i].sign != sign ||
		    !span_is(line, differences[i].line))
			continue;
		used[i] = true;
		return true;
	}
	return false;
}

static void compare_lines(struct span ours, struct span theirs)
{
	bool used[N_DIFFERENCES] = { false };
	struct span a = { NULL, 0 }, b = { NULL, 0 };
	size_t i;

	for (;;) {
		bool more = span_take_line(&ours, &a);

		while (more && is_difference('+', a, used))
			more = span_take_line(&ours, &a);
		do {
			if (!span_take_line(&theirs, &b))
				b.p = NULL;
		} while (b.p != NULL && is_difference('-', b, used));
		if (!more && b.p == NULL)
			break;
		if (!more || b.p == NULL || !span_equal(a, b))
			fail_msg("ours: %.*s\nsample: %.*s", SPAN_ARGS(a),
				 SPAN_ARGS(b));
	}
	for (i = 0; i < N_DIFFERENCES; i++)
		if (!used[i])
			fail_msg("no such difference: %s", differences[i].line);
}

/* R7.4, R7.8: line by line, element for element. */
static void is_the_sample_of_rfc9990(void **state)
{
	struct buf text = BUF_INIT(1 << 20), ours = BUF_INIT(1 << 20);
	struct buf sample = BUF_INIT(1 << 20);
	struct err err = ERR_INIT;
	xmlDocPtr doc;

	(void)state;
	document(&sample_head, &sample_row, 1, &text);
	doc = xmlReadMemory(text.p, (int)text.n, "report.xml", NULL,
			    XML_PARSE_NONET);
	assert_non_null(doc);
	flatten(xmlDocGetRootElement(doc), "", &ours);
	xmlFreeDoc(doc);
	if (file_read(data_path("written/sample-rfc9990.txt"), &sample, &err) <
	    0)
		fail_msg("%s", err.text);
	compare_lines(buf_span(&ours), buf_span(&sample));
	buf_release(&text);
	buf_release(&ours);
	buf_release(&sample);
}

/* Who sends a long selector does not keep the report from being written. */
static void cuts_long_texts(void **state)
{
	struct buf text = BUF_INIT(1 << 20), part = BUF_INIT(1 << 20);
	struct report_row row = full_row;
	struct report_head head = full_head;
	char *hostile = malloc(60000);
	size_t i;

	(void)state;
	assert_non_null(hostile);
	memset(hostile, 1, 60000); /* three octets each when it is cleaned */
	row.dkim[0].selector = (struct span){ hostile, 60000 };
	for (i = 0; i < MAX_REPORT_ERRORS; i++)
		head.errors[i] = row.dkim[0].selector;
	head.n_errors = MAX_REPORT_ERRORS;
	row.reasons[1].comment = row.dkim[0].selector;
	document(&head, &row, 1, &text);
	buf_add_string(&part, "<selector>");
	for (i = 0; i < 4096 / 3; i++)
		buf_add_string(&part, "\xef\xbf\xbd");
	buf_add_string(&part, "</selector>");
	assert_non_null(strstr(buf_string(&text), buf_string(&part)));
	free(hostile);
	buf_release(&text);
	buf_release(&part);
}

/* ---------------------------------------------------------------- failures */

static void expect_failure(int fd, bool gzip, size_t max,
			   const struct report_head *head,
			   const struct report_row *rows, size_t n,
			   enum err_kind kind, const char *text)
{
	struct err err = ERR_INIT;
	struct report_sink *sink = xml_writer_new(fd, gzip, max, &err);

	assert_non_null(sink);
	assert_int_equal(write_report(sink, head, rows, n, &err), -1);
	assert_int_equal(err.kind, kind);
	if (strstr(err.text, text) == NULL)
		fail_msg("%s", err.text);
	xml_writer_free(&sink);
}

static void refuses_what_no_schema_allows(void **state)
{
	struct report_row row = bare_row;
	struct report_head head = full_head;
	int fd = open_temp();

	(void)state;
	expect_failure(fd, false, NO_LIMIT, &head, NULL, 0, ERR_INPUT,
		       "no rows");
	row.source_ip = span_of("192.0.2.256");
	expect_failure(fd, false, NO_LIMIT, &head, &row, 1, ERR_INPUT,
		       "192.0.2.256");
	head.policy_domain = SPAN("");
	expect_failure(fd, false, NO_LIMIT, &head, &bare_row, 1, ERR_INPUT,
		       "policy domain");
	head = full_head;
	head.report_id = SPAN("");
	expect_failure(fd, false, NO_LIMIT, &head, &bare_row, 1, ERR_INPUT,
		       "report id");
	close(fd);
}

static void refuses_rejected(void **state)
{
	static const struct report_end rejected = { .status = REPORT_REJECTED,
						    .reason = { "why", 3 } };
	struct err err = ERR_INIT;
	int fd = open_temp();
	struct report_sink *sink = xml_writer_new(fd, false, NO_LIMIT, &err);

	(void)state;
	assert_int_equal(sink->begin(sink, SPAN(""), &err), 0);
	assert_int_equal(sink->head(sink, &full_head, &err), 0);
	assert_int_equal(sink->row(sink, &bare_row, &err), 0);
	assert_int_equal(sink->end(sink, &rejected, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	xml_writer_free(&sink);
	close(fd);
}

static void tells_a_full_disk(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	if (fd < 0)
		skip();
	expect_failure(fd, false, NO_LIMIT, &full_head, &full_row, 1, ERR_TEMP,
		       "No space left");
	expect_failure(fd, true, NO_LIMIT, &full_head, &full_row, 1, ERR_TEMP,
		       "No space left");
	close(fd);
}

static void keeps_its_limit(void **state)
{
	struct buf text = BUF_INIT(1 << 20);
	int fd = open_temp();
	struct err err = ERR_INIT;
	struct report_sink *sink;

	(void)state;
	document(&full_head, &full_row, 1, &text);
	sink = xml_writer_new(fd, false, text.n, &err);
	assert_int_equal(write_report(sink, &full_head, &full_row, 1, &err), 0);
	xml_writer_free(&sink);
	expect_failure(fd, false, text.n - 1, &full_head, &full_row, 1,
		       ERR_LIMIT, "too large");
	expect_failure(fd, true, 100, &full_head, &full_row, 1, ERR_LIMIT,
		       "too large");
	close(fd);
	buf_release(&text);
}

/* -------------------------------------------------------------------- gzip */

static void unpack(int fd, struct buf *text)
{
	char piece[4096];
	gzFile file;
	int n;

	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	file = gzdopen(dup(fd), "rb");
	assert_non_null(file);
	while ((n = gzread(file, piece, sizeof(piece))) > 0)
		buf_add(text, (struct span){ piece, (size_t)n });
	assert_int_equal(n, 0);
	assert_int_equal(gzdirect(file), 0);
	assert_int_equal(gzclose(file), Z_OK);
}

static void packs(void **state)
{
	struct buf plain = BUF_INIT(1 << 20), unpacked = BUF_INIT(1 << 20);
	int fd = open_temp();
	struct err err = ERR_INIT;
	struct report_sink *sink = xml_writer_new(fd, true, NO_LIMIT, &err);

	(void)state;
	assert_int_equal(write_report(sink, &full_head, &full_row, 1, &err), 0);
	xml_writer_free(&sink);
	document(&full_head, &full_row, 1, &plain);
	unpack(fd, &unpacked);
	assert_string_equal(buf_string(&unpacked), buf_string(&plain));
	close(fd);
	buf_release(&plain);
	buf_release(&unpacked);
}

static size_t peak_memory(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	return (size_t)usage.ru_maxrss * 1024;
}

/* AddressSanitizer keeps what is freed, so memory grows all the time. */
static bool memory_tells_nothing(void)
{
#ifdef __has_feature
#if __has_feature(address_sanitizer)
	return true;
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
	return true;
#else
	return false;
#endif
}

static void needs_no_memory_for_rows(void **state)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct err err = ERR_INIT;
	struct report_sink *sink = xml_writer_new(fd, true, NO_LIMIT, &err);
	size_t before, i;

	(void)state;
	assert_int_equal(sink->begin(sink, SPAN(""), &err), 0);
	assert_int_equal(sink->head(sink, &full_head, &err), 0);
	assert_int_equal(sink->row(sink, &full_row, &err), 0);
	before = peak_memory();
	for (i = 0; i < MEMORY_ROWS; i++)
		assert_int_equal(sink->row(sink, &full_row, &err), 0);
	assert_int_equal(sink->end(sink, &good, &err), 0);
	assert_true(memory_tells_nothing() ||
		    peak_memory() - before < MAX_MEMORY_BYTES);
	xml_writer_free(&sink);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looks_like_rfc9990),
		cmocka_unit_test(looks_like_rfc7489),
		cmocka_unit_test(is_the_sample_of_rfc9990),
		cmocka_unit_test(cuts_long_texts),
		cmocka_unit_test(valid_rfc9990),
		cmocka_unit_test(valid_rfc7489),
		cmocka_unit_test(refuses_what_no_schema_allows),
		cmocka_unit_test(refuses_rejected),
		cmocka_unit_test(tells_a_full_disk),
		cmocka_unit_test(keeps_its_limit),
		cmocka_unit_test(packs),
		cmocka_unit_test(needs_no_memory_for_rows),
	};

	return cmocka_run_group_tests_name("write_xml", tests, NULL, NULL);
}
