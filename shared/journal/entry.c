/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "journal/entry.h"

#include "base/json.h"

static void key_rcpt_domains(struct json *json, const struct entry *entry)
{
	size_t i;

	json_key(json, "rcpt_domains");
	json_open(json, '[');
	for (i = 0; i < entry->n_rcpt_domains; i++)
		json_string(json, entry->rcpt_domains[i]);
	json_close(json, ']');
}

static void format(struct buf *buf, const struct entry *entry, size_t n_dkim)
{
	struct message_facts facts = entry->facts;
	struct json json = JSON_INIT(buf);

	facts.n_dkim = n_dkim;
	json_open(&json, '{');
	json_key_int(&json, "v", 1);
	json_key_int(&json, "time", entry->time);
	json_key_string(&json, "id", entry->id);
	json_key_string(&json, "mta", entry->mta);
	json_key_string(&json, "client", facts.client_ip);
	json_key_string(&json, "helo", facts.helo);
	json_key_string(&json, "mail_from", facts.mail_from);
	key_rcpt_domains(&json, entry);
	if (entry->size != ENTRY_SIZE_UNKNOWN)
		json_key_int(&json, "size", entry->size);
	verdict_json(&json, &facts, &entry->verdict);
	json_close(&json, '}');
	buf_add_char(buf, '\n');
}

void entry_format(struct buf *buf, const struct entry *entry)
{
	size_t n_dkim = entry->facts.n_dkim;
	size_t begin = buf->n;

	format(buf, entry, n_dkim);
	while (!buf_ok(buf) && n_dkim > 0) {
		buf->failed = false;
		buf->n = begin;
		n_dkim /= 2;
		format(buf, entry, n_dkim);
	}
}
