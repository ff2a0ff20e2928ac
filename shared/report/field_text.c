/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/field_text.h"

#include "report/limits.h"

struct span field_line(struct span body, struct arena *arena)
{
	char *out = arena_alloc(arena, MAX_TEXT_BYTES);
	bool space = false;
	size_t n = 0, i;

	if (out == NULL)
		return (struct span){ .p = NULL, .n = 0 };
	body = span_trim(body);
	for (i = 0; i < body.n && n < MAX_TEXT_BYTES - 2; i++) {
		char c = body.p[i];

		if (ascii_is_space(c)) {
			space = true;
			continue;
		}
		if (space)
			out[n++] = ' ';
		space = false;
		out[n++] = (unsigned char)c < ' ' || c == 0x7f ? '?' : c;
	}
	return (struct span){ out, n };
}

struct span field_lower(struct span text)
{
	char *p = (char *)(uintptr_t)text.p;
	size_t i;

	for (i = 0; i < text.n; i++)
		p[i] = ascii_lower(p[i]);
	return text;
}

struct span field_address(struct span text)
{
	struct span rest = text, type;

	if (span_take_until(&rest, ';', &type))
		text = span_trim(rest);
	if (text.n >= 2 && text.p[0] == '<' && text.p[text.n - 1] == '>')
		text = (struct span){ text.p + 1, text.n - 2 };
	return text;
}
