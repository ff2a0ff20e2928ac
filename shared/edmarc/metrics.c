/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/metrics.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/span.h"

#define MAX_TEXT_BYTES  ((size_t)64 * 1024)
#define LOCK_FILE       "ingest.lock"
#define REASON          ".reason"
#define PUBLIC_READABLE 0644 /* node_exporter is another user */

/*
 * A large backlog is not looked at to its end, in each pass: it is large, and that
 * is what the number says.
 */
#define MAX_COUNTED 100000

/* -------------------------------------------------------------------- the spools */

static bool is_waiting(const char *name)
{
	return name[0] != '.' && strcmp(name, LOCK_FILE) != 0 &&
	       !span_ends(span_of(name), REASON);
}

static void add_file(struct backlog *backlog, const struct stat *status)
{
	int64_t time = (int64_t)status->st_mtime;

	backlog->files++;
	backlog->bytes += (uint64_t)status->st_size;
	if (backlog->oldest == 0 || time < backlog->oldest)
		backlog->oldest = time;
}

static struct backlog count_files(const char *directory, const char *part)
{
	struct backlog backlog = { .files = 0 };
	const struct dirent *entry;
	struct stat status;
	char path[PATH_MAX];
	DIR *dir;

	if (snprintf(path, sizeof(path), "%s/%s", directory, part) >=
	    (int)sizeof(path))
		return backlog;
	dir = opendir(path);
	if (dir == NULL)
		return backlog;
	while (backlog.files < MAX_COUNTED && (entry = readdir(dir)) != NULL)
		if (is_waiting(entry->d_name) &&
		    fstatat(dirfd(dir), entry->d_name, &status,
			    AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(status.st_mode))
			add_file(&backlog, &status);
	closedir(dir);
	return backlog;
}

void metrics_look(struct metrics *metrics, const struct settings *settings)
{
	metrics->verdicts = count_files(settings->verdict_spool, ".");
	metrics->reports_new = count_files(settings->report_spool, "new");
	metrics->set_aside = count_files(settings->report_spool, "bad").files;
}

/* ---------------------------------------------------------------------- the text */

static void
begin(struct buf *text, const char *name, const char *type, const char *help)
{
	buf_addf(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_one(struct buf *text, const char *name, const char *type,
		    const char *help, uint64_t value)
{
	begin(text, name, type, help);
	buf_addf(text, "%s %" PRIu64 "\n", name, value);
}

static void add_two(struct buf *text, const char *name, const char *type,
		    const char *help, const char *label,
		    const char *const words[2], const uint64_t values[2])
{
	size_t i;

	begin(text, name, type, help);
	for (i = 0; i < 2; i++)
		buf_addf(text, "%s{%s=\"%s\"} %" PRIu64 "\n", name, label,
			 words[i], values[i]);
}

static void add_work(struct buf *text, const struct metrics *metrics)
{
	static const char *const fates[N_FATES] = {
		[FATE_STORED] = "stored",
		[FATE_DUPLICATE] = "duplicate",
		[FATE_PARTIAL] = "partial",
		[FATE_REJECTED] = "rejected",
	};
	static const char *const report_words[2] = { "stored", "duplicate" };
	static const char *const line_words[2] = { "good", "bad" };
	const uint64_t reports[2] = { metrics->reports, metrics->duplicates };
	const uint64_t lines[2] = { metrics->lines, metrics->bad_lines };
	size_t i;

	begin(text, "edmarc_ingest_mails_total", "counter",
	      "Report mails taken from the spool, by what became of them.");
	for (i = 0; i < N_FATES; i++)
		buf_addf(text,
			 "edmarc_ingest_mails_total{status=\"%s\"} %" PRIu64
			 "\n",
			 fates[i], metrics->mails[i]);
	add_two(text, "edmarc_ingest_reports_total", "counter",
		"Reports in these mails.", "status", report_words, reports);
	add_one(text, "edmarc_ingest_forged_bounces_total", "counter",
		"Mails to bounce addresses that we never made.",
		metrics->forged_bounces);
	add_two(text, "edmarc_ingest_verdict_lines_total", "counter",
		"Lines of the verdict journal.", "status", line_words, lines);
}

static int64_t age(const struct backlog *backlog, int64_t now)
{
	return backlog->oldest == 0 || backlog->oldest > now ?
		       0 :
		       now - backlog->oldest;
}

static void
add_spools(struct buf *text, const struct metrics *metrics, int64_t now)
{
	static const char *const spools[2] = { "verdicts", "reports" };
	const struct backlog *verdicts = &metrics->verdicts;
	const struct backlog *reports = &metrics->reports_new;
	const uint64_t files[2] = { verdicts->files, reports->files };
	const uint64_t bytes[2] = { verdicts->bytes, reports->bytes };
	const uint64_t ages[2] = { (uint64_t)age(verdicts, now),
				   (uint64_t)age(reports, now) };

	add_two(text, "edmarc_spool_files", "gauge",
		"Files that wait to be loaded, counted up to 100000.", "spool",
		spools, files);
	add_two(text, "edmarc_spool_bytes", "gauge", "Their length.", "spool",
		spools, bytes);
	add_two(text, "edmarc_spool_oldest_seconds", "gauge",
		"Time since the oldest of them was written.", "spool", spools,
		ages);
	add_one(text, "edmarc_set_aside_mails", "gauge",
		"Report mails that could not be read: edmarc rejected list.",
		metrics->set_aside);
}

static void add_passes(struct buf *text, const struct metrics *metrics)
{
	static const char *const words[2] = { "good", "failed" };
	const uint64_t passes[2] = { metrics->passes - metrics->failed_passes,
				     metrics->failed_passes };

	add_two(text, "edmarc_ingest_passes_total", "counter",
		"Passes over both spools.", "result", words, passes);
	add_one(text, "edmarc_ingest_last_success_timestamp_seconds", "gauge",
		"When a pass of this process last ended well; 0: never.",
		(uint64_t)metrics->succeeded);
	begin(text, "edmarc_ingest_last_pass_duration_seconds", "gauge",
	      "How long the last pass took.");
	buf_addf(text, "edmarc_ingest_last_pass_duration_seconds %.3f\n",
		 metrics->seconds);
	add_one(text, "edmarc_ingest_start_time_seconds", "gauge",
		"When this process began to count.", (uint64_t)metrics->began);
	add_one(text, "edmarc_database_up", "gauge",
		"Could MariaDB be reached at the end of the last pass?",
		metrics->database_up);
}

void metrics_text(const struct metrics *metrics, int64_t now, struct buf *text)
{
	add_work(text, metrics);
	add_spools(text, metrics, now);
	add_passes(text, metrics);
}

int metrics_write(const struct metrics *metrics, const char *path, int64_t now,
		  struct err *err)
{
	struct buf text = BUF_INIT(MAX_TEXT_BYTES);
	int result;

	metrics_text(metrics, now, &text);
	result = buf_ok(&text) ? file_replace(path, buf_span(&text),
					      PUBLIC_READABLE, err) :
				 err_set(err, ERR_TEMP, "out of memory");
	buf_release(&text);
	return result < 0 ? err_while(err, "metrics") : 0;
}
