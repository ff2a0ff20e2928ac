/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "dmarc/verdict.h"
#include "unit/cases.h"

static void expect_spf(const struct test_case *c, const struct spf_fact *spf)
{
	char text[600] = "unknown";

	if (spf->known)
		snprintf(text, sizeof(text), "%s %s %s",
			 auth_result_name(spf->result),
			 spf_scope_name(spf->scope), spf->domain);
	expect(c, "spf", text);
}

/* "RESULT DOMAIN SELECTOR [no-key] (HUMAN)", one signature a line. */
static void
expect_dkim(const struct test_case *c, const struct message_facts *facts)
{
	struct buf all = BUF_INIT(65536);
	size_t i;

	for (i = 0; i < facts->n_dkim; i++) {
		const struct dkim_fact *dkim = &facts->dkim[i];

		buf_addf(&all, "%s%s %s %s%s", i > 0 ? "\n" : "",
			 auth_result_name(dkim->result), dkim->domain,
			 *dkim->selector == '\0' ? "-" : dkim->selector,
			 dkim->key_unavailable ? " no-key" : "");
		if (*dkim->human != '\0')
			buf_addf(&all, " (%s)", dkim->human);
	}
	expect(c, "dkim", buf_string(&all));
	buf_release(&all);
}

static void check(const struct test_case *c)
{
	struct arena *arena = arena_new((size_t)16 * 1024 * 1024);
	struct message_facts facts = { .helo = "", .mail_from = "" };
	struct err err = ERR_INIT;
	int result;

	if (case_has(c, "helo"))
		facts.helo = case_get(c, "helo");
	if (case_has(c, "mail-from"))
		facts.mail_from = case_get(c, "mail-from");
	result = facts_from_authres(&facts, case_span(c, "text"), arena, &err);
	expect(c, "error", result < 0 ? err.text : "");
	expect_spf(c, &facts.spf);
	expect_dkim(c, &facts);
	expect_int(c, "signatures", (long long)facts.n_dkim);
	arena_free(&arena);
}

/* As many signatures as there are, up to what is read of such a text. */
static void take_many(size_t given, size_t taken)
{
	struct arena *arena = arena_new((size_t)16 * 1024 * 1024);
	struct message_facts facts = { .helo = "", .mail_from = "" };
	struct buf text = BUF_INIT(1024 * 1024);
	struct err err = ERR_INIT;
	size_t i;

	buf_add_string(&text, "mx.example");
	for (i = 0; i < given; i++)
		buf_addf(&text, "; dkim=fail header.d=f%zu.example", i);
	assert_int_equal(
		facts_from_authres(&facts, buf_span(&text), arena, &err), 0);
	assert_int_equal(facts.n_dkim, taken);
	buf_release(&text);
	arena_free(&arena);
}

static void test_many(void **state)
{
	(void)state;
	take_many(MAX_DKIM_SIGNATURES + 1, MAX_DKIM_SIGNATURES + 1);
	take_many(MAX_DKIM_RESULTS, MAX_DKIM_RESULTS);
	take_many(MAX_DKIM_RESULTS + 1, MAX_DKIM_RESULTS);
}

/* Ids as Exim makes them, one after the other: 100 a draw, more or less. */
static void test_draws_are_even(void **state)
{
	unsigned count[100] = { 0 };
	char id[32];
	int i;

	(void)state;
	for (i = 0; i < 10000; i++) {
		snprintf(id, sizeof(id), "1wNx%02d-000%03d-0A", i / 100,
			 i % 100);
		assert_true(message_draw(span_of(id)) < 100);
		assert_int_equal(message_draw(span_of(id)),
				 message_draw(span_of(id)));
		count[message_draw(span_of(id))]++;
	}
	for (i = 0; i < 100; i++)
		assert_in_range(count[i], 60, 140);
}

static void test_no_memory(void **state)
{
	struct message_facts facts = { .helo = "", .mail_from = "" };
	struct arena *arena = arena_new(100);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(facts_from_authres(&facts, SPAN("mx.example; none"),
					    arena, &err),
			 -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_draws_are_even),
		cmocka_unit_test(test_no_memory),
	};

	return cases_run("facts.cases", check) +
	       cmocka_run_group_tests(tests, NULL, NULL);
}
