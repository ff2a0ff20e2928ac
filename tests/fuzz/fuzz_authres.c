/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_authres.c - the text of an Authentication-Results field
 *
 * What is read, is written again as plainly as can be (every word a quoted
 * string), and then reads the same.
 */
#include "base/buf.h"
#include "fuzz.h"
#include "mail/authres.h"

static void check_result(const struct authres_result *result)
{
	size_t i;

	MUST_HOLD(result->method.p != NULL && result->result.p != NULL);
	MUST_HOLD(result->n <= MAX_AUTHRES_PROPERTIES);
	for (i = 0; i < result->n; i++) {
		MUST_HOLD(result->property[i].type.p != NULL);
		MUST_HOLD(result->property[i].name.p != NULL);
		MUST_HOLD(result->property[i].value.p != NULL);
	}
}

static bool may_be_host(struct span id)
{
	return id.n <= 253 && !span_has(id, ' ') && !span_has(id, '\t');
}

static void add_quoted(struct buf *buf, struct span text)
{
	size_t i;

	buf_add_char(buf, '"');
	for (i = 0; i < text.n; i++) {
		buf_add_char(buf, '\\');
		buf_add_char(buf, text.p[i]);
	}
	buf_add_char(buf, '"');
}

static void write_result(struct buf *buf, const struct authres_result *result)
{
	size_t i;

	buf_add_char(buf, ';');
	add_quoted(buf, result->method);
	buf_add_char(buf, '=');
	add_quoted(buf, result->result);
	if (result->comment.p != NULL) {
		buf_add_char(buf, '(');
		buf_add(buf, result->comment);
		buf_add_char(buf, ')');
	}
	if (result->reason.p != NULL) {
		buf_add_string(buf, " reason=");
		add_quoted(buf, result->reason);
	}
	for (i = 0; i < result->n; i++) {
		buf_add_char(buf, ' ');
		add_quoted(buf, result->property[i].type);
		buf_add_char(buf, '.');
		add_quoted(buf, result->property[i].name);
		buf_add_char(buf, '=');
		add_quoted(buf, result->property[i].value);
	}
}

static void
same_result(const struct authres_result *a, const struct authres_result *b)
{
	size_t i;

	MUST_HOLD(span_equal(a->method, b->method));
	MUST_HOLD(span_equal(a->result, b->result));
	MUST_HOLD(span_equal(a->reason, b->reason));
	MUST_HOLD((a->reason.p == NULL) == (b->reason.p == NULL));
	MUST_HOLD(span_equal(a->comment, b->comment));
	MUST_HOLD(a->n == b->n);
	for (i = 0; i < a->n; i++) {
		MUST_HOLD(span_equal(a->property[i].type, b->property[i].type));
		MUST_HOLD(span_equal(a->property[i].name, b->property[i].name));
		MUST_HOLD(
			span_equal(a->property[i].value, b->property[i].value));
	}
}

static void write_and_read(const struct authres *authres, struct arena *arena)
{
	struct buf text = BUF_INIT((size_t)16 * 1024 * 1024);
	struct authres again;
	size_t i;

	add_quoted(&text, authres->authserv_id);
	if (authres->version.p != NULL) {
		buf_add_char(&text, ' ');
		add_quoted(&text, authres->version);
	}
	for (i = 0; i < authres->n; i++)
		write_result(&text, &authres->results[i]);
	MUST_HOLD(buf_ok(&text));
	MUST_HOLD(authres_parse(buf_span(&text), arena, &again));
	MUST_HOLD(span_equal(again.authserv_id, authres->authserv_id));
	MUST_HOLD(span_equal(again.version, authres->version));
	MUST_HOLD(again.n == authres->n);
	for (i = 0; i < again.n; i++)
		same_result(&authres->results[i], &again.results[i]);
	buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char name[] = "Authentication-Results";
	struct span text = { (const char *)data, size };
	struct arena *arena = arena_new((size_t)16 * 1024 * 1024);
	struct authres authres = { .n = 12345 };
	size_t i;

	MUST_HOLD(arena != NULL);
	if (authres_parse(text, arena, &authres)) {
		MUST_HOLD(authres.n <= MAX_AUTHRES_RESULTS);
		for (i = 0; i < authres.n; i++)
			check_result(&authres.results[i]);
		write_and_read(&authres, arena);
		/* Whom we take for the writer, that one it claims to be. */
		if (!span_starts(span_trim(text), name) &&
		    may_be_host(authres.authserv_id))
			MUST_HOLD(authres_claims(text, authres.authserv_id));
	} else {
		MUST_HOLD(authres.n == 12345);
	}
	(void)authres_claims(text, SPAN("mx.test"));
	arena_free(&arena);
	return 0;
}
