/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * entry.h - one line of the verdict journal
 *
 * JSON Lines: one object for each message, with everything that an aggregate
 * report needs later (R5.7, R7.x) and what a person greps for. Written in the
 * Exim module without allocations beyond the buf, read by `edmarc ingest`.
 *
 *	{"v":1,"time":1795453509,"id":"1wNx...","mta":"mx1.example.org",
 *	 "client":"192.0.2.7","helo":"...","mail_from":"...","rcpt_domains":[...],
 *	 "size":1234, <the keys of verdict_json()>}
 */
#ifndef EDMARC_JOURNAL_ENTRY_H
#define EDMARC_JOURNAL_ENTRY_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "dmarc/verdict.h"

/*
 * Room for a message with dozens of signatures and recipients' domains, or a
 * record of many kilobytes, but not for all at once: who sends those wants our
 * disk.
 */
#define MAX_ENTRY_BYTES        (64 * 1024)
#define MAX_ENTRY_RCPT_DOMAINS 100 /* distinct; for a person, not for reports */

#define ENTRY_SIZE_UNKNOWN (-1)

struct entry {
	int64_t time;    /* seconds, when the message was received */
	const char *id;  /* Exim's message id */
	const char *mta; /* our host */
	const char *rcpt_domains[MAX_ENTRY_RCPT_DOMAINS];
	size_t n_rcpt_domains;
	int64_t size; /* octets as received, or ENTRY_SIZE_UNKNOWN */
	struct message_facts facts;
	struct dmarc_verdict verdict;
};

/*
 * One line with its newline. When it does not fit, signatures at the end of the
 * list are left out, because otherwise who forges mail of a domain could keep
 * it out of the reports by adding some. Whether the line fitted then is
 * buf_ok()'s to say. What is not UTF-8, and NUL, becomes U+FFFD.
 */
void entry_format(struct buf *buf, const struct entry *entry);

/*
 * Read a line back; texts live in the arena. What the line does not hold
 * (facts.from apart from the domains, the record's own text) stays empty;
 * facts.from.status follows from their number. Keys that are not known are
 * skipped; v, time, id, mta, client, from_domains and result must be there.
 * *entry is only written when the result is 0. ERR_INPUT and ERR_LIMIT name
 * the key at fault. parse(format(x)) == x for everything the line holds.
 */
MUST_CHECK int entry_parse(struct span line, struct arena *arena,
			   struct entry *entry, struct err *err);

#endif
