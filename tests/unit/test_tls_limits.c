/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both sides of the limits of a TLS report that no sample of tests/data/reports
 * is made for, since it would be too long.
 */
#include "report/tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "report/limits.h"
#include "unit/said.h"

#define OPENING                                                  \
	"{\"organization-name\":\"R\",\"report-id\":\"1\","      \
	"\"date-range\":{\"start-datetime\":\"2023-11-15T00:00:" \
	"00Z\",\"end-datetime\":\"2023-11-15T23:59:59Z\"},"      \
	"\"policies\":[],\"x\":"

/* Is it good? Otherwise the reason has these words. */
static void check(struct span text, const char *refusal)
{
	struct err err = ERR_INIT;
	struct said said;

	said_start(&said);
	assert_int_equal(tls_read(SPAN(""), text, &said.sink, &err), 0);
	assert_null(said.broken);
	assert_int_equal(said.good, refusal == NULL ? 1 : 0);
	if (refusal != NULL)
		assert_non_null(strstr(buf_string(&said.text), refusal));
	said_release(&said);
}

static void fill(struct buf *text, char c, size_t n)
{
	while (n-- > 0)
		buf_add_char(text, c);
}

/* MAX_TLS_BYTES */
static void test_length(void **state)
{
	struct buf text = BUF_INIT(MAX_TLS_BYTES + 1);

	(void)state;
	buf_add_string(&text, OPENING "1");
	fill(&text, ' ', MAX_TLS_BYTES - text.n - 1);
	buf_add_char(&text, '}');
	assert_int_equal(text.n, MAX_TLS_BYTES);
	check(buf_span(&text), NULL);
	buf_add_char(&text, '\n');
	assert_true(buf_ok(&text));
	check(buf_span(&text), "JSON of more than 8 MiB");
	buf_release(&text);
}

static void check_depth(size_t depth, const char *refusal)
{
	struct buf text = BUF_INIT(4096);

	/* The object is the first level, what is in the innermost the last. */
	buf_add_string(&text, OPENING);
	fill(&text, '[', depth - 2);
	buf_add_char(&text, '1');
	fill(&text, ']', depth - 2);
	buf_add_char(&text, '}');
	assert_true(buf_ok(&text));
	check(buf_span(&text), refusal);
	buf_release(&text);
}

/* MAX_TLS_DEPTH */
static void test_depth(void **state)
{
	(void)state;
	check_depth(MAX_TLS_DEPTH, NULL);
	check_depth(MAX_TLS_DEPTH + 1, "nesting too deep");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
