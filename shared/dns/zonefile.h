/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * zonefile.h - a resolver that knows nothing but a master file (RFC 1035 s. 5)
 *
 * For `edmarc evaluate --zone` and for tests: the same message can be judged
 * again, anywhere, with the same answers. TXT, A, AAAA, MX, CNAME are answered,
 * records of other types only make their name exist. A name that is not in the
 * file does not exist (NXDOMAIN), one with only names below it exists without
 * data (NODATA); "*" is a wildcard as in RFC 4592. The comments
 *
 *	;!servfail NAME
 *	;!timeout NAME
 *
 * make every question for that name fail; the name and those above it exist.
 * $ORIGIN and $TTL are known, $INCLUDE is refused. Without $ORIGIN names are
 * relative to the root. The only class is IN.
 */
#ifndef EDMARC_DNS_ZONEFILE_H
#define EDMARC_DNS_ZONEFILE_H

#include "base/err.h"
#include "dns/resolver.h"

/* A file is written by or for a person; the root zone has about 2 MB. */
#define MAX_ZONE_BYTES   (16 * 1024 * 1024)
#define MAX_ZONE_RECORDS 100000

/* In one entry: more strings than this do not fit into the data of a TXT. */
#define MAX_ZONE_WORDS 255

/*
 * Errors (ERR_INPUT, ERR_LIMIT) name the line. The text is copied. Released
 * with resolver_free().
 */
MUST_CHECK struct resolver *zonefile_parse(struct span text, struct err *err);

#endif
