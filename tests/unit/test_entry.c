/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is written is read back, whatever strangers put into it. */
#include "journal/entry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 3000

/* ------------------------------------------------------------- generation */

struct generator {
	struct arena *arena;
	uint64_t state;
	bool any_bytes; /* texts may hold what is not UTF-8 */
};

/* xorshift64: the same entries on every machine. */
static unsigned number(struct generator *g, unsigned below)
{
	g->state ^= g->state << 13;
	g->state ^= g->state >> 7;
	g->state ^= g->state << 17;
	return (unsigned)(g->state >> 32) % below;
}

static bool coin(struct generator *g)
{
	return number(g, 2) == 1;
}

static const char *text(struct generator *g)
{
	static const char *const pieces[] = {
		"a",    "example.org", "\"",           "\\",
		"\n",   "\r\n",        "\t",           "\x01",
		"\x7f", "\xc3\xa4",    "\xe2\x82\xac", "{}[],:",
		" ",    "\\u0041",     "null",         "\xf0\x9f\x98\x80",
		"\xff", "\xc3",        "\xed\xa0\x80", "\xf5\x80\x80\x80",
	};
	const unsigned valid = 16, all = sizeof(pieces) / sizeof(pieces[0]);
	struct buf buf = BUF_INIT(4096);
	unsigned n = number(g, 6);
	struct span copy;

	while (n-- > 0)
		buf_add_string(&buf,
			       pieces[number(g, g->any_bytes ? all : valid)]);
	copy = arena_copy(g->arena, buf_span(&buf));
	buf_release(&buf);
	assert_non_null(copy.p);
	return copy.p;
}

static struct span text_or_null(struct generator *g)
{
	return coin(g) ? span_of(text(g)) : (struct span){ .p = NULL };
}

static void make_record(struct generator *g, struct dmarc_record *record)
{
	*record = (struct dmarc_record){
		.p = number(g, 4),
		.sp = 1 + number(g, 3),
		.np = 1 + number(g, 3),
		.adkim = number(g, 2),
		.aspf = number(g, 2),
		.psd = number(g, 3),
		.testing = coin(g),
		.fo = number(g, 16),
		.pct = number(g, 101),
		.rua = text_or_null(g),
		.ruf = text_or_null(g),
	};
	/* What applies is written: it is never less than none, none (R7.4). */
	if (record->p == DMARC_POLICY_UNSET)
		record->p = DMARC_POLICY_NONE;
}

static void make_facts(struct generator *g, struct message_facts *facts)
{
	size_t i;

	facts->client_ip = coin(g) ? "192.0.2.7" : text(g);
	facts->helo = text(g);
	facts->mail_from = text(g);
	facts->from.n = number(g, MAX_FROM_DOMAINS + 1);
	for (i = 0; i < facts->from.n; i++)
		facts->from.domain[i] = text(g);
	facts->spf.domain = "";
	facts->spf.known = coin(g);
	if (facts->spf.known) {
		facts->spf.result = number(g, 8);
		facts->spf.scope = number(g, 2);
		facts->spf.domain = text(g);
		facts->spf.aligned = coin(g);
	}
	facts->n_dkim = number(g, 5);
	facts->dkim =
		arena_array(g->arena, facts->n_dkim, sizeof(*facts->dkim));
	assert_non_null(facts->dkim);
	for (i = 0; i < facts->n_dkim; i++)
		facts->dkim[i] = (struct dkim_fact){ .domain = text(g),
						     .selector = text(g),
						     .result = number(g, 8),
						     .human = text(g),
						     .aligned = coin(g) };
}

static void make_verdict(struct generator *g, struct dmarc_verdict *verdict)
{
	size_t i;

	verdict->result = number(g, 5);
	verdict->from_domain = text(g);
	verdict->policy_domain = text(g);
	verdict->organizational_domain = text(g);
	verdict->method = number(g, 2);
	verdict->have_record = coin(g);
	if (verdict->have_record)
		make_record(g, &verdict->record);
	verdict->policy_source = number(g, 4);
	verdict->policy_selected = number(g, 4);
	verdict->policy_applied = number(g, 4);
	verdict->disposition = number(g, 4);
	verdict->n_reasons = number(g, MAX_REASONS + 1);
	for (i = 0; i < verdict->n_reasons; i++)
		verdict->reasons[i] =
			(struct verdict_reason){ .type = number(g, 7),
						 .comment = text(g) };
	verdict->score = (int)number(g, 200001) - 100000;
	verdict->action = number(g, 5);
	verdict->faults = span_of(text(g));
}

static void make_entry(struct generator *g, struct entry *entry)
{
	size_t i;

	memset(entry, 0, sizeof(*entry));
	entry->time = number(g, 2000000000);
	entry->id = text(g);
	entry->mta = text(g);
	entry->n_rcpt_domains = number(g, 4);
	for (i = 0; i < entry->n_rcpt_domains; i++)
		entry->rcpt_domains[i] = text(g);
	entry->size =
		coin(g) ? (int64_t)number(g, 1000000) : ENTRY_SIZE_UNKNOWN;
	make_facts(g, &entry->facts);
	make_verdict(g, &entry->verdict);
}

/* ------------------------------------------------------------- comparison */

static void same_text(const char *key, const char *a, const char *b)
{
	if (strcmp(a, b) != 0)
		fail_msg("%s: '%s' became '%s'", key, a, b);
}

static void same_span(const char *key, struct span a, struct span b)
{
	if ((a.p == NULL) != (b.p == NULL) || !span_equal(a, b))
		fail_msg("%s: '%.*s' became '%.*s'", key, SPAN_ARGS(a),
			 SPAN_ARGS(b));
}

#define SAME(a, b, field) assert_int_equal((a)->field, (b)->field)

static void
same_record(const struct dmarc_record *a, const struct dmarc_record *b)
{
	SAME(a, b, p);
	SAME(a, b, sp);
	SAME(a, b, np);
	SAME(a, b, adkim);
	SAME(a, b, aspf);
	SAME(a, b, psd);
	SAME(a, b, testing);
	SAME(a, b, fo);
	SAME(a, b, pct);
	same_span("rua", a->rua, b->rua);
	same_span("ruf", a->ruf, b->ruf);
}

static void
same_facts(const struct message_facts *a, const struct message_facts *b)
{
	size_t i;

	same_text("client", a->client_ip, b->client_ip);
	same_text("helo", a->helo, b->helo);
	same_text("mail_from", a->mail_from, b->mail_from);
	SAME(a, b, from.n);
	for (i = 0; i < a->from.n; i++)
		same_text("from_domains", a->from.domain[i], b->from.domain[i]);
	SAME(a, b, spf.known);
	SAME(a, b, spf.result);
	SAME(a, b, spf.scope);
	SAME(a, b, spf.aligned);
	same_text("spf domain", a->spf.domain, b->spf.domain);
	SAME(a, b, n_dkim);
	for (i = 0; i < a->n_dkim; i++) {
		SAME(a, b, dkim[i].result);
		SAME(a, b, dkim[i].aligned);
		same_text("dkim domain", a->dkim[i].domain, b->dkim[i].domain);
		same_text("selector", a->dkim[i].selector, b->dkim[i].selector);
		same_text("human", a->dkim[i].human, b->dkim[i].human);
	}
}

static void
same_verdict(const struct dmarc_verdict *a, const struct dmarc_verdict *b)
{
	size_t i;

	SAME(a, b, result);
	same_text("from_domain", a->from_domain, b->from_domain);
	same_text("policy_domain", a->policy_domain, b->policy_domain);
	same_text("organizational_domain", a->organizational_domain,
		  b->organizational_domain);
	SAME(a, b, method);
	SAME(a, b, have_record);
	same_record(&a->record, &b->record);
	SAME(a, b, policy_source);
	SAME(a, b, policy_selected);
	SAME(a, b, policy_applied);
	SAME(a, b, disposition);
	SAME(a, b, n_reasons);
	for (i = 0; i < a->n_reasons; i++) {
		SAME(a, b, reasons[i].type);
		same_text("comment", a->reasons[i].comment,
			  b->reasons[i].comment);
	}
	assert_true(span_equal(a->faults, b->faults));
	SAME(a, b, score);
	SAME(a, b, action);
}

static void same_entry(const struct entry *a, const struct entry *b)
{
	size_t i;

	SAME(a, b, time);
	same_text("id", a->id, b->id);
	same_text("mta", a->mta, b->mta);
	SAME(a, b, n_rcpt_domains);
	for (i = 0; i < a->n_rcpt_domains; i++)
		same_text("rcpt_domains", a->rcpt_domains[i],
			  b->rcpt_domains[i]);
	SAME(a, b, size);
	same_facts(&a->facts, &b->facts);
	same_verdict(&a->verdict, &b->verdict);
}

/* ------------------------------------------------------------------ tests */

static void
must_parse(struct span line, struct arena *arena, struct entry *entry)
{
	struct err err = ERR_INIT;

	if (entry_parse(line, arena, entry, &err) < 0)
		fail_msg("%s in %.*s", err.text, SPAN_ARGS(line));
}

static void one_line(struct span line)
{
	assert_true(line.n > 0);
	assert_ptr_equal(memchr(line.p, '\n', line.n), line.p + line.n - 1);
}

static void round_trip(struct generator *g, struct buf *line, struct buf *again)
{
	struct entry entry, read;

	make_entry(g, &entry);
	buf_reset(line);
	buf_reset(again);
	entry_format(line, &entry);
	assert_true(buf_ok(line));
	one_line(buf_span(line));
	must_parse(buf_span(line), g->arena, &read);
	if (!g->any_bytes)
		same_entry(&entry, &read);
	entry_format(again, &read);
	assert_string_equal(buf_string(line), buf_string(again));
}

static void run_rounds(bool any_bytes)
{
	struct generator g = { .arena = arena_new(16 * 1024 * 1024),
			       .state = 88172645463325252ULL,
			       .any_bytes = any_bytes };
	struct buf line = BUF_INIT(MAX_ENTRY_BYTES);
	struct buf again = BUF_INIT(MAX_ENTRY_BYTES);
	int i;

	for (i = 0; i < ROUNDS; i++) {
		arena_reset(g.arena);
		round_trip(&g, &line, &again);
	}
	buf_release(&line);
	buf_release(&again);
	arena_free(&g.arena);
}

static void what_is_written_is_read_back(void **state)
{
	(void)state;
	run_rounds(false);
}

static void what_is_not_utf8_becomes_utf8(void **state)
{
	(void)state;
	run_rounds(true);
}

/* A plain entry with so many signatures, each of about 600 octets. */
static void make_signed(struct generator *g, struct entry *entry, size_t n)
{
	char name[254];
	size_t i;

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	make_entry(g, entry);
	entry->facts.n_dkim = n;
	entry->facts.dkim =
		arena_array(g->arena, n, sizeof(*entry->facts.dkim));
	assert_non_null(entry->facts.dkim);
	for (i = 0; i < n; i++)
		entry->facts.dkim[i] = (struct dkim_fact){
			.domain = arena_copy(g->arena, span_of(name)).p,
			.selector = arena_copy(g->arena, span_of(name)).p,
			.human = "body hash mismatch",
		};
}

static void many_signatures_do_not_cost_the_line(void **state)
{
	struct generator g = { .arena = arena_new(16 * 1024 * 1024),
			       .state = 4711 };
	struct buf line = BUF_INIT(MAX_ENTRY_BYTES);
	struct entry entry, read;

	(void)state;
	make_signed(&g, &entry, 60);
	entry_format(&line, &entry);
	assert_true(buf_ok(&line));
	must_parse(buf_span(&line), g.arena, &read);
	assert_int_equal(read.facts.n_dkim, 60);

	buf_reset(&line);
	make_signed(&g, &entry, MAX_DKIM_SIGNATURES);
	entry.facts.dkim[0].human = text(&g);
	entry.facts.helo = arena_printf(g.arena, "%020000d", 7);
	entry_format(&line, &entry);
	assert_true(buf_ok(&line));
	one_line(buf_span(&line));
	must_parse(buf_span(&line), g.arena, &read);
	assert_int_equal(read.facts.n_dkim, 50);

	/* What cannot fit at all is told. */
	buf_reset(&line);
	entry.facts.helo = arena_printf(g.arena, "%070000d", 7);
	entry_format(&line, &entry);
	assert_false(buf_ok(&line));
	buf_release(&line);
	arena_free(&g.arena);
}

/* No memory ends in an error or in the right answer, never in another. */
static void little_memory_is_told(void **state)
{
	struct generator g = { .arena = arena_new(16 * 1024 * 1024),
			       .state = 4712 };
	struct buf line = BUF_INIT(MAX_ENTRY_BYTES);
	struct entry entry, read;
	size_t limit;
	int result = -1;

	(void)state;
	make_entry(&g, &entry);
	entry_format(&line, &entry);
	for (limit = 0; result < 0 && limit < 100000; limit += 40) {
		struct arena *arena = arena_new(limit);
		struct err err = ERR_INIT;

		result = entry_parse(buf_span(&line), arena, &read, &err);
		if (result == 0)
			same_entry(&entry, &read);
		else
			assert_int_equal(err.kind, ERR_LIMIT);
		arena_free(&arena);
	}
	assert_int_equal(result, 0);
	buf_release(&line);
	arena_free(&g.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(what_is_not_utf8_becomes_utf8),
		cmocka_unit_test(many_signatures_do_not_cost_the_line),
		cmocka_unit_test(little_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
