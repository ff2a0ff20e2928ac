/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_signatures.c - can a DKIM-Signature that we call plain forge a result?
 *
 * Writes what Exim 4.96 writes about a signature that failed, and reads it: there
 * must be no other result in it.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "fuzz.h"
#include "mail/authres.h"
#include "signatures.h"

#define MAX_TEXT (1024 * 1024)

static int hex(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Exim drops white space of all kinds, in names and in values. */
static void add_without_space(struct buf *buf, struct span text)
{
	size_t i;

	for (i = 0; i < text.n; i++)
		if (!ascii_is_space(text.p[i]) && text.p[i] != '\v' &&
		    text.p[i] != '\f')
			buf_add_char(buf, text.p[i]);
}

static void add_decoded(struct buf *buf, struct span text)
{
	size_t i;

	for (i = 0; i < text.n; i++) {
		if (text.p[i] == '=' && i + 2 < text.n &&
		    hex(text.p[i + 1]) >= 0 && hex(text.p[i + 2]) >= 0) {
			buf_add_char(buf, (char)(hex(text.p[i + 1]) * 16 +
						 hex(text.p[i + 2])));
			i += 2;
		} else {
			buf_add_char(buf, text.p[i]);
		}
	}
}

/*
 * The last tag of that name counts. Of a name Exim reads the small letters only,
 * over semicolons, too.
 */
static void
read_tag(struct span body, char letter, bool decode, struct buf *value)
{
	struct buf name = BUF_INIT(MAX_TEXT), raw = BUF_INIT(MAX_TEXT);
	struct span word;
	size_t i;

	while (body.n > 0) {
		buf_reset(&name);
		for (i = 0; i < body.n && (body.p[i] != '=' || name.n == 0);
		     i++)
			if (body.p[i] >= 'a' && body.p[i] <= 'z')
				buf_add_char(&name, body.p[i]);
		if (i == body.n)
			break;
		body = (struct span){ body.p + i + 1, body.n - i - 1 };
		if (!span_take_until(&body, ';', &word)) {
			word = body;
			body.n = 0;
		}
		if (name.n != 1 || name.p[0] != letter)
			continue;
		buf_reset(&raw);
		buf_reset(value);
		add_without_space(&raw, word);
		if (decode)
			add_decoded(value, buf_span(&raw));
		else
			buf_add(value, buf_span(&raw));
	}
	buf_release(&name);
	buf_release(&raw);
}

static void check(struct span body, struct arena *arena)
{
	static const struct {
		const char *prefix;
		char letter;
		bool decode;
	} tags[] = {
		{ " header.d=", 'd', false },
		{ " header.i=", 'i', true },
		{ " header.s=", 's', false },
	};
	struct buf text = BUF_INIT(4 * MAX_TEXT), value = BUF_INIT(MAX_TEXT);
	struct authres authres;
	size_t i;

	buf_add_string(&text, "mx.test;\n\tdkim=fail (why)\n\t");
	for (i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		buf_reset(&value);
		read_tag(body, tags[i].letter, tags[i].decode, &value);
		if (value.n == 0)
			continue;
		buf_add_string(&text, tags[i].prefix);
		buf_add(&text, buf_span(&value));
	}
	buf_add_string(&text, " header.a=rsa-sha256");
	if (authres_parse(buf_span(&text), arena, &authres)) {
		MUST_HOLD(authres.n <= 1);
		MUST_HOLD(authres.n == 0 ||
			  span_is(authres.results[0].result, "fail"));
	}
	buf_release(&text);
	buf_release(&value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span body = { (const char *)data, size };
	struct arena *arena = arena_new(4 * 1024 * 1024);

	MUST_HOLD(arena != NULL);
	if (signature_is_plain(body))
		check(body, arena);
	arena_free(&arena);
	return 0;
}
