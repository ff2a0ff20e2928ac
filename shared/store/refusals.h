/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * refusals.h - hosts that do not want reports, remembered by all machines
 *
 * For less than a day: who has published consent gets the next day's report.
 */
#ifndef EDMARC_STORE_REFUSALS_H
#define EDMARC_STORE_REFUSALS_H

#include <stdint.h>

#include "report/destinations.h"
#include "store/database.h"

#define REFUSAL_SECONDS ((int64_t)20 * 3600)

struct stored_refusals {
	struct refusals refusals;
	struct database *db;
	int64_t now;
};

/* *stored, *db and what it is about stay the caller's. */
struct refusals *refusals_stored(struct stored_refusals *stored,
				 struct database *db, int64_t now);

#endif
