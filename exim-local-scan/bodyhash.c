/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bodyhash.h"

#include <string.h>

#include "base/sha256.h"

/* What a signature says about the body. */
struct body_claim {
	bool relaxed;
	uint64_t length; /* l=, or UINT64_MAX */
	struct span hash;
};

/* The last tag of that name; p is NULL when there is none. */
static struct span find_tag(struct span signature, const char *name)
{
	struct span found = { .p = NULL };
	struct span tag, word;

	while (span_take_item(&signature, ';', &tag))
		if (span_take_until(&tag, '=', &word) &&
		    span_is(span_trim(word), name))
			found = span_trim(tag);
	return found;
}

static bool read_claim(struct span signature, struct body_claim *claim)
{
	struct span canonical = find_tag(signature, "c");
	struct span length = find_tag(signature, "l");
	struct span header;

	*claim = (struct body_claim){ .length = UINT64_MAX,
				      .hash = find_tag(signature, "bh") };
	if (span_take_until(&canonical, '/', &header))
		claim->relaxed = span_is(canonical, "relaxed");
	return claim->hash.p != NULL &&
	       (length.p == NULL ||
		span_to_uint(length, UINT64_MAX, &claim->length));
}

/* ------------------------------------------------------- canonical form */

/*
 * RFC 6376 3.4.3, 3.4.4: line ends are CR LF, and no line is empty at the end.
 * What becomes of the body goes into the hash by pieces. Nearly every message
 * comes through here: there is no call for each octet, and no copy of it all.
 */
struct canonical {
	struct sha256_run hash;
	uint64_t left; /* octets that l= still asks for */
	uint64_t ends; /* of lines, held back until text follows */
	bool has_text;
	size_t n; /* octets in piece */
	char piece[4096];
};

static void begin(struct canonical *to, uint64_t length)
{
	sha256_begin(&to->hash);
	to->left = length;
	to->ends = 0;
	to->has_text = false;
	to->n = 0; /* the piece is not cleared */
}

static void flush(struct canonical *to)
{
	if (to->n > to->left)
		to->n = (size_t)to->left;
	sha256_add(&to->hash, (struct span){ to->piece, to->n });
	to->left -= to->n;
	to->n = 0;
}

static void put(struct canonical *to, struct span text)
{
	while (text.n > 0) {
		size_t n = sizeof(to->piece) - to->n;

		if (n > text.n)
			n = text.n;
		memcpy(to->piece + to->n, text.p, n);
		to->n += n;
		text.p += n;
		text.n -= n;
		if (to->n == sizeof(to->piece))
			flush(to);
	}
}

/* A part of a line that is not empty. */
static void put_text(struct canonical *to, struct span text)
{
	for (; to->ends > 0; to->ends--)
		put(to, SPAN("\r\n"));
	to->has_text = true;
	put(to, text);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * A line as it is, but for its CRs, and when relaxed, with one blank for white
 * space, and none at the end.
 */
static void put_line(struct canonical *to, struct span line, bool relaxed)
{
	bool blank = false;
	size_t i = 0;

	while (i < line.n) {
		size_t from = i;

		while (i < line.n && line.p[i] != '\r' &&
		       !(relaxed && is_blank(line.p[i])))
			i++;
		if (i > from) {
			if (blank)
				put_text(to, SPAN(" "));
			put_text(to, (struct span){ line.p + from, i - from });
			blank = false;
		}
		for (; i < line.n &&
		       (line.p[i] == '\r' || (relaxed && is_blank(line.p[i])));
		     i++)
			blank = blank || line.p[i] != '\r';
	}
}

/* Octets of which a compiler makes some instructions without a branch. */
#define BLOCK 64

/* Is the canonical form of these octets what they are? One more is looked at. */
static bool is_canonical(const char *p)
{
	unsigned char other = 0;
	int i;

	for (i = 0; i < BLOCK; i++) {
		unsigned char blank = p[i] == ' ';
		unsigned char before = (p[i + 1] == ' ') | (p[i + 1] == '\n');

		other |= (unsigned char)((p[i] == '\r') | (p[i] == '\t') |
					 (blank & before));
	}
	return other == 0;
}

/* The hash of what has become of the body, and of l= octets of it. */
static struct sha256
hash_canonical(struct span body, const struct body_claim *claim)
{
	struct canonical to;
	const char *canonical = body.p; /* all before it is */
	const char *behind = body.p + body.n;
	struct span line;

	begin(&to, claim->length);
	while (span_take_line(&body, &line)) {
		const char *end = line.p + line.n;

		while (canonical < end && behind - canonical > BLOCK &&
		       is_canonical(canonical))
			canonical += BLOCK;
		if (line.n > 0 && canonical >= end) {
			put_text(&to, line);
		} else {
			put_line(&to, line, claim->relaxed);
			if (canonical < end)
				canonical = end;
		}
		to.ends++;
	}
	if (to.has_text || !claim->relaxed)
		put(&to, SPAN("\r\n"));
	flush(&to);
	return sha256_end(&to.hash);
}

/* Is text, in which white space may stand, the base64 form of the hash? */
static bool is_base64(struct span text, const struct sha256 *hash)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij"
				     "klmnopqrstuvwxyz0123456789+/";
	size_t bit = 0;
	size_t i;

	for (i = 0; i < text.n && bit < 8 * sizeof(hash->bytes); i++) {
		unsigned value, next;

		if (ascii_is_space(text.p[i]))
			continue;
		next = bit / 8 + 1 < sizeof(hash->bytes) ?
			       hash->bytes[bit / 8 + 1] :
			       0;
		value = (unsigned)hash->bytes[bit / 8] << 8 | next;
		if (text.p[i] != digits[value >> (10 - bit % 8) & 63])
			return false;
		bit += 6;
	}
	return bit >= 8 * sizeof(hash->bytes);
}

static bool is_claimed(struct span body, const struct body_claim *claim)
{
	struct sha256 hash = hash_canonical(body, claim);

	return is_base64(claim->hash, &hash);
}

bool body_may_begin_early(struct span body)
{
	size_t i = 0;

	if (body.n == 0 || body.p[0] == '\n' || body.p[0] == '\r')
		return false;
	if (ascii_is_space(body.p[0]))
		return true;
	while (i < body.n && body.p[i] > ' ' && body.p[i] <= '~' &&
	       body.p[i] != ':')
		i++;
	while (i < body.n && ascii_is_space(body.p[i]))
		i++;
	return i == body.n || body.p[i] != ':';
}

/* Behind how many empty lines does the body begin that is claimed? -1: none. */
static int
find_claimed(struct span body, const struct body_claim *claim, size_t *budget)
{
	int lines = 0;
	struct span line;

	while (*budget >= body.n) {
		*budget -= body.n;
		if (is_claimed(body, claim))
			return lines;
		do {
			if (lines == MAX_HASHED_LINES ||
			    !span_take_line(&body, &line))
				return -1;
		} while (line.n > 0);
		lines++;
	}
	return -1;
}

bool is_signed_behind_empty_line(struct span body, struct span signature,
				 size_t *budget)
{
	struct body_claim claim;

	return body.n <= MAX_HASHED_BODY && read_claim(signature, &claim) &&
	       find_claimed(body, &claim, budget) > 0;
}
