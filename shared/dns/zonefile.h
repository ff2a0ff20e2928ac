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
 * make every question for that name fail. $ORIGIN and $TTL are known, $INCLUDE
 * is refused. Without $ORIGIN names are relative to the root.
 */
#ifndef EDMARC_DNS_ZONEFILE_H
#define EDMARC_DNS_ZONEFILE_H

#include "base/err.h"
#include "dns/resolver.h"

/*
 * Errors (ERR_INPUT) name the line. The text is copied. Releases with
 * resolver_free().
 */
MUST_CHECK struct resolver *zonefile_parse(struct span text, struct err *err);

#endif
