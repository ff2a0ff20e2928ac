/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secret.h - keys that all machines of a database share
 *
 * A key is made by the first program that needs it and stays. Whoever can read
 * the database has it; it guards nothing but what comes from outside.
 */
#ifndef EDMARC_STORE_SECRET_H
#define EDMARC_STORE_SECRET_H

#include <stdint.h>

#include "base/attributes.h"
#include "base/err.h"
#include "report/verp.h"
#include "store/database.h"

/* The key of envelope senders. */
MUST_CHECK int secret_verp(struct database *db, int64_t now,
			   struct verp_key *key, struct err *err);

#endif
