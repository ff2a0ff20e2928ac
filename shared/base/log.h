/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log.h - what a program of ours tells its administrator
 *
 * One line for each call on standard error, which systemd, cron and a terminal
 * all know how to keep. Programs only: the plugins use their host's log, and
 * the core returns a struct err. Text of strangers goes through quote() first;
 * control characters that come all the same become blanks.
 */
#ifndef EDMARC_BASE_LOG_H
#define EDMARC_BASE_LOG_H

#include "base/attributes.h"

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/*
 * name stands in front of each line. Under systemd (JOURNAL_STREAM is set,
 * told by the caller) lines carry the <N> priority of sd-daemon(3) instead.
 */
void log_start(const char *name, enum log_level highest, int priorities);

void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...)   log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
