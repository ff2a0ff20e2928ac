/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/utc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/cases.h"

static void check_time(const struct test_case *c)
{
	int64_t time = strtoll(case_get(c, "time"), NULL, 10);

	expect(c, "date", utc_date(time).text);
	expect(c, "stamp", utc_stamp(time).text);
	expect(c, "mail", utc_mail(time).text);
	expect_int(c, "day", utc_day_begin(time));
}

static void check(const struct test_case *c)
{
	int64_t time = 12345;

	if (case_has(c, "time")) {
		check_time(c);
		return;
	}
	if (case_has(c, "iso")) {
		bool good = utc_parse_stamp(case_span(c, "iso"), &time);

		if (good)
			expect_int(c, "parsed", time);
		else
			expect(c, "parsed", "no");
		assert_true(good || time == 12345);
		return;
	}
	if (utc_parse_date(case_span(c, "text"), &time)) {
		expect_int(c, "parsed", time);
		return;
	}
	expect(c, "parsed", "no");
	assert_int_equal(time, 12345); /* only written when all is well */
}

static void no_text_is_no_date(void **state)
{
	int64_t time;

	(void)state;
	assert_false(utc_parse_date((struct span){ NULL, 0 }, &time));
}

static void dates_survive_the_round_trip(void **state)
{
	int64_t day;

	(void)state;
	for (day = 0; day < (int64_t)150 * 365 * UTC_DAY; day += UTC_DAY) {
		int64_t back;

		assert_true(utc_parse_date(span_of(utc_date(day + 12345).text),
					   &back));
		assert_int_equal(back, day);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_text_is_no_date),
		cmocka_unit_test(dates_survive_the_round_trip),
	};
	int failed;

	/* Whatever the machine's zone is: ours is UTC. */
	setenv("TZ", "Pacific/Kiritimati", 1);
	failed = cases_run("utc.cases", check);
	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
