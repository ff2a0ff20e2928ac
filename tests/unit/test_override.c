/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * [override], from the text of a configuration to what a report says. "FILE" in
 * it stands for a file with the lines of "list". The message fails, as a.test
 * has p=reject, unless the case says otherwise.
 */
#include "dmarc/override.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "dmarc/lists.h"
#include "dns/zonefile.h"
#include "unit/cases.h"

static const char zone_text[] =
	"_dmarc.a.test. TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.b.test. TXT \"v=DMARC1; p=quarantine\"\n"
	"_dmarc.t.test. TXT \"v=DMARC1; p=reject; t=y\"\n"
	"_dmarc.n.test. TXT \"v=DMARC1; p=none\"\n";

static const char *text_or_empty(const struct test_case *c, const char *field)
{
	const char *text = case_maybe(c, field);

	return text == NULL ? "" : text;
}

/* A file in /tmp; its name replaces that in path. */
static void write_file(char *path, struct span text)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, text), 0);
	close(fd);
}

/* The configuration, with the list's path for the first "FILE". */
static void read_config(const struct test_case *c, const char *list,
			struct settings *settings, struct arena *arena)
{
	char path[] = "/tmp/edmarc-test-XXXXXX";
	const char *config = text_or_empty(c, "config");
	const char *place = strstr(config, "FILE");
	struct err err = ERR_INIT;
	char *text = arena_printf(arena, "[override]\n%s", config);

	if (place != NULL)
		text = arena_printf(arena, "[override]\n%.*s%s%s",
				    (int)(place - config), config, list,
				    place + 4);
	write_file(path, span_of(text));
	if (settings_read(settings, path, arena, NULL, &err) < 0) {
		unlink(path);
		fail_msg("%s", err.text);
	}
	unlink(path);
}

static struct message_facts
read_facts(const struct test_case *c, struct arena *arena)
{
	struct message_facts facts = {
		.client_ip = "192.0.2.7",
		.client_name = text_or_empty(c, "client-name"),
		.helo = "",
		.mail_from = text_or_empty(c, "mail-from"),
		.list_id = case_nth(c, "list-id", 0),
		.list_post = case_nth(c, "list-post", 0),
	};
	struct err err = ERR_INIT;
	struct span from = SPAN("x@a.test");

	if (case_has(c, "from"))
		from = case_span(c, "from");
	facts.from = from_read(&from, 1, arena);
	if (facts_from_authres(&facts, case_span(c, "results"), arena, &err) <
	    0)
		fail_msg("%s", err.text);
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

static void
expect_verdict(const struct test_case *c, const struct dmarc_verdict *verdict)
{
	const char *part = case_maybe(c, "explanation-has");
	struct buf text = BUF_INIT(65536);

	expect(c, "result", dmarc_result_name(verdict->result));
	expect(c, "applied", dmarc_policy_name(verdict->policy_applied));
	expect(c, "action", action_name(verdict->action));
	expect(c, "disposition", disposition_name(verdict->disposition));
	expect_bool(c, "fault", *verdict->override_fault != '\0');
	expect_reasons(c, verdict);
	verdict_authres(&text, verdict);
	expect(c, "authres", buf_string(&text));
	buf_reset(&text);
	score_format(&text, verdict->score);
	expect(c, "score", buf_string(&text));
	if (part != NULL && strstr(verdict->explanation, part) == NULL)
		expect(c, "explanation-has", verdict->explanation);
	buf_release(&text);
}

static void check(const struct test_case *c)
{
	char list[] = "/tmp/edmarc-test-XXXXXX";
	struct arena *arena = arena_new((size_t)16 * 1024 * 1024);
	struct err err = ERR_INIT;
	struct resolver *zone = zonefile_parse(span_of(zone_text), &err);
	struct message_facts facts = read_facts(c, arena);
	struct buf all = BUF_INIT(65536);
	struct dmarc_verdict verdict;
	struct settings settings;
	struct span text = case_nth(c, "list", 0);

	assert_non_null(zone);
	write_file(list, text.p == NULL ? SPAN("") : text);
	if (case_has(c, "no-file"))
		unlink(list);
	read_config(c, list, &settings, arena);
	if (verdict_make(&facts, &settings, NULL, zone, arena, &verdict, &err) <
	    0)
		fail_msg("%s", err.text);
	expect_verdict(c, &verdict);
	expect_bool(c, "checked",
		    override_check_files(&settings, &all, &err) == 0);
	if (case_has(c, "mistakes")) {
		struct span rest = buf_span(&all), line;
		size_t n = 0;

		while (span_take_line(&rest, &line))
			n += span_starts(line, list);
		expect_int(c, "mistakes", (long long)n);
	}
	unlink(list);
	buf_release(&all);
	resolver_free(&zone);
	arena_free(&arena);
}

/* ------------------------------------------------------------ the limits */

/* A file of so many bytes, of which the last line names x.test. */
static enum list_match find_in(size_t bytes, struct err *err)
{
	static const char *const names[] = { "x.test" };
	const struct list_subject subject = { .names = names, .n = 1 };
	char path[] = "/tmp/edmarc-test-XXXXXX";
	struct buf text = BUF_INIT(2 * MAX_LIST_FILE_BYTES);
	enum list_match match;
	size_t which;

	while (text.n + 8 <= bytes)
		buf_add_string(&text, "y.test\n\n");
	while (text.n + 8 < bytes)
		buf_add_char(&text, '\n');
	text.n -= 8;
	buf_add_string(&text, "x.test");
	while (text.n < bytes)
		buf_add_char(&text, '\n');
	write_file(path, buf_span(&text));
	match = list_find(span_of(path), &subject, &which, err);
	unlink(path);
	buf_release(&text);
	return match;
}

static void files_have_a_limit(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(find_in(MAX_LIST_FILE_BYTES, &err), LIST_NAME);
	assert_int_equal(err.kind, ERR_NONE);
	assert_int_equal(find_in(MAX_LIST_FILE_BYTES + 1, &err), LIST_NO);
	assert_int_equal(err.kind, ERR_CONFIG);
}

/* The tenth signature is looked for, the eleventh is not. */
static bool is_allowed(size_t n)
{
	struct arena *arena = arena_new(1024 * 1024);
	struct message_facts facts = {
		.client_ip = "",
		.client_name = "",
		.mail_from = "",
		.spf = { .known = true,
			 .result = AUTH_PASS,
			 .scope = SPF_SCOPE_HELO,
			 .domain = "helo.test" },
	};
	struct dkim_fact dkim[MAX_OVERRIDE_IDENTITIES + 1] = { 0 };
	struct settings settings;
	struct override override;
	struct err err = ERR_INIT;
	bool allowed;
	size_t i;

	for (i = 0; i < n; i++)
		dkim[i] = (struct dkim_fact){
			.domain = i + 1 == n ? "last.test" : "other.test",
			.result = AUTH_PASS,
		};
	facts.dkim = dkim;
	facts.n_dkim = n;
	settings_defaults(&settings);
	settings.allowed_signers = "last.test";
	allowed = override_find(&facts, "a.test", &settings, arena, &override,
				&err) == 1;
	arena_free(&arena);
	return allowed;
}

static void identities_have_a_limit(void **state)
{
	(void)state;
	assert_true(is_allowed(MAX_OVERRIDE_IDENTITIES));
	assert_false(is_allowed(MAX_OVERRIDE_IDENTITIES + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_have_a_limit),
		cmocka_unit_test(identities_have_a_limit),
	};

	return cases_run("override.cases", check) +
	       cmocka_run_group_tests(tests, NULL, NULL);
}
