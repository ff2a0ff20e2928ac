/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schedule.h - which report goes when
 *
 * A day is planned when it is over and send_after has passed, by which time the
 * verdicts of all machines should be loaded. Each of its reports then gets a time
 * within the next send_over, which follows from its id, so that neither our mail
 * server nor a host that collects for many domains gets all at once. Plan and
 * times stand in the database: any run, on any machine, goes on with them.
 *
 * What was not planned in time, because nothing ran, is made up for up to
 * catch_up_days before yesterday, but not from before reporting was switched on.
 */
#ifndef EDMARC_EDMARC_SCHEDULE_H
#define EDMARC_EDMARC_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/err.h"
#include "edmarc/send.h"
#include "store/outgoing.h"

/*
 * A run that nobody waits for goes on for what is due soon, but no longer than
 * this, so that a timer may start one every ten minutes.
 */
#define SCHEDULE_STAY 540
#define SCHEDULE_SOON 120

struct schedule {
	struct send_job *job;
	struct outgoing_range range;
	bool by_hand; /* somebody named a day or a domain: all of it, now */
	/* what was done */
	size_t planned;
	size_t sent;
	size_t skipped;
	size_t postponed;
	size_t failed;
	size_t waiting;  /* when we ended */
	int64_t next_at; /* INT64_MAX: nothing waits */
};

/* The last day that is over since send_after, and can be reported. */
int64_t schedule_last_day(const struct settings *settings, int64_t now);

/*
 * When a report that is planned now is sent: in a window of over seconds from
 * then on, or from when its day can be reported.
 */
int64_t schedule_due(const char *report_id, int64_t now, int over);

/*
 * The days that a run looks at by itself, by job->now. note makes the first one
 * of all stay the first one.
 */
MUST_CHECK int schedule_days(const struct send_job *job, bool note,
			     int64_t *first, int64_t *last, struct err *err);

/* Plan what is not planned. */
MUST_CHECK int schedule_plan(struct schedule *schedule, struct err *err);

/*
 * Send what is due, until nothing is, or we shall end. -1 when it cannot go on;
 * the numbers are then those until there.
 */
MUST_CHECK int schedule_run(struct schedule *schedule, struct err *err);

/* Say what would be sent of the days and domains in range. */
MUST_CHECK int schedule_dry(struct schedule *schedule, struct err *err);

#endif
