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

#define MAX_ENTRY_BYTES        (64 * 1024) /* a line with 100 signatures */
#define MAX_ENTRY_RCPT_DOMAINS 100

struct entry {
	int64_t time;     /* seconds, when the message was received */
	const char *id;   /* Exim's message id */
	const char *mta;  /* our host */
	const char *rcpt_domains[MAX_ENTRY_RCPT_DOMAINS];
	size_t n_rcpt_domains;
	struct message_facts facts;
	struct dmarc_verdict verdict;
};

/* One line with its newline. Whether it fitted is buf_ok()'s to say. */
void entry_format(struct buf *buf, const struct entry *entry);

/*
 * Read a line back; texts live in the arena. What the line does not hold
 * (facts.from apart from the domains, the record's own text) stays empty.
 * *entry is only written when the result is 0. ERR_INPUT names the key at
 * fault. parse(format(x)) == x for everything the line holds.
 */
MUST_CHECK int entry_parse(struct span line, struct arena *arena,
			   struct entry *entry, struct err *err);

#endif
