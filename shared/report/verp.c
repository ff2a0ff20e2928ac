/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/verp.h"

#include <stdio.h>
#include <string.h>

#include "base/quote.h"
#include "base/sha256.h"
#include "base/utc.h"

#define DAY_BYTES     2
#define PAYLOAD_BYTES (DAY_BYTES + VERP_POLICY_BYTES + VERP_ADDRESS_BYTES)
#define MAC_BYTES     9
#define TOKEN_BYTES   (PAYLOAD_BYTES + MAC_BYTES)
#define MAX_SIGNED    (PAYLOAD_BYTES + 320) /* and our report address */

_Static_assert(TOKEN_BYTES * 8 == VERP_DIGITS * 5,
	       "the digits of a token hold its bytes, and no bit is left");

static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";

/* ------------------------------------------------------------------ base32 */

static void write_digits(char *text, const unsigned char *bytes)
{
	unsigned bits = 0, n = 0;
	size_t i;

	for (i = 0; i < TOKEN_BYTES; i++) {
		bits = (bits << 8 | bytes[i]) & 0xfff;
		for (n += 8; n >= 5; n -= 5)
			*text++ = digits[bits >> (n - 5) & 31];
	}
	*text = '\0';
}

static bool read_digits(unsigned char *bytes, struct span text)
{
	unsigned bits = 0, n = 0;
	size_t i;

	for (i = 0; i < text.n; i++) {
		char c = ascii_lower(text.p[i]);
		const char *digit = c == '\0' ? NULL : strchr(digits, c);

		if (digit == NULL)
			return false;
		bits = (bits << 5 | (unsigned)(digit - digits)) & 0xfff;
		n += 5;
		if (n < 8)
			continue;
		n -= 8;
		*bytes++ = (unsigned char)(bits >> n & 0xff);
	}
	return true;
}

/* ------------------------------------------------------------------- token */

static void pack(unsigned char *payload, const struct verp *verp)
{
	uint64_t day = (uint64_t)(verp->day / UTC_DAY);

	payload[0] = (unsigned char)(day >> 8 & 0xff);
	payload[1] = (unsigned char)(day & 0xff);
	memcpy(payload + DAY_BYTES, verp->policy, VERP_POLICY_BYTES);
	memcpy(payload + DAY_BYTES + VERP_POLICY_BYTES, verp->address,
	       VERP_ADDRESS_BYTES);
}

static struct verp unpack(const unsigned char *payload)
{
	struct verp verp = {
		.day = (payload[0] * 256 + payload[1]) * (int64_t)UTC_DAY,
	};

	memcpy(verp.policy, payload + DAY_BYTES, VERP_POLICY_BYTES);
	memcpy(verp.address, payload + DAY_BYTES + VERP_POLICY_BYTES,
	       VERP_ADDRESS_BYTES);
	return verp;
}

/* The report address, too, so that another service with this key means nothing. */
static struct sha256 sign(const unsigned char *payload,
			  const char *report_address,
			  const struct verp_key *key)
{
	char message[MAX_SIGNED];
	size_t n = PAYLOAD_BYTES;

	memcpy(message, payload, PAYLOAD_BYTES);
	for (; *report_address != '\0' && n < sizeof(message); n++)
		message[n] = ascii_lower(*report_address++);
	return sha256_keyed(
		(struct span){ (const char *)key->bytes, sizeof(key->bytes) },
		(struct span){ message, n });
}

/* In a time that does not tell how much of it was right. */
static bool is_same(const unsigned char *a, const unsigned char *b, size_t n)
{
	unsigned different = 0;
	size_t i;

	for (i = 0; i < n; i++)
		different |= (unsigned)(a[i] ^ b[i]);
	return different == 0;
}

static void
hash_address(unsigned char hash[VERP_ADDRESS_BYTES], struct span address)
{
	struct sha256 whole = sha256(address);

	memcpy(hash, whole.bytes, VERP_ADDRESS_BYTES);
}

/* -------------------------------------------------------------- the address */

struct verp
verp_make(int64_t day, struct span policy_hash, struct span destination)
{
	struct verp verp = { .day = day };

	memcpy(verp.policy, policy_hash.p, VERP_POLICY_BYTES);
	hash_address(verp.address, destination);
	return verp;
}

bool verp_is_for(const struct verp *verp, struct span destination)
{
	unsigned char hash[VERP_ADDRESS_BYTES];

	hash_address(hash, destination);
	return memcmp(hash, verp->address, sizeof(hash)) == 0;
}

int verp_format(struct verp_sender *sender, const char *report_address,
		const struct verp *verp, const struct verp_key *key,
		struct err *err)
{
	struct span local = span_of(report_address), domain;
	unsigned char token[TOKEN_BYTES];
	char text[VERP_DIGITS + 1];
	struct sha256 mark;

	if (!address_is_plain(local, &domain) || local.p[0] == '"')
		return err_set(err, ERR_CONFIG, "not a plain address: %s",
			       quote(span_of(report_address)).text);
	local.n -= domain.n + 1;
	if (local.n > MAX_VERP_LOCAL_PART)
		return err_set(err, ERR_CONFIG,
			       "%s: at most %d characters before the \"@\" "
			       "leave room for bounce addresses",
			       report_address, MAX_VERP_LOCAL_PART);
	pack(token, verp);
	mark = sign(token, report_address, key);
	memcpy(token + PAYLOAD_BYTES, mark.bytes, MAC_BYTES);
	write_digits(text, token);
	snprintf(sender->text, sizeof(sender->text), "%.*s+%s@%s",
		 SPAN_ARGS(local), text, domain.p);
	return 0;
}

/* The digits between "LOCAL+" and "@DOMAIN" of our address. */
static bool find_token(struct span recipient, struct span local,
		       struct span domain, struct span *token)
{
	const size_t before = local.n + 1, behind = domain.n + 1;

	if (recipient.n != before + VERP_DIGITS + behind ||
	    recipient.p[local.n] != '+' ||
	    recipient.p[before + VERP_DIGITS] != '@' ||
	    !span_equal_nocase((struct span){ recipient.p, local.n }, local) ||
	    !span_equal_nocase(
		    (struct span){ recipient.p + recipient.n - domain.n,
				   domain.n },
		    domain))
		return false;
	*token = (struct span){ recipient.p + before, VERP_DIGITS };
	return true;
}

enum verp_result verp_parse(struct span recipient, const char *report_address,
			    const struct verp_key *key, struct verp *verp)
{
	struct span domain = span_of(report_address), local, text;
	unsigned char token[TOKEN_BYTES];
	struct sha256 mark;

	if (!span_take_until(&domain, '@', &local) ||
	    !find_token(recipient, local, domain, &text) ||
	    !read_digits(token, text))
		return VERP_NONE;
	mark = sign(token, report_address, key);
	if (!is_same(mark.bytes, token + PAYLOAD_BYTES, MAC_BYTES))
		return VERP_FORGED;
	*verp = unpack(token);
	return VERP_OK;
}
