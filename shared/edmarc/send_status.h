/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * send_status.h - edmarc send --status: what became of the reports of some days
 */
#ifndef EDMARC_EDMARC_SEND_STATUS_H
#define EDMARC_EDMARC_SEND_STATUS_H

#include "base/attributes.h"
#include "base/err.h"
#include "edmarc/send_print.h"
#include "store/database.h"
#include "store/outgoing.h"

#define SEND_STATUS_DAYS 366 /* at most, in a range */

/* Reports, their destinations, and the numbers of each day, into print. */
MUST_CHECK int send_status(struct database *db,
			   const struct outgoing_range *range,
			   struct send_print *print, struct err *err);

#endif
