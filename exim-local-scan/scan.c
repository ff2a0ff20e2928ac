/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/network.h"
#include "base/quote.h"
#include "bodyhash.h"
#include "dmarc/psl.h"
#include "dmarc/settings.h"
#include "dmarc/verdict.h"
#include "dns/cache.h"
#include "dns/cares.h"
#include "dns/domain.h"
#include "journal/entry.h"
#include "journal/verdicts.h"
#include "mail/authres.h"
#include "mail/from.h"
#include "signatures.h"

/*
 * Of recipients, whose settings are looked at. To find those of one in a file of
 * 1 MB takes up to a millisecond.
 */
#define MAX_ASKED_DOMAINS 50

#define AUTHRES_NAME "Authentication-Results"

struct scanner {
	struct arena *memory;  /* of the settings */
	struct arena *arena;   /* of the message */
	struct arena *answers; /* of the DNS to its questions */
	struct settings settings;
	const char *path; /* of the settings; the caller's */
	bool ready;       /* the settings can be used */
	const struct psl *psl;
	struct resolver *cares;    /* ours, made with the first message */
	struct resolver *resolver; /* the caller's, or NULL */
};

/* One message on its way through. */
struct job {
	struct scanner *scanner;
	struct scan_message *message;
	struct scan_outcome *outcome;
	struct span authserv_id;
	struct message_facts facts;
	bool authres_plain; /* the text of ${authresults} can be shown */
	int base;           /* points of other checks, in hundredths */
	struct dmarc_verdict verdict;
	struct asked *asked; /* what the domains of recipients ask for */
	size_t n_asked;
	const struct settings *settings; /* of the one that is obeyed */
};

/* Of one domain that mail goes to. */
struct asked {
	const char *domain;
	struct settings settings;
	struct dmarc_verdict verdict;
};

static void trouble(struct buf *buf, const char *what, const char *why)
{
	buf_addf(buf, "dmarc: %s: %s\n", what, quote(span_of(why)).text);
}

/* ---------------------------------------------------------- a connection */

static int
read_settings(struct scanner *scanner, const char *path, struct err *err)
{
	const struct settings *settings = &scanner->settings;

	if (settings_read(&scanner->settings, path, scanner->memory, NULL,
			  err) < 0)
		return -1;
	if (settings->standard != STANDARD_RFC7489)
		return 0;
	scanner->psl = psl_open(settings->public_suffix_list, err);
	return scanner->psl == NULL ? err_while(err, "%s", path) : 0;
}

struct scanner *scanner_new(const char *config_path, struct buf *log)
{
	struct scanner *scanner = calloc(1, sizeof(*scanner));
	struct err err = ERR_INIT;

	if (scanner == NULL)
		return NULL;
	scanner->memory = arena_new(MAX_SETTINGS_MEMORY);
	scanner->arena = arena_new(MAX_MESSAGE_MEMORY);
	scanner->answers = arena_new(MAX_ANSWERS_MEMORY);
	if (scanner->memory == NULL || scanner->arena == NULL ||
	    scanner->answers == NULL) {
		scanner_free(&scanner);
		return NULL;
	}
	settings_defaults(&scanner->settings);
	scanner->path = config_path;
	scanner->ready = read_settings(scanner, config_path, &err) == 0;
	if (!scanner->ready)
		trouble(log, "accepting mail unscored", err.text);
	return scanner;
}

void scanner_free(struct scanner **scanner)
{
	if (*scanner == NULL)
		return;
	resolver_free(&(*scanner)->cares);
	arena_free(&(*scanner)->answers);
	arena_free(&(*scanner)->arena);
	arena_free(&(*scanner)->memory);
	free(*scanner);
	*scanner = NULL;
}

void scanner_use(struct scanner *scanner, struct resolver *resolver)
{
	scanner->resolver = resolver;
}

const char *
scanner_authserv_id(const struct scanner *scanner, const char *hostname)
{
	const char *id = scanner->settings.authserv_id;

	return *id == '\0' ? hostname : id;
}

const char *scanner_base_score(const struct scanner *scanner)
{
	return scanner->ready ? scanner->settings.base_score : "";
}

void scan_outcome_release(struct scan_outcome *outcome)
{
	buf_release(&outcome->add);
	buf_release(&outcome->log);
	buf_release(&outcome->trouble);
	buf_release(&outcome->reply);
}

/* ------------------------------------------------------------ the message */

/* R11.7; and a score or an action that somebody else gave. */
static void mark_forged(const struct job *job)
{
	const struct settings *settings = &job->scanner->settings;
	size_t i;

	for (i = 0; i < job->message->n_fields; i++) {
		struct scan_field *field = &job->message->fields[i];

		if (span_is(field->name, settings->score_header) ||
		    span_is(field->name, settings->action_header) ||
		    (span_is(field->name, AUTHRES_NAME) &&
		     authres_claims(field->body, job->authserv_id)))
			field->remove = true;
	}
}

static int read_from(struct job *job)
{
	const struct scan_message *message = job->message;
	struct arena *arena = job->scanner->arena;
	struct span *bodies;
	size_t n = 0;
	size_t i;

	for (i = 0; i < message->n_fields; i++)
		n += span_is(message->fields[i].name, "From");
	bodies = arena_array(arena, n, sizeof(*bodies));
	if (bodies == NULL)
		return -1;
	for (i = 0, n = 0; i < message->n_fields; i++)
		if (span_is(message->fields[i].name, "From"))
			bodies[n++] = message->fields[i].body;
	job->facts.from = from_read(bodies, n, arena);
	return 0;
}

static struct span domain_of(const char *address)
{
	struct span rest = span_of(address);
	struct span local;

	while (span_take_until(&rest, '@', &local))
		continue;
	return rest;
}

/*
 * Who could have written more into Exim's text than a name? NULL: nobody. The
 * body need not be read when there is no pass to forge.
 */
static const char *who_is_not_plain(const struct scan_message *message)
{
	size_t i;

	if (!name_is_plain(domain_of(message->mail_from)))
		return "MAIL FROM";
	if (*message->mail_from == '\0' &&
	    !name_is_plain(span_of(message->helo)))
		return "HELO";
	if (!name_is_plain(span_of(message->client_name)))
		return "the name of the client";
	for (i = 0; i < message->n_fields; i++)
		if (!field_is_plain(message->fields[i].name,
				    message->fields[i].body))
			return "a DKIM-Signature";
	if (strstr(message->authres, "pass") != NULL &&
	    body_is_plain(message->body, message->body_offset) != 1)
		return "a DKIM-Signature behind the header";
	return NULL;
}

/* As Exim's DKIM code sees it: no white space in front of the colon. */
static bool is_signature_field(const struct scan_field *field)
{
	return span_is(field->name, "DKIM-Signature") &&
	       field->name.p + field->name.n + 1 == field->body.p;
}

/* The whole body; false when it is too long, or there is no memory. */
static bool read_body(const struct scan_message *message, struct buf *body)
{
	off_t at = message->body_offset;
	char piece[16384];
	ssize_t n;

	while ((n = pread(message->body, piece, sizeof(piece), at)) > 0) {
		buf_add(body, (struct span){ piece, (size_t)n });
		if (!buf_ok(body))
			return false;
		at += n;
	}
	return n == 0;
}

/* An honest message of that size has two or three signatures. */
#define MAX_HASHED_OCTETS (16 * MAX_HASHED_BODY)

/* Was text put between the header and the body, which no signature covers? */
static bool has_unsigned_text(const struct scan_message *message)
{
	struct buf body = BUF_INIT(MAX_HASHED_BODY);
	size_t budget = MAX_HASHED_OCTETS;
	bool found = false;
	size_t i;

	if (read_body(message, &body) && body_may_begin_early(buf_span(&body)))
		for (i = 0; i < message->n_fields && !found; i++)
			found = is_signature_field(&message->fields[i]) &&
				is_signed_behind_empty_line(
					buf_span(&body),
					message->fields[i].body, &budget);
	buf_release(&body);
	return found;
}

/*
 * Exim has a result for each signature that its DKIM code saw. More of them than
 * fields in the header means that one stands where nobody else sees a field.
 */
static bool has_hidden_signature(const struct scan_message *message)
{
	const char *at = message->authres;
	size_t results = 0, fields = 0;
	size_t i;

	while ((at = strstr(at, "\tdkim=")) != NULL) {
		results++;
		at++;
	}
	for (i = 0; i < message->n_fields; i++)
		fields += is_signature_field(&message->fields[i]);
	return results > fields;
}

/* Why a pass does not say that what we deliver was signed; NULL: it does. */
static const char *why_not_signed(const struct scan_message *message)
{
	if (strstr(message->authres, "dkim=pass") == NULL)
		return NULL;
	if (has_hidden_signature(message))
		return "a signature stands behind the header";
	if (has_unsigned_text(message))
		return "text that is not signed stands in front of the body";
	return NULL;
}

/* SPF and DKIM. $spf_result is a word of Exim's own, whatever else is amiss. */
static void read_results(struct job *job)
{
	struct scan_message *message = job->message;
	struct arena *arena = job->scanner->arena;
	const char *suspect = who_is_not_plain(message);
	const char *why = suspect == NULL ? why_not_signed(message) : NULL;
	struct err err = ERR_INIT;
	enum auth_result word;

	job->authres_plain =
		suspect == NULL && why == NULL && *message->authres != '\0';
	if (why != NULL)
		trouble(&job->outcome->trouble, "DKIM results not used", why);
	else if (suspect != NULL)
		trouble(&job->outcome->trouble, "DKIM results not used",
			arena_printf(arena,
				     "%s holds characters that would "
				     "forge results",
				     suspect));
	else if (job->authres_plain &&
		 facts_from_authres(&job->facts, span_of(message->authres),
				    arena, &err) < 0)
		trouble(&job->outcome->trouble, "${authresults}", err.text);
	if (!job->facts.spf.known &&
	    auth_result_parse(span_of(message->spf_result), &word) &&
	    spf_fact_make(&job->facts.spf, word, message->mail_from,
			  message->helo, arena, &err) < 0)
		trouble(&job->outcome->trouble, "$spf_result", err.text);
}

static int read_facts(struct job *job)
{
	job->facts = (struct message_facts){
		.client_ip = job->message->client_ip,
		.helo = job->message->helo,
		.mail_from = job->message->mail_from,
		.spf = { .domain = "" },
		.draw = message_draw(span_of(job->message->id)),
	};
	if (read_from(job) < 0)
		return -1;
	read_results(job);
	return 0;
}

/*
 * Points as other programs write them: Exim's $spam_score has one decimal,
 * others have more than our two, which are cut off, or a "+".
 */
static int read_base(struct span text, int *points)
{
	struct span fraction, units;
	uint64_t number;

	if (text.n > 1 && text.p[0] == '+' && ascii_is_digit(text.p[1])) {
		text.p++;
		text.n--;
	}
	fraction = text;
	if (span_take_until(&fraction, '.', &units) && fraction.n > 2) {
		if (!span_to_uint(fraction, UINT64_MAX, &number))
			return -1;
		text.n -= fraction.n - 2;
	}
	return points_parse(text, points);
}

/* Other checks that fail, or are off, leave us with our own points. */
static void add_base(struct job *job)
{
	const struct scan_message *message = job->message;
	const struct settings *settings = &job->scanner->settings;
	struct span text = span_trim(span_of(message->base_score));

	if (*settings->base_score == '\0')
		return;
	if (*message->base_fault != '\0')
		trouble(&job->outcome->trouble, "base_score not used",
			message->base_fault);
	else if (text.n > 0 && read_base(text, &job->base) < 0)
		trouble(&job->outcome->trouble, "base_score is not a number",
			message->base_score);
	job->verdict.score += job->base;
	verdict_act(&job->verdict, settings);
}

/* ------------------------------------------------------------ recipients */

/* From the mildest to the hardest. */
static int hardness(enum action action)
{
	switch (action) {
	case ACTION_ACCEPT:
		return 0;
	case ACTION_TAG:
		return 1;
	case ACTION_QUARANTINE:
		return 2;
	case ACTION_DEFER:
		return 3;
	case ACTION_REJECT:
		return 4;
	}
	return 0;
}

static bool has_asked(const struct job *job, const char *domain)
{
	size_t i;

	for (i = 0; i < job->n_asked; i++)
		if (strcmp(job->asked[i].domain, domain) == 0)
			return true;
	return false;
}

/* What a domain asks for; with a mistake in its section, what all others do. */
static void ask_domain(struct job *job, const char *domain)
{
	struct scanner *scanner = job->scanner;
	struct asked *asked = &job->asked[job->n_asked++];
	struct err err = ERR_INIT;
	int found;

	asked->domain = domain;
	asked->settings = scanner->settings;
	asked->verdict = job->verdict;
	found = settings_of_domain(&asked->settings, &scanner->settings, domain,
				   scanner->path, scanner->arena, &err);
	if (found < 0)
		trouble(&job->outcome->trouble, "settings of a domain not used",
			err.text);
	if (found != 1)
		return;
	asked->verdict.score =
		job->base +
		verdict_score(&job->facts, &asked->verdict, &asked->settings);
	verdict_act(&asked->verdict, &asked->settings);
}

/*
 * The mildest action is that of the message: one copy of it cannot be refused to
 * some of its recipients. Mail to very many domains is refused to none.
 */
static void obey_mildest(struct job *job, bool all_asked)
{
	const struct asked *mildest = &job->asked[0];
	struct settings spare;
	size_t i;

	for (i = 1; i < job->n_asked; i++)
		if (hardness(job->asked[i].verdict.action) <
		    hardness(mildest->verdict.action))
			mildest = &job->asked[i];
	job->verdict = mildest->verdict;
	job->settings = &mildest->settings;
	if (all_asked ||
	    hardness(job->verdict.action) <= hardness(ACTION_QUARANTINE))
		return;
	spare = mildest->settings;
	spare.defer_on_temperror = false;
	spare.reject_at = 0;
	verdict_act(&job->verdict, &spare);
}

static void ask_recipients(struct job *job)
{
	struct scanner *scanner = job->scanner;
	const struct scan_message *message = job->message;
	bool all_asked = true;
	size_t i;

	job->settings = &scanner->settings;
	if (scanner->settings.domains.n == 0 || message->n_recipients == 0)
		return;
	job->asked = arena_array(scanner->arena, MAX_ASKED_DOMAINS,
				 sizeof(*job->asked));
	for (i = 0; job->asked != NULL && i < message->n_recipients; i++) {
		const char *domain = domain_normalize(
			scanner->arena, domain_of(message->recipients[i]));

		if (domain == NULL)
			domain = "-"; /* no name of the DNS: no section */
		if (has_asked(job, domain))
			continue;
		if (job->n_asked == MAX_ASKED_DOMAINS) {
			all_asked = false;
			break;
		}
		ask_domain(job, domain);
	}
	if (job->n_asked > 0)
		obey_mildest(job, all_asked);
}

/* The resolver of this message: ours or the caller's, with a memory. */
static struct resolver *message_resolver(struct job *job, struct err *err)
{
	struct scanner *scanner = job->scanner;
	const struct settings *settings = &scanner->settings;
	struct resolver *behind = scanner->resolver;
	struct resolver *cache;

	if (behind == NULL && scanner->cares == NULL)
		scanner->cares = cares_new(*settings->dns_servers == '\0' ?
						   NULL :
						   settings->dns_servers,
					   settings->dns_timeout_ms, err);
	else if (behind == NULL)
		cares_restart(scanner->cares);
	if (behind == NULL)
		behind = scanner->cares;
	if (behind == NULL)
		return NULL;
	arena_reset(scanner->answers);
	cache = dns_cache_new(behind, scanner->answers);
	if (cache == NULL)
		err_set(err, ERR_LIMIT, "no memory");
	return cache;
}

static int judge(struct job *job)
{
	struct scanner *scanner = job->scanner;
	struct err err = ERR_INIT;
	struct resolver *resolver;
	int result;

	if (read_facts(job) < 0) {
		trouble(&job->outcome->trouble, "accepted unscored",
			"no memory");
		return -1;
	}
	resolver = message_resolver(job, &err);
	result = resolver == NULL ?
			 -1 :
			 verdict_make(&job->facts, &scanner->settings,
				      scanner->psl, resolver, scanner->arena,
				      &job->verdict, &err);
	if (result < 0)
		trouble(&job->outcome->trouble, "accepted unscored", err.text);
	resolver_free(&resolver);
	return result;
}

/* ------------------------------------------------------------- the fields */

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

/*
 * One field for all results (R11.5), ours first: a text of others that opens a
 * quote or a comment cannot hide it there.
 */
static void add_authres(const struct job *job)
{
	struct buf *add = &job->outcome->add;
	const struct spf_fact *spf = &job->facts.spf;
	struct span results;

	buf_addf(add, AUTHRES_NAME ": %.*s;\n\t", SPAN_ARGS(job->authserv_id));
	verdict_authres(add, &job->verdict);
	if (job->authres_plain) {
		results = results_of(span_of(job->message->authres),
				     MAX_ADDED_BYTES / 2);
		if (results.n > 0 && !span_is(results, "none")) {
			buf_add_string(add, ";\n\t");
			add_folded(add, results);
		}
	} else if (spf->known && *spf->domain != '\0') {
		buf_addf(add, ";\n\tspf=%s smtp.%s=%s",
			 auth_result_name(spf->result),
			 spf->scope == SPF_SCOPE_HELO ? "helo" : "mailfrom",
			 spf->domain);
	}
	buf_add_char(add, '\n');
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
static void add_action(struct buf *add, const struct job *job)
{
	struct buf list = BUF_INIT(MAX_ADDED_BYTES / 4);
	size_t i;

	for (i = 0; i < job->n_asked; i++)
		buf_addf(&list, "%s%s (%s)", i == 0 ? "" : ",\n\t",
			 action_name(job->asked[i].verdict.action),
			 job->asked[i].domain);
	if (all_ask_the_same(job) || !buf_ok(&list))
		buf_add_string(add, action_name(job->verdict.action));
	else
		buf_add(add, buf_span(&list));
	buf_release(&list);
}

static void add_fields(const struct job *job)
{
	const struct settings *settings = &job->scanner->settings;
	struct buf *add = &job->outcome->add;

	add_authres(job);
	buf_addf(add, "%s: ", settings->score_header);
	score_format(add, job->verdict.score);
	buf_addf(add, "\n%s: ", settings->action_header);
	add_action(add, job);
	buf_add_char(add, '\n');
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
			job->scanner->arena,
			domain_of(job->message->recipients[i]));

		if (domain != NULL && !is_listed(entry, domain))
			entry->rcpt_domains[entry->n_rcpt_domains++] = domain;
	}
}

static void write_journal(const struct job *job)
{
	struct entry *entry = arena_alloc(job->scanner->arena, sizeof(*entry));
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

/* The signature that counts: an aligned pass, else a pass, else the first. */
static const char *dkim_word(const struct message_facts *facts)
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

static const char *or_dash(const char *word)
{
	return *word == '\0' ? "-" : word;
}

static void write_log(const struct job *job)
{
	const struct dmarc_verdict *verdict = &job->verdict;
	const struct spf_fact *spf = &job->facts.spf;
	struct buf *log = &job->outcome->log;

	buf_addf(log, "dmarc: %s policy=%s applied=%s from=%s spf=%s dkim=%s",
		 dmarc_result_name(verdict->result),
		 or_dash(dmarc_policy_name(verdict->policy_selected)),
		 or_dash(dmarc_policy_name(verdict->policy_applied)),
		 quote(span_of(or_dash(verdict->from_domain))).text,
		 spf->known ? passes(spf->result, spf->aligned) : "unknown",
		 dkim_word(&job->facts));
	if (*job->scanner->settings.base_score != '\0') {
		buf_add_string(log, " base=");
		score_format(log, job->base);
	}
	buf_add_string(log, " score=");
	score_format(log, verdict->score);
	buf_addf(log, " action=%s\n", action_name(verdict->action));
}

/* ------------------------------------------------------------ the decision */

/* "5.7.1 Email rejected per DMARC policy for example.com" */
static void reply(const struct job *job, const char *code, const char *text)
{
	const char *domain = job->verdict.from_domain;
	struct buf *to = &job->outcome->reply;
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
	if (*verdict->from_domain == '\0')
		return "Email rejected: no Author Domain that DMARC could "
		       "authenticate";
	if (verdict->result != DMARC_FAIL)
		return "Email rejected: its score is too high";
	return settings->reject_text;
}

static void decide(const struct job *job)
{
	const struct dmarc_verdict *verdict = &job->verdict;
	const struct settings *settings = job->settings;
	struct scan_outcome *outcome = job->outcome;

	switch (verdict->action) {
	case ACTION_ACCEPT:
	case ACTION_TAG:
	case ACTION_QUARANTINE:
		return;
	case ACTION_REJECT:
		outcome->action = SCAN_REJECT;
		reply(job, settings->reject_code, rejection(verdict, settings));
		return;
	case ACTION_DEFER:
		outcome->action = SCAN_DEFER;
		reply(job, settings->defer_code, settings->defer_text);
		return;
	}
}

/* 1: yes. The list was read without error before. */
static bool is_trusted(const struct scanner *scanner, const char *client)
{
	return scanner->ready &&
	       network_listed(span_of(scanner->settings.trusted_hosts),
			      span_of(client), NULL) == 1;
}

void scan(struct scanner *scanner, struct scan_message *message,
	  struct scan_outcome *outcome)
{
	struct job job = {
		.scanner = scanner,
		.message = message,
		.outcome = outcome,
		.authserv_id = span_of(
			scanner_authserv_id(scanner, message->hostname)),
	};

	if (*message->client_ip == '\0' ||
	    is_trusted(scanner, message->client_ip))
		return;
	arena_reset(scanner->arena);
	mark_forged(&job);
	if (message->authenticated || !scanner->ready)
		return;
	if (judge(&job) < 0)
		return;
	add_base(&job);
	ask_recipients(&job);
	add_fields(&job);
	/* What is deferred comes again, and is counted then. */
	if (job.verdict.action != ACTION_DEFER)
		write_journal(&job);
	write_log(&job);
	decide(&job);
}
