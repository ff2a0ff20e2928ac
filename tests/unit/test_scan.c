/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "dns/zonefile.h"
#include "journal/entry.h"
#include "unit/cases.h"
#include "unit/fake_spf.h"

#define MAX_CASE_FIELDS 20

static const char zone[] =
	"rej.test. IN A 192.0.2.7\n"
	"_dmarc.rej.test. IN TXT \"v=DMARC1; p=reject\"\n"
	"_dmarc.half.test. TXT \"v=DMARC1; p=reject; pct=50\"\n"
	"fwd.test. IN A 192.0.2.7\n"
	"dead.test. IN A 192.0.2.7\n"
	";!timeout _dmarc.dead.test\n";

struct place {
	char directory[100];
	char config[120];
	char journal[120];
};

/* more are lines of the configuration, or NULL */
static void make_place(struct place *place, const char *more)
{
	struct buf text = BUF_INIT(65536);
	struct err err = ERR_INIT;

	snprintf(place->directory, sizeof(place->directory),
		 "/tmp/scan-XXXXXX");
	if (mkdtemp(place->directory) == NULL)
		exit(99);
	snprintf(place->config, sizeof(place->config), "%s/conf",
		 place->directory);
	snprintf(place->journal, sizeof(place->journal), "%s/open.jsonl",
		 place->directory);
	buf_addf(&text, "[journal]\ndirectory = %s\n%s", place->directory,
		 more == NULL ? "" : more);
	if (file_replace(place->config, buf_span(&text), 0600, &err) < 0)
		exit(99);
	buf_release(&text);
}

static void remove_place(const struct place *place)
{
	unlink(place->config);
	unlink(place->journal);
	rmdir(place->directory);
}

static void read_header(struct span header, struct scan_message *message)
{
	struct span line;

	while (span_take_line(&header, &line)) {
		struct scan_field *field = &message->fields[message->n_fields];

		if (!span_take_until(&line, ':', &field->name) ||
		    ++message->n_fields > MAX_CASE_FIELDS)
			exit(99);
		field->name = span_trim(field->name);
		field->body = line;
	}
}

static void
expect_kept(const struct test_case *c, const struct scan_message *message)
{
	struct buf names = BUF_INIT(4096);
	size_t i;

	for (i = 0; i < message->n_fields; i++) {
		if (message->fields[i].remove)
			continue;
		if (names.n > 0)
			buf_add_char(&names, ',');
		buf_add(&names, message->fields[i].name);
	}
	expect(c, "kept", buf_string(&names));
	buf_release(&names);
}

static const char *
text_or(const struct test_case *c, const char *field, const char *otherwise)
{
	const char *text = case_maybe(c, field);

	return text == NULL ? otherwise : text;
}

static void expect_outcome(const struct test_case *c,
			   struct scan_outcome *outcome,
			   const struct place *place)
{
	static const char *const actions[] = { [SCAN_ACCEPT] = "accept",
					       [SCAN_REJECT] = "reject",
					       [SCAN_DEFER] = "defer" };
	const char *part = case_maybe(c, "trouble_has");

	expect(c, "action", actions[outcome->action]);
	expect(c, "add", buf_string(&outcome->add));
	expect(c, "log", buf_string(&outcome->log));
	expect(c, "trouble", buf_string(&outcome->trouble));
	expect(c, "reply", buf_string(&outcome->reply));
	expect_bool(c, "journal", access(place->journal, F_OK) == 0);
	if (part != NULL && strstr(buf_string(&outcome->trouble), part) == NULL)
		expect(c, "trouble_has", buf_string(&outcome->trouble));
}

/* "1 pass": a library that says so; "-": one that is not there. */
static const char *spf_library(const struct test_case *c)
{
	struct fake_spf *fake;
	uint64_t outcome;
	struct span word, first;

	if (!case_has(c, "spf_says"))
		return NULL;
	word = case_span(c, "spf_says");
	if (span_is(word, "-"))
		return "/nonexistent.so";
	fake = fake_spf_open();
	if (!span_take_until(&word, ' ', &first) ||
	    !span_to_uint(first, 9, &outcome))
		exit(99);
	fake->outcome = (int)outcome;
	snprintf(fake->word, sizeof(fake->word), "%.*s", SPAN_ARGS(word));
	return fake_spf_path();
}

/* What Exim would be asked, a line each, and its answer to all of it. */
static void take_lookups(const struct test_case *c, struct scanner *scanner,
			 struct buf *lookups)
{
	const char *lookup;

	while ((lookup = scan_next_lookup(scanner)) != NULL) {
		buf_addf(lookups, "%s\n", lookup);
		scan_take_lookup(scanner, text_or(c, "lookup", ""),
				 text_or(c, "lookup_fault", ""));
	}
}

/* As Exim's ACLs have it: fields are read for who needs them. */
static struct scan_message message_for(const struct scan_question *question,
				       const struct scanner *scanner,
				       const struct scan_message *message)
{
	struct scan_message told = *message;

	if (scan_is_judged(scanner, message) && !question->reads_fields)
		told.n_fields = 0;
	return told;
}

/* "ask" are questions of an ACL, separated by blanks; "line" is the one "". */
static void ask(const struct test_case *c, struct scanner *scanner,
		struct scan_message *message, struct scan_outcome *outcome)
{
	struct span rest = span_of(text_or(c, "ask", "")), word;
	struct buf answers = BUF_INIT(65536), answer = BUF_INIT(65536);
	struct buf lookups = BUF_INIT(65536);

	while (rest.n > 0) {
		const struct scan_question *question;
		struct scan_message told;

		if (!span_take_until(&rest, ' ', &word)) {
			word = rest;
			rest.n = 0;
		}
		question = scan_question_find(span_is(word, "line") ? SPAN("") :
								      word);
		if (question == NULL)
			exit(99);
		told = message_for(question, scanner, message);
		if (scan_judge(scanner, &told, outcome))
			take_lookups(c, scanner, &lookups);
		buf_reset(&answer);
		scan_answer(scanner, &told, outcome, question, &answer);
		buf_addf(&answers, "%.*s: %s\n", SPAN_ARGS(word),
			 buf_string(&answer));
	}
	if (scan_judge(scanner, message, outcome))
		take_lookups(c, scanner, &lookups);
	expect(c, "answers", buf_string(&answers));
	expect(c, "lookups", buf_string(&lookups));
	buf_release(&answers);
	buf_release(&answer);
	buf_release(&lookups);
}

static void check(const struct test_case *c)
{
	struct scan_field fields[MAX_CASE_FIELDS] = { 0 };
	const char *recipients[] = { "b@here.test", "c@HERE.test.",
				     text_or(c, "recipient", "@"), "" };
	struct scan_message message = {
		.time = 1795453509,
		.size = ENTRY_SIZE_UNKNOWN,
		.id = text_or(c, "id", "id"),
		.hostname = "mx.test",
		.client_ip = case_get(c, "ip"),
		.client_name = text_or(c, "client_name", ""),
		.helo = text_or(c, "helo", "client.test"),
		.mail_from = case_get(c, "mail_from"),
		.authenticated = case_has(c, "authenticated"),
		.fields = fields,
		.recipients = recipients,
		.n_recipients = case_has(c, "recipient") ? 3 : 4,
		.authres = case_get(c, "authres"),
		.spf_result = text_or(c, "spf_result", ""),
		.base_score = text_or(c, "base", ""),
		.base_fault = text_or(c, "base_fault", ""),
	};
	struct scan_outcome outcome = SCAN_OUTCOME_INIT;
	FILE *body = tmpfile();
	struct err err = ERR_INIT;
	struct resolver *resolver = zonefile_parse(span_of(zone), &err);
	struct scanner *scanner;
	struct place place;

	if (body == NULL || fputs(text_or(c, "body", ""), body) < 0 ||
	    fflush(body) != 0)
		exit(99);
	message.body = case_has(c, "no_body") ? -1 : fileno(body);
	make_place(&place, case_maybe(c, "config"));
	scanner = scanner_new(place.config, &outcome.trouble);
	if (resolver == NULL || scanner == NULL)
		exit(99);
	scanner_use(scanner, resolver, spf_library(c));
	read_header(case_span(c, "header"), &message);
	ask(c, scanner, &message, &outcome);
	message.base_score = text_or(c, "base_then", message.base_score);
	scan(scanner, &message, &outcome);
	expect_kept(c, &message);
	expect_outcome(c, &outcome, &place);
	scanner_free(&scanner);
	resolver_free(&resolver);
	scan_outcome_release(&outcome);
	remove_place(&place);
	fclose(body);
}

/* ------------------------------------------------------ asked very often */

/* A message of which only what an ACL may still know is told again. */
static const struct scan_message at_hand = {
	.id = "1wNx01-000000-00",
	.hostname = "mx.test",
	.client_ip = "192.0.2.1",
	.client_name = "",
	.helo = "",
	.mail_from = "a@fwd.test",
	.authres = "",
	.spf_result = "",
	.base_score = "",
	.base_fault = "",
	.body = -1,
};

static void judge_anew(struct scanner *scanner, const char *id,
		       struct scan_outcome *outcome)
{
	struct scan_field from = { .name = SPAN("From"),
				   .body = SPAN("a@rej.test") };
	struct scan_message message = at_hand;

	message.id = id;
	message.fields = &from;
	message.n_fields = 1;
	message.authres = "Authentication-Results: mx.test; none";
	assert_false(scan_is_judged(scanner, &message));
	assert_true(scan_judge(scanner, &message, outcome));
	assert_true(scan_is_judged(scanner, &message));
}

static void answers_do_not_pile_up(void **state)
{
	const struct scan_question *question = scan_question_find(SPAN(""));
	struct err err = ERR_INIT;
	struct resolver *resolver = zonefile_parse(span_of(zone), &err);
	struct scan_outcome outcome = SCAN_OUTCOME_INIT;
	struct buf answer = BUF_INIT(MAX_ANSWER_BYTES);
	const char *recipients[200];
	struct scanner *scanner;
	struct place place;
	int i;

	(void)state;
	make_place(&place, "[domain:x.test]\nreject_at = 8\n");
	scanner = scanner_new(place.config, &outcome.trouble);
	assert_non_null(scanner);
	scanner_use(scanner, resolver, NULL);
	for (i = 0; i < 200; i++)
		recipients[i] = i % 2 == 0 ? "a@long.name.of.a.domain.test" :
					     "a@x.test";
	judge_anew(scanner, at_hand.id, &outcome);
	for (i = 0; i < 3000; i++) {
		struct scan_message message = at_hand;

		message.recipients = recipients;
		message.n_recipients = 200;
		buf_reset(&answer);
		assert_true(scan_judge(scanner, &message, &outcome));
		scan_answer(scanner, &message, &outcome, question, &answer);
	}
	assert_string_equal(buf_string(&answer),
			    "result=fail policy=reject applied=reject "
			    "domain=rej.test policy_domain=rej.test "
			    "spf=unknown dkim=none score=8.00 "
			    "action=quarantine");
	judge_anew(scanner, "1wNx02-000000-00", &outcome);
	assert_string_equal(buf_string(&outcome.trouble), "");
	scanner_free(&scanner);
	resolver_free(&resolver);
	scan_outcome_release(&outcome);
	buf_release(&answer);
	remove_place(&place);
}

/* ------------------------------------------- records that fill our memory */

#define MAX_RECORD_BYTES 60000

#define MIN_RECORD_BYTES 20

/* The longest record that there is room for: who knows our limits has it so. */
static struct span fill(const char *text, size_t bytes, struct arena *arena)
{
	struct span record = { .p = NULL, .n = 0 };

	for (; record.p == NULL && bytes >= MIN_RECORD_BYTES; bytes /= 2)
		record = arena_copy(arena, (struct span){ text, bytes });
	return record;
}

/* Records for all names with "evil" in them. */
static void ask_evil(struct resolver *self,
		     const struct dns_question *questions,
		     struct dns_answer *answers, size_t n, struct arena *arena)
{
	char text[MAX_RECORD_BYTES];
	size_t i;

	(void)self;
	memset(text, 'x', sizeof(text));
	memcpy(text, "v=DMARC1; p=none; x=", MIN_RECORD_BYTES);
	for (i = 0; i < n; i++) {
		bool evil = strstr(questions[i].name, "evil") != NULL;

		answers[i] = (struct dns_answer){ .status = DNS_NODATA };
		if (!evil && strcmp(questions[i].name, "_dmarc.rej.test") != 0)
			continue;
		answers[i].records =
			arena_array(arena, 1, sizeof(*answers[i].records));
		if (answers[i].records != NULL)
			*answers[i].records =
				evil ? fill(text, sizeof(text), arena) :
				       arena_copy(arena,
						  SPAN("v=DMARC1; p=reject"));
		answers[i].n = answers[i].records != NULL &&
			       answers[i].records->p != NULL;
		answers[i].status = answers[i].n > 0 ? DNS_FOUND : DNS_FAIL;
	}
}

static void free_nothing(struct resolver *self)
{
	(void)self;
}

static void long_records_let_nothing_through(void **state)
{
	struct resolver resolver = { .ask = ask_evil, .free = free_nothing };
	static const char signature[] = "DKIM-Signature:";
	struct scan_field fields[41] = { {
		.name = SPAN("From"),
		.body = SPAN("a@evil0.test, a@evil1.test, a@evil2.test, "
			     "a@evil3.test, a@rej.test"),
	} };
	struct scan_message message = {
		.hostname = "mx.test",
		.client_ip = "192.0.2.1",
		.client_name = "",
		.helo = "",
		.mail_from = "a@evil0.test",
		.id = "id",
		.fields = fields,
		.n_fields = 41,
		.spf_result = "",
	};
	struct scan_outcome outcome = SCAN_OUTCOME_INIT;
	struct buf authres = BUF_INIT(65536);
	struct scanner *scanner;
	struct place place;
	int i;

	(void)state;
	make_place(&place, NULL);
	buf_add_string(&authres, "mx.test");
	for (i = 0; i < 40; i++) {
		fields[i + 1].name =
			(struct span){ signature, sizeof(signature) - 2 };
		fields[i + 1].body =
			(struct span){ signature + sizeof(signature) - 1, 0 };
		buf_addf(&authres,
			 ";\n\tdkim=pass header.d=a.b.c.d.e.i%d.evil%d.test", i,
			 i / 10);
	}
	message.authres = buf_string(&authres);
	message.body = open("/dev/null", O_RDONLY | O_CLOEXEC);
	scanner = scanner_new(place.config, &outcome.trouble);
	assert_non_null(scanner);
	scanner_use(scanner, &resolver, NULL);
	scan(scanner, &message, &outcome);
	assert_non_null(strstr(buf_string(&outcome.log),
			       "dmarc: fail policy=reject applied=reject "
			       "from=rej.test "));
	close(message.body);
	scanner_free(&scanner);
	scan_outcome_release(&outcome);
	buf_release(&authres);
	remove_place(&place);
}

/* Is a result shown whose line has so many octets with its tab? */
static bool is_shown(size_t octets)
{
	struct scan_field from = { .name = SPAN("From"),
				   .body = SPAN("a@rej.test") };
	struct scan_message message = {
		.hostname = "mx.test",
		.client_ip = "192.0.2.1",
		.client_name = "",
		.helo = "",
		.mail_from = "a@rej.test",
		.id = "id",
		.fields = &from,
		.n_fields = 1,
		.spf_result = "",
		.base_score = "",
		.base_fault = "",
	};
	struct scan_outcome outcome = SCAN_OUTCOME_INIT;
	struct buf authres = BUF_INIT(65536);
	struct err err = ERR_INIT;
	struct resolver *resolver = zonefile_parse(span_of(zone), &err);
	struct scanner *scanner;
	struct place place;
	size_t begin;
	bool shown;

	make_place(&place, NULL);
	buf_add_string(&authres, "Authentication-Results: mx.test;\n\t"
				 "spf=none smtp.mailfrom=rej.test;\n");
	begin = authres.n;
	buf_add_string(&authres, "\tdkim=fail header.d=x.test header.s=");
	while (authres.n - begin < octets)
		buf_add_char(&authres, 's');
	buf_add_string(&authres, ";\n\tdkim=fail header.d=last.test");
	message.authres = buf_string(&authres);
	message.body = open("/dev/null", O_RDONLY | O_CLOEXEC);
	scanner = scanner_new(place.config, &outcome.trouble);
	assert_non_null(resolver);
	assert_non_null(scanner);
	scanner_use(scanner, resolver, NULL);
	scan(scanner, &message, &outcome);
	shown = strstr(buf_string(&outcome.add), "d=x.test") != NULL;
	/* Those in front of it and behind it are shown, whatever it is like. */
	assert_non_null(strstr(buf_string(&outcome.add), ";\n\tspf=none smtp"));
	assert_non_null(strstr(buf_string(&outcome.add),
			       ";\n\tdkim=fail header.d=last.test\n"));
	close(message.body);
	scanner_free(&scanner);
	resolver_free(&resolver);
	scan_outcome_release(&outcome);
	buf_release(&authres);
	remove_place(&place);
	return shown;
}

static void no_line_is_too_long(void **state)
{
	(void)state;
	assert_true(is_shown(998));
	assert_false(is_shown(999));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_records_let_nothing_through),
		cmocka_unit_test(answers_do_not_pile_up),
		cmocka_unit_test(no_line_is_too_long),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	return cases_run("scan.cases", check) + failed;
}
