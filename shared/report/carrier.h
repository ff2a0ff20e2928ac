/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * carrier.h - did the mail that carried a report pass DMARC itself, and as whom?
 * (RFC 9990 8.2: what a report says can be forged; R7.15)
 *
 * Our own Exim has written it down: the module takes out what a sender has
 * written under our name and puts its field on top of the header, above the
 * Received field that Exim writes for the message. Below that field is the
 * sender's own text. So only a field with our authserv-id above the first
 * Received field is believed; one that dovecot's LMTP server has put above all
 * ("from ... by ... with LMTP") is not that of the message's arrival and is
 * passed over. Mail that was handed in on the machine itself has no such field,
 * whatever its author wrote.
 *
 * Text in, values out: the one who calls this reads the file.
 */
#ifndef EDMARC_REPORT_CARRIER_H
#define EDMARC_REPORT_CARRIER_H

#include <stddef.h>

#include "base/arena.h"
#include "base/span.h"
#include "dmarc/psl.h"

/* Our field comes first: what it can be long is some ten thousand octets. */
#define MAX_CARRIER_HEADER ((size_t)256 * 1024)

enum authenticated {
	AUTHENTICATED_UNKNOWN, /* nobody has written it down */
	AUTHENTICATED_NO,      /* no DMARC pass */
	AUTHENTICATED_OTHER,   /* a pass, but not as the reporter's domain */
	AUTHENTICATED_YES,
};

const char *authenticated_name(enum authenticated authenticated);

struct carrier {
	enum authenticated result; /* of the mail: never OTHER */
	const char *domain;        /* Author Domain; "" unless YES or NO */
	const struct psl *psl;     /* for carrier_of_report(); NULL: none */
};

/*
 * Look at the beginning of a mail, of which no more than MAX_CARRIER_HEADER is
 * needed. ids are our names, any of which counts. domain is in the arena; when
 * there is no memory the result is UNKNOWN. psl becomes NULL.
 */
void carrier_read(struct span header, const char *const *ids, size_t n,
		  struct arena *arena, struct carrier *carrier);

/*
 * The same for a report that came by this mail, by the email in its metadata:
 * YES when its domain and the one that passed have the same Organizational Domain
 * in the list. Without a list, it must be the domain that passed, or below it:
 * the other way round, "reporter@co.example" would be anybody below co.example.
 */
enum authenticated carrier_of_report(const struct carrier *carrier,
				     struct span email, struct arena *scratch);

#endif
