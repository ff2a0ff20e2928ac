/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "unit/faults.h"

#define UNIT _Alignof(max_align_t) /* sizes are rounded up to it */

static bool is_zero(const char *p, size_t n)
{
	while (n > 0 && *p == 0) {
		p++;
		n--;
	}
	return n == 0;
}

static void memory_is_zeroed_and_aligned(void **state)
{
	struct arena *arena = arena_new(1024 * 1024);
	size_t n;

	(void)state;
	assert_non_null(arena);
	for (n = 0; n < 300; n++) {
		char *p = arena_alloc(arena, n);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % UNIT, 0);
		assert_true(is_zero(p, n));
		memset(p, 0xa5, n); /* the next must not see it */
	}
	arena_free(&arena);
	assert_null(arena);
	arena_free(&arena);
}

static void values_stay_where_they_are(void **state)
{
	struct arena *arena = arena_new(1024 * 1024);
	unsigned char *p[200];
	size_t i;

	(void)state;
	for (i = 0; i < 200; i++) {
		p[i] = arena_alloc(arena, 100 + i * 20);
		assert_non_null(p[i]);
		memset(p[i], (int)i, 100 + i * 20);
	}
	for (i = 0; i < 200; i++) {
		assert_int_equal(p[i][0], i);
		assert_int_equal(p[i][99 + i * 20], i);
	}
	arena_free(&arena);
}

static void the_limit_is_reached_and_not_passed(void **state)
{
	struct arena *arena = arena_new(10 * UNIT);

	(void)state;
	assert_non_null(arena_alloc(arena, 9 * UNIT));
	assert_null(arena_alloc(arena, UNIT + 1));
	assert_non_null(arena_alloc(arena, UNIT));
	assert_int_equal(arena_used(arena), 10 * UNIT);
	assert_null(arena_alloc(arena, 0));
	assert_null(arena_alloc(arena, 1));
	arena_free(&arena);
}

static void the_whole_limit_at_once(void **state)
{
	struct arena *arena = arena_new(100 * UNIT);

	(void)state;
	assert_null(arena_alloc(arena, 100 * UNIT + 1));
	assert_non_null(arena_alloc(arena, 100 * UNIT));
	arena_free(&arena);
}

static void huge_sizes_do_not_wrap(void **state)
{
	struct arena *arena = arena_new(SIZE_MAX);

	(void)state;
	assert_null(arena_alloc(arena, SIZE_MAX));
	assert_null(arena_alloc(arena, SIZE_MAX - UNIT));
	assert_null(arena_array(arena, SIZE_MAX / 2, 3));
	assert_null(arena_array(arena, 3, SIZE_MAX / 2));
	assert_null(arena_copy(arena, (struct span){ "", SIZE_MAX }).p);
	assert_non_null(arena_alloc(arena, 1));
	assert_non_null(arena_array(arena, 0, SIZE_MAX));
	assert_non_null(arena_array(arena, SIZE_MAX, 0));
	arena_free(&arena);
}

static void a_copy_is_a_c_string_too(void **state)
{
	struct arena *arena = arena_new(4096);
	char text[] = "a\0bc";
	struct span copy = arena_copy(arena, (struct span){ text, 3 });

	(void)state;
	text[0] = 'X';
	assert_true(span_equal(copy, SPAN("a\0b")));
	assert_int_equal(copy.p[3], '\0');
	copy = arena_copy(arena, (struct span){ NULL, 0 });
	assert_string_equal(copy.p, "");
	arena_free(&arena);
}

static void printf_fits_or_is_nothing(void **state)
{
	struct arena *arena = arena_new(2 * UNIT);

	(void)state;
	assert_null(arena_printf(arena, "%0*d", (int)(2 * UNIT), 7));
	assert_string_equal(arena_printf(arena, "%s=%d", "ab", 12), "ab=12");
	arena_free(&arena);
}

static void reset_begins_anew_with_clean_memory(void **state)
{
	struct arena *arena = arena_new(100 * 1024);
	char *p;
	int i;

	(void)state;
	arena_reset(arena); /* before anything was handed out */
	for (i = 0; i < 10; i++) {
		p = arena_alloc(arena, 5000);
		assert_non_null(p);
		memset(p, 0xa5, 5000);
	}
	arena_reset(arena);
	assert_int_equal(arena_used(arena), 0);
	for (i = 0; i < 20; i++) {
		p = arena_alloc(arena, 5000);
		assert_non_null(p);
		assert_true(is_zero(p, 5000));
	}
	arena_free(&arena);
}

/* Allocations of all kinds; the number of those that gave nothing. */
static int use_arena(struct arena *arena)
{
	int missing = 0, i;

	for (i = 0; i < 20; i++) {
		missing += arena_alloc(arena, 3000) == NULL;
		missing += arena_array(arena, 10, 300) == NULL;
		missing += arena_copy(arena, SPAN("text")).p == NULL;
		missing += arena_printf(arena, "%d", i) == NULL;
	}
	return missing;
}

static void without_memory_there_is_null(void **state)
{
	size_t n;

	(void)state;
	for (n = 1; faults_begin(n); n++) {
		struct arena *arena = arena_new(1024 * 1024);
		int missing = arena == NULL ? 1 : use_arena(arena);
		bool failed = faults_end();

		assert_int_equal(missing > 0, failed);
		/* A later request may find memory again. */
		if (arena != NULL)
			assert_non_null(arena_alloc(arena, 3000));
		arena_free(&arena);
		if (!failed)
			break;
	}
	assert_true(n > 3);
}

static void what_is_kept_back_comes_later(void **state)
{
	struct arena *arena = arena_new(1024);

	(void)state;
	arena_keep_back(arena, 1024 - 64);
	assert_null(arena_alloc(arena, 65));
	assert_non_null(arena_alloc(arena, 64));
	assert_null(arena_alloc(arena, 1));
	assert_int_equal(arena_left(arena), 1024 - 64);
	arena_keep_back(arena, 2000); /* more than there is */
	assert_null(arena_alloc(arena, 1));
	arena_keep_back(arena, 0);
	assert_non_null(arena_alloc(arena, 1024 - 64));
	arena_keep_back(arena, 1);
	arena_reset(arena);
	assert_non_null(arena_alloc(arena, 1024));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_and_aligned),
		cmocka_unit_test(values_stay_where_they_are),
		cmocka_unit_test(the_limit_is_reached_and_not_passed),
		cmocka_unit_test(the_whole_limit_at_once),
		cmocka_unit_test(huge_sizes_do_not_wrap),
		cmocka_unit_test(what_is_kept_back_comes_later),
		cmocka_unit_test(a_copy_is_a_c_string_too),
		cmocka_unit_test(printf_fits_or_is_nothing),
		cmocka_unit_test(reset_begins_anew_with_clean_memory),
		cmocka_unit_test(without_memory_there_is_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
