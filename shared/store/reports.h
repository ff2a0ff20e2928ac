/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reports.h - what others report: mails from the spool into the tables
 *
 * A mail is stored whole or not at all. What the reader says about it is kept in
 * memory while the reader runs, so that no transaction waits for a slow child.
 * Then many mails are stored in one transaction, together with their names: a
 * transaction costs the same few round trips and one sync of the server's log,
 * however many mails it holds. Only when more than MAX_MAIL_ROWS rows (or
 * MAX_MAIL_BYTES of them) of a mail have come are they stored before, in
 * transactions of that size, under a report that is marked incomplete: a summary
 * does not see it, the transaction with the mail's name completes it, and what a
 * crash left of it is dropped when the mail is read again.
 *
 * A report that is there already (same reporter, policy domain, id, begin and
 * end) counts as a duplicate: the first one stays, unless it came by mail that is not
 * known to have passed DMARC as the reporter and this one did; then it gives way.
 * The reporter is org_name and the domain of email, so that nobody who sends under
 * his own domain can be in the way of another, whatever he calls himself. While it is incomplete, mails
 * that bring it as well have to wait (ERR_TEMP): until then nobody knows whether
 * the first one can be read to its end.
 */
#ifndef EDMARC_STORE_REPORTS_H
#define EDMARC_STORE_REPORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"
#include "report/aggregate.h"
#include "report/carrier.h"
#include "report/verp.h"
#include "store/bounces.h"
#include "store/columns.h"
#include "store/database.h"

/* Of one mail in memory, and so of one transaction: Galera likes them small. */
#define MAX_MAIL_ROWS  1000
#define MAX_MAIL_BYTES ((size_t)4 * 1024 * 1024)

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
	 * All of it was stored at another time, and nothing now: we crashed
	 * before the file was removed. The rest is not set.
	 */
	bool stored_before;
	/*
	 * The file belongs into bad/: it, or a part of it, was refused. (A
	 * report of which only rows were left out is partial, but read.)
	 */
	bool set_aside;
	char reason[512]; /* the first refusal, or "" */
	int reports;      /* of all kinds, stored, without duplicates */
	int duplicates;
	/*
	 * Reports, stored now, of a period that another report of the same
	 * reporter about the same policy domain covers in part (R8.1).
	 */
	int overlaps;
	/* Reports that took the place of one that anybody may have written. */
	int displaced;
};

const char *mail_status_name(const struct mail_outcome *outcome);

/* The key of a report; its text is in the scratch memory of the arena. */
MUST_CHECK int report_key(const struct report_head *head, struct arena *arena,
			  struct column_hash *key, struct err *err);

/*
 * Drop what is incomplete of these mails, which are to be read again, and of
 * any that nobody finished for a week.
 */
MUST_CHECK int mail_leftovers_drop(struct database *db,
				   const struct span *names, size_t n,
				   int64_t now, struct err *err);

/* A mail in memory; the same one can be used for many, one after the other. */
struct mail_store;

MUST_CHECK int
mail_store_new(struct database *db, struct mail_store **store, struct err *err);

/* Keep the header of messages that failed? Not unless told so, here. */
void mail_store_keep_headers(struct mail_store *store, bool keep);

/*
 * Begin with a mail, and forget the one before. What was not committed of that
 * leaves at most an incomplete report behind. name must stay until the next one.
 */
void mail_store_start(struct mail_store *store, struct span name, int64_t now);

/*
 * What the mail's own authentication says, in front of its first report; nothing
 * is known without it. *carrier is copied; what it points to must stay.
 */
void mail_store_carried(struct mail_store *store,
			const struct carrier *carrier);

/*
 * The address that the mail came to says that it is a bounce of this report, after
 * mail_store_start(); a bounce that came to another address is refused.
 */
void mail_store_bounce_of(struct mail_store *store, const struct verp *verp,
			  const struct suppress_steps *steps);

/*
 * Where the reader puts what it finds. A call returns ERR_TEMP when the database
 * fails and ERR_LIMIT when a number or text goes beyond all reason.
 */
struct report_sink *mail_store_sink(struct mail_store *store);

/* The reader itself failed: what it was in the middle of is refused. */
MUST_CHECK int mail_store_refuse(struct mail_store *store, const char *reason,
				 struct err *err);

/* The reader is through. The texts of the envelope must stay, too. */
MUST_CHECK int mail_store_end(struct mail_store *store,
			      const struct mail_envelope *envelope,
			      struct err *err);

/*
 * Is it a mail to be kept as it came? One with aggregate or TLS reports is; one
 * with a failure report holds a message of people, which is not stored.
 */
bool mail_store_may_keep(const struct mail_store *store);

/*
 * Keep it, when a report of it counts: bytes octets, compressed by gzip to what
 * stays with the caller until it is committed.
 */
void mail_store_keep(struct mail_store *store, struct span compressed,
		     uint64_t bytes);

/* What waits in memory. */
size_t mail_store_rows(const struct mail_store *store);
size_t mail_store_bytes(const struct mail_store *store);

/*
 * Store mails that have ended, all in one transaction; the order decides which
 * of two equal reports is the duplicate. After -1 nothing of it is stored (but
 * see database_transaction()): one of the mails may be at fault, so the caller
 * tries each by itself.
 */
MUST_CHECK int mail_stores_commit(struct database *db,
				  struct mail_store *const *stores, size_t n,
				  struct err *err);

/* What was committed. */
const struct mail_outcome *mail_store_outcome(const struct mail_store *store);

void mail_store_free(struct mail_store **store);

#endif
