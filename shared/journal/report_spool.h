/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report_spool.h - captured report mail on its way from Dovecot to ingest
 *
 *	tmp/    being written; what is older than a day was left by a crash
 *	new/    complete and synced: one file for each mail
 *	bad/    could not be read: NAME and NAME.reason
 *
 * The administrator or the package makes the four directories; nothing here
 * does, because one made by the wrong process would have the wrong owner. They
 * belong to the user edmarc, mode 0700 or 0750. Where Dovecot delivers all mail
 * as one user (vmail), they belong to that user and the group edmarc, mode 2770.
 * Anything for others is refused: they could plant reports or read them. Files
 * are 0600, and 0640 where the group may read the directory.
 *
 * A file begins with the facts of the envelope, which a stranger cannot write
 * into, then an empty line, then the mail as it came (CR LF or LF):
 *
 *	edmarc-report 1
 *	received: 1795453509
 *	recipient: dmarc.rua@example.org
 *	sender: noreply-dmarc@reporter.example
 *	session: ...
 *
 * Values are quoted as quote() does, so none holds a newline. Uses nothing but
 * base/, because the Dovecot plugin links it.
 *
 * A name is TIME.RANDOM.PID.HOST. The store remembers names to take each mail
 * once, so a name must not come again even after its file is gone: 64 random
 * bits see to that where a process that serves many mails, a clock set back or
 * two containers of one host name would not.
 */
#ifndef EDMARC_JOURNAL_REPORT_SPOOL_H
#define EDMARC_JOURNAL_REPORT_SPOOL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"

/* Exim takes 50 MiB unless told otherwise; fields and CR LF come on top. */
#define MAX_REPORT_MAIL_BYTES     (60 * 1024 * 1024)
#define MAX_REPORT_ENVELOPE_BYTES 4096 /* four quoted values, more to come */
#define MAX_REPORT_NAME           159 /* ours have about 50 and the host name */
#define MAX_REPORT_NAMES          10000 /* at a time; the rest waits its turn */

struct report_envelope {
	int64_t received;
	struct span recipient;
	struct span sender; /* empty for <> */
	struct span session;
};

/* A mail being written. */
struct report_draft {
	int fd;
	int tmp_fd; /* the directories, opened once: nobody can swap them */
	int new_fd;
	char directory[512];
	char name[MAX_REPORT_NAME + 1]; /* "" when there is nothing in tmp/ */
	size_t written;
};

/*
 * Start a file in tmp/ with the envelope, add the mail piece by piece, then
 * commit: fdatasync, rename into new/, fsync of new/. After any -1 the draft is
 * removed and nothing is left; all reasons are ERR_TEMP but for more than
 * MAX_REPORT_MAIL_BYTES, which is ERR_LIMIT. A directory that is missing or open
 * to others is ERR_TEMP too, with what is expected in the text: the sender keeps
 * the mail until it is repaired. So is a disk of which less than a twentieth, and
 * less than 1 GiB, is free. host makes names of machines that share a spool
 * differ. report_draft_drop() gives up; it is safe after commit and after -1.
 */
MUST_CHECK int report_draft_start(struct report_draft *draft,
				  const char *directory, const char *host,
				  const struct report_envelope *envelope,
				  struct err *err);
MUST_CHECK int report_draft_add(struct report_draft *draft, struct span bytes,
				struct err *err);
MUST_CHECK int report_draft_commit(struct report_draft *draft, struct err *err);
void report_draft_drop(struct report_draft *draft);

/*
 * The names in new/, oldest first, in the arena: at most MAX_REPORT_NAMES, and
 * no more than the arena holds (about 2 MB), so that any backlog can be worked
 * off; which ones of a larger backlog is left to the file system. Names that are
 * not ours are left alone. A directory that is missing or
 * open to others is ERR_CONFIG.
 */
MUST_CHECK int report_spool_names(const char *directory, struct arena *arena,
				  struct span **names, size_t *n,
				  struct err *err);

/*
 * new/ itself, judged once for many mails; the descriptor is the caller's to
 * close. ERR_CONFIG when it is missing or open to others.
 */
MUST_CHECK int report_spool_new(const char *directory, struct err *err);

/*
 * Open NAME in new/, which is open as new_fd, and read its envelope; *mail is the offset of the mail.
 * Returns the descriptor, which stands at an unspecified place, or -1: ERR_INPUT
 * when the file is not ours to read (to be set aside), ERR_TEMP also when it is
 * gone.
 */
MUST_CHECK int report_spool_open(int new_fd, const char *directory,
				 struct span name, struct arena *arena,
				 struct report_envelope *envelope, off_t *mail,
				 struct err *err);

/* The same for a mail in bad/. */
MUST_CHECK int report_spool_open_bad(const char *directory, struct span name,
				     struct arena *arena,
				     struct report_envelope *envelope,
				     off_t *mail, struct err *err);

/*
 * What a file begins with. The spans point into text and are still quoted; *mail
 * is the offset of the mail. Unknown fields are skipped. ERR_INPUT when the
 * first line is another, a field is malformed, doubled or missing, or the empty
 * line does not come within MAX_REPORT_ENVELOPE_BYTES. *envelope and *mail are
 * only written when the result is 0.
 */
MUST_CHECK int report_envelope_parse(struct span text,
				     struct report_envelope *envelope,
				     size_t *mail, struct err *err);

/*
 * The mail is in the store: remove the file. Not being there is fine. Not
 * synced: should the file come back after a crash, the store knows its name.
 */
MUST_CHECK int report_spool_remove(int new_fd, const char *directory,
				   struct span name, struct err *err);

/*
 * Move NAME to bad/ with its reason beside it in NAME.reason: the reason first,
 * so that no mail stands there without one.
 */
MUST_CHECK int report_spool_set_aside(const char *directory, struct span name,
				      const char *reason, struct err *err);

/*
 * Remove what a crash left in tmp/ more than a day before now. Such a mail was
 * never acknowledged, so its sender has it. *removed counts them.
 */
MUST_CHECK int report_spool_clean(const char *directory, int64_t now,
				  size_t *removed, struct err *err);

#endif
