/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "body" is a Received field, "address", "helo" and "name" what is read of it, "-"
 * when that is nothing. With "relays", all "body" fields of a case are a message's,
 * and "way" and "address" say where it comes from.
 */
#include "mail/received.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "unit/cases.h"

#define MAX_BODIES 8

static void check_one(const struct test_case *c)
{
	struct received received = { .address = "untouched" };
	bool good = received_read(case_span(c, "body"), &received);

	expect(c, "address", good ? received.address : NULL);
	expect_span(c, "helo", received.helo);
	expect_span(c, "name", received.name);
	if (!good)
		assert_string_equal(received.address, "untouched");
}

static void check_way(const struct test_case *c)
{
	static const char *const ways[] = {
		[RECEIVED_DIRECT] = "direct",
		[RECEIVED_BY_RELAY] = "by relay",
		[RECEIVED_LOST] = "lost",
	};
	struct span bodies[MAX_BODIES];
	struct received source;
	size_t n = 0;

	while (n < MAX_BODIES && (bodies[n] = case_nth(c, "body", n)).p != NULL)
		n++;
	expect(c, "way",
	       ways[received_source(case_span(c, "relays"),
				    case_get(c, "client"), bodies, n,
				    &source)]);
	expect(c, "address", source.address);
	expect_span(c, "helo", source.helo);
}

static void check(const struct test_case *c)
{
	if (case_has(c, "relays"))
		check_way(c);
	else
		check_one(c);
}

/* The longest field that is read, and one octet more. */
static void fields_have_a_limit(void **state)
{
	struct buf body = BUF_INIT(2 * MAX_RECEIVED_BYTES);
	struct received received;

	(void)state;
	buf_add_string(&body, "from a.test (a.test [192.0.2.7]) by mx.test ");
	while (body.n < MAX_RECEIVED_BYTES)
		buf_add_char(&body, 'x');
	assert_true(received_read(buf_span(&body), &received));
	buf_add_char(&body, 'x');
	assert_false(received_read(buf_span(&body), &received));
	buf_release(&body);
}

static void hops_have_a_limit(void **state)
{
	struct span bodies[MAX_RECEIVED_HOPS + 1];
	struct received source;
	size_t i;

	(void)state;
	for (i = 0; i <= MAX_RECEIVED_HOPS; i++)
		bodies[i] = SPAN("from a ([192.0.2.1]) by b");
	bodies[MAX_RECEIVED_HOPS - 1] = SPAN("from x ([203.0.113.9]) by b");
	assert_int_equal(received_source(SPAN("192.0.2.1"), "192.0.2.1", bodies,
					 MAX_RECEIVED_HOPS + 1, &source),
			 RECEIVED_BY_RELAY);
	bodies[MAX_RECEIVED_HOPS] = bodies[MAX_RECEIVED_HOPS - 1];
	bodies[MAX_RECEIVED_HOPS - 1] = bodies[0];
	assert_int_equal(received_source(SPAN("192.0.2.1"), "192.0.2.1", bodies,
					 MAX_RECEIVED_HOPS + 1, &source),
			 RECEIVED_LOST);
	assert_string_equal(source.address, "192.0.2.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_have_a_limit),
		cmocka_unit_test(hops_have_a_limit),
	};

	return cases_run("received.cases", check) +
	       cmocka_run_group_tests(tests, NULL, NULL);
}
