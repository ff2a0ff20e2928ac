/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_send.c - edmarc send: the aggregate reports of a day that is over
 */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sysexits.h>
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
#include "edmarc/schedule.h"
#include "edmarc/send.h"
#include "edmarc/send_print.h"
#include "edmarc/send_status.h"
#include "report/address.h"
#include "report/mail_out.h"
#include "store/schema.h"
#include "store/sent.h"

#define DNS_DEADLINE_MS 30000 /* all questions about one report */
#define OUTPUT_BYTES    ((size_t)1024 * 1024 * 1024)

static const char usage[] =
	"usage: edmarc send [--date DAY[..DAY]] [--domain DOMAIN]\n"
	"                   [--resend [--to ADDRESS]] [--unfinished-day]\n"
	"                   [--zone FILE]\n"
	"       edmarc send --dry-run [DIRECTORY] [--date ...] [--domain ...]\n"
	"       edmarc send --status [--date ...] [--domain ...]\n\n"
	"Mails an aggregate report (RFC 9990) about the messages of each UTC "
	"day to each\n"
	"domain whose DMARC record asks for it with rua=mailto:..., if "
	"[send] reporting\n"
	"is \"yes\". Run it every ten minutes, on any number of machines: each "
	"report goes\n"
	"once, at a time of its own, and what fails is tried again.\n\n"
	"  --date DAY           reports about this day (2026-11-22), or all "
	"days of a range\n"
	"                       (2026-11-20..2026-11-22), and at once\n"
	"  --domain DOMAIN      only reports about this policy domain, at once\n"
	"  --resend             send again what was sent; needs --date\n"
	"  --to ADDRESS         only to this destination\n"
	"  --unfinished-day     with --date: the day may be today; the "
	"messages that\n"
	"                       still come will be in no report\n"
	"  --dry-run            say what would be sent, to whom, and why not; "
	"send and\n"
	"                       note nothing; works without reporting = yes. "
	"Into the\n"
	"                       DIRECTORY go reports (.xml.gz) and mails "
	"(.eml)\n"
	"  --status             say what became of the reports; with -v and "
	"with --domain\n"
	"                       also of those that were sent\n"
	"  --format FORM        of --dry-run and --status: text, json or csv\n"
	"  --zone FILE          answer DNS questions from this master file "
	"only\n"
	"  -h, --help           this text\n";

struct options {
	const char *date;
	const char *domain; /* normalized, or "" */
	const char *to;     /* or "" */
	const char *folder;
	const char *zone;
	enum format format;
	bool dry_run;
	bool status;
	bool resend;
	bool unfinished_day;
	struct arguments arguments;
};

/* ------------------------------------------------------------------ options */

/* Returns an exit status to stop with, or -1 to go on. */
static int read_options(int argc, char **argv, struct options *options,
			struct arguments *arguments)
{
	const struct option_rule rules[] = {
		{ .name = "date", .text = &options->date },
		{ .name = "domain", .text = &options->domain },
		{ .name = "dry-run", .given = &options->dry_run },
		{ .name = "format", .format = &options->format },
		{ .name = "resend", .given = &options->resend },
		{ .name = "status", .given = &options->status },
		{ .name = "to", .text = &options->to },
		{ .name = "unfinished-day", .given = &options->unfinished_day },
		{ .name = "zone", .text = &options->zone },
		{ .name = NULL },
	};
	int status = options_read(argc, argv, rules, usage, arguments);

	if (status >= 0)
		return status;
	if (arguments->n > (options->dry_run ? 1 : 0))
		return options_usage(arguments);
	options->folder = arguments->n == 1 ? arguments->words[0] : NULL;
	if (options->dry_run + options->status + options->resend > 1)
		return options_wrong(arguments, "--dry-run", NULL,
				     "does not go with --status or --resend, "
				     "nor these with each other");
	if (options->date == NULL && options->unfinished_day)
		return options_wrong(arguments, "--unfinished-day", NULL,
				     "needs --date");
	if (options->date == NULL && options->resend)
		return options_wrong(arguments, "--resend", NULL,
				     "needs --date");
	if (options->to[0] != '\0' && !options->resend)
		return options_wrong(arguments, "--to", NULL, "needs --resend");
	return -1;
}

/* "2026-11-22" or "2026-11-20..2026-11-22" */
static bool parse_days(const char *text, struct outgoing_range *range)
{
	const char *dots = strstr(text, "..");
	struct span first = span_of(text), last = first;

	if (dots != NULL) {
		first.n = (size_t)(dots - text);
		last = span_of(dots + 2);
	}
	return utc_parse_date(first, &range->first) &&
	       utc_parse_date(last, &range->last) &&
	       range->first <= range->last &&
	       range->last - range->first < SEND_STATUS_DAYS * UTC_DAY;
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
	job->dns_restarts = true;
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

/* Unlike any other, also in containers that are all called alike. */
static const char *make_owner(struct command_context *context)
{
	char host[HOST_NAME_MAX + 1] = "";
	uint64_t random;

	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return NULL;
	return arena_printf(context->arena, "%.150s:%ld:%016llx", host,
			    (long)getpid(), (unsigned long long)random);
}

/* SIGTERM ends a run between two mails, not in the middle of one. */
static int catch_signals(struct send_job *job, struct err *err)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) == 0)
		job->signals = signalfd(-1, &signals, SFD_CLOEXEC);
	if (job->signals < 0)
		return err_errno(err, ERR_TEMP, "signalfd");
	return 0;
}

static int open_database(const struct settings *settings, struct database **db,
			 struct err *err)
{
	if (database_open(settings->database_name,
			  settings->database_option_file, db, err) < 0)
		return -1;
	return schema_check(*db, err);
}

static int open_all(const struct settings *settings,
		    const struct options *options, struct send_job *job,
		    struct err *err)
{
	if (check_folder(options->folder, err) < 0 ||
	    open_dns(settings, options, job, err) < 0 ||
	    catch_signals(job, err) < 0)
		return -1;
	if (open_database(settings, &job->db, err) < 0 ||
	    sent_now(job->db, &job->now, err) < 0)
		return -1;
	if (gates_open(settings, job->db, options->dry_run, &job->gates, err) <
	    0)
		return -1;
	if (options->dry_run)
		return 0;
	return mailer_open(settings, job->db, job->now, &job->mailer, err);
}

/* ---------------------------------------------------------------- which days */

/*
 * What is meant, by the time of the database; -1, or the exit status. Without
 * --date a run by hand, --dry-run and --status are about the days that a plain
 * run looks at.
 */
static int choose_range(const struct settings *settings,
			const struct options *options, int64_t now,
			struct outgoing_range *range)
{
	int64_t last = schedule_last_day(settings, now);

	range->domain = options->domain;
	range->first = last - settings->catch_up_days * UTC_DAY;
	range->last = last;
	if (options->date == NULL)
		return -1;
	if (!parse_days(options->date, range))
		return options_wrong(&options->arguments, "--date",
				     options->date,
				     "not a day such as 2026-11-22, or two "
				     "with \"..\" between them");
	if (range->last + UTC_DAY > now && !options->unfinished_day &&
	    !options->status)
		return options_wrong(&options->arguments, "--date",
				     options->date,
				     "that day is not over in UTC");
	return -1;
}

/* -------------------------------------------------------------------- sending */

static void add_next(struct buf *out, const struct schedule *schedule)
{
	if (schedule->waiting > 0)
		buf_addf(out, ", the next at %s",
			 utc_stamp(schedule->next_at).text);
}

/* One line, unless there was nothing to do and nobody asked for it. */
static int print_line(const struct schedule *schedule, bool always)
{
	const struct send_job *job = schedule->job;
	struct buf out = BUF_INIT(4096);
	int status = EX_OK;

	always |= job->in_trouble || schedule->by_hand;
	if (always || schedule->planned + schedule->sent + schedule->skipped +
				      schedule->postponed + schedule->failed >
			      0) {
		buf_addf(&out,
			 "reports: %zu planned, %zu sent, %zu skipped, "
			 "%zu postponed, %zu failed, %zu waiting",
			 schedule->planned, schedule->sent, schedule->skipped,
			 schedule->postponed, schedule->failed,
			 schedule->waiting);
		add_next(&out, schedule);
		if (job->in_trouble)
			buf_addf(&out, "; %s", job->trouble.text);
		buf_add_char(&out, '\n');
		status = command_output(&out);
	}
	buf_release(&out);
	return status == EX_OK && job->in_trouble ? EX_TEMPFAIL : status;
}

static int prepare(struct schedule *schedule, const struct options *options,
		   struct err *err)
{
	struct send_job *job = schedule->job;
	int days = job->settings->catch_up_days + 1;
	size_t n;

	if (options->resend)
		return sent_reopen(job->db, &schedule->range, options->to,
				   job->now + days * UTC_DAY, &n, err);
	if (schedule_plan(schedule, err) < 0)
		return -1;
	if (!schedule->by_hand)
		return 0;
	return sent_hurry(job->db, &schedule->range, err);
}

static int send_now(struct command_context *context, struct schedule *schedule,
		    const struct options *options, struct err *err)
{
	schedule->by_hand = options->date != NULL || options->domain[0] != '\0';
	/* What was planned before, by whatever range, is due as well. */
	if (!schedule->by_hand) {
		schedule->range.first = 0;
		schedule->range.last = schedule->job->now;
	}
	if (prepare(schedule, options, err) < 0 ||
	    schedule_run(schedule, err) < 0)
		return command_fail(err);
	return print_line(schedule, context->verbose);
}

static int dry_run(struct schedule *schedule, const struct options *options,
		   struct err *err)
{
	struct buf out = BUF_INIT(OUTPUT_BYTES);
	struct send_print print = { .out = &out,
				    .format = options->format,
				    .all = true };
	int status;

	schedule->by_hand = true;
	schedule->job->dry = &print;
	send_print_start(&print);
	if ((options->date == NULL &&
	     schedule_days(schedule->job, false, &schedule->range.first,
			   &schedule->range.last, err) < 0) ||
	    schedule_dry(schedule, err) < 0) {
		status = command_fail(err);
	} else {
		send_print_days(&print, NULL, 0);
		send_print_end(&print);
		status = command_output(&out);
	}
	buf_release(&out);
	if (status == EX_OK && schedule->job->in_trouble)
		status = EX_TEMPFAIL;
	return status;
}

static int run(struct command_context *context, const struct settings *settings,
	       const struct options *options)
{
	struct send_job job = {
		.settings = settings,
		.signals = -1,
		.folder = options->folder,
		.trouble = ERR_INIT,
	};
	struct schedule schedule = { .job = &job, .next_at = INT64_MAX };
	struct err err = ERR_INIT;
	int status;

	job.owner = make_owner(context);
	if (command_submitter(context, settings, &job.submitter) < 0)
		return EX_CONFIG;
	report_mail_prepare();
	if (job.owner == NULL)
		err_set(&err, ERR_TEMP, "no memory or no random numbers");
	if (job.owner == NULL || open_all(settings, options, &job, &err) < 0)
		status = command_fail(&err);
	else if ((status = choose_range(settings, options, job.now,
					&schedule.range)) >= 0)
		;
	else if (options->dry_run)
		status = dry_run(&schedule, options, &err);
	else
		status = send_now(context, &schedule, options, &err);
	mailer_close(&job.mailer);
	gates_close(&job.gates);
	database_close(&job.db);
	resolver_free(&job.dns);
	psl_free(&job.psl);
	if (job.signals >= 0)
		close(job.signals);
	return status;
}

/* Needs the database only: no names of ours, no DNS. */
static int show_status(struct command_context *context,
		       const struct settings *settings,
		       const struct options *options)
{
	struct buf out = BUF_INIT(OUTPUT_BYTES);
	struct send_print print = {
		.out = &out,
		.format = options->format,
		.all = context->verbose || options->domain[0] != '\0',
	};
	struct outgoing_range range;
	struct database *db = NULL;
	struct err err = ERR_INIT;
	int64_t now;
	int status;

	if (open_database(settings, &db, &err) < 0 ||
	    sent_now(db, &now, &err) < 0)
		status = command_fail(&err);
	else if ((status = choose_range(settings, options, now, &range)) >= 0)
		;
	else if (send_status(db, &range, &print, &err) < 0)
		status = command_fail(&err);
	else
		status = command_output(&out);
	database_close(&db);
	buf_release(&out);
	return status;
}

int cmd_send(struct command_context *context, int argc, char **argv)
{
	struct options options = { .to = "" };
	struct settings settings;
	int status = read_options(argc, argv, &options, &options.arguments);

	if (status < 0)
		status = choose_domain(&options.arguments, &options,
				       context->arena);
	if (status >= 0)
		return status;
	if (command_settings(context, &settings) < 0)
		return EX_CONFIG;
	if (options.status)
		return show_status(context, &settings, &options);
	if (!settings.reporting && !options.dry_run) {
		log_debug("reporting is off; [send] reporting = yes turns it "
			  "on");
		return EX_OK;
	}
	return run(context, &settings, &options);
}
