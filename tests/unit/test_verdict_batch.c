/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which messages become one row, and what the row says; without a server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/utc.h"
#include "store/verdicts.h"

#define NOON 1795435200 /* 2026-11-23 12:00 */

static struct dkim_fact signature = {
	.domain = "example.org",
	.selector = "s1",
	.result = AUTH_PASS,
	.human = "",
	.aligned = true,
};

static struct entry make_entry(void)
{
	return (struct entry){
		.time = NOON,
		.id = "1wNx00-000000-00",
		.mta = "mx1.example.net",
		.facts = { .client_ip = "192.0.2.7",
			   .helo = "mail.example.org",
			   .mail_from = "bounce@Example.org",
			   .spf = { .known = true,
				    .result = AUTH_PASS,
				    .scope = SPF_SCOPE_MFROM,
				    .domain = "example.org" },
			   .dkim = &signature,
			   .n_dkim = 1 },
		.verdict = { .result = DMARC_PASS,
			     .from_domain = "example.org",
			     .policy_domain = "example.org",
			     .organizational_domain = "example.org",
			     .have_record = true,
			     .record = { .p = DMARC_POLICY_REJECT,
					 .fo = DMARC_FO_ANY | DMARC_FO_SPF,
					 .pct = 100,
					 .rua = SPAN("mailto:a@example.org") },
			     .dkim_aligned = true,
			     .spf_aligned = true,
			     .disposition = DISPOSITION_PASS,
			     .faults = SPAN(""),
			     .explanation = "" },
	};
}

static void add(struct verdict_batch *batch, const struct entry *entry)
{
	struct err err = ERR_INIT;

	assert_int_equal(verdict_batch_add(batch, entry, &err), 0);
}

static void
assert_groups(struct verdict_batch *batch, size_t rows, size_t policies)
{
	size_t n;

	(void)verdict_batch_rows(batch, &n);
	assert_int_equal(n, rows);
	(void)verdict_batch_policies(batch, &n);
	assert_int_equal(n, policies);
}

static void equal_messages_are_one_row(void **state)
{
	struct verdict_batch *batch = verdict_batch_new();
	const struct verdict_row *row;
	struct entry entry = make_entry();
	size_t n;

	(void)state;
	add(batch, &entry);
	entry.id = "1wNx01-000000-00";
	entry.time = NOON + 60;
	add(batch, &entry);
	entry.time = NOON - 60;
	add(batch, &entry);
	assert_groups(batch, 1, 1);
	row = verdict_batch_rows(batch, &n)[0];
	assert_int_equal(row->count, 3);
	assert_int_equal(row->first, NOON - 60);
	assert_int_equal(row->last, NOON + 60);
	assert_int_equal(row->day, utc_day_begin(NOON));
	verdict_batch_free(&batch);
}

/* A change that has to make another row, or another policy. */
struct change {
	const char *what;
	void (*apply)(struct entry *entry);
	size_t policies;
};

static struct dkim_fact other_selector, two_signatures[2];

static void change_day(struct entry *e)
{
	e->time += UTC_DAY;
}

static void change_mta(struct entry *e)
{
	e->mta = "mx2.example.net";
}

static void change_client(struct entry *e)
{
	e->facts.client_ip = "2001:db8::1";
}

static void change_from(struct entry *e)
{
	e->verdict.from_domain = "sub.example.org";
}

static void change_envelope(struct entry *e)
{
	e->facts.mail_from = "a@elsewhere.example";
}

static void change_null_sender(struct entry *e)
{
	e->facts.mail_from = "";
}

static void change_result(struct entry *e)
{
	e->verdict.result = DMARC_FAIL;
}

static void change_disposition(struct entry *e)
{
	e->verdict.disposition = DISPOSITION_NONE;
}

static void change_dkim_aligned(struct entry *e)
{
	e->verdict.dkim_aligned = false;
}

static void change_spf_aligned(struct entry *e)
{
	e->verdict.spf_aligned = false;
}

static void change_reason(struct entry *e)
{
	e->verdict.reasons[0] =
		(struct verdict_reason){ .type = REASON_LOCAL_POLICY,
					 .comment = "by hand" };
	e->verdict.n_reasons = 1;
}

static void change_selector(struct entry *e)
{
	other_selector = signature;
	other_selector.selector = "s2";
	e->facts.dkim = &other_selector;
}

static void change_signatures(struct entry *e)
{
	two_signatures[0] = two_signatures[1] = signature;
	e->facts.dkim = two_signatures;
	e->facts.n_dkim = 2;
}

static void change_spf_unknown(struct entry *e)
{
	e->facts.spf.known = false;
}

static void change_spf_scope(struct entry *e)
{
	e->facts.spf.scope = SPF_SCOPE_HELO;
}

static void change_policy_domain(struct entry *e)
{
	e->verdict.policy_domain = "sub.example.org";
}

static void change_p(struct entry *e)
{
	e->verdict.record.p = DMARC_POLICY_NONE;
}

static void change_rua(struct entry *e)
{
	e->verdict.record.rua = SPAN("mailto:b@example.org");
}

static void change_faults(struct entry *e)
{
	e->verdict.faults = SPAN("sp: unknown word");
}

static void change_testing(struct entry *e)
{
	e->verdict.record.testing = true;
}

static void change_record(struct entry *e)
{
	e->verdict.have_record = false;
}

static const struct change changes[] = {
	{ "day", change_day, 1 },
	{ "mta", change_mta, 1 },
	{ "client", change_client, 1 },
	{ "from", change_from, 1 },
	{ "envelope", change_envelope, 1 },
	{ "null sender", change_null_sender, 1 },
	{ "result", change_result, 1 },
	{ "disposition", change_disposition, 1 },
	{ "dkim aligned", change_dkim_aligned, 1 },
	{ "spf aligned", change_spf_aligned, 1 },
	{ "reason", change_reason, 1 },
	{ "selector", change_selector, 1 },
	{ "signatures", change_signatures, 1 },
	{ "spf unknown", change_spf_unknown, 1 },
	{ "spf scope", change_spf_scope, 1 },
	{ "policy domain", change_policy_domain, 2 },
	{ "p", change_p, 2 },
	{ "rua", change_rua, 2 },
	{ "faults", change_faults, 2 },
	{ "testing", change_testing, 2 },
	{ "record", change_record, 2 },
};

static void differing_messages_are_two_rows(void **state)
{
	struct verdict_batch *batch = verdict_batch_new();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct entry entry = make_entry();

		print_message("%s\n", changes[i].what);
		verdict_batch_reset(batch);
		add(batch, &entry);
		changes[i].apply(&entry);
		add(batch, &entry);
		assert_groups(batch, 2, changes[i].policies);
	}
	verdict_batch_free(&batch);
}

/* R7.2: envelope_to is one of the identifiers, for those who want it told. */
static void recipients_make_rows_when_asked(void **state)
{
	struct verdict_batch *batch = verdict_batch_new();
	const struct verdict_row *const *rows;
	struct entry entry = make_entry();
	struct column_hash plain;
	size_t n;

	(void)state;
	entry.rcpt_domains[0] = "A.example";
	entry.rcpt_domains[1] = "b.example";
	entry.n_rcpt_domains = 1;
	add(batch, &entry);
	rows = verdict_batch_rows(batch, &n);
	plain = rows[0]->hash;
	assert_int_equal(rows[0]->envelope_to.n, 0);
	verdict_batch_by_recipient(batch, true);
	add(batch, &entry);
	assert_groups(batch, 2, 1);
	entry.rcpt_domains[0] = "b.example";
	add(batch, &entry);
	assert_groups(batch, 3, 1);
	verdict_batch_reset(batch);
	add(batch, &entry);
	assert_string_equal(verdict_batch_rows(batch, &n)[0]->envelope_to.p,
			    "b.example");
	/* Several recipients' domains are none: as if nobody had asked. */
	entry.n_rcpt_domains = 2;
	verdict_batch_reset(batch);
	add(batch, &entry);
	rows = verdict_batch_rows(batch, &n);
	assert_int_equal(rows[0]->envelope_to.n, 0);
	assert_memory_equal(&rows[0]->hash, &plain, sizeof(plain));
	verdict_batch_free(&batch);
}

static void recipients_are_kept_once(void **state)
{
	struct verdict_batch *batch = verdict_batch_new();
	const struct verdict_recipient *const *recipients;
	struct entry entry = make_entry();
	size_t n;

	(void)state;
	entry.rcpt_domains[0] = "b.example";
	entry.rcpt_domains[1] = "A.example";
	entry.n_rcpt_domains = 2;
	add(batch, &entry);
	entry.time += UTC_DAY;
	entry.n_rcpt_domains = 1;
	add(batch, &entry);
	entry.time -= 3 * UTC_DAY;
	add(batch, &entry);
	recipients = verdict_batch_recipients(batch, &n);
	assert_int_equal(n, 2);
	assert_string_equal(recipients[0]->domain.p, "a.example");
	assert_int_equal(recipients[0]->day, utc_day_begin(NOON));
	assert_string_equal(recipients[1]->domain.p, "b.example");
	assert_int_equal(recipients[1]->day, utc_day_begin(NOON) + UTC_DAY);
	verdict_batch_reset(batch);
	(void)verdict_batch_recipients(batch, &n);
	assert_int_equal(n, 0);
	verdict_batch_free(&batch);
}

static void too_many_recipients_fill_a_batch(void **state)
{
	struct verdict_batch *batch = verdict_batch_new();
	struct entry entry = make_entry();
	struct err err = ERR_INIT;
	char name[MAX_ENTRY_RCPT_DOMAINS][30];
	size_t n, added = 0, i;

	(void)state;
	do {
		for (i = 0; i < MAX_ENTRY_RCPT_DOMAINS; i++) {
			(void)snprintf(name[i], sizeof(name[i]), "%zu.example",
				       added++);
			entry.rcpt_domains[i] = name[i];
		}
		entry.n_rcpt_domains = MAX_ENTRY_RCPT_DOMAINS;
	} while (verdict_batch_add(batch, &entry, &err) == 0);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_int_equal(added, MAX_BATCH_RECIPIENTS + MAX_ENTRY_RCPT_DOMAINS);
	verdict_batch_reset(batch);
	add(batch, &entry);
	(void)verdict_batch_recipients(batch, &n);
	assert_int_equal(n, MAX_ENTRY_RCPT_DOMAINS);
	verdict_batch_free(&batch);
}

/* Several machines: the same hash, so that a report adds them up. */
static void the_machine_is_not_hashed(void **state)
{
	struct verdict_batch *batch = verdict_batch_new();
	const struct verdict_row *const *rows;
	struct entry entry = make_entry();
	size_t n;

	(void)state;
	entry.mta = "mx2.example.net";
	add(batch, &entry);
	entry.mta = "mx1.example.net";
	add(batch, &entry);
	rows = verdict_batch_rows(batch, &n);
	assert_int_equal(n, 2);
	assert_memory_equal(&rows[0]->hash, &rows[1]->hash,
			    sizeof(rows[0]->hash));
	assert_string_equal(rows[0]->mta.p, "mx1.example.net");
	assert_string_equal(rows[1]->mta.p, "mx2.example.net");
	verdict_batch_free(&batch);
}

static void columns_hold_what_a_report_needs(void **state)
{
	struct verdict_batch *batch = verdict_batch_new();
	const struct verdict_policy *policy;
	const struct verdict_row *row;
	struct entry entry = make_entry();
	size_t n;

	(void)state;
	change_reason(&entry);
	add(batch, &entry);
	row = verdict_batch_rows(batch, &n)[0];
	assert_string_equal(row->source.text, "::ffff:192.0.2.7");
	assert_string_equal(row->envelope_from.p, "example.org");
	assert_true(span_equal(
		row->reasons,
		SPAN("[{\"type\":\"local_policy\",\"comment\":\"by hand\"}]")));
	assert_true(span_equal(
		row->auth_results,
		SPAN("{\"dkim\":[{\"domain\":\"example.org\",\"selector\":"
		     "\"s1\",\"result\":\"pass\",\"human\":\"\"}],\"spf\":{"
		     "\"domain\":\"example.org\",\"scope\":\"mfrom\","
		     "\"result\":\"pass\"}}")));
	policy = verdict_batch_policies(batch, &n)[0];
	assert_string_equal(policy->policy_domain.p, "example.org");
	assert_string_equal(policy->method, "treewalk");
	assert_string_equal(policy->p, "reject");
	assert_string_equal(policy->sp, "");
	assert_string_equal(policy->adkim, "r");
	assert_string_equal(policy->fo, "1:s");
	assert_string_equal(policy->testing, "n");
	assert_true(span_equal(policy->rua, SPAN("mailto:a@example.org")));
	verdict_batch_free(&batch);
}

static void rows_are_in_the_order_of_the_key(void **state)
{
	struct verdict_batch *batch = verdict_batch_new();
	const struct verdict_row *const *rows;
	char client[32];
	size_t n, i;

	(void)state;
	for (i = 0; i < 100; i++) {
		struct entry entry = make_entry();

		(void)snprintf(client, sizeof(client), "192.0.2.%zu", i);
		entry.facts.client_ip = client;
		entry.time = NOON + (int64_t)(i % 3) * UTC_DAY;
		add(batch, &entry);
	}
	rows = verdict_batch_rows(batch, &n);
	assert_int_equal(n, 100);
	for (i = 1; i < n; i++)
		assert_true(rows[i - 1]->day < rows[i]->day ||
			    (rows[i - 1]->day == rows[i]->day &&
			     memcmp(&rows[i - 1]->hash, &rows[i]->hash,
				    COLUMN_HASH) < 0));
	verdict_batch_free(&batch);
}

static void assert_refused(const struct entry *entry, const char *why)
{
	struct verdict_batch *batch = verdict_batch_new();
	struct err err = ERR_INIT;

	assert_int_equal(verdict_batch_add(batch, entry, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, why));
	assert_groups(batch, 0, 0);
	verdict_batch_free(&batch);
}

static void what_no_column_takes_is_refused(void **state)
{
	struct verdict_batch *batch = verdict_batch_new();
	struct entry entry = make_entry();

	(void)state;
	entry.time = 253402300799;
	add(batch, &entry);
	entry.time = 0;
	add(batch, &entry);
	verdict_batch_free(&batch);
	entry.time = 253402300800;
	assert_refused(&entry, "time");
	entry.time = -1;
	assert_refused(&entry, "time");
	entry = make_entry();
	entry.facts.client_ip = "mail.example.org";
	assert_refused(&entry, "client");
}

static void a_batch_has_an_end(void **state)
{
	struct verdict_batch *batch = verdict_batch_new();
	struct entry entry = make_entry();
	struct err err = ERR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < MAX_BATCH_ENTRIES; i++)
		add(batch, &entry);
	assert_int_equal(verdict_batch_add(batch, &entry, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_groups(batch, 1, 1);
	verdict_batch_reset(batch);
	add(batch, &entry);
	assert_groups(batch, 1, 1);
	verdict_batch_free(&batch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_messages_are_one_row),
		cmocka_unit_test(differing_messages_are_two_rows),
		cmocka_unit_test(recipients_make_rows_when_asked),
		cmocka_unit_test(recipients_are_kept_once),
		cmocka_unit_test(too_many_recipients_fill_a_batch),
		cmocka_unit_test(the_machine_is_not_hashed),
		cmocka_unit_test(columns_hold_what_a_report_needs),
		cmocka_unit_test(rows_are_in_the_order_of_the_key),
		cmocka_unit_test(what_no_column_takes_is_refused),
		cmocka_unit_test(a_batch_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
