/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spool_dir.h - the directories of the report spool and the names in them
 *
 * For the files of this folder; others use report_spool.h and set_aside.h, which
 * say what the directories are for. part is "tmp", "new" or "bad".
 */
#ifndef EDMARC_JOURNAL_SPOOL_DIR_H
#define EDMARC_JOURNAL_SPOOL_DIR_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"
#include "journal/report_spool.h"

/* Open and judge (report_spool.h): the spool, a part of an open one, or both. */
MUST_CHECK int spool_open_top(const char *directory, struct err *err);
MUST_CHECK int spool_open_part(int top, const char *directory, const char *part,
			       struct err *err);
MUST_CHECK int
spool_open_dir(const char *directory, const char *part, struct err *err);

/*
 * A mail of a part that is open as dir, read-only: what is no regular file is ERR_INPUT, what is not
 * there or cannot be read now ERR_TEMP.
 */
MUST_CHECK int spool_open_mail(int dir, const char *directory, const char *part,
			       const char *name, struct err *err);

bool spool_is_name_char(char c);

/* A C string of a name that could be ours; false when it is not. */
bool spool_name_text(struct span name, char text[MAX_REPORT_NAME + 1]);
int spool_refuse_name(struct err *err, struct span name);

/* A stream of the entries; NULL with *err set. */
DIR *spool_stream(const char *directory, const char *part, struct err *err);

/* The next name that could be ours; 1, 0 at the end, -1 with errno set. */
MUST_CHECK int spool_next_name(DIR *dir, struct span *name);

/*
 * The names in a part, oldest first, in the arena: at most max, and no more than
 * the arena holds.
 */
MUST_CHECK int spool_names(const char *directory, const char *part, size_t max,
			   struct arena *arena, struct span **names, size_t *n,
			   struct err *err);

#endif
