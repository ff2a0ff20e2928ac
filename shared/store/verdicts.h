/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verdicts.h - what our servers saw: journal lines into counted rows
 *
 * A batch groups lines in memory by everything a report row tells apart (R7.2),
 * so that a burst of equal messages costs one row; the tables add it to what is
 * there. The rows of a batch and the new position in the journal segment are
 * stored in one transaction, which is what makes loading exactly once.
 */
#ifndef EDMARC_STORE_VERDICTS_H
#define EDMARC_STORE_VERDICTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"
#include "journal/entry.h"
#include "store/columns.h"
#include "store/database.h"

#define MAX_BATCH_ENTRIES    5000 /* of one transaction: Galera likes them small */
/* Domains that the messages of a batch went to; a batch with more is full. */
#define MAX_BATCH_RECIPIENTS 10000
#define MAX_BATCH_BYTES      ((size_t)64 * 1024 * 1024)

/* verdict_policy */
struct verdict_policy {
	struct column_hash hash;
	struct span policy_domain;
	const char *method;
	const char *p;
	const char *sp;
	const char *np;
	const char *adkim;
	const char *aspf;
	const char *fo;
	const char *testing;
	unsigned pct;
	struct span rua;
	struct span faults;
};

/* verdict_row */
struct verdict_row {
	int64_t day; /* its first second */
	struct column_hash policy;
	struct column_hash hash;
	struct span mta;
	const char *result;
	struct span header_from;
	struct column_address source;
	struct span envelope_from;
	struct span envelope_to;
	const char *disposition;
	bool dkim_aligned;
	bool spf_aligned;
	struct span reasons;
	struct span auth_results;
	int64_t count;
	int64_t first;
	int64_t last;
};

/* recipient_domain: a domain that mail was accepted for. */
struct verdict_recipient {
	struct span domain;
	int64_t day; /* the last one, its first second */
};

struct verdict_batch;

/* NULL when there is no memory. */
MUST_CHECK struct verdict_batch *verdict_batch_new(void);
void verdict_batch_free(struct verdict_batch **batch);

/*
 * From now on messages are told apart by the domain they went to as well, if it
 * is one (R7.2: envelope_to). More rows, and what people send to whom is told to
 * strangers, so nobody has that who did not ask for it.
 */
void verdict_batch_by_recipient(struct verdict_batch *batch, bool yes);

/* Empty again. */
void verdict_batch_reset(struct verdict_batch *batch);

/*
 * Count one message; nothing of the entry is referred to afterwards. Returns
 * ERR_INPUT when it cannot be stored whatever we do, ERR_LIMIT when the batch is
 * full: store it, reset it, and add the entry again.
 */
MUST_CHECK int verdict_batch_add(struct verdict_batch *batch,
				 const struct entry *entry, struct err *err);

/* What was grouped, sorted by the primary keys; until the next add or reset. */
const struct verdict_row *const *
verdict_batch_rows(struct verdict_batch *batch, size_t *n);
const struct verdict_policy *const *
verdict_batch_policies(struct verdict_batch *batch, size_t *n);

const struct verdict_recipient *const *
verdict_batch_recipients(struct verdict_batch *batch, size_t *n);

/* Add the batch to the tables. Inside a transaction. */
MUST_CHECK int verdict_batch_store(struct database *db,
				   struct verdict_batch *batch,
				   struct err *err);

/* How far a journal segment was loaded. */
struct segment_state {
	int64_t position;
	bool done;
};

/* A segment that is not known yet is at 0. */
MUST_CHECK int segment_find(struct database *db, struct span name,
			    struct segment_state *state, struct err *err);

struct segment_step {
	struct span name;
	int64_t from; /* where the segment has to stand now */
	int64_t to;
	int64_t lines; /* loaded and bad ones of this step */
	int64_t bad;
	bool done;
	int64_t now;
};

/*
 * Move the position, inside the transaction that stores the batch. ERR_TEMP when
 * the segment does not stand at from: somebody else is loading it.
 */
MUST_CHECK int segment_move(struct database *db,
			    const struct segment_step *step, struct err *err);

#endif
