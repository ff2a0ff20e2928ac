/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file.h - reading and writing files so that nothing is lost
 */
#ifndef EDMARC_BASE_FILE_H
#define EDMARC_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/* All bytes, over short writes and signals; 0, or -1 with errno set. */
MUST_CHECK int write_all(int fd, struct span bytes);

/* At most n octets from an offset on, fewer only at the end; -1 with errno set. */
MUST_CHECK ssize_t read_at(int fd, char *p, size_t n, off_t offset);

/*
 * Add what fd gives, to its end, to buf. More than the buf's limit is
 * ERR_LIMIT. name is for the error text.
 */
MUST_CHECK int
file_read_fd(int fd, const char *name, struct buf *buf, struct err *err);

/* The same for a path; "-" is standard input. */
MUST_CHECK int file_read(const char *path, struct buf *buf, struct err *err);

/*
 * Readers see the old file or the new one, never half of one. One writer at a
 * time: the caller holds the lock. The directory is synced as well.
 */
MUST_CHECK int
file_replace(const char *path, struct span bytes, mode_t mode, struct err *err);

/* Makes a rename or unlink in this directory last. */
MUST_CHECK int file_sync_dir(const char *path, struct err *err);

/*
 * Is this a directory of the expected owner and mode? The refusal (ERR_CONFIG)
 * names what is there and what is expected: others who can write to a spool
 * could plant or remove mail. Group and mode bits are compared with
 * forbidden_mode only (for example 0007: nothing for others).
 */
MUST_CHECK int file_check_dir(const char *path, uid_t owner,
			      mode_t forbidden_mode, struct err *err);

#endif
