/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * job.h - a message on its way through scan(), and the stations it passes
 *
 * Only for the files scan() is made of: evidence.c, recipients.c, outcome.c.
 */
#ifndef EDMARC_EXIM_JOB_H
#define EDMARC_EXIM_JOB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"
#include "dmarc/psl.h"
#include "dmarc/settings.h"
#include "dmarc/verdict.h"
#include "dns/resolver.h"
#include "scan.h"

#define AUTHRES_NAME "Authentication-Results"

struct scanner {
	struct arena *memory;  /* of the settings */
	struct arena *arena;   /* of the message */
	struct arena *answers; /* of the DNS to its questions */
	struct settings settings;
	const char *path;       /* of the settings; the caller's */
	bool ready;             /* the settings can be used */
	struct psl *psl;        /* for rfc7489: read with the first message */
	struct resolver *cares; /* ours, made with the first message */
	struct resolver *resolver; /* the caller's, or NULL */
	const char *spf_library;   /* to be loaded; NULL: not (any more) */
	struct spf_checker *spf;   /* made when it is needed */
};

/* One message on its way through. */
struct job {
	struct scanner *scanner;
	struct scan_message *message;
	struct scan_outcome *outcome;
	struct span authserv_id;
	struct message_facts facts;
	bool authres_plain; /* the text of ${authresults} can be shown */
	bool spf_is_ours;   /* and not in that text */
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

/* Add "dmarc: what: why", with why quoted, as a line. */
void trouble(struct buf *buf, const char *what, const char *why);

/* What stands behind the last "@" of an address. */
struct span domain_of(const char *address);

/* Facts about the message: From:, SPF, DKIM. Returns -1 without memory. */
MUST_CHECK int job_read_facts(struct job *job);

/* Check SPF where Exim did not, and the settings want it. */
void job_check_spf(struct job *job, struct resolver *resolver);

/* Add the points of base_score to the verdict. */
void job_add_base(struct job *job);

/* Ask the domains of the recipients, and do the mildest of what they want. */
void job_ask_recipients(struct job *job);

/* The stations of the outcome. */
void job_add_fields(const struct job *job);
void job_write_journal(const struct job *job);
void job_write_log(const struct job *job);
void job_decide(const struct job *job);

#endif
