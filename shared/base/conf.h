/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf.h - the lines of an INI file
 *
 *	# a comment          ; another one
 *	[section]
 *	key = value
 *	key = first part of a long value,
 *	      continued because the line begins with white space
 *
 * A key or section name is letters, digits, "_", "-", ".", and in a section
 * also ":". A value is everything behind "=", trimmed; there is no quoting and
 * no comment behind a value, since "#" and ";" occur in texts. What keys mean
 * is not known here.
 */
#ifndef EDMARC_BASE_CONF_H
#define EDMARC_BASE_CONF_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"

struct conf_entry {
	struct span section; /* empty before the first [section] */
	struct span key;
	struct span value; /* continued lines are joined with one space */
	int line;          /* of the key, counted from 1 */
};

struct conf {
	struct span rest;
	struct span section;
	struct arena *arena; /* for joined values only */
	int line;
};

/* text must stay where it is as long as entries are used. */
struct conf conf_start(struct span text, struct arena *arena);

/*
 * Returns 1 with the next entry, 0 at the end, -1 with the line and the reason
 * (ERR_CONFIG) when a line is neither a comment, a section nor a key. The next
 * call goes on behind the bad line, so one run can list all errors.
 */
MUST_CHECK int
conf_next(struct conf *conf, struct conf_entry *entry, struct err *err);

#endif
