/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * suppressions.h - addresses that get no reports for a while
 *
 * An address is suppressed by hand, or since a report to it came back for good
 * (bounces.h). What is stored is a pattern as address_pattern() makes it.
 */
#ifndef EDMARC_STORE_SUPPRESSIONS_H
#define EDMARC_STORE_SUPPRESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"
#include "store/database.h"

/* Of patterns in memory: some thousand times what has been seen anywhere. */
#define MAX_SUPPRESSIONS_BYTES ((size_t)256 * 1024 * 1024)

enum suppression_origin {
	SUPPRESSED_BY_BOUNCE,
	SUPPRESSED_BY_HAND,
};

const char *suppression_origin_name(enum suppression_origin origin);

struct suppression {
	struct span pattern;
	enum suppression_origin origin;
	struct span reason;
	int64_t bounces; /* in a row */
	int64_t added_at;
	int64_t until_at; /* 0: until it is removed */
	int64_t tried_at; /* first mail after until_at; 0: none yet */
};

/* Is it over? Such a row is kept to make the next time longer. */
static inline bool
suppression_is_over(const struct suppression *suppression, int64_t now)
{
	return suppression->until_at != 0 && suppression->until_at <= now;
}

/* Add one by hand, or put this in its place. until 0: until it is removed. */
MUST_CHECK int suppression_add(struct database *db, struct span pattern,
			       struct span reason, int64_t until, int64_t now,
			       struct err *err);

/* *removed is false when there is none. */
MUST_CHECK int suppression_remove(struct database *db, struct span pattern,
				  bool *removed, struct err *err);

/* All of them, in memory. */
struct suppressions;

/*
 * Read them; again, if *suppressions is not NULL, which then can be used as
 * before when the result is -1. Whoever sends for hours does it from time to
 * time.
 */
MUST_CHECK int suppressions_load(struct suppressions **suppressions,
				 struct database *db, struct err *err);
void suppressions_free(struct suppressions **suppressions);

/* In the order of the patterns. */
const struct suppression *
suppressions_list(const struct suppressions *suppressions, size_t *n);

/*
 * What keeps mail from this address now, or NULL. The most exact pattern is
 * told. Letter case does not matter.
 */
const struct suppression *
suppressions_find(const struct suppressions *suppressions, struct span address,
		  int64_t now);

/*
 * Was the address suppressed by a bounce that is over, and never tried since?
 * Then suppression_tried() has to be called when a mail goes out.
 */
bool suppressions_is_trial(const struct suppressions *suppressions,
			   struct span address, int64_t now);

MUST_CHECK int suppression_tried(struct database *db, struct span address,
				 int64_t now, struct err *err);

/*
 * Remove what is over: rows made by hand at once, those by bounces when a mail
 * was tried and did not come back, or when nothing was sent for a long time.
 * Only some at a time; *removed is how many.
 */
MUST_CHECK int suppressions_expire(struct database *db, int64_t now,
				   uint64_t *removed, struct err *err);

#endif
