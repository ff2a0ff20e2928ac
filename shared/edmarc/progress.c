/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define DRAW_MS     200
#define MAX_COLUMNS 200
#define COLUMNS     80 /* when the terminal does not say */

static int64_t now_ms(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool can_redraw(void)
{
	const char *terminal = getenv("TERM");

	return isatty(STDERR_FILENO) && terminal != NULL && *terminal != '\0' &&
	       strcmp(terminal, "dumb") != 0;
}

void progress_start(struct progress *progress)
{
	*progress =
		(struct progress){ .shown = can_redraw(), .began = now_ms() };
}

/* "950 kB", "1.2 GB" */
static void put_bytes(char *text, size_t room, uint64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1000;
		unit++;
	}
	(void)snprintf(text, room,
		       value < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", value,
		       units[unit]);
}

/* "0:02:13 left", or nothing while there is nothing to tell it by. */
static void
put_rest(char *text, size_t room, const struct progress *progress, int64_t ms)
{
	uint64_t left = progress->total_bytes < progress->bytes ?
				0 :
				progress->total_bytes - progress->bytes;
	uint64_t seconds;

	text[0] = '\0';
	if (progress->bytes == 0 || ms < 1000)
		return;
	seconds = (uint64_t)((double)ms / 1000 * (double)left /
			     (double)progress->bytes);
	(void)snprintf(text, room,
		       ", %" PRIu64 ":%02" PRIu64 ":%02" PRIu64 " left",
		       seconds / 3600, seconds / 60 % 60, seconds % 60);
}

void progress_line(const struct progress *progress, int64_t ms, char *line,
		   size_t columns)
{
	char total[32], rest[64];
	uint64_t rate = ms <= 0 ? 0 : progress->mails * 1000 / (uint64_t)ms;
	double part =
		progress->total_bytes == 0 ?
			1 :
			(double)progress->bytes / (double)progress->total_bytes;

	put_bytes(total, sizeof(total), progress->total_bytes);
	put_rest(rest, sizeof(rest), progress, ms);
	(void)snprintf(line, columns,
		       "%" PRIu64 " mails, %d%% of %s, %" PRIu64
		       "/s%s: %" PRIu64 " stored, %" PRIu64
		       " duplicate, %" PRIu64 " partial, %" PRIu64 " rejected",
		       progress->mails, part > 1 ? 100 : (int)(part * 100),
		       total, rate, rest, progress->stored,
		       progress->duplicates, progress->partial,
		       progress->rejected);
}

static size_t columns_of_terminal(void)
{
	struct winsize size = { .ws_col = 0 };

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return COLUMNS;
	return size.ws_col < MAX_COLUMNS ? size.ws_col : MAX_COLUMNS;
}

void progress_look(struct progress *progress)
{
	char line[MAX_COLUMNS];
	int64_t now;

	if (!progress->shown)
		return;
	now = now_ms();
	if (now - progress->looked < DRAW_MS)
		return;
	progress->looked = now;
	progress->drawn = true;
	/* One column less, since some terminals wrap behind the last. */
	progress_line(progress, now - progress->began, line,
		      columns_of_terminal());
	(void)fprintf(stderr, "\r%s\033[K", line);
	(void)fflush(stderr);
}

void progress_clear(struct progress *progress)
{
	if (!progress->drawn)
		return;
	progress->drawn = false;
	(void)fputs("\r\033[K", stderr);
	(void)fflush(stderr);
}
