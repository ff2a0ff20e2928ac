/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * message.h - what a name server's reply says (RFC 1035 section 4)
 *
 * c-ares checks that a reply belongs to its question; what is in it we read
 * ourselves, as its own readers neither follow the owner names through a chain
 * of aliases nor tell an alias to nowhere from a name that does not exist.
 */
#ifndef EDMARC_DNS_MESSAGE_H
#define EDMARC_DNS_MESSAGE_H

#include <stdint.h>

#include "dns/resolver.h"

/*
 * The answer to a question, from the whole reply. A reply that breaks off or
 * contradicts itself is DNS_FAIL with "malformed reply".
 */
struct dns_answer dns_message_read(struct span reply,
				   const struct dns_question *question,
				   struct arena *arena);

/*
 * For how many seconds that answer to the question may be used again: the least
 * TTL of the records that led to it, or what the SOA of the zone says of names
 * and types that do not exist (RFC 2308 section 5). 0 when nothing says so.
 */
uint32_t dns_message_ttl(struct span reply, const struct dns_answer *answer);

/* Its number on the wire. */
unsigned int dns_type_number(enum dns_type type);

/* DNS_FAIL with that reason. */
struct dns_answer dns_failure(const char *why);

#endif
