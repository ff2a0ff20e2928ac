/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both sides of the limits of zonefile.h, and memory that runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "dns/zonefile.h"
#include "unit/faults.h"

static void expect_zone(struct span text, enum err_kind kind, const char *why)
{
	struct err err = ERR_INIT;
	struct resolver *zone = zonefile_parse(text, &err);

	assert_int_equal(zone == NULL, kind != ERR_NONE);
	assert_int_equal(err.kind, kind);
	assert_string_equal(err.text, why);
	resolver_free(&zone);
}

static void test_bytes(void **state)
{
	struct buf text = BUF_INIT(MAX_ZONE_BYTES + 1);
	size_t i;

	(void)state;
	for (i = 0; i < MAX_ZONE_BYTES; i++)
		buf_add_char(&text, '\n');
	expect_zone(buf_span(&text), ERR_NONE, "");
	buf_add_char(&text, '\n');
	expect_zone(buf_span(&text), ERR_LIMIT,
		    "zone file over 16777216 bytes");
	buf_release(&text);
}

static void test_records(void **state)
{
	struct buf text = BUF_INIT(MAX_ZONE_BYTES);
	int i;

	(void)state;
	for (i = 0; i < MAX_ZONE_RECORDS; i++)
		buf_add_string(&text, "a A 192.0.2.1\n");
	assert_true(buf_ok(&text));
	expect_zone(buf_span(&text), ERR_NONE, "");
	buf_add_string(&text, "a A 192.0.2.1\n");
	expect_zone(buf_span(&text), ERR_LIMIT,
		    "line 100001: more than 100000 records");
	buf_release(&text);
}

static void test_words(void **state)
{
	struct buf text = BUF_INIT(MAX_ZONE_BYTES);
	int i;

	(void)state;
	buf_add_string(&text, "a TXT");
	for (i = 2; i < MAX_ZONE_WORDS; i++)
		buf_add_string(&text, " x");
	expect_zone(buf_span(&text), ERR_NONE, "");
	buf_add_string(&text, " x");
	expect_zone(buf_span(&text), ERR_INPUT, "line 1: too many words");
	buf_release(&text);
}

/* Short lines below a long $ORIGIN want more memory than they have octets. */
static void test_memory(void **state)
{
	struct buf text = BUF_INIT(MAX_ZONE_BYTES);
	struct err err = ERR_INIT;
	int i;

	(void)state;
	buf_add_string(&text, "$ORIGIN ");
	for (i = 0; i < 125; i++)
		buf_add_string(&text, "a.");
	for (i = 0; i < MAX_ZONE_RECORDS; i++)
		buf_addf(&text, "\n%s CNAME b", i % 2 == 0 ? "a" : "b");
	for (i = 0; i < 100; i++)
		buf_addf(&text, "\n$ORIGIN .");
	assert_null(zonefile_parse(buf_span(&text), &err));
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_non_null(strstr(err.text, "zone needs too much memory"));
	buf_release(&text);
}

static void test_no_memory(void **state)
{
	static const char text[] =
		"$ORIGIN example.\n@ SOA a b 1 2 3 4 5\n"
		"a TXT one \"t\\wo\"\n MX 1 b\n A 192.0.2.1\nb CNAME a\n"
		";!timeout c\n";
	struct dns_question question = { .name = "b.example", .type = DNS_TXT };
	size_t n;

	(void)state;
	for (n = 1; faults_begin(n); n++) {
		struct arena *arena = arena_new(65536);
		struct dns_answer answer = { .status = DNS_FAIL };
		struct err err = ERR_INIT;
		struct resolver *zone = zonefile_parse(SPAN(""), &err);
		bool failed;

		resolver_free(&zone);
		zone = zonefile_parse(span_of(text), &err);
		if (zone != NULL && arena != NULL)
			zone->ask(zone, &question, &answer, 1, arena);
		failed = faults_end();
		if (answer.status != DNS_FAIL) {
			assert_int_equal(answer.status, DNS_FOUND);
			assert_true(span_is(answer.records[0], "onetwo"));
		} else {
			assert_true(failed);
		}
		assert_true(zone != NULL || err.kind != ERR_NONE);
		resolver_free(&zone);
		arena_free(&arena);
		if (!failed)
			break;
	}
	assert_true(n > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
