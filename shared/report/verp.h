/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verp.h - envelope senders that tell which report came back
 *
 * Each mail of ours has an envelope sender of its own (variable envelope return
 * path; R8.15 wants a real address). What bounces to
 *
 *	LOCAL+TOKEN@DOMAIN	for our report address LOCAL@DOMAIN
 *
 * says which day, policy configuration and destination it is about, whatever the
 * text of the bounce is like. The token is 40 digits of base32 (RFC 4648, lower
 * case, no padding) over
 *
 *	2 bytes  the day, counted from 1970-01-01
 *	8        the first of the policy's hash (verdict_policy.policy_hash)
 *	6        the first of SHA-256 over the destination's address
 *	9        the first of an HMAC over these and our report address
 *
 * Letter case carries nothing, since relays change it. Nobody without the key can
 * make a token, so forged bounces cannot keep a report from its destination; an
 * old one can come again, and says only what it said before.
 */
#ifndef EDMARC_REPORT_VERP_H
#define EDMARC_REPORT_VERP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"
#include "report/address.h"

#define VERP_DIGITS        40
#define VERP_KEY_BYTES     32
#define VERP_POLICY_BYTES  8
#define VERP_ADDRESS_BYTES 6

/* Of our own report address: what the token leaves of a local part. */
#define MAX_VERP_LOCAL_PART (MAX_ADDRESS_LOCAL_PART - 1 - VERP_DIGITS)

/* Secret, the same on all machines that share a database. */
struct verp_key {
	unsigned char bytes[VERP_KEY_BYTES];
};

/* What a token says. */
struct verp {
	int64_t day; /* its first second */
	unsigned char policy[VERP_POLICY_BYTES];
	unsigned char address[VERP_ADDRESS_BYTES];
};

struct verp_sender {
	char text[MAX_ADDRESS_LOCAL_PART + 1 + 254];
};

/*
 * For the report of a day (its first second) about the policy with this hash, at
 * least VERP_POLICY_BYTES long, to this address, spelled as in sent_destination.
 * A day outside 1970-2149 gives another one.
 */
struct verp
verp_make(int64_t day, struct span policy_hash, struct span destination);

/*
 * The envelope sender. A report address that is not plain (address.h), or whose
 * local part is longer than MAX_VERP_LOCAL_PART or quoted, is ERR_CONFIG.
 */
MUST_CHECK int verp_format(struct verp_sender *sender,
			   const char *report_address, const struct verp *verp,
			   const struct verp_key *key, struct err *err);

enum verp_result {
	VERP_NONE,   /* not of this form, or not below our report address */
	VERP_FORGED, /* of this form, but not made with this key */
	VERP_OK,
};

/*
 * Read the address that a bounce was sent to, without <>, in any letter case.
 * *verp is only written when the result is VERP_OK.
 */
MUST_CHECK enum verp_result
verp_parse(struct span recipient, const char *report_address,
	   const struct verp_key *key, struct verp *verp);

/* Is it about mail to this address, spelled as in sent_destination? */
bool verp_is_for(const struct verp *verp, struct span destination);

#endif
