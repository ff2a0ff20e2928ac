/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sent.h - how far we are with the reports we owe (tables sent_*)
 *
 * A report has a row in sent_report from the moment it is planned, and goes
 *
 *	planned -> claimed -> done       a destination has it
 *	                   -> skipped    no destination may have it
 *	                   -> failed     it cannot be made, or its time is over
 *	                   -> postponed  some destination is tried again at due_at
 *
 * Each of its destinations has a row in sent_destination:
 *
 *	planned -> sending -> handed_over
 *	                   -> postponed, failed
 *	        -> refused    may not have it
 *
 * A claim is a lease: while it runs, nobody else touches the report; when its
 * owner dies it runs out, and another takes over. It is renewed with each step,
 * and whoever finds that it is not his any more stops at once. So a report is
 * handed over a second time only when a sender died, or slept longer than
 * SENT_LEASE, between "sending" and "handed_over"; its id, which is fixed when it
 * is planned, stays the same.
 *
 * Any number of machines may do this at one time, on one MariaDB or on several
 * nodes of Galera: each state changes by an UPDATE that names the state before,
 * in a transaction that is repeated when it met another. All times are those of
 * the database, so clocks of senders may be wrong.
 */
#ifndef EDMARC_STORE_SENT_H
#define EDMARC_STORE_SENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "store/database.h"
#include "store/outgoing.h"

/*
 * Seconds of a claim. Longer than anything that is done between two renewals:
 * all questions to the DNS, a document of the largest size, one hand-over.
 */
#define SENT_LEASE 900

enum sent_state {
	SENT_PLANNED,
	SENT_CLAIMED,
	SENT_POSTPONED,
	SENT_DONE,
	SENT_SKIPPED,
	SENT_FAILED,
};

enum sent_to_state {
	SENT_TO_PLANNED,
	SENT_TO_SENDING,
	SENT_TO_POSTPONED,
	SENT_TO_HANDED_OVER,
	SENT_TO_REFUSED,
	SENT_TO_FAILED,
};

const char *sent_state_word(enum sent_state state);
const char *sent_to_state_word(enum sent_to_state state);

/* What the database takes for the time. */
MUST_CHECK int sent_now(struct database *db, int64_t *now, struct err *err);

/*
 * The first day that is reported at all: yesterday, when nobody asked before;
 * note makes it stay so. Switching reporting on is no reason to report what was
 * long ago.
 */
MUST_CHECK int sent_since(struct database *db, int64_t yesterday, bool note,
			  int64_t *first_day, struct err *err);

/* ----------------------------------------------------------------- planning */

/*
 * Note that these reports are owed; their report_id, submitter, due_at and
 * give_up_at are set. What another machine has planned stays as it is.
 */
MUST_CHECK int sent_plan(struct database *db, const struct outgoing_list *list,
			 struct err *err);

/* Let what waits among these be due at once. */
MUST_CHECK int sent_hurry(struct database *db,
			  const struct outgoing_range *range, struct err *err);

/*
 * Forget that these were sent, so that they are sent again under the same id:
 * to one address, or to all when it is "". What is being sent now is left alone.
 * They are tried until give_up_at; *n is their number.
 */
MUST_CHECK int sent_reopen(struct database *db,
			   const struct outgoing_range *range,
			   const char *address, int64_t give_up_at, size_t *n,
			   struct err *err);

/*
 * End what was tried until its give_up_at; *n is the number. The last reason
 * stays with each destination.
 */
MUST_CHECK int sent_give_up(struct database *db, size_t *n, struct err *err);

/*
 * When is the next of these due (planned or postponed)? *due_at is INT64_MAX when
 * nothing waits; *n is how many do.
 */
MUST_CHECK int sent_next(struct database *db,
			 const struct outgoing_range *range, int64_t *due_at,
			 size_t *n, struct err *err);

/* ------------------------------------------------------------ one at a time */

/* *claimed is false when it is not due (any more) or somebody else's. */
MUST_CHECK int sent_claim(struct database *db, const struct outgoing *report,
			  const char *owner, bool *claimed, struct err *err);

/* Where a destination stands that was met before. */
struct sent_to {
	const char *address;
	enum sent_to_state state;
	int attempts; /* that were postponed */
	int64_t wait; /* seconds until it is due again; 0 or less: now */
};

struct sent_to_list {
	struct sent_to *list;
	size_t n;
};

MUST_CHECK int
sent_destinations(struct database *db, const struct outgoing *report,
		  struct arena *arena, struct sent_to_list *destinations,
		  struct err *err);

/* How many mails a minute may go out, from all machines; 0: any number. */
struct sent_limits {
	int per_minute;
	int per_host; /* to one domain */
};

enum sent_turn {
	SENT_TURN_YES,       /* it is "sending": hand it over now */
	SENT_TURN_BEFORE,    /* it was handed over */
	SENT_TURN_HOST_FULL, /* enough mails to its host in this minute */
	SENT_TURN_FULL,      /* enough mails in this minute */
	SENT_TURN_LOST,      /* the report is not ours any more */
};

/*
 * The last step before a mail goes out: renew the claim, count the mail, and
 * note that it is on its way, in one transaction. host is the domain of the
 * address.
 */
MUST_CHECK int sent_begin(struct database *db, const struct outgoing *report,
			  const char *owner, const char *address,
			  const char *host, const struct sent_limits *limits,
			  enum sent_turn *turn, struct err *err);

/* The mail server has it. True whoever has the claim by now. */
MUST_CHECK int sent_handed_over(struct database *db,
				const struct outgoing *report,
				const char *address, struct err *err);

struct sent_note {
	const char *address;
	enum sent_to_state state; /* postponed, refused or failed */
	const char *detail;
	int64_t delay; /* of what is postponed, in seconds */
};

/* *ours is false, and nothing noted, when the claim was lost. */
MUST_CHECK int sent_note(struct database *db, const struct outgoing *report,
			 const char *owner, const struct sent_note *note,
			 bool *ours, struct err *err);

struct sent_result {
	enum sent_state state; /* any but claimed */
	int64_t delay;         /* of what is planned or postponed */
	uint64_t messages;     /* in the document; 0: none was made this time */
	uint64_t rows;
	const char *detail;
};

/*
 * Give the claim back. When the report is finished, destinations that are open
 * but not named any more become refused.
 */
MUST_CHECK int sent_finish(struct database *db, const struct outgoing *report,
			   const char *owner, const struct sent_result *result,
			   bool *ours, struct err *err);

#endif
