/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lists.h - lists of domains and hosts as they stand in edmarc.conf
 *
 * Items are separated by commas:
 *
 *	example.com        this name, and nothing below it
 *	*.example.com      every name below it, but not itself
 *	rua@example.com    a mail address, in lists of those only
 *	192.0.2.0/24       an address or network, in lists of hosts only
 *	/etc/edmarc/x      a file with such items, one a line; "#" begins a
 *	                   comment, and there are no files in a file
 *
 * Letter case does not matter; names are written with A-labels. A file is read
 * each time that somebody looks into it, which is for messages that fail, and
 * not kept.
 */
#ifndef EDMARC_DMARC_LISTS_H
#define EDMARC_DMARC_LISTS_H

#include <stddef.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/network.h"
#include "base/span.h"

/* About 50,000 domains; looking through them takes up to 3 ms. */
#define MAX_LIST_FILE_BYTES ((size_t)1024 * 1024)

enum list_kind {
	LIST_DOMAINS,
	LIST_HOSTS, /* also addresses and networks */
	LIST_MAIL,  /* also mail addresses */
};

/* Who is looked for: any of these names, or the address. */
struct list_subject {
	const char *const *names; /* normalized; mail addresses as they are */
	size_t n;
	const struct network *address; /* or NULL */
};

/* What the matching item matched. */
enum list_match {
	LIST_NO,
	LIST_NAME,
	LIST_ADDRESS,
};

/*
 * The first item that matches decides; *which is the number of the name for
 * LIST_NAME. Items that cannot be read match nobody (see list_check()), and
 * neither does a file that cannot be read or is too long: then *err tells of the
 * first such (ERR_CONFIG), and the search goes on behind it. NULL for err is
 * fine.
 */
enum list_match list_find(struct span list, const struct list_subject *subject,
			  size_t *which, struct err *err);

/* Is every item good, files not looked into? ERR_CONFIG names the first bad. */
MUST_CHECK int
list_check(struct span list, enum list_kind kind, struct err *err);

/*
 * Is everything in the files of the list good? Each mistake is added to *all as
 * a line "FILE: line N: ..."; the first one is in *err (ERR_CONFIG).
 */
MUST_CHECK int list_check_files(struct span list, enum list_kind kind,
				struct buf *all, struct err *err);

#endif
