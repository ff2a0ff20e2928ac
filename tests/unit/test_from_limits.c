/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both sides of the limits of from.h, long fields, memory that runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "mail/from.h"
#include "mail/lex.h"
#include "unit/faults.h"

#define MEMORY ((size_t)1024 * 1024)

static struct from_result read_text(const struct buf *text, struct arena *arena)
{
	struct span body = buf_span(text);

	arena_reset(arena);
	return from_read(&body, 1, arena);
}

static void test_domains(void **state)
{
	struct arena *arena = arena_new(MEMORY);
	struct buf text = BUF_INIT(65536);
	struct from_result result;
	int i;

	(void)state;
	for (i = 0; i < MAX_FROM_DOMAINS; i++)
		buf_addf(&text, "a@d%d.example,", i);
	result = read_text(&text, arena);
	assert_int_equal(result.status, FROM_SEVERAL);
	assert_int_equal(result.n, MAX_FROM_DOMAINS);
	assert_string_equal(result.domain[MAX_FROM_DOMAINS - 1], "d19.example");
	buf_add_string(&text, "a@d0.example, a@more.example");
	result = read_text(&text, arena);
	assert_int_equal(result.status, FROM_MALFORMED);
	assert_int_equal(result.n, MAX_FROM_DOMAINS);
	assert_string_equal(result.why, "too many domains");
	buf_release(&text);
	arena_free(&arena);
}

static void test_mailboxes(void **state)
{
	struct arena *arena = arena_new(MEMORY);
	struct buf text = BUF_INIT(65536);
	struct from_result result;
	int i;

	(void)state;
	for (i = 0; i < MAX_FROM_MAILBOXES; i++)
		buf_add_string(&text, "a@b.example,");
	result = read_text(&text, arena);
	assert_int_equal(result.status, FROM_ONE);
	buf_add_string(&text, "a@c.example");
	result = read_text(&text, arena);
	assert_int_equal(result.status, FROM_MALFORMED);
	assert_int_equal(result.n, 1);
	assert_string_equal(result.why, "too many mailboxes");
	buf_release(&text);
	arena_free(&arena);
}

static enum from_status read_nested(size_t depth, struct arena *arena)
{
	struct buf text = BUF_INIT(65536);
	enum from_status status;
	size_t i;

	for (i = 0; i < depth; i++)
		buf_add_char(&text, '(');
	for (i = 0; i < depth; i++)
		buf_add_char(&text, ')');
	buf_add_string(&text, "a@b.example");
	status = read_text(&text, arena).status;
	buf_release(&text);
	return status;
}

static void test_comment_depth(void **state)
{
	struct arena *arena = arena_new(MEMORY);

	(void)state;
	assert_int_equal(read_nested(MAX_COMMENT_DEPTH, arena), FROM_ONE);
	assert_int_equal(read_nested(MAX_COMMENT_DEPTH + 1, arena),
			 FROM_MALFORMED);
	assert_int_equal(read_nested(10000, arena), FROM_MALFORMED);
	arena_free(&arena);
}

/* Processor time for the piece, again and again up to so many octets. */
static double seconds_for(const char *piece, size_t octets)
{
	struct arena *arena = arena_new(MEMORY);
	struct buf text = BUF_INIT((size_t)8 * 1024 * 1024);
	clock_t begin;

	while (text.n < octets)
		buf_add_string(&text, piece);
	assert_true(buf_ok(&text));
	begin = clock();
	(void)read_text(&text, arena);
	begin = clock() - begin;
	buf_release(&text);
	arena_free(&arena);
	return (double)begin / CLOCKS_PER_SEC;
}

/*
 * What makes parsers quadratic. 4 MB where a header has 100 kB: in a time that
 * is linear none of them takes a tenth of a second, squared all take minutes.
 */
static void test_long_fields(void **state)
{
	static const char *const pieces[] = {
		"a",
		" ",
		"\"",
		"\\\"",
		"(",
		"()",
		")",
		"(\\(",
		"<",
		"<a@",
		"@",
		"@a,",
		"<@a,@b",
		"a@b.example,",
		"a@[",
		"a@[\\[",
		",",
		":",
		"a:",
		"a:;,",
		"a b \"c\" (d)",
		"a@b.",
		".",
		"a@b@",
		"[,\"x\"",
		"a@\xc3\xbc,",
		"\xff",
		"a@[]",
		"a@b (c\\",
		"x <y>,",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		double seconds = seconds_for(pieces[i], (size_t)4 << 20);

		if (seconds > 5)
			fail_msg("%s: %f s", pieces[i], seconds);
	}
}

static void test_no_memory(void **state)
{
	struct span body = SPAN("a@b.example, c@d.example");
	size_t n;

	(void)state;
	for (n = 1; faults_begin(n); n++) {
		struct arena *arena = arena_new(MEMORY);
		struct from_result result = { .status = FROM_NONE };
		bool failed;

		if (arena != NULL)
			result = from_read(&body, 1, arena);
		failed = faults_end();
		if (!failed) {
			assert_int_equal(result.status, FROM_SEVERAL);
		} else if (arena != NULL) {
			assert_int_equal(result.status, FROM_MALFORMED);
			assert_string_equal(result.why, "out of memory");
		}
		arena_free(&arena);
		if (!failed)
			break;
	}
	assert_int_equal(n, 3);
}

static void test_small_arena(void **state)
{
	struct arena *arena = arena_new(32);
	struct span body = SPAN("a@b.example, c@a-longer-name.example");
	struct from_result result = from_read(&body, 1, arena);

	(void)state;
	assert_int_equal(result.status, FROM_MALFORMED);
	assert_int_equal(result.n, 1);
	assert_string_equal(result.why, "out of memory");
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_mailboxes),
		cmocka_unit_test(test_comment_depth),
		cmocka_unit_test(test_long_fields),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_small_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
