/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * span.h - bytes that belong to somebody else
 *
 * A span has a length and no terminator: a NUL in hostile text is a byte like
 * others until somebody needs a C string. Spans are passed by value. Letter
 * case is ASCII's, whatever the locale.
 */
#ifndef EDMARC_BASE_SPAN_H
#define EDMARC_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

struct span {
	const char *p;
	size_t n;
};

/* A span of a string literal, and the printf arguments for "%.*s". */
#define SPAN(literal) \
	((struct span){ .p = "" literal, .n = sizeof(literal) - 1 })
#define SPAN_ARGS(span) (int)((span).n > 4096 ? 4096 : (span).n), (span).p

/* The bytes of a C string; NULL gives an empty span with p == NULL. */
struct span span_of(const char *string);

/* Is it this word? Letter case does not matter. */
bool span_is(struct span span, const char *word);

/* The same bytes. */
bool span_equal(struct span a, struct span b);

/* The same bytes but for ASCII letter case. */
bool span_equal_nocase(struct span a, struct span b);

/* Letter case does not matter in either. */
bool span_starts(struct span span, const char *prefix);
bool span_ends(struct span span, const char *suffix);

/* Is there this byte? */
bool span_has(struct span span, char c);

/* Without space, tab, CR and LF on either side. */
struct span span_trim(struct span span);

/*
 * Take what stands before the first c, and c itself, from the left of *rest.
 * When c does not occur, both are left as they are and false is returned.
 */
bool span_take_until(struct span *rest, char c, struct span *taken);

/*
 * Take the next line, without its LF or CR LF, from the left of *rest; the last
 * line may lack the LF. Returns false when nothing is left.
 */
bool span_take_line(struct span *rest, struct span *line);

/*
 * Take the next item of a list with separators c, trimmed; empty items are
 * skipped. Returns false when nothing is left.
 */
bool span_take_item(struct span *rest, char c, struct span *item);

/*
 * A decimal number of digits only, at most max. *number is only written when
 * the result is true.
 */
bool span_to_uint(struct span span, uint64_t max, uint64_t *number) MUST_CHECK;

/* ASCII letter case, independent of the locale. */
static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static inline bool ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool ascii_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool ascii_is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

#endif
