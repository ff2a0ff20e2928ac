/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * psl.h - Organizational Domains by the Public Suffix List (RFC 7489 3.2, R2.2)
 *
 * libopendmarc reads the list; the rules that it loses are kept here (see
 * docs/OPENDMARC.md). Reading takes some milliseconds, so it is done once for
 * each process that follows RFC 7489, and by no other.
 */
#ifndef EDMARC_DMARC_PSL_H
#define EDMARC_DMARC_PSL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "dmarc/opendmarc.h"

struct psl;

/*
 * Read the list at path (Debian: /usr/share/publicsuffix/...). NULL with
 * ERR_CONFIG when the library or the file cannot be read, or when another list
 * is in use: there is one at a time.
 */
MUST_CHECK struct psl *psl_open(const char *path, struct err *err);

/* NULL inside is fine. */
void psl_free(struct psl **psl);

/*
 * The longest public suffix plus one label; the name itself when it has none.
 * In the arena; NULL when there is no memory.
 */
const char *psl_organizational_domain(const struct psl *psl, const char *domain,
				      struct arena *arena);

/* The library behind it, which has read the same list. */
const struct opendmarc *psl_library(const struct psl *psl);

#endif
