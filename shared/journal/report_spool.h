/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report_spool.h - captured report mail on its way from Dovecot to ingest
 *
 *	tmp/    being written; what is older than a day was left by a crash
 *	new/    complete and synced: one file for each mail
 *	bad/    could not be read: NAME and NAME.reason
 *
 * Owned by the user edmarc, mode 0700 or 0750. A file begins with the facts of
 * the envelope, which a stranger cannot write into, then an empty line, then the
 * mail as it came (CR LF or LF):
 *
 *	edmarc-report 1
 *	received: 1795453509
 *	recipient: dmarc.rua@example.org
 *	sender: noreply-dmarc@reporter.example
 *	session: ...
 *
 * Values are quoted as quote() does, so none holds a newline. Uses nothing but
 * base/, because the Dovecot plugin links it.
 */
#ifndef EDMARC_JOURNAL_REPORT_SPOOL_H
#define EDMARC_JOURNAL_REPORT_SPOOL_H

#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

#define MAX_REPORT_MAIL_BYTES (50 * 1024 * 1024) /* a 1,000,000-row report */

struct report_envelope {
	int64_t received;
	struct span recipient;
	struct span sender; /* empty for <> */
	struct span session;
};

/* A mail being written. */
struct report_draft {
	int fd;
	char directory[512];
	char name[160];
	size_t written;
};

/*
 * Start a file in tmp/ with the envelope, add the mail piece by piece, then
 * commit: fdatasync, rename into new/, fsync of new/. After any -1 the draft is
 * removed and nothing is left; all reasons are ERR_TEMP but for more than
 * MAX_REPORT_MAIL_BYTES, which is ERR_LIMIT. host makes names of machines that
 * share a spool differ. report_draft_drop() gives up; it is safe after commit.
 */
MUST_CHECK int report_draft_start(struct report_draft *draft,
				  const char *directory, const char *host,
				  const struct report_envelope *envelope,
				  struct err *err);
MUST_CHECK int report_draft_add(struct report_draft *draft, struct span bytes,
				struct err *err);
MUST_CHECK int report_draft_commit(struct report_draft *draft,
				   struct err *err);
void report_draft_drop(struct report_draft *draft);

/* The names in new/, oldest first, in the arena. */
MUST_CHECK int report_spool_names(const char *directory, struct arena *arena,
				  struct span **names, size_t *n,
				  struct err *err);

/*
 * Open NAME in new/ and read its envelope; *mail is the offset of the mail.
 * Returns the descriptor, or -1: ERR_INPUT when the file is not ours to read.
 */
MUST_CHECK int report_spool_open(const char *directory, struct span name,
				 struct arena *arena,
				 struct report_envelope *envelope, off_t *mail,
				 struct err *err);

/* The mail is in the store: remove the file. Not being there is fine. */
MUST_CHECK int report_spool_remove(const char *directory, struct span name,
				   struct err *err);

/*
 * Move NAME to bad/ with its reason beside it in NAME.reason: the reason first,
 * so that no mail stands there without one.
 */
MUST_CHECK int report_spool_set_aside(const char *directory, struct span name,
				      const char *reason, struct err *err);

#endif
