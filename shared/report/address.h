/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * address.h - mail addresses that we are willing to send reports to and from
 *
 * Addresses of reports come from strangers' DNS and end up in a header, on a
 * command line and in the database. Only the plain form is taken:
 * dot-atom@domain in ASCII, and "dot-atom,dot-atom"@domain, since RFC 9989 has
 * rules for commas. No other quoted strings, comments and address literals (RFC
 * 5321 4.1.2), so that nothing in it has a second meaning.
 */
#ifndef EDMARC_REPORT_ADDRESS_H
#define EDMARC_REPORT_ADDRESS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"

#define MAX_ADDRESS_LOCAL_PART 64 /* RFC 5321 4.5.3.1.1 */

/*
 * Is it of that form? *domain (may be NULL) is what stands behind the "@"; it
 * has at least two labels.
 */
bool address_is_plain(struct span address, struct span *domain);

/*
 * A pattern of addresses, in lower case and in the arena:
 *
 *	rua@example.org		this address
 *	*@example.org		every address of this domain; also "@example.org"
 *	@.example.org		of this domain and all below it
 *
 * ERR_INPUT for anything else.
 */
MUST_CHECK int address_pattern(struct span text, struct arena *arena,
			       struct span *pattern, struct err *err);

#endif
