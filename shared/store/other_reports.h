/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * other_reports.h - failure reports and TLS reports of a mail, in memory and
 * into their tables
 *
 * They come with a mail like aggregate reports (reports.h), but are few and
 * small, so they wait in memory until the mail's own transaction. For the files
 * of this folder.
 */
#ifndef EDMARC_STORE_OTHER_REPORTS_H
#define EDMARC_STORE_OTHER_REPORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"
#include "report/carrier.h"
#include "report/failure.h"
#include "report/tls.h"
#include "store/bounces.h"
#include "store/columns.h"
#include "store/database.h"

#define MAX_ITEM_COLUMNS 21 /* of a failure report */

/* A row to be: the columns behind its owner and its number. */
struct other_item {
	struct other_item *next;
	struct db_value value[MAX_ITEM_COLUMNS];
};

/* Rows of one owner, the last one first. */
struct other_items {
	struct other_item *last;
	size_t n;
};

struct tls_item {
	struct tls_item *next;
	struct column_hash key;
	enum authenticated authenticated;
	struct db_value auth_domain;
	struct db_value org_name;
	struct db_value contact;
	struct db_value report_id;
	int64_t begin;
	int64_t end;
	struct other_items policies;
	struct other_items failures;
};

/* All of one mail; zero at the start. The one that came last stands first. */
struct other_reports {
	struct other_items failures;
	struct tls_item *tls;
	size_t n_tls;
	struct bounce_item *bounce; /* or NULL */
};

/* Is there one at all? */
static inline bool other_reports_any(const struct other_reports *others)
{
	return others->failures.n > 0 || others->n_tls > 0 ||
	       others->bounce != NULL;
}

/*
 * Keep what the reader says, as columns in the arena. -1 when there is no room
 * (ERR_LIMIT).
 */
MUST_CHECK int failure_keep(struct other_reports *others,
			    const struct failure_report *report, int64_t now,
			    struct arena *arena, struct err *err);
MUST_CHECK int
tls_keep(struct other_reports *others, const struct tls_head *head,
	 const struct carrier *carrier, struct arena *arena, struct err *err);
MUST_CHECK int tls_keep_policy(struct other_reports *others,
			       const struct tls_policy *policy,
			       struct arena *arena, struct err *err);
MUST_CHECK int tls_keep_failure(struct other_reports *others,
				const struct tls_failure *failure,
				struct arena *arena, struct err *err);

/* Forget the TLS report that came last: it is refused. */
void tls_void(struct other_reports *others);

/* A mail whose reports are stored. */
struct other_mail {
	struct span name;
	int64_t now;
	bool known; /* it was stored before: what it brought then goes */
};

/*
 * Inside a transaction. *stored and *duplicates count; a TLS report that is there
 * by another mail already is a duplicate, unless only this mail passed DMARC as the
 * reporter: then it takes the place of the other (reports.h).
 */
MUST_CHECK int other_reports_insert(struct database *db,
				    const struct other_reports *others,
				    const struct other_mail *mail, int *stored,
				    int *duplicates, struct err *err);

/*
 * Remove failure reports that came before this time: they hold personal data.
 * Only some at a time, for Galera; *removed is how many.
 */
MUST_CHECK int failure_reports_expire(struct database *db, int64_t before,
				      uint64_t *removed, struct err *err);

#endif
