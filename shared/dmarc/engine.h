/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * engine.h - libopendmarc judges a message (standard = rfc7489)
 *
 * Of the facts that verdict.c has, it gets those that count, and what it is known
 * to misread is put right before it sees it (docs/OPENDMARC.md has the reasons):
 *
 *	record       what our reader made of it, in six tags
 *	identifiers  only those that passed; by the name that is to be compared,
 *	             or not at all where it would err about them
 *
 * It says which policy applies, whether SPF and DKIM are aligned, whether the
 * message passes, what to do if not, and pct. What its other callers do for it
 * stays with us: finding the record, temporary errors, several From: fields or
 * Author Domains, drawing the sample.
 *
 * verdict.c judges the same facts by itself. Where the two differ, one of them is
 * wrong, and since every fault that we know of is put right, it may be a new one.
 */
#ifndef EDMARC_DMARC_ENGINE_H
#define EDMARC_DMARC_ENGINE_H

#include "dmarc/discovery.h"
#include "dmarc/psl.h"
#include "dmarc/verdict.h"

/*
 * Have it judge verdict->from_domain, for which found has a record. *verdict and
 * the alignments in *facts are our own. Returns NULL when it says the same, else
 * what it says and what we say, in the arena.
 */
const char *
engine_judge(const struct psl *psl, const struct message_facts *facts,
	     const struct discovery *found, const struct dmarc_verdict *verdict,
	     struct arena *arena);

#endif
