/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * progress.h - one line on a terminal that says how far a long job is
 *
 * Drawn on standard error, and only when that is a terminal that can redraw a
 * line; else nothing is shown, so that a log or a cron mail has no half lines.
 */
#ifndef EDMARC_EDMARC_PROGRESS_H
#define EDMARC_EDMARC_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	bool shown;     /* is there somebody to look at it? */
	bool drawn;     /* does the line stand there now? */
	int64_t began;  /* milliseconds of a clock */
	int64_t looked; /* when it was drawn */

	/* How far it is; the caller counts. */
	uint64_t total_bytes;
	uint64_t bytes;
	uint64_t mails;
	uint64_t stored;
	uint64_t duplicates;
	uint64_t partial;
	uint64_t rejected;
};

void progress_start(struct progress *progress);

/* To be called often: draws a few times a second. */
void progress_look(struct progress *progress);

/* Make room for other text; the line comes back with the next look. */
void progress_clear(struct progress *progress);

/*
 * The line for a terminal of so many columns, ms milliseconds after the start:
 * "1200 mails, 34% of 1.2 GB, 812/s, 0:02:13 left: 1100 stored, 70 duplicate, 20
 * partial, 10 rejected", without its end where that does not fit.
 */
void progress_line(const struct progress *progress, int64_t ms, char *line,
		   size_t columns);

#endif
