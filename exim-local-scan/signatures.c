/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "signatures.h"

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

bool signature_is_plain(struct span body)
{
	struct span tag, name;

	while (span_take_item(&body, ';', &tag))
		if (span_take_until(&tag, '=', &name) && is_copied(name) &&
		    !is_plain_value(tag))
			return false;
	return true;
}

bool envelope_is_plain(struct span text)
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
