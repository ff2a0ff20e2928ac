/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/send.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/quote.h"
#include "base/utc.h"
#include "dmarc/record.h"
#include "dns/cache.h"
#include "edmarc/hand_over.h"
#include "edmarc/temp.h"
#include "report/destinations.h"
#include "report/names.h"
#include "report/write_xml.h"
#include "store/outgoing_write.h"
#include "store/refusals.h"

#define MAX_REPORT_MEMORY ((size_t)16 * 1024 * 1024) /* DNS answers, names */

/* One report on its way. */
struct work {
	const struct send_job *job;
	const struct outgoing *report;
	struct arena *arena;
	struct report_id id;
	struct report_names names;
	struct destinations to;
	int document; /* the compressed report, or -1 */
	struct outgoing_told told;
	/* how destinations fared; what was handed over before counts too */
	size_t handed_over;
	size_t postponed;
	size_t failed;
	const char *detail; /* the last thing that went wrong, or "" */
};

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

static int note(struct work *work, const char *address,
		enum outgoing_destination_state state, const char *detail,
		struct err *err)
{
	if (work->job->folder != NULL)
		return 0;
	return outgoing_note(work->job->db, work->report, address, state,
			     detail, work->job->now, err);
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
		return 0;
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
		    job->folder != NULL ?
			    NULL :
			    refusals_stored(&stored, job->db, job->now),
		    cache, work->arena, &work->to, err) < 0)
		return -1;
	return gates_destinations(job->gates, &work->to, job->now, work->arena,
				  err);
}

static bool is_wanted(const struct work *work)
{
	size_t i;

	for (i = 0; i < work->to.n; i++)
		if (work->to.list[i].state == DESTINATION_ALLOWED)
			return true;
	return false;
}

/* ------------------------------------------------------------------- build */

static int
write_document(struct work *work, int fd, uint64_t max_rows, struct err *err)
{
	const struct settings *settings = work->job->settings;
	const struct outgoing_sender sender = {
		.dialect = settings->report_format == FORMAT_RFC7489 ?
				   DIALECT_RFC7489 :
				   DIALECT_RFC9990,
		.org_name = settings->org_name,
		.email = settings->report_email,
		.extra_contact = settings->extra_contact,
		.generator = "edmarc " EDMARC_VERSION,
		.max_rows = max_rows,
	};
	struct report_sink *sink = xml_writer_new(
		fd, true, (size_t)settings->max_report_size, err);
	int result;

	if (sink == NULL)
		return -1;
	result = outgoing_write(work->job->db, work->report, work->id.text,
				&sender, sink, &work->told, err);
	xml_writer_free(&sink);
	return result;
}

/*
 * A report is never split (R8.9). One that is too large, because somebody sent
 * messages with a hundred signatures, is made again of half as many rows: with
 * that he could keep the owner from hearing of all the others.
 */
static int fill_document(struct work *work, int fd, struct err *err)
{
	uint64_t max_rows = (uint64_t)work->job->settings->max_rows;

	while (write_document(work, fd, max_rows, err) < 0) {
		if (err->kind != ERR_LIMIT || max_rows == 1)
			return -1;
		if (work->told.rows < max_rows)
			max_rows = work->told.rows;
		max_rows = max_rows > 1 ? max_rows / 2 : 1;
		*err = (struct err)ERR_INIT;
		if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
			return err_errno(err, ERR_TEMP, "report");
	}
	return 0;
}

/* In the log, and in the record of the report. */
static int note_left_out(struct work *work, struct err *err)
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
	log_info("report about %s of %s: %s", work->report->policy_domain,
		 utc_date(work->report->day).text, work->detail);
	return 0;
}

/* In the folder of a dry run, for reading and writing. */
static int
open_in_folder(const struct work *work, const char *name, struct err *err)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", work->job->folder, name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		  0644);
	if (fd < 0)
		return err_errno(err, ERR_TEMP, "%s", path);
	return fd;
}

/* Two domains may make a name that no file system takes; the id is enough. */
static const char *file_name(const struct work *work, const char *suffix)
{
	size_t n = strlen(work->names.file) - strlen(".xml.gz");

	if (n + strlen(suffix) > NAME_MAX)
		return arena_printf(work->arena, "%s%s", work->id.text, suffix);
	return arena_printf(work->arena, "%.*s%s", (int)n, work->names.file,
			    suffix);
}

/* Half a document is not left where somebody could take it for one. */
static void drop_document(struct work *work, const char *name)
{
	char path[PATH_MAX];

	if (work->job->folder == NULL)
		return;
	snprintf(path, sizeof(path), "%s/%s", work->job->folder, name);
	unlink(path);
}

static int build(struct work *work, struct err *err)
{
	const char *name = file_name(work, ".xml.gz");

	if (name == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	work->document = work->job->folder == NULL ?
				 temp_open(err) :
				 open_in_folder(work, name, err);
	if (work->document < 0)
		return -1;
	if (fill_document(work, work->document, err) == 0)
		return note_left_out(work, err);
	drop_document(work, name);
	return -1;
}

/* ----------------------------------------------------------------- deliver */

static struct parcel pack(const struct work *work)
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

static int
dry_mail(struct work *work, const char *address, size_t number, struct err *err)
{
	const struct parcel parcel = pack(work);
	char suffix[32];
	const char *name;
	int fd, result;

	snprintf(suffix, sizeof(suffix), ".%zu.eml", number);
	name = file_name(work, suffix);
	if (name == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	fd = open_in_folder(work, name, err);
	if (fd < 0)
		return -1;
	result = parcel_write(&parcel, address, fd, err);
	if (close(fd) < 0 && result == 0)
		result = err_errno(err, ERR_TEMP, "%s", name);
	if (result == 0)
		log_info("%s: %s", say(work, address), name);
	return result;
}

/* The mail server did not take it: that is not the end of the run. */
static int mail_failed(struct work *work, const char *address,
		       const struct err *why, struct err *err)
{
	log_warning("%s: %s", say(work, address), why->text);
	work->failed++;
	work->detail = keep(work, why->text);
	return note(work, address, TO_FAILED, why->text, err);
}

static int
mail_one(struct work *work, const char *address, size_t number, struct err *err)
{
	const struct parcel parcel = pack(work);
	struct err why = ERR_INIT;
	bool before = false;

	if (work->job->folder != NULL)
		return dry_mail(work, address, number, err);
	if (outgoing_is_handed_over(work->job->db, work->report, address,
				    &before, err) < 0)
		return -1;
	if (before) {
		work->handed_over++;
		return 0;
	}
	if (parcel_hand_over(&parcel, address, &why) < 0)
		return mail_failed(work, address, &why, err);
	log_debug("%s: handed over", say(work, address));
	work->handed_over++;
	return note(work, address, TO_HANDED_OVER, "", err);
}

static int
turn_down(struct work *work, const struct destination *to, struct err *err)
{
	bool later = to->state == DESTINATION_POSTPONED;

	log_info("%s: %s: %s", say(work, to->address),
		 later ? "postponed" : "not allowed", to->why);
	if (later)
		work->postponed++;
	work->detail = to->why;
	return note(work, to->address, later ? TO_POSTPONED : TO_REFUSED,
		    to->why, err);
}

/*
 * RFC 7489 lets a destination limit the size, and RFC 9989 has that ignored
 * (R1.14).
 */
static void refuse_by_size(struct work *work)
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

static void say_left_out(const struct work *work)
{
	const struct destinations *to = &work->to;
	const char *about = work->report->policy_domain;

	if (to->left_out > 0)
		log_info("report about %s: %zu addresses behind the first %d "
			 "are left out",
			 about, to->left_out, MAX_DESTINATIONS);
	if (to->ignored > 0)
		log_info("report about %s: %zu URI%s ignored, which we cannot "
			 "send to: %s",
			 about, to->ignored, to->ignored == 1 ? "" : "s",
			 to->first_ignored);
}

static int deliver(struct work *work, struct err *err)
{
	size_t i;

	refuse_by_size(work);
	for (i = 0; i < work->to.n; i++) {
		const struct destination *to = &work->to.list[i];

		if (to->state != DESTINATION_ALLOWED) {
			if (turn_down(work, to, err) < 0)
				return -1;
		} else if (mail_one(work, to->address, i + 1, err) < 0) {
			return -1;
		}
	}
	say_left_out(work);
	return 0;
}

/* ------------------------------------------------------------------ finish */

static enum send_outcome judge(const struct work *work)
{
	if (work->failed > 0)
		return SEND_FAILED;
	if (work->postponed > 0)
		return SEND_POSTPONED;
	return is_wanted(work) ? SEND_DONE : SEND_SKIPPED;
}

static int finish(struct work *work, enum outgoing_state state, struct err *err)
{
	struct outgoing_result result = {
		.state = state,
		.messages = work->told.messages,
		.rows = work->told.rows,
		.detail = work->detail == NULL ? "" : work->detail,
	};

	if (work->job->folder != NULL)
		return 0;
	return outgoing_finish(work->job->db, work->report, work->job->owner,
			       work->job->now, &result, err);
}

/*
 * It cannot be made, which must not keep the others from being sent. A full
 * disk or a lost connection may go away; values that make no report will not.
 */
static int give_up(struct work *work, const struct err *why, struct err *err)
{
	log_error("report about %s of %s: %s",
		  quote(span_of(work->report->policy_domain)).text,
		  utc_date(work->report->day).text, why->text);
	work->detail = keep(work, why->text);
	return finish(work,
		      why->kind == ERR_TEMP ? OUTGOING_PLANNED :
					      OUTGOING_FAILED,
		      err);
}

/* Everything that is needed before the first mail. */
static int prepare(struct work *work, struct err *err)
{
	const struct outgoing *report = work->report;
	const char *closed;

	if (report_names_make(&work->names, work->job->submitter,
			      report->policy_domain, report->day,
			      report->day + UTC_DAY - 1, work->id.text,
			      work->arena, err) < 0 ||
	    pass_gates(work, &closed, err) < 0)
		return -1;
	if (closed != NULL)
		work->detail = closed;
	else if (decide(work, err) < 0)
		return -1;
	if (!is_wanted(work) && work->job->folder == NULL)
		return 0;
	return build(work, err);
}

/* Behind the claim. */
static int
do_report(struct work *work, enum send_outcome *outcome, struct err *err)
{
	static const enum outgoing_state states[] = {
		[SEND_DONE] = OUTGOING_DONE,
		[SEND_SKIPPED] = OUTGOING_SKIPPED,
		[SEND_POSTPONED] = OUTGOING_PLANNED,
		[SEND_FAILED] = OUTGOING_PLANNED,
	};
	struct err why = ERR_INIT;

	*outcome = SEND_FAILED;
	if (prepare(work, &why) < 0)
		return give_up(work, &why, err);
	if (deliver(work, err) < 0)
		return -1;
	*outcome = judge(work);
	return finish(work, states[*outcome], err);
}

static int claim(struct work *work, bool *claimed, struct err *err)
{
	const struct send_job *job = work->job;

	*claimed = true;
	if (job->folder != NULL)
		return 0;
	return outgoing_claim(job->db, work->report, work->id.text, job->owner,
			      job->now, job->now + LEASE_SECONDS, claimed, err);
}

static int
start_and_do(struct work *work, enum send_outcome *outcome, struct err *err)
{
	const struct outgoing *report = work->report;
	const char *submitter = work->job->submitter;
	bool claimed;

	work->id = report_id_make(
		report->day,
		(struct span){ (const char *)report->policy.bytes,
			       sizeof(report->policy.bytes) },
		submitter);
	if (claim(work, &claimed, err) < 0)
		return -1;
	*outcome = SEND_OTHERS;
	if (!claimed)
		return 0;
	return do_report(work, outcome, err);
}

int send_report(const struct send_job *job, const struct outgoing *report,
		enum send_outcome *outcome, struct err *err)
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
	result = start_and_do(&work, outcome, err);
	if (work.document >= 0)
		close(work.document);
	arena_free(&work.arena);
	return result;
}
