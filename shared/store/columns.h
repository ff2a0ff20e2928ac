/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * columns.h - texts of strangers made fit for a column
 *
 * The server is strict: it refuses what is not UTF-8 or too long. So we cut and
 * repair before, and say here how.
 */
#ifndef EDMARC_STORE_COLUMNS_H
#define EDMARC_STORE_COLUMNS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/span.h"

#define COLUMN_DOMAIN 253   /* characters of a domain column */
#define COLUMN_TEXT   16000 /* of a TEXT, which holds 65,535 bytes */
#define COLUMN_HASH   16    /* bytes */

/*
 * At most max_chars characters of text, bytes that are not UTF-8 as U+FFFD, a
 * copy in the arena. p == NULL gives an empty text; no memory gives p == NULL.
 */
struct span
column_text(struct arena *arena, struct span text, size_t max_chars);

/*
 * At most COLUMN_DOMAIN printable ASCII characters in lower case, "?" for
 * others. For names that were normalized before, this changes nothing.
 */
struct span column_domain(struct arena *arena, struct span name);

/* The domain behind the last "@"; empty when there is none, or no memory. */
struct span column_domain_of(struct arena *arena, struct span address);

struct column_address {
	char text[48];
};

/*
 * An IP address as INET6 takes it: "::ffff:192.0.2.1" for IPv4. The empty text
 * is the unspecified address. False when it is no address.
 */
bool column_address(struct span text,
		    struct column_address *address) MUST_CHECK;

/* How a person writes what INET6 gave back: IPv4 without its prefix. */
struct span column_address_shown(struct span text);

struct column_hash {
	unsigned char bytes[COLUMN_HASH];
};

/* The first half of SHA-256: what a key over a text is here. */
struct column_hash column_hash(struct span text);

#endif
