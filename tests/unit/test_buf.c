/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "unit/faults.h"

static void an_empty_buf_needs_no_memory(void **state)
{
	struct buf buf = BUF_INIT(10);

	(void)state;
	assert_true(buf_ok(&buf));
	assert_string_equal(buf_string(&buf), "");
	assert_int_equal(buf_span(&buf).n, 0);
	buf_drop(&buf, 5);
	buf_reset(&buf);
	assert_null(buf.p);
	buf_release(&buf);
}

static void pieces_stand_behind_each_other(void **state)
{
	struct buf buf = BUF_INIT(100);

	(void)state;
	buf_add(&buf, SPAN("a\0b"));
	buf_add_char(&buf, '-');
	buf_add_string(&buf, "cd");
	buf_addf(&buf, "%d%s", 42, "!");
	buf_add(&buf, (struct span){ NULL, 0 });
	assert_true(buf_ok(&buf));
	assert_true(span_equal(buf_span(&buf), SPAN("a\0b-cd42!")));
	assert_int_equal(buf_string(&buf)[buf.n], '\0');
	buf_release(&buf);
}

static void the_limit_is_reached_and_not_passed(void **state)
{
	struct buf buf = BUF_INIT(5);

	(void)state;
	buf_add(&buf, SPAN("12345"));
	assert_true(buf_ok(&buf));
	buf_add_char(&buf, '6');
	assert_false(buf_ok(&buf));
	assert_string_equal(buf_string(&buf), "12345");
	buf_release(&buf);
}

static void room_is_given_to_be_filled_in(void **state)
{
	struct buf buf = BUF_INIT(5);
	char *p;

	(void)state;
	buf_add_char(&buf, 'a');
	p = buf_more(&buf, 4);
	assert_non_null(p);
	memcpy(p, "bcde", 4);
	assert_string_equal(buf_string(&buf), "abcde");
	assert_non_null(buf_more(&buf, 0));
	assert_null(buf_more(&buf, 1));
	assert_false(buf_ok(&buf));
	assert_null(buf_more(&buf, 0));
	assert_string_equal(buf_string(&buf), "abcde");
	buf_release(&buf);
}

/* Half a piece would look like a whole one to whoever forgets buf_ok(). */
static void what_does_not_fit_is_not_cut(void **state)
{
	struct buf buf = BUF_INIT(5);

	(void)state;
	buf_add(&buf, SPAN("123"));
	buf_addf(&buf, "%s", "456");
	assert_false(buf_ok(&buf));
	assert_string_equal(buf_string(&buf), "123");
	buf_release(&buf);
}

static void failure_is_remembered(void **state)
{
	struct buf buf = BUF_INIT(5);

	(void)state;
	buf_add(&buf, SPAN("123456"));
	buf_add(&buf, SPAN("1"));
	assert_false(buf_ok(&buf));
	assert_int_equal(buf.n, 0);
	buf_reset(&buf);
	assert_true(buf_ok(&buf));
	buf_add(&buf, SPAN("1"));
	assert_string_equal(buf_string(&buf), "1");
	buf_release(&buf);
}

static void no_limit_is_a_limit_too(void **state)
{
	struct buf none = BUF_INIT(0), all = BUF_INIT(SIZE_MAX);
	char piece[100] = { 0 };
	int i;

	(void)state;
	buf_add(&none, SPAN(""));
	assert_true(buf_ok(&none));
	buf_add_char(&none, 'a');
	assert_false(buf_ok(&none));
	buf_release(&none);
	for (i = 0; i < 100; i++)
		buf_add(&all, (struct span){ piece, sizeof(piece) });
	assert_true(buf_ok(&all));
	assert_int_equal(all.n, 10000);
	/* Nobody has that much, and the sum must not wrap. */
	buf_add(&all, (struct span){ piece, SIZE_MAX - 10000 });
	assert_false(buf_ok(&all));
	assert_int_equal(all.n, 10000);
	buf_release(&all);
}

static void every_limit_holds(void **state)
{
	size_t max, i;

	(void)state;
	for (max = 0; max < 300; max++) {
		struct buf buf = BUF_INIT(max);

		for (i = 0; i < 400; i++)
			buf_add_char(&buf, (char)('a' + i % 26));
		assert_int_equal(buf.n, max);
		assert_int_equal(strlen(buf_string(&buf)), max);
		assert_false(buf_ok(&buf));
		buf_release(&buf);
	}
}

static void dropping_moves_the_rest_to_the_front(void **state)
{
	struct buf buf = BUF_INIT(100);

	(void)state;
	buf_add(&buf, SPAN("abcdef"));
	buf_drop(&buf, 0);
	assert_string_equal(buf_string(&buf), "abcdef");
	buf_drop(&buf, 4);
	assert_string_equal(buf_string(&buf), "ef");
	buf_drop(&buf, 3);
	assert_string_equal(buf_string(&buf), "");
	assert_int_equal(buf.n, 0);
	buf_release(&buf);
}

static void a_released_buf_can_be_used_again(void **state)
{
	struct buf buf = BUF_INIT(3);

	(void)state;
	buf_add(&buf, SPAN("1234"));
	buf_release(&buf);
	buf_add(&buf, SPAN("123"));
	assert_true(buf_ok(&buf));
	assert_string_equal(buf_string(&buf), "123");
	buf_release(&buf);
}

static void without_memory_nothing_is_added(void **state)
{
	bool failed;
	size_t n;

	(void)state;
	for (n = 1; faults_begin(n); n++) {
		struct buf buf = BUF_INIT(100000);
		int i;

		for (i = 0; i < 500; i++)
			buf_addf(&buf, "%03d.", i);
		failed = faults_end();
		assert_int_equal(buf_ok(&buf), !failed);
		assert_int_equal(buf.n % 4, 0);
		if (!failed)
			assert_int_equal(buf.n, 2000);
		buf_release(&buf);
		if (!failed)
			break;
	}
	assert_true(n > 3); /* or nothing was tried */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_buf_needs_no_memory),
		cmocka_unit_test(pieces_stand_behind_each_other),
		cmocka_unit_test(the_limit_is_reached_and_not_passed),
		cmocka_unit_test(room_is_given_to_be_filled_in),
		cmocka_unit_test(what_does_not_fit_is_not_cut),
		cmocka_unit_test(failure_is_remembered),
		cmocka_unit_test(no_limit_is_a_limit_too),
		cmocka_unit_test(every_limit_holds),
		cmocka_unit_test(dropping_moves_the_rest_to_the_front),
		cmocka_unit_test(a_released_buf_can_be_used_again),
		cmocka_unit_test(without_memory_nothing_is_added),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
