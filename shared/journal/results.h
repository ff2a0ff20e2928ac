/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * results.h - the results of one message out of JSON, as the store keeps them
 *
 * The store groups messages by what a report row tells apart and keeps the two
 * lists of it in the words of the journal (entry.h):
 *
 *	reasons        [{"type":..., "comment":...}, ...]
 *	auth_results   {"dkim":[{"domain":..., "selector":..., "result":...,
 *	               "human":...}, ...], "spf":{"domain":..., "scope":...,
 *	               "result":...} or null}
 */
#ifndef EDMARC_JOURNAL_RESULTS_H
#define EDMARC_JOURNAL_RESULTS_H

#include <stddef.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"
#include "dmarc/verdict.h"

struct results {
	struct verdict_reason reasons[MAX_REASONS];
	size_t n_reasons;
	struct dkim_fact *dkim;
	size_t n_dkim;
	struct spf_fact spf; /* known is false for null */
};

/*
 * Texts live in the arena. *results is only written when the result is 0;
 * ERR_INPUT names the key at fault.
 */
MUST_CHECK int results_parse(struct span reasons, struct span auth_results,
			     struct arena *arena, struct results *results,
			     struct err *err);

#endif
