/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/columns.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "base/utf8.h"

#define MAPPED "::ffff:"

/* Bytes of the result when nothing is written. */
static size_t repair(struct span text, size_t max_chars, char *out)
{
	size_t n = 0;

	for (; text.n > 0 && max_chars > 0; max_chars--) {
		size_t length = utf8_length(text);
		struct span piece = { text.p, length };

		if (length == 0)
			piece = SPAN(UTF8_REPLACEMENT);
		if (out != NULL)
			memcpy(out + n, piece.p, piece.n);
		n += piece.n;
		text.p += length == 0 ? 1 : length;
		text.n -= length == 0 ? 1 : length;
	}
	return n;
}

static bool is_ascii(struct span text)
{
	unsigned char bits = 0;
	size_t i;

	for (i = 0; i < text.n; i++)
		bits |= (unsigned char)text.p[i];
	return bits < 0x80;
}

struct span column_text(struct arena *arena, struct span text, size_t max_chars)
{
	char *copy;
	size_t n;

	/* Nearly all are, and short. */
	if (text.n <= max_chars && is_ascii(text))
		return arena_copy(arena, text);
	n = repair(text, max_chars, NULL);
	copy = arena_alloc(arena, n + 1);
	if (copy == NULL)
		return (struct span){ NULL, 0 };
	repair(text, max_chars, copy);
	return (struct span){ copy, n };
}

struct span column_domain(struct arena *arena, struct span name)
{
	size_t n = name.n < COLUMN_DOMAIN ? name.n : COLUMN_DOMAIN;
	char *copy = arena_alloc(arena, n + 1);
	size_t i;

	if (copy == NULL)
		return (struct span){ NULL, 0 };
	for (i = 0; i < n; i++) {
		char c = ascii_lower(name.p[i]);

		copy[i] = c > ' ' && c <= '~' ? c : '?';
	}
	return (struct span){ copy, n };
}

struct span column_domain_of(struct arena *arena, struct span address)
{
	size_t at = address.n;

	while (at > 0 && address.p[at - 1] != '@')
		at--;
	if (at == 0)
		return SPAN("");
	return column_domain(arena,
			     (struct span){ address.p + at, address.n - at });
}

bool column_address(struct span text, struct column_address *address)
{
	char name[INET6_ADDRSTRLEN];
	struct in6_addr six;
	struct in_addr four;

	if (text.n >= sizeof(name))
		return false;
	if (text.n > 0)
		memcpy(name, text.p, text.n);
	name[text.n] = '\0';
	/* A NUL inside would hide the rest. */
	if (strlen(name) != text.n)
		return false;
	if (text.n == 0) {
		(void)snprintf(address->text, sizeof(address->text), "::");
		return true;
	}
	if (inet_pton(AF_INET, name, &four) == 1) {
		/* Every row has one: snprintf(3) would show. */
		memcpy(address->text, MAPPED, sizeof(MAPPED) - 1);
		memcpy(address->text + sizeof(MAPPED) - 1, name, text.n + 1);
		return true;
	}
	if (inet_pton(AF_INET6, name, &six) != 1)
		return false;
	return inet_ntop(AF_INET6, &six, address->text,
			 sizeof(address->text)) != NULL;
}

struct span column_address_shown(struct span text)
{
	if (!span_starts(text, MAPPED) || !span_has(text, '.'))
		return text;
	text.p += sizeof(MAPPED) - 1;
	text.n -= sizeof(MAPPED) - 1;
	return text;
}

struct column_hash column_hash(struct span text)
{
	struct sha256 whole = sha256(text);
	struct column_hash half;

	memcpy(half.bytes, whole.bytes, sizeof(half.bytes));
	return half;
}
