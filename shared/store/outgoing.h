/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * outgoing.h - the reports we owe (R7.x, R8.x)
 *
 * A report is made for each UTC day and policy configuration that has messages
 * and a rua (R7.1, R7.9): one for all machines together. sent.h has what became
 * of it.
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
	/* When it is planned; what outgoing_unplanned() lists has none of it. */
	const char *report_id;
	const char *submitter; /* our domain in its names; "" in old rows */
	const char *state;     /* a word of sent_report, or "" */
	int64_t due_at;
	int64_t give_up_at;
	int attempts;
};

struct outgoing_list {
	struct outgoing *reports;
	size_t n;
};

struct outgoing_range {
	int64_t first;      /* a day; its first second */
	int64_t last;       /* another one, or the same */
	const char *domain; /* policy domain, or "" for all */
};

/*
 * The reports of a day that were not planned so far, by policy domain; of one
 * policy domain when domain is not "". own_domain is the domain we send from: a
 * report whose every message is mail of that domain which passed is left out,
 * because those are our own reports coming by, and would be the reason for the
 * next one (R8.15). Nor are messages with a null sender a reason for a report,
 * though they are counted in one.
 */
MUST_CHECK int outgoing_unplanned(struct database *db, int64_t day,
				  const char *domain, const char *own_domain,
				  struct arena *arena,
				  struct outgoing_list *list, struct err *err);

enum outgoing_which {
	OUTGOING_DUE, /* now: their time has come, or their sender is gone */
	OUTGOING_ALL,
};

/* At most limit planned reports, those that are due longest first. */
MUST_CHECK int
outgoing_planned(struct database *db, const struct outgoing_range *range,
		 enum outgoing_which which, size_t limit, struct arena *arena,
		 struct outgoing_list *list, struct err *err);

#endif
