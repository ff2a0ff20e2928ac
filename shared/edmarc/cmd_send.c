/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_send.c - edmarc send: the aggregate reports of a day that is over
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/quote.h"
#include "base/utc.h"
#include "dns/cares.h"
#include "dns/domain.h"
#include "dns/zonefile.h"
#include "edmarc/command.h"
#include "edmarc/options.h"
#include "edmarc/send.h"
#include "report/address.h"
#include "report/mail_out.h"

#define RETRY_DAYS       6     /* before yesterday, for what is unfinished */
#define DNS_DEADLINE_MS  30000 /* all questions about one report */
#define PROGRESS_SECONDS 10

static const char usage[] =
	"usage: edmarc send [--date YYYY-MM-DD] [--domain DOMAIN]\n"
	"                   [--unfinished-day] [--dry-run DIRECTORY]\n"
	"                   [--zone FILE]\n\n"
	"Mails an aggregate report (RFC 9990) about the messages of one UTC "
	"day to each\n"
	"domain whose DMARC record asks for it with rua=mailto:..., if "
	"[send] reporting\n"
	"is \"yes\". Run it once a day, after midnight UTC and after edmarc "
	"ingest: what is\n"
	"loaded later is not reported. Nothing is sent twice; what failed "
	"or was postponed\n"
	"is tried again by the next runs, for six days.\n\n"
	"  --date YYYY-MM-DD    this day alone; default: yesterday, and what "
	"is left of\n"
	"                       the days before\n"
	"  --domain DOMAIN      only the reports about this policy domain\n"
	"  --unfinished-day     with --date: the day may be today; the "
	"messages that\n"
	"                       still come will be in no report\n"
	"  --dry-run DIRECTORY  write reports (.xml.gz) and mails (.eml) "
	"there, send and\n"
	"                       note nothing; works without reporting = yes\n"
	"  --zone FILE          answer DNS questions from this master file "
	"only\n"
	"  -h, --help           this text\n";

struct options {
	const char *date;
	const char *domain; /* normalized, or "" */
	const char *folder;
	const char *zone;
	bool unfinished_day;
};

struct totals {
	size_t planned;
	size_t sent;
	size_t skipped;
	size_t postponed;
	size_t failed;
	size_t others; /* finished before, or somebody else is at it */
	time_t told;   /* when progress was shown last */
};

/* ------------------------------------------------------------------ options */

/* Returns an exit status to stop with, or -1 to go on. */
static int read_options(int argc, char **argv, struct options *options,
			struct arguments *arguments)
{
	const struct option_rule rules[] = {
		{ .name = "date", .text = &options->date },
		{ .name = "domain", .text = &options->domain },
		{ .name = "unfinished-day", .given = &options->unfinished_day },
		{ .name = "dry-run", .text = &options->folder },
		{ .name = "zone", .text = &options->zone },
		{ .name = NULL },
	};
	int status = options_read(argc, argv, rules, usage, arguments);

	if (status < 0 && arguments->n > 0)
		status = options_usage(arguments);
	return status;
}

/* The day of --date, or yesterday. */
static int choose_day(const struct arguments *arguments,
		      const struct options *options, int64_t now, int64_t *day)
{
	*day = utc_day_begin(now) - UTC_DAY;
	if (options->date == NULL && options->unfinished_day)
		return options_wrong(arguments, "--unfinished-day", NULL,
				     "needs --date");
	if (options->date == NULL)
		return -1;
	if (!utc_parse_date(span_of(options->date), day))
		return options_wrong(arguments, "--date", options->date,
				     "not a day such as 2026-11-22");
	if (*day + UTC_DAY > now && !options->unfinished_day)
		return options_wrong(arguments, "--date", options->date,
				     "that day is not over in UTC");
	return -1;
}

static int choose_domain(const struct arguments *arguments,
			 struct options *options, struct arena *arena)
{
	const char *domain = "";

	if (options->domain != NULL)
		domain = domain_normalize(arena, span_of(options->domain));
	if (domain == NULL)
		return options_wrong(arguments, "--domain", options->domain,
				     "not a domain name");
	options->domain = domain;
	return -1;
}

/* ------------------------------------------------------------ configuration */

static int require(const char *key, const char *value)
{
	if (value[0] != '\0')
		return 0;
	log_error("[send] %s is needed for sending reports and is not set",
		  key);
	return -1;
}

/* Needed also for a dry run, since it stands in the reports. */
int command_submitter(struct command_context *context,
		      const struct settings *settings, const char **submitter)
{
	struct span domain = SPAN("");
	int missing = require("org_name", settings->org_name);

	missing += require("email", settings->report_email);
	if (missing < 0)
		return -1;
	if (!address_is_plain(span_of(settings->report_email), &domain)) {
		log_error("[send] email = %s: not a plain address",
			  settings->report_email);
		return -1;
	}
	if (settings->report_domain[0] != '\0')
		domain = span_of(settings->report_domain);
	*submitter = domain_normalize(context->arena, domain);
	if (*submitter == NULL || domain_labels(*submitter) < 2 ||
	    strchr(*submitter, '_') != NULL) {
		log_error("[send] domain = %s: not a domain name",
			  quote(domain).text);
		return -1;
	}
	return 0;
}

/* ----------------------------------------------------------------- resources */

static int open_zone(const char *path, struct resolver **dns, struct err *err)
{
	struct buf text = BUF_INIT(MAX_ZONE_BYTES);

	if (file_read(path, &text, err) == 0) {
		*dns = zonefile_parse(buf_span(&text), err);
		if (*dns == NULL)
			err_while(err, "%s", path);
	}
	buf_release(&text);
	return *dns == NULL ? -1 : 0;
}

static int open_dns(const struct settings *settings,
		    const struct options *options, struct send_job *job,
		    struct err *err)
{
	const char *servers = settings->dns_servers;

	/* The list is needed only for policies that were found with it. */
	if (settings->standard == STANDARD_RFC7489) {
		job->psl = psl_open(settings->public_suffix_list, err);
		if (job->psl == NULL)
			return -1;
	}
	if (options->zone != NULL)
		return open_zone(options->zone, &job->dns, err);
	job->dns = cares_new(servers[0] == '\0' ? NULL : servers,
			     DNS_DEADLINE_MS, err);
	return job->dns == NULL ? -1 : 0;
}

static int check_folder(const char *folder, struct err *err)
{
	struct stat status;

	if (folder == NULL)
		return 0;
	if (stat(folder, &status) < 0)
		return err_errno(err, ERR_CONFIG, "%s", folder);
	if (!S_ISDIR(status.st_mode))
		return err_set(err, ERR_CONFIG, "%s: not a directory", folder);
	return 0;
}

static const char *make_owner(struct command_context *context)
{
	char host[HOST_NAME_MAX + 1] = "";

	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	return arena_printf(context->arena, "%.150s:%ld:%lld", host,
			    (long)getpid(), (long long)time(NULL));
}

/* ---------------------------------------------------------------- the work */

static void count(struct totals *totals, enum send_outcome outcome)
{
	switch (outcome) {
	case SEND_DONE:
		totals->sent++;
		return;
	case SEND_SKIPPED:
		totals->skipped++;
		return;
	case SEND_POSTPONED:
		totals->postponed++;
		return;
	case SEND_FAILED:
		totals->failed++;
		return;
	case SEND_OTHERS:
		totals->others++;
		return;
	}
}

static void
show_progress(struct totals *totals, int64_t day, size_t i, size_t n)
{
	time_t now = time(NULL);

	if (totals->told == 0)
		totals->told = now;
	if (now - totals->told < PROGRESS_SECONDS)
		return;
	totals->told = now;
	log_info("%s: %zu of %zu reports", utc_date(day).text, i, n);
}

static int send_day(struct send_job *job, const struct options *options,
		    int64_t day, struct arena *arena, struct totals *totals,
		    struct err *err)
{
	struct outgoing_list list;
	size_t i;

	if (outgoing_find(job->db, day, options->domain, job->submitter, arena,
			  &list, err) < 0)
		return -1;
	totals->planned += list.n;
	for (i = 0; i < list.n; i++) {
		enum send_outcome outcome;

		show_progress(totals, day, i, list.n);
		if (options->zone == NULL)
			cares_restart(job->dns);
		job->now = time(NULL);
		if (send_report(job, &list.reports[i], &outcome, err) < 0)
			return -1;
		count(totals, outcome);
	}
	return 0;
}

static int send_days(struct send_job *job, const struct options *options,
		     int64_t day, struct arena *arena, struct totals *totals,
		     struct err *err)
{
	int64_t *days = NULL;
	size_t n = 0, i;

	if (options->date == NULL && options->folder == NULL &&
	    outgoing_unfinished_days(job->db, day - RETRY_DAYS * UTC_DAY, day,
				     arena, &days, &n, err) < 0)
		return -1;
	for (i = 0; i < n; i++)
		if (send_day(job, options, days[i], arena, totals, err) < 0)
			return -1;
	return send_day(job, options, day, arena, totals, err);
}

static int print_totals(const struct totals *totals, int64_t day, bool dry)
{
	struct buf out = BUF_INIT(1024);
	int status;

	buf_addf(&out,
		 "%s: %zu planned, %zu %s, %zu skipped, %zu postponed, "
		 "%zu failed, %zu not ours to send\n",
		 utc_date(day).text, totals->planned, totals->sent,
		 dry ? "written" : "sent", totals->skipped, totals->postponed,
		 totals->failed, totals->others);
	status = command_output(&out);
	buf_release(&out);
	if (status == EX_OK && totals->failed > 0)
		return EX_TEMPFAIL;
	return status;
}

static int open_all(const struct settings *settings,
		    const struct options *options, struct send_job *job,
		    struct err *err)
{
	if (check_folder(options->folder, err) < 0 ||
	    open_dns(settings, options, job, err) < 0)
		return -1;
	if (database_open(settings->database_name,
			  settings->database_option_file, &job->db, err) < 0)
		return -1;
	if (gates_open(settings, job->db, options->folder != NULL, &job->gates,
		       err) < 0)
		return -1;
	if (options->folder != NULL)
		return 0;
	return mailer_open(settings, job->db, time(NULL), &job->mailer, err);
}

static int run(struct command_context *context, const struct settings *settings,
	       const struct options *options, int64_t day)
{
	struct send_job job = {
		.settings = settings,
		.owner = make_owner(context),
		.folder = options->folder,
	};
	struct totals totals = { .planned = 0 };
	struct err err = ERR_INIT;
	int status;

	if (command_submitter(context, settings, &job.submitter) < 0)
		return EX_CONFIG;
	report_mail_prepare();
	if (open_all(settings, options, &job, &err) < 0 ||
	    send_days(&job, options, day, context->arena, &totals, &err) < 0)
		status = command_fail(&err);
	else
		status = print_totals(&totals, day, options->folder != NULL);
	mailer_close(&job.mailer);
	gates_close(&job.gates);
	database_close(&job.db);
	resolver_free(&job.dns);
	psl_free(&job.psl);
	return status;
}

int cmd_send(struct command_context *context, int argc, char **argv)
{
	struct options options = { .date = NULL };
	struct settings settings;
	struct arguments arguments;
	int64_t day;
	int status = read_options(argc, argv, &options, &arguments);

	if (status < 0)
		status = choose_day(&arguments, &options, time(NULL), &day);
	if (status < 0)
		status = choose_domain(&arguments, &options, context->arena);
	if (status >= 0)
		return status;
	if (command_settings(context, &settings) < 0)
		return EX_CONFIG;
	if (!settings.reporting && options.folder == NULL) {
		log_info("reporting is off; [send] reporting = yes turns it "
			 "on");
		return EX_OK;
	}
	return run(context, &settings, &options, day);
}
