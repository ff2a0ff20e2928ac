/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * names.h - what a report that we send is called (RFC 9990 3.5; R8.3 - R8.6)
 *
 * One report id everywhere: in the document, the subject, the file name and on
 * the left of the Message-ID. The same report has the same names whenever it is
 * sent again, so receivers know it.
 */
#ifndef EDMARC_REPORT_NAMES_H
#define EDMARC_REPORT_NAMES_H

#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"

#define REPORT_ID_DIGITS 32

struct report_id {
	char text[REPORT_ID_DIGITS + 1];
};

/*
 * The id of the report of one day about the policy with this hash, from this
 * submitter: always the same, and no other report of ours has it.
 */
struct report_id
report_id_make(int64_t day, struct span policy_hash, const char *submitter);

struct report_names {
	const char *file;       /* SUBMITTER!DOMAIN!BEGIN!END!ID.xml.gz */
	const char *subject;    /* Report Domain: ... Submitter: ... */
	const char *message_id; /* ID@SUBMITTER, without <> */
};

/*
 * In the arena. submitter is our own domain: two labels or more of letters,
 * digits and "-", or it is ERR_CONFIG. policy_domain is as domain_normalize()
 * makes it; a single label and "_" are let through although the grammar of file
 * names has neither, because such domains do publish records and ask for
 * reports. report_id is letters and digits only (ERR_INPUT).
 */
MUST_CHECK int
report_names_make(struct report_names *names, const char *submitter,
		  const char *policy_domain, int64_t begin, int64_t end,
		  const char *report_id, struct arena *arena, struct err *err);

#endif
