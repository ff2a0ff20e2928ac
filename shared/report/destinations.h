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
#include <stdint.h>

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
	/* "!10m" of RFC 7489, for the encoded report; 0: none (R1.14) */
	uint64_t max_bytes;
};

/*
 * Hosts that have refused reports about a policy domain, kept over runs by
 * somebody else. What cannot be found or kept is asked again.
 */
struct refusals {
	/* Why it refused lately, in the arena; NULL when that is not known. */
	const char *(*find)(struct refusals *self, const char *policy_domain,
			    const char *host, struct arena *arena);
	void (*keep)(struct refusals *self, const char *policy_domain,
		     const char *host, const char *why);
};

struct destinations {
	struct destination list[MAX_DESTINATIONS]; /* each address once */
	size_t n;
	size_t left_out;
	size_t ignored;            /* not mailto:, or malformed (R1.15) */
	const char *first_ignored; /* of strangers; "" when there is none */
};

/* What base64 in a mail makes of so many bytes. */
uint64_t destination_encoded_bytes(uint64_t bytes);

/*
 * The destinations for reports about policy_domain, which is where the record
 * was found (R9.3), from its rua list as published. psl is NULL for the tree
 * walk, refusals when none are kept. Texts live in the arena. -1 (ERR_LIMIT) only when there is no memory.
 */
MUST_CHECK int destinations_find(const char *policy_domain, struct span rua,
				 const struct psl *psl,
				 struct refusals *refusals,
				 struct resolver *resolver, struct arena *arena,
				 struct destinations *found, struct err *err);

#endif
