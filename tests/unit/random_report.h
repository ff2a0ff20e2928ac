/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * random_report.h - reports as nobody would think of them
 *
 * Heads and rows that a dialect can say (nothing that write_xml translates), so
 * that writing and reading give the same back. The same seed gives the same
 * reports.
 */
#ifndef EDMARC_TESTS_RANDOM_REPORT_H
#define EDMARC_TESTS_RANDOM_REPORT_H

#include <stdint.h>

#include "base/arena.h"
#include "report/aggregate.h"

struct test_random {
	uint64_t state; /* the seed; not 0 */
};

uint32_t random_below(struct test_random *random, uint32_t n);

void random_head(struct test_random *random, enum report_dialect dialect,
		 struct arena *arena, struct report_head *head);
void random_row(struct test_random *random, enum report_dialect dialect,
		struct arena *arena, struct report_row *row);

#endif
