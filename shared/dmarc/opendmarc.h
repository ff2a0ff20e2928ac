/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opendmarc.h - libopendmarc, loaded on demand
 *
 * The one place that knows the library, but for SPF (spf_check.h): what it is
 * asked here is what Exim's built-in DMARC and OpenDMARC ask it. Nothing is
 * corrected here (engine.h and psl.h do that), but nothing may be handed over
 * either that it does not bear: names are those of dns/domain.h, a record is
 * short and without surprises.
 *
 * The library keeps one public suffix list for the whole process. So there is at
 * most one struct opendmarc with a list at a time; another one gets an error.
 */
#ifndef EDMARC_DMARC_OPENDMARC_H
#define EDMARC_DMARC_OPENDMARC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/err.h"
#include "dmarc/words.h"

struct opendmarc;

/*
 * Load the library and have it read the public suffix list at path. NULL with
 * ERR_CONFIG when there is no library or no such list, or when a list is in use.
 */
MUST_CHECK struct opendmarc *opendmarc_open(const char *path, struct err *err);

/* Forgets the list. NULL inside is fine. */
void opendmarc_close(struct opendmarc **library);

/*
 * How many labels it gives to the Organizational Domain of a name; 0 when it has
 * no answer.
 */
size_t opendmarc_labels(const struct opendmarc *library, const char *name);

/* Is a domain that passed aligned with the Author Domain? */
bool opendmarc_aligned(const struct opendmarc *library, const char *author,
		       const char *identifier, enum alignment_mode mode);

/* What it is to judge. Texts that are not there are NULL. */
struct opendmarc_question {
	const char *author; /* domain */
	const char *record;
	const char *organization; /* that has the record, if not author */
	const char *spf;          /* domain for which SPF passed */
	bool spf_is_helo;
	const char *dkim; /* domain of a signature that passed */
};

struct opendmarc_answer {
	enum dmarc_result result; /* none: it cannot use the record */
	enum dmarc_policy policy; /* for a message that fails */
	enum policy_source source;
	unsigned pct;
	bool spf_aligned;
	bool dkim_aligned;
};

/* Returns -1 when it refuses what it was given, or has no memory. */
MUST_CHECK int opendmarc_judge(const struct opendmarc *library,
			       const struct opendmarc_question *question,
			       struct opendmarc_answer *answer);

#endif
