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
 * A failure report without a domain passes. Of a TLS report, policies about
 * domains of others are left out, and the sink behind is told so at its end; it is
 * refused when nothing else is in it.
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
	const char *closed; /* why no report may pass; NULL: each is judged */
	bool shut;          /* the report in hand is refused */
	char reason[400];   /* the first one, for it or a part of it */

	/* of a TLS report */
	bool policy_shut; /* the policy in hand is left out */
	bool some_shut;   /* and so is that, or one before */
	bool some_passed;
};

/*
 * behind must have all calls, also those that may be NULL, and stay as long as
 * the gate is used; so must *hosted.
 */
void report_gate_start(struct report_gate *gate, struct report_sink *behind,
		       const struct hosted *hosted, int64_t now);

/*
 * No report may pass, for this reason, which must stay: what is none, or cannot
 * be read, keeps its own.
 */
void report_gate_close(struct report_gate *gate, const char *reason);

#endif
