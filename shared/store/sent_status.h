/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sent_status.h - what became of the reports of some days, for people
 */
#ifndef EDMARC_STORE_SENT_STATUS_H
#define EDMARC_STORE_SENT_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"
#include "store/database.h"
#include "store/outgoing.h"

/* A report with one of its destinations, or without any (address ""). */
struct sent_status {
	int64_t day;
	struct span policy; /* its hash: a report, on this day */
	const char *policy_domain;
	const char *report_id;
	const char *state; /* a word of sent_report */
	uint64_t messages; /* in the document, once there was one */
	uint64_t stored;   /* in the database now */
	uint64_t rows;
	int attempts;
	int64_t due_at;
	const char *detail;
	const char *address;
	const char *to_state; /* a word of sent_destination */
	int to_attempts;
	int64_t to_due_at;
	int64_t to_updated_at;
	const char *to_detail;
};

struct sent_statuses;

/* By day, policy domain, policy and address. Released with _close(). */
MUST_CHECK int
sent_status_open(struct database *db, const struct outgoing_range *range,
		 struct sent_statuses **statuses, struct err *err);

/* 1 with the next one, 0 at the end, -1. Texts are good until the next call. */
MUST_CHECK int sent_status_next(struct sent_statuses *statuses,
				struct sent_status *status, struct err *err);

void sent_status_close(struct sent_statuses **statuses);

#endif
