/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * summary_print.h - a summary as text, JSON or CSV
 *
 * Domains come one after the other: start, domain for each, end. Text is for a
 * terminal of 80 columns and shows what matters most of long lists; JSON and
 * CSV hold everything.
 */
#ifndef EDMARC_EDMARC_SUMMARY_PRINT_H
#define EDMARC_EDMARC_SUMMARY_PRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "edmarc/command.h"
#include "store/summary.h"

#define SUMMARY_SHOWN_SOURCES 10
#define SUMMARY_SHOWN_REPORTS 20

struct summary_print {
	struct buf *out;
	enum format format;
	bool one;   /* one domain was asked for: text shows its details */
	bool apart; /* text tells what came by unauthenticated mail */
	int days;
	int64_t now;
	size_t domains; /* so far */
	struct summary_sums total;
};

void summary_print_start(struct summary_print *print);
void summary_print_domain(struct summary_print *print,
			  const struct summary_domain *domain);
void summary_print_end(struct summary_print *print, int64_t set_aside);

/* A number with its thousands apart, at most ten characters: "12,345k". */
struct summary_number {
	char text[32];
};

struct summary_number summary_number(int64_t number);

#endif
