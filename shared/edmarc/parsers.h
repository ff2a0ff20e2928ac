/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * parsers.h - a few children that read strangers' mail, side by side
 *
 * Each child (edmarc/parser_child.h) has a queue of mails, so that it goes on
 * while the parent waits for the database. What a child says is believed no more
 * than the mail itself. A child that dies, stalls or talks nonsense costs the mail
 * that it was reading, and nobody else's: those behind it go to the next child.
 *
 * A child lives for PARSER_LIFE_MAILS mails at most: whoever takes one over
 * sees, and can falsify, only those that it is given after that. It is ended
 * after the first mail that was not read cleanly.
 */
#ifndef EDMARC_EDMARC_PARSERS_H
#define EDMARC_EDMARC_PARSERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/attributes.h"
#include "base/err.h"
#include "report/aggregate.h"

#define MAX_PARSERS     64 /* children; more than any machine gains from */
#define DEFAULT_PARSERS 4  /* or fewer, if there are fewer processors */

/*
 * How many mails a child may read. Starting one takes as long as reading ten or
 * twenty mails (the filter, and memory that is copied when either side writes to
 * it), so with this it is a thirtieth of the work.
 */
#ifndef PARSER_LIFE_MAILS
#define PARSER_LIFE_MAILS 500
#endif

struct parsers;

/* A mail to read. */
struct parser_mail {
	int fd;       /* the caller's, open until the mail is done */
	off_t offset; /* where the mail begins; 0 if fd is a pipe */
	struct report_sink *sink;
	void *owner; /* the caller's, comes back with the result */
};

/* What became of it. */
struct parser_result {
	void *owner;
	/*
	 * 0, or -1 with *err: ERR_INPUT when the child died or spoke nonsense
	 * (the text says how: "parser killed by signal 9"), ERR_LIMIT past a
	 * deadline or for a mail that is too long, ERR_TEMP when it cannot be
	 * read, or the sink's own error.
	 */
	int result;
	/*
	 * The child died over it, but may have done so for another reason: it
	 * had read other mails before, or somebody else killed it. Give this
	 * one to parser_read() before it is set aside.
	 */
	bool again;
	struct err err;
};

/* As many as there are processors, at most DEFAULT_PARSERS. */
unsigned parsers_default(void);

/*
 * Children are forked when there is something to do, and more than are needed at
 * once when there is much of it: they wait, locked up, for their turn. filtered:
 * with a seccomp filter, without which the sandbox is none. Call
 * report_read_prepare() before.
 */
MUST_CHECK int parsers_new(unsigned children, bool filtered,
			   struct parsers **parsers, struct err *err);

/* Kills the children; mails that are not done are forgotten. */
void parsers_free(struct parsers **parsers);

/* Would a mail be taken now? */
bool parsers_have_room(const struct parsers *parsers);

/* 1 when the mail was taken, 0 when all queues are full, -1. */
MUST_CHECK int parsers_give(struct parsers *parsers,
			    const struct parser_mail *mail, struct err *err);

/* How many mails were given and are not done. */
size_t parsers_busy(const struct parsers *parsers);

/*
 * Listen to the children, for ms milliseconds at most; sinks are called from
 * here. 1 when a mail is done, 0 when the time is over or nothing is to be done,
 * -1 when there is no child to be had (ERR_CONFIG: no sandbox).
 */
MUST_CHECK int parsers_wait(struct parsers *parsers, int ms,
			    struct parser_result *result, struct err *err);

/*
 * One mail alone, by a child of its own. 0, or -1 as in struct parser_result or
 * from parsers_wait().
 */
MUST_CHECK int parser_read(int fd, off_t offset, bool filtered,
			   struct report_sink *sink, struct err *err);

#endif
