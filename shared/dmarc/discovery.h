/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * discovery.h - which record applies to a domain, and which organization it
 * belongs to (RFC 9989 4.10: R2.5 - R2.21; RFC 7489 6.6.3: R2.1 - R2.4)
 */
#ifndef EDMARC_DMARC_DISCOVERY_H
#define EDMARC_DMARC_DISCOVERY_H

#include <stdbool.h>

#include "base/arena.h"
#include "dmarc/psl.h"
#include "dmarc/record.h"
#include "dns/resolver.h"

#define MAX_WALK_QUERIES 8 /* RFC 9989 4.10 */

struct discovery {
	enum {
		DISCOVERY_FOUND,      /* record, policy_domain are set */
		DISCOVERY_NO_RECORD,  /* DMARC does not apply */
		DISCOVERY_BAD_RECORD, /* R1.11/R1.12 without rua: stop */
		DISCOVERY_FAILED,     /* a query failed: nobody knows (R2.15) */
	} status;
	/*
	 * NULL when a query failed before it was known. That also happens to a
	 * domain with a record of its own (FOUND): its policy is known, but who
	 * else belongs to its organization is not (E25). And NULL when
	 * the record is bad: then the search may have ended early.
	 */
	const char *organizational_domain;
	/* discover_policy() has not looked for it, which is why it is NULL. */
	bool organization_open;
	/* Where the record was found; also when it is bad. NULL without one. */
	const char *policy_domain;
	struct dmarc_record record; /* FOUND, BAD_RECORD */
	enum policy_source source;  /* p, sp or np (R2.11) */
	enum dmarc_policy policy;   /* that word's value, before t */
	/*
	 * The query whether the domain exists failed (R3.5): policy is that of
	 * an existing domain and must not be applied to a failing message.
	 */
	bool existence_unknown;
	/* The query that failed: "_dmarc.com: timeout"; NULL when none did. */
	const char *why;
	struct span faults; /* for R7.7: "several records at ..."; or "" */
};

/*
 * The record for an Author Domain (normalized). psl is NULL for the tree walk.
 * No memory is DISCOVERY_FAILED.
 *
 * A walk asks for its first name, and unless that ends it for all others in one
 * batch: two round trips. Behind a record with psd=y or psd=n, which ends the walk,
 * it may so have asked for up to seven names too many; their answers, failures
 * among them, have no effect, but a name server that is silent about them uses
 * up the deadline. A cache (dns/cache.h) lists only the names that the walk came
 * to, and one that is used for several calls saves asking again.
 */
struct discovery discover(const char *domain, const struct psl *psl,
			  struct resolver *resolver, struct arena *arena);

/*
 * The same, but a domain with a record of its own is not walked up from: its
 * policy is known then, and what its Organizational Domain is, and whether names
 * above it have faults, matters only to who asks. In most messages nobody does,
 * because what is authenticated is the Author Domain itself or nothing like it.
 * Who does calls discover() with the same resolver, a cache.
 */
struct discovery discover_policy(const char *domain, const struct psl *psl,
				 struct resolver *resolver,
				 struct arena *arena);

/*
 * Only the Organizational Domain, for an identifier (R2.17). NULL when a query
 * failed.
 */
const char *discover_organization(const char *domain, const struct psl *psl,
				  struct resolver *resolver,
				  struct arena *arena);

#endif
