/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * evaluate.h - how `edmarc evaluate` shows a verdict, and from what it was made
 */
#ifndef EDMARC_EDMARC_EVALUATE_H
#define EDMARC_EDMARC_EVALUATE_H

#include "base/buf.h"
#include "dns/resolver.h"
#include "edmarc/compare.h"

/*
 * Of one message: where each fact came from, an option or a place in the message;
 * NULL for what nobody told.
 */
struct inputs {
	const char *file;
	const struct message_facts *facts;
	const char *client_ip;
	const char *client_name;
	const char *helo;
	const char *mail_from;
	const char *spf;
	const char *dkim;
	const char *recorded; /* the DMARC result that the message tells of */
	const char *notes;    /* sentences about what is missing, or "" */
};

/* The cache has answered the questions of the verdict, and lists them. */
void evaluate_text(struct buf *out, const struct inputs *inputs,
		   const struct judged *judged, const struct resolver *cache);
void evaluate_json(struct buf *out, const struct inputs *inputs,
		   const struct judged *judged, const struct resolver *cache);

/* Of both standards; -1 without memory. */
MUST_CHECK int evaluate_compared_text(struct buf *out,
				      const struct inputs *inputs,
				      const struct judged *rfc9989,
				      const struct judged *rfc7489,
				      const struct resolver *cache);
MUST_CHECK int evaluate_compared_json(struct buf *out,
				      const struct inputs *inputs,
				      const struct judged *rfc9989,
				      const struct judged *rfc7489,
				      const struct resolver *cache);

#endif
