/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "signatures.h"

#include <string.h>

#include "base/file.h"

#define FIELD_NAME "DKIM-Signature"

/* What Exim's DKIM code keeps of a field; a longer one is cut there. */
#define MAX_SIGNATURE_BYTES 65536

/*
 * Each costs a read of so much. Exim itself verifies none of more than 20; an
 * attached mail folder has hundreds.
 */
#define MAX_BODY_SIGNATURES 1000

#define PIECE_BYTES 32768

/*
 * No white space, quote, parenthesis, semicolon or backslash, which mean
 * something to a reader of RFC 8601. UTF-8 is part of a name (RFC 6532).
 */
static bool is_plain_char(unsigned char c)
{
	static const struct span others = { .p = "!#$%&'*+-./=?@^_`{|}~",
					    .n = 21 };

	return c >= 0x80 || ascii_is_alpha((char)c) ||
	       ascii_is_digit((char)c) || span_has(others, (char)c);
}

static int hex(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "=3B" is what it stands for, as Exim reads it. */
static bool is_plain_escape(struct span text)
{
	int high, low;

	if (text.n < 3)
		return true; /* a "=" at the end stays one */
	high = hex(text.p[1]);
	low = hex(text.p[2]);
	if (high < 0 || low < 0)
		return true;
	return is_plain_char((unsigned char)(high * 16 + low));
}

static bool is_plain_value(struct span value)
{
	size_t i;

	value = span_trim(value);
	for (i = 0; i < value.n; i++) {
		struct span rest = { value.p + i, value.n - i };

		if (!is_plain_char((unsigned char)value.p[i]))
			return false;
		if (value.p[i] == '=' && !is_plain_escape(rest))
			return false;
	}
	return true;
}

/* Exim drops white space inside the name of a tag as well. */
static bool is_copied(struct span name)
{
	char letter = '\0';
	size_t i;

	for (i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if (c <= ' ' || c == 0x7f)
			continue;
		if (letter != '\0')
			return false; /* of two letters, such as bh */
		letter = ascii_lower((char)c);
	}
	return letter == 'd' || letter == 's' || letter == 'i';
}

/* Tag by tag, as RFC 6376 3.2 has it. */
static bool is_plain_by_rfc(struct span body)
{
	struct span tag, name;

	while (span_take_item(&body, ';', &tag))
		if (span_take_until(&tag, '=', &name) && is_copied(name) &&
		    !is_plain_value(tag))
			return false;
	return true;
}

/*
 * As Exim has it: of what stands before "=" only the letters a to z count, so
 * "9=i=x", "i;9=x" and "i-9=x" are all the tag i. Where Exim looks at the first
 * of several letters only, that tag is copied, too.
 */
static bool is_plain_for_exim(struct span body)
{
	char letter = '\0';
	size_t i;

	for (i = 0; i < body.n; i++) {
		char c = body.p[i];
		struct span value = { body.p + i + 1, body.n - i - 1 };
		struct span rest = value;

		if (letter == '\0' && c >= 'a' && c <= 'z')
			letter = c;
		if (c != '=' || letter == '\0')
			continue;
		if (!span_take_until(&rest, ';', &value))
			rest.n = 0;
		if ((letter == 'd' || letter == 's' || letter == 'i') &&
		    !is_plain_value(value))
			return false;
		letter = '\0';
		i = body.n - rest.n - 1;
	}
	return true;
}

bool signature_is_plain(struct span body)
{
	return is_plain_by_rfc(body) && is_plain_for_exim(body);
}

/* "DKIM-Signature" and ":"? *body is what follows. */
static bool is_signature(struct span line, struct span *body)
{
	struct span name;

	if (!span_starts(line, FIELD_NAME) ||
	    !span_take_until(&line, ':', &name) ||
	    span_trim(name).n != strlen(FIELD_NAME))
		return false;
	*body = line;
	return true;
}

bool field_is_plain(struct span name, struct span body)
{
	struct span rest = body, line, signature;

	if (span_is(name, FIELD_NAME) && !signature_is_plain(body))
		return false;
	while (span_take_until(&rest, '\n', &line)) {
		struct span begin = rest;

		while (begin.n > 0 && ascii_is_space(begin.p[0])) {
			begin.p++;
			begin.n--;
		}
		if (is_signature(begin, &signature) &&
		    !signature_is_plain(signature))
			return false;
	}
	return true;
}

/*
 * Up to the end of a line that none follows with white space in front. Exim has
 * made lines of bare CRs, so empty ones do not count.
 */
static struct span take_folded(struct span text)
{
	size_t i = 0;

	for (;;) {
		const char *end = memchr(text.p + i, '\n', text.n - i);
		size_t next;

		if (end == NULL)
			return text;
		next = (size_t)(end - text.p);
		while (next < text.n &&
		       (text.p[next] == '\n' || text.p[next] == '\r'))
			next++;
		if (next == text.n ||
		    (text.p[next] != ' ' && text.p[next] != '\t'))
			return (struct span){ text.p, next };
		i = next;
	}
}

/* The line that begins here is a signature: a plain one? -1 with errno. */
static int read_signature(int fd, off_t offset)
{
	char text[MAX_SIGNATURE_BYTES];
	struct span signature;
	ssize_t n = read_at(fd, text, sizeof(text), offset);

	if (n < 0)
		return -1;
	if (!is_signature((struct span){ text, (size_t)n }, &signature))
		return 1;
	return signature_is_plain(take_folded(signature));
}

/* The next place in *rest where a line may be a signature. */
static bool find_line(struct span *rest, bool at_start)
{
	struct span line;

	if (at_start && span_starts(*rest, FIELD_NAME))
		return true;
	while (span_take_until(rest, '\n', &line))
		if (span_starts(*rest, FIELD_NAME))
			return true;
	return false;
}

bool text_is_plain(struct span body)
{
	unsigned left = MAX_BODY_SIGNATURES;
	bool at_start = true;

	for (; find_line(&body, at_start); at_start = false) {
		struct span line = body, signature;

		if (left-- == 0)
			return false;
		if (line.n > MAX_SIGNATURE_BYTES)
			line.n = MAX_SIGNATURE_BYTES;
		if (is_signature(line, &signature) &&
		    !signature_is_plain(take_folded(signature)))
			return false;
	}
	return true;
}

int body_is_plain(int fd, off_t offset)
{
	const size_t overlap = strlen(FIELD_NAME);
	char piece[PIECE_BYTES];
	unsigned left = MAX_BODY_SIGNATURES;
	bool at_start = true;
	ssize_t n;

	/*
	 * Pieces overlap, so that a newline and the name behind it stand in one
	 * of them together.
	 */
	while ((n = read_at(fd, piece, sizeof(piece), offset)) > 0) {
		struct span rest = { piece, (size_t)n };

		while (find_line(&rest, at_start)) {
			int plain =
				left-- == 0 ?
					0 :
					read_signature(
						fd, offset + (rest.p - piece));

			if (plain != 1)
				return plain;
			at_start = false;
		}
		at_start = false;
		if ((size_t)n < sizeof(piece))
			break;
		offset += n - (ssize_t)overlap;
	}
	return n < 0 ? -1 : 1;
}

bool name_is_plain(struct span text)
{
	size_t i;

	for (i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (!is_plain_char((unsigned char)c) && c != '[' && c != ']' &&
		    c != ':')
			return false;
	}
	return true;
}
