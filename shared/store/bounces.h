/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bounces.h - reports that came back, and what follows
 *
 * The address that a bounce came to says which report it is about (report/verp.h)
 * and nobody else can make one. A report that failed for good keeps all others
 * from its address for some days, and for more each time this happens again
 * after a trial. One that failed for now is only noted.
 */
#ifndef EDMARC_STORE_BOUNCES_H
#define EDMARC_STORE_BOUNCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"
#include "report/bounce.h"
#include "report/verp.h"
#include "store/database.h"

/*
 * After so many days without another bounce, a trial has arrived: mail servers
 * give up after four or five (RFC 5321 4.5.4.1). Then bounces count anew.
 */
#define BOUNCE_DAYS 5

/* How long bounces, and addresses that nobody writes to any more, are kept. */
#define BOUNCE_KEEP_DAYS 90

#define MAX_SUPPRESS_STEPS 10
#define MAX_SUPPRESS_DAYS  3650

/* Days for the first, second ... bounce in a row; the last for all more. */
struct suppress_steps {
	int days[MAX_SUPPRESS_STEPS];
	size_t n; /* 0: bounces are only noted */
};

/* "1, 3, 10, 30": 1 to MAX_SUPPRESS_DAYS each. */
MUST_CHECK bool
suppress_steps_parse(struct span text, struct suppress_steps *steps);

/* A bounce as it is stored; texts in an arena, cut to their columns. */
struct bounce_item {
	struct verp verp;
	struct suppress_steps steps;
	enum bounce_kind kind;
	struct span status;
	struct span diagnostic;
	struct span reporter;
};

/* Keep what the reader says, in the arena; NULL without memory. */
struct bounce_item *
bounce_keep(const struct bounce *bounce, const struct verp *verp,
	    const struct suppress_steps *steps, struct arena *arena);

/*
 * Store one and draw the conclusions; inside a transaction. A mail of this name
 * that was stored before changes nothing.
 */
MUST_CHECK int bounce_store(struct database *db, const struct bounce_item *item,
			    struct span mail_name, int64_t now,
			    struct err *err);

/* Remove some that were stored before this time; *removed is how many. */
MUST_CHECK int bounces_expire(struct database *db, int64_t before,
			      uint64_t *removed, struct err *err);

#endif
