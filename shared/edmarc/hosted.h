/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hosted.h - which domains are ours (section [domains] of the settings)
 *
 * From up to three sources together:
 *	hosted           files, patterns of files, and folders. A file has one
 *	                 domain a line, as Exim's lists and cPanel's have them:
 *	                 what follows the name behind a colon or white space is
 *	                 ignored, and so are "#" comments. In a folder the names
 *	                 of the entries are the domains, as Exim's dsearch has it
 *	hosted_query     the first column of an SQL answer
 *	hosted_accepted  what Exim accepted mail for lately (recipient_domain)
 */
#ifndef EDMARC_EDMARC_HOSTED_H
#define EDMARC_EDMARC_HOSTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "dmarc/settings.h"
#include "store/database.h"

/* A domain that gets no mail for so long is given up (hosted_accepted). */
#define HOSTED_ACCEPTED_DAYS 90

struct hosted {
	bool configured; /* there is a source; otherwise all domains are ours */
	const char **domain; /* A-labels, sorted as strcmp() does, each once */
	size_t n;
};

/*
 * Read all sources. What is no domain name (such as "*.example.org") is logged
 * with its place and left out. A file that cannot be read and a query that the
 * server refuses are ERR_CONFIG; a pattern may match nothing in a folder
 * that is there. db may be NULL, to
 * look at the files only.
 */
MUST_CHECK int hosted_read(const struct settings *settings, struct database *db,
			   int64_t now, struct arena *arena,
			   struct hosted *hosted, struct err *err);

/* Is it ours: in the list, or below a domain that is, or is there no list? */
bool hosted_has(const struct hosted *hosted, const char *domain);

#endif
