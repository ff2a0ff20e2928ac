/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * job.h - a message on its way through scan(), and the stations it passes
 *
 * Only for the files scan() is made of: evidence.c, recipients.c, outcome.c, and
 * answer.c.
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
#include "mail/received.h"
#include "scan.h"

#define AUTHRES_NAME "Authentication-Results"

/*
 * Of recipients, whose settings are looked at. To find those of one in a file of
 * 1 MB takes up to a millisecond, and a lookup in a database may take more.
 */
#define MAX_ASKED_DOMAINS 50

/* The settings for mail to a domain. */
struct known {
	const char *domain;
	struct settings settings;
};

/* What a domain asks for, in this call. */
struct asked {
	const struct known *known;
	struct dmarc_verdict verdict;
};

/* One message on its way through. */
struct job {
	struct scanner *scanner;

	/* Found out once for a message, in scanner->arena. */
	const char *id; /* NULL or "" before it is judged */
	bool spf_told;  /* by Exim */
	bool judged;
	enum received_way way;  /* by which the message came */
	struct received source; /* and from where, when not directly */
	struct message_facts facts;
	const char *authres;
	bool authres_plain; /* the text of ${authresults} can be shown */
	bool spf_is_ours;   /* and not in that text */
	struct dmarc_verdict found; /* by the general settings, no base */
	struct known *known;        /* room for MAX_ASKED_DOMAINS, or NULL */
	size_t n_known;
	bool lookups_failed;
	bool base_told; /* what is wrong with base_score */
	bool recorded;  /* in journal and log */
	enum action recorded_action;

	/* Of this call, in scanner->call. */
	struct scan_message *message;
	struct scan_outcome *outcome;
	const char *why_not; /* judged */
	struct span authserv_id;
	size_t next_recipient; /* whose domain may need a lookup */
	const char *looked_up; /* the domain of the lookup that is under way */
	int base;              /* points of other checks, in hundredths */
	struct dmarc_verdict verdict;
	struct asked *asked; /* what the domains of recipients ask for */
	size_t n_asked;
	const struct settings *settings; /* of the one that is obeyed */
};

struct scanner {
	struct arena *memory;  /* of the settings */
	struct arena *arena;   /* of the message */
	struct arena *call;    /* of one call about it */
	struct arena *answers; /* of the DNS to its questions */
	struct settings settings;
	const char *path;     /* of the settings; the caller's */
	bool ready;           /* the settings can be used */
	struct psl *psl;      /* for rfc7489: read with the first message */
	struct resolver *dns; /* ours, made with the first message */
	struct resolver *resolver; /* the caller's, or NULL */
	const char *spf_library;   /* to be loaded; NULL: not (any more) */
	struct spf_checker *spf;   /* made when it is needed */
	struct job job;
};

/* Add "dmarc: what: why", with why quoted, as a line. */
void trouble(struct buf *buf, const char *what, const char *why);

/* What stands behind the last "@" of an address. */
struct span domain_of(const char *address);

/* Where the message comes from, relays of ours aside. */
void job_find_source(struct job *job);

/* Facts about the message: From:, SPF, DKIM. Returns -1 without memory. */
MUST_CHECK int job_read_facts(struct job *job);

/* Check SPF where Exim did not, and the settings want it. */
void job_check_spf(struct job *job, struct resolver *resolver);

/*
 * Score and action for this call: add the points of base_score, ask the domains
 * of the recipients, and do the mildest of what they want.
 */
void job_weigh(struct job *job);

/*
 * Mark fields that are forged, or ours from before (R11.7): in all mail from the
 * network but that of trusted hosts.
 */
void job_mark_forged(struct job *job);

/* The stations of the outcome. */
void job_add_fields(const struct job *job);
void job_record(struct job *job);
void job_decide(const struct job *job);

/*
 * Parts of it. Each field is a line of its own, with its end; the text for the
 * client begins with the enhanced status code, and is "" for what is accepted.
 */
void job_format_authres(const struct job *job, struct buf *field);
void job_format_score(const struct job *job, struct buf *field);
void job_format_action(const struct job *job, struct buf *field);
void job_format_reply(const struct job *job, struct buf *reply);

/* "pass", "pass(unaligned)", "fail" ...; "unknown" when nobody checked SPF. */
const char *spf_word(const struct spf_fact *spf);
/* The same of the signature that counts; "none" without one. */
const char *dkim_word(const struct message_facts *facts);
/* "-" for "". */
const char *or_dash(const char *word);

#endif
