/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A whole verdict. The first line holds the Author Domains, the second what SPF
 * and DKIM say, as an Authentication-Results text; each line behind that answers
 * one question: "!" fails, "?" is NXDOMAIN, "-" is NODATA, all else is a TXT
 * record. What is asked behind the last line does not exist.
 */
#include <string.h>

#include "dmarc/verdict.h"
#include "fuzz.h"
#include "mail/idn.h"

/* Of each Author Domain: its walk, whether it exists, identifiers, keys. */
#define MAX_QUESTIONS         \
	(MAX_AUTHOR_DOMAINS * \
	 (8 + 1 + MAX_WALKED_IDENTIFIERS * 8 + 2 * MAX_KEY_QUESTIONS))

struct script {
	struct resolver resolver;
	struct span rest;
	size_t asked;
};

static void answer_one(struct script *script, struct dns_answer *answer,
		       struct arena *arena)
{
	struct span line;

	*answer = (struct dns_answer){ .status = DNS_NXDOMAIN };
	if (!span_take_line(&script->rest, &line) || span_is(line, "?"))
		return;
	if (span_is(line, "!")) {
		answer->status = DNS_FAIL;
		memcpy(answer->why, "timeout", sizeof("timeout"));
		return;
	}
	answer->status = span_is(line, "-") ? DNS_NODATA : DNS_FOUND;
	answer->records = arena_alloc(arena, sizeof(*answer->records));
	MUST_HOLD(answer->records != NULL);
	answer->records[0] = line;
	answer->n = answer->status == DNS_FOUND;
}

static void ask(struct resolver *self, const struct dns_question *questions,
		struct dns_answer *answers, size_t n, struct arena *arena)
{
	struct script *script = (struct script *)self;
	size_t i;

	for (i = 0; i < n; i++) {
		MUST_HOLD(strlen(questions[i].name) <= 253);
		answer_one(script, &answers[i], arena);
	}
	script->asked += n;
}

static void
read_from(struct span line, struct from_result *from, struct arena *arena)
{
	struct span word;

	from->fields = 1;
	while (from->n < MAX_FROM_DOMAINS &&
	       span_take_item(&line, ' ', &word)) {
		from->domain[from->n] = idn_to_ascii(arena, word);
		from->n += from->domain[from->n] != NULL;
	}
	from->status = from->n == 0 ? FROM_NONE :
		       from->n == 1 ? FROM_ONE :
				      FROM_SEVERAL;
}

static void check_texts(const struct message_facts *facts,
			const struct dmarc_verdict *verdict)
{
	struct buf text = BUF_INIT(1024 * 1024);
	struct json json = JSON_INIT(&text);
	size_t i;

	verdict_authres(&text, verdict);
	for (i = 0; i < text.n; i++)
		MUST_HOLD(text.p[i] >= ' ' && text.p[i] <= '~');
	buf_reset(&text);
	json_open(&json, '{');
	verdict_json(&json, facts, verdict);
	json_close(&json, '}');
	MUST_HOLD(buf_ok(&text) && !span_has(buf_span(&text), '\n'));
	buf_release(&text);
	for (i = 0; verdict->explanation[i] != '\0'; i++)
		MUST_HOLD(verdict->explanation[i] >= ' ' &&
			  verdict->explanation[i] <= '~');
}

static void check_verdict(const struct message_facts *facts,
			  const struct dmarc_verdict *verdict)
{
	bool aligned = facts->spf.aligned;
	size_t i;

	for (i = 0; i < facts->n_dkim; i++) {
		aligned |= facts->dkim[i].aligned;
		MUST_HOLD(!facts->dkim[i].aligned ||
			  facts->dkim[i].result == AUTH_PASS);
	}
	MUST_HOLD(!facts->spf.aligned || facts->spf.result == AUTH_PASS);
	MUST_HOLD(aligned == (verdict->spf_aligned || verdict->dkim_aligned));
	if (verdict->result == DMARC_PASS)
		MUST_HOLD(aligned && verdict->have_record);
	if (verdict->result == DMARC_FAIL)
		MUST_HOLD(!aligned && verdict->have_record);
	MUST_HOLD(verdict->have_record ==
		  (verdict->policy_selected != DMARC_POLICY_UNSET));
	MUST_HOLD(verdict->policy_applied <= verdict->policy_selected);
	MUST_HOLD(verdict->policy_applied == verdict->policy_selected ||
		  verdict->record.testing || verdict->sampled_out);
	MUST_HOLD(verdict->n_reasons <= MAX_REASONS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new((size_t)64 * 1024 * 1024);
	struct message_facts facts = { .helo = "", .mail_from = "" };
	struct script script = { .resolver = { .ask = ask } };
	struct span rest = { (const char *)data, size };
	struct span from = SPAN(""), results = SPAN("");
	struct dmarc_verdict verdict;
	struct err err = ERR_INIT;
	struct settings settings;

	MUST_HOLD(arena != NULL);
	(void)span_take_line(&rest, &from);
	(void)span_take_line(&rest, &results);
	script.rest = rest;
	read_from(from, &facts.from, arena);
	(void)facts_from_authres(&facts, results, arena, &err);
	settings_defaults(&settings);
	settings.pct = size % 2 == 0 ? PCT_IGNORE : PCT_HONOUR;
	facts.draw = message_draw(results);
	MUST_HOLD(verdict_make(&facts, &settings, NULL, &script.resolver, arena,
			       &verdict, &err) == 0);
	MUST_HOLD(script.asked <= MAX_QUESTIONS);
	check_verdict(&facts, &verdict);
	check_texts(&facts, &verdict);
	arena_free(&arena);
	return 0;
}
