/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bodyhash.h"

#include "base/buf.h"
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

/*
 * RFC 6376 3.4.3, 3.4.4: line ends are CR LF, and none is empty at the end; when
 * relaxed, white space is one blank, and none at the end of a line.
 */
static void canonicalize(struct buf *out, struct span body, bool relaxed)
{
	bool blank = false;
	size_t lines = 0;
	size_t i;

	for (i = 0; i < body.n; i++) {
		char c = body.p[i];

		if (c == '\r')
			continue;
		if (relaxed && (c == ' ' || c == '\t')) {
			blank = true;
			continue;
		}
		if (c == '\n') {
			blank = false;
			lines++;
			continue;
		}
		for (; lines > 0; lines--)
			buf_add_string(out, "\r\n");
		if (blank)
			buf_add_char(out, ' ');
		blank = false;
		buf_add_char(out, c);
	}
	if (out->n > 0 || !relaxed)
		buf_add_string(out, "\r\n");
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
	/* Each LF may become two octets. */
	struct buf text = BUF_INIT(2 * MAX_HASHED_BODY + 2);
	struct span hashed;
	struct sha256 hash;
	bool claimed;

	canonicalize(&text, body, claim->relaxed);
	hashed = buf_span(&text);
	if (hashed.n > claim->length)
		hashed.n = (size_t)claim->length;
	hash = sha256(hashed);
	claimed = buf_ok(&text) && is_base64(claim->hash, &hash);
	buf_release(&text);
	return claimed;
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

bool is_signed_behind_empty_line(struct span body, struct span signature,
				 size_t *budget)
{
	struct body_claim claim;
	unsigned lines = 0;
	struct span line;

	if (body.n > MAX_HASHED_BODY || !read_claim(signature, &claim))
		return false;
	while (*budget >= body.n) {
		*budget -= body.n;
		if (is_claimed(body, &claim))
			return lines > 0;
		do {
			if (lines == MAX_HASHED_LINES ||
			    !span_take_line(&body, &line))
				return false;
		} while (line.n > 0);
		lines++;
	}
	return false;
}
