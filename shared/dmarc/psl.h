/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * psl.h - Organizational Domains by the Public Suffix List (RFC 7489 3.2, R2.2)
 *
 * libopendmarc reads the list and keeps it in a static of its own: one list for
 * each process, and the library is loaded when the first one is opened, so that
 * an Exim that follows RFC 9989 never pays for it.
 */
#ifndef EDMARC_DMARC_PSL_H
#define EDMARC_DMARC_PSL_H

#include "base/arena.h"
#include "base/err.h"

struct psl;

/*
 * Read the list at path (Debian: /usr/share/publicsuffix/...). The result stays
 * with the process and is not released. NULL with ERR_CONFIG when the library
 * or the file cannot be read.
 */
MUST_CHECK const struct psl *psl_open(const char *path, struct err *err);

/*
 * The longest public suffix plus one label; the name itself when it has none.
 * In the arena; NULL when there is no memory.
 */
const char *psl_organizational_domain(const struct psl *psl, const char *domain,
				      struct arena *arena);

#endif
