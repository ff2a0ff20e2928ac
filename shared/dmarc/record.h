/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record.h - what a domain owner asks for (RFC 9989 4.7, 4.8; R1.1 - R1.18)
 *
 * A record is a value. Its texts point into the arena, never into the DNS
 * answer it came from.
 */
#ifndef EDMARC_DMARC_RECORD_H
#define EDMARC_DMARC_RECORD_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/span.h"
#include "dmarc/words.h"

/* fo as a set */
enum {
	DMARC_FO_ALL = 1,  /* "0", the default */
	DMARC_FO_ANY = 2,  /* "1" */
	DMARC_FO_DKIM = 4, /* "d" */
	DMARC_FO_SPF = 8,  /* "s" */
};

struct dmarc_record {
	/*
	 * UNSET when absent or invalid. With a usable rua, p is then none
	 * (R1.11, R1.12); sp and np are unset when one of the three is invalid,
	 * and stay as they are when only p is missing (RFC 9989 4.7).
	 */
	enum dmarc_policy p;
	enum dmarc_policy sp;
	enum dmarc_policy np;
	bool bad_policy; /* p, sp or np is there but is no policy (R1.11) */
	enum alignment_mode adkim;
	enum alignment_mode aspf;
	enum dmarc_psd psd;
	bool testing;    /* t=y */
	unsigned fo;     /* set of DMARC_FO_... */
	unsigned pct;    /* 0..100, default 100; RFC 7489 only (R6.8) */
	struct span rua; /* the list as published; p is NULL when absent */
	struct span ruf;
	struct span text;   /* the whole record */
	struct span faults; /* what was dropped or repaired, for R7.7; or "" */
};

enum dmarc_record_result {
	DMARC_RECORD_NOT_DMARC, /* does not begin with v=DMARC1 (R1.3) */
	DMARC_RECORD_OK,
	/*
	 * R1.11, R1.12: p, sp or np is invalid or p is missing, and there is no
	 * usable rua: no DMARC processing. *record is still filled in, because
	 * psd counts for the walk.
	 */
	DMARC_RECORD_NO_POLICY,
	DMARC_RECORD_NO_MEMORY,
};

/* Which tags are known: np, psd and t are new in RFC 9989. */
enum record_dialect {
	RECORD_RFC9989,
	RECORD_RFC7489,
};

/*
 * Parse one TXT record. Unknown tags are skipped, bad values of optional tags
 * fall back to their default (R1.7), the last of repeated tags counts (R1.9).
 * *record is only written for OK and NO_POLICY.
 */
enum dmarc_record_result
dmarc_record_parse(struct span txt, struct arena *arena,
		   struct dmarc_record *record) MUST_CHECK;

/* The same for either standard; RFC 7489 also takes fo=0:1. */
enum dmarc_record_result
dmarc_record_parse_as(enum record_dialect dialect, struct span txt,
		      struct arena *arena,
		      struct dmarc_record *record) MUST_CHECK;

/*
 * The policy for a domain to which *source applies: np falls back to sp, and sp
 * to p (R2.11). *source becomes the word that was found.
 */
enum dmarc_policy dmarc_record_word(const struct dmarc_record *record,
				    enum policy_source *source);

/*
 * The next usable mailto: URI of a rua or ruf list (R1.14, R1.15): size suffix
 * and ?headers dropped, percent-decoded, checked to be one addr-spec, its
 * domain in A-labels (uri.h). Others are skipped. Returns 1 with the address in
 * the arena, 0 at the end, -1 when there is no memory.
 */
int dmarc_uri_next(struct span *list, struct arena *arena,
		   struct span *address);

#endif
