/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * history.h - do we know good mail of a domain?
 *
 * A domain whose every message was turned away may be one that somebody bought to
 * send spam from, or one that only forgers use here: a report to it is at best
 * useless, and at worst tells a spammer that the address is read.
 */
#ifndef EDMARC_STORE_HISTORY_H
#define EDMARC_STORE_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/err.h"
#include "store/database.h"

/*
 * Is there a message under this policy domain, on one of so many days up to this
 * one, that passed, or that was neither quarantined nor rejected? Looks at the
 * rows of that domain only.
 */
MUST_CHECK int history_is_good(struct database *db, const char *policy_domain,
			       int64_t day, int days, bool *good,
			       struct err *err);

#endif
