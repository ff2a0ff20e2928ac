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

#include "dns/resolver.h"

/*
 * The answer to a question, from the whole reply. A reply that breaks off or
 * contradicts itself is DNS_FAIL with "malformed reply".
 */
struct dns_answer dns_message_read(struct span reply,
				   const struct dns_question *question,
				   struct arena *arena);

/* DNS_FAIL with that reason. */
struct dns_answer dns_failure(const char *why);

#endif
