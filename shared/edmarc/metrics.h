/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics.h - numbers of `edmarc ingest` for Prometheus
 *
 * Its text format, in a file for the textfile collector of node_exporter: what
 * this process has done since it began, and what waits in the spools. Names and
 * meanings are in edmarc(8), and stay.
 */
#ifndef EDMARC_EDMARC_METRICS_H
#define EDMARC_EDMARC_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/err.h"
#include "dmarc/settings.h"

/* What became of a mail. */
enum mail_fate {
	FATE_STORED,
	FATE_DUPLICATE, /* nothing of it is new */
	FATE_PARTIAL,
	FATE_REJECTED,
};

#define N_FATES 4

/* Files that wait in a spool. */
struct backlog {
	uint64_t files;
	uint64_t bytes;
	int64_t oldest; /* when it was written; 0 without a file */
};

struct metrics {
	/* since the process began */
	int64_t began;
	uint64_t mails[N_FATES];
	uint64_t reports;
	uint64_t duplicates;
	uint64_t forged_bounces;
	uint64_t lines;
	uint64_t bad_lines;
	uint64_t passes;
	uint64_t failed_passes;

	/* of the last pass; 0 when there was none */
	int64_t succeeded; /* when one did */
	double seconds;
	bool database_up;

	/* now */
	struct backlog verdicts;
	struct backlog reports_new;
	uint64_t set_aside;
};

/* Look into the spools. What cannot be read is counted as empty. */
void metrics_look(struct metrics *metrics, const struct settings *settings);

/* The whole file. */
void metrics_text(const struct metrics *metrics, int64_t now, struct buf *text);

/* Readers see all of the old file or all of the new one. */
MUST_CHECK int metrics_write(const struct metrics *metrics, const char *path,
			     int64_t now, struct err *err);

#endif
