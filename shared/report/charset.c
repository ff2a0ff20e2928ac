/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/charset.h"

#include <stdint.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define REPLACEMENT 0xfffdu

/* What windows-1252 has where ISO-8859-1 has control characters. */
static const uint16_t windows_1252[32] = {
	0x20ac, REPLACEMENT, 0x201a,      0x0192, 0x201e, 0x2026, 0x2020,
	0x2021, 0x02c6,      0x2030,      0x0160, 0x2039, 0x0152, REPLACEMENT,
	0x017d, REPLACEMENT, REPLACEMENT, 0x2018, 0x2019, 0x201c, 0x201d,
	0x2022, 0x2013,      0x2014,      0x02dc, 0x2122, 0x0161, 0x203a,
	0x0153, REPLACEMENT, 0x017e,      0x0178,
};

/* Where ISO-8859-15 differs from ISO-8859-1. */
static const struct {
	unsigned char from;
	uint16_t to;
} latin9[] = {
	{ 0xa4, 0x20ac }, { 0xa6, 0x0160 }, { 0xa8, 0x0161 }, { 0xb4, 0x017d },
	{ 0xb8, 0x017e }, { 0xbc, 0x0152 }, { 0xbd, 0x0153 }, { 0xbe, 0x0178 },
};

static const struct {
	const char *name;
	enum charset charset;
} names[] = {
	{ "utf-8", CHARSET_UTF8 },
	{ "utf8", CHARSET_UTF8 },
	{ "us-ascii", CHARSET_UTF8 },
	{ "ascii", CHARSET_UTF8 },
	{ "iso-8859-1", CHARSET_LATIN1 },
	{ "iso8859-1", CHARSET_LATIN1 },
	{ "iso_8859-1", CHARSET_LATIN1 },
	{ "latin1", CHARSET_LATIN1 },
	{ "iso-8859-15", CHARSET_LATIN9 },
	{ "windows-1252", CHARSET_WINDOWS_1252 },
	{ "cp1252", CHARSET_WINDOWS_1252 },
	/* These bytes were readable as ASCII, so it is not UTF-16. */
	{ "utf-16", CHARSET_UTF8 },
	{ "utf-16le", CHARSET_UTF8 },
	{ "utf-16be", CHARSET_UTF8 },
};

static void put_utf8(struct buf *out, uint32_t c)
{
	char bytes[4];
	size_t n = 0;

	if (c < 0x80) {
		bytes[n++] = (char)c;
	} else if (c < 0x800) {
		bytes[n++] = (char)(0xc0 | c >> 6);
		bytes[n++] = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		bytes[n++] = (char)(0xe0 | c >> 12);
		bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		bytes[n++] = (char)(0x80 | (c & 0x3f));
	} else {
		bytes[n++] = (char)(0xf0 | c >> 18);
		bytes[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		bytes[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		bytes[n++] = (char)(0x80 | (c & 0x3f));
	}
	buf_add(out, (struct span){ bytes, n });
}

static uint32_t from_single(enum charset charset, unsigned char byte)
{
	size_t i;

	if (charset == CHARSET_LATIN9)
		for (i = 0; i < COUNT(latin9); i++)
			if (latin9[i].from == byte)
				return latin9[i].to;
	/* Declared ISO-8859-1 is windows-1252 in practice, as in HTML. */
	if (byte >= 0x80 && byte < 0xa0)
		return windows_1252[byte - 0x80];
	return byte;
}

/* ----------------------------------------------------------- one character */

/*
 * Each takes the character at the start of in and returns how many octets it
 * was, or 0 when its rest is still to come.
 */
static size_t
take_single(struct charset_decoder *decoder, struct span in, struct buf *out)
{
	uint32_t c = from_single(decoder->charset, (unsigned char)in.p[0]);

	if (c == REPLACEMENT)
		decoder->repaired = true;
	put_utf8(out, c);
	return 1;
}

static size_t
take_broken(struct charset_decoder *decoder, struct span in, struct buf *out)
{
	decoder->repaired = true;
	put_utf8(out,
		 from_single(CHARSET_WINDOWS_1252, (unsigned char)in.p[0]));
	return 1;
}

/* The bounds of the second octet rule out overlong forms and surrogates. */
static bool second_fits(unsigned char first, unsigned char second)
{
	unsigned char low = 0x80, high = 0xbf;

	if (first == 0xe0)
		low = 0xa0;
	else if (first == 0xed)
		high = 0x9f;
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f;
	return second >= low && second <= high;
}

static size_t take_utf8(struct charset_decoder *decoder, struct span in,
			bool last, struct buf *out)
{
	const unsigned char *s = (const unsigned char *)in.p;
	size_t length, i;

	if (s[0] < 0xc2 || s[0] > 0xf4)
		return take_broken(decoder, in, out);
	length = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	for (i = 1; i < length; i++) {
		if (i == in.n)
			return last ? take_broken(decoder, in, out) : 0;
		if (i == 1 ? !second_fits(s[0], s[1]) : (s[i] & 0xc0) != 0x80)
			return take_broken(decoder, in, out);
	}
	buf_add(out, (struct span){ in.p, length });
	return length;
}

static void found_nul(struct charset_decoder *decoder, const struct buf *out)
{
	if (decoder->nul_at > out->n)
		decoder->nul_at = out->n;
}

static uint32_t unit(const struct charset_decoder *decoder, const char *p)
{
	uint32_t a = (unsigned char)p[0], b = (unsigned char)p[1];

	return decoder->charset == CHARSET_UTF16BE ? a << 8 | b : b << 8 | a;
}

static size_t take_utf16(struct charset_decoder *decoder, struct span in,
			 bool last, struct buf *out)
{
	uint32_t c, low;

	if (in.n < 2) {
		decoder->repaired = decoder->repaired || last;
		return last ? in.n : 0;
	}
	c = unit(decoder, in.p);
	if (c == 0) {
		found_nul(decoder, out);
		return 2;
	}
	if (c >= 0xd800 && c < 0xdc00 && in.n < 4 && !last)
		return 0;
	low = in.n < 4 ? 0 : unit(decoder, in.p + 2);
	if (c >= 0xd800 && c < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
		put_utf8(out, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
		return 4;
	}
	if (c >= 0xd800 && c < 0xe000) {
		decoder->repaired = true;
		c = REPLACEMENT;
	}
	put_utf8(out, c);
	return 2;
}

/* ------------------------------------------------------------------- runs */

static size_t ascii_run(struct span in)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	size_t n = 0;
	uint64_t eight;

	/* Eight at a time, while none has its top bit set or is 0. */
	while (in.n - n >= sizeof(eight)) {
		memcpy(&eight, in.p + n, sizeof(eight));
		if (((eight | (eight - ones)) & (ones << 7)) != 0)
			break;
		n += sizeof(eight);
	}
	while (n < in.n && in.p[n] != '\0' && (unsigned char)in.p[n] < 0x80)
		n++;
	return n;
}

static size_t take_one(struct charset_decoder *decoder, struct span in,
		       bool last, struct buf *out)
{
	if (decoder->charset == CHARSET_UTF16LE ||
	    decoder->charset == CHARSET_UTF16BE)
		return take_utf16(decoder, in, last, out);
	if (in.p[0] == '\0') {
		found_nul(decoder, out);
		return 1;
	}
	if (decoder->charset == CHARSET_UTF8)
		return take_utf8(decoder, in, last, out);
	return take_single(decoder, in, out);
}

/* Decode all whole characters; what is left is part of one, at most 3 octets. */
static struct span decode_run(struct charset_decoder *decoder, struct span in,
			      bool last, struct buf *out)
{
	bool wide = decoder->charset == CHARSET_UTF16LE ||
		    decoder->charset == CHARSET_UTF16BE;

	while (in.n > 0) {
		size_t n = wide ? 0 : ascii_run(in);

		if (n > 0)
			buf_add(out, (struct span){ in.p, n });
		else
			n = take_one(decoder, in, last, out);
		if (n == 0)
			break;
		in.p += n;
		in.n -= n;
	}
	return in;
}

/* -------------------------------------------------------- the beginning */

static bool starts_with(struct span in, const char *bytes, size_t n)
{
	return in.n >= n && memcmp(in.p, bytes, n) == 0;
}

/* The value of encoding="..." in an XML declaration, or empty. */
static struct span declared(struct span in)
{
	static const char key[] = "encoding";
	const struct span none = { .p = NULL, .n = 0 };
	struct span value;
	const char *found, *end;

	if (!starts_with(in, "<?xml", 5))
		return none;
	end = memmem(in.p, in.n, "?>", 2);
	if (end != NULL)
		in.n = (size_t)(end - in.p);
	found = memmem(in.p, in.n, key, sizeof(key) - 1);
	if (found == NULL)
		return none;
	found += sizeof(key) - 1;
	in = span_trim((struct span){ found, in.n - (size_t)(found - in.p) });
	if (in.n == 0 || in.p[0] != '=')
		return none;
	in = span_trim((struct span){ in.p + 1, in.n - 1 });
	if (in.n == 0 || (in.p[0] != '"' && in.p[0] != '\''))
		return none;
	value = (struct span){ in.p + 1, in.n - 1 };
	if (!span_take_until(&value, in.p[0], &in))
		return none;
	return span_trim(in);
}

static enum charset charset_of(struct span name)
{
	size_t i;

	for (i = 0; i < COUNT(names); i++)
		if (span_is(name, names[i].name))
			return names[i].charset;
	return CHARSET_UNKNOWN;
}

/*
 * Decide the charset by the beginning of the document; *skip octets are the
 * byte order mark. False when more is needed to know.
 */
static bool
decide(struct charset_decoder *decoder, struct span in, bool last, size_t *skip)
{
	struct span name;

	*skip = 0;
	if (in.n < 5 && !last)
		return false;
	if (starts_with(in, "\xef\xbb\xbf", 3)) {
		*skip = 3;
		decoder->charset = CHARSET_UTF8;
	} else if (starts_with(in, "\xff\xfe", 2)) {
		*skip = 2;
		decoder->charset = CHARSET_UTF16LE;
	} else if (starts_with(in, "\xfe\xff", 2)) {
		*skip = 2;
		decoder->charset = CHARSET_UTF16BE;
	} else if (starts_with(in, "<\0", 2)) {
		decoder->charset = CHARSET_UTF16LE;
	} else if (starts_with(in, "\0<", 2)) {
		decoder->charset = CHARSET_UTF16BE;
	}
	if (decoder->charset != CHARSET_UNKNOWN)
		return true;
	if (starts_with(in, "<?xml", 5) && !last &&
	    in.n < sizeof(decoder->pending) &&
	    memmem(in.p, in.n, "?>", 2) == NULL)
		return false;
	name = declared(in);
	if (name.n > 0)
		decoder->charset = charset_of(name);
	if (decoder->charset == CHARSET_UNKNOWN) {
		decoder->unsupported = name.n > 0;
		decoder->charset = CHARSET_UTF8;
	}
	return true;
}

/* Add to pending what fits; returns the rest. */
static struct span pend(struct charset_decoder *decoder, struct span bytes)
{
	size_t n = sizeof(decoder->pending) - decoder->n_pending;

	if (n > bytes.n)
		n = bytes.n;
	if (n > 0)
		memcpy(decoder->pending + decoder->n_pending, bytes.p, n);
	decoder->n_pending += n;
	return (struct span){ bytes.p + n, bytes.n - n };
}

static void keep(struct charset_decoder *decoder, struct span rest)
{
	if (rest.n > 0)
		memmove(decoder->pending, rest.p, rest.n);
	decoder->n_pending = rest.n;
}

/* Returns false as long as the charset is not known. */
static bool begin(struct charset_decoder *decoder, struct span *bytes,
		  bool last, struct buf *out)
{
	struct span start;
	size_t skip;

	/* White space in front of the declaration is common, and an error. */
	while (decoder->n_pending == 0 && bytes->n > 0 &&
	       ascii_is_space(bytes->p[0])) {
		bytes->p++;
		bytes->n--;
		decoder->blanks = true;
	}
	*bytes = pend(decoder, *bytes);
	start = (struct span){ decoder->pending, decoder->n_pending };
	if (!decide(decoder, start, last && bytes->n == 0, &skip))
		return false;
	decoder->blanks = decoder->blanks && starts_with(start, "<?xml", 5);
	start.p += skip;
	start.n -= skip;
	keep(decoder, decode_run(decoder, start, last && bytes->n == 0, out));
	return true;
}

void charset_decode(struct charset_decoder *decoder, struct span bytes,
		    bool last, struct buf *out)
{
	decoder->nul_at = SIZE_MAX;
	if (decoder->charset == CHARSET_UNKNOWN &&
	    !begin(decoder, &bytes, last, out))
		return;
	while (decoder->n_pending > 0 && (bytes.n > 0 || last)) {
		struct span pending;

		if (bytes.n > 0) {
			decoder->pending[decoder->n_pending++] = bytes.p[0];
			bytes.p++;
			bytes.n--;
		}
		pending = (struct span){ decoder->pending, decoder->n_pending };
		keep(decoder,
		     decode_run(decoder, pending, last && bytes.n == 0, out));
	}
	if (bytes.n > 0)
		keep(decoder, decode_run(decoder, bytes, last, out));
}
