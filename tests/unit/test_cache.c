/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dns/zonefile.h"

/* Counts what comes through, in front of a zone. */
struct counter {
	struct resolver resolver;
	struct resolver *behind;
	size_t batches;
	size_t questions;
};

static void count(struct resolver *self, const struct dns_question *questions,
		  struct dns_answer *answers, size_t n, struct arena *arena)
{
	struct counter *counter = (struct counter *)self;

	counter->batches++;
	counter->questions += n;
	counter->behind->ask(counter->behind, questions, answers, n, arena);
}

struct setup {
	struct counter counter;
	struct arena *arena;
	struct resolver *cache;
};

static void begin(struct setup *s, size_t memory)
{
	struct err err = ERR_INIT;

	*s = (struct setup){ .counter.resolver.ask = count };
	s->counter.behind = zonefile_parse(
		SPAN("a.example. TXT one\n;!servfail b.example\n"), &err);
	assert_non_null(s->counter.behind);
	s->arena = arena_new(memory);
	s->cache = dns_cache_new(&s->counter.resolver, s->arena);
	assert_non_null(s->cache);
}

static void end(struct setup *s)
{
	resolver_free(&s->cache);
	resolver_free(&s->counter.behind);
	arena_free(&s->arena);
}

static void test_nothing_is_asked_twice(void **state)
{
	char name[] = "a.example";
	struct dns_question question[4] = {
		{ .name = name, .type = DNS_TXT },
		{ .name = "b.example", .type = DNS_TXT },
		{ .name = "a.example", .type = DNS_TXT },
		{ .name = "a.example", .type = DNS_A }
	};
	struct dns_answer answer[4];
	const struct dns_question *asked;
	struct setup s;
	size_t n;

	(void)state;
	begin(&s, 65536);
	s.cache->ask(s.cache, question, answer, 4, NULL);
	assert_int_equal(s.counter.batches, 1);
	assert_int_equal(s.counter.questions, 3);
	assert_int_equal(answer[0].status, DNS_FOUND);
	assert_int_equal(answer[1].status, DNS_FAIL);
	assert_string_equal(answer[1].why, "SERVFAIL");
	assert_int_equal(answer[2].status, DNS_FOUND);
	assert_int_equal(answer[2].n, 1);
	assert_true(span_is(answer[2].records[0], "one"));
	assert_int_equal(answer[3].status, DNS_NODATA);

	/* A failure is an answer for this message, too. */
	s.cache->ask(s.cache, question, answer, 2, NULL);
	assert_int_equal(s.counter.batches, 1);
	assert_int_equal(answer[1].status, DNS_FAIL);

	/* The caller's name may go away. */
	memset(name, 'x', sizeof(name) - 1);
	asked = dns_cache_asked(s.cache, &n);
	assert_int_equal(n, 3);
	assert_string_equal(asked[0].name, "a.example");
	assert_string_equal(asked[1].name, "b.example");
	assert_int_equal(asked[2].type, DNS_A);
	end(&s);
}

/* What is asked ahead is listed from when it is wanted, and is asked once. */
static void test_ahead(void **state)
{
	struct dns_question ahead[2] = {
		{ .name = "a.example", .type = DNS_TXT, .ahead = true },
		{ .name = "b.example", .type = DNS_TXT, .ahead = true }
	};
	struct dns_question other = { .name = "c.example", .type = DNS_TXT };
	struct dns_question wanted = { .name = "b.example", .type = DNS_TXT };
	struct dns_answer answer[2];
	const struct dns_question *asked;
	struct setup s;
	size_t n;

	(void)state;
	begin(&s, 65536);
	s.cache->ask(s.cache, ahead, answer, 2, NULL);
	assert_int_equal(s.counter.batches, 1);
	assert_int_equal(s.counter.questions, 2);
	assert_int_equal(answer[0].status, DNS_FOUND);
	(void)dns_cache_asked(s.cache, &n);
	assert_int_equal(n, 0);
	s.cache->ask(s.cache, &other, answer, 1, NULL);
	s.cache->ask(s.cache, &wanted, answer, 1, NULL);
	assert_int_equal(answer[0].status, DNS_FAIL);
	s.cache->ask(s.cache, &wanted, answer, 1, NULL);
	s.cache->ask(s.cache, ahead, answer, 2, NULL);
	assert_int_equal(s.counter.batches, 2);
	assert_int_equal(s.counter.questions, 3);
	asked = dns_cache_asked(s.cache, &n);
	assert_int_equal(n, 2);
	assert_string_equal(asked[0].name, "c.example");
	assert_string_equal(asked[1].name, "b.example");
	end(&s);
}

static void test_a_cache_needs_no_cache(void **state)
{
	struct arena *arena = arena_new(65536);
	struct setup s;

	(void)state;
	begin(&s, 65536);
	assert_ptr_equal(dns_cache_new(s.cache, arena), s.cache);
	arena_free(&arena);
	end(&s);
}

static void test_many_questions(void **state)
{
	struct dns_answer answer;
	char name[32];
	struct setup s;
	size_t n;
	int round, i;

	(void)state;
	begin(&s, (size_t)1024 * 1024);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 100; i++) {
			struct dns_question question = { .name = name,
							 .type = DNS_TXT };

			snprintf(name, sizeof(name), "n%d.example", i);
			s.cache->ask(s.cache, &question, &answer, 1, NULL);
			assert_int_equal(answer.status, DNS_NXDOMAIN);
		}
	}
	assert_int_equal(s.counter.questions, 100);
	assert_string_equal(dns_cache_asked(s.cache, &n)[99].name,
			    "n99.example");
	assert_int_equal(n, 100);
	end(&s);
}

static void test_no_memory_is_a_failure(void **state)
{
	struct dns_question question = { .name = "a.example", .type = DNS_TXT };
	struct dns_answer answer = { .status = DNS_NXDOMAIN };
	struct setup s;

	(void)state;
	begin(&s, 256);
	s.cache->ask(s.cache, &question, &answer, 1, NULL);
	assert_int_equal(answer.status, DNS_FAIL);
	assert_string_equal(answer.why, "out of memory");
	assert_int_equal(s.counter.questions, 0);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_asked_twice),
		cmocka_unit_test(test_ahead),
		cmocka_unit_test(test_a_cache_needs_no_cache),
		cmocka_unit_test(test_many_questions),
		cmocka_unit_test(test_no_memory_is_a_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
