/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ingest.h - the parts of `edmarc ingest`
 *
 * What an error costs: a bad line or mail is set aside and counted; a segment
 * or mail that cannot be done now (failures) stays in its spool and does not
 * keep the others waiting, unless it is the database that fails, which ends the
 * pass. A list of our domains that cannot be read keeps all mails waiting (held),
 * and nothing else.
 */
#ifndef EDMARC_EDMARC_INGEST_H
#define EDMARC_EDMARC_INGEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"
#include "dmarc/settings.h"
#include "edmarc/metrics.h"
#include "edmarc/parsers.h"
#include "edmarc/trust.h"
#include "store/database.h"
#include "store/reports.h"

struct ingest {
	const struct settings *settings;
	struct database *db;
	char host[256];
	int stop_fd;         /* readable when we are asked to stop; -1: never */
	unsigned jobs;       /* children that parse mail */
	bool unfiltered;     /* they run without a seccomp filter */
	int64_t expired_at;  /* when old rows were last looked for */
	struct trust *trust; /* NULL until there is report mail */

	/* of one pass */
	struct {
		uint64_t lines;
		uint64_t bad_lines;
		uint64_t mails;
		uint64_t reports;
		uint64_t duplicates;
		uint64_t refused; /* mails that were set aside */
	} count;
	unsigned failures;

	/*
	 * Nobody knows which domains are ours, so mails stay where they are:
	 * why, or "" when they do not.
	 */
	char held[256];

	const char *metrics_path; /* "": nobody asks for them */
	struct metrics metrics;
	int64_t metrics_at;  /* when they were written */
	bool metrics_failed; /* and could not be */
};

/* What became of a mail, in a word. */
enum mail_fate ingest_fate(const struct mail_outcome *outcome);

/* Were we asked to stop? */
bool ingest_stopping(const struct ingest *ingest);

/*
 * Log a failure of one file. Returns 0 to go on with the next one, -1 (with
 * *err) when the database is gone or the administrator has to do something.
 */
MUST_CHECK int ingest_failed(struct ingest *ingest, struct err *err);

/* Load and remove what waits; connected, with the lock on the spool. */
MUST_CHECK int ingest_verdicts(struct ingest *ingest, struct err *err);
MUST_CHECK int ingest_reports(struct ingest *ingest, struct err *err);

/* A mail that waits to be read; it belongs to its source. */
struct source_mail {
	struct span name;  /* what the store knows it by; a NUL is behind it */
	const char *label; /* what people know it by */
	uint64_t number;   /* of two equal reports, the lower one counts */
	struct source_mail *next;
};

/*
 * Where mails come from: the spool, or what an import was pointed at. A mail
 * that next() gave stays until the source ends, or until done() has taken it
 * back; it is opened again when it could not be stored the first time.
 */
struct mail_source {
	/* 1 with the next one, 0 when there are no more, -1. */
	int (*next)(struct mail_source *source, struct source_mail **mail,
		    struct err *err);
	/*
	 * The descriptor, and where in it the mail begins; what is known of its
	 * envelope, in the arena. -1: ERR_INPUT and ERR_LIMIT refuse the mail.
	 */
	int (*open)(struct mail_source *source, struct source_mail *mail,
		    struct arena *arena, struct mail_envelope *envelope,
		    off_t *offset, struct err *err);
	/* It is in the tables now, or was before. */
	int (*done)(struct mail_source *source, struct source_mail *mail,
		    const struct mail_envelope *envelope,
		    const struct mail_outcome *outcome, struct err *err);
};

/*
 * Read and store what the source has. Mails that are with a child when we are
 * asked to stop are not stored. -1 with held: none was touched, for *err.
 */
MUST_CHECK int ingest_mails(struct ingest *ingest, struct parsers *parsers,
			    struct mail_source *source, struct err *err);

/*
 * Is this directory safe to read from (nothing for others) and ours to work in?
 * ERR_CONFIG names what is expected.
 */
MUST_CHECK int spool_check(const char *directory, struct err *err);

/*
 * One ingest for each spool: a lock that the kernel releases when we end. The
 * descriptor, or -1: ERR_TEMP names the process that holds it.
 */
MUST_CHECK int spool_lock(const char *directory, struct err *err);

#endif
