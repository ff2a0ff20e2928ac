/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/send_status.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "store/columns.h"
#include "store/sent_status.h"

#define MAX_MEMORY ((size_t)1024 * 1024) /* the texts of one report */

/* What is printed between two days or reports. */
struct status_job {
	struct send_print *print;
	struct arena *arena; /* of the report at hand */
	struct send_print_report report;
	struct column_hash policy;
	bool open; /* a report is being printed */
	struct send_print_day days[SEND_STATUS_DAYS];
	size_t n_days;
};

static void count_report(struct status_job *job)
{
	const struct send_print_report *report = &job->report;
	struct send_print_day *day;

	if (job->n_days == 0 || job->days[job->n_days - 1].day != report->day)
		job->days[job->n_days++].day = report->day;
	day = &job->days[job->n_days - 1];
	day->planned++;
	day->late += report->late;
	if (strcmp(report->state, "done") == 0)
		day->sent++;
	else if (strcmp(report->state, "skipped") == 0)
		day->skipped++;
	else if (strcmp(report->state, "postponed") == 0)
		day->postponed++;
	else if (strcmp(report->state, "failed") == 0)
		day->failed++;
	else
		day->waiting++;
}

static void end_report(struct status_job *job)
{
	if (job->open)
		send_print_report_end(job->print);
	job->open = false;
}

static int start_report(struct status_job *job,
			const struct sent_status *status, struct err *err)
{
	bool done = strcmp(status->state, "done") == 0;
	bool waits = strcmp(status->state, "planned") == 0 ||
		     strcmp(status->state, "postponed") == 0;
	struct send_print_report *report = &job->report;

	end_report(job);
	arena_reset(job->arena);
	*report = (struct send_print_report){
		.day = status->day,
		.policy_domain =
			arena_copy(job->arena, span_of(status->policy_domain))
				.p,
		.report_id =
			arena_copy(job->arena, span_of(status->report_id)).p,
		.state = arena_copy(job->arena, span_of(status->state)).p,
		.detail = arena_copy(job->arena, span_of(status->detail)).p,
		.fine = done || strcmp(status->state, "planned") == 0 ||
			strcmp(status->state, "claimed") == 0,
		.messages = status->messages,
		.rows = status->rows,
		.attempts = status->attempts,
		.due_at = waits ? status->due_at : 0,
	};
	if (done && status->stored > status->messages)
		report->late = status->stored - status->messages;
	if (report->policy_domain == NULL || report->report_id == NULL ||
	    report->state == NULL || report->detail == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	memcpy(job->policy.bytes, status->policy.p, sizeof(job->policy.bytes));
	job->open = true;
	count_report(job);
	send_print_report(job->print, report);
	return 0;
}

static bool
is_same_report(const struct status_job *job, const struct sent_status *status)
{
	return job->open && job->report.day == status->day &&
	       memcmp(job->policy.bytes, status->policy.p,
		      sizeof(job->policy.bytes)) == 0;
}

static int show_one(struct status_job *job, const struct sent_status *status,
		    struct err *err)
{
	bool waits = strcmp(status->to_state, "postponed") == 0;

	if (status->policy.n != sizeof(job->policy.bytes))
		return 0;
	if (!is_same_report(job, status) && start_report(job, status, err) < 0)
		return -1;
	if (status->address[0] != '\0')
		send_print_to(job->print,
			      &(struct send_print_to){
				      .address = status->address,
				      .state = status->to_state,
				      .attempts = status->to_attempts,
				      .due_at = waits ? status->to_due_at : 0,
				      .updated_at = status->to_updated_at,
				      .detail = status->to_detail,
			      });
	return 0;
}

static int show_all(struct database *db, const struct outgoing_range *range,
		    struct status_job *job, struct err *err)
{
	struct sent_statuses *statuses;
	struct sent_status status;
	int more;

	if (sent_status_open(db, range, &statuses, err) < 0)
		return -1;
	send_print_start(job->print);
	while ((more = sent_status_next(statuses, &status, err)) > 0)
		if (show_one(job, &status, err) < 0) {
			more = -1;
			break;
		}
	end_report(job);
	sent_status_close(&statuses);
	send_print_days(job->print, job->days, job->n_days);
	send_print_end(job->print);
	return more;
}

int send_status(struct database *db, const struct outgoing_range *range,
		struct send_print *print, struct err *err)
{
	struct status_job *job = calloc(1, sizeof(*job));
	int result;

	if (job == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	job->print = print;
	job->arena = arena_new(MAX_MEMORY);
	result = job->arena == NULL ? err_set(err, ERR_LIMIT, "out of memory") :
				      show_all(db, range, job, err);
	arena_free(&job->arena);
	free(job);
	return result;
}
