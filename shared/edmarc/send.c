/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/send.h"

#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/quote.h"
#include "base/utc.h"
#include "dmarc/record.h"
#include "dns/cache.h"
#include "edmarc/document.h"
#include "edmarc/send_work.h"
#include "edmarc/temp.h"
#include "store/refusals.h"

#define MAX_REPORT_MEMORY ((size_t)16 * 1024 * 1024) /* DNS answers, names */

/* Until a destination is tried again: 15 minutes, then twice as long each time. */
#define FIRST_DELAY 900
#define MAX_DOUBLED 4

/* The same when a minute was full: one minute, up to half an hour. */
#define FIRST_TURN       60
#define MAX_TURN_DOUBLED 5

/* The database may be restarted while the mail server takes a mail. */
#define NOTE_TRIES   30
#define NOTE_SECONDS 2

static const char *say(const struct work *work, const char *address)
{
	const char *text = arena_printf(
		work->arena, "report about %s of %s to %s",
		work->report->policy_domain, utc_date(work->report->day).text,
		quote(span_of(address)).text);

	return text == NULL ? "report" : text;
}

static const char *keep(struct work *work, const char *text)
{
	const char *copy = arena_printf(work->arena, "%s", text);

	return copy == NULL ? "out of memory" : copy;
}

void work_in_trouble(struct send_job *job, const char *what, const char *why)
{
	log_debug("%s: %s", what, why);
	if (job->in_trouble)
		return;
	job->in_trouble = true;
	err_set(&job->trouble, ERR_TEMP, "%s: %s", what, why);
}

bool send_wait(const struct send_job *job, int64_t seconds)
{
	struct pollfd signals = { .fd = job->signals, .events = POLLIN };
	int ms = seconds > 3600 ? 3600000 : (int)(seconds * 1000);

	return poll(&signals, 1, ms) > 0;
}

/* ------------------------------------------------------------------- gates */

/*
 * Is the report made at all? *closed is why not, in the arena, or NULL. Nothing
 * has been asked from the DNS so far.
 */
static int pass_gates(struct work *work, const char **closed, struct err *err)
{
	struct span rua = work->report->rua, address;

	*closed = NULL;
	switch (dmarc_uri_next(&rua, work->arena, &address)) {
	case 1:
		return gates_report(work->job->gates, work->report, work->arena,
				    closed, err);
	case 0:
		*closed = "no usable address in rua";
		return 0;
	}
	return err_set(err, ERR_LIMIT, "out of memory");
}

/* ------------------------------------------------------------------ decide */

static int decide(struct work *work, struct err *err)
{
	const struct send_job *job = work->job;
	const struct psl *psl =
		work->report->method == DISCOVERY_PSL ? job->psl : NULL;
	struct resolver *cache = dns_cache_new(job->dns, work->arena);
	struct stored_refusals stored;

	if (cache == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	if (destinations_find(
		    work->report->policy_domain, work->report->rua, psl,
		    job->dry != NULL ?
			    NULL :
			    refusals_stored(&stored, job->db, job->now),
		    cache, work->arena, &work->to, err) < 0)
		return -1;
	return gates_destinations(job->gates, &work->to, job->now, work->arena,
				  err);
}

/* ------------------------------------------------------------------- build */

/* In the log, and in the record of the report. */
int work_note_left_out(struct work *work, struct err *err)
{
	const struct outgoing_told *told = &work->told;

	if (told->rows_left_out == 0)
		return 0;
	work->detail = arena_printf(
		work->arena,
		"%llu rows with the fewest messages left out, %llu told",
		(unsigned long long)told->rows_left_out,
		(unsigned long long)told->rows);
	if (work->detail == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	log_debug("report about %s of %s: %s", work->report->policy_domain,
		  utc_date(work->report->day).text, work->detail);
	return 0;
}

static int build(struct work *work, struct err *err)
{
	work->document = temp_open(err);
	if (work->document < 0 ||
	    document_write(work->job, work->report, work->document, &work->told,
			   err) < 0)
		return -1;
	return work_note_left_out(work, err);
}

/* ----------------------------------------------------------------- deliver */

struct parcel work_parcel(const struct work *work)
{
	return (struct parcel){
		.settings = work->job->settings,
		.mailer = work->job->mailer,
		.report = work->report,
		.names = &work->names,
		.messages = work->told.messages,
		.document = work->document,
		.now = work->job->now,
	};
}

/* Where the destination stood when we claimed the report; NULL: new. */
static const struct sent_to *
find_before(const struct work *work, const char *address)
{
	size_t i;

	for (i = 0; i < work->before.n; i++)
		if (strcmp(work->before.list[i].address, address) == 0)
			return &work->before.list[i];
	return NULL;
}

static bool is_settled(const struct sent_to *before)
{
	return before != NULL && (before->state == SENT_TO_HANDED_OVER ||
				  before->state == SENT_TO_FAILED);
}

static bool is_waiting(const struct sent_to *before)
{
	return before != NULL && before->state == SENT_TO_POSTPONED &&
	       before->wait > 0;
}

/* Is there anybody to hand it to? */
static bool is_wanted(const struct work *work)
{
	size_t i;

	for (i = 0; i < work->to.n; i++) {
		const struct destination *to = &work->to.list[i];
		const struct sent_to *before = find_before(work, to->address);

		if (to->state == DESTINATION_ALLOWED && !is_settled(before) &&
		    !is_waiting(before))
			return true;
	}
	return false;
}

/*
 * Different for each report and time, so that what was postponed together does
 * not come back together: up to max, from the digits of the report id.
 */
static int64_t scatter(const struct work *work, int attempts, int64_t max)
{
	uint64_t digits = 0;
	size_t i;

	for (i = 0; work->report->report_id[i] != '\0'; i++)
		digits = digits * 31 +
			 (unsigned char)work->report->report_id[i] +
			 (uint64_t)attempts;
	return (int64_t)(digits % (uint64_t)(max + 1));
}

static int64_t doubled(int64_t first, int attempts, int max)
{
	return first << (attempts < max ? attempts : max);
}

static int64_t next_minute(const struct work *work)
{
	return 60 - work->job->now % 60;
}

static void wait_for(struct work *work, int64_t delay)
{
	if (work->postponed == 0 || delay < work->delay)
		work->delay = delay;
	work->postponed++;
}

static int note(struct work *work, const char *address,
		enum sent_to_state state, const char *detail, int64_t delay,
		struct err *err)
{
	const struct sent_note note = { address, state, detail, delay };
	bool ours;

	log_debug("%s: %s: %s", say(work, address), sent_to_state_word(state),
		  detail);
	work->detail = keep(work, detail);
	if (sent_note(work->job->db, work->report, work->job->owner, &note,
		      &ours, err) < 0)
		return -1;
	if (!ours)
		work->cut = CUT_LOST;
	return 0;
}

static int postpone(struct work *work, const char *address, int64_t delay,
		    const char *why, struct err *err)
{
	wait_for(work, delay);
	return note(work, address, SENT_TO_POSTPONED, why, delay, err);
}

static int try_later(struct work *work, const char *address, const char *why,
		     struct err *err)
{
	const struct sent_to *before = find_before(work, address);
	int attempts = before == NULL ? 0 : before->attempts;
	int64_t delay = doubled(FIRST_DELAY, attempts, MAX_DOUBLED);

	delay += scatter(work, attempts, delay / 4);
	return postpone(work, address, delay, why, err);
}

/* Others may have the first seconds of the next minutes. */
static int next_turn(struct work *work, const char *address, struct err *err)
{
	const struct sent_to *before = find_before(work, address);
	int attempts = before == NULL ? 0 : before->attempts;
	int64_t delay = doubled(FIRST_TURN, attempts, MAX_TURN_DOUBLED);

	delay = next_minute(work) + scatter(work, attempts, delay);
	return postpone(work, address, delay,
			"max_per_host mails to its host in this minute", err);
}

static int reconnect(struct send_job *job, struct err *err)
{
	const struct settings *settings = job->settings;

	gates_close(&job->gates);
	database_close(&job->db);
	if (database_open(settings->database_name,
			  settings->database_option_file, &job->db, err) < 0)
		return -1;
	if (gates_open(settings, job->db, false, &job->gates, err) == 0)
		return 0;
	database_close(&job->db);
	return -1;
}

/*
 * The mail server has the mail, and only we know. A database that is restarted
 * just now must not make it come twice.
 */
static int
note_handed_over(struct work *work, const char *address, struct err *err)
{
	struct send_job *job = work->job;
	int tries;

	for (tries = 1;; tries++) {
		if (job->db != NULL &&
		    sent_handed_over(job->db, work->report, address, err) == 0)
			return 0;
		if (err->kind != ERR_TEMP || tries == NOTE_TRIES)
			return -1;
		(void)nanosleep(&(struct timespec){ .tv_sec = NOTE_SECONDS },
				NULL);
		*err = (struct err)ERR_INIT;
		(void)reconnect(job, err);
	}
}

/* The mail server did not take it: that is not the end of the run. */
static int mail_failed(struct work *work, const char *address,
		       const struct err *why, struct err *err)
{
	work_in_trouble(work->job, say(work, address), why->text);
	if (why->kind != ERR_INPUT)
		return try_later(work, address, why->text, err);
	work->failed++;
	return note(work, address, SENT_TO_FAILED, why->text, 0, err);
}

static int hand_over(struct work *work, const char *address, struct err *err)
{
	const struct parcel parcel = work_parcel(work);
	struct err why = ERR_INIT;

	if (parcel_hand_over(&parcel, address, &why) < 0)
		return mail_failed(work, address, &why, err);
	log_debug("%s: handed over", say(work, address));
	work->handed_over++;
	return note_handed_over(work, address, err);
}

static int begin(struct work *work, const char *address, enum sent_turn *turn,
		 struct err *err)
{
	const struct settings *settings = work->job->settings;
	const struct sent_limits limits = { settings->max_per_minute,
					    settings->max_per_host };
	const char *at = strrchr(address, '@');

	return sent_begin(work->job->db, work->report, work->job->owner,
			  address, at == NULL ? "" : at + 1, &limits, turn,
			  err);
}

static int take_turn(struct work *work, const char *address, struct err *err)
{
	enum sent_turn turn;

	if (send_wait(work->job, 0)) {
		work->cut = CUT_STOPPED;
		return 0;
	}
	if (begin(work, address, &turn, err) < 0)
		return -1;
	switch (turn) {
	case SENT_TURN_YES:
		return hand_over(work, address, err);
	case SENT_TURN_BEFORE:
		work->handed_over++;
		return 0;
	case SENT_TURN_HOST_FULL:
		return next_turn(work, address, err);
	case SENT_TURN_FULL:
		work->cut = CUT_FULL;
		return 0;
	case SENT_TURN_LOST:
		work->cut = CUT_LOST;
		return 0;
	}
	return 0;
}

static int
deliver_one(struct work *work, const struct destination *to, struct err *err)
{
	const struct sent_to *before = find_before(work, to->address);

	if (is_settled(before)) {
		if (before->state == SENT_TO_HANDED_OVER)
			work->handed_over++;
		else
			work->failed++;
		return 0;
	}
	if (to->state == DESTINATION_REFUSED)
		return note(work, to->address, SENT_TO_REFUSED, to->why, 0,
			    err);
	if (is_waiting(before)) {
		wait_for(work, before->wait);
		return 0;
	}
	if (to->state == DESTINATION_POSTPONED)
		return try_later(work, to->address, to->why, err);
	return take_turn(work, to->address, err);
}

void work_refuse_by_size(struct work *work)
{
	struct stat status;
	uint64_t bytes;
	size_t i;

	if (work->report->method != DISCOVERY_PSL || work->document < 0 ||
	    fstat(work->document, &status) < 0)
		return;
	bytes = destination_encoded_bytes((uint64_t)status.st_size);
	for (i = 0; i < work->to.n; i++) {
		struct destination *to = &work->to.list[i];

		if (to->state != DESTINATION_ALLOWED || to->max_bytes == 0 ||
		    bytes <= to->max_bytes)
			continue;
		to->state = DESTINATION_REFUSED;
		to->why = "the report is larger than it takes";
	}
}

static int deliver(struct work *work, struct err *err)
{
	size_t i;

	work_refuse_by_size(work);
	for (i = 0; i < work->to.n && work->cut == CUT_NOT; i++)
		if (deliver_one(work, &work->to.list[i], err) < 0)
			return -1;
	return 0;
}

/* ------------------------------------------------------------------ finish */

static int
finish(struct work *work, enum sent_state state, int64_t delay, struct err *err)
{
	const struct sent_result result = {
		.state = state,
		.delay = delay,
		.messages = work->told.messages + work->told.messages_left_out,
		.rows = work->told.rows,
		.detail = work->detail,
	};
	bool ours;

	if (sent_finish(work->job->db, work->report, work->job->owner, &result,
			&ours, err) < 0)
		return -1;
	if (!ours)
		log_debug("report about %s of %s: the claim was lost",
			  work->report->policy_domain,
			  utc_date(work->report->day).text);
	return 0;
}

/* By how its destinations fared. */
static int judge(struct work *work, enum send_outcome *outcome, struct err *err)
{
	*outcome = SEND_POSTPONED;
	if (work->postponed > 0)
		return finish(work, SENT_POSTPONED, work->delay, err);
	*outcome = SEND_DONE;
	if (work->handed_over > 0)
		return finish(work, SENT_DONE, 0, err);
	*outcome = SEND_FAILED;
	if (work->failed > 0)
		return finish(work, SENT_FAILED, 0, err);
	*outcome = SEND_SKIPPED;
	return finish(work, SENT_SKIPPED, 0, err);
}

static int end(struct work *work, enum send_outcome *outcome, struct err *err)
{
	switch (work->cut) {
	case CUT_NOT:
		return judge(work, outcome, err);
	case CUT_LOST:
		*outcome = SEND_OTHERS;
		return 0;
	case CUT_FULL:
		*outcome = SEND_FULL;
		return finish(work, SENT_PLANNED, next_minute(work), err);
	case CUT_STOPPED:
		*outcome = SEND_STOPPED;
		return finish(work, SENT_PLANNED, 0, err);
	}
	return 0;
}

/*
 * It cannot be made, which must not keep the others from being sent. A full
 * disk or a lost connection may go away; values that make no report will not.
 */
static int give_up(struct work *work, const struct err *why,
		   enum send_outcome *outcome, struct err *err)
{
	const char *what = arena_printf(work->arena, "report about %s of %s",
					work->report->policy_domain,
					utc_date(work->report->day).text);
	int attempts = work->report->attempts;

	work_in_trouble(work->job, what == NULL ? "report" : what, why->text);
	work->detail = keep(work, why->text);
	*outcome = SEND_FAILED;
	if (why->kind == ERR_INPUT || why->kind == ERR_LIMIT)
		return finish(work, SENT_FAILED, 0, err);
	*outcome = SEND_POSTPONED;
	return finish(work, SENT_POSTPONED,
		      doubled(FIRST_DELAY, attempts, MAX_DOUBLED), err);
}

/* What of rua is no destination, so that nobody wonders; "" when all is. */
static const char *what_is_ignored(const struct work *work)
{
	const struct destinations *to = &work->to;
	const char *text = "";

	if (to->left_out > 0)
		text = arena_printf(
			work->arena,
			"%zu addresses behind the first %d left out",
			to->left_out, MAX_DESTINATIONS);
	else if (to->ignored > 0)
		text = arena_printf(work->arena,
				    "%zu URI%s ignored, which we cannot send "
				    "to: %s",
				    to->ignored, to->ignored == 1 ? "" : "s",
				    to->first_ignored);
	return text == NULL ? "" : text;
}

int work_prepare(struct work *work, struct err *err)
{
	const struct outgoing *report = work->report;
	const char *submitter = report->submitter[0] == '\0' ?
					work->job->submitter :
					report->submitter;
	const char *closed;

	if (report_names_make(&work->names, submitter, report->policy_domain,
			      report->day, report->day + UTC_DAY - 1,
			      report->report_id, work->arena, err) < 0 ||
	    pass_gates(work, &closed, err) < 0)
		return -1;
	if (closed == NULL && decide(work, err) < 0)
		return -1;
	work->detail = closed == NULL ? what_is_ignored(work) : closed;
	return 0;
}

/* Behind the claim. */
static int
do_report(struct work *work, enum send_outcome *outcome, struct err *err)
{
	struct err why = ERR_INIT;

	if (sent_destinations(work->job->db, work->report, work->arena,
			      &work->before, err) < 0)
		return -1;
	if (work_prepare(work, &why) < 0 ||
	    (is_wanted(work) && build(work, &why) < 0))
		return give_up(work, &why, outcome, err);
	if (deliver(work, err) < 0)
		return -1;
	return end(work, outcome, err);
}

static int
claim_and_do(struct work *work, enum send_outcome *outcome, struct err *err)
{
	bool claimed;

	if (sent_now(work->job->db, &work->job->now, err) < 0 ||
	    sent_claim(work->job->db, work->report, work->job->owner, &claimed,
		       err) < 0)
		return -1;
	*outcome = SEND_OTHERS;
	if (!claimed)
		return 0;
	return do_report(work, outcome, err);
}

/* ------------------------------------------------------------------- report */

typedef int
work_steps(struct work *work, enum send_outcome *outcome, struct err *err);

int work_run(struct send_job *job, const struct outgoing *report,
	     work_steps *steps, enum send_outcome *outcome, struct err *err)
{
	struct work work = {
		.job = job,
		.report = report,
		.arena = arena_new(MAX_REPORT_MEMORY),
		.document = -1,
		.detail = "",
	};
	int result;

	if (work.arena == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	result = steps(&work, outcome, err);
	if (work.document >= 0)
		close(work.document);
	arena_free(&work.arena);
	return result;
}

int send_report(struct send_job *job, const struct outgoing *report,
		enum send_outcome *outcome, struct err *err)
{
	return work_run(job, report, claim_and_do, outcome, err);
}
