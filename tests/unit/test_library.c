/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where libopendmarc and we differ under RFC 7489, and that we still do: the cases
 * behind docs/OPENDMARC.md. A case has a record alone, or a message ("from", and
 * identifiers that pass, "spf" and "dkim") with a zone. With our corrections it
 * differs nowhere: not in the cases, not in pairs of all kinds of names, not in
 * what is around any rule of the public suffix list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "dmarc/verdict.h"
#include "dns/domain.h"
#include "dns/zonefile.h"
#include "mail/idn.h"
#include "unit/cases.h"
#include "unit/library.h"

#define MAX_SIGNATURES 100
#define MAX_CASE_BYTES 70000 /* of a record */

/* Read once for all cases. */
static struct psl *list;

static struct dmarc_verdict judge(struct message_facts *facts,
				  struct resolver *resolver,
				  struct arena *arena)
{
	struct dmarc_verdict verdict;
	struct err err = ERR_INIT;
	struct settings settings;

	settings_defaults(&settings);
	settings.standard = STANDARD_RFC7489;
	if (verdict_make(facts, &settings, list, resolver, arena, &verdict,
			 &err) < 0)
		fail_msg("%s", err.text);
	if (verdict.disagreement != NULL)
		fail_msg("%s", verdict.disagreement);
	return verdict;
}

static struct message_facts
facts_of(const char *from, struct dkim_fact *dkim, size_t n_dkim)
{
	return (struct message_facts){
		.client_ip = "",
		.helo = "",
		.mail_from = "x@bounce.example",
		.from = { .status = FROM_ONE,
			  .domain = { from },
			  .n = 1,
			  .fields = 1 },
		.spf = { .result = AUTH_PASS, .domain = "" },
		.dkim = dkim,
		.n_dkim = n_dkim,
	};
}

/* A DNS that has one record, at every name. */
struct one_record {
	struct resolver resolver;
	struct span record;
};

static void
ask_one_record(struct resolver *self, const struct dns_question *questions,
	       struct dns_answer *answers, size_t n, struct arena *arena)
{
	struct one_record *one = (struct one_record *)self;
	size_t i;

	(void)questions, (void)arena;
	for (i = 0; i < n; i++)
		answers[i] = (struct dns_answer){ .status = DNS_FOUND,
						  .records = &one->record,
						  .n = 1 };
}

/* ---------------------------------------------------------------- records */

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

/* The record of a case; with "fill", so many letters in place of its "@". */
static struct span record_of(const struct test_case *c, struct arena *arena)
{
	struct span text = case_span(c, "record"), before;
	struct buf made = BUF_INIT(MAX_CASE_BYTES);
	uint64_t fill;

	if (!case_has(c, "fill"))
		return text;
	assert_true(span_take_until(&text, '@', &before));
	assert_true(span_to_uint(case_span(c, "fill"), MAX_CASE_BYTES, &fill));
	buf_add(&made, before);
	for (; fill > 0; fill--)
		buf_add_char(&made, 'a');
	buf_add(&made, text);
	assert_true(buf_ok(&made));
	text = arena_copy(arena, buf_span(&made));
	assert_non_null(text.p);
	buf_release(&made);
	return text;
}

static void check_record(const struct test_case *c)
{
	struct arena *arena = arena_new((size_t)1024 * 1024);
	struct span text = record_of(c, arena);
	struct library_record theirs = library_read(text.p);
	struct library_record ours = { .usable = false };
	struct one_record dns = { .resolver = { .ask = ask_one_record },
				  .record = text };
	struct message_facts facts = facts_of("www.example.com", NULL, 0);
	enum policy_source sp = POLICY_SOURCE_SP;
	struct dmarc_record record;

	if (dmarc_record_parse_as(RECORD_RFC7489, text, arena, &record) ==
	    DMARC_RECORD_OK)
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
	(void)judge(&facts, &dns.resolver, arena);
	arena_free(&arena);
}

/* --------------------------------------------------------------- messages */

/* "mail.example.com" has passed; or "fail mail.example.com". */
static struct dkim_fact read_dkim(struct span text)
{
	struct dkim_fact dkim = { .selector = "s",
				  .result = AUTH_PASS,
				  .human = "" };
	struct span word;

	if (span_take_until(&text, ' ', &word))
		assert_true(auth_result_parse(word, &dkim.result));
	dkim.domain = text.p;
	return dkim;
}

static struct message_facts
read_facts(const struct test_case *c, struct dkim_fact *dkim)
{
	struct message_facts facts = facts_of(case_get(c, "from"), dkim, 0);
	uint64_t fields = 1, others = 0;
	struct span domain;
	size_t n = 0;

	if (case_has(c, "fields"))
		assert_true(span_to_uint(case_span(c, "fields"), 9, &fields));
	facts.from.fields = (size_t)fields;
	if (case_has(c, "spf")) {
		facts.spf.known = true;
		facts.spf.domain = case_get(c, "spf");
	}
	/* Signatures of somebody else, in front. */
	if (case_has(c, "others"))
		assert_true(span_to_uint(case_span(c, "others"), MAX_SIGNATURES,
					 &others));
	for (; others > 0; others--)
		dkim[facts.n_dkim++] = read_dkim(SPAN("other.example"));
	while (facts.n_dkim < MAX_SIGNATURES &&
	       (domain = case_nth(c, "dkim", n++)).p != NULL)
		dkim[facts.n_dkim++] = read_dkim(domain);
	return facts;
}

static void check_message(const struct test_case *c)
{
	struct arena *arena = arena_new((size_t)1024 * 1024);
	/* Ours are put in order by the verdict. */
	struct dkim_fact dkim[MAX_SIGNATURES], their_dkim[MAX_SIGNATURES];
	struct message_facts facts = read_facts(c, dkim);
	struct message_facts their_facts = read_facts(c, their_dkim);
	struct err err = ERR_INIT;
	struct resolver *zone = zonefile_parse(case_span(c, "zone"), &err);
	struct dmarc_verdict verdict;
	char ours[64];

	if (zone == NULL)
		fail_msg("zone: %s", err.text);
	verdict = judge(&facts, zone, arena);
	assert_true(verdict.have_record);
	snprintf(ours, sizeof(ours), "%s%s%s",
		 dmarc_result_name(verdict.result),
		 verdict.result == DMARC_FAIL ? " " : "",
		 verdict.result == DMARC_FAIL ?
			 dmarc_policy_name(verdict.policy_selected) :
			 "");
	expect(c, "ours", ours);
	expect(c, "theirs", library_judge(&their_facts, &verdict));
	resolver_free(&zone);
	arena_free(&arena);
}

static void check(const struct test_case *c)
{
	assert_true(case_has(c, "ours") && case_has(c, "theirs"));
	if (case_has(c, "record"))
		check_record(c);
	else
		check_message(c);
}

/* ---------------------------------------------------------- pairs of names */

/*
 * Names of every kind that the list makes: suffixes and what is below them, a
 * wildcard, an exception, rules that are lost, suffixes inside organizations, top-
 * level domains that are not listed.
 */
static const char *const names[] = {
	"com",
	"x.com",
	"y.com",
	"xx.com",
	"evil.com",
	"example.com",
	"a.x.com",
	"mail.example.com",
	"n.mail.example.com",
	"tld",
	"v.tld",
	"a.v.tld",
	"bb.v.tld",
	"m.bb.v.tld",
	"wild.tld",
	"town.wild.tld",
	"b.town.wild.tld",
	"good.town.wild.tld",
	"city.wild.tld",
	"www.city.wild.tld",
	"only.tld",
	"x.only.tld",
	"y.x.only.tld",
	"xn--bcher-kva.tld",
	"aa.xn--bcher-kva.tld",
	"xn--prfung-4ya",
	"aa.xn--prfung-4ya",
	"stadt.xn--prfung-4ya",
	"aa.bb.stadt.xn--prfung-4ya",
	"example",
	"bank.example",
	"aa.bank.example",
	"b.bank.example",
	"www.aa.bank.example",
	"other.example",
	"hoster.example",
	"shop.hoster.example",
	"nowhere",
	"aa.nowhere",
	"b.aa.nowhere",
	"c.aa.nowhere",
	"spaced.tld",
	"aa.spaced.tld",
	"mixed.tld",
	"bb.mixed.tld",
	"a.tld",
	"aa.bb.a.tld",
	"hosting.tld",
	"www.hosting.tld",
	"sites.hosting.tld",
	"shop.sites.hosting.tld",
	"w.shop.sites.hosting.tld",
	"net",
};

#define N_NAMES (sizeof(names) / sizeof(names[0]))

static void
try_pair(const char *from, const char *identifier, bool strict, bool spf)
{
	struct arena *arena = arena_new((size_t)1024 * 1024);
	struct dkim_fact dkim = read_dkim(span_of(identifier));
	struct message_facts facts = facts_of(from, &dkim, spf ? 0 : 1);
	struct one_record dns = {
		.resolver = { .ask = ask_one_record },
		.record = strict ? SPAN("v=DMARC1; p=reject; adkim=s; aspf=s") :
				   SPAN("v=DMARC1; p=quarantine; sp=none"),
	};

	facts.spf.known = spf;
	facts.spf.domain = identifier;
	(void)judge(&facts, &dns.resolver, arena);
	arena_free(&arena);
}

static void test_pairs(void **state)
{
	size_t i, j;

	(void)state;
	for (i = 0; i < N_NAMES; i++) {
		for (j = 0; j < N_NAMES; j++) {
			try_pair(names[i], names[j], false, false);
			try_pair(names[i], names[j], true, false);
			try_pair(names[i], names[j], false, true);
			try_pair(names[i], names[j], true, true);
		}
	}
}

/* ---------------------------------------------------------------- the list */

/* What a rule is about, in A-labels; NULL: the line has none. */
static const char *rule_name(struct span line, struct arena *arena)
{
	size_t skip = span_starts(line, "!")  ? 1 :
		      span_starts(line, "*.") ? 2 :
						0;

	if (line.n == 0 || span_starts(line, "//"))
		return NULL;
	return idn_to_ascii(arena,
			    (struct span){ line.p + skip, line.n - skip });
}

/* A name below the rule's, with it, its neighbours and what is above. */
static void try_rule(const char *name, struct arena *arena)
{
	const char *above = domain_without(name, 1);
	const char *below = arena_printf(arena, "aa.%s", name);
	const char *others[] = {
		name,
		arena_printf(arena, "bb.%s", name),
		arena_printf(arena, "c.%s", name),
		*above == '\0' ? "x.com" : above,
		arena_printf(arena, "evil.%s", *above == '\0' ? "com" : above),
	};
	size_t i;

	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		try_pair(below, others[i], false, false);
		try_pair(others[i], below, false, true);
		try_pair(below, others[i], true, false);
	}
}

/* Debian's list, or the one among the shared samples, which is newer. */
static void test_list(void **state)
{
	const char *path = shared_path("vectors/psl/public_suffix_list.dat");
	struct buf text = BUF_INIT((size_t)16 * 1024 * 1024);
	struct arena *arena = arena_new(65536);
	struct err err = ERR_INIT;
	struct span rest, line;
	const char *name;

	(void)state;
	if (path == NULL)
		path = "/usr/share/publicsuffix/public_suffix_list.dat";
	if (access(path, R_OK) < 0)
		skip();
	psl_free(&list);
	list = psl_open(path, &err);
	assert_non_null(list);
	assert_int_equal(file_read(path, &text, &err), 0);
	rest = buf_span(&text);
	while (span_take_line(&rest, &line)) {
		arena_reset(arena);
		name = rule_name(span_trim(line), arena);
		if (name != NULL)
			try_rule(name, arena);
	}
	buf_release(&text);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_list),
	};
	struct err err = ERR_INIT;
	int failed;

	list = psl_open(data_path("suffixes.dat"), &err);
	if (list == NULL) {
		print_error("%s\n", err.text);
		return 1;
	}
	failed = cases_run("library.cases", check) +
		 cmocka_run_group_tests(tests, NULL, NULL);
	psl_free(&list);
	return failed;
}
