/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/schedule.h"

#include <time.h>

#include "base/log.h"
#include "base/utc.h"
#include "dns/cares.h"
#include "report/names.h"
#include "store/sent.h"

#define BATCH      50 /* due reports that are looked up at once */
#define DRY_LIMIT  1000000
#define MAX_MEMORY ((size_t)512 * 1024 * 1024) /* of the reports of a day */

int64_t schedule_last_day(const struct settings *settings, int64_t now)
{
	return utc_day_begin(now - settings->send_after) - UTC_DAY;
}

int64_t schedule_due(const char *report_id, int64_t now, int over)
{
	uint64_t digits = 0;
	size_t i;

	/* The id is in lower case hexadecimal digits. */
	for (i = 0; i < 8 && report_id[i] != '\0'; i++) {
		unsigned char c = (unsigned char)report_id[i];

		digits = digits * 16 + (c <= '9' ? c & 15U : (c & 7U) + 9);
	}
	return now + (int64_t)(digits * (uint64_t)over >> 32);
}

/* ------------------------------------------------------------------ planning */

static int name_reports(struct schedule *schedule, struct outgoing_list *list,
			struct arena *arena, struct err *err)
{
	const struct send_job *job = schedule->job;
	const struct settings *settings = job->settings;
	int over = schedule->by_hand ? 0 : settings->send_over;
	size_t i;

	for (i = 0; i < list->n; i++) {
		struct outgoing *report = &list->reports[i];
		struct span policy = { (const char *)report->policy.bytes,
				       sizeof(report->policy.bytes) };
		struct report_id id =
			report_id_make(report->day, policy, job->submitter);

		report->report_id = arena_copy(arena, span_of(id.text)).p;
		if (report->report_id == NULL)
			return err_set(err, ERR_LIMIT, "out of memory");
		report->submitter = job->submitter;
		report->due_at =
			schedule_due(report->report_id, job->now, over);
		report->give_up_at =
			job->now + (settings->catch_up_days + 1) * UTC_DAY;
	}
	return 0;
}

static int find_unplanned(struct schedule *schedule, int64_t day,
			  struct arena *arena, struct outgoing_list *list,
			  struct err *err)
{
	const struct send_job *job = schedule->job;

	if (outgoing_unplanned(job->db, day, schedule->range.domain,
			       job->submitter, arena, list, err) < 0)
		return -1;
	return name_reports(schedule, list, arena, err);
}

static int plan_day(struct schedule *schedule, int64_t day, struct arena *arena,
		    struct err *err)
{
	struct outgoing_list list;

	arena_reset(arena);
	if (find_unplanned(schedule, day, arena, &list, err) < 0 ||
	    sent_plan(schedule->job->db, &list, err) < 0)
		return -1;
	if (list.n > 0)
		log_debug("%s: %zu reports planned", utc_date(day).text,
			  list.n);
	schedule->planned += list.n;
	return 0;
}

int schedule_days(const struct send_job *job, bool note, int64_t *first,
		  int64_t *last, struct err *err)
{
	int64_t since;

	*last = schedule_last_day(job->settings, job->now);
	if (sent_since(job->db, *last, note, &since, err) < 0)
		return -1;
	*first = *last - job->settings->catch_up_days * UTC_DAY;
	if (*first < since)
		*first = since;
	return 0;
}

int schedule_plan(struct schedule *schedule, struct err *err)
{
	int64_t first = schedule->range.first, last = schedule->range.last;
	struct send_job *job = schedule->job;
	struct arena *arena;
	int64_t day;
	int result = 0;

	if (sent_now(job->db, &job->now, err) < 0 ||
	    (!schedule->by_hand &&
	     schedule_days(job, true, &first, &last, err) < 0))
		return -1;
	arena = arena_new(MAX_MEMORY);
	if (arena == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	for (day = first; day <= last && result == 0; day += UTC_DAY)
		result = plan_day(schedule, day, arena, err);
	arena_free(&arena);
	return result;
}

/* -------------------------------------------------------------------- running */

static void count(struct schedule *schedule, enum send_outcome outcome)
{
	switch (outcome) {
	case SEND_DONE:
		schedule->sent++;
		return;
	case SEND_SKIPPED:
		schedule->skipped++;
		return;
	case SEND_POSTPONED:
		schedule->postponed++;
		return;
	case SEND_FAILED:
		schedule->failed++;
		return;
	case SEND_OTHERS:
	case SEND_FULL:
	case SEND_STOPPED:
		return;
	}
}

/* Until one of them says that we have to wait, or to end; that is *last. */
static int send_all(struct schedule *schedule, const struct outgoing_list *list,
		    enum send_outcome *last, struct err *err)
{
	struct send_job *job = schedule->job;
	size_t i;

	*last = SEND_DONE;
	for (i = 0; i < list->n; i++) {
		if (send_wait(job, 0)) {
			*last = SEND_STOPPED;
			return 0;
		}
		if (job->dns_restarts)
			cares_restart(job->dns);
		if (send_report(job, &list->reports[i], last, err) < 0)
			return -1;
		count(schedule, *last);
		if (*last == SEND_FULL || *last == SEND_STOPPED)
			return 0;
	}
	return 0;
}

/* How long until it makes sense to look again; -1: it does not. */
static int64_t
pause_for(const struct schedule *schedule, bool full, int64_t stay_until)
{
	int64_t now = schedule->job->now;
	int64_t pause = 60 - now % 60; /* then there is room again */

	if (!full && schedule->next_at > now)
		pause = schedule->next_at - now;
	if (!full && schedule->next_at <= now)
		pause = 1;
	if (schedule->next_at == INT64_MAX || pause > SCHEDULE_SOON)
		return -1;
	if (!schedule->by_hand && now + pause > stay_until)
		return -1;
	return pause;
}

/* One look at what is due. 1 to look again, 0 at the end, -1. */
static int one_round(struct schedule *schedule, struct arena *arena,
		     int64_t stay_until, struct err *err)
{
	struct send_job *job = schedule->job;
	struct outgoing_list list;
	enum send_outcome last;
	int64_t pause;

	arena_reset(arena);
	if (outgoing_planned(job->db, &schedule->range, OUTGOING_DUE, BATCH,
			     arena, &list, err) < 0 ||
	    send_all(schedule, &list, &last, err) < 0 ||
	    sent_now(job->db, &job->now, err) < 0 ||
	    sent_next(job->db, &schedule->range, &schedule->next_at,
		      &schedule->waiting, err) < 0)
		return -1;
	if (last == SEND_STOPPED)
		return 0;
	if (list.n > 0 && last != SEND_FULL)
		return 1;
	pause = pause_for(schedule, last == SEND_FULL, stay_until);
	if (pause < 0)
		return 0;
	log_debug("%zu reports wait, the next one for %lld seconds",
		  schedule->waiting, (long long)pause);
	return send_wait(job, pause) ? 0 : 1;
}

int schedule_run(struct schedule *schedule, struct err *err)
{
	struct send_job *job = schedule->job;
	struct arena *arena = arena_new(MAX_MEMORY);
	int64_t stay_until;
	size_t given_up;
	int more = 1;

	if (arena == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	if (sent_give_up(job->db, &given_up, err) < 0 ||
	    sent_now(job->db, &job->now, err) < 0)
		more = -1;
	else
		schedule->failed += given_up;
	stay_until = job->now + SCHEDULE_STAY;
	while (more > 0)
		more = one_round(schedule, arena, stay_until, err);
	arena_free(&arena);
	return more;
}

/* -------------------------------------------------------------------- dry run */

static int dry_all(struct schedule *schedule, const struct outgoing_list *list,
		   struct err *err)
{
	enum send_outcome outcome;
	size_t i;

	schedule->planned += list->n;
	for (i = 0; i < list->n; i++) {
		if (schedule->job->dns_restarts)
			cares_restart(schedule->job->dns);
		if (send_dry(schedule->job, &list->reports[i], &outcome, err) <
		    0)
			return -1;
		count(schedule, outcome);
	}
	return 0;
}

static int dry_day(struct schedule *schedule, int64_t day, struct arena *arena,
		   struct err *err)
{
	const struct outgoing_range range = { day, day,
					      schedule->range.domain };
	struct outgoing_list list;

	arena_reset(arena);
	if (outgoing_planned(schedule->job->db, &range, OUTGOING_ALL, DRY_LIMIT,
			     arena, &list, err) < 0 ||
	    dry_all(schedule, &list, err) < 0)
		return -1;
	arena_reset(arena);
	if (find_unplanned(schedule, day, arena, &list, err) < 0)
		return -1;
	return dry_all(schedule, &list, err);
}

int schedule_dry(struct schedule *schedule, struct err *err)
{
	struct arena *arena = arena_new(MAX_MEMORY);
	int64_t day;
	int result = 0;

	if (arena == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	for (day = schedule->range.first;
	     day <= schedule->range.last && result == 0; day += UTC_DAY)
		result = dry_day(schedule, day, arena, err);
	arena_free(&arena);
	return result;
}
