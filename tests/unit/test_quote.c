/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/quote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "unit/cases.h"

#define LONGEST 256 /* of what a quoted text holds without being cut */

static void check(const struct test_case *c)
{
	expect(c, "quoted", quote(case_span(c, "text")).text);
}

static struct quoted quote_n(char c, size_t n)
{
	char text[600];

	memset(text, c, sizeof(text));
	return quote((struct span){ text, n });
}

static void the_longest_text_is_whole(void **state)
{
	struct quoted quoted = quote_n('a', LONGEST);

	(void)state;
	assert_int_equal(strlen(quoted.text), LONGEST);
	assert_int_equal(strspn(quoted.text, "a"), LONGEST);
}

static void one_more_is_cut(void **state)
{
	struct quoted quoted = quote_n('a', LONGEST + 1);

	(void)state;
	assert_int_equal(strspn(quoted.text, "a"), LONGEST);
	assert_string_equal(quoted.text + LONGEST, "...");
}

static void an_escape_is_never_cut_in_two(void **state)
{
	char text[LONGEST + 1];
	struct quoted quoted;

	(void)state;
	assert_string_equal(quote_n('\n', LONGEST / 4).text + LONGEST - 4,
			    "\\x0a");
	memset(text, 'a', sizeof(text));
	text[LONGEST - 3] = '\n'; /* three places left, four are needed */
	quoted = quote((struct span){ text, sizeof(text) });
	assert_string_equal(quoted.text + LONGEST - 4, "a...");
}

static void no_text_is_empty(void **state)
{
	(void)state;
	assert_string_equal(quote((struct span){ NULL, 0 }).text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_text_is_whole),
		cmocka_unit_test(one_more_is_cut),
		cmocka_unit_test(an_escape_is_never_cut_in_two),
		cmocka_unit_test(no_text_is_empty),
	};
	int failed = cases_run("quote.cases", check);

	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
