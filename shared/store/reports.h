/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reports.h - what others report: one mail from the spool into the tables
 *
 * A mail is stored whole or not at all. What the reader says about it is kept in
 * memory while the reader runs, so that no transaction waits for a slow child,
 * and stored with the mail's name in one transaction at the end. Only when more
 * than MAX_MAIL_ROWS rows (or MAX_MAIL_BYTES of them) have come are they stored
 * before, in transactions of that size, under a report that is marked
 * incomplete: a summary does not see it, the last transaction completes it, and
 * what a crash left of it is dropped when the mail is read again.
 *
 * A report that is there already (same reporter, policy domain, id, begin and
 * end) counts as a duplicate: the first one stays. While it is incomplete, mails
 * that bring it as well have to wait (ERR_TEMP): until then nobody knows whether
 * the first one can be read to its end.
 */
#ifndef EDMARC_STORE_REPORTS_H
#define EDMARC_STORE_REPORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"
#include "report/aggregate.h"
#include "store/columns.h"
#include "store/database.h"

#define MAX_MAIL_ROWS    5000 /* of one transaction: Galera likes them small */
#define MAX_MAIL_BYTES   ((size_t)8 * 1024 * 1024)
/* A million messages a second for ten days; sums stay below 2^63. */
#define MAX_ROW_MESSAGES 1000000000000

struct mail_envelope {
	struct span name; /* of the spool file */
	int64_t received;
	struct span recipient;
	struct span sender;
};

struct mail_outcome {
	enum {
		MAIL_OK,
		MAIL_PARTIAL,  /* something of it was refused */
		MAIL_REJECTED, /* everything */
	} status;
	/*
	 * The file belongs into bad/: it, or a part of it, was refused. (A
	 * report of which only rows were left out is partial, but read.)
	 */
	bool set_aside;
	char reason[512]; /* the first refusal, or "" */
	int reports;      /* stored, without duplicates */
	int duplicates;
};

const char *mail_status_name(const struct mail_outcome *outcome);

/* The key of a report; its text is in the scratch memory of the arena. */
MUST_CHECK int report_key(const struct report_head *head, struct arena *arena,
			  struct column_hash *key, struct err *err);

/*
 * Was this mail stored, and all of it taken? Then its file can go. A mail that
 * was refused before is read again: somebody has put it back, or we crashed
 * before it was moved.
 */
MUST_CHECK int mail_is_stored(struct database *db, struct span name,
			      bool *stored, struct err *err);

struct mail_store;

/* Begin with a mail: drops what a crash left of it. name must stay. */
MUST_CHECK int mail_store_open(struct database *db, struct span name,
			       int64_t now, struct mail_store **store,
			       struct err *err);

/*
 * Where the reader puts what it finds. A call returns ERR_TEMP when the database
 * fails and ERR_LIMIT when a number or text goes beyond all reason.
 */
struct report_sink *mail_store_sink(struct mail_store *store);

/* The reader itself failed: what it was in the middle of is refused. */
MUST_CHECK int mail_store_refuse(struct mail_store *store, const char *reason,
				 struct err *err);

/* Store all that is left and the mail itself; *outcome says what it was. */
MUST_CHECK int mail_store_finish(struct mail_store *store,
				 const struct mail_envelope *envelope,
				 struct mail_outcome *outcome, struct err *err);

/* What was not finished leaves at most an incomplete report behind. */
void mail_store_free(struct mail_store **store);

#endif
