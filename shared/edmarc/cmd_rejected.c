/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_rejected.c - edmarc rejected: report mail that could not be read
 *
 * The files say what there is; the database is only asked to forget what is
 * dropped, so that looking and putting back work without it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/quote.h"
#include "base/utc.h"
#include "edmarc/command.h"
#include "edmarc/csv.h"
#include "edmarc/options.h"
#include "journal/report_spool.h"
#include "journal/set_aside.h"
#include "store/mails.h"
#include "store/schema.h"

#define LIST_BYTES   ((size_t)512 * 1024 * 1024) /* of names */
#define MAIL_BYTES   ((size_t)64 * 1024)
#define OUTPUT_BYTES ((size_t)1024 * 1024 * 1024)
#define HEADER_BYTES 16384 /* of a mail, for show */
#define MAX_DAYS     36500

static const char usage[] =
	"usage: edmarc rejected list [--older DAYS] [--reason TEXT]\n"
	"                            [--format text|json|csv]\n"
	"       edmarc rejected show [--raw] NAME\n"
	"       edmarc rejected retry NAME... | --all [--older DAYS] "
	"[--reason TEXT]\n"
	"       edmarc rejected drop NAME... | --all [--older DAYS] "
	"[--reason TEXT]\n\n"
	"  list           mails in which something could not be read, and why\n"
	"  show           one of them: its envelope, the reason, its header\n"
	"  retry          put them back, for ingest to read again\n"
	"  drop           remove them for good\n\n"
	"  --all          every mail that is listed\n"
	"  --older DAYS   only what came more than so many days ago\n"
	"  --reason TEXT  only those whose reason holds this text\n"
	"  --format FORM  how to list: text (the default), json or csv\n"
	"  --raw          show the mail itself, octet by octet\n"
	"  -h, --help     this text\n";

/* What the user wants. */
struct rejected {
	const struct settings *settings;
	enum format format;
	bool all;
	bool raw;
	int64_t before; /* 0: whenever it came */
	const char *reason;
	struct arena *arena; /* for one mail */
	struct buf out;
	struct database *db;
	uint64_t n;
};

/* One mail in bad/. What its file does not tell is empty. */
struct aside {
	struct span name;
	struct report_envelope envelope;
	struct span reason;
	int64_t bytes; /* of the mail without our envelope */
	off_t offset;
	int fd;
};

/* ------------------------------------------------------------ one mail */

/*
 * A file whose envelope cannot be read is listed all the same: it is there for a
 * reason that is written down.
 */
static int
open_aside(struct rejected *job, struct aside *aside, struct err *err)
{
	const char *directory = job->settings->report_spool;
	struct err why = ERR_INIT;
	struct stat st;

	aside->offset = 0;
	aside->bytes = 0;
	aside->envelope = (struct report_envelope){ .received = 0 };
	if (set_aside_look(directory, aside->name, err) < 0 ||
	    set_aside_reason(directory, aside->name, job->arena, &aside->reason,
			     err) < 0)
		return -1;
	aside->fd =
		report_spool_open_bad(directory, aside->name, job->arena,
				      &aside->envelope, &aside->offset, &why);
	if (aside->fd < 0 && why.kind == ERR_INPUT)
		return 0;
	if (aside->fd < 0) {
		*err = why;
		return -1;
	}
	if (fstat(aside->fd, &st) == 0)
		aside->bytes = (int64_t)st.st_size - (int64_t)aside->offset;
	return 0;
}

static void close_aside(struct aside *aside)
{
	if (aside->fd >= 0)
		close(aside->fd);
	aside->fd = -1;
}

static bool holds(struct span text, const char *part)
{
	size_t n = strlen(part);

	for (; text.n >= n; text.p++, text.n--)
		if (span_equal_nocase((struct span){ text.p, n },
				      (struct span){ part, n }))
			return true;
	return false;
}

static bool is_wanted(const struct rejected *job, const struct aside *aside)
{
	if (job->before != 0 && aside->envelope.received >= job->before)
		return false;
	return job->reason == NULL || holds(aside->reason, job->reason);
}

/* ---------------------------------------------------------------- list */

static struct span sender_of(const struct aside *aside)
{
	return aside->envelope.sender.n == 0 ? SPAN("<>") :
					       aside->envelope.sender;
}

static void text_mail(struct buf *out, const struct aside *aside)
{
	buf_addf(out, "%s\n    %s, %" PRId64 " bytes, from %.*s to %.*s\n",
		 aside->name.p, utc_stamp(aside->envelope.received).text,
		 aside->bytes, SPAN_ARGS(sender_of(aside)),
		 SPAN_ARGS(aside->envelope.recipient));
	buf_addf(out, "    %s\n", quote(aside->reason).text);
}

static void json_mail(struct buf *out, const struct aside *aside, bool first)
{
	struct json json = JSON_INIT(out);

	buf_add_string(out, first ? "\n" : ",\n");
	json_open(&json, '{');
	json_key_text(&json, "name", aside->name);
	json_key_int(&json, "received", aside->envelope.received);
	json_key_text(&json, "sender", aside->envelope.sender);
	json_key_text(&json, "recipient", aside->envelope.recipient);
	json_key_int(&json, "bytes", aside->bytes);
	json_key_text(&json, "reason", aside->reason);
	json_close(&json, '}');
}

static void csv_mail(struct buf *out, const struct aside *aside)
{
	csv_text(out, aside->name);
	buf_addf(out, ",%" PRId64 ",", aside->envelope.received);
	csv_text(out, aside->envelope.sender);
	buf_add_char(out, ',');
	csv_text(out, aside->envelope.recipient);
	buf_addf(out, ",%" PRId64 ",", aside->bytes);
	csv_text(out, aside->reason);
	buf_add_string(out, "\r\n");
}

static int
list_mail(struct rejected *job, const struct aside *aside, struct err *err)
{
	(void)err;
	switch (job->format) {
	case FORMAT_TEXT:
		text_mail(&job->out, aside);
		break;
	case FORMAT_JSON:
		json_mail(&job->out, aside, job->n == 1);
		break;
	case FORMAT_CSV:
		csv_mail(&job->out, aside);
		break;
	}
	return 0;
}

static void list_start(struct rejected *job)
{
	if (job->format == FORMAT_JSON)
		buf_add_char(&job->out, '[');
	else if (job->format == FORMAT_CSV)
		buf_add_string(&job->out, "name,received,sender,recipient,"
					  "bytes,reason\r\n");
}

static void list_end(struct rejected *job)
{
	if (job->format == FORMAT_JSON)
		buf_add_string(&job->out, "\n]\n");
	else if (job->format == FORMAT_TEXT)
		buf_addf(&job->out,
			 "%s%" PRIu64 " mail%s set aside in %s/bad\n",
			 job->n == 0 ? "" : "\n", job->n,
			 job->n == 1 ? "" : "s", job->settings->report_spool);
}

/* ---------------------------------------------------------- retry and drop */

static int
retry_mail(struct rejected *job, const struct aside *aside, struct err *err)
{
	return set_aside_retry(job->settings->report_spool, aside->name, err);
}

static void retry_end(struct rejected *job)
{
	buf_addf(&job->out, "%" PRIu64 " mail%s put back for ingest\n", job->n,
		 job->n == 1 ? "" : "s");
}

/* The database first: a file that is left can be dropped again. */
static int
drop_mail(struct rejected *job, const struct aside *aside, struct err *err)
{
	if (mail_dropped(job->db, aside->name, err) < 0)
		return -1;
	return set_aside_drop(job->settings->report_spool, aside->name, err);
}

static void drop_end(struct rejected *job)
{
	buf_addf(&job->out, "%" PRIu64 " mail%s dropped\n", job->n,
		 job->n == 1 ? "" : "s");
}

static int connect_store(struct rejected *job, struct err *err)
{
	if (database_open(job->settings->database_name,
			  job->settings->database_option_file, &job->db,
			  err) < 0)
		return -1;
	return schema_check(job->db, err);
}

/* -------------------------------------------------------------------- tasks */

struct task {
	const char *name;
	int (*mail)(struct rejected *job, const struct aside *aside,
		    struct err *err);
	void (*start)(struct rejected *job);
	void (*end)(struct rejected *job);
	bool changes; /* wants names or --all */
	bool needs_database;
};

static const struct task tasks[] = {
	{ "list", list_mail, list_start, list_end, false, false },
	{ "retry", retry_mail, NULL, retry_end, true, false },
	{ "drop", drop_mail, NULL, drop_end, true, true },
};

static int act_on(struct rejected *job, const struct task *task,
		  struct span name, struct err *err)
{
	struct aside aside = { .name = name, .fd = -1 };
	int result = 0;

	arena_reset(job->arena);
	if (open_aside(job, &aside, err) < 0)
		return -1;
	if (is_wanted(job, &aside)) {
		job->n++;
		result = task->mail(job, &aside, err);
		if (result < 0)
			job->n--;
	}
	close_aside(&aside);
	return result;
}

static int
act_on_all(struct rejected *job, const struct task *task, struct err *err)
{
	struct arena *list = arena_new(LIST_BYTES);
	struct span *names;
	int result = -1;
	size_t n, i;

	if (list == NULL)
		return err_set(err, ERR_TEMP, "out of memory");
	if (set_aside_names(job->settings->report_spool, list, &names, &n,
			    err) == 0)
		result = 0;
	for (i = 0; result == 0 && i < n; i++) {
		result = act_on(job, task, names[i], err);
		/* Somebody else was faster. */
		if (result < 0 && err->kind == ERR_INPUT)
			result = 0;
	}
	arena_free(&list);
	return result;
}

/* Names that are wrong, or not there, must not pass in silence. */
static int act_on_named(struct rejected *job, const struct task *task,
			char **names, struct err *err)
{
	for (; *names != NULL; names++)
		if (act_on(job, task, span_of(*names), err) < 0)
			return -1;
	return 0;
}

static int run(struct rejected *job, const struct task *task, char **names)
{
	struct err err = ERR_INIT;
	int status = EX_OK;

	if (task->needs_database && connect_store(job, &err) < 0)
		return command_fail(&err);
	if (task->start != NULL)
		task->start(job);
	if ((*names != NULL ? act_on_named(job, task, names, &err) :
			      act_on_all(job, task, &err)) < 0)
		status = command_fail(&err);
	if (status == EX_OK || task->changes)
		task->end(job);
	return status;
}

/* --------------------------------------------------------------------- show */

static int copy_raw(const struct aside *aside, struct err *err)
{
	char piece[64 * 1024];
	off_t at = aside->offset;
	ssize_t n;

	while ((n = pread(aside->fd, piece, sizeof(piece), at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, ERR_TEMP, "%s", aside->name.p);
		if (write_all(STDOUT_FILENO,
			      (struct span){ piece, (size_t)n }) < 0)
			return err_errno(err, ERR_TEMP, "standard output");
		at += n;
	}
	return 0;
}

/* A line of the header; those that go on with a field stand further in. */
static void add_line(struct buf *out, struct span line)
{
	bool folded = ascii_is_space(*line.p);

	buf_addf(out, "  %s%s\n", folded ? "    " : "",
		 quote(span_trim(line)).text);
}

/* The header as a terminal may show it; what is too long is cut. */
static void add_header(struct rejected *job, const struct aside *aside)
{
	char text[HEADER_BYTES];
	ssize_t n = pread(aside->fd, text, sizeof(text), aside->offset);
	struct span rest = { text, n < 0 ? 0 : (size_t)n };
	struct span line = SPAN("");
	size_t i;

	/* A tab is white space like any other, and no reason to quote. */
	for (i = 0; i < rest.n; i++)
		if (text[i] == '\t')
			text[i] = ' ';
	while (span_take_line(&rest, &line) && line.n > 0)
		add_line(&job->out, line);
	if (line.n > 0 && n == (ssize_t)sizeof(text))
		buf_add_string(&job->out, "  (there is more: edmarc rejected "
					  "show --raw)\n");
}

static void show_aside(struct rejected *job, const struct aside *aside)
{
	const struct report_envelope *envelope = &aside->envelope;

	buf_addf(&job->out, "name:      %s\nreason:    %s\n", aside->name.p,
		 quote(aside->reason).text);
	if (aside->fd < 0)
		return;
	buf_addf(&job->out,
		 "received:  %s\nsender:    %.*s\nrecipient: %.*s\n"
		 "session:   %.*s\nbytes:     %" PRId64 "\nheader:\n",
		 utc_stamp(envelope->received).text,
		 SPAN_ARGS(sender_of(aside)), SPAN_ARGS(envelope->recipient),
		 SPAN_ARGS(envelope->session), aside->bytes);
	add_header(job, aside);
}

static int show(struct rejected *job, const char *name)
{
	struct aside aside = { .name = span_of(name), .fd = -1 };
	struct err err = ERR_INIT;
	int result = open_aside(job, &aside, &err);

	if (result == 0 && job->raw && aside.fd >= 0)
		result = copy_raw(&aside, &err);
	else if (result == 0)
		show_aside(job, &aside);
	close_aside(&aside);
	return result < 0 ? command_fail(&err) : EX_OK;
}

/* ------------------------------------------------------------------ command */

/* Returns an exit status to stop with, or -1 to go on. */
static int read_options(struct rejected *job, int argc, char **argv,
			struct arguments *arguments)
{
	bool older = false;
	uint64_t days = 0;
	const struct option_rule rules[] = {
		{ .name = "all", .given = &job->all },
		{ .name = "older",
		  .given = &older,
		  .number = &days,
		  .max = MAX_DAYS },
		{ .name = "reason", .text = &job->reason },
		{ .name = "format", .format = &job->format },
		{ .name = "raw", .given = &job->raw },
		{ .name = NULL },
	};
	int status = options_read(argc, argv, rules, usage, arguments);

	if (older)
		job->before = (int64_t)time(NULL) - (int64_t)days * UTC_DAY;
	return status;
}

/* The words are the task and its names. */
static int dispatch(struct rejected *job, const struct arguments *arguments)
{
	char **words = arguments->words;
	int n = arguments->n;
	bool choosing = job->before != 0 || job->reason != NULL;
	size_t i;

	if (n == 2 && strcmp(words[0], "show") == 0 && !job->all && !choosing)
		return show(job, words[1]);
	if (n < 1 || job->raw)
		return options_usage(arguments);
	for (i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++) {
		const struct task *task = &tasks[i];

		if (strcmp(words[0], task->name) != 0)
			continue;
		/* What shall be changed is said once: by names, or as all. */
		if (task->changes ? (n > 1) == job->all || (n > 1 && choosing) :
				    n > 1 || job->all)
			return options_usage(arguments);
		return run(job, task, words + 1);
	}
	return options_usage(arguments);
}

int cmd_rejected(struct command_context *context, int argc, char **argv)
{
	struct settings settings;
	struct rejected job = { .settings = &settings,
				.out = BUF_INIT(OUTPUT_BYTES) };
	struct arguments arguments;
	int status = read_options(&job, argc, argv, &arguments);
	int output;

	if (status >= 0)
		return status;
	if (command_settings(context, &settings) < 0)
		return EX_CONFIG;
	job.arena = arena_new(MAIL_BYTES);
	if (job.arena == NULL) {
		log_error("out of memory");
		return EX_OSERR;
	}
	status = dispatch(&job, &arguments);
	output = job.out.n > 0 ? command_output(&job.out) : EX_OK;
	database_close(&job.db);
	buf_release(&job.out);
	arena_free(&job.arena);
	return status == EX_OK ? output : status;
}
