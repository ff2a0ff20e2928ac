/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hand_over.h - one report, as a mail to one destination, to the mail server
 *
 * send.c decides who gets a report and remembers who got it; here it becomes a
 * mail and leaves.
 */
#ifndef EDMARC_EDMARC_HAND_OVER_H
#define EDMARC_EDMARC_HAND_OVER_H

#include <stdint.h>

#include "base/attributes.h"
#include "base/err.h"
#include "dmarc/settings.h"
#include "report/names.h"
#include "store/database.h"
#include "store/outgoing.h"

#define SENDMAIL_SECONDS 120 /* for one mail */

/* A server may take 5 minutes for its replies (RFC 5321 4.5.3.2). */
#define SMARTHOST_SECONDS 300

/* How mails leave: by sendmail, or over a connection to the smarthost. */
struct mailer;

/*
 * Gets the key of envelope senders from the database. *settings has to stay.
 * Nobody is connected to yet.
 */
MUST_CHECK int mailer_open(const struct settings *settings, struct database *db,
			   int64_t now, struct mailer **mailer,
			   struct err *err);

/* NULL inside is fine. */
void mailer_close(struct mailer **mailer);

/* What is in the mail, whoever gets it. */
struct parcel {
	const struct settings *settings;
	struct mailer *mailer; /* NULL when it is only written */
	const struct outgoing *report;
	const struct report_names *names;
	uint64_t messages;
	int document; /* compressed; read from its start, left open */
	int64_t now;
};

/* Write the mail for this address to fd, which stays the caller's. */
MUST_CHECK int parcel_write(const struct parcel *parcel, const char *address,
			    int fd, struct err *err);

/*
 * Returns 0 when the mail server has it. ERR_INPUT means that it never will.
 * ERR_CONFIG says that it takes none of our mails as things are, and then no other
 * is tried with this mailer. After any other error it may take it later. The
 * envelope sender tells bounces apart (verp.h). A mail server that took the mail and did not
 * get to say so gets it again, under the same Message-ID.
 */
MUST_CHECK int parcel_hand_over(const struct parcel *parcel,
				const char *address, struct err *err);

#endif
