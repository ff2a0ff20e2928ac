/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network.h - is an address one of these?
 *
 * IPv4 addresses are held as ::ffff:a.b.c.d, so that a client is the same one
 * whichever way the host writes it.
 */
#ifndef EDMARC_BASE_NETWORK_H
#define EDMARC_BASE_NETWORK_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"

struct network {
	unsigned char address[16];
	unsigned prefix; /* bits, of 128 */
};

/*
 * "192.0.2.7", "192.0.2.0/24", "2001:db8::1", "2001:db8::/32". Bits behind the
 * prefix do not matter. *network is only written when the result is true.
 */
MUST_CHECK bool network_parse(struct span text, struct network *network);

/* Is all of inner in outer? */
bool network_holds(const struct network *outer, const struct network *inner);

/*
 * Is the address in a list of addresses and networks, separated by commas? 1, 0,
 * or -1 (ERR_CONFIG) with the item of the list that is neither; the whole list
 * is read in any case, so that a mistake is always found. What is no address is
 * in no list.
 */
MUST_CHECK int
network_listed(struct span list, struct span address, struct err *err);

#endif
