/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What archives may cost, on both sides of each limit. What comes out of all
 * kinds of them is seen in tests/data/reports.
 */
#include "report/unpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "base/buf.h"
#include "report/limits.h"
#include "report/read.h"
#include "unit/said.h"

/* n octets of c as a gzip stream. */
static void add_gzip(struct buf *out, const char *bytes, size_t n, int level)
{
	z_stream stream = { .next_in = NULL };
	size_t room = n + n / 1000 + 1000;
	Bytef *to = malloc(room);
	char *from = malloc(n + 1);

	assert_non_null(to);
	assert_non_null(from);
	memcpy(from, bytes, n);
	assert_int_equal(deflateInit2(&stream, level, Z_DEFLATED,
				      MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY),
			 Z_OK);
	stream.next_in = (Bytef *)from;
	stream.avail_in = (uInt)n;
	stream.next_out = to;
	stream.avail_out = (uInt)room;
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	buf_add(out, (struct span){ (const char *)to, stream.total_out });
	deflateEnd(&stream);
	free(to);
	free(from);
}

/* All of the first entry; -1 with *err when it cannot be read. */
static int read_all(struct span bytes, struct unpack_budget *budget,
		    size_t *octets, struct err *err)
{
	struct unpack *unpack =
		unpack_new(content_of(bytes), bytes, budget, err);
	struct span name, piece;
	int more;

	*octets = 0;
	if (unpack == NULL)
		return -1;
	more = unpack_next(unpack, &name, err);
	while (more == 1 && (more = unpack_read(unpack, &piece, err)) == 1)
		*octets += piece.n;
	unpack_free(&unpack);
	return more;
}

/* n zeros, as well packed as can be. */
static int read_zeros(size_t n, struct unpack_budget *budget, struct err *err)
{
	struct buf packed = BUF_INIT((size_t)64 * 1024 * 1024);
	char *zeros = calloc(1, n);
	size_t octets;
	int result;

	assert_non_null(zeros);
	add_gzip(&packed, zeros, n, 9);
	result = read_all(buf_span(&packed), budget, &octets, err);
	if (result == 0)
		assert_int_equal(octets, n);
	buf_release(&packed);
	free(zeros);
	return result;
}

static void test_ratio(void **state)
{
	struct unpack_budget budget = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(read_zeros(UNPACK_RATIO_FROM, &budget, &err), 0);
	budget = (struct unpack_budget){ 0 };
	assert_int_equal(read_zeros(UNPACK_RATIO_FROM + 1, &budget, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_string_equal(err.text,
			    "unpacks to more than 250 times its size");
}

static void test_total(void **state)
{
	struct unpack_budget budget = { .unpacked = MAX_UNPACKED_BYTES - 100 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(read_zeros(100, &budget, &err), 0);
	assert_int_equal(budget.unpacked, MAX_UNPACKED_BYTES);
	assert_int_equal(read_zeros(1, &budget, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_string_equal(err.text, "unpacks to more than 1024 MiB");
}

static void test_entries(void **state)
{
	struct unpack_budget budget = { .entries = MAX_ENTRIES - 1 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(read_zeros(1, &budget, &err), 0);
	assert_int_equal(read_zeros(1, &budget, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_string_equal(err.text, "more than 200 files inside");
}

/* Something that begins like a zip, of n octets, in a gzip stream. */
static void read_inner(size_t n, const char *why)
{
	struct buf packed = BUF_INIT((size_t)128 * 1024 * 1024);
	struct err err = ERR_INIT;
	char *inner = malloc(n);
	struct said said;

	assert_non_null(inner);
	memset(inner, 'x', n);
	memcpy(inner, "PK\3\4", 4);
	add_gzip(&packed, inner, n, 0);
	free(inner);
	said_start(&said);
	assert_int_equal(report_read(buf_span(&packed), &said.sink, &err), 0);
	if (strstr(buf_string(&said.text), why) == NULL)
		fail_msg("%s", buf_string(&said.text));
	said_release(&said);
	buf_release(&packed);
}

static void test_inner(void **state)
{
	(void)state;
	read_inner(MAX_INNER_ARCHIVE_BYTES, "a zip archive that is broken");
	read_inner(MAX_INNER_ARCHIVE_BYTES + 1,
		   "an archive inside of more than 64 MiB");
}

/* A mail with n attached documents that are refused one by one. */
static size_t read_reports(size_t n, struct said *said)
{
	struct buf mail = BUF_INIT(1024 * 1024);
	struct err err = ERR_INIT;

	buf_add_string(&mail, "Subject: many\nMIME-Version: 1.0\n"
			      "Content-Type: multipart/mixed; boundary=b\n\n");
	while (n-- > 0)
		buf_add_string(&mail, "--b\nContent-Type: text/xml\n\n"
				      "<feedback/>\n");
	buf_add_string(&mail, "--b--\n");
	said_start(said);
	assert_int_equal(report_read(buf_span(&mail), &said->sink, &err), 0);
	buf_release(&mail);
	return said->reports;
}

static void test_reports(void **state)
{
	static const char why[] = "more reports than one mail may hold";
	struct said said;

	(void)state;
	assert_int_equal(read_reports(MAX_MAIL_REPORTS, &said),
			 MAX_MAIL_REPORTS);
	assert_null(strstr(buf_string(&said.text), why));
	said_release(&said);
	assert_int_equal(read_reports(MAX_MAIL_REPORTS + 5, &said),
			 MAX_MAIL_REPORTS + 2);
	assert_non_null(strstr(buf_string(&said.text), why));
	said_release(&said);
}

static void test_content(void **state)
{
	const struct {
		struct span bytes;
		enum content content;
	} cases[] = {
		{ SPAN(""), CONTENT_EMPTY },
		{ SPAN(" \r\n\t"), CONTENT_EMPTY },
		{ SPAN("\xef\xbb\xbf"), CONTENT_EMPTY },
		{ SPAN("  <a"), CONTENT_XML },
		{ SPAN("\xef\xbb\xbf<a"), CONTENT_XML },
		{ SPAN("\xff\xfe<\0"), CONTENT_XML },
		{ SPAN("\0<"), CONTENT_XML },
		{ SPAN("\n{}"), CONTENT_JSON },
		{ SPAN("\x1f\x8b"), CONTENT_GZIP },
		{ SPAN("\x1f"), CONTENT_OTHER },
		{ SPAN("PK\3\4"), CONTENT_ZIP },
		{ SPAN("PK\5\6"), CONTENT_ZIP },
		{ SPAN("PK\1\2"), CONTENT_OTHER },
		{ SPAN("x\x9c"), CONTENT_ZLIB },
		{ SPAN("x\x9d"), CONTENT_OTHER },
		{ SPAN("xmas"), CONTENT_OTHER },
		{ SPAN("Subject: x\n"), CONTENT_OTHER },
		{ SPAN("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), CONTENT_COMPOUND },
		{ SPAN("\xd0\xcf\x11\xe0\xa1\xb1\x1a"), CONTENT_OTHER },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (content_of(cases[i].bytes) != cases[i].content)
			fail_msg("case %zu is %s", i,
				 content_name(content_of(cases[i].bytes)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_content), cmocka_unit_test(test_ratio),
		cmocka_unit_test(test_total),   cmocka_unit_test(test_entries),
		cmocka_unit_test(test_inner),   cmocka_unit_test(test_reports),
	};
	struct err err = ERR_INIT;

	if (report_read_prepare(&err) < 0)
		return 99;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
