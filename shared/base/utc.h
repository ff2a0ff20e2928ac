/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * utc.h - days and dates in UTC
 *
 * Times are seconds since 1970-01-01 00:00:00 UTC. Reports cover UTC days
 * (R8.1); local time is nobody's business here.
 */
#ifndef EDMARC_BASE_UTC_H
#define EDMARC_BASE_UTC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

#define UTC_DAY 86400

struct utc_text {
	char text[32];
};

/* The first second of the day that holds time (INT64_MIN if that is below it). */
int64_t utc_day_begin(int64_t time);

struct utc_text utc_date(int64_t time);  /* 2026-11-23 */
struct utc_text utc_stamp(int64_t time); /* 2026-11-23T17:05:09Z */
struct utc_text utc_mail(int64_t time);  /* Mon, 23 Nov 2026 17:05:09 +0000 */

/* 2026-11-23 into its first second; false when it is no date. */
bool utc_parse_date(struct span text, int64_t *time) MUST_CHECK;

/*
 * ISO 8601 as people write it: 2023-11-15, 2023-11-15T00:00:00Z, 2023-11-15
 * 00:00:00.5+01:00. No zone is UTC, a fraction is cut; false before 1970.
 */
bool utc_parse_stamp(struct span text, int64_t *time) MUST_CHECK;

#endif
