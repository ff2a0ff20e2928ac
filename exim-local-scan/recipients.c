/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recipients.c - what the administrator asks for, for each domain that mail goes to
 */
#include "job.h"

#include <string.h>

#include "base/span.h"
#include "dns/domain.h"

/*
 * Of recipients, whose settings are looked at. To find those of one in a file of
 * 1 MB takes up to a millisecond.
 */
#define MAX_ASKED_DOMAINS 50

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

/* Other checks that fail, or are off, leave us with our own points. */
void job_add_base(struct job *job)
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
	spare.reject_several_from = REFUSE_SEVERAL_NO;
	verdict_act(&job->verdict, &spare);
}

void job_ask_recipients(struct job *job)
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
