/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * zone.h - the records of a zone file, and the resolver that answers from them
 *
 * Filled by zonefile.c: zone_new(), zone_add() for each record, zone_finish();
 * from then on it is a resolver.
 */
#ifndef EDMARC_DNS_ZONE_H
#define EDMARC_DNS_ZONE_H

#include "dns/resolver.h"

/* What is known about a name, beside that it exists. */
enum zone_kind {
	ZONE_TXT,
	ZONE_A,
	ZONE_AAAA,
	ZONE_MX,
	ZONE_CNAME,
	ZONE_OTHER,
	ZONE_SERVFAIL, /* every question for the name fails */
	ZONE_TIMEOUT,
};

struct zone_record {
	const char *owner; /* lower case, no trailing dot; "" is the root */
	enum zone_kind kind;
	unsigned int preference; /* MX */
	/*
	 * TXT: the joined text. A, AAAA: the address as text. MX, CNAME: the
	 * name, with a NUL behind it.
	 */
	struct span data;
	size_t order; /* set by zone_add() */
};

struct zone;

/* NULL when there is no memory. */
MUST_CHECK struct zone *zone_new(void);

/* Where what the records point to has to live. */
struct arena *zone_arena(struct zone *zone);

/* -1 when there is no memory. */
MUST_CHECK int zone_add(struct zone *zone, struct zone_record record);

size_t zone_count(const struct zone *zone);

/* No more records. The same record twice is one (RFC 2181 5). */
struct resolver *zone_finish(struct zone *zone);

void zone_free(struct zone **zone);

#endif
