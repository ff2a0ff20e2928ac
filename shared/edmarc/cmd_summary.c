/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_summary.c - edmarc summary: what others saw under our names
 */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "base/log.h"
#include "base/quote.h"
#include "base/utc.h"
#include "edmarc/command.h"
#include "edmarc/hosted.h"
#include "edmarc/options.h"
#include "edmarc/summary_print.h"
#include "mail/idn.h"
#include "store/schema.h"

#define DEFAULT_DAYS 15
#define MAX_DAYS     36500
#define NAMES_BYTES  ((size_t)256 * 1024 * 1024) /* of a million domains */
#define OUTPUT_BYTES ((size_t)1024 * 1024 * 1024)
#define DOMAIN_BYTES ((size_t)512 * 1024 * 1024) /* of one with its details */

static const char usage[] =
	"usage: edmarc summary [--days N] [--format text|json|csv] [DOMAIN]\n\n"
	"  --days N       reports that ended in the last N days (15)\n"
	"  --format FORM  text for a terminal (the default); json and csv hold\n"
	"                 all details of all domains\n"
	"  -h, --help     this text\n\n"
	"With DOMAIN, the details of this domain; otherwise one line for each\n"
	"hosted domain, or for each with reports when none are configured.\n";

struct summary_options {
	uint64_t days;
	enum format format;
	const char *domain;
};

/* Returns an exit status to stop with, or -1 to go on. */
static int read_options(struct summary_options *out, int argc, char **argv,
			struct arena *arena)
{
	const struct option_rule rules[] = {
		{ .name = "days",
		  .number = &out->days,
		  .min = 1,
		  .max = MAX_DAYS },
		{ .name = "format", .format = &out->format },
		{ .name = NULL },
	};
	struct arguments arguments;
	int status = options_read(argc, argv, rules, usage, &arguments);

	if (status >= 0 || arguments.n == 0)
		return status;
	if (arguments.n > 1)
		return options_usage(&arguments);
	out->domain = idn_to_ascii(arena, span_of(arguments.words[0]));
	return out->domain != NULL ?
		       -1 :
		       options_wrong(&arguments, "DOMAIN", arguments.words[0],
				     "not a domain name");
}

/* What happens inside the snapshot. */
struct job {
	struct summary_question question;
	struct summary_print print;
	const struct settings *settings;
	struct hosted hosted;
	size_t next_hosted;
	struct arena *names; /* of hosted */
	struct arena *arena; /* of one domain */
};

static void print_without_reports(struct job *job, const char *name)
{
	struct summary_domain none = { .domain = span_of(name) };

	summary_print_domain(&job->print, &none);
}

/*
 * Both lists are sorted: print what comes before name (all when NULL), and say
 * whether name itself is one of ours.
 */
static bool pass_hosted(struct job *job, const char *name)
{
	const struct hosted *hosted = &job->hosted;

	for (; job->next_hosted < hosted->n; job->next_hosted++) {
		const char *ours = hosted->domain[job->next_hosted];
		int order = name == NULL ? -1 : strcmp(ours, name);

		if (order == 0)
			job->next_hosted++;
		if (order >= 0)
			break;
		print_without_reports(job, ours);
	}
	return name != NULL && hosted_has(hosted, name);
}

static int
print_domains(struct job *job, struct summary *summary, struct err *err)
{
	struct summary_domain domain;
	int more;

	for (;;) {
		arena_reset(job->arena);
		more = summary_next(summary, job->arena, &domain, err);
		if (more <= 0)
			break;
		if (pass_hosted(job, domain.domain.p))
			summary_print_domain(&job->print, &domain);
	}
	if (more < 0)
		return -1;
	(void)pass_hosted(job, NULL);
	if (job->print.one && job->print.domains == 0)
		print_without_reports(job, job->question.domain);
	return 0;
}

static int run_job(struct database *db, void *context, struct err *err)
{
	struct job *job = context;
	struct summary *summary;
	int64_t set_aside;
	int result;

	arena_reset(job->names);
	/* The administrator may ask about a domain that is not in the lists. */
	if (!job->print.one && hosted_read(job->settings, db, job->print.now,
					   job->names, &job->hosted, err) < 0)
		return -1;
	if (summary_set_aside(db, &set_aside, err) < 0 ||
	    summary_open(db, &job->question, &summary, err) < 0)
		return -1;
	summary_print_start(&job->print);
	result = print_domains(job, summary, err);
	if (result == 0)
		summary_print_end(&job->print, set_aside);
	summary_close(&summary);
	return result;
}

static int
ask_database(const struct settings *settings, struct job *job, struct err *err)
{
	struct database *db;
	int result = -1;

	if (database_open(settings->database_name,
			  settings->database_option_file, &db, err) < 0)
		return -1;
	if (schema_check(db, err) == 0)
		result = database_snapshot(db, run_job, job, err);
	database_close(&db);
	return result;
}

static void
prepare(struct job *job, const struct summary_options *options, struct buf *out)
{
	int64_t now = (int64_t)time(NULL);

	job->question = (struct summary_question){
		.after = now - (int64_t)options->days * UTC_DAY,
		/* A reporter's clock may be ahead, or its time zone. */
		.until = now + UTC_DAY,
		.domain = options->domain,
		.details = options->domain != NULL ||
			   options->format != FORMAT_TEXT,
	};
	job->print = (struct summary_print){
		.out = out,
		.format = options->format,
		.one = options->domain != NULL,
		.apart =
			job->settings->unauthenticated != UNAUTHENTICATED_COUNT,
		.days = (int)options->days,
		.now = now,
	};
}

int cmd_summary(struct command_context *context, int argc, char **argv)
{
	struct summary_options options = { .days = DEFAULT_DAYS };
	struct buf out = BUF_INIT(OUTPUT_BYTES);
	struct job job = { .settings = NULL };
	struct err err = ERR_INIT;
	struct settings settings;
	int status = read_options(&options, argc, argv, context->arena);

	if (status >= 0)
		return status;
	if (command_settings(context, &settings) < 0)
		return EX_CONFIG;
	job.settings = &settings;
	job.names = arena_new(NAMES_BYTES);
	job.arena = arena_new(DOMAIN_BYTES);
	if (job.names == NULL || job.arena == NULL) {
		log_error("out of memory");
		return EX_OSERR;
	}
	prepare(&job, &options, &out);
	if (ask_database(&settings, &job, &err) < 0)
		status = command_fail(&err);
	else
		status = command_output(&out);
	arena_free(&job.arena);
	arena_free(&job.names);
	buf_release(&out);
	return status;
}
