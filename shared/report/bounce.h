/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bounce.h - a mail of ours that came back (RFC 3464, RFC 3463)
 *
 * Which of our mails it was, the address says that the bounce came to (verp.h):
 * here is only read whether it failed for good. Mail servers say so in the
 * machine-readable part of a DSN; old ones, qmail and some gateways only in words.
 *
 * A wrong "for good" keeps a report from somebody, a wrong "for now" costs one
 * mail more. So of several recipients, as after an alias, the one that fared best
 * counts, and what is not understood is none.
 */
#ifndef EDMARC_REPORT_BOUNCE_H
#define EDMARC_REPORT_BOUNCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/span.h"

/* Of a part, machine-readable or in words; DSNs about one mail have 2 kB. */
#define MAX_BOUNCE_BYTES ((size_t)64 * 1024)

/* What everything that a struct bounce points to may take. */
#define MAX_BOUNCE_MEMORY ((size_t)256 * 1024)

/* From the best for the mail to the worst. */
enum bounce_kind {
	BOUNCE_NONE, /* delivered, relayed, or nothing we understand */
	BOUNCE_SOFT, /* delayed, or refused for now */
	BOUNCE_HARD, /* failed for good */
};

const char *bounce_kind_name(enum bounce_kind kind);

/* Texts are one line each, and absent (p == NULL) when nobody said it. */
struct bounce {
	enum bounce_kind kind;
	struct span status;     /* "5.1.1", the most exact one there is */
	struct span recipient;  /* the final one */
	struct span diagnostic; /* what a server replied, or in words */
	struct span reporter;   /* the host that says it */
};

/*
 * Read the body of a message/delivery-status. False when no recipient is in it,
 * when it is longer than MAX_BOUNCE_BYTES, or without memory; *bounce is only
 * written when the result is true.
 */
MUST_CHECK bool
bounce_read(struct span text, struct arena *arena, struct bounce *bounce);

/* The same for a text for people; false when it is no bounce that we know. */
MUST_CHECK bool
bounce_read_text(struct span text, struct arena *arena, struct bounce *bounce);

#endif
