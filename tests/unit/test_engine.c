/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What follows when libopendmarc errs in a way that nobody knows of yet: our own
 * judgement stands, and it is told. That the real one does not err with our
 * corrections is for test_library.c.
 */
#include "dmarc/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dns/zonefile.h"
#include "unit/cases.h"
#include "unit/fake_opendmarc.h"

static const char zone_text[] =
	"_dmarc.example.com TXT \"v=DMARC1; p=reject\"\n";

static void expect_told(enum fake_fault fault, const char *want)
{
	struct arena *arena = arena_new((size_t)1024 * 1024);
	struct dkim_fact dkim = { .domain = "other.net",
				  .selector = "s",
				  .result = AUTH_PASS,
				  .human = "" };
	struct message_facts facts = { .client_ip = "",
				       .helo = "",
				       .mail_from = "",
				       .spf = { .domain = "" },
				       .from = { .status = FROM_ONE,
						 .domain = { "example.com" },
						 .n = 1,
						 .fields = 1 },
				       .dkim = &dkim,
				       .n_dkim = 1 };
	struct err err = ERR_INIT;
	struct psl *psl = psl_open(data_path("suffixes.dat"), &err);
	struct resolver *zone = zonefile_parse(span_of(zone_text), &err);
	struct dmarc_verdict verdict;
	struct settings settings;

	assert_non_null(psl);
	assert_non_null(zone);
	settings_defaults(&settings);
	settings.standard = STANDARD_RFC7489;
	fake_opendmarc(fault);
	assert_int_equal(verdict_make(&facts, &settings, psl, zone, arena,
				      &verdict, &err),
			 0);
	if (want == NULL) {
		assert_null(verdict.disagreement);
	} else {
		assert_non_null(verdict.disagreement);
		assert_string_equal(verdict.disagreement, want);
		assert_non_null(strstr(verdict.explanation, want));
	}
	assert_int_equal(verdict.result, DMARC_FAIL);
	assert_int_equal(verdict.policy_selected, DMARC_POLICY_REJECT);
	assert_false(dkim.aligned || verdict.dkim_aligned);
	resolver_free(&zone);
	psl_free(&psl);
	arena_free(&arena);
}

static void test_agrees(void **state)
{
	(void)state;
	expect_told(FAKE_GOOD, NULL);
}

static void test_passes(void **state)
{
	(void)state;
	expect_told(FAKE_PASSES,
		    "for example.com it says \"pass, p=reject, pct=100, DKIM "
		    "aligned\", we say \"fail, p=reject, pct=100\", and "
		    "signatures differ in alignment");
}

static void test_aligns(void **state)
{
	(void)state;
	expect_told(
		FAKE_ALIGNS,
		"for example.com it says \"fail, p=reject, pct=100\", we say "
		"\"fail, p=reject, pct=100\", and signatures differ in "
		"alignment");
}

static void test_forgets(void **state)
{
	(void)state;
	expect_told(FAKE_FORGETS,
		    "for example.com it says \"fail, p=none, pct=100\", we say "
		    "\"fail, p=reject, pct=100\"");
}

static void test_samples(void **state)
{
	(void)state;
	expect_told(
		FAKE_SAMPLES,
		"for example.com it says \"fail, p=reject, pct=30\", we say "
		"\"fail, p=reject, pct=100\"");
}

static void test_refuses(void **state)
{
	static const char text[] =
		"it refuses \"v=DMARC1; p=reject; adkim=r; aspf=r; pct=100\" "
		"for example.com";

	(void)state;
	expect_told(FAKE_REFUSES, text);
	expect_told(FAKE_NO_MEMORY, text);
}

static void test_silent(void **state)
{
	(void)state;
	expect_told(FAKE_SILENT,
		    "for example.com it says \"none, p=, pct=100\", we say "
		    "\"fail, p=reject, pct=100\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agrees),  cmocka_unit_test(test_passes),
		cmocka_unit_test(test_aligns),  cmocka_unit_test(test_forgets),
		cmocka_unit_test(test_samples), cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
