/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * send_work.h - one report on its way, for send.c and send_dry.c
 */
#ifndef EDMARC_EDMARC_SEND_WORK_H
#define EDMARC_EDMARC_SEND_WORK_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "edmarc/hand_over.h"
#include "edmarc/send.h"
#include "report/destinations.h"
#include "report/names.h"
#include "store/outgoing_write.h"
#include "store/sent.h"

/* Why the deliveries of a report came to an early end. */
enum cut {
	CUT_NOT,
	CUT_LOST,    /* the claim is somebody else's */
	CUT_FULL,    /* enough mails in this minute */
	CUT_STOPPED, /* we shall end */
};

/* One report on its way. */
struct work {
	struct send_job *job;
	const struct outgoing *report;
	struct arena *arena;
	struct report_names names;
	struct destinations to;
	struct sent_to_list before; /* where they stood when we claimed it */
	int document;               /* the compressed report, or -1 */
	struct outgoing_told told;
	/* how destinations fared; what was handed over before counts too */
	size_t handed_over;
	size_t postponed;
	size_t failed;
	int64_t delay;      /* until the first one is tried again */
	const char *detail; /* the last thing that went wrong, or "" */
	enum cut cut;
};

typedef int
work_steps(struct work *work, enum send_outcome *outcome, struct err *err);

/* Run steps with a new work, and release what they left in it. */
MUST_CHECK int work_run(struct send_job *job, const struct outgoing *report,
			work_steps *steps, enum send_outcome *outcome,
			struct err *err);

/*
 * Names, gates and destinations. What is closed has no destination, and the
 * reason in work->detail.
 */
MUST_CHECK int work_prepare(struct work *work, struct err *err);

/* The mail of this report. */
struct parcel work_parcel(const struct work *work);

/* When rows were left out, say so in work->detail. */
MUST_CHECK int work_note_left_out(struct work *work, struct err *err);

/*
 * With the document: RFC 7489 lets a destination limit the size, and RFC 9989 has
 * that ignored (R1.14).
 */
void work_refuse_by_size(struct work *work);

/* A fault on our side: the first one is told to the administrator. */
void work_in_trouble(struct send_job *job, const char *what, const char *why);

#endif
