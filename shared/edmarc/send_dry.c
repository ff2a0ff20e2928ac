/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * send_dry.c - a report that is not sent, to see what would be
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "edmarc/document.h"
#include "edmarc/send_work.h"

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
		return arena_printf(work->arena, "%s%s",
				    work->report->report_id, suffix);
	return arena_printf(work->arena, "%.*s%s", (int)n, work->names.file,
			    suffix);
}

/* Half a document is not left where somebody could take it for one. */
static void drop_document(struct work *work, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", work->job->folder, name);
	unlink(path);
}

static int dry_document(struct work *work, struct err *err)
{
	const char *name = file_name(work, ".xml.gz");

	if (name == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	work->document = open_in_folder(work, name, err);
	if (work->document < 0)
		return -1;
	if (document_write(work->job, work->report, work->document, &work->told,
			   err) == 0)
		return work_note_left_out(work, err);
	drop_document(work, name);
	return -1;
}

static int
dry_mail(struct work *work, const char *address, size_t number, struct err *err)
{
	const struct parcel parcel = work_parcel(work);
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
	return result;
}

static enum send_outcome judge_dry(const struct work *work)
{
	bool later = false;
	size_t i;

	for (i = 0; i < work->to.n; i++) {
		if (work->to.list[i].state == DESTINATION_ALLOWED)
			return SEND_DONE;
		later |= work->to.list[i].state == DESTINATION_POSTPONED;
	}
	return later ? SEND_POSTPONED : SEND_SKIPPED;
}

static int dry_files(struct work *work, struct err *err)
{
	size_t i;

	if (work->job->folder == NULL)
		return 0;
	if (dry_document(work, err) < 0)
		return -1;
	work_refuse_by_size(work);
	for (i = 0; i < work->to.n; i++)
		if (work->to.list[i].state == DESTINATION_ALLOWED &&
		    dry_mail(work, work->to.list[i].address, i + 1, err) < 0)
			return -1;
	return 0;
}

static void print_dry(const struct work *work, enum send_outcome outcome)
{
	static const char *const words[] = {
		[SEND_DONE] = "would be sent",
		[SEND_SKIPPED] = "would be skipped",
		[SEND_POSTPONED] = "would be postponed",
		[SEND_FAILED] = "would fail",
	};
	static const char *const to_words[] = {
		[DESTINATION_ALLOWED] = "would get it",
		[DESTINATION_REFUSED] = "refused",
		[DESTINATION_POSTPONED] = "postponed",
	};
	struct send_print *print = work->job->dry;
	size_t i;

	send_print_report(print,
			  &(struct send_print_report){
				  .day = work->report->day,
				  .policy_domain = work->report->policy_domain,
				  .report_id = work->report->report_id,
				  .state = words[outcome],
				  .messages = work->report->messages,
				  .rows = work->told.rows,
				  .detail = work->detail,
			  });
	for (i = 0; i < work->to.n; i++)
		send_print_to(print,
			      &(struct send_print_to){
				      .address = work->to.list[i].address,
				      .state = to_words[work->to.list[i].state],
				      .detail = work->to.list[i].why,
			      });
	send_print_report_end(print);
}

static int
do_dry(struct work *work, enum send_outcome *outcome, struct err *err)
{
	struct err why = ERR_INIT;

	if (sent_now(work->job->db, &work->job->now, err) < 0)
		return -1;
	if (work_prepare(work, &why) == 0) {
		*outcome = judge_dry(work);
		if (*outcome != SEND_DONE || dry_files(work, &why) == 0) {
			print_dry(work, *outcome);
			return 0;
		}
	}
	if (why.kind == ERR_CONFIG) {
		*err = why;
		return -1;
	}
	*outcome = SEND_FAILED;
	work_in_trouble(work->job, work->report->policy_domain, why.text);
	work->detail = why.text;
	print_dry(work, *outcome);
	return 0;
}

int send_dry(struct send_job *job, const struct outgoing *report,
	     enum send_outcome *outcome, struct err *err)
{
	return work_run(job, report, do_dry, outcome, err);
}
