/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unpack.h - what bytes are, and what is in them
 *
 * Content decides, never a name or media type (R8.2). gzip and zlib streams are
 * read with zlib, because reporters put bytes behind the end of the stream
 * (Mimecast) which libarchive takes for a broken archive; zip and tar are read
 * with libarchive. Output comes in pieces, so its size costs time but no memory;
 * no size that an archive declares is believed, and no name is used for
 * anything but to be shown.
 */
#ifndef EDMARC_REPORT_UNPACK_H
#define EDMARC_REPORT_UNPACK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"

enum content {
	CONTENT_OTHER, /* none of these */
	CONTENT_EMPTY, /* white space at most */
	CONTENT_XML,   /* begins with "<" in some charset */
	CONTENT_JSON,  /* begins with "{" */
	CONTENT_GZIP,
	CONTENT_ZLIB,
	CONTENT_ZIP,
	CONTENT_TAR,
	CONTENT_COMPOUND, /* Microsoft's, as Outlook saves mail; not read */
};

/* So many octets of the beginning are enough to tell. */
#define CONTENT_BYTES 1024

enum content content_of(struct span beginning);

/* "a gzip stream"; for sentences. */
const char *content_name(enum content content);

/* Can unpack_new() open it? */
bool content_is_archive(enum content content);

/* What the archives of one mail have used up together; zero at the start. */
struct unpack_budget {
	size_t unpacked; /* octets, at most MAX_UNPACKED_BYTES */
	size_t entries;  /* at most MAX_ENTRIES */
};

struct unpack;

/*
 * bytes must stay where they are until unpack_free(). Returns NULL with *err:
 * ERR_TEMP without memory, ERR_INPUT when it cannot be opened.
 */
MUST_CHECK struct unpack *unpack_new(enum content content, struct span bytes,
				     struct unpack_budget *budget,
				     struct err *err);

/*
 * Go to the next regular file inside. Returns 1 with its name (may be empty;
 * valid until the next call), 0 at the end, -1 when the archive is broken
 * (ERR_INPUT) or asks for too much (ERR_LIMIT).
 */
MUST_CHECK int
unpack_next(struct unpack *unpack, struct span *name, struct err *err);

/*
 * The next piece of the file, valid until the next call. Returns 1, 0 at the
 * end, which also says that its checksum is right, or -1 as above.
 */
MUST_CHECK int
unpack_read(struct unpack *unpack, struct span *piece, struct err *err);

void unpack_free(struct unpack **unpack);

#endif
