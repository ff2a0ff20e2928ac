/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mail_out.h - the mail that carries a report (RFC 9990 3.5.2; R8.2; GMime)
 *
 *	From: our name <our address>
 *	To: one destination
 *	Subject: Report Domain: ...
 *	Date:
 *	Message-ID: <REPORT-ID@...>
 *	Auto-Submitted: auto-generated
 *	MIME-Version: 1.0
 *	Content-Type: multipart/mixed
 *	  text/plain		what this is and whom to ask, in plain words
 *	  application/gzip	the report, under its name, in base64
 *
 * Lines end in LF, as sendmail(1) wants them. The attachment is copied from its
 * descriptor, so its size costs no memory.
 */
#ifndef EDMARC_REPORT_MAIL_OUT_H
#define EDMARC_REPORT_MAIL_OUT_H

#include <stdint.h>

#include "base/attributes.h"
#include "base/err.h"
#include "report/aggregate.h"
#include "report/names.h"

struct report_mail {
	const struct report_names *names;
	const char *org_name;
	const char *from;          /* an address */
	const char *to;            /* an address */
	const char *extra_contact; /* or "" */
	int64_t date;
	/* for the text */
	const char *policy_domain;
	int64_t begin;
	int64_t end;
	uint64_t messages;
	/* the compressed document: read from its start, left open */
	int attachment;
};

/* What has to be made ready once in a program, before the first mail. */
void report_mail_prepare(void);

/*
 * Write the mail to fd, which stays the caller's. An address that could become
 * more than one, or a header of its own, is ERR_INPUT; what cannot be read or
 * written is ERR_TEMP.
 */
MUST_CHECK int
report_mail_write(const struct report_mail *mail, int fd, struct err *err);

#endif
