/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/file.h"
#include "dns/zonefile.h"
#include "journal/entry.h"
#include "unit/cases.h"

#define MAX_CASE_FIELDS 20

static const char zone[] = "rej.test. IN A 192.0.2.7\n"
			   "_dmarc.rej.test. IN TXT \"v=DMARC1; p=reject\"\n"
			   "fwd.test. IN A 192.0.2.7\n"
			   "dead.test. IN A 192.0.2.7\n"
			   ";!timeout _dmarc.dead.test\n";

struct place {
	char directory[100];
	char config[120];
	char journal[120];
};

static void make_place(const struct test_case *c, struct place *place)
{
	const char *more = case_maybe(c, "config");
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

static void check(const struct test_case *c)
{
	struct scan_field fields[MAX_CASE_FIELDS] = { 0 };
	const char *recipients[] = { "b@here.test", "c@HERE.test.", "@", "" };
	struct scan_message message = {
		.time = 1795453509,
		.size = ENTRY_SIZE_UNKNOWN,
		.id = "id",
		.hostname = "mx.test",
		.client_ip = case_get(c, "ip"),
		.client_name = text_or(c, "client_name", ""),
		.helo = text_or(c, "helo", "client.test"),
		.mail_from = case_get(c, "mail_from"),
		.authenticated = case_has(c, "authenticated"),
		.fields = fields,
		.recipients = recipients,
		.n_recipients = 4,
		.authres = case_get(c, "authres"),
		.spf_result = text_or(c, "spf_result", ""),
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
	message.body = fileno(body);
	make_place(c, &place);
	scanner = scanner_new(place.config, &outcome.trouble);
	if (resolver == NULL || scanner == NULL)
		exit(99);
	scanner_use(scanner, resolver);
	read_header(case_span(c, "header"), &message);
	scan(scanner, &message, &outcome);
	expect_kept(c, &message);
	expect_outcome(c, &outcome, &place);
	scanner_free(&scanner);
	resolver_free(&resolver);
	scan_outcome_release(&outcome);
	remove_place(&place);
	fclose(body);
}

int main(void)
{
	return cases_run("scan.cases", check);
}
