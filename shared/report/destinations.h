/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * destinations.h - who gets the report? (RFC 9990 4; R9.1 - R9.6)
 *
 * The addresses of a rua tag may lie in somebody else's domain. That domain has
 * to agree, or a stranger could point a flood of reports at it: it publishes a
 * TXT record at POLICY-DOMAIN._report._dmarc.HOST, which may name other
 * addresses on the same host instead.
 */
#ifndef EDMARC_REPORT_DESTINATIONS_H
#define EDMARC_REPORT_DESTINATIONS_H

#include <stddef.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"
#include "dmarc/psl.h"
#include "dns/resolver.h"

/*
 * Each is one mail and up to three DNS questions for every report; RFC 7489 6.2
 * asks for two at least. What comes behind is counted and left out (R1.16).
 */
#define MAX_DESTINATIONS 10

enum destination_state {
	DESTINATION_ALLOWED,
	DESTINATION_REFUSED,   /* must not get reports; why says it */
	DESTINATION_POSTPONED, /* the DNS did not answer; ask again later */
};

struct destination {
	const char *address; /* plain as in address.h, but for REFUSED */
	enum destination_state state;
	const char *why; /* "" when ALLOWED */
};

struct destinations {
	struct destination list[MAX_DESTINATIONS]; /* each address once */
	size_t n;
	size_t left_out;
};

/*
 * The destinations for reports about policy_domain, which is where the record
 * was found (R9.3), from its rua list as published. psl is NULL for the tree
 * walk. Texts live in the arena. -1 (ERR_LIMIT) only when there is no memory.
 */
MUST_CHECK int destinations_find(const char *policy_domain, struct span rua,
				 const struct psl *psl,
				 struct resolver *resolver, struct arena *arena,
				 struct destinations *found, struct err *err);

#endif
