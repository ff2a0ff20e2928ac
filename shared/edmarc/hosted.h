/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hosted.h - which domains are ours (setting domains.hosted)
 *
 * Files with one domain a line, as Exim's lists have them: what follows the name
 * behind a colon or white space is ignored, and so are "#" comments.
 */
#ifndef EDMARC_EDMARC_HOSTED_H
#define EDMARC_EDMARC_HOSTED_H

#include <stddef.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"

struct hosted {
	const char **domain; /* A-labels, sorted as strcmp() does, each once */
	size_t n;
};

/*
 * Read all files, separated by commas or white space. What is no domain name
 * (such as "*.example.org") is logged with file and line, and left out. A file
 * that cannot be read is ERR_CONFIG.
 */
MUST_CHECK int hosted_read(const char *files, struct arena *arena,
			   struct hosted *hosted, struct err *err);

#endif
