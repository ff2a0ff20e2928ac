/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bodyhash.h"

#include <stdlib.h>
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

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * A line without its end into to, which has room for all of it: CRs left out,
 * and when relaxed, white space one blank, and none at the end. Nearly every
 * message comes through here, so there is no call for each octet.
 */
static size_t canonical_line(char *to, struct span line, bool relaxed)
{
	bool blank = false;
	size_t n = 0;
	size_t i;

	for (i = 0; i < line.n; i++) {
		char c = line.p[i];

		if (c == '\r')
			continue;
		if (relaxed && is_blank(c)) {
			blank = true;
			continue;
		}
		if (blank)
			to[n++] = ' ';
		blank = false;
		to[n++] = c;
	}
	return n;
}

/*
 * RFC 6376 3.4.3, 3.4.4: line ends are CR LF, and no line is empty at the end.
 * to has room for body and an octet more for each line. Returns how long it is.
 */
static size_t canonicalize(char *to, struct span body, bool relaxed)
{
	size_t n = 0, full = 0;

	while (body.n > 0) {
		const char *end = memchr(body.p, '\n', body.n);
		size_t length = end == NULL ? body.n : (size_t)(end - body.p);
		size_t written = canonical_line(
			to + n, (struct span){ body.p, length }, relaxed);

		n += written;
		to[n++] = '\r';
		to[n++] = '\n';
		if (written > 0)
			full = n;
		length += end != NULL;
		body.p += length;
		body.n -= length;
	}
	if (full > 0 || relaxed)
		return full;
	to[0] = '\r';
	to[1] = '\n';
	return 2;
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

/* work has room for what becomes of the body. */
static bool
is_claimed(struct span body, const struct body_claim *claim, char *work)
{
	struct span hashed = { .p = work };
	struct sha256 hash;

	hashed.n = canonicalize(work, body, claim->relaxed);
	if (hashed.n > claim->length)
		hashed.n = (size_t)claim->length;
	hash = sha256(hashed);
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
static int find_claimed(struct span body, const struct body_claim *claim,
			char *work, size_t *budget)
{
	int lines = 0;
	struct span line;

	while (*budget >= body.n) {
		*budget -= body.n;
		if (is_claimed(body, claim, work))
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
	bool found;
	char *work;

	if (body.n > MAX_HASHED_BODY || !read_claim(signature, &claim))
		return false;
	/* Each LF may become two octets, and a last line gets its end. */
	work = malloc(2 * body.n + 2);
	if (work == NULL)
		return false;
	found = find_claimed(body, &claim, work, budget) > 0;
	free(work);
	return found;
}
