/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * signatures.h - can the text of ${authresults} be believed?
 *
 * Exim copies the d=, s= and i= of each signature into that text as they are,
 * and decodes i= before: "i=@evil.example=3B=20dkim=3Dpass=20header.d=3Dbank.
 * example" becomes a result of its own for a domain that never signed. So the
 * signatures of a message are looked at first, and when one of them could have
 * written more than a name, none of the DKIM results is used.
 *
 * The same holds for what the client says in HELO and MAIL FROM and what the
 * DNS says its name is, which Exim may let through unchecked.
 */
#ifndef EDMARC_EXIM_SIGNATURES_H
#define EDMARC_EXIM_SIGNATURES_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attributes.h"
#include "base/span.h"

/*
 * Is every d=, s= and i= of this body of a DKIM-Signature field (RFC 6376 3.5),
 * also of one given twice, made of characters that stand for themselves in
 * Authentication-Results?
 */
bool signature_is_plain(struct span body);

/*
 * The same for everything in a field (name, ":" and body) that Exim's DKIM code
 * may have read as a DKIM-Signature. It sees the octets as they came, while the
 * field went through a parser that takes a bare LF for white space: so also
 * what stands at the start of a line inside of another field.
 */
bool field_is_plain(struct span name, struct span body);

/*
 * The same for a body. A line that is no field ends the header for Exim, not for
 * its DKIM code, which goes on to read signatures from what Exim calls the body.
 */
bool text_is_plain(struct span body);

/*
 * The same for a body in a file, from an offset on. 1, 0 for no, -1 with errno.
 * The position of fd is not changed.
 */
MUST_CHECK int body_is_plain(int fd, off_t offset);

/* The same for a HELO name, the domain of MAIL FROM, or the client's name. */
bool name_is_plain(struct span text);

#endif
