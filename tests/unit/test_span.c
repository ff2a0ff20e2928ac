/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/span.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "unit/cases.h"

static const struct span nothing = { NULL, 0 };

static void check_pieces(const struct test_case *c, const char *field)
{
	bool lines = field[0] == 'l';
	struct buf got = BUF_INIT(4096);
	struct span rest = case_span(c, "text"), piece;
	bool first = true;

	while (lines ? span_take_line(&rest, &piece) :
		       span_take_item(&rest, ';', &piece)) {
		if (!first)
			buf_add_char(&got, '|');
		first = false;
		buf_add(&got, piece);
	}
	assert_int_equal(rest.n, 0);
	expect_span(c, field, (struct span){ buf_string(&got), got.n });
	buf_release(&got);
}

static void check_number(const struct test_case *c)
{
	uint64_t max = strtoull(case_get(c, "max"), NULL, 10);
	uint64_t number = 12345;
	struct buf got = BUF_INIT(64);

	if (span_to_uint(case_span(c, "text"), max, &number)) {
		buf_addf(&got, "%" PRIu64, number);
	} else {
		buf_add_string(&got, "no");
		assert_true(number == 12345);
	}
	expect_span(c, "number", buf_span(&got));
	buf_release(&got);
}

static void check(const struct test_case *c)
{
	if (case_has(c, "lines"))
		check_pieces(c, "lines");
	else if (case_has(c, "items"))
		check_pieces(c, "items");
	else if (case_has(c, "number"))
		check_number(c);
	else
		expect_span(c, "trimmed", span_trim(case_span(c, "text")));
}

static void no_text_is_harmless(void **state)
{
	struct span rest = nothing, taken;

	(void)state;
	assert_null(span_of(NULL).p);
	assert_true(span_equal(nothing, SPAN("")));
	assert_true(span_equal_nocase(nothing, nothing));
	assert_true(span_is(nothing, ""));
	assert_false(span_is(nothing, "a"));
	assert_false(span_starts(nothing, "a"));
	assert_false(span_ends(nothing, "a"));
	assert_true(span_ends(nothing, ""));
	assert_false(span_has(nothing, '\0'));
	assert_int_equal(span_trim(nothing).n, 0);
	assert_false(span_take_until(&rest, ';', &taken));
	assert_false(span_take_line(&rest, &taken));
	assert_false(span_take_item(&rest, ';', &taken));
}

static void letter_case_is_that_of_ascii(void **state)
{
	(void)state;
	assert_true(span_is(SPAN("DMARC1"), "dmarc1"));
	assert_true(span_equal_nocase(SPAN("aZ"), SPAN("Az")));
	assert_false(span_equal(SPAN("aZ"), SPAN("Az")));
	/* The neighbours of the letters, which a sloppy mask would mix up. */
	assert_false(span_equal_nocase(SPAN("@["), SPAN("`{")));
	/* Latin-1 letters are bytes like others. */
	assert_false(span_equal_nocase(SPAN("\xc4"), SPAN("\xe4")));
}

static void a_prefix_is_not_the_word(void **state)
{
	(void)state;
	assert_false(span_is(SPAN("DMARC12"), "dmarc1"));
	assert_false(span_is(SPAN("DMARC"), "dmarc1"));
	assert_true(span_starts(SPAN("DMARC1; p"), "dmarc1"));
	assert_false(span_starts(SPAN("dm"), "dmarc1"));
	assert_true(span_ends(SPAN("a.ZIP"), ".zip"));
	assert_false(span_ends(SPAN("zip"), ".zip"));
	/* A NUL does not end a span early. */
	assert_false(span_is(SPAN("a\0b"), "a"));
	assert_true(span_has(SPAN("a\0b"), '\0'));
}

static void what_is_not_found_is_not_taken(void **state)
{
	struct span rest = SPAN("a=b"), taken = SPAN("before");

	(void)state;
	assert_false(span_take_until(&rest, ';', &taken));
	assert_true(span_equal(rest, SPAN("a=b")));
	assert_true(span_equal(taken, SPAN("before")));
	assert_true(span_take_until(&rest, '=', &taken));
	assert_true(span_equal(taken, SPAN("a")));
	assert_true(span_equal(rest, SPAN("b")));
}

static void a_separator_at_the_end_leaves_nothing(void **state)
{
	struct span rest = SPAN("a;"), taken;

	(void)state;
	assert_true(span_take_until(&rest, ';', &taken));
	assert_int_equal(rest.n, 0);
	assert_false(span_take_until(&rest, ';', &taken));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_text_is_harmless),
		cmocka_unit_test(letter_case_is_that_of_ascii),
		cmocka_unit_test(a_prefix_is_not_the_word),
		cmocka_unit_test(what_is_not_found_is_not_taken),
		cmocka_unit_test(a_separator_at_the_end_leaves_nothing),
	};
	int failed = cases_run("span.cases", check);

	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
