/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * outgoing.h - the reports we owe, and how far we are with them (R7.x, R8.x)
 *
 * A report is made for each UTC day and policy configuration that has messages
 * and a rua (R7.1, R7.9). Its row in sent_report goes
 *
 *	planned -> claimed -> done      at least one destination got it
 *	                   -> skipped   no destination may have it
 *	                   -> failed    it cannot be made; given up
 *	                   -> planned   some destination has to be tried again
 *
 * and each of its addresses has a row in sent_destination. A claim is a lease:
 * what was claimed by a machine that died is taken over when it has run out.
 * What was handed over is never handed over again; only a crash between the
 * hand-over and its record repeats one, under the same report id.
 */
#ifndef EDMARC_STORE_OUTGOING_H
#define EDMARC_STORE_OUTGOING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"
#include "dmarc/words.h"
#include "store/columns.h"
#include "store/database.h"

/* A report to be made. Texts live in the arena it was listed with. */
struct outgoing {
	int64_t day; /* its first second */
	struct column_hash policy;
	const char *policy_domain;
	enum discovery_method method;
	struct span rua; /* as published */
	uint64_t messages;
	uint64_t stored_rows; /* of all machines; those of the report or more */
	/* effective values for policy_published (R7.4) */
	enum dmarc_policy p;
	enum dmarc_policy sp;
	enum dmarc_policy np;
	struct span adkim;
	struct span aspf;
	struct span fo;
	struct span testing;
	struct span pct;
	struct span faults; /* R7.7; or "" */
};

struct outgoing_list {
	struct outgoing *reports; /* by policy domain */
	size_t n;
};

/*
 * All reports of a day; of one policy domain when domain is not "". own_domain
 * is the domain we send from: a report whose every message is mail of that
 * domain which passed is left out, because those are our own reports coming by,
 * and would be the reason for the next one (R8.15).
 */
MUST_CHECK int outgoing_find(struct database *db, int64_t day,
			     const char *domain, const char *own_domain,
			     struct arena *arena, struct outgoing_list *list,
			     struct err *err);

/*
 * Days from first to before last with reports that are planned or claimed, in
 * order, in the arena.
 */
MUST_CHECK int outgoing_unfinished_days(struct database *db, int64_t first,
					int64_t last, struct arena *arena,
					int64_t **days, size_t *n,
					struct err *err);

/*
 * Note that a report is owed (unless that is known) and claim it until
 * lease_until. *claimed is false when it is finished or somebody else's.
 */
MUST_CHECK int
outgoing_claim(struct database *db, const struct outgoing *report,
	       const char *report_id, const char *owner, int64_t now,
	       int64_t lease_until, bool *claimed, struct err *err);

enum outgoing_state {
	OUTGOING_PLANNED,
	OUTGOING_DONE,
	OUTGOING_SKIPPED,
	OUTGOING_FAILED,
};

struct outgoing_result {
	enum outgoing_state state;
	uint64_t messages;
	uint64_t rows;
	const char *detail;
};

/* Give a claim back with its outcome; ERR_TEMP when it is no longer ours. */
MUST_CHECK int
outgoing_finish(struct database *db, const struct outgoing *report,
		const char *owner, int64_t now,
		const struct outgoing_result *result, struct err *err);

enum outgoing_destination_state {
	TO_PLANNED,
	TO_HANDED_OVER,
	TO_REFUSED,
	TO_POSTPONED,
	TO_FAILED,
};

/* Was the report handed over for this address before? */
MUST_CHECK int outgoing_is_handed_over(struct database *db,
				       const struct outgoing *report,
				       const char *address, bool *handed_over,
				       struct err *err);

MUST_CHECK int outgoing_note(struct database *db, const struct outgoing *report,
			     const char *address,
			     enum outgoing_destination_state state,
			     const char *detail, int64_t now, struct err *err);

#endif
