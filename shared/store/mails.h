/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mails.h - what became of a report mail after it was loaded
 */
#ifndef EDMARC_STORE_MAILS_H
#define EDMARC_STORE_MAILS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"
#include "store/database.h"

/*
 * What the names of imported mails begin with; those of the spool begin with the
 * time. When something of such a mail is refused, its file stays where it is, not
 * in bad/, and it is read again with the next import.
 */
#define IMPORTED_NAME "import."

/*
 * A mail that was set aside is thrown away: nobody has to be told of it any more,
 * and should its file come back, it is not read again. A mail that was never
 * loaded, by its name, is fine too.
 */
MUST_CHECK int
mail_dropped(struct database *db, struct span name, struct err *err);

/*
 * Which of these were loaded to their end, so that nobody has to read them
 * again? What was set aside is not: a newer version may read it.
 */
MUST_CHECK int mails_loaded(struct database *db, const struct span *names,
			    size_t n, bool *loaded, struct err *err);

#endif
