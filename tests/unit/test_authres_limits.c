/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both sides of the limits of authres.h and lex.h, and memory that runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "mail/authres.h"
#include "mail/lex.h"
#include "unit/faults.h"

#define MEMORY ((size_t)1024 * 1024)

static void repeat(struct buf *text, const char *what, size_t n)
{
	while (n-- > 0)
		buf_add_string(text, what);
}

static size_t count_results(size_t n)
{
	struct buf text = BUF_INIT(65536);
	struct arena *arena = arena_new(MEMORY);
	struct authres authres = { .n = 0 };

	buf_add_string(&text, "mx.test");
	repeat(&text, "; spf=pass", n);
	assert_true(authres_parse(buf_span(&text), arena, &authres));
	buf_release(&text);
	arena_free(&arena);
	return authres.n;
}

static void test_results(void **state)
{
	(void)state;
	assert_int_equal(count_results(MAX_AUTHRES_RESULTS - 1),
			 MAX_AUTHRES_RESULTS - 1);
	assert_int_equal(count_results(MAX_AUTHRES_RESULTS),
			 MAX_AUTHRES_RESULTS);
	assert_int_equal(count_results(MAX_AUTHRES_RESULTS + 1),
			 MAX_AUTHRES_RESULTS);
}

/* The result stays; what it has too much of is dropped. */
static void test_properties(void **state)
{
	struct buf text = BUF_INIT(65536);
	struct arena *arena = arena_new(MEMORY);
	struct authres authres;

	(void)state;
	buf_add_string(&text, "mx.test; a=b");
	repeat(&text, " c.d=e", MAX_AUTHRES_PROPERTIES + 1);
	buf_add_string(&text, "; f=g h.i=j");
	assert_true(authres_parse(buf_span(&text), arena, &authres));
	assert_int_equal(authres.n, 2);
	assert_int_equal(authres.results[0].n, MAX_AUTHRES_PROPERTIES);
	assert_int_equal(authres.results[1].n, 1);
	buf_release(&text);
	arena_free(&arena);
}

static bool reads_nested(size_t depth)
{
	struct buf text = BUF_INIT((size_t)1024 * 1024);
	struct span rest;
	bool read;

	repeat(&text, "(", depth);
	repeat(&text, ")", depth);
	rest = buf_span(&text);
	read = lex_skip(&rest, NULL);
	assert_int_equal(rest.n, read ? 0 : 2 * depth);
	buf_release(&text);
	return read;
}

static void test_comment_depth(void **state)
{
	(void)state;
	assert_true(reads_nested(MAX_COMMENT_DEPTH));
	assert_false(reads_nested(MAX_COMMENT_DEPTH + 1));
	assert_false(reads_nested(100000));
}

static void test_no_memory(void **state)
{
	static const char text[] =
		"\"m\\x.test\" 1; dkim=pass reason=\"a\\b\" header.d=\"c\\d\"";
	size_t n;

	(void)state;
	for (n = 1; faults_begin(n); n++) {
		struct arena *arena = arena_new(MEMORY);
		struct authres authres = { .n = 0 };
		bool read = arena != NULL &&
			    authres_parse(span_of(text), arena, &authres);
		bool failed = faults_end();

		assert_int_equal(read, !failed);
		assert_int_equal(authres.n, read ? 1 : 0);
		arena_free(&arena);
		if (!failed)
			break;
	}
	assert_true(n > 2);
}

/* An arena that is too small by any number of bytes gives all or nothing. */
static void test_small_arena(void **state)
{
	static const char text[] =
		"\"m\\x.test\" \"\\1\"; dkim=pass reason=\"a\\b\" header.d=\"c\\d\"";
	size_t limit;

	(void)state;
	for (limit = 0;; limit++) {
		struct arena *arena = arena_new(limit);
		struct authres authres = { .n = 0 };
		bool read = authres_parse(span_of(text), arena, &authres);

		assert_int_equal(authres.n, read ? 1 : 0);
		if (read) {
			assert_int_equal(authres.results[0].n, 1);
			assert_non_null(authres.version.p);
		}
		arena_free(&arena);
		if (read)
			break;
	}
	assert_true(limit > 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_properties),
		cmocka_unit_test(test_comment_depth),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_small_arena),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
