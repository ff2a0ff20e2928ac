/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/bounce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "unit/cases.h"

/* In memory of just this size, so that a sanitizer sees the octet behind it. */
static void check(const struct test_case *c)
{
	bool is_dsn = case_has(c, "dsn");
	struct span text = case_span(c, is_dsn ? "dsn" : "text");
	struct arena *arena = arena_new(MAX_BOUNCE_MEMORY);
	char *copy = malloc(text.n + 1);
	struct bounce bounce = { .kind = BOUNCE_HARD };
	bool understood;

	assert_non_null(arena);
	assert_non_null(copy);
	copy = realloc(memcpy(copy, text.p, text.n), text.n == 0 ? 1 : text.n);
	assert_non_null(copy);
	text.p = copy;
	understood = is_dsn ? bounce_read(text, arena, &bounce) :
			      bounce_read_text(text, arena, &bounce);
	if (case_has(c, "understood"))
		expect_bool(c, "understood", understood);
	else
		assert_true(understood);
	if (understood) {
		expect(c, "kind", bounce_kind_name(bounce.kind));
		expect_span(c, "status", bounce.status);
		expect_span(c, "recipient", bounce.recipient);
		expect_span(c, "diagnostic", bounce.diagnostic);
		expect_span(c, "reporter", bounce.reporter);
	}
	free(copy);
	arena_free(&arena);
}

/* n octets that end in what makes a bounce. */
static bool reads(size_t n, bool in_words)
{
	static const char dsn[] = "\n\nFinal-Recipient: rfc822;a@b.example\n"
				  "Action: failed\n";
	static const char words[] =
		"\nDelivery to the following recipients failed.\n";
	struct buf text = BUF_INIT(MAX_BOUNCE_BYTES + 1);
	struct arena *arena = arena_new(MAX_BOUNCE_MEMORY);
	struct span end = span_of(in_words ? words : dsn);
	struct bounce bounce;
	bool result;

	assert_non_null(arena);
	while (text.n < n - end.n)
		buf_add_char(&text, ' ');
	buf_add(&text, end);
	assert_true(buf_ok(&text));
	assert_int_equal(text.n, n);
	result = in_words ? bounce_read_text(buf_span(&text), arena, &bounce) :
			    bounce_read(buf_span(&text), arena, &bounce);
	buf_release(&text);
	arena_free(&arena);
	return result;
}

static void has_a_limit(void)
{
	assert_true(reads(MAX_BOUNCE_BYTES, false));
	assert_false(reads(MAX_BOUNCE_BYTES + 1, false));
	assert_true(reads(MAX_BOUNCE_BYTES, true));
	assert_false(reads(MAX_BOUNCE_BYTES + 1, true));
}

/* With too little memory it is no bounce, and the caller's value stays. */
static void needs_memory(void)
{
	static const char dsn[] =
		"Reporting-MTA: dns; mx.example\n\nFinal-Recipient: "
		"rfc822;a@b.example\nAction: failed\nStatus: 5.1.1\n"
		"Diagnostic-Code: smtp; 550 no\n";
	size_t room;
	bool done = false;

	for (room = 64; !done; room += 1024) {
		struct arena *arena = arena_new(room);
		struct bounce bounce = { .kind = BOUNCE_SOFT };

		assert_true(room <= MAX_BOUNCE_MEMORY);
		assert_non_null(arena);
		done = bounce_read(span_of(dsn), arena, &bounce);
		assert_int_equal(bounce.kind, done ? BOUNCE_HARD : BOUNCE_SOFT);
		arena_free(&arena);
	}
}

static void has_bounds(void **state)
{
	(void)state;
	has_a_limit();
	needs_memory();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(has_bounds) };
	int failed = cmocka_run_group_tests_name("bounce", tests, NULL, NULL);

	return cases_run("bounce.cases", check) != 0 || failed != 0;
}
