/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gzip.h - compress into a file while it is written (RFC 1952; zlib)
 *
 * The header carries no time and no name, so that the same report gives the
 * same bytes whenever it is made again (R8.3).
 */
#ifndef EDMARC_REPORT_GZIP_H
#define EDMARC_REPORT_GZIP_H

#include <stddef.h>

#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"

struct gzip;

/*
 * A stream into fd, which stays the caller's, of at most max bytes of output.
 * NULL (ERR_LIMIT) when there is no memory.
 */
MUST_CHECK struct gzip *gzip_new(int fd, size_t max, struct err *err);

/* -1: ERR_TEMP when fd does not take it, ERR_LIMIT past max. */
MUST_CHECK int gzip_add(struct gzip *gzip, struct span bytes, struct err *err);

/* Writes what is held back and the trailer; nothing may be added after it. */
MUST_CHECK int gzip_finish(struct gzip *gzip, struct err *err);

void gzip_free(struct gzip **gzip);

/*
 * What gzip_finish() ended, whole, back into fd. ERR_INPUT when it is damaged,
 * ERR_TEMP when fd does not take it. Only for what is our own: there is no limit.
 */
MUST_CHECK int gzip_expand(struct span gzipped, int fd, struct err *err);

#endif
