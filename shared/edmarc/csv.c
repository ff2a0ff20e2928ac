/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/csv.h"

#include <stdbool.h>

#include "base/utf8.h"

static bool is_formula(char first)
{
	return first == '=' || first == '+' || first == '-' || first == '@' ||
	       first == '\t' || first == '\r' || first == '\n';
}

/* C0 but for white space, DEL, and C1, which is two octets of UTF-8. */
static bool is_control(struct span c)
{
	unsigned char first = (unsigned char)c.p[0];

	if (c.n == 1)
		return (first < ' ' && !ascii_is_space(c.p[0])) ||
		       first == 0x7f;
	return c.n == 2 && first == 0xc2 && (unsigned char)c.p[1] < 0xa0;
}

void csv_text(struct buf *out, struct span text)
{
	buf_add_char(out, '"');
	if (text.n > 0 && is_formula(text.p[0]))
		buf_add_char(out, '\'');
	while (text.n > 0) {
		size_t length = utf8_length(text);
		struct span c = { text.p, length == 0 ? 1 : length };

		if (length == 0 || is_control(c))
			buf_add_string(out, UTF8_REPLACEMENT);
		else
			buf_add(out, c);
		if (c.p[0] == '"')
			buf_add_char(out, '"');
		text.p += c.n;
		text.n -= c.n;
	}
	buf_add_char(out, '"');
}
