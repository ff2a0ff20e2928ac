/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spf.c - SPF for a message of which Exim has checked none, or that of a relay
 *
 * Exim checks SPF where it was built with it and an ACL asks for it; of
 * anything else it says nothing at all.
 */
#include "job.h"

#include "dmarc/spf_check.h"

/* NULL, with a line of trouble the first time, when there is no library. */
static struct spf_checker *checker_of(struct job *job)
{
	struct scanner *scanner = job->scanner;
	struct err err = ERR_INIT;

	if (scanner->spf == NULL && scanner->spf_library != NULL) {
		scanner->spf = spf_checker_new(scanner->spf_library, &err);
		if (scanner->spf == NULL)
			trouble(&job->outcome->trouble, "SPF not checked",
				err.text);
		scanner->spf_library = NULL;
	}
	return scanner->spf;
}

static bool begin(struct job *job, struct spf_checker *checker)
{
	struct message_facts *facts = &job->facts;
	struct err err = ERR_INIT;
	int begun = spf_check_start(checker, facts->client_ip, facts->helo,
				    facts->mail_from,
				    job->scanner->settings.dns_timeout_ms,
				    &facts->spf, job->scanner->arena, &err);

	if (begun < 0)
		trouble(&job->outcome->trouble, "SPF not checked", err.text);
	job->spf_is_ours = job->facts.spf.known;
	return begun == 1;
}

/*
 * The verdict once in vain, for its questions: their answers stay with the
 * resolver. If they were asked after SPF, a sender whose name servers do not
 * answer would take the time from them, and a message that fails would become
 * one of which nobody knows.
 */
static void ask_meanwhile(struct job *job, struct resolver *resolver)
{
	const struct scanner *scanner = job->scanner;
	struct message_facts facts = job->facts;
	struct err err = ERR_INIT; /* the same comes again */
	struct dmarc_verdict verdict;
	struct arena *arena = arena_new(MAX_MESSAGE_MEMORY);

	if (arena != NULL)
		(void)verdict_make(&facts, &scanner->settings, scanner->psl,
				   resolver, arena, &verdict, &err);
	arena_free(&arena);
}

void job_check_spf(struct job *job, struct resolver *resolver)
{
	struct spf_checker *checker;

	if (job->facts.spf.known || job->scanner->settings.spf == SPF_USE_EXIM)
		return;
	/*
	 * Where the way is lost, there is only the address of a relay, from
	 * which any domain we host may send.
	 */
	if (job->way == RECEIVED_LOST)
		return;
	checker = checker_of(job);
	if (checker == NULL || !begin(job, checker))
		return;
	ask_meanwhile(job, resolver);
	spf_check_finish(checker, resolver, &job->facts.spf,
			 job->scanner->arena);
}
