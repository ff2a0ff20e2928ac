/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail/lex.h"

static void drop(struct span *rest, size_t n)
{
	rest->p += n;
	rest->n -= n;
}

void lex_skip_space(struct span *rest)
{
	while (rest->n > 0 && ascii_is_space(rest->p[0]))
		drop(rest, 1);
}

bool lex_take_comment(struct span *rest, struct span *inside)
{
	size_t depth = 0;
	size_t i;

	if (rest->n == 0 || rest->p[0] != '(')
		return false;
	for (i = 0; i < rest->n; i++) {
		if (rest->p[i] == '\\') {
			i++;
		} else if (rest->p[i] == '(') {
			if (++depth > MAX_COMMENT_DEPTH)
				return false;
		} else if (rest->p[i] == ')' && --depth == 0) {
			*inside = (struct span){ rest->p + 1, i - 1 };
			drop(rest, i + 1);
			return true;
		}
	}
	return false;
}

bool lex_skip(struct span *rest, struct span *comment)
{
	struct span left = *rest;
	struct span first = { .p = NULL };
	struct span inside;

	lex_skip_space(&left);
	while (left.n > 0 && left.p[0] == '(') {
		if (!lex_take_comment(&left, &inside))
			return false;
		if (first.p == NULL)
			first = inside;
		lex_skip_space(&left);
	}
	if (comment != NULL && first.p != NULL)
		*comment = first;
	*rest = left;
	return true;
}

bool lex_take_quoted(struct span *rest, struct span *inside)
{
	size_t i;

	for (i = 1; i < rest->n; i++) {
		if (rest->p[i] == '\\') {
			i++;
		} else if (rest->p[i] == '"') {
			*inside = (struct span){ rest->p + 1, i - 1 };
			drop(rest, i + 1);
			return true;
		}
	}
	return false;
}

static bool is_plain(struct span inside)
{
	return !span_has(inside, '\\') && !span_has(inside, '\r') &&
	       !span_has(inside, '\n');
}

struct span lex_unquote(struct span inside, struct arena *arena)
{
	struct span plain = { .p = NULL, .n = 0 };
	char *copy;
	size_t i;

	if (is_plain(inside))
		return inside;
	copy = arena_alloc(arena, inside.n);
	if (copy == NULL)
		return plain;
	plain.p = copy;
	for (i = 0; i < inside.n; i++) {
		char c = inside.p[i];

		if (c == '\\' && i + 1 < inside.n)
			c = inside.p[++i];
		else if (c == '\r' || c == '\n')
			continue;
		copy[plain.n++] = c;
	}
	return plain;
}
