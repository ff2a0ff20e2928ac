/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From a result to points and from points to what is done. "config" is the text
 * of a configuration file; what it leaves out has its default.
 */
#include "dmarc/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "unit/cases.h"

static void read_settings(const struct test_case *c, struct arena *arena,
			  struct settings *settings)
{
	char path[] = "/tmp/edmarc-test-XXXXXX";
	struct span text = case_nth(c, "config", 0);
	struct err err = ERR_INIT;
	int fd;

	settings_defaults(settings);
	if (text.p == NULL)
		return;
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, text), 0);
	close(fd);
	if (settings_read(settings, path, arena, NULL, &err) < 0) {
		unlink(path);
		fail_msg("%s", err.text);
	}
	unlink(path);
}

static enum dmarc_policy
read_policy(const struct test_case *c, const char *field)
{
	enum dmarc_policy policy = DMARC_POLICY_UNSET;

	if (case_has(c, field))
		assert_true(dmarc_policy_parse(case_span(c, field), &policy));
	return policy;
}

static struct message_facts read_facts(const struct test_case *c)
{
	const char *status = case_maybe(c, "from");
	struct message_facts facts = { .from = { .fields = 1 } };

	if (status != NULL && strcmp(status, "none") == 0)
		facts.from.status = FROM_NONE;
	else if (status != NULL && strcmp(status, "several") == 0)
		facts.from.n = 2;
	if (case_has(c, "two-fields"))
		facts.from.fields = 2;
	return facts;
}

static void
expect_reasons(const struct test_case *c, const struct dmarc_verdict *verdict)
{
	struct buf all = BUF_INIT(65536);
	size_t i;

	for (i = 0; i < verdict->n_reasons; i++)
		buf_addf(&all, "%s%s: %s", i > 0 ? "; " : "",
			 reason_type_name(verdict->reasons[i].type),
			 verdict->reasons[i].comment);
	expect(c, "reasons", buf_string(&all));
	buf_release(&all);
}

/* "more: N": what somebody else adds to the score, in hundredths. */
static int read_more(const struct test_case *c)
{
	const char *more = case_maybe(c, "more");

	return more == NULL ? 0 : (int)strtol(more, NULL, 10);
}

static void check(const struct test_case *c)
{
	struct arena *arena = arena_new(65536);
	struct message_facts facts = read_facts(c);
	struct dmarc_verdict verdict = { .from_domain = "example.com" };
	struct buf text = BUF_INIT(100);
	struct settings settings;

	read_settings(c, arena, &settings);
	if (facts.from.status == FROM_NONE)
		verdict.from_domain = "";
	assert_true(
		dmarc_result_parse(case_span(c, "result"), &verdict.result));
	verdict.record_unusable = case_has(c, "unusable");
	verdict.policy_selected = read_policy(c, "selected");
	verdict.policy_applied = case_has(c, "applied") ?
					 read_policy(c, "applied") :
					 verdict.policy_selected;
	verdict.method =
		case_has(c, "psl") ? DISCOVERY_PSL : DISCOVERY_TREEWALK;
	verdict.sampled_out = case_has(c, "sampled-out");
	verdict.record.testing = case_has(c, "testing");
	verdict.from_fields = facts.from.fields;
	verdict.from_domains = facts.from.n;
	verdict.score = verdict_score(&facts, &verdict, &settings);
	/* A second time, as the Exim module does it, nothing piles up. */
	verdict_act(&verdict, &settings);
	verdict.score += read_more(c);
	verdict_act(&verdict, &settings);
	score_format(&text, verdict.score);
	expect(c, "score", buf_string(&text));
	expect(c, "action", action_name(verdict.action));
	expect(c, "disposition", disposition_name(verdict.disposition));
	expect_reasons(c, &verdict);
	buf_release(&text);
	arena_free(&arena);
}

int main(void)
{
	return cases_run("score.cases", check);
}
