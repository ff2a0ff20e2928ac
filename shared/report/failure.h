/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * failure.h - a report about one message that failed (RFC 9991, RFC 6591)
 *
 * The machine-readable part of an ARF mail, or what Exim's own DMARC writes in
 * its place: a few lines of text (R10.9). Also feedback of other types, such as
 * complaints, which have the same form. Nothing of it is believed, and of the
 * message only the header is looked at, never its body.
 */
#ifndef EDMARC_REPORT_FAILURE_H
#define EDMARC_REPORT_FAILURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/span.h"

/* Of the header of the message that failed; what is behind is left out. */
#define MAX_FAILURE_HEADER_BYTES ((size_t)16 * 1024)

/* What everything that failure_report points to may take. */
#define MAX_FAILURE_MEMORY ((size_t)1024 * 1024)

/* Texts are absent (p == NULL) when the report does not have them. */
struct failure_report {
	struct span feedback_type; /* auth-failure, abuse ...; lower case */
	struct span user_agent;
	struct span auth_failure; /* dmarc, bodyhash ...; lower case */
	struct span delivery_result;
	/* As sent, since its meaning was turned round (R10.6). Of Exim's text,
	 * which says it in words: "dkim=yes spf=no". */
	struct span identity_alignment;
	struct span source_ip;       /* canonical */
	struct span reported_domain; /* the first; A-labels or as sent */
	struct span mail_from;       /* without <> */
	struct span rcpt_to;         /* the first */
	struct span dkim_domain;
	struct span dkim_identity;
	struct span dkim_selector;
	struct span spf_dns;
	struct span authentication_results; /* on one line */
	int64_t arrival;                    /* seconds; 0 when unknown */
	uint64_t incidents;                 /* 1 when not given */
	/* Of the message: */
	struct span header_from; /* its Author Domain, where it has one */
	struct span subject;     /* as sent, on one line */
	struct span message_id;
	struct span header; /* as it came, at most MAX_FAILURE_HEADER_BYTES */
};

/*
 * Read the body of a message/feedback-report. Fields may be missing and in any
 * order; of several, the first counts. False when none is known: it is no such
 * report, or there is no memory. date says when a date was, as RFC 5322 writes
 * it: it is given because that needs a library.
 */
MUST_CHECK bool
failure_read(struct span text, bool (*date)(struct span text, int64_t *time),
	     struct arena *arena, struct failure_report *report);

/* Is this text Exim's, and so without a machine-readable part? */
bool failure_is_text(struct span text);

/* The same for such a text, which has the header of the message at its end. */
MUST_CHECK bool failure_read_text(struct span text,
				  bool (*date)(struct span text, int64_t *time),
				  struct arena *arena,
				  struct failure_report *report);

/* What the header of the message adds. */
void failure_add_header(struct span header, struct arena *arena,
			struct failure_report *report);

#endif
