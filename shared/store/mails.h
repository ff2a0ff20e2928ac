/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mails.h - what became of a report mail after it was loaded
 */
#ifndef EDMARC_STORE_MAILS_H
#define EDMARC_STORE_MAILS_H

#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"
#include "store/database.h"

/*
 * A mail that was set aside is thrown away: nobody has to be told of it any more,
 * and should its file come back, it is not read again. A mail that was never
 * loaded, by its name, is fine too.
 */
MUST_CHECK int
mail_dropped(struct database *db, struct span name, struct err *err);

#endif
