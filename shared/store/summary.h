/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * summary.h - what others reported about our domains, added up by the server
 *
 * The sums of a report were made when it was stored, so all but the source
 * addresses costs one row for each report. Reports that are still coming in do
 * not count.
 */
#ifndef EDMARC_STORE_SUMMARY_H
#define EDMARC_STORE_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"
#include "store/database.h"

struct summary_question {
	int64_t after;      /* reports that end later than this ... */
	int64_t until;      /* ... and not later than this */
	const char *domain; /* policy domain; NULL: all */
	bool details;       /* sources, reporters and reports as well */
};

/* Messages, but for reports. */
struct summary_sums {
	int64_t reports;
	int64_t messages;
	int64_t compliant; /* aligned DKIM or aligned SPF */
	int64_t quarantined;
	int64_t rejected;
	int64_t spf_passed; /* aligned, as policy_evaluated says */
	int64_t spf_failed;
	int64_t dkim_passed;
	int64_t dkim_failed;
	/* By mail that is not known to have passed DMARC as the reporter. */
	int64_t unauthenticated_reports;
	int64_t unauthenticated_messages;
	int64_t overlapping_reports; /* see mail_outcome in reports.h */
};

struct summary_source {
	struct span address; /* IPv4 as IPv4 */
	int64_t messages;    /* compliant ones */
};

struct summary_reporter {
	struct span name;
	int64_t reports;
	int64_t messages;
};

struct summary_report {
	struct span reporter;
	struct span report_id;
	int64_t begin;
	int64_t end;
	int64_t messages;
	struct span authenticated; /* yes, other, no, unknown: carrier.h */
	struct span auth_domain;   /* empty when unknown */
	bool overlaps;
};

struct summary_domain {
	struct span domain;
	struct summary_sums sums;
	/* Most messages first; of reports the oldest. Empty without details. */
	struct summary_source *sources;
	size_t n_sources;
	struct summary_reporter *reporters;
	size_t n_reporters;
	struct summary_report *reports;
	size_t n_reports;
};

struct summary;

/* Ask; inside database_snapshot(), so that all numbers fit each other. */
MUST_CHECK int summary_open(struct database *db,
			    const struct summary_question *question,
			    struct summary **summary, struct err *err);
void summary_close(struct summary **summary);

/*
 * The next domain that has reports, in the order of strcmp(), with everything
 * in the arena: 1, 0 at the end, -1.
 */
MUST_CHECK int summary_next(struct summary *summary, struct arena *arena,
			    struct summary_domain *domain, struct err *err);

/* How many mails were set aside, wholly or because of a part. */
MUST_CHECK int
summary_set_aside(struct database *db, int64_t *mails, struct err *err);

void summary_add(struct summary_sums *sums, const struct summary_sums *more);

#endif
