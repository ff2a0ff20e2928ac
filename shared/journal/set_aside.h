/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * set_aside.h - report mails that could not be read, in bad/ of their spool
 *
 * Each mail stands there beside NAME.reason, one line that says why
 * (report_spool.h). People look at them, put them back when a newer version may
 * read them, or throw them away.
 */
#ifndef EDMARC_JOURNAL_SET_ASIDE_H
#define EDMARC_JOURNAL_SET_ASIDE_H

#include <stddef.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"

/* More are listed when these are gone. */
#define MAX_SET_ASIDE_NAMES 1000000

/*
 * The mails in bad/, oldest first, in the arena. What ends in ".reason" is a mail
 * only when a reason stands beside it. A directory that is missing or open to
 * others is ERR_CONFIG.
 */
MUST_CHECK int set_aside_names(const char *directory, struct arena *arena,
			       struct span **names, size_t *n, struct err *err);

/* Is there such a mail, now? 0, or -1: ERR_INPUT when there is not. */
MUST_CHECK int
set_aside_look(const char *directory, struct span name, struct err *err);

/* Why a mail is there, in the arena; "" when nobody wrote it down. */
MUST_CHECK int set_aside_reason(const char *directory, struct span name,
				struct arena *arena, struct span *reason,
				struct err *err);

/*
 * Put a mail back into new/, for ingest to read it again. The reason goes after
 * the mail, so that no mail in bad/ is without one. ERR_INPUT when the mail is not
 * there (any more).
 */
MUST_CHECK int
set_aside_retry(const char *directory, struct span name, struct err *err);

/* Remove a mail and its reason for good; errors as above. */
MUST_CHECK int
set_aside_drop(const char *directory, struct span name, struct err *err);

#endif
