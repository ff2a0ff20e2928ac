/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/evaluate.h"

#include "base/json.h"
#include "base/quote.h"
#include "dns/cache.h"

#define TEXT_COLUMNS 78

static void open_json(struct json *json, const struct inputs *inputs)
{
	const struct message_facts *facts = inputs->facts;

	json_open(json, '{');
	json_key_string(json, "client_ip",
			*facts->client_ip == '\0' ? NULL : facts->client_ip);
	json_key_string(json, "helo",
			*facts->helo == '\0' ? NULL : facts->helo);
	json_key_string(json, "mail_from",
			inputs->mail_from == NULL ? NULL : facts->mail_from);
}

/* The end of the object: what was judged, and who said so. */
static void close_json(struct json *json, const struct inputs *inputs)
{
	json_key_string(json, "client_name",
			inputs->client_name == NULL ?
				NULL :
				inputs->facts->client_name);
	json_key_string(json, "file", inputs->file);
	json_key(json, "inputs");
	json_open(json, '{');
	json_key_string(json, "client_ip", inputs->client_ip);
	json_key_string(json, "client_name", inputs->client_name);
	json_key_string(json, "helo", inputs->helo);
	json_key_string(json, "mail_from", inputs->mail_from);
	json_key_string(json, "spf", inputs->spf);
	json_key_string(json, "dkim", inputs->dkim);
	json_close(json, '}');
	json_key_string(json, "recorded", inputs->recorded);
	json_key_string(json, "notes",
			*inputs->notes == '\0' ? NULL : inputs->notes);
	json_close(json, '}');
}

static void key_queries(struct json *json, const struct resolver *cache)
{
	size_t n, i;
	const struct dns_question *asked = dns_cache_asked(cache, &n);

	json_key(json, "queries");
	json_open(json, '[');
	for (i = 0; i < n; i++)
		json_string(json, asked[i].name);
	json_close(json, ']');
}

void evaluate_json(struct buf *out, const struct inputs *inputs,
		   const struct judged *judged, const struct resolver *cache)
{
	struct json json = JSON_INIT(out);

	open_json(&json, inputs);
	verdict_json(&json, &judged->facts, &judged->verdict);
	key_queries(&json, cache);
	json_key_string(&json, "explanation", judged->verdict.explanation);
	close_json(&json, inputs);
	buf_add_char(out, '\n');
}

static void print_line(struct buf *out, const char *label, const char *text)
{
	buf_addf(out, "%-14s%s\n", label, *text == '\0' ? "-" : text);
}

static void
print_identifiers(struct buf *out, const struct message_facts *facts)
{
	size_t i;

	if (!facts->spf.known)
		print_line(out, "SPF", "not checked");
	else
		buf_addf(out, "%-14s%s %s (%s)%s\n", "SPF",
			 auth_result_name(facts->spf.result),
			 *facts->spf.domain == '\0' ? "-" : facts->spf.domain,
			 spf_scope_name(facts->spf.scope),
			 facts->spf.aligned ? ", aligned" : "");
	for (i = 0; i < facts->n_dkim; i++)
		buf_addf(out, "%-14s%s %s (%s)%s\n", "DKIM",
			 auth_result_name(facts->dkim[i].result),
			 facts->dkim[i].domain,
			 *facts->dkim[i].selector == '\0' ?
				 "-" :
				 quote(span_of(facts->dkim[i].selector)).text,
			 facts->dkim[i].aligned ? ", aligned" : "");
}

static void print_policy(struct buf *out, const struct dmarc_verdict *verdict)
{
	print_line(out, "organization", verdict->organizational_domain);
	print_line(out, "record at", verdict->policy_domain);
	if (!verdict->have_record)
		return;
	print_line(out, "record", quote(verdict->record.text).text);
	buf_addf(out, "%-14s%s=%s", "policy",
		 policy_source_name(verdict->policy_source),
		 dmarc_policy_name(verdict->policy_selected));
	if (verdict->policy_applied != verdict->policy_selected)
		buf_addf(out, ", applied as %s",
			 dmarc_policy_name(verdict->policy_applied));
	if (verdict->sampled_out)
		buf_addf(out, " (not in the sample of pct=%u)",
			 verdict->record.pct);
	buf_add_char(out, '\n');
}

static void print_outcome(struct buf *out, const struct dmarc_verdict *verdict)
{
	size_t i;

	buf_addf(out, "%-14s", "score");
	score_format(out, verdict->score);
	buf_addf(out, "\n%-14s%s\n%-14s%s\n", "action",
		 action_name(verdict->action), "disposition",
		 disposition_name(verdict->disposition));
	for (i = 0; i < verdict->n_reasons; i++)
		buf_addf(out, "%-14s%s%s%s\n", "reason",
			 reason_type_name(verdict->reasons[i].type),
			 *verdict->reasons[i].comment == '\0' ? "" : ": ",
			 verdict->reasons[i].comment);
}

/* Words of text, in lines that a terminal has room for. */
static void print_wrapped(struct buf *out, const char *text)
{
	struct span rest = span_of(text), word;
	size_t column = 0;

	while (span_take_item(&rest, ' ', &word)) {
		if (column > 0 && column + 1 + word.n > TEXT_COLUMNS) {
			buf_add_char(out, '\n');
			column = 0;
		}
		if (column > 0)
			buf_add_char(out, ' ');
		buf_add(out, word);
		column += word.n + (column > 0);
	}
	buf_add_char(out, '\n');
}

static void print_queries(struct buf *out, const struct resolver *cache)
{
	size_t n, i;
	const struct dns_question *asked = dns_cache_asked(cache, &n);

	for (i = 0; i < n; i++)
		print_line(out, "asked for", asked[i].name);
}

static void print_input(struct buf *out, const char *label, const char *text,
			const char *where)
{
	if (where == NULL)
		print_line(out, label, "");
	else
		buf_addf(out, "%-14s%s (%s)\n", label,
			 quote(span_of(text)).text, where);
}

/* What was judged, and who said so. */
static void print_inputs(struct buf *out, const struct inputs *inputs)
{
	const struct message_facts *facts = inputs->facts;

	print_input(out, "client", facts->client_ip, inputs->client_ip);
	if (inputs->client_name != NULL)
		print_input(out, "client name", facts->client_name,
			    inputs->client_name);
	print_input(out, "HELO", facts->helo, inputs->helo);
	print_input(out, "MAIL FROM",
		    *facts->mail_from == '\0' ? "<>" : facts->mail_from,
		    inputs->mail_from);
	print_line(out, "SPF by", inputs->spf == NULL ? "" : inputs->spf);
	print_line(out, "DKIM by", inputs->dkim == NULL ? "" : inputs->dkim);
	if (inputs->recorded != NULL)
		print_line(out, "recorded",
			   quote(span_of(inputs->recorded)).text);
}

static void print_notes(struct buf *out, const struct inputs *inputs)
{
	if (*inputs->notes == '\0')
		return;
	buf_add_char(out, '\n');
	print_wrapped(out, inputs->notes);
}

void evaluate_text(struct buf *out, const struct inputs *inputs,
		   const struct judged *judged, const struct resolver *cache)
{
	const struct dmarc_verdict *verdict = &judged->verdict;

	print_line(out, "result", dmarc_result_name(verdict->result));
	print_line(out, "from", verdict->from_domain);
	print_line(out, "method", discovery_method_name(verdict->method));
	print_policy(out, verdict);
	print_identifiers(out, &judged->facts);
	print_outcome(out, verdict);
	print_queries(out, cache);
	print_inputs(out, inputs);
	buf_add_char(out, '\n');
	print_wrapped(out, verdict->explanation);
	print_notes(out, inputs);
}

int evaluate_compared_text(struct buf *out, const struct inputs *inputs,
			   const struct judged *rfc9989,
			   const struct judged *rfc7489,
			   const struct resolver *cache)
{
	int result = compare_text(out, rfc9989, rfc7489);

	print_queries(out, cache);
	print_inputs(out, inputs);
	buf_add_string(out, "\nRFC 9989:\n");
	print_wrapped(out, rfc9989->verdict.explanation);
	buf_add_string(out, "\nRFC 7489:\n");
	print_wrapped(out, rfc7489->verdict.explanation);
	print_notes(out, inputs);
	return result;
}

int evaluate_compared_json(struct buf *out, const struct inputs *inputs,
			   const struct judged *rfc9989,
			   const struct judged *rfc7489,
			   const struct resolver *cache)
{
	struct json json = JSON_INIT(out);
	int result;

	open_json(&json, inputs);
	result = compare_json(&json, rfc9989, rfc7489);
	key_queries(&json, cache);
	close_json(&json, inputs);
	buf_add_char(out, '\n');
	return result;
}
