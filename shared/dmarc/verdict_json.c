/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verdict_json.c - a verdict as others read it: JSON and Authentication-Results
 */
#include "dmarc/verdict.h"

/* "" stands for "not known" in our structs, and is null outside. */
static void key_word(struct json *json, const char *key, const char *word)
{
	json_key_string(json, key, *word == '\0' ? NULL : word);
}

static void fo_format(struct buf *buf, unsigned fo)
{
	static const char letters[] = "01ds"; /* in the order of DMARC_FO_... */
	size_t i;

	for (i = 0; i < sizeof(letters) - 1; i++) {
		if ((fo & (1U << i)) == 0)
			continue;
		if (buf->n > 0)
			buf_add_char(buf, ':');
		buf_add_char(buf, letters[i]);
	}
}

static void key_fo(struct json *json, unsigned fo)
{
	char room[8];
	struct buf text = { .p = room, .room = sizeof(room), .max = 7 };

	fo_format(&text, fo);
	json_key_text(json, "fo", buf_span(&text));
}

static const char *
effective(const struct dmarc_record *record, enum policy_source source)
{
	return dmarc_policy_name(dmarc_record_word(record, &source));
}

/* R7.4: what applies, whether it was published or is the default. */
static void
key_published(struct json *json, const struct dmarc_verdict *verdict)
{
	const struct dmarc_record *record = &verdict->record;

	json_key(json, "policy_published");
	if (!verdict->have_record) {
		json_null(json);
		return;
	}
	json_open(json, '{');
	key_word(json, "p", effective(record, POLICY_SOURCE_P));
	key_word(json, "sp", effective(record, POLICY_SOURCE_SP));
	key_word(json, "np", effective(record, POLICY_SOURCE_NP));
	json_key_string(json, "adkim", alignment_mode_name(record->adkim));
	json_key_string(json, "aspf", alignment_mode_name(record->aspf));
	json_key_string(json, "psd", dmarc_psd_name(record->psd));
	json_key_string(json, "t", record->testing ? "y" : "n");
	key_fo(json, record->fo);
	json_key_uint(json, "pct", record->pct);
	json_key_text(json, "rua", record->rua);
	json_key_text(json, "ruf", record->ruf);
	json_close(json, '}');
}

static void key_reasons(struct json *json, const struct dmarc_verdict *verdict)
{
	size_t i;

	json_key(json, "reasons");
	json_open(json, '[');
	for (i = 0; i < verdict->n_reasons; i++) {
		const struct verdict_reason *reason = &verdict->reasons[i];

		json_open(json, '{');
		json_key_string(json, "type", reason_type_name(reason->type));
		key_word(json, "comment", reason->comment);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void key_spf(struct json *json, const struct spf_fact *spf)
{
	json_key(json, "spf");
	if (!spf->known) {
		json_null(json);
		return;
	}
	json_open(json, '{');
	json_key_string(json, "result", auth_result_name(spf->result));
	key_word(json, "domain", spf->domain);
	json_key_string(json, "scope", spf_scope_name(spf->scope));
	json_key_bool(json, "aligned", spf->aligned);
	json_close(json, '}');
}

static void key_dkim(struct json *json, const struct message_facts *facts)
{
	size_t i;

	json_key(json, "dkim");
	json_open(json, '[');
	for (i = 0; i < facts->n_dkim; i++) {
		const struct dkim_fact *dkim = &facts->dkim[i];

		json_open(json, '{');
		json_key_string(json, "domain", dkim->domain);
		key_word(json, "selector", dkim->selector);
		json_key_string(json, "result", auth_result_name(dkim->result));
		json_key_bool(json, "aligned", dkim->aligned);
		if (*dkim->human != '\0')
			json_key_string(json, "human", dkim->human);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void key_from(struct json *json, const struct from_result *from)
{
	size_t i;

	json_key(json, "from_domains");
	json_open(json, '[');
	for (i = 0; i < from->n; i++)
		json_string(json, from->domain[i]);
	json_close(json, ']');
}

void verdict_json(struct json *json, const struct message_facts *facts,
		  const struct dmarc_verdict *verdict)
{
	key_from(json, &facts->from);
	key_word(json, "from_domain", verdict->from_domain);
	json_key_string(json, "result", dmarc_result_name(verdict->result));
	key_word(json, "policy_domain", verdict->policy_domain);
	key_word(json, "organizational_domain", verdict->organizational_domain);
	json_key_string(json, "discovery_method",
			discovery_method_name(verdict->method));
	key_published(json, verdict);
	key_word(json, "policy_source",
		 policy_source_name(verdict->policy_source));
	key_word(json, "policy_selected",
		 dmarc_policy_name(verdict->policy_selected));
	key_word(json, "policy_applied",
		 dmarc_policy_name(verdict->policy_applied));
	json_key_string(json, "disposition",
			disposition_name(verdict->disposition));
	key_reasons(json, verdict);
	key_spf(json, &facts->spf);
	key_dkim(json, facts);
	if (verdict->faults.n > 0)
		json_key_text(json, "faults", verdict->faults);
	json_key(json, "score");
	json_hundredths(json, verdict->score);
	json_key_string(json, "action", action_name(verdict->action));
}

static void add_published(struct buf *buf, const struct dmarc_record *record)
{
	buf_addf(buf, " (p=%s", dmarc_policy_name(record->p));
	if (record->sp != DMARC_POLICY_UNSET)
		buf_addf(buf, " sp=%s", dmarc_policy_name(record->sp));
	if (record->np != DMARC_POLICY_UNSET)
		buf_addf(buf, " np=%s", dmarc_policy_name(record->np));
	buf_addf(buf, "%s)", record->testing ? " t=y" : "");
}

void verdict_authres(struct buf *buf, const struct dmarc_verdict *verdict)
{
	enum dmarc_result word =
		verdict->record_unusable ? DMARC_PERMERROR : verdict->result;

	buf_addf(buf, "dmarc=%s", dmarc_result_name(word));
	if (verdict->have_record)
		add_published(buf, &verdict->record);
	if (verdict->overridden)
		buf_addf(buf, " reason=%s",
			 reason_type_name(verdict->override.type));
	else if (verdict_several(verdict) != NULL)
		buf_addf(buf, " reason=\"%s\"", verdict_several(verdict));
	if (*verdict->from_domain != '\0')
		buf_addf(buf, " header.from=%s", verdict->from_domain);
	if (verdict->have_record)
		buf_addf(buf, " policy.dmarc=%s",
			 dmarc_policy_name(verdict->policy_applied));
}
