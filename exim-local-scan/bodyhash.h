/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bodyhash.h - is the body that Exim delivers the one that was signed?
 *
 * A line that is no field ends the header for Exim, but its DKIM code goes on to
 * the first empty line. Whatever is put in between is delivered as the beginning
 * of the body, and is covered by no signature: a message that somebody else has
 * signed stays good with any text in front.
 */
#ifndef EDMARC_EXIM_BODYHASH_H
#define EDMARC_EXIM_BODYHASH_H

#include <stdbool.h>

#include "base/span.h"

/* Of a larger body, and behind more empty lines, nothing is found. */
#define MAX_HASHED_BODY  ((size_t)1024 * 1024)
#define MAX_HASHED_LINES 16

/* May the header have ended with the first line of this body? */
bool body_may_begin_early(struct span body);

/*
 * Is what this signature (the body of a DKIM-Signature field, RFC 6376 3.5) has
 * the hash of not the body, but what stands behind one of its first empty lines?
 * Only for SHA-256. The octets that were hashed are taken off *budget; at 0
 * nothing more is found.
 */
bool is_signed_behind_empty_line(struct span body, struct span signature,
				 size_t *budget);

#endif
