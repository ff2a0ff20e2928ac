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

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"
#include "report/failure.h"
#include "report/tls.h"
#include "store/columns.h"
#include "store/database.h"

#define FAILURE_COLUMNS     20
#define TLS_POLICY_COLUMNS  5
#define TLS_FAILURE_COLUMNS 8

struct failure_item {
	struct failure_item *next;
	struct db_value value[FAILURE_COLUMNS];
};

struct tls_failure_item {
	struct tls_failure_item *next;
	int64_t policy; /* from 1 */
	struct db_value value[TLS_FAILURE_COLUMNS];
};

struct tls_policy_item {
	struct tls_policy_item *next;
	struct db_value value[TLS_POLICY_COLUMNS];
};

struct tls_item {
	struct tls_item *next;
	struct column_hash key;
	struct db_value org_name;
	struct db_value contact;
	struct db_value report_id;
	int64_t begin;
	int64_t end;
	struct tls_policy_item *policies; /* the last one first */
	int64_t n_policies;
	struct tls_failure_item *failures;
	int64_t n_failures;
};

/* All of one mail; zero at the start. The one that came last stands first. */
struct other_reports {
	struct failure_item *failures;
	size_t n_failures;
	struct tls_item *tls;
	size_t n_tls;
};

/*
 * Keep what the reader says, as columns in the arena. -1 when there is no room
 * (ERR_LIMIT).
 */
MUST_CHECK int failure_keep(struct other_reports *others,
			    const struct failure_report *report,
			    struct arena *arena, struct err *err);
MUST_CHECK int tls_keep(struct other_reports *others,
			const struct tls_head *head, struct arena *arena,
			struct err *err);
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
 * by another mail already is a duplicate.
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
