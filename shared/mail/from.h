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

#define MAX_FROM_DOMAINS 20 /* distinct domains kept; more than that is abuse */

enum from_status {
	FROM_ONE,       /* exactly one distinct domain: the Author Domain */
	FROM_NONE,      /* no field, no mailbox, only a group, a literal */
	FROM_SEVERAL,   /* several distinct domains (R4.2) */
	FROM_MALFORMED, /* not RFC 5322; domains found before that are kept */
};

struct from_result {
	enum from_status status;
	/*
	 * Distinct domains in order of appearance: A-labels, lower case, no
	 * trailing dot, C strings in the arena.
	 */
	const char *domain[MAX_FROM_DOMAINS];
	size_t n;
	size_t fields;   /* how many From: fields there were (R4.3) */
	const char *why; /* FROM_NONE, FROM_MALFORMED: a short reason, else NULL */
};

/*
 * Read the bodies of all From: fields of a message. No memory counts as
 * FROM_MALFORMED with why "out of memory".
 */
struct from_result from_read(const struct span *bodies, size_t n,
			     struct arena *arena);

const char *from_status_name(enum from_status status);

#endif
