/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A whole verdict. The first line holds the Author Domains, the second what SPF
 * and DKIM say, as an Authentication-Results text; the rest are the answers of the
 * DNS (script.h).
 */
#include <string.h>

#include "dmarc/verdict.h"
#include "fuzz.h"
#include "fuzz/script.h"
#include "mail/idn.h"

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

/* What stands in the header is read back by anybody who reads RFC 8601. */
static void check_authres(struct span text, const struct dmarc_verdict *verdict,
			  struct arena *arena)
{
	struct buf field = BUF_INIT(65536);
	struct authres read;
	struct span from;

	buf_add_string(&field, "mx.test; ");
	buf_add(&field, text);
	MUST_HOLD(buf_ok(&field));
	MUST_HOLD(authres_parse(buf_span(&field), arena, &read));
	MUST_HOLD(read.n == 1 && span_is(read.results[0].method, "dmarc"));
	MUST_HOLD(span_is(read.results[0].result,
			  verdict->record_unusable ?
				  "permerror" :
				  dmarc_result_name(verdict->result)));
	from = authres_property_get(&read.results[0], "header", "from");
	MUST_HOLD(from.p == NULL || span_is(from, verdict->from_domain));
	MUST_HOLD(from.p != NULL || *verdict->from_domain == '\0');
	buf_release(&field);
}

static void check_texts(const struct message_facts *facts,
			const struct dmarc_verdict *verdict,
			struct arena *arena)
{
	struct buf text = BUF_INIT(1024 * 1024);
	struct json json = JSON_INIT(&text);
	size_t i;

	verdict_authres(&text, verdict);
	for (i = 0; i < text.n; i++)
		MUST_HOLD(text.p[i] >= ' ' && text.p[i] <= '~');
	check_authres(buf_span(&text), verdict, arena);
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
		  verdict->record.testing || verdict->sampled_out ||
		  verdict->overridden);
	MUST_HOLD(!verdict->overridden ||
		  (verdict->result == DMARC_FAIL &&
		   verdict->policy_applied == DMARC_POLICY_NONE &&
		   verdict->policy_selected > DMARC_POLICY_NONE));
	MUST_HOLD(verdict->n_reasons <= MAX_REASONS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new((size_t)64 * 1024 * 1024);
	struct message_facts facts = { .helo = "", .mail_from = "" };
	static struct script script;
	struct span rest = { (const char *)data, size };
	struct span from = SPAN(""), results = SPAN("");
	struct dmarc_verdict verdict;
	struct err err = ERR_INIT;
	struct settings settings;

	MUST_HOLD(arena != NULL);
	(void)span_take_line(&rest, &from);
	(void)span_take_line(&rest, &results);
	script_start(&script, rest);
	read_from(from, &facts.from, arena);
	(void)facts_from_authres(&facts, results, arena, &err);
	settings_defaults(&settings);
	if (size % 3 == 0) { /* what else stands in a header */
		settings.any_mailing_list = true;
		facts.list_id = facts.list_post = results;
		settings.trusted_forwarder_domains = "*.com";
	}
	settings.pct = size % 2 == 0 ? PCT_IGNORE : PCT_HONOUR;
	facts.draw = message_draw(results);
	MUST_HOLD(verdict_make(&facts, &settings, NULL, &script.resolver, arena,
			       &verdict, &err) == 0);
	check_verdict(&facts, &verdict);
	check_texts(&facts, &verdict, arena);
	arena_free(&arena);
	return 0;
}
