/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * send.h - one report: who gets it, the document, the mails, the record of it
 *
 *	claim      it is ours now, and nobody else's
 *	gates      is it made at all?
 *	decide     which destinations may have it
 *	build      the document, if any may
 *	deliver    a mail for each destination
 *	finish     how it went, and the claim is given back
 *
 * schedule.h decides which report is next. What a crash between any two steps
 * leaves is in store/sent.h.
 */
#ifndef EDMARC_EDMARC_SEND_H
#define EDMARC_EDMARC_SEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/err.h"
#include "dmarc/psl.h"
#include "dmarc/settings.h"
#include "dns/resolver.h"
#include "edmarc/gates.h"
#include "edmarc/hand_over.h"
#include "edmarc/send_print.h"
#include "store/database.h"
#include "store/outgoing.h"

struct send_job {
	const struct settings *settings;
	const char *submitter; /* our domain in names */
	struct database *db;   /* another one after it was away for a moment */
	struct resolver *dns;  /* for one report after the other */
	bool dns_restarts; /* its deadline begins anew, by cares_restart() */
	struct psl *psl;   /* for policies that were found with it */
	struct gates *gates;
	const char *owner;     /* this process, in claims */
	struct mailer *mailer; /* NULL with --dry-run */
	int signals;           /* readable when we shall end; or -1 */
	int64_t now;           /* of the database */
	/* --dry-run: what would be, and where files go, or NULL */
	struct send_print *dry;
	const char *folder;
	/* what went wrong on our side first; the administrator has to know */
	bool in_trouble;
	struct err trouble;
};

enum send_outcome {
	SEND_DONE,
	SEND_SKIPPED,   /* nobody may have it */
	SEND_POSTPONED, /* some destination is tried again later */
	SEND_FAILED,    /* it cannot be made, or nobody takes it */
	SEND_OTHERS,    /* was finished before, or somebody else is at it */
	SEND_FULL,      /* enough mails in this minute; it waits */
	SEND_STOPPED,   /* we shall end; it waits */
};

/*
 * Send one planned report. What happens to it is in *outcome and, line by line,
 * in the log of -v; -1 only when the run has to end: no database, no memory.
 */
MUST_CHECK int send_report(struct send_job *job, const struct outgoing *report,
			   enum send_outcome *outcome, struct err *err);

/*
 * Say what would happen to it, and write document and mails into the folder, if
 * there is one. SEND_DONE is "would be sent".
 */
MUST_CHECK int send_dry(struct send_job *job, const struct outgoing *report,
			enum send_outcome *outcome, struct err *err);

/* Sleep, but not when we shall end; true when we shall. */
bool send_wait(const struct send_job *job, int64_t seconds);

#endif
