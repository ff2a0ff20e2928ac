/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * library.h - what libopendmarc itself makes of a record and of a message
 *
 * For comparing it with us. It keeps no state but the public suffix list, which
 * psl_open() has it read. DNS questions are never left to it.
 */
#ifndef EDMARC_UNIT_LIBRARY_H
#define EDMARC_UNIT_LIBRARY_H

#include "dmarc/verdict.h"

/* Its reading of a record; texts are "" where it has nothing. */
struct library_record {
	bool usable;
	const char *p;
	const char *sp;
	const char *adkim;
	const char *aspf;
	int pct;
};

struct library_record library_read(const char *text);

/*
 * "pass", "none", or what it wants done with a message that fails: "fail none",
 * "fail quarantine", "fail reject". Fed with the record that applies by our
 * verdict, and where it was found.
 */
const char *library_judge(const struct message_facts *facts,
			  const struct dmarc_verdict *verdict);

#endif
