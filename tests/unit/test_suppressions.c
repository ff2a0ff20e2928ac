/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/suppressions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "report/address.h"
#include "store/bounces.h"

/* With a database: tests/integration/test-suppress.sh. */

static void becomes(const char *text, const char *expected)
{
	struct arena *arena = arena_new((size_t)64 * 1024);
	struct span pattern = { .p = NULL, .n = 0 };
	struct err err = ERR_INIT;
	int result;

	assert_non_null(arena);
	result = address_pattern(span_of(text), arena, &pattern, &err);
	if (expected == NULL) {
		assert_int_equal(result, -1);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_null(pattern.p);
	} else {
		assert_int_equal(result, 0);
		assert_true(span_equal(pattern, span_of(expected)));
	}
	arena_free(&arena);
}

static void patterns_have_one_form(void **state)
{
	(void)state;
	becomes("Rua@Example.ORG", "rua@example.org");
	becomes("*@Example.org", "*@example.org");
	becomes("*@example.org.", "*@example.org");
	becomes("@example.org", "*@example.org");
	becomes("@.Example.org", "@.example.org");
	becomes("@.example", "@.example");
	becomes("\"a,b\"@example.org", "\"a,b\"@example.org");
}

static void other_texts_are_none(void **state)
{
	static const char *const texts[] = {
		"",         "example.org", "@",       "*@",
		"@.",       "*",           "*@*",     "a*@example.org",
		"a@b@c.de", "a b@c.de",    "@@c.de",  "@..c.de",
		"*@c..de",  "a@localhost", "@.c d.e", "<a@example.org>",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		becomes(texts[i], NULL);
}

static void steps_are_days(void **state)
{
	struct suppress_steps steps = { .n = 7 };

	(void)state;
	assert_true(suppress_steps_parse(SPAN("1, 3,10 , 3650"), &steps));
	assert_int_equal(steps.n, 4);
	assert_int_equal(steps.days[0], 1);
	assert_int_equal(steps.days[2], 10);
	assert_int_equal(steps.days[3], MAX_SUPPRESS_DAYS);
	assert_true(suppress_steps_parse(SPAN(" "), &steps));
	assert_int_equal(steps.n, 0);
	assert_true(suppress_steps_parse(SPAN("1,2,3,4,5,6,7,8,9,10"), &steps));
	assert_int_equal(steps.n, MAX_SUPPRESS_STEPS);
}

static void other_steps_are_none(void **state)
{
	static const char *const texts[] = {
		"0", "-1", "1,x", "1.5", "3651", "1,2,3,4,5,6,7,8,9,10,11"
	};
	struct suppress_steps steps = { .n = 7 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_false(suppress_steps_parse(span_of(texts[i]), &steps));
		assert_int_equal(steps.n, 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_have_one_form),
		cmocka_unit_test(other_texts_are_none),
		cmocka_unit_test(steps_are_days),
		cmocka_unit_test(other_steps_are_none),
	};

	return cmocka_run_group_tests_name("suppressions", tests, NULL, NULL);
}
