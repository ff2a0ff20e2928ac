/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal_lines - verdicts of ../shared/bench/gen_verdicts.py as journal lines
 *
 * usage: journal_lines <VERDICTS >SEGMENT
 *
 * Each line becomes what the Exim module would have written, by the code that
 * writes it there: one machine, a recipient in one of a hundred domains, p=... as
 * published. Dispositions are those of RFC 9990, so a pass under an enforcing
 * policy is "pass".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "journal/entry.h"

#define FIELDS 16

enum field {
	TIME,
	HEADER_FROM,
	POLICY_DOMAIN,
	P,
	SP,
	ADKIM,
	ASPF,
	RUA,
	SOURCE_IP,
	ENVELOPE_FROM,
	HELO,
	SPF,
	DKIM,
	ALIGN_DKIM,
	ALIGN_SPF,
	DISPOSITION,
};

_Noreturn static void give_up(const char *why, const char *line)
{
	fprintf(stderr, "journal_lines: %s: %s\n", why, line);
	exit(1);
}

static void split(char *line, char *field[FIELDS])
{
	int i;

	for (i = 0; i < FIELDS; i++) {
		field[i] = line;
		line += strcspn(line, "\t\n");
		if ((*line == '\n') != (i == FIELDS - 1))
			give_up("not 16 fields", field[0]);
		*line++ = '\0';
	}
}

/* domain:selector:result, with commas between; "-" for none. Cuts the text. */
static size_t split_dkim(char *list, const char *author, bool aligned,
			 struct dkim_fact *dkim, size_t max)
{
	char *save = NULL, *item;
	size_t n = 0;

	if (strcmp(list, "-") == 0)
		return 0;
	while ((item = strsep(&list, ",")) != NULL && n < max) {
		struct dkim_fact *d = &dkim[n++];

		save = item;
		*d = (struct dkim_fact){ .domain = strsep(&save, ":"),
					 .selector = strsep(&save, ":"),
					 .human = "" };
		if (save == NULL ||
		    !auth_result_parse(span_of(save), &d->result))
			give_up("bad signature", item);
		d->aligned = aligned && d->result == AUTH_PASS &&
			     strcmp(d->domain, author) == 0;
	}
	return n;
}

static enum disposition
disposition_of(const struct dmarc_verdict *verdict, const char *word)
{
	enum disposition disposition = DISPOSITION_NONE;

	if (!disposition_parse(span_of(word), &disposition))
		give_up("bad disposition", word);
	if (verdict->result == DMARC_PASS &&
	    verdict->policy_applied != DMARC_POLICY_NONE)
		return DISPOSITION_PASS;
	return disposition;
}

static struct dmarc_verdict make_verdict(char *field[FIELDS])
{
	struct dmarc_verdict v = {
		.from_domain = field[HEADER_FROM],
		.policy_domain = field[POLICY_DOMAIN],
		.organizational_domain = field[POLICY_DOMAIN],
		.have_record = true,
		.record = { .fo = DMARC_FO_ALL,
			    .pct = 100,
			    .rua = span_of(field[RUA]) },
		.policy_source = POLICY_SOURCE_P,
		.dkim_aligned = strcmp(field[ALIGN_DKIM], "pass") == 0,
		.spf_aligned = strcmp(field[ALIGN_SPF], "pass") == 0,
		.action = ACTION_ACCEPT,
		.faults = SPAN(""),
		.explanation = "",
	};

	if (!dmarc_policy_parse(span_of(field[P]), &v.record.p) ||
	    !alignment_mode_parse(span_of(field[ADKIM]), &v.record.adkim) ||
	    !alignment_mode_parse(span_of(field[ASPF]), &v.record.aspf))
		give_up("bad record", field[POLICY_DOMAIN]);
	(void)dmarc_policy_parse(span_of(field[SP]), &v.record.sp);
	v.policy_selected = v.record.p;
	if (v.record.sp != DMARC_POLICY_UNSET &&
	    strcmp(field[HEADER_FROM], field[POLICY_DOMAIN]) != 0) {
		v.policy_source = POLICY_SOURCE_SP;
		v.policy_selected = v.record.sp;
	}
	v.policy_applied = v.policy_selected;
	v.result = v.dkim_aligned || v.spf_aligned ? DMARC_PASS : DMARC_FAIL;
	v.disposition = disposition_of(&v, field[DISPOSITION]);
	v.score = v.result == DMARC_PASS ? 0 : 500;
	return v;
}

static int64_t time_of(const char *text)
{
	uint64_t time;

	if (!span_to_uint(span_of(text), INT32_MAX, &time))
		give_up("bad time", text);
	return (int64_t)time;
}

static void write_line(struct buf *line, char *field[FIELDS], unsigned long n)
{
	struct dkim_fact dkim[10];
	char id[40], recipient[40], sender[300];
	struct entry entry = {
		.time = time_of(field[TIME]),
		.id = id,
		.mta = "mx1.receiver.example",
		.rcpt_domains = { recipient },
		.n_rcpt_domains = 1,
		.size = (int64_t)(2000 + n * 7919 % 60000),
		.facts = { .client_ip = field[SOURCE_IP],
			   .helo = field[HELO],
			   .mail_from = sender,
			   .from = { .n = 1 },
			   .spf = { .known = true,
				    .scope = SPF_SCOPE_MFROM,
				    .domain = field[ENVELOPE_FROM] },
			   .dkim = dkim },
	};

	snprintf(id, sizeof(id), "1v%05lx-%011lx-%04lx", n >> 8 & 0xfffff, n,
		 n & 0xffff);
	snprintf(recipient, sizeof(recipient), "hosted%lu.example",
		 n * 31 % 100);
	snprintf(sender, sizeof(sender), "bounce-%lu@%s", n,
		 field[ENVELOPE_FROM]);
	entry.facts.from.domain[0] = field[HEADER_FROM];
	entry.verdict = make_verdict(field);
	if (!auth_result_parse(span_of(field[SPF]), &entry.facts.spf.result))
		give_up("bad SPF result", field[SPF]);
	entry.facts.spf.aligned = entry.verdict.spf_aligned;
	entry.facts.n_dkim = split_dkim(field[DKIM], field[POLICY_DOMAIN],
					entry.verdict.dkim_aligned, dkim, 10);
	buf_reset(line);
	entry_format(line, &entry);
	if (!buf_ok(line))
		give_up("too long", id);
	fwrite(buf_string(line), 1, line->n, stdout);
}

int main(void)
{
	struct buf line = BUF_INIT(MAX_ENTRY_BYTES);
	char *field[FIELDS], *text = NULL;
	size_t room = 0;
	unsigned long n;

	if (getline(&text, &room, stdin) < 0)
		give_up("no input", "");
	for (n = 0; getline(&text, &room, stdin) > 0; n++) {
		split(text, field);
		write_line(&line, field, n);
	}
	free(text);
	buf_release(&line);
	return fflush(stdout) == 0 ? 0 : 1;
}
