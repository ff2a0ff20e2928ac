/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cares.h - the resolver that asks the system's name servers (c-ares)
 */
#ifndef EDMARC_DNS_CARES_H
#define EDMARC_DNS_CARES_H

#include <stdint.h>

#include "base/err.h"
#include "dns/resolver.h"

/*
 * Servers come from /etc/resolv.conf, or from servers ("192.0.2.1,
 * [2001:db8::1]:5353") when it is not NULL. All questions together, over the
 * whole life of the resolver or since the last cares_restart(), take at most
 * deadline_ms; what is not answered by then is DNS_FAIL with "timeout". No
 * signals, no threads.
 *
 * A host may jump out of ask() from a signal handler: nothing that was given to
 * ask() is touched afterwards, and the resolver can be used and freed.
 *
 * NULL with ERR_TEMP when c-ares cannot start, ERR_CONFIG when servers is not a
 * list of at most 8 addresses.
 */
MUST_CHECK struct resolver *
cares_new(const char *servers, int deadline_ms, struct err *err);

/* The next message: the deadline begins anew. */
void cares_restart(struct resolver *resolver);

/* It began some milliseconds ago. */
void cares_began(struct resolver *resolver, int64_t ago_ms);

#endif
