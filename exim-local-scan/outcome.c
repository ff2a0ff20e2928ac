/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * outcome.c - what we say about a message: in fields, journal, log, and reply
 */
#include "job.h"

#include <string.h>

#include "base/quote.h"
#include "dns/domain.h"
#include "journal/entry.h"
#include "journal/verdicts.h"

/* ------------------------------------------------------------- the fields */

/*
 * RFC 5322 2.1.1, without the line end. Servers refuse mail with longer ones,
 * and a signer could bring them about by a selector of that size, which no
 * honest one has. Such a result is left out.
 */
#define MAX_LINE_OCTETS 998

/*
 * Exim's results without "Authentication-Results: id;", results that do not fit
 * left out at the end. Exim writes each on a line of its own; in between,
 * whatever could end a field or a line is made a "?".
 */
static struct span results_of(struct span authres, size_t room)
{
	struct span id;

	if (!span_take_until(&authres, ';', &id))
		return (struct span){ .p = "", .n = 0 };
	authres = span_trim(authres);
	if (authres.n <= room)
		return authres;
	/* Exim begins a line with each result; a comment may hold a ";". */
	for (authres.n = room; authres.n > 0; authres.n--)
		if (authres.p[authres.n - 1] == ';' &&
		    authres.p[authres.n] == '\n')
			return (struct span){ authres.p, authres.n - 1 };
	return authres;
}

static void add_folded(struct buf *buf, struct span text)
{
	struct span line;
	bool first = true;

	while (span_take_line(&text, &line)) {
		size_t i;

		line = span_trim(line);
		if (line.n == 0)
			continue;
		if (!first)
			buf_add_string(buf, "\n\t");
		first = false;
		for (i = 0; i < line.n; i++) {
			unsigned char c = (unsigned char)line.p[i];

			buf_add_char(buf, (c < ' ' && c != '\t') || c == 0x7f ?
						  '?' :
						  (char)c);
		}
	}
}

/* Exim ends a result, and the line, with ";"; a comment may hold one. */
static bool take_result(struct span *results, struct span *result)
{
	size_t n;

	if (results->n == 0)
		return false;
	for (n = 1; n < results->n; n++)
		if (results->p[n - 1] == ';' && results->p[n] == '\n')
			break;
	*result = (struct span){ results->p, n < results->n ? n - 1 : n };
	results->p += n;
	results->n -= n;
	return true;
}

static bool has_long_line(struct span text)
{
	struct span line;

	while (span_take_line(&text, &line))
		if (span_trim(line).n >= MAX_LINE_OCTETS)
			return true;
	return false;
}

/* Those of SPF are left out when they are about a relay of ours. */
static void
add_results(const struct job *job, struct buf *add, struct span results)
{
	bool is_relay = job->way != RECEIVED_DIRECT;
	struct span result;

	while (take_result(&results, &result)) {
		if (span_trim(result).n == 0 || has_long_line(result) ||
		    (is_relay && span_starts(span_trim(result), "spf=")))
			continue;
		buf_add_string(add, ";\n\t");
		add_folded(add, result);
	}
}

/* Where it is not in the text of Exim. */
static void add_spf(const struct job *job, struct buf *add)
{
	const struct spf_fact *spf = &job->facts.spf;

	if (spf->known && *spf->domain != '\0' &&
	    (job->spf_is_ours || !job->authres_plain))
		buf_addf(add, ";\n\tspf=%s smtp.%s=%s",
			 auth_result_name(spf->result),
			 spf->scope == SPF_SCOPE_HELO ? "helo" : "mailfrom",
			 spf->domain);
}

/*
 * One field for all results (R11.5), ours first: a text of others that opens a
 * quote or a comment cannot hide it there.
 */
void job_format_authres(const struct job *job, struct buf *add)
{
	struct span results;

	buf_addf(add, AUTHRES_NAME ": %.*s;\n\t", SPAN_ARGS(job->authserv_id));
	verdict_authres(add, &job->verdict);
	add_spf(job, add);
	if (job->authres_plain) {
		results =
			results_of(span_of(job->authres), MAX_ADDED_BYTES / 2);
		if (!span_is(results, "none"))
			add_results(job, add, results);
	}
	buf_add_char(add, '\n');
}

void job_format_score(const struct job *job, struct buf *field)
{
	buf_addf(field, "%s: ", job->scanner->settings.score_header);
	score_format(field, job->verdict.score);
	buf_add_char(field, '\n');
}

static bool all_ask_the_same(const struct job *job)
{
	size_t i;

	for (i = 0; i < job->n_asked; i++)
		if (job->asked[i].verdict.action != job->verdict.action)
			return false;
	return true;
}

/*
 * "quarantine", or "quarantine (a.example), accept (b.example)". A list that gets
 * too long is left out for the action that is mild enough for all.
 */
void job_format_action(const struct job *job, struct buf *field)
{
	struct buf list = BUF_INIT(MAX_ADDED_BYTES / 4);
	size_t i;

	buf_addf(field, "%s: ", job->scanner->settings.action_header);
	for (i = 0; i < job->n_asked; i++)
		buf_addf(&list, "%s%s (%s)", i == 0 ? "" : ",\n\t",
			 action_name(job->asked[i].verdict.action),
			 job->asked[i].known->domain);
	if (all_ask_the_same(job) || !buf_ok(&list))
		buf_add_string(field, action_name(job->verdict.action));
	else
		buf_add(field, buf_span(&list));
	buf_add_char(field, '\n');
	buf_release(&list);
}

void job_add_fields(const struct job *job)
{
	struct buf *add = &job->outcome->add;

	job_format_authres(job, add);
	job_format_score(job, add);
	job_format_action(job, add);
	if (buf_ok(add))
		return;
	buf_reset(add);
	trouble(&job->outcome->trouble, "no fields added", "too long");
}

/* ------------------------------------------------------------ the journal */

static bool is_listed(const struct entry *entry, const char *domain)
{
	size_t i;

	for (i = 0; i < entry->n_rcpt_domains; i++)
		if (strcmp(entry->rcpt_domains[i], domain) == 0)
			return true;
	return false;
}

static void add_rcpt_domains(const struct job *job, struct entry *entry)
{
	size_t i;

	for (i = 0; i < job->message->n_recipients &&
		    entry->n_rcpt_domains < MAX_ENTRY_RCPT_DOMAINS;
	     i++) {
		const char *domain = domain_normalize(
			job->scanner->call,
			domain_of(job->message->recipients[i]));

		if (domain != NULL && !is_listed(entry, domain))
			entry->rcpt_domains[entry->n_rcpt_domains++] = domain;
	}
}

static void write_journal(const struct job *job)
{
	struct entry *entry = arena_alloc(job->scanner->call, sizeof(*entry));
	struct buf line = BUF_INIT(MAX_ENTRY_BYTES);
	struct err err = ERR_INIT;

	if (entry != NULL) {
		entry->time = job->message->time;
		entry->size = job->message->size;
		entry->id = job->message->id;
		entry->mta = job->message->hostname;
		entry->facts = job->facts;
		entry->verdict = job->verdict;
		add_rcpt_domains(job, entry);
		entry_format(&line, entry);
	}
	if (entry == NULL || !buf_ok(&line))
		trouble(&job->outcome->trouble, "verdict not kept",
			"line too long, or no memory");
	else if (verdicts_append(job->scanner->settings.verdict_spool,
				 buf_span(&line), &err) < 0)
		trouble(&job->outcome->trouble, "verdict not kept", err.text);
	buf_release(&line);
}

/* ---------------------------------------------------------------- the log */

static const char *passes(enum auth_result result, bool aligned)
{
	if (result == AUTH_PASS && !aligned)
		return "pass(unaligned)";
	return auth_result_name(result);
}

const char *spf_word(const struct spf_fact *spf)
{
	return spf->known ? passes(spf->result, spf->aligned) : "unknown";
}

/* The signature that counts: an aligned pass, else a pass, else the first. */
const char *dkim_word(const struct message_facts *facts)
{
	const struct dkim_fact *best = NULL;
	size_t i;

	for (i = 0; i < facts->n_dkim; i++) {
		const struct dkim_fact *dkim = &facts->dkim[i];

		if (best == NULL ||
		    (dkim->result == AUTH_PASS &&
		     (best->result != AUTH_PASS || dkim->aligned)))
			best = dkim;
	}
	return best == NULL ? "none" : passes(best->result, best->aligned);
}

const char *or_dash(const char *word)
{
	return *word == '\0' ? "-" : word;
}

static void write_log(const struct job *job)
{
	const struct dmarc_verdict *verdict = &job->verdict;
	struct buf *log = &job->outcome->log;

	buf_addf(log, "dmarc: %s policy=%s applied=%s from=%s",
		 dmarc_result_name(verdict->result),
		 or_dash(dmarc_policy_name(verdict->policy_selected)),
		 or_dash(dmarc_policy_name(verdict->policy_applied)),
		 quote(span_of(or_dash(verdict->from_domain))).text);
	if (verdict_several(verdict) != NULL)
		buf_addf(log, " several=%s",
			 verdict->from_fields > 1 ? "fields" : "domains");
	if (verdict->overridden)
		buf_addf(log, " override=%s",
			 reason_type_name(verdict->override.type));
	if (job->way != RECEIVED_DIRECT)
		buf_addf(log, " client=%s", job->source.address);
	buf_addf(log, " spf=%s dkim=%s", spf_word(&job->facts.spf),
		 dkim_word(&job->facts));
	if (*job->scanner->settings.base_score != '\0') {
		buf_add_string(log, " base=");
		score_format(log, job->base);
	}
	buf_add_string(log, " score=");
	score_format(log, verdict->score);
	buf_addf(log, " action=%s\n", action_name(verdict->action));
}

/*
 * Once for each message. What is deferred comes again, and is counted then. An
 * ACL that has us record the message stands in for local_scan(); where both are
 * at work they should not come to different ends.
 */
void job_record(struct job *job)
{
	enum action action = job->verdict.action;

	if (job->recorded) {
		if (job->recorded_action != action)
			trouble(&job->outcome->trouble,
				"recorded in an ACL, but then the action was",
				action_name(action));
		return;
	}
	job->recorded = action != ACTION_DEFER;
	job->recorded_action = action;
	if (job->recorded)
		write_journal(job);
	write_log(job);
}

/* ------------------------------------------------------------ the decision */

/* "5.7.1 Email rejected per DMARC policy for example.com" */
static void format_reply(const struct job *job, struct buf *to,
			 const char *code, const char *text)
{
	const char *domain = job->verdict.from_domain;
	const char *place = strstr(text, "%d");

	buf_addf(to, "%s ", code);
	if (place == NULL) {
		buf_add_string(to, text);
		return;
	}
	buf_add(to, (struct span){ text, (size_t)(place - text) });
	buf_add_string(to, *domain == '\0' ? "the Author Domain" : domain);
	buf_add_string(to, place + 2);
}

/* R12.2: DMARC is named only where it is the reason. */
static const char *
rejection(const struct dmarc_verdict *verdict, const struct settings *settings)
{
	if (verdict_refuses_several(verdict, settings))
		return settings->several_from_text;
	if (*verdict->from_domain == '\0')
		return "Email rejected: no Author Domain that DMARC could "
		       "authenticate";
	if (verdict->result != DMARC_FAIL)
		return "Email rejected: its score is too high";
	return settings->reject_text;
}

void job_format_reply(const struct job *job, struct buf *reply)
{
	const struct dmarc_verdict *verdict = &job->verdict;
	const struct settings *settings = job->settings;

	switch (verdict->action) {
	case ACTION_ACCEPT:
	case ACTION_TAG:
	case ACTION_QUARANTINE:
		return;
	case ACTION_REJECT:
		format_reply(job, reply, settings->reject_code,
			     rejection(verdict, settings));
		return;
	case ACTION_DEFER:
		format_reply(job, reply, settings->defer_code,
			     settings->defer_text);
		return;
	}
}

void job_decide(const struct job *job)
{
	struct scan_outcome *outcome = job->outcome;

	job_format_reply(job, &outcome->reply);
	if (job->verdict.action == ACTION_REJECT)
		outcome->action = SCAN_REJECT;
	else if (job->verdict.action == ACTION_DEFER)
		outcome->action = SCAN_DEFER;
}
