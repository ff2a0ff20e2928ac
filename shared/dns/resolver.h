/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * resolver.h - the DNS as an argument
 *
 * The decision asks questions and gets answers; where they come from (c-ares, a
 * zone file, a test's table, a cache around one of those) it does not know.
 * Questions go in batches: what is asked together is asked at the same time and
 * shares the deadline that the resolver was made with.
 */
#ifndef EDMARC_DNS_RESOLVER_H
#define EDMARC_DNS_RESOLVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/span.h"

enum dns_type {
	DNS_TXT,
	DNS_A,
	DNS_AAAA,
	DNS_MX,
};

enum dns_status {
	DNS_FAIL,     /* timeout, SERVFAIL, refused: nobody knows */
	DNS_NXDOMAIN, /* this name does not exist, nor anything below it */
	DNS_NODATA,   /* the name exists, without a record of this type */
	DNS_FOUND,    /* at least one record */
};

struct dns_question {
	const char *name; /* A-labels, no trailing dot */
	enum dns_type type;
	/*
	 * Asked before anybody knows whether the answer will be needed, so that
	 * it costs no time of its own. It is answered like any other; only the
	 * list of a cache (cache.h) does not have it.
	 */
	bool ahead;
};

struct dns_answer {
	enum dns_status status;
	/*
	 * One span for each record, in the arena. TXT: the character-strings of
	 * a record joined with nothing between (R1.2). A, AAAA: the address as
	 * text. MX: the host name in lower case, most preferred first.
	 */
	struct span *records;
	size_t n;
	char why[64]; /* DNS_FAIL: "timeout", "SERVFAIL", ... */
};

struct resolver {
	/*
	 * Answer all n questions. answers[i] belongs to questions[i] and is
	 * always written. A name that is an alias (CNAME) exists, also when its
	 * target does not: then the answer is DNS_NODATA (R3.4). No memory or
	 * no time left is DNS_FAIL.
	 */
	void (*ask)(struct resolver *self, const struct dns_question *questions,
		    struct dns_answer *answers, size_t n, struct arena *arena);
	void (*free)(struct resolver *self);
	/*
	 * Until the next call, be done when part / parts of the deadline are
	 * over, counted from its start, and leave that share of the memory, of
	 * what was left at part 1, to later questions: one cannot use up what
	 * others need. The last call is for part = parts. May be NULL.
	 */
	void (*allow)(struct resolver *self, size_t part, size_t parts);
};

static inline void
resolver_allow(struct resolver *resolver, size_t part, size_t parts)
{
	if (resolver->allow != NULL)
		resolver->allow(resolver, part, parts);
}

static inline void resolver_free(struct resolver **resolver)
{
	if (*resolver != NULL)
		(*resolver)->free(*resolver);
	*resolver = NULL;
}

#endif
