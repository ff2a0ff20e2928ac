/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_suppress.c - edmarc suppress: addresses that get no reports
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "base/json.h"
#include "base/log.h"
#include "base/quote.h"
#include "base/utc.h"
#include "edmarc/command.h"
#include "edmarc/csv.h"
#include "edmarc/options.h"
#include "report/address.h"
#include "store/bounces.h"
#include "store/schema.h"
#include "store/suppressions.h"

#define OUTPUT_BYTES ((size_t)1024 * 1024 * 1024)

static const char usage[] =
	"usage: edmarc suppress list [--format text|json|csv]\n"
	"       edmarc suppress add [--days N] [--reason TEXT] PATTERN...\n"
	"       edmarc suppress remove PATTERN...\n\n"
	"  list           addresses that get no reports, why, and until when\n"
	"  add            send no reports there\n"
	"  remove         send reports there again\n\n"
	"A pattern is an address, *@example.org for all of a domain, or "
	"@.example.org for\n"
	"all of a domain and of those below it.\n\n"
	"  --days N       for so many days; default: until it is removed\n"
	"  --reason TEXT  for whoever reads the list\n"
	"  --format FORM  how to list: text (the default), json or csv\n"
	"  -h, --help     this text\n";

struct job {
	struct command_context *context;
	struct database *db;
	enum format format;
	bool formatted; /* --format was given */
	const char *reason;
	int days; /* 0: until it is removed */
	int64_t now;
	struct buf out;
};

/* --------------------------------------------------------------------- list */

static void
text_one(const struct job *job, struct buf *out, const struct suppression *s)
{
	buf_addf(out, "%s\n    ", quote(s->pattern).text);
	if (s->until_at == 0)
		buf_add_string(out, "until it is removed");
	else
		buf_addf(out, "%s %s",
			 suppression_is_over(s, job->now) ? "over since" :
							    "until",
			 utc_stamp(s->until_at).text);
	buf_addf(out, ", by %s of %s",
		 s->origin == SUPPRESSED_BY_HAND ? "hand" : "a bounce",
		 utc_stamp(s->added_at).text);
	if (s->bounces > 1)
		buf_addf(out, ", %" PRId64 " in a row", s->bounces);
	buf_add_char(out, '\n');
	if (s->reason.n > 0)
		buf_addf(out, "    %s\n", quote(s->reason).text);
}

static void json_one(const struct job *job, struct buf *out,
		     const struct suppression *s, bool first)
{
	struct json json = JSON_INIT(out);

	buf_add_string(out, first ? "\n" : ",\n");
	json_open(&json, '{');
	json_key_text(&json, "pattern", s->pattern);
	json_key(&json, "in_force");
	json_bool(&json, !suppression_is_over(s, job->now));
	json_key_string(&json, "origin", suppression_origin_name(s->origin));
	json_key_text(&json, "reason", s->reason);
	json_key_int(&json, "bounces", s->bounces);
	json_key_int(&json, "added", s->added_at);
	json_key(&json, "until");
	if (s->until_at == 0)
		json_null(&json);
	else
		json_int(&json, s->until_at);
	json_close(&json, '}');
}

static void
csv_one(const struct job *job, struct buf *out, const struct suppression *s)
{
	csv_text(out, s->pattern);
	buf_addf(out, ",%s,%s,",
		 suppression_is_over(s, job->now) ? "no" : "yes",
		 suppression_origin_name(s->origin));
	csv_text(out, s->reason);
	buf_addf(out, ",%" PRId64 ",%" PRId64 ",", s->bounces, s->added_at);
	if (s->until_at != 0)
		buf_addf(out, "%" PRId64, s->until_at);
	buf_add_string(out, "\r\n");
}

static void
print_list(struct job *job, const struct suppression *list, size_t n)
{
	struct buf *out = &job->out;
	size_t i;

	if (job->format == FORMAT_JSON)
		buf_add_char(out, '[');
	else if (job->format == FORMAT_CSV)
		buf_add_string(out, "pattern,in_force,origin,reason,bounces,"
				    "added,until\r\n");
	for (i = 0; i < n; i++) {
		switch (job->format) {
		case FORMAT_TEXT:
			text_one(job, out, &list[i]);
			break;
		case FORMAT_JSON:
			json_one(job, out, &list[i], i == 0);
			break;
		case FORMAT_CSV:
			csv_one(job, out, &list[i]);
			break;
		}
	}
	if (job->format == FORMAT_JSON)
		buf_add_string(out, "\n]\n");
	else if (job->format == FORMAT_TEXT)
		buf_addf(out, "%s%zu suppressed\n", n == 0 ? "" : "\n", n);
}

static int list(struct job *job, char **words, struct err *err)
{
	struct suppressions *all = NULL;
	const struct suppression *rows;
	size_t n;

	(void)words;
	if (suppressions_load(&all, job->db, err) < 0)
		return -1;
	rows = suppressions_list(all, &n);
	print_list(job, rows, n);
	suppressions_free(&all);
	return 0;
}

/* ----------------------------------------------------------- add and remove */

static int add(struct job *job, char **words, struct err *err)
{
	int64_t until =
		job->days == 0 ? 0 : job->now + job->days * (int64_t)UTC_DAY;
	struct span pattern;

	for (; *words != NULL; words++) {
		if (address_pattern(span_of(*words), job->context->arena,
				    &pattern, err) < 0 ||
		    suppression_add(job->db, pattern, span_of(job->reason),
				    until, job->now, err) < 0)
			return -1;
		buf_addf(&job->out, "%s suppressed\n", pattern.p);
	}
	return 0;
}

static int remove_words(struct job *job, char **words, struct err *err)
{
	struct span pattern;
	bool removed;

	for (; *words != NULL; words++) {
		if (address_pattern(span_of(*words), job->context->arena,
				    &pattern, err) < 0 ||
		    suppression_remove(job->db, pattern, &removed, err) < 0)
			return -1;
		if (!removed)
			return err_set(err, ERR_INPUT, "%s is not suppressed",
				       quote(pattern).text);
		buf_addf(&job->out, "%.*s removed\n", SPAN_ARGS(pattern));
	}
	return 0;
}

/* ------------------------------------------------------------------ command */

static const struct task {
	const char *name;
	int (*run)(struct job *job, char **words, struct err *err);
	bool wants_patterns;
	bool may_format;
	bool may_explain; /* --days and --reason */
} tasks[] = {
	{ "list", list, false, true, false },
	{ "add", add, true, false, true },
	{ "remove", remove_words, true, false, false },
};

/* Returns an exit status to stop with, or -1 to go on. */
static int read_options(struct job *job, int argc, char **argv,
			struct arguments *arguments)
{
	uint64_t days = 0;
	const struct option_rule rules[] = {
		{ .name = "days",
		  .number = &days,
		  .min = 1,
		  .max = MAX_SUPPRESS_DAYS },
		{ .name = "reason", .text = &job->reason },
		{ .name = "format",
		  .given = &job->formatted,
		  .format = &job->format },
		{ .name = NULL },
	};
	int status = options_read(argc, argv, rules, usage, arguments);

	job->days = (int)days;
	return status;
}

static const struct task *find_task(const struct job *job, char **words, int n)
{
	size_t i;

	for (i = 0; n > 0 && i < sizeof(tasks) / sizeof(tasks[0]); i++) {
		const struct task *task = &tasks[i];

		if (strcmp(words[0], task->name) != 0)
			continue;
		if (task->wants_patterns != (n > 1) ||
		    (job->formatted && !task->may_format) ||
		    ((job->days != 0 || job->reason != NULL) &&
		     !task->may_explain))
			return NULL;
		return task;
	}
	return NULL;
}

static int run(struct job *job, const struct task *task, char **words)
{
	struct settings settings;
	struct err err = ERR_INIT;
	int status = EX_OK, output;

	if (command_settings(job->context, &settings) < 0)
		return EX_CONFIG;
	if (database_open(settings.database_name, settings.database_option_file,
			  &job->db, &err) < 0 ||
	    schema_check(job->db, &err) < 0 || task->run(job, words, &err) < 0)
		status = command_fail(&err);
	database_close(&job->db);
	output = job->out.n > 0 ? command_output(&job->out) : EX_OK;
	return status == EX_OK ? output : status;
}

int cmd_suppress(struct command_context *context, int argc, char **argv)
{
	struct job job = { .context = context,
			   .now = (int64_t)time(NULL),
			   .out = BUF_INIT(OUTPUT_BYTES) };
	struct arguments arguments;
	int status = read_options(&job, argc, argv, &arguments);
	const struct task *task;

	if (status >= 0)
		return status;
	task = find_task(&job, arguments.words, arguments.n);
	if (task == NULL)
		return options_usage(&arguments);
	status = run(&job, task, arguments.words + 1);
	buf_release(&job.out);
	return status;
}
