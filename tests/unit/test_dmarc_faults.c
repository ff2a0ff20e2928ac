/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Without memory there is an error or a temporary error, never another verdict:
 * once for each allocation that fails, and once for each size of the arena.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "dmarc/verdict.h"
#include "dns/zonefile.h"
#include "unit/faults.h"

#define ARENA_BYTES ((size_t)16 * 1024 * 1024)

static const char zone_text[] =
	"_dmarc.example.com TXT \"v=DMARC1; p=none; sp=quarantine; np=reject; "
	"fo=0:1; rua=mailto:d@example.com,mailto:e@example.com\"\n"
	"_dmarc.two.example.com TXT \"v=DMARC1; p=none\"\n"
	"_dmarc.two.example.com TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.own.example.com TXT \"v=DMARC1; p=none; psd=n\"\n";

static const char results_text[] =
	"mx.example; spf=fail smtp.mailfrom=a@b.example.com; "
	"dkim=pass header.d=own.example.com header.s=a; "
	"dkim=tmperror (pubkey unavailable) header.d=x.example.com header.s=b";

struct outcome {
	int made; /* what the functions returned */
	enum dmarc_result result;
	enum dmarc_policy policy;
	char explanation[2048];
};

/*
 * The message that is judged: it fails, and np says reject. With a list it is
 * exempt from that.
 */
static struct outcome
judge(struct resolver *zone, size_t arena_bytes, bool listed)
{
	struct arena *arena = arena_new(arena_bytes);
	struct message_facts facts = { .helo = "", .mail_from = "a@x.example" };
	struct outcome outcome = { .made = -1 };
	struct err err = ERR_INIT;
	struct dmarc_verdict verdict;
	struct settings settings;

	if (arena == NULL)
		return outcome;
	settings_defaults(&settings);
	settings.trusted_forwarder_hosts = "mx.example";
	facts.client_name = "Client.Example";
	facts.client_ip = "192.0.2.1";
	if (listed) {
		settings.mailing_lists = "*.own.example.com";
		facts.list_id = SPAN("<L.own.example.com>");
	}
	facts.from =
		(struct from_result){ .status = FROM_ONE,
				      .domain = { "ghost.two.example.com" },
				      .n = 1,
				      .fields = 1 };
	if (facts_from_authres(&facts, span_of(results_text), arena, &err) ==
		    0 &&
	    verdict_make(&facts, &settings, NULL, zone, arena, &verdict,
			 &err) == 0) {
		outcome.made = 0;
		outcome.result = verdict.result;
		outcome.policy = verdict.policy_applied;
		snprintf(outcome.explanation, sizeof(outcome.explanation), "%s",
			 verdict.explanation);
	}
	arena_free(&arena);
	return outcome;
}

static struct resolver *make_zone(void)
{
	struct err err = ERR_INIT;
	struct resolver *zone = zonefile_parse(span_of(zone_text), &err);

	assert_non_null(zone);
	return zone;
}

/* Returns whether it is the verdict; anything else must be no verdict. */
static bool is_true(const struct outcome *got, const struct outcome *truth)
{
	if (got->made < 0 || got->result == DMARC_TEMPERROR)
		return false;
	assert_int_equal(got->result, truth->result);
	assert_int_equal(got->policy, truth->policy);
	assert_string_equal(got->explanation, truth->explanation);
	return true;
}

static void fail_allocations(bool listed, enum dmarc_policy policy)
{
	struct resolver *zone = make_zone();
	struct outcome truth = judge(zone, ARENA_BYTES, listed), got;
	bool failed = true;
	size_t n;

	assert_int_equal(truth.result, DMARC_FAIL);
	assert_int_equal(truth.policy, policy);
	for (n = 1; failed && faults_begin(n); n++) {
		got = judge(zone, ARENA_BYTES, listed);
		failed = faults_end();
		if (!failed)
			assert_true(is_true(&got, &truth));
		else
			(void)is_true(&got, &truth);
	}
	assert_true(n > 5);
	resolver_free(&zone);
}

static void test_allocations(void **state)
{
	(void)state;
	fail_allocations(false, DMARC_POLICY_REJECT);
	fail_allocations(true, DMARC_POLICY_NONE);
}

static void try_arena_sizes(bool listed)
{
	struct resolver *zone = make_zone();
	struct outcome truth = judge(zone, ARENA_BYTES, listed), got;
	size_t bytes, wrong = 0;

	for (bytes = 0; bytes < ARENA_BYTES; bytes += 16) {
		got = judge(zone, bytes, listed);
		if (is_true(&got, &truth))
			break;
		wrong++;
	}
	assert_true(wrong > 100);
	assert_true(bytes < ARENA_BYTES);
	resolver_free(&zone);
}

static void test_arena_sizes(void **state)
{
	(void)state;
	try_arena_sizes(false);
	try_arena_sizes(true);
}

static void test_record(void **state)
{
	static const char text[] = "v=DMARC1; p=bogus; adkim=q; "
				   "rua=mailto:a@b%C3%BC.example";
	bool failed = true;
	size_t n;

	(void)state;
	for (n = 1; failed && faults_begin(n); n++) {
		struct arena *arena = arena_new(65536);
		struct dmarc_record record = { .pct = 12345 };
		enum dmarc_record_result result = DMARC_RECORD_NO_MEMORY;

		if (arena != NULL)
			result = dmarc_record_parse(span_of(text), arena,
						    &record);
		failed = faults_end();
		if (failed && result == DMARC_RECORD_NO_MEMORY)
			assert_int_equal(record.pct, 12345);
		else
			assert_int_equal(result, DMARC_RECORD_OK);
		arena_free(&arena);
	}
	assert_true(n > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allocations),
		cmocka_unit_test(test_arena_sizes),
		cmocka_unit_test(test_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
