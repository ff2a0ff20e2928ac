/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * uri.h - the URIs of rua and ruf (RFC 9989 4.8, RFC 3986, RFC 6068; R1.14,
 * R1.15)
 */
#ifndef EDMARC_DMARC_URI_H
#define EDMARC_DMARC_URI_H

#include <stdint.h>

#include "base/attributes.h"
#include "base/span.h"

#define MAX_LOCAL_PART_OCTETS 64 /* RFC 5321 4.5.3.1.1 */

struct uri_address {
	char text[MAX_LOCAL_PART_OCTETS + 1 + 254]; /* local@domain */
};

enum uri_result {
	URI_INVALID,
	URI_NO_MEMORY,
	URI_OK,
};

/* Without the "!10m" of RFC 7489; RFC 9989 asks to ignore it. */
struct span uri_without_size(struct span uri);

/*
 * What that suffix says, in bytes (RFC 7489 6.2: k, m, g, t are powers of 1024);
 * 0 when there is none. A number that is too large is UINT64_MAX.
 */
uint64_t uri_size_limit(struct span uri);

/*
 * Is it a URI that we can read? Any scheme counts; of a mailto: the address
 * must be good as well.
 */
MUST_CHECK enum uri_result uri_check(struct span uri);

/*
 * The one address of a mailto: URI: header fields behind "?" are dropped, %XX is
 * decoded once, the domain is in A-labels. A local part with a comma (which RFC
 * 9989 wants as %2C) comes back as a quoted-string, so that nobody takes it for
 * two addresses. Invalid are other schemes, anything but one addr-spec, and
 * addresses with control characters, eight-bit local parts or a domain that
 * cannot be in the DNS. *address is only written when the result is URI_OK.
 */
MUST_CHECK enum uri_result
uri_mailto(struct span uri, struct uri_address *address);

#endif
