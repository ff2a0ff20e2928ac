/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compare.h - one message under both standards: what would change?
 */
#ifndef EDMARC_EDMARC_COMPARE_H
#define EDMARC_EDMARC_COMPARE_H

#include "base/buf.h"
#include "base/json.h"
#include "dmarc/verdict.h"

/* A verdict, and the facts as it left them. */
struct judged {
	struct message_facts facts;
	struct dmarc_verdict verdict;
};

/*
 * Each point once where both agree, and one line for each standard where they do
 * not. Both functions return -1 when there is no memory to compare with.
 */
MUST_CHECK int compare_text(struct buf *out, const struct judged *rfc9989,
			    const struct judged *rfc7489);

/*
 * Into an object that the caller has opened: "rfc9989" and "rfc7489", each with
 * the keys of verdict_json() and "explanation", and "differ", the names of the
 * points in which they are not the same.
 */
MUST_CHECK int compare_json(struct json *json, const struct judged *rfc9989,
			    const struct judged *rfc7489);

#endif
