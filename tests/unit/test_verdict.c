/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The zone of a case is an RFC 1035 master file. What is expected under RFC
 * 9989 has plain names; fields that begin with "psl-" are expected under RFC
 * 7489 with tests/data/suffixes.dat, and a case that has any is judged twice.
 */
#include "dmarc/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dns/cache.h"
#include "dns/zonefile.h"
#include "unit/cases.h"

#define MAX_DKIM 150

static const char *text_or_empty(const struct test_case *c, const char *field)
{
	const char *text = case_maybe(c, field);

	return text == NULL ? "" : text;
}

/* "from: a.example" once for each domain; "fields" is 1 if not given. */
static void read_from(const struct test_case *c, struct from_result *from)
{
	const char *fields = case_maybe(c, "fields");
	struct span domain;
	uint64_t number = 1;

	while ((domain = case_nth(c, "from", from->n)).p != NULL)
		from->domain[from->n++] = domain.p;
	if (fields != NULL)
		assert_true(span_to_uint(span_of(fields), 9, &number));
	from->fields = (size_t)number;
	from->status = from->n == 0 ? FROM_NONE :
		       from->n == 1 ? FROM_ONE :
				      FROM_SEVERAL;
	if (case_has(c, "malformed")) {
		from->status = FROM_MALFORMED;
		from->why = case_get(c, "malformed");
	}
}

/* "spf: pass a.example" or "spf: pass HELO a.example" */
static struct spf_fact read_spf(const struct test_case *c)
{
	struct span rest = case_nth(c, "spf", 0), word;
	struct spf_fact spf = { .domain = "" };

	if (rest.p == NULL)
		return spf;
	spf.known = true;
	assert_true(span_take_item(&rest, ' ', &word));
	assert_true(auth_result_parse(word, &spf.result));
	if (span_starts(rest, "HELO ")) {
		spf.scope = SPF_SCOPE_HELO;
		rest.p += 5;
	}
	spf.domain = rest.p;
	return spf;
}

/* "dkim: pass a.example [SELECTOR [no-key]]" */
static void read_dkim(const struct test_case *c, struct message_facts *facts,
		      struct arena *arena)
{
	struct span rest, word;

	facts->dkim = arena_array(arena, MAX_DKIM, sizeof(*facts->dkim));
	assert_non_null(facts->dkim);
	while ((rest = case_nth(c, "dkim", facts->n_dkim)).p != NULL) {
		struct dkim_fact *dkim = &facts->dkim[facts->n_dkim++];

		assert_true(span_take_item(&rest, ' ', &word));
		assert_true(auth_result_parse(word, &dkim->result));
		assert_true(span_take_item(&rest, ' ', &word));
		dkim->domain = arena_copy(arena, word).p;
		dkim->selector = "s";
		dkim->human = "";
		if (span_take_item(&rest, ' ', &word))
			dkim->selector = arena_copy(arena, word).p;
		dkim->key_unavailable = span_is(rest, "no-key");
	}
}

static struct message_facts
read_facts(const struct test_case *c, struct arena *arena)
{
	struct message_facts facts = { .client_ip = "192.0.2.1" };
	const char *draw = case_maybe(c, "draw");
	uint64_t number = 0;

	facts.helo = text_or_empty(c, "helo");
	facts.mail_from = text_or_empty(c, "mail-from");
	read_from(c, &facts.from);
	facts.spf = read_spf(c);
	read_dkim(c, &facts, arena);
	if (draw != NULL)
		assert_true(span_to_uint(span_of(draw), 99, &number));
	facts.draw = (unsigned)number;
	return facts;
}

/* The case's field, with the prefix of the standard. */
static void expect_for(const struct test_case *c, const char *prefix,
		       const char *field, const char *got)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%s", prefix, field);
	expect(c, name, got);
}

static void expect_queries(const struct test_case *c, const char *prefix,
			   const char *field, const struct resolver *cache)
{
	struct buf all = BUF_INIT(65536);
	size_t n, i;
	const struct dns_question *asked = dns_cache_asked(cache, &n);

	for (i = 0; i < n; i++)
		buf_addf(&all, "%s%s", i > 0 ? " " : "", asked[i].name);
	expect_for(c, prefix, field, buf_string(&all));
	buf_release(&all);
}

/* Counts what leaves the cache. */
struct counter {
	struct resolver resolver;
	struct resolver *behind;
	size_t batches;
	struct buf names;
};

static void count(struct resolver *self, const struct dns_question *questions,
		  struct dns_answer *answers, size_t n, struct arena *arena)
{
	struct counter *counter = (struct counter *)self;
	size_t i;

	counter->batches++;
	for (i = 0; i < n; i++)
		buf_addf(&counter->names, "%s%s",
			 counter->names.n > 0 ? " " : "", questions[i].name);
	counter->behind->ask(counter->behind, questions, answers, n, arena);
}

/* Round trips, and the names that went out, needed or not. */
static void expect_counted(const struct test_case *c, const char *prefix,
			   struct counter *counter)
{
	char batches[32];

	snprintf(batches, sizeof(batches), "%zu", counter->batches);
	expect_for(c, prefix, "batches", batches);
	expect_for(c, prefix, "sent", buf_string(&counter->names));
	buf_release(&counter->names);
}

/* The domains with an aligned pass: "spf", "dkim DOMAIN". */
static void expect_aligned(const struct test_case *c, const char *prefix,
			   const struct message_facts *facts)
{
	struct buf all = BUF_INIT(65536);
	size_t i;

	if (facts->spf.aligned)
		buf_add_string(&all, "spf");
	for (i = 0; i < facts->n_dkim; i++)
		if (facts->dkim[i].aligned)
			buf_addf(&all, "%s%s", all.n > 0 ? " " : "",
				 facts->dkim[i].domain);
	expect_for(c, prefix, "aligned", buf_string(&all));
	buf_release(&all);
}

static void expect_dkim_results(const struct test_case *c, const char *prefix,
				const struct message_facts *facts)
{
	struct buf all = BUF_INIT(65536);
	size_t i;

	for (i = 0; i < facts->n_dkim; i++)
		buf_addf(&all, "%s%s", i > 0 ? " " : "",
			 auth_result_name(facts->dkim[i].result));
	expect_for(c, prefix, "dkim-results", buf_string(&all));
	buf_release(&all);
}

static void expect_reasons(const struct test_case *c, const char *prefix,
			   const struct dmarc_verdict *verdict)
{
	struct buf all = BUF_INIT(65536);
	size_t i;

	for (i = 0; i < verdict->n_reasons; i++)
		buf_addf(&all, "%s%s", i > 0 ? " " : "",
			 reason_type_name(verdict->reasons[i].type));
	expect_for(c, prefix, "reasons", buf_string(&all));
	buf_release(&all);
}

static void expect_verdict(const struct test_case *c, const char *prefix,
			   const struct message_facts *facts,
			   const struct dmarc_verdict *verdict)
{
	struct buf text = BUF_INIT(65536);
	struct json json = JSON_INIT(&text);

	expect_for(c, prefix, "result", dmarc_result_name(verdict->result));
	expect_for(c, prefix, "author", verdict->from_domain);
	expect_for(c, prefix, "org", verdict->organizational_domain);
	expect_for(c, prefix, "policy-domain", verdict->policy_domain);
	expect_for(c, prefix, "source",
		   policy_source_name(verdict->policy_source));
	expect_for(c, prefix, "selected",
		   dmarc_policy_name(verdict->policy_selected));
	expect_for(c, prefix, "applied",
		   dmarc_policy_name(verdict->policy_applied));
	expect_for(c, prefix, "disposition",
		   disposition_name(verdict->disposition));
	expect_for(c, prefix, "action", action_name(verdict->action));
	expect_for(c, prefix, "faults", verdict->faults.p);
	expect_for(c, prefix, "explanation", verdict->explanation);
	expect_aligned(c, prefix, facts);
	expect_dkim_results(c, prefix, facts);
	expect_reasons(c, prefix, verdict);
	json_open(&json, '{');
	verdict_json(&json, facts, verdict);
	json_close(&json, '}');
	expect_for(c, prefix, "json", buf_string(&text));
	buf_reset(&text);
	verdict_authres(&text, verdict);
	expect_for(c, prefix, "authres", buf_string(&text));
	buf_reset(&text);
	score_format(&text, verdict->score);
	expect_for(c, prefix, "score", buf_string(&text));
	buf_release(&text);
	assert_int_equal(verdict->have_record,
			 verdict->policy_source != POLICY_SOURCE_NONE);
}

/*
 * What is not asked does not change what is decided: in each case. Nothing is
 * known of names that are not looked at, and nothing else is missing.
 */
static void expect_brief(const struct test_case *c, const char *prefix,
			 const struct settings *settings, const struct psl *psl,
			 struct resolver *zone, struct arena *arena,
			 const struct dmarc_verdict *full)
{
	struct message_facts facts = read_facts(c, arena);
	struct resolver *cache = dns_cache_new(zone, arena);
	struct err err = ERR_INIT;
	struct dmarc_verdict brief;
	size_t i;

	assert_non_null(cache);
	facts.brief = true;
	assert_int_equal(
		verdict_make(&facts, settings, psl, cache, arena, &brief, &err),
		0);
	assert_int_equal(brief.result, full->result);
	assert_string_equal(brief.from_domain, full->from_domain);
	assert_string_equal(brief.policy_domain, full->policy_domain);
	assert_int_equal(brief.policy_source, full->policy_source);
	assert_int_equal(brief.policy_selected, full->policy_selected);
	assert_int_equal(brief.policy_applied, full->policy_applied);
	assert_int_equal(brief.record_unusable, full->record_unusable);
	assert_int_equal(brief.disposition, full->disposition);
	assert_int_equal(brief.action, full->action);
	assert_int_equal(brief.score, full->score);
	assert_int_equal(brief.n_reasons, full->n_reasons);
	for (i = 0; i < brief.n_reasons; i++)
		assert_int_equal(brief.reasons[i].type, full->reasons[i].type);
	if (*brief.organizational_domain != '\0')
		assert_string_equal(brief.organizational_domain,
				    full->organizational_domain);
	expect_aligned(c, prefix, &facts);
	expect_dkim_results(c, prefix, &facts);
	expect_queries(c, prefix, "brief-queries", cache);
}

static void judge(const struct test_case *c, const char *prefix,
		  enum standard standard, const struct psl *psl)
{
	struct arena *arena = arena_new((size_t)16 * 1024 * 1024);
	struct err err = ERR_INIT;
	struct resolver *zone = zonefile_parse(case_span(c, "zone"), &err);
	struct message_facts facts = read_facts(c, arena);
	struct dmarc_verdict verdict;
	struct settings settings;
	struct counter counter = { .resolver.ask = count,
				   .behind = zone,
				   .names = BUF_INIT(65536) };
	struct resolver *cache;

	if (zone == NULL)
		fail_msg("zone: %s", err.text);
	settings_defaults(&settings);
	settings.standard = standard;
	settings.pct = case_has(c, "honour") ? PCT_HONOUR : PCT_IGNORE;
	cache = dns_cache_new(&counter.resolver, arena);
	assert_non_null(cache);
	if (verdict_make(&facts, &settings, psl, cache, arena, &verdict, &err) <
	    0)
		fail_msg("%s", err.text);
	if (verdict.disagreement != NULL)
		fail_msg("libopendmarc: %s", verdict.disagreement);
	expect_verdict(c, prefix, &facts, &verdict);
	expect_queries(c, prefix, "queries", cache);
	expect_counted(c, prefix, &counter);
	expect_brief(c, prefix, &settings, psl, zone, arena, &verdict);
	resolver_free(&zone);
	arena_free(&arena);
}

/* Read once for all cases. */
static struct psl *list;

static void check(const struct test_case *c)
{
	judge(c, "", STANDARD_RFC9989, NULL);
	if (case_has(c, "psl-result"))
		judge(c, "psl-", STANDARD_RFC7489, list);
}

/* ------------------------------------------ order and cap of R7.6 */

static const char order_zone[] = "_dmarc.a.test. TXT \"v=DMARC1; p=reject\"\n";

static void add(struct message_facts *facts, enum auth_result result,
		const char *domain, const char *selector)
{
	facts->dkim[facts->n_dkim++] = (struct dkim_fact){
		.result = result,
		.domain = domain,
		.selector = selector,
		.human = "",
	};
}

/* n signatures that failed, and then one of each kind, the best last. */
static void
judge_many(size_t n, struct message_facts *facts, struct arena *arena)
{
	struct err err = ERR_INIT;
	struct resolver *zone = zonefile_parse(span_of(order_zone), &err);
	struct dmarc_verdict verdict;
	struct settings settings;
	size_t i;

	assert_non_null(zone);
	settings_defaults(&settings);
	*facts = (struct message_facts){
		.client_ip = "192.0.2.1",
		.helo = "",
		.mail_from = "",
		.spf = { .domain = "" },
		.from = { .status = FROM_ONE, .n = 1, .fields = 1 },
	};
	facts->from.domain[0] = "a.test";
	facts->dkim =
		arena_array(arena, MAX_DKIM_RESULTS, sizeof(*facts->dkim));
	assert_non_null(facts->dkim);
	for (i = 0; i < n; i++)
		add(facts, AUTH_FAIL, "a.test", arena_printf(arena, "%zu", i));
	add(facts, AUTH_PASS, "b.test", "other");
	add(facts, AUTH_PASS, "mail.a.test", "relaxed");
	add(facts, AUTH_PASS, "a.test", "strict");
	assert_int_equal(verdict_make(facts, &settings, NULL, zone, arena,
				      &verdict, &err),
			 0);
	assert_int_equal(verdict.result, DMARC_PASS);
	resolver_free(&zone);
}

static void expect_order(size_t fails, size_t left)
{
	static const char *const first[] = { "strict", "relaxed", "other" };
	struct arena *arena = arena_new((size_t)16 * 1024 * 1024);
	struct message_facts facts;
	size_t i;

	judge_many(fails, &facts, arena);
	assert_int_equal(facts.n_dkim, 3 + left);
	for (i = 0; i < 3; i++)
		assert_string_equal(facts.dkim[i].selector, first[i]);
	for (i = 0; i < left; i++)
		assert_string_equal(facts.dkim[3 + i].selector,
				    arena_printf(arena, "%zu", i));
	arena_free(&arena);
}

static void test_order_of_signatures(void **state)
{
	(void)state;
	expect_order(0, 0);
	expect_order(5, 5);
	expect_order(MAX_DKIM_SIGNATURES - 3, MAX_DKIM_SIGNATURES - 3);
	expect_order(MAX_DKIM_SIGNATURES - 2, MAX_DKIM_SIGNATURES - 3);
	expect_order(MAX_DKIM_RESULTS - 3, MAX_DKIM_SIGNATURES - 3);
}

/* --------------------------------- time, of which one author uses all */

/* A name server that is silent about evil.test; time is what it is told. */
struct slow {
	struct resolver resolver; /* first */
	struct resolver *behind;
	size_t now, give_up_at; /* in hundredths of the deadline */
};

static void
ask_slowly(struct resolver *self, const struct dns_question *questions,
	   struct dns_answer *answers, size_t n, struct arena *arena)
{
	struct slow *slow = (struct slow *)self;
	bool late = slow->now >= slow->give_up_at, silent = false;
	size_t i;

	slow->behind->ask(slow->behind, questions, answers, n, arena);
	for (i = 0; i < n; i++) {
		bool evil = strstr(questions[i].name, "evil.test") != NULL;

		silent |= evil;
		if (late || evil)
			answers[i] = (struct dns_answer){ .status = DNS_FAIL,
							  .why = "timeout" };
	}
	if (!late)
		slow->now = silent ? slow->give_up_at : slow->now + 1;
}

static void allow_part(struct resolver *self, size_t part, size_t parts)
{
	((struct slow *)self)->give_up_at = 100 * part / parts;
}

static const char bank_zone[] =
	"_dmarc.bank.test. TXT \"v=DMARC1; p=none; np=reject\"\n";

/* With signatures for the bank whose keys Exim did not get. */
static void expect_failure(const char *first, const char *second)
{
	struct arena *arena = arena_new((size_t)16 * 1024 * 1024);
	struct err err = ERR_INIT;
	struct resolver *zone = zonefile_parse(span_of(bank_zone), &err);
	struct slow slow = { .resolver = { .ask = ask_slowly,
					   .allow = allow_part },
			     .behind = zone,
			     .give_up_at = 100 };
	struct dkim_fact dkim = { .domain = "bank.test",
				  .selector = "none",
				  .result = AUTH_TEMPERROR,
				  .human = "pubkey unavailable",
				  .key_unavailable = true };
	struct message_facts facts = {
		.client_ip = "192.0.2.1",
		.helo = "",
		.mail_from = "",
		.spf = { .domain = "" },
		.from = { .status = FROM_SEVERAL,
			  .n = 2,
			  .fields = 1,
			  .domain = { first, second } },
		.dkim = &dkim,
		.n_dkim = 1,
		.brief = true,
	};
	struct dmarc_verdict verdict;
	struct settings settings;

	settings_defaults(&settings);
	assert_int_equal(verdict_make(&facts, &settings, NULL, &slow.resolver,
				      arena, &verdict, &err),
			 0);
	assert_int_equal(verdict.result, DMARC_FAIL);
	assert_int_equal(verdict.policy_applied, DMARC_POLICY_REJECT);
	assert_string_equal(verdict.from_domain, "ghost.bank.test");
	resolver_free(&zone);
	arena_free(&arena);
}

/* R4.4: who names a domain beside the bank's does not get it off. */
static void test_silent_author(void **state)
{
	(void)state;
	expect_failure("evil.test", "ghost.bank.test");
	expect_failure("ghost.bank.test", "evil.test");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_of_signatures),
		cmocka_unit_test(test_silent_author),
	};
	struct err err = ERR_INIT;
	int failed;

	list = psl_open(data_path("suffixes.dat"), &err);
	if (list == NULL) {
		print_error("%s\n", err.text);
		return 1;
	}
	failed = cases_run("verdict.cases", check) +
		 cmocka_run_group_tests(tests, NULL, NULL);
	psl_free(&list);
	return failed;
}
