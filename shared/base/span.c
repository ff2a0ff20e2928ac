/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/span.h"

#include <string.h>

struct span span_of(const char *string)
{
	if (string == NULL)
		return (struct span){ .p = NULL, .n = 0 };
	return (struct span){ .p = string, .n = strlen(string) };
}

bool span_equal(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool span_equal_nocase(struct span a, struct span b)
{
	size_t i;

	if (a.n != b.n)
		return false;
	for (i = 0; i < a.n; i++)
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	return true;
}

bool span_is(struct span span, const char *word)
{
	return span_equal_nocase(span, span_of(word));
}

bool span_starts(struct span span, const char *prefix)
{
	struct span want = span_of(prefix);

	if (span.n < want.n)
		return false;
	return span_equal_nocase((struct span){ span.p, want.n }, want);
}

bool span_ends(struct span span, const char *suffix)
{
	struct span want = span_of(suffix);

	if (span.n < want.n)
		return false;
	if (want.n < span.n) /* not for NULL, which has no end to count from */
		span.p += span.n - want.n;
	return span_equal_nocase((struct span){ span.p, want.n }, want);
}

bool span_has(struct span span, char c)
{
	return span.n > 0 && memchr(span.p, c, span.n) != NULL;
}

struct span span_trim(struct span span)
{
	while (span.n > 0 && ascii_is_space(span.p[0])) {
		span.p++;
		span.n--;
	}
	while (span.n > 0 && ascii_is_space(span.p[span.n - 1]))
		span.n--;
	return span;
}

bool span_take_until(struct span *rest, char c, struct span *taken)
{
	const char *found;
	size_t before;

	if (rest->n == 0)
		return false;
	found = memchr(rest->p, c, rest->n);
	if (found == NULL)
		return false;
	before = (size_t)(found - rest->p);
	*taken = (struct span){ rest->p, before };
	rest->p += before + 1;
	rest->n -= before + 1;
	return true;
}

bool span_take_line(struct span *rest, struct span *line)
{
	if (rest->n == 0)
		return false;
	if (!span_take_until(rest, '\n', line)) {
		*line = *rest;
		rest->p += rest->n;
		rest->n = 0;
	}
	if (line->n > 0 && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

bool span_take_item(struct span *rest, char c, struct span *item)
{
	do {
		if (rest->n == 0)
			return false;
		if (!span_take_until(rest, c, item)) {
			*item = *rest;
			rest->p += rest->n;
			rest->n = 0;
		}
		*item = span_trim(*item);
	} while (item->n == 0);
	return true;
}

bool span_to_uint(struct span span, uint64_t max, uint64_t *number)
{
	uint64_t value = 0;
	size_t i;

	if (span.n == 0)
		return false;
	for (i = 0; i < span.n; i++) {
		uint64_t digit;

		if (!ascii_is_digit(span.p[i]))
			return false;
		digit = (uint64_t)(span.p[i] - '0');
		if (value > (max - digit) / 10 || digit > max)
			return false;
		value = value * 10 + digit;
	}
	*number = value;
	return true;
}
