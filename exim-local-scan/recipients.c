/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recipients.c - what the administrator asks for, for each domain that mail goes to
 */
#include "job.h"

#include <string.h>

#include "base/buf.h"
#include "base/span.h"
#include "dns/domain.h"

/* The setting itself, and 50 times the longest name. */
#define MAX_LOOKUP_BYTES 16384

/* ---------------------------------------------------- points of other checks */

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

/* Told once for a message, however often an ACL asks. */
static void add_base(struct job *job)
{
	const struct scan_message *message = job->message;
	const struct settings *settings = &job->scanner->settings;
	struct span text = span_trim(span_of(message->base_score));

	job->base = 0;
	if (*settings->base_score == '\0')
		return;
	if (*message->base_fault != '\0') {
		if (!job->base_told)
			trouble(&job->outcome->trouble, "base_score not used",
				message->base_fault);
		job->base_told = true;
	} else if (text.n > 0 && read_base(text, &job->base) < 0) {
		if (!job->base_told)
			trouble(&job->outcome->trouble,
				"base_score is not a number",
				message->base_score);
		job->base_told = true;
	}
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

/* NULL: not known yet. */
static const struct known *find_known(const struct job *job, const char *domain)
{
	size_t i;

	for (i = 0; i < job->n_known; i++)
		if (strcmp(job->known[i].domain, domain) == 0)
			return &job->known[i];
	return NULL;
}

/*
 * What stands in the file is the administrator's own word, and goes before what
 * is looked up, key by key. With a mistake in either it is left out whole.
 */
static void
read_settings(struct job *job, struct known *known, const char *looked_up)
{
	struct scanner *scanner = job->scanner;
	struct settings general = scanner->settings;
	struct err err = ERR_INIT;

	if (looked_up != NULL && settings_change(&general, span_of(looked_up),
						 scanner->arena, &err) < 0) {
		err_while(&err, "%s", known->domain);
		trouble(&job->outcome->trouble, "domain_settings not used",
			err.text);
	}
	known->settings = general;
	if (settings_of_domain(&known->settings, &general, known->domain,
			       scanner->path, scanner->arena, &err) < 0)
		trouble(&job->outcome->trouble, "settings of a domain not used",
			err.text);
}

/* looked_up: the text for it, or NULL. Returns NULL when that is one too many. */
static const struct known *
learn(struct job *job, const char *domain, const char *looked_up)
{
	struct arena *arena = job->scanner->arena;
	struct span name = arena_copy(arena, span_of(domain));
	struct known *known;

	if (job->known == NULL)
		job->known = arena_array(arena, MAX_ASKED_DOMAINS,
					 sizeof(*job->known));
	if (job->n_known == MAX_ASKED_DOMAINS || name.p == NULL ||
	    job->known == NULL)
		return NULL;
	known = &job->known[job->n_known];
	known->domain = name.p;
	read_settings(job, known, looked_up);
	job->n_known++;
	return known;
}

/* Of the i-th recipient; "-", for which there is no section, is no name. */
static const char *domain_at(const struct job *job, size_t i)
{
	const char *domain = domain_normalize(
		job->scanner->call, domain_of(job->message->recipients[i]));

	return domain == NULL ? "-" : domain;
}

static bool has_asked(const struct job *job, const struct known *known)
{
	size_t i;

	for (i = 0; i < job->n_asked; i++)
		if (job->asked[i].known == known)
			return true;
	return false;
}

/* What a domain asks for; with a mistake in its section, what all others do. */
static void ask_domain(struct job *job, const struct known *known)
{
	struct asked *asked = &job->asked[job->n_asked++];

	asked->known = known;
	asked->verdict = job->found;
	asked->verdict.score =
		job->base +
		verdict_score(&job->facts, &asked->verdict, &known->settings);
	verdict_act(&asked->verdict, &known->settings);
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
	job->settings = &mildest->known->settings;
	if (all_asked ||
	    hardness(job->verdict.action) <= hardness(ACTION_QUARANTINE))
		return;
	spare = mildest->known->settings;
	spare.defer_on_temperror = false;
	spare.reject_at = 0;
	spare.reject_several_from = REFUSE_SEVERAL_NO;
	verdict_act(&job->verdict, &spare);
}

static void ask_recipients(struct job *job)
{
	const struct scan_message *message = job->message;
	const struct settings *settings = &job->scanner->settings;
	bool all_asked = true;
	size_t i;

	job->settings = settings;
	if (settings->domains.n == 0 && *settings->domain_settings == '\0')
		return;
	job->n_asked = 0;
	job->asked = arena_array(job->scanner->call, MAX_ASKED_DOMAINS,
				 sizeof(*job->asked));
	for (i = 0; job->asked != NULL && i < message->n_recipients; i++) {
		const char *domain = domain_at(job, i);
		const struct known *known = find_known(job, domain);

		if (known == NULL)
			known = learn(job, domain, NULL);
		if (known == NULL) {
			all_asked = false;
			break;
		}
		if (!has_asked(job, known))
			ask_domain(job, known);
	}
	if (job->n_asked > 0)
		obey_mildest(job, all_asked);
}

void job_weigh(struct job *job)
{
	job->verdict = job->found;
	add_base(job);
	ask_recipients(job);
}

/* ----------------------------------------------------------------- lookups */

/*
 * The name is put into a text that Exim expands, and may become part of a query,
 * of a file name or of a command. domain_normalize() leaves letters, digits,
 * "-", "_" and "." between labels that are not empty; what is then left to fear
 * is an option of a command.
 */
static bool may_look_up(const char *domain)
{
	return *domain != '-';
}

/* The setting with the domain for each "%d", or NULL. */
static const char *
lookup_of(struct arena *arena, const char *setting, const char *domain)
{
	struct buf text = BUF_INIT(MAX_LOOKUP_BYTES);
	const char *place;
	struct span copy = { .p = NULL, .n = 0 };

	while ((place = strstr(setting, "%d")) != NULL) {
		buf_add(&text,
			(struct span){ setting, (size_t)(place - setting) });
		buf_add_string(&text, domain);
		setting = place + 2;
	}
	buf_add_string(&text, setting);
	if (buf_ok(&text))
		copy = arena_copy(arena, buf_span(&text));
	buf_release(&text);
	return copy.p;
}

const char *scan_next_lookup(struct scanner *scanner)
{
	struct job *job = &scanner->job;
	const char *setting = scanner->settings.domain_settings;

	if (*setting == '\0' || job->lookups_failed)
		return NULL;
	while (job->next_recipient < job->message->n_recipients &&
	       job->n_known < MAX_ASKED_DOMAINS) {
		const char *domain = domain_at(job, job->next_recipient++);
		const char *lookup;

		if (!may_look_up(domain) || find_known(job, domain) != NULL)
			continue;
		lookup = lookup_of(scanner->call, setting, domain);
		job->looked_up = domain;
		if (lookup != NULL)
			return lookup;
		scan_take_lookup(scanner, "", "too long, or no memory");
		break;
	}
	return NULL;
}

void scan_take_lookup(struct scanner *scanner, const char *text,
		      const char *fault)
{
	struct job *job = &scanner->job;

	if (*fault == '\0') {
		(void)learn(job, job->looked_up, text);
		return;
	}
	job->lookups_failed = true;
	trouble(&job->outcome->trouble, "domain_settings not used", fault);
}
