/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_ingest.c - edmarc ingest: from both spools, or files, into the database
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/span.h"
#include "edmarc/command.h"
#include "edmarc/import.h"
#include "edmarc/ingest.h"
#include "edmarc/options.h"
#include "edmarc/parsers.h"
#include "report/read.h"
#include "store/schema.h"

/*
 * The verdict journal is closed this often. It is not watched: every message
 * writes to it, and a segment for each message would help nobody.
 */
#define WATCH_SECS 5

/* Between attempts while the database is away. */
#define FIRST_PAUSE_MS 1000
#define LAST_PAUSE_MS  60000

/* Metrics are not written more often, however often mail comes. */
#define METRICS_SECS 1

/* Of one pass; the others are only counted. */
#define MAX_LOGGED_FAILURES 10

static const char usage[] =
	"usage: edmarc ingest [--once | --watch] [--jobs N] [--metrics FILE]\n"
	"                     [--no-sandbox]\n"
	"       edmarc ingest [--jobs N] [--no-sandbox] PATH...\n\n"
	"  PATH          load reports from files, directories, Maildirs and mbox\n"
	"                files, which stay as they are; the spools are left alone\n"
	"  --once        load what waits in the spools and end (the default)\n"
	"  --watch       and go on with what comes, until SIGTERM or SIGINT\n"
	"  --jobs N      this many mails are parsed side by side; as many as there\n"
	"                are processors, at most 4, when not given\n"
	"  --metrics FILE  write numbers for Prometheus into it after each pass;\n"
	"                the setting metrics of [ingest] does the same\n"
	"  --no-sandbox  parse without a seccomp filter where the kernel has none:\n"
	"                whoever takes a parser over can then do what we can\n"
	"  -h, --help    this text\n";

/* Returns an exit status to stop with, or -1 to go on. */
static int read_options(struct ingest *ingest, bool *watch, int argc,
			char **argv, struct arguments *arguments)
{
	bool once = false;
	uint64_t jobs = ingest->jobs;
	const struct option_rule rules[] = {
		{ .name = "once", .given = &once },
		{ .name = "watch", .given = watch },
		{ .name = "jobs",
		  .number = &jobs,
		  .min = 1,
		  .max = MAX_PARSERS },
		{ .name = "metrics", .text = &ingest->metrics_path },
		{ .name = "no-sandbox", .given = &ingest->unfiltered },
		{ .name = NULL },
	};
	int status = options_read(argc, argv, rules, usage, arguments);

	if (status >= 0)
		return status;
	ingest->jobs = (unsigned)jobs;
	if (arguments->n == 0 ?
		    !(once && *watch) :
		    !once && !*watch && ingest->metrics_path == NULL)
		return -1;
	return options_usage(arguments);
}

bool ingest_stopping(const struct ingest *ingest)
{
	struct pollfd stop = { .fd = ingest->stop_fd, .events = POLLIN };

	return ingest->stop_fd >= 0 && poll(&stop, 1, 0) > 0;
}

int ingest_failed(struct ingest *ingest, struct err *err)
{
	struct err gone = ERR_INIT;

	ingest->failures++;
	if (err->kind == ERR_CONFIG || database_ping(ingest->db, &gone) < 0)
		return -1;
	if (ingest->failures <= MAX_LOGGED_FAILURES)
		log_error("%s", err->text);
	return 0;
}

/* The connection may have ended while there was nothing to do. */
static int connect_database(struct ingest *ingest, struct err *err)
{
	const struct settings *settings = ingest->settings;

	if (ingest->db != NULL && database_ping(ingest->db, err) == 0)
		return 0;
	database_close(&ingest->db);
	if (database_open(settings->database_name,
			  settings->database_option_file, &ingest->db, err) < 0)
		return -1;
	if (schema_check(ingest->db, err) == 0)
		return 0;
	database_close(&ingest->db);
	return -1;
}

static void log_counts(const struct ingest *ingest)
{
	log_info("lines=%" PRIu64 " bad_lines=%" PRIu64 " mails=%" PRIu64
		 " reports=%" PRIu64 " duplicates=%" PRIu64
		 " set_aside=%" PRIu64,
		 ingest->count.lines, ingest->count.bad_lines,
		 ingest->count.mails, ingest->count.reports,
		 ingest->count.duplicates, ingest->count.refused);
}

/* One spool that cannot be worked on does not keep the other waiting. */
static int load_spools(struct ingest *ingest, struct err *err)
{
	struct err second = ERR_INIT;
	int result = ingest_verdicts(ingest, err);

	if (result < 0 && database_ping(ingest->db, &second) < 0)
		return -1;
	if (ingest_reports(ingest, &second) < 0) {
		if (result < 0) {
			log_error("%s", err->text);
			ingest->held[0] = '\0'; /* it is more than that */
		}
		*err = second;
		return -1;
	}
	return result;
}

/* Is a list of our domains all that is wrong? Then the rest goes on. */
static bool only_held(struct ingest *ingest)
{
	struct err gone = ERR_INIT;

	return ingest->held[0] != '\0' && ingest->db != NULL &&
	       database_ping(ingest->db, &gone) == 0;
}

/* ------------------------------------------------------------------- metrics */

/* Told once when it fails, not with each pass. now: even if it just was. */
static void write_metrics(struct ingest *ingest, bool now)
{
	int64_t time_now = (int64_t)time(NULL);
	struct err err = ERR_INIT;
	bool failed;

	if (*ingest->metrics_path == '\0' ||
	    (!now && time_now >= ingest->metrics_at &&
	     time_now - ingest->metrics_at < METRICS_SECS))
		return;
	ingest->metrics_at = time_now;
	metrics_look(&ingest->metrics, ingest->settings);
	failed = metrics_write(&ingest->metrics, ingest->metrics_path, time_now,
			       &err) < 0;
	if (failed && !ingest->metrics_failed)
		log_warning("%s", err.text);
	ingest->metrics_failed = failed;
}

static double seconds_since(const struct timespec *before)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - before->tv_sec) +
	       (double)(now.tv_nsec - before->tv_nsec) / 1e9;
}

static void
count_pass(struct ingest *ingest, bool good, const struct timespec *began)
{
	struct metrics *metrics = &ingest->metrics;
	struct err gone = ERR_INIT;

	metrics->passes++;
	metrics->failed_passes += !good;
	metrics->seconds = seconds_since(began);
	metrics->reports += ingest->count.reports;
	metrics->duplicates += ingest->count.duplicates;
	metrics->lines += ingest->count.lines;
	metrics->bad_lines += ingest->count.bad_lines;
	metrics->database_up =
		ingest->db != NULL && database_ping(ingest->db, &gone) == 0;
	if (good)
		metrics->succeeded = (int64_t)time(NULL);
}

/* --------------------------------------------------------------------- a pass */

/* Both spools once. What failed is still there, and was logged but for *err. */
static int load_once(struct ingest *ingest, struct err *err)
{
	int result;

	ingest->failures = 0;
	ingest->held[0] = '\0';
	memset(&ingest->count, 0, sizeof(ingest->count));
	if (connect_database(ingest, err) < 0)
		return -1;
	result = load_spools(ingest, err);
	if (result < 0 && !only_held(ingest))
		database_close(&ingest->db);
	if (result == 0 && ingest->failures > 0)
		result = err_set(
			err, ERR_TEMP, "%u file%s left for another time",
			ingest->failures, ingest->failures == 1 ? "" : "s");
	if (ingest->count.lines + ingest->count.bad_lines +
		    ingest->count.mails >
	    0)
		log_counts(ingest);
	return result;
}

static int run_pass(struct ingest *ingest, struct err *err)
{
	struct timespec began = { 0 };
	int result;

	clock_gettime(CLOCK_MONOTONIC, &began);
	result = load_once(ingest, err);
	count_pass(ingest, result == 0, &began);
	write_metrics(ingest, result < 0);
	return result;
}

static int ingest_once(struct ingest *ingest)
{
	struct err err = ERR_INIT;
	int result = run_pass(ingest, &err);

	write_metrics(ingest, true);
	return result < 0 ? command_fail(&err) : EX_OK;
}

/* ------------------------------------------------------------------- --watch */

static int catch_signals(struct ingest *ingest, struct err *err)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) == 0)
		ingest->stop_fd =
			signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (ingest->stop_fd < 0)
		return err_errno(err, ERR_TEMP, "signalfd");
	return 0;
}

static int watch_reports(const char *directory, int *fd, struct err *err)
{
	char path[4096];

	if (snprintf(path, sizeof(path), "%s/new", directory) >=
	    (int)sizeof(path))
		return err_set(err, ERR_CONFIG, "%s: name too long", directory);
	*fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (*fd < 0)
		return err_errno(err, ERR_TEMP, "inotify");
	if (inotify_add_watch(*fd, path, IN_MOVED_TO | IN_ONLYDIR) >= 0)
		return 0;
	err_errno(err, ERR_CONFIG, "%s", path);
	close(*fd);
	return -1;
}

/* Which mail it was does not matter: the pass reads the directory. */
static void drain_events(int fd)
{
	char events[4096];

	while (read(fd, events, sizeof(events)) > 0)
		;
}

/* Until a mail comes (watch >= 0), the time is over or we shall stop. */
static void wait_for_work(const struct ingest *ingest, int watch, int ms)
{
	struct pollfd fds[] = { { .fd = ingest->stop_fd, .events = POLLIN },
				{ .fd = watch, .events = POLLIN } };

	if (poll(fds, 2, ms) > 0 && (fds[1].revents & POLLIN) != 0)
		drain_events(watch);
}

/* Three quarters to five quarters of ms, so that machines come back apart. */
static int with_jitter(int ms)
{
	unsigned random = 0;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return ms;
	return ms * 3 / 4 + (int)(random % (unsigned)(ms / 2 + 1));
}

/* Said once for each reason, and when it is over. */
static void say_held(const struct ingest *ingest, char *said, size_t size)
{
	if (strcmp(said, ingest->held) == 0)
		return;
	if (ingest->held[0] != '\0')
		log_error("report mail has to wait, verdicts are loaded: %s; "
			  "looking again every %d s",
			  ingest->held, WATCH_SECS);
	else
		log_info("report mail is loaded again");
	(void)snprintf(said, size, "%s", ingest->held);
}

static int watch_on(struct ingest *ingest, int watch)
{
	char said[sizeof(ingest->held)] = "";
	int pause = FIRST_PAUSE_MS;
	bool worked = false;

	while (!ingest_stopping(ingest)) {
		struct err err = ERR_INIT;
		int result = run_pass(ingest, &err);
		bool held = result < 0 && only_held(ingest);

		if (result == 0 || held) {
			worked = true;
			pause = FIRST_PAUSE_MS;
			say_held(ingest, said, sizeof(said));
			wait_for_work(ingest, held ? -1 : watch,
				      WATCH_SECS * 1000);
			continue;
		}
		/* Wrong from the start: the administrator is still here. */
		if (err.kind == ERR_CONFIG && !worked)
			return command_fail(&err);
		log_error("%s; trying again in %d s", err.text, pause / 1000);
		wait_for_work(ingest, -1, with_jitter(pause));
		pause = pause < LAST_PAUSE_MS / 2 ? 2 * pause : LAST_PAUSE_MS;
	}
	write_metrics(ingest, true);
	log_info("stopped");
	return EX_OK;
}

static int ingest_watch(struct ingest *ingest)
{
	struct err err = ERR_INIT;
	int status;
	int watch = -1;

	if (catch_signals(ingest, &err) < 0)
		return command_fail(&err);
	if (watch_reports(ingest->settings->report_spool, &watch, &err) < 0) {
		status = command_fail(&err);
	} else {
		status = watch_on(ingest, watch);
		close(watch);
	}
	close(ingest->stop_fd);
	return status;
}

/* ------------------------------------------------------------------- import */

/* What was done, whether or not all of it was. */
static void print_counts(const struct ingest *ingest,
			 const struct progress *progress, bool whole)
{
	printf("%s%" PRIu64 " mails: %" PRIu64 " stored, %" PRIu64
	       " duplicate, %" PRIu64 " partial, %" PRIu64 " rejected; %" PRIu64
	       " new reports%s\n",
	       whole ? "" : "stopped after ", progress->mails, progress->stored,
	       progress->duplicates, progress->partial, progress->rejected,
	       ingest->count.reports,
	       whole ? "" : "; the same command goes on");
}

static int import_mails(struct ingest *ingest, struct import *import)
{
	const struct progress *progress = import_progress(import);
	struct parsers *parsers = NULL;
	struct err err = ERR_INIT;
	bool stopped;
	int result =
		parsers_new(ingest->jobs, !ingest->unfiltered, &parsers, &err);

	if (result == 0)
		result = ingest_mails(ingest, parsers, import_source(import),
				      &err);
	parsers_free(&parsers);
	stopped = ingest_stopping(ingest);
	progress_clear(import_progress(import));
	print_counts(ingest, progress, result == 0 && !stopped);
	if (result < 0)
		return command_fail(&err);
	if (ingest->failures > 0)
		log_error("%u mails could not be stored now; the same command "
			  "tries again",
			  ingest->failures);
	if (stopped || ingest->failures > 0)
		return EX_TEMPFAIL;
	return progress->rejected > 0 || ingest->count.refused > 0 ?
		       EX_DATAERR :
		       EX_OK;
}

/* The spools are not touched, so they need no lock and no owner. */
static int ingest_import(struct ingest *ingest, char **paths)
{
	struct import *import = NULL;
	struct err err = ERR_INIT;
	int status;

	if (catch_signals(ingest, &err) < 0)
		return command_fail(&err);
	if (connect_database(ingest, &err) < 0 ||
	    import_new(ingest, paths, &import, &err) < 0)
		status = command_fail(&err);
	else
		status = import_mails(ingest, import);
	import_free(&import);
	close(ingest->stop_fd);
	return status;
}

/* ------------------------------------------------------------------ command */

static int
lock_spools(const struct settings *settings, int lock[2], struct err *err)
{
	if (spool_check(settings->verdict_spool, err) < 0 ||
	    spool_check(settings->report_spool, err) < 0)
		return -1;
	lock[0] = spool_lock(settings->verdict_spool, err);
	if (lock[0] < 0)
		return -1;
	lock[1] = spool_lock(settings->report_spool, err);
	if (lock[1] >= 0)
		return 0;
	close(lock[0]);
	return -1;
}

int cmd_ingest(struct command_context *context, int argc, char **argv)
{
	struct ingest ingest = { .stop_fd = -1, .jobs = parsers_default() };
	struct err err = ERR_INIT;
	struct settings settings;
	bool watch = false;
	int lock[2];
	struct arguments arguments;
	int status = read_options(&ingest, &watch, argc, argv, &arguments);

	if (status >= 0)
		return status;
	if (command_settings(context, &settings) < 0)
		return EX_CONFIG;
	ingest.settings = &settings;
	if (gethostname(ingest.host, sizeof(ingest.host) - 1) < 0) {
		err_errno(&err, ERR_TEMP, "host name");
		return command_fail(&err);
	}
	if (report_read_prepare(&err) < 0)
		return command_fail(&err);
	if (arguments.n > 0) {
		status = ingest_import(&ingest, arguments.words);
		database_close(&ingest.db);
		return status;
	}
	if (lock_spools(&settings, lock, &err) < 0)
		return command_fail(&err);
	if (ingest.metrics_path == NULL)
		ingest.metrics_path = settings.metrics;
	ingest.metrics.began = (int64_t)time(NULL);
	write_metrics(&ingest, true);
	status = watch ? ingest_watch(&ingest) : ingest_once(&ingest);
	trust_free(&ingest.trust);
	database_close(&ingest.db);
	close(lock[1]);
	close(lock[0]);
	return status;
}
