/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where libopendmarc and we differ under RFC 7489, and that we still do: the cases
 * behind docs/OPENDMARC.md. A case has a record alone, or a message ("from", and
 * identifiers that pass, "spf" and "dkim") with a zone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dmarc/verdict.h"
#include "dns/zonefile.h"
#include "unit/cases.h"
#include "unit/library.h"

#define MAX_SIGNATURES 4

static void expect_record(const struct test_case *c, const char *field,
			  const struct library_record *record)
{
	char text[128] = "not usable";

	if (record->usable)
		snprintf(text, sizeof(text),
			 "p=%s sp=%s adkim=%s aspf=%s pct=%d", record->p,
			 record->sp, record->adkim, record->aspf, record->pct);
	expect(c, field, text);
}

static void check_record(const struct test_case *c)
{
	struct library_record theirs = library_read(case_get(c, "record"));
	struct library_record ours = { .usable = false };
	struct arena *arena = arena_new(65536);
	enum policy_source sp = POLICY_SOURCE_SP;
	struct dmarc_record record;

	if (dmarc_record_parse_as(RECORD_RFC7489, case_span(c, "record"), arena,
				  &record) == DMARC_RECORD_OK)
		ours = (struct library_record){
			.usable = true,
			.p = dmarc_policy_name(record.p),
			.sp = dmarc_policy_name(
				dmarc_record_word(&record, &sp)),
			.adkim = alignment_mode_name(record.adkim),
			.aspf = alignment_mode_name(record.aspf),
			.pct = (int)record.pct,
		};
	expect_record(c, "ours", &ours);
	expect_record(c, "theirs", &theirs);
	arena_free(&arena);
}

static struct message_facts
read_facts(const struct test_case *c, struct dkim_fact *dkim)
{
	struct message_facts facts = { .client_ip = "", .helo = "" };
	struct span domain;

	facts.mail_from = "x@bounce.example";
	facts.from = (struct from_result){ .status = FROM_ONE,
					   .domain = { case_get(c, "from") },
					   .n = 1,
					   .fields = 1 };
	facts.spf = (struct spf_fact){ .result = AUTH_PASS, .domain = "" };
	if (case_has(c, "spf")) {
		facts.spf.known = true;
		facts.spf.domain = case_get(c, "spf");
	}
	facts.dkim = dkim;
	while (facts.n_dkim < MAX_SIGNATURES &&
	       (domain = case_nth(c, "dkim", facts.n_dkim)).p != NULL)
		dkim[facts.n_dkim++] = (struct dkim_fact){ .domain = domain.p,
							   .selector = "s",
							   .result = AUTH_PASS,
							   .human = "" };
	return facts;
}

static void check_message(const struct test_case *c, const struct psl *psl)
{
	struct arena *arena = arena_new((size_t)1024 * 1024);
	struct dkim_fact dkim[MAX_SIGNATURES];
	struct message_facts facts = read_facts(c, dkim);
	struct err err = ERR_INIT;
	struct resolver *zone = zonefile_parse(case_span(c, "zone"), &err);
	struct dmarc_verdict verdict;
	struct settings settings;
	char ours[64];

	if (zone == NULL)
		fail_msg("zone: %s", err.text);
	settings_defaults(&settings);
	settings.standard = STANDARD_RFC7489;
	if (verdict_make(&facts, &settings, psl, zone, arena, &verdict, &err) <
	    0)
		fail_msg("%s", err.text);
	assert_true(verdict.have_record);
	snprintf(ours, sizeof(ours), "%s%s%s",
		 dmarc_result_name(verdict.result),
		 verdict.result == DMARC_FAIL ? " " : "",
		 verdict.result == DMARC_FAIL ?
			 dmarc_policy_name(verdict.policy_selected) :
			 "");
	expect(c, "ours", ours);
	expect(c, "theirs", library_judge(&facts, &verdict));
	resolver_free(&zone);
	arena_free(&arena);
}

static void check(const struct test_case *c)
{
	struct err err = ERR_INIT;
	struct psl *psl = psl_open(data_path("suffixes.dat"), &err);

	if (psl == NULL)
		fail_msg("%s", err.text);
	assert_true(case_has(c, "ours") && case_has(c, "theirs"));
	if (case_has(c, "record"))
		check_record(c);
	else
		check_message(c, psl);
	psl_free(&psl);
}

int main(void)
{
	return cases_run("library.cases", check);
}
