/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * script.h - a resolver that answers with the next line of a text
 *
 * "!" fails, "?" is NXDOMAIN, "-" is NODATA, all else is a TXT record. What is
 * asked behind the last line does not exist.
 */
#ifndef EDMARC_TESTS_FUZZ_SCRIPT_H
#define EDMARC_TESTS_FUZZ_SCRIPT_H

#include "dmarc/verdict.h"
#include "dns/resolver.h"

/* Of each Author Domain: its walk, whether it exists, identifiers, keys. */
#define MAX_QUESTIONS         \
	(MAX_AUTHOR_DOMAINS * \
	 (8 + 1 + MAX_WALKED_IDENTIFIERS * 8 + 2 * MAX_KEY_QUESTIONS))

struct script {
	struct resolver resolver; /* first: what others see of it */
	struct span rest;
	struct dns_question asked[MAX_QUESTIONS];
	char name[MAX_QUESTIONS][254]; /* of the questions */
	size_t n;
};

/*
 * Start over with a text. From now on nothing must be asked twice, and no more
 * than MAX_QUESTIONS.
 */
void script_start(struct script *script, struct span text);

#endif
