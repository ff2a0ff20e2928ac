/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * import.h - report mail from files, folders, Maildirs and mbox files
 *
 * A directory is walked in the order of its names, without following symbolic
 * links and without what is hidden; of a Maildir, new/ and cur/ of it and of its
 * folders. A file that begins with a "From " line is an mbox; any other is one
 * mail, or a report as it is. Nothing is moved, changed or removed.
 *
 * A mail is known by its content ("import." and half of its SHA-256), so one that
 * was loaded to its end costs no second reading, whatever its file is called and
 * whichever way it comes, and an import that was ended goes on when it is
 * started again.
 */
#ifndef EDMARC_EDMARC_IMPORT_H
#define EDMARC_EDMARC_IMPORT_H

#include "base/attributes.h"
#include "base/err.h"
#include "edmarc/ingest.h"
#include "edmarc/progress.h"

struct import;

/* paths ends with NULL and stays until import_free(). */
MUST_CHECK int import_new(struct ingest *ingest, char **paths,
			  struct import **import, struct err *err);

/* What waits in all paths. */
struct mail_source *import_source(struct import *import);

/* How far it is, or came. Counts mails, of each kind. */
struct progress *import_progress(struct import *import);

void import_free(struct import **import);

#endif
