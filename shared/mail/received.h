/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * received.h - from whom did the host get a message that wrote this Received
 * field?
 *
 * RFC 5321 4.4 has the address in a comment, and each mail server its own way to
 * put it there. What the client has said of itself stands next to it, and is the
 * client's to choose: it is never taken for the address, and where more than one
 * address could be meant, there is none.
 */
#ifndef EDMARC_MAIL_RECEIVED_H
#define EDMARC_MAIL_RECEIVED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/span.h"

/* HELO takes up to 512, what servers write about TLS some 300. */
#define MAX_RECEIVED_BYTES 4000

/* Exim's own limit (received_headers_max); real ways have three or four. */
#define MAX_RECEIVED_HOPS 30

#define RECEIVED_ADDRESS_BYTES 46 /* an IPv6 address as text, with its NUL */

struct received {
	char address[RECEIVED_ADDRESS_BYTES]; /* as inet_ntop(3) writes it */
	/* Both point into the body, or are empty: what the client said ... */
	struct span helo;
	/* ... and the name of the address in the DNS, if the server found one. */
	struct span name;
};

/*
 * The client in the body of a field, in the forms of Exim, Postfix, Sendmail,
 * Exchange, qmail and those who write like them. False when there is none, or
 * not one only. *received is only written when the result is true.
 */
MUST_CHECK bool received_read(struct span body, struct received *received);

enum received_way {
	RECEIVED_DIRECT, /* the client is no relay of ours */
	RECEIVED_BY_RELAY,
	RECEIVED_LOST, /* the way ends, or cannot be read, at one of ours */
};

/*
 * Where a message comes from that our client may have relayed: go back over the
 * fields, the last written first, as long as the address is in the list of
 * relays (network.h), since only their fields can be believed. A field that names
 * the same address again is passed over: the receiving host's own.
 *
 * *source is always written: the address is that of the client for DIRECT, of
 * the first host that is no relay for BY_RELAY, of the last relay for LOST.
 * helo and name are empty but for BY_RELAY.
 */
enum received_way received_source(struct span relays, const char *client,
				  const struct span *bodies, size_t n,
				  struct received *source);

#endif
