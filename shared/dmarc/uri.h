/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * uri.h - the URIs of rua and ruf (RFC 9989 4.8, RFC 3986, RFC 6068; R1.14,
 * R1.15)
 */
#ifndef EDMARC_DMARC_URI_H
#define EDMARC_DMARC_URI_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/span.h"

#define MAX_LOCAL_PART_OCTETS 64 /* RFC 5321 4.5.3.1.1 */

/* Without the "!10m" of RFC 7489; RFC 9989 asks to ignore it. */
struct span uri_without_size(struct span uri);

/*
 * Is it a URI that we can read? Any scheme counts; of a mailto: the address
 * must be good as well. The arena holds what is needed in between.
 */
bool uri_is_valid(struct span uri, struct arena *arena);

/*
 * The one address of a mailto: URI, in the arena: header fields behind "?" are
 * dropped, %XX is decoded once, the domain is in A-labels. A local part with a
 * comma (which RFC 9989 wants as %2C) comes back as a quoted-string, so that
 * nobody takes it for two addresses. p is NULL for other schemes, for anything
 * but one addr-spec, and for addresses with control characters, eight-bit local
 * parts or a domain that cannot be in the DNS.
 */
struct span uri_mailto_address(struct span uri, struct arena *arena);

#endif
