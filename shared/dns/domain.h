/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domain.h - domain names as text
 *
 * Names here are A-labels in lower case without a trailing dot, as
 * domain_normalize() makes them; comparing is then comparing bytes (R2.16).
 * U-labels are converted before (mail/idn.h).
 */
#ifndef EDMARC_DNS_DOMAIN_H
#define EDMARC_DNS_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/span.h"

#define DOMAIN_MAX_OCTETS 253 /* RFC 1035 2.3.4, as text without last dot */
#define DOMAIN_MAX_LABEL  63

/*
 * Lower case, one trailing dot removed. Returns a C string in the arena, or
 * NULL when this cannot be a name in the DNS: empty labels, labels over 63 or
 * names over 253 octets, octets other than letters, digits, "-" and "_" (R2.21).
 */
MUST_CHECK char *domain_normalize(struct arena *arena, struct span name);

/* Is it such a name, without a dot at its end? */
bool domain_is_name(struct span name);

/* How many labels; 0 for "". */
size_t domain_labels(const char *name);

/* The name without its n leftmost labels; "" when nothing is left. */
const char *domain_without(const char *name, size_t n);

/* The last n labels of the name (all of it when it has no more). */
const char *domain_last(const char *name, size_t n);

/* Is name equal to or below ancestor? */
bool domain_is_within(const char *name, const char *ancestor);

bool domain_equal(const char *a, const char *b);

#endif
