/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * extract.h - a mail into the parts that could be reports
 *
 * By report/plain.h where that understands the mail, else by GMime.
 *
 * Walks through multiparts and forwarded messages in the order of the mail. The
 * media type is passed on for words, not for decisions, with three exceptions:
 * message/feedback-report makes the mail a failure report, and the message that
 * a delivery or failure report returns is not looked into, since it may be a
 * report that somebody sent, not one that we got.
 */
#ifndef EDMARC_REPORT_EXTRACT_H
#define EDMARC_REPORT_EXTRACT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"

struct mail_part {
	struct span type;  /* "application/gzip"; "" when not given */
	struct span name;  /* the file name, or "" */
	struct span bytes; /* without the transfer encoding */
	/*
	 * It is the header of a message that comes back with a report of some
	 * kind: bytes are that header, as it was.
	 */
	bool returned;
};

struct extract;

/*
 * Load what GMime loads once. The charsets that names and addresses of a mail
 * may be in are opened here, because that opens files.
 */
MUST_CHECK int extract_prepare(struct err *err);

/* Does it begin like a mail: with a header field, or mbox's "From "? */
bool extract_is_mail(struct span beginning);

/*
 * Takes over mail, n octets that malloc(3) gave: they are changed while they are
 * read, and freed with the extract. NULL without memory.
 */
MUST_CHECK struct extract *extract_new(char *mail, size_t n, struct err *err);

/* The same by GMime alone: what the tests compare the short way with. */
MUST_CHECK struct extract *
extract_new_by_gmime(char *mail, size_t n, struct err *err);

/* Was GMime not needed? */
bool extract_is_plain(const struct extract *extract);

/*
 * The next part that is no multipart, valid until the next call: 1, 0 at the
 * end, -1 past MAX_MAIL_PARTS or MAX_MAIL_DEPTH (ERR_LIMIT) or without memory.
 */
MUST_CHECK int
extract_next(struct extract *extract, struct mail_part *part, struct err *err);

/*
 * A date as mail writes it (RFC 5322 3.3, and what people make of it), in seconds
 * since 1970. *time is only written when the result is true.
 */
MUST_CHECK bool extract_date(struct span text, int64_t *time);

/*
 * What base64 stands for, in the arena: some parts come encoded without saying
 * so. p is NULL without memory.
 */
struct span extract_base64(struct span text, struct arena *arena);

/* Was a message/feedback-report (RFC 5965, RFC 9991) among the parts so far? */
bool extract_saw_failure(const struct extract *extract);

/* Was a message/delivery-status among them, or promised? */
bool extract_saw_bounce(const struct extract *extract);

void extract_free(struct extract **extract);

#endif
