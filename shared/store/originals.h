/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * originals.h - mails of reports as they came, for some days
 *
 * For the administrator who asks what a reporter really sent, and to read old
 * reports again with a newer version. They are stored in the transaction that
 * stores their reports (store/reports.h), compressed by gzip.
 */
#ifndef EDMARC_STORE_ORIGINALS_H
#define EDMARC_STORE_ORIGINALS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"
#include "store/database.h"

/*
 * The longest, compressed. A statement with it has to stay below MariaDB's default
 * max_allowed_packet of 16 MiB; a report of a million rows has about 20 MB of XML
 * for each MiB of this.
 */
#define MAX_ORIGINAL_BYTES ((size_t)8 * 1024 * 1024)

struct original {
	struct span mail_name;
	int64_t stored_at;
	uint64_t bytes; /* of the mail */
	struct span compressed;
};

/* Inside a transaction. One that is there already is replaced. */
MUST_CHECK int original_insert(struct database *db,
			       const struct original *original,
			       struct err *err);

/*
 * Names of the mails that are kept under this name, or that brought a report of
 * this id (which reporters share at times), in the arena: at most max.
 */
MUST_CHECK int original_find(struct database *db, struct span name_or_id,
			     struct arena *arena, struct span *names,
			     size_t max, size_t *n, struct err *err);

/* Write one to fd, as it came. ERR_INPUT when it is not there. */
MUST_CHECK int original_write(struct database *db, struct span mail_name,
			      int fd, struct err *err);

/* Remove some that were stored before this time; *removed is how many. */
MUST_CHECK int originals_expire(struct database *db, int64_t before,
				uint64_t *removed, struct err *err);

#endif
