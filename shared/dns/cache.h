/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cache.h - nothing is asked twice for one message, and what was asked is known
 *
 * Sits in front of another resolver for the life of one message's arena. The
 * list of questions is what `edmarc evaluate` shows as "queries": those whose
 * answers somebody wanted. What was only asked ahead (resolver.h) and not needed
 * after all went to the name servers as well, but is not in the list: it had no
 * part in the decision.
 */
#ifndef EDMARC_DNS_CACHE_H
#define EDMARC_DNS_CACHE_H

#include "dns/resolver.h"

/*
 * Lives in arena, as do all answers. A resolver that is a cache already is
 * returned as it is. NULL when there is no memory.
 */
MUST_CHECK struct resolver *
dns_cache_new(struct resolver *behind, struct arena *arena);

/*
 * The questions whose answers were wanted, each once, in the order in which they
 * were first wanted; n is set.
 */
const struct dns_question *
dns_cache_asked(const struct resolver *cache, size_t *n);

#endif
