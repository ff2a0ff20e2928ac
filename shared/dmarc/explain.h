/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * explain.h - a verdict in sentences, for a person who asks "why?"
 */
#ifndef EDMARC_DMARC_EXPLAIN_H
#define EDMARC_DMARC_EXPLAIN_H

#include "dmarc/verdict.h"

#define MAX_EXPLANATION_BYTES 8192 /* what is longer is cut after a sentence */

/*
 * why is the query that failed, or NULL. Sentences with one space between, in
 * the arena; text of strangers is quoted. NULL when there is no memory.
 */
char *explain(const struct message_facts *facts,
	      const struct dmarc_verdict *verdict, const char *why,
	      struct arena *arena);

#endif
