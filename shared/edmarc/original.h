/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * original.h - a mail of reports, compressed as it came
 *
 * The process that stores does this: to compress is to count bytes, whatever a
 * stranger wrote, and nothing of it is looked at.
 */
#ifndef EDMARC_EDMARC_ORIGINAL_H
#define EDMARC_EDMARC_ORIGINAL_H

#include <stdint.h>
#include <sys/types.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * What is in fd from offset on, in *bytes octets, by gzip into the buffer: 0, or
 * -1: ERR_LIMIT when that is more than the buffer takes, ERR_TEMP.
 */
MUST_CHECK int original_compress(int fd, off_t offset, struct buf *compressed,
				 uint64_t *bytes, struct err *err);

#endif
