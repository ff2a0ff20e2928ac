/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When libidn2 finds no memory, a name is not the same as one that cannot be a
 * name: nothing is said about it, or the job is not done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <idn2.h>

#include "dmarc/record.h"
#include "dmarc/uri.h"
#include "dmarc/verdict.h"
#include "dns/zonefile.h"
#include "mail/from.h"
#include "mail/idn.h"

#define ARENA_BYTES ((size_t)1024 * 1024)

/* "bü" */
#define U_LABEL "b\xc3\xbc"
#define A_LABEL "xn--b-eha"

static bool no_memory;

int __real_idn2_to_ascii_8z(const char *input, char **output, int flags);
int __wrap_idn2_to_ascii_8z(const char *input, char **output, int flags);

/* The program is linked with --wrap=idn2_to_ascii_8z. */
int __wrap_idn2_to_ascii_8z(const char *input, char **output, int flags)
{
	return no_memory ? IDN2_MALLOC :
			   __real_idn2_to_ascii_8z(input, output, flags);
}

static int setup(void **state)
{
	no_memory = true;
	*state = arena_new(ARENA_BYTES);
	return *state == NULL ? -1 : 0;
}

static int teardown(void **state)
{
	struct arena *arena = *state;

	no_memory = false;
	arena_free(&arena);
	return 0;
}

static void test_name(void **state)
{
	struct idn_name name = { .text = "as it was" };

	assert_int_equal(idn_convert(SPAN(U_LABEL ".test"), &name),
			 IDN_NO_MEMORY);
	assert_string_equal(name.text, "as it was");
	assert_null(idn_to_ascii(*state, SPAN(U_LABEL ".test")));
	assert_int_equal(idn_convert(SPAN("a.test"), &name), IDN_OK);
	no_memory = false;
	assert_int_equal(idn_convert(SPAN(U_LABEL ".test"), &name), IDN_OK);
	assert_string_equal(name.text, A_LABEL ".test");
}

/* What came before counts; the message is one that cannot pass. */
static void test_from(void **state)
{
	struct span body = SPAN("a@a.test, b@" U_LABEL ".test, c@c.test");
	struct from_result from = from_read(&body, 1, *state);

	assert_int_equal(from.status, FROM_MALFORMED);
	assert_string_equal(from.why, "out of memory");
	assert_int_equal(from.n, 1);
	assert_string_equal(from.domain[0], "a.test");
}

/* Not a record without a usable rua: that would be another policy. */
static void test_record(void **state)
{
	static const char text[] =
		"v=DMARC1; p=bogus; rua=mailto:a@b%C3%BC.test";
	struct dmarc_record record = { .pct = 12345 };
	struct span list = SPAN("mailto:a@b%C3%BC.test"), address;
	struct uri_address uri;

	assert_int_equal(dmarc_record_parse(span_of(text), *state, &record),
			 DMARC_RECORD_NO_MEMORY);
	assert_int_equal(record.pct, 12345);
	assert_int_equal(uri_check(list), URI_NO_MEMORY);
	assert_int_equal(uri_mailto(list, &uri), URI_NO_MEMORY);
	assert_int_equal(dmarc_uri_next(&list, *state, &address), -1);
	no_memory = false;
	assert_int_equal(dmarc_record_parse(span_of(text), *state, &record),
			 DMARC_RECORD_OK);
	assert_int_equal(record.p, DMARC_POLICY_NONE);
}

static enum dmarc_result judge(struct arena *arena)
{
	static const char results[] =
		"mx.test; dkim=tmperror (pubkey unavailable) "
		"header.d=a.test header.s=" U_LABEL;
	struct message_facts facts = { .helo = "", .mail_from = "" };
	struct span from = SPAN("a@a.test");
	struct err err = ERR_INIT;
	struct dmarc_verdict verdict;
	struct settings settings;
	struct resolver *zone = zonefile_parse(
		SPAN("_dmarc.a.test. TXT \"v=DMARC1; p=reject\"\n"), &err);

	assert_non_null(zone);
	settings_defaults(&settings);
	facts.from = from_read(&from, 1, arena);
	assert_int_equal(
		facts_from_authres(&facts, span_of(results), arena, &err), 0);
	assert_int_equal(verdict_make(&facts, &settings, NULL, zone, arena,
				      &verdict, &err),
			 0);
	resolver_free(&zone);
	return verdict.result;
}

/* A key that cannot be asked for may be there: that is not a fail. */
static void test_key(void **state)
{
	assert_int_equal(judge(*state), DMARC_TEMPERROR);
	no_memory = false;
	assert_int_equal(judge(*state), DMARC_FAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_from, setup, teardown),
		cmocka_unit_test_setup_teardown(test_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
