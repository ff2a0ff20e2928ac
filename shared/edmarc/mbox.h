/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mbox.h - the mails of an mbox file, one after the other
 *
 * A mail begins behind a line "From ADDRESS DATE" and goes on until the next one.
 * A line of the mail that would look like that has one ">" in front (mboxo, mboxrd),
 * which is taken away again, and an empty line behind the mail is not its own.
 * In mboxcl2, which counts bytes and quotes nothing, a line of a mail can look
 * like the beginning of another: such a file must not be read with this.
 *
 * The file may have any size: what is in memory is one mail.
 */
#ifndef EDMARC_EDMARC_MBOX_H
#define EDMARC_EDMARC_MBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/* Addresses have 254 octets at most; a longer line is one of a mail's own. */
#define MAX_MBOX_FROM_LINE 1000

/*
 * What is read at a time: any line that has to be seen as a whole fits in.
 */
#define MBOX_READ_BYTES ((size_t)64 * 1024)

struct mbox {
	int fd;
	off_t offset; /* in the file, of what comes next */
	bool ended;   /* the file */
	size_t begin; /* what was read but not given out */
	size_t end;
	char bytes[MBOX_READ_BYTES];
};

struct mbox_mail {
	off_t offset; /* of its "From " line */
	char sender[256];
	bool too_long; /* for the buffer, which holds nothing useful then */
};

/* Is it the line in front of a mail? With or without its end. */
bool mbox_is_from_line(struct span line);

/* Read from there on, where a "From " line has to be. */
void mbox_start(struct mbox *mbox, int fd, off_t offset);

/*
 * The next mail into the buffer, which is emptied before: 1, 0 at the end, -1
 * when the file cannot be read (ERR_TEMP), or does not go on with a "From " line
 * (ERR_TEMP as well: it was one when somebody looked).
 */
MUST_CHECK int mbox_next(struct mbox *mbox, struct mbox_mail *mail,
			 struct buf *text, struct err *err);

#endif
