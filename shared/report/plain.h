/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plain.h - the mails of most reporters, taken apart by ourselves
 *
 * Nearly every report comes as one attachment, alone or in a multipart/mixed with a
 * few words for people, and the header says so in the simplest way there is. To
 * build a tree of objects for such a mail takes GMime as long as libxml2 needs for
 * the report. So these mails are split here, and whatever is in any way unusual is
 * left to GMime (extract.h): what is not known to mean the same to both is unusual.
 */
#ifndef EDMARC_REPORT_PLAIN_H
#define EDMARC_REPORT_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/span.h"

/* Words for people as text and as HTML, and the report; with room for two more. */
#define MAX_PLAIN_PARTS 5

struct plain_part {
	struct span type; /* "application/gzip", as the mail writes it */
	struct span name; /* the file name, or "" */
	/* With its transfer encoding. */
	size_t at; /* where in the mail */
	size_t n;
	bool base64; /* or none at all */
};

struct plain_mail {
	struct plain_part parts[MAX_PLAIN_PARTS];
	size_t n;
};

/*
 * Find the parts. Spans point into the mail. When the result is false, it is a mail
 * for GMime and *plain means nothing.
 */
MUST_CHECK bool plain_mail_read(struct span mail, struct plain_mail *plain);

#endif
