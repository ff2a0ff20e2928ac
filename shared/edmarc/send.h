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
 * For cmd_send.c, which decides which reports there are.
 */
#ifndef EDMARC_EDMARC_SEND_H
#define EDMARC_EDMARC_SEND_H

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/err.h"
#include "dmarc/psl.h"
#include "dmarc/settings.h"
#include "dns/resolver.h"
#include "edmarc/gates.h"
#include "edmarc/hand_over.h"
#include "store/database.h"
#include "store/outgoing.h"

/* All mails of one report with their timeouts, and time to write it. */
#define LEASE_SECONDS 3600

struct send_job {
	const struct settings *settings;
	const char *submitter; /* our domain in names */
	struct database *db;
	struct resolver *dns; /* for one report after the other */
	struct psl *psl;      /* for policies that were found with it */
	struct gates *gates;
	const char *owner;     /* this process, in claims */
	struct mailer *mailer; /* NULL with --dry-run */
	const char *folder;    /* --dry-run: files go there; else NULL */
	int64_t now;
};

enum send_outcome {
	SEND_DONE,
	SEND_SKIPPED,   /* nobody may have it */
	SEND_POSTPONED, /* some destination waits for the DNS */
	SEND_FAILED,    /* some destination, or the document, did not work */
	SEND_OTHERS,    /* was finished before, or somebody else is at it */
};

/*
 * Send one report, or write it into the folder. What happens to the report is
 * in *outcome and, line by line, in the log; -1 only when the run has to end:
 * no database, no memory, the folder does not take files.
 */
MUST_CHECK int send_report(const struct send_job *job,
			   const struct outgoing *report,
			   enum send_outcome *outcome, struct err *err);

#endif
