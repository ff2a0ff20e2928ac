/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * send_print.h - reports to others as text, JSON or CSV
 *
 * For `edmarc send --status` and --dry-run: start, then for each report itself,
 * its destinations and its end; a line of numbers for each day, if there are
 * any, behind its reports; end. CSV has a line for each destination, or one for
 * a report without any.
 */
#ifndef EDMARC_EDMARC_SEND_PRINT_H
#define EDMARC_EDMARC_SEND_PRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "edmarc/command.h"

struct send_print {
	struct buf *out;
	enum format format;
	bool all; /* text shows also what needs no attention */
	/* the rest is ours */
	const struct send_print_report *report;
	bool shown;       /* of this report: in text */
	bool have_to;     /* a destination was printed */
	bool have_report; /* a report was printed, for JSON */
};

struct send_print_report {
	int64_t day;
	const char *policy_domain;
	const char *report_id; /* or "" */
	const char *state;
	bool fine; /* needs no attention */
	uint64_t messages;
	uint64_t late; /* messages that came after it was sent */
	uint64_t rows;
	int attempts;
	int64_t due_at; /* 0: nothing waits */
	const char *detail;
};

struct send_print_to {
	const char *address;
	const char *state;
	int attempts;
	int64_t due_at; /* 0: does not wait */
	int64_t updated_at;
	const char *detail;
};

/* Numbers of reports. */
struct send_print_day {
	int64_t day;
	uint64_t planned; /* all of them */
	uint64_t sent;
	uint64_t skipped;
	uint64_t postponed;
	uint64_t failed;
	uint64_t waiting; /* their time has not come, or they are being sent */
	uint64_t late;    /* messages */
};

void send_print_start(struct send_print *print);
/* *report must stay until send_print_report_end(). */
void send_print_report(struct send_print *print,
		       const struct send_print_report *report);
void send_print_to(struct send_print *print, const struct send_print_to *to);
void send_print_report_end(struct send_print *print);
void send_print_days(struct send_print *print,
		     const struct send_print_day *days, size_t n);
void send_print_end(struct send_print *print);

#endif
