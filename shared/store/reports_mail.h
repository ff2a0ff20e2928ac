/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reports_mail.h - a mail in memory, between reports.c (which fills it) and
 * reports_commit.c (which puts it into the tables); for these two only
 */
#ifndef EDMARC_STORE_REPORTS_MAIL_H
#define EDMARC_STORE_REPORTS_MAIL_H

#include "base/arena.h"
#include "base/buf.h"
#include "store/other_reports.h"
#include "store/reports.h"

#define HEAD_COLUMNS 23 /* what the reader says at the head of a report */
#define ROW_COLUMNS  13

/* What the rows of a report add up to. */
struct sums {
	int64_t messages;
	int64_t compliant;
	int64_t dkim_passed;
	int64_t spf_passed;
	int64_t quarantined;
	int64_t rejected;
	int64_t rows;
};

struct report {
	struct report *next;
	struct mail_store *mail;
	struct column_hash base; /* report_key() */
	struct column_hash key;  /* under which it is looked for */
	bool authentic;          /* its mail passed DMARC as the reporter */
	struct db_value head[HEAD_COLUMNS];
	struct sums sums;
	int64_t skipped_rows;
	struct span warnings;
	enum report_status status;
	bool overlaps; /* as its own INSERT has found */

	/* What is known for sure, since its transaction was committed. */
	bool placed;
	bool duplicate;
	bool again; /* stored by an earlier reading of the same mail */
	bool aside; /* under another key, until it is complete */
	int64_t id;
	/* What the transaction that is running says. */
	bool try_duplicate;
	bool try_again;
	bool try_aside;
	int64_t try_id;
	int64_t rival; /* which it takes the place of; 0: none */
};

struct row {
	struct report *report;
	struct db_value value[ROW_COLUMNS]; /* the first is the report's id */
};

struct mail_store {
	struct report_sink sink;
	struct database *db;
	struct span name;
	int64_t now;

	/* Of which report it is a bounce, by the address that it came to. */
	bool is_bounce;
	struct verp verp;
	struct suppress_steps steps;

	struct arena *heads; /* until the end of the mail */
	struct report *first;
	struct report **end;
	struct report *current;
	bool inside; /* between begin and end */

	struct arena *texts; /* of the rows that wait */
	struct row *rows;
	size_t n_rows;
	size_t room; /* for rows */
	struct buf json;

	struct other_reports others; /* in heads, too */
	bool failure_headers;        /* are kept */
	enum {
		INSIDE_NOTHING, /* or an aggregate report */
		INSIDE_FAILURE,
		INSIDE_TLS,
		INSIDE_BOUNCE,
	} kind; /* of what the reader is in */

	unsigned refused;
	char reason[512];

	struct carrier carrier;
	struct span original; /* compressed; empty when it is not kept */
	uint64_t original_bytes;

	struct mail_envelope envelope; /* from mail_store_end() on */
	struct mail_outcome outcome;

	/* What the table of mails says, in the transaction that is running. */
	bool known;       /* it was read before */
	bool known_whole; /* and all of it was taken */
	int others_stored;
	int others_duplicate;
};

/* Is there memory behind each text? */
bool values_there(const struct db_value *values, size_t n);

/*
 * Put the rows that wait into the tables, in a transaction of their own, and
 * forget them.
 */
MUST_CHECK int mail_store_flush(struct mail_store *store, struct err *err);

/* Remove an incomplete report with its rows. */
MUST_CHECK int report_drop(struct database *db, int64_t id, struct err *err);

#endif
