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
 * The same holds for what the client said in HELO and MAIL FROM, which Exim
 * lets through unchecked if it is told to.
 */
#ifndef EDMARC_EXIM_SIGNATURES_H
#define EDMARC_EXIM_SIGNATURES_H

#include <stdbool.h>

#include "base/span.h"

/*
 * Is every d=, s= and i= of this body of a DKIM-Signature field (RFC 6376 3.5),
 * also of one given twice, made of characters that stand for themselves in
 * Authentication-Results?
 */
bool signature_is_plain(struct span body);

/* The same for a HELO name, address literals included, or an envelope address. */
bool envelope_is_plain(struct span text);

#endif
