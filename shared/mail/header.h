/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * header.h - the fields of a message's header, one after the other
 *
 * No opinion on what they mean. Lines end in LF or CR LF; folded lines stay
 * inside the body of the field as they are.
 */
#ifndef EDMARC_MAIL_HEADER_H
#define EDMARC_MAIL_HEADER_H

#include <stdbool.h>

#include "base/span.h"

struct header_field {
	struct span name; /* as written, without white space before ":" */
	struct span body; /* behind ":", untrimmed, without the last line end */
};

/*
 * Take the next field from the left of *message. Returns 1 with a field, 0 at
 * the end of the header (the empty line is taken as well, so *message is then
 * the body), -1 for a line that is no field; the next call goes on behind it.
 * An mbox "From " line at the very start is such a line.
 */
int header_next(struct span *message, struct header_field *field);

/*
 * The first field of that name: true with its body. message is not changed.
 */
bool header_find(struct span message, const char *name, struct span *body);

#endif
