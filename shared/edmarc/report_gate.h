/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report_gate.h - which reports may count, in front of the store
 *
 * A sink that lets a report through, or tells the sink behind it that the report
 * is refused and why. Refused is one about a domain that is not hosted here
 * (anybody can send us those), and one about a time that cannot be: in the
 * future, before DMARC, with its end before its begin, or longer than
 * MAX_REPORT_DAYS (limits.h).
 *
 * A failure report without a domain passes. A TLS report is refused when one of
 * its policies is about a domain of others.
 */
#ifndef EDMARC_EDMARC_REPORT_GATE_H
#define EDMARC_EDMARC_REPORT_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "edmarc/hosted.h"
#include "report/aggregate.h"

struct report_gate {
	struct report_sink sink; /* for the reader */
	struct report_sink *behind;
	const struct hosted *hosted;
	int64_t now;
	bool shut; /* the report in hand is refused */
	char reason[400];
};

/*
 * behind must have all calls, also those that may be NULL, and stay as long as
 * the gate is used; so must *hosted.
 */
void report_gate_start(struct report_gate *gate, struct report_sink *behind,
		       const struct hosted *hosted, int64_t now);

#endif
