/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/zonefile.h"

#include "base/buf.h"
#include "unit/cases.h"

static const char *const statuses[] = {
	[DNS_FAIL] = "fail",
	[DNS_NXDOMAIN] = "nxdomain",
	[DNS_NODATA] = "nodata",
	[DNS_FOUND] = "found",
};

static enum dns_type read_type(struct span type)
{
	if (span_is(type, "A"))
		return DNS_A;
	if (span_is(type, "AAAA"))
		return DNS_AAAA;
	return span_is(type, "MX") ? DNS_MX : DNS_TXT;
}

/* "found a|b", "nodata", "fail why" */
static void format(struct buf *text, const struct dns_answer *answer)
{
	size_t i;

	buf_add_string(text, statuses[answer->status]);
	if (answer->status == DNS_FAIL)
		buf_addf(text, " %s", answer->why);
	if (answer->status != DNS_FOUND)
		return;
	for (i = 0; i < answer->n; i++) {
		buf_add_char(text, i == 0 ? ' ' : '|');
		buf_add(text, answer->records[i]);
	}
}

static void ask(struct resolver *zone, struct span line, struct buf *text)
{
	struct arena *arena = arena_new(1024 * 1024);
	struct dns_question question = { .type = DNS_TXT };
	struct dns_answer answer;
	struct span name;

	if (span_take_until(&line, ' ', &name))
		question.type = read_type(line);
	else
		name = line;
	question.name = arena_copy(arena, name).p;
	zone->ask(zone, &question, &answer, 1, arena);
	format(text, &answer);
	arena_free(&arena);
}

/* The answers to all "ask", one in each line; or the error. */
static void check(const struct test_case *c)
{
	struct err err = ERR_INIT;
	struct resolver *zone = zonefile_parse(case_span(c, "zone"), &err);
	struct buf text = BUF_INIT(65536);
	size_t i;

	expect(c, "error", zone == NULL ? err.text : NULL);
	for (i = 0; case_nth(c, "ask", i).p != NULL; i++) {
		if (i > 0)
			buf_add_char(&text, '\n');
		if (zone == NULL)
			buf_add_string(&text, err.text);
		else
			ask(zone, case_nth(c, "ask", i), &text);
	}
	resolver_free(&zone);
	expect_span(c, "answers", buf_span(&text));
	buf_release(&text);
}

int main(void)
{
	return cases_run("zonefile.cases", check);
}
