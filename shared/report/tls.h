/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls.h - SMTP TLS reports (RFC 8460) out of JSON
 *
 * How many sessions of one reporter to our servers used TLS as a policy (MTA-STS,
 * DANE) asks for, and why others did not. What reporters really send is read:
 * null for what is not known, names as a list or as a word, numbers in quotes.
 */
#ifndef EDMARC_REPORT_TLS_H
#define EDMARC_REPORT_TLS_H

#include <stdint.h>

#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"
#include "report/aggregate.h"

/* Texts are absent (p == NULL) when the report does not have them. */
struct tls_head {
	struct span org_name;
	struct span contact;
	struct span report_id;
	int64_t begin; /* seconds */
	int64_t end;
};

struct tls_policy {
	struct span type;    /* sts, tlsa, no-policy-found; lower case */
	struct span domain;  /* normalized where it is a name; "" when absent */
	struct span mx_host; /* separated by blanks */
	uint64_t successes;  /* sessions */
	uint64_t failures;
};

struct tls_failure {
	struct span result; /* starttls-not-supported ...; lower case */
	struct span sending_ip;
	struct span receiving_mx;
	struct span receiving_helo;
	struct span receiving_ip;
	struct span reason_code;
	struct span additional;
	uint64_t sessions;
};

/*
 * Does this look like a TLS report? The beginning of a JSON text is enough: each
 * has an organization-name, a report-id or policies among its members.
 */
bool tls_is_report(struct span beginning);

/*
 * Read a whole text and hand it to sink, between begin and end. What cannot be
 * read ends REPORT_REJECTED with a reason. -1 only when the sink refused or there
 * is no memory.
 */
MUST_CHECK int tls_read(struct span entry, struct span text,
			struct report_sink *sink, struct err *err);

#endif
