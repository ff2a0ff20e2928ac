/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/cases.h"

/* Texts come from the cases file. */
static void check(const struct test_case *c)
{
	struct buf out = BUF_INIT(4096);
	struct json json = JSON_INIT(&out);

	json_text(&json, case_span(c, "text"));
	assert_true(buf_ok(&out));
	expect_span(c, "json", buf_span(&out));
	buf_release(&out);
}

static void commas_stand_between_values(void **state)
{
	struct buf out = BUF_INIT(4096);
	struct json json = JSON_INIT(&out);

	(void)state;
	json_open(&json, '{');
	json_key(&json, "list");
	json_open(&json, '[');
	json_open(&json, '{');
	json_close(&json, '}');
	json_open(&json, '[');
	json_close(&json, ']');
	json_int(&json, 1);
	json_null(&json);
	json_close(&json, ']');
	json_key_string(&json, "a", "b");
	json_key_text(&json, "c", (struct span){ NULL, 0 });
	json_key_string(&json, "d", NULL);
	json_key_bool(&json, "e", true);
	json_key_bool(&json, "f", false);
	json_close(&json, '}');
	assert_string_equal(buf_string(&out),
			    "{\"list\":[{},[],1,null],\"a\":\"b\","
			    "\"c\":null,\"d\":null,\"e\":true,\"f\":false}");
	buf_release(&out);
}

static void numbers_are_exact(void **state)
{
	struct buf out = BUF_INIT(4096);
	struct json json = JSON_INIT(&out);

	(void)state;
	json_open(&json, '{');
	json_key_int(&json, "least", INT64_MIN);
	json_key_int(&json, "most", INT64_MAX);
	json_key_uint(&json, "all", UINT64_MAX);
	json_close(&json, '}');
	assert_string_equal(buf_string(&out), "{\"least\":-9223372036854775808,"
					      "\"most\":9223372036854775807,"
					      "\"all\":18446744073709551615}");
	buf_release(&out);
}

static void a_key_is_quoted_like_a_text(void **state)
{
	struct buf out = BUF_INIT(4096);
	struct json json = JSON_INIT(&out);

	(void)state;
	json_open(&json, '{');
	json_key_int(&json, "a\"b", 1);
	json_close(&json, '}');
	assert_string_equal(buf_string(&out), "{\"a\\\"b\":1}");
	buf_release(&out);
}

/* A line of the verdict journal is written like this: too long is not half. */
static void too_long_is_noticed(void **state)
{
	struct buf out = BUF_INIT(8);
	struct json json = JSON_INIT(&out);

	(void)state;
	json_text(&json, SPAN("123456"));
	assert_true(buf_ok(&out));
	json_int(&json, 1);
	assert_false(buf_ok(&out));
	buf_release(&out);
}

static void hundredths_have_two_decimals(void **state)
{
	struct buf out = BUF_INIT(4096);
	struct json json = JSON_INIT(&out);

	(void)state;
	json_open(&json, '[');
	json_hundredths(&json, 0);
	json_hundredths(&json, 5);
	json_hundredths(&json, 450);
	json_hundredths(&json, -5);
	json_hundredths(&json, -1234);
	json_hundredths(&json, INT64_MIN);
	json_close(&json, ']');
	assert_string_equal(buf_string(&out), "[0.00,0.05,4.50,-0.05,-12.34,"
					      "-92233720368547758.08]");
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_stand_between_values),
		cmocka_unit_test(numbers_are_exact),
		cmocka_unit_test(hundredths_have_two_decimals),
		cmocka_unit_test(a_key_is_quoted_like_a_text),
		cmocka_unit_test(too_long_is_noticed),
	};
	int failed = cases_run("json.cases", check);

	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
