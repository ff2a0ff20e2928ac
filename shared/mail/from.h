/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * from.h - which domains a From: field names (R4.1 - R4.7)
 *
 * A strict reader of RFC 5322 mailbox lists, obsolete forms included: comments,
 * quoted strings, routes, groups, domain literals. Encoded words (RFC 2047) are
 * never decoded into an address, and an address inside a display name is none.
 */
#ifndef EDMARC_MAIL_FROM_H
#define EDMARC_MAIL_FROM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/span.h"

#define MAX_FROM_DOMAINS   20  /* distinct ones kept; more than that is abuse */
#define MAX_FROM_MAILBOXES 500 /* each may cost a conversion of its domain */

enum from_status {
	FROM_ONE,  /* exactly one distinct domain: the Author Domain */
	FROM_NONE, /* no field, no mailbox, only an empty group or a literal */
	FROM_SEVERAL, /* several distinct domains (R4.2) */
	/*
	 * Not RFC 5322, or over a limit. Domains that a more lenient reader may
	 * take for the author's are kept, from before and behind the fault:
	 * those of "a@b.example <c@d.example>" are b.example and d.example.
	 * They are judged like others (verdict.h).
	 */
	FROM_MALFORMED,
};

struct from_result {
	enum from_status status;
	/*
	 * Distinct domains in order of appearance: A-labels, lower case, no
	 * trailing dot, C strings in the arena.
	 */
	const char *domain[MAX_FROM_DOMAINS];
	size_t n;
	size_t fields; /* how many From: fields there were (R4.3) */
	/* FROM_NONE, FROM_MALFORMED: a short reason, else NULL */
	const char *why;
};

/*
 * Read the bodies of all From: fields of a message. No memory counts as
 * FROM_MALFORMED with why "out of memory".
 */
struct from_result
from_read(const struct span *bodies, size_t n, struct arena *arena);

const char *from_status_name(enum from_status status);

#endif
