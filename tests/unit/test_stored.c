/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/stored.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "unit/cases.h"

#define MAX_TEST_MEMORY ((size_t)1024 * 1024)

/* "192.0.2.1 by Received" */
static void expect_told(const struct test_case *c, const char *field,
			const struct told *told)
{
	char text[1000];

	if (told->text == NULL) {
		expect(c, field, NULL);
		return;
	}
	snprintf(text, sizeof(text), "%s by %s", told->text, told->where);
	expect(c, field, text);
}

/* With less memory than it takes it says so, and does nothing else wrong. */
static void check_memory(const struct test_case *c, struct span text)
{
	struct stored stored;
	size_t limit;
	int result;

	for (limit = 16, result = -1; result < 0; limit += 16) {
		struct arena *arena = arena_new(limit);
		struct err err = ERR_INIT;

		result = stored_read(&stored, text, case_maybe(c, "ours"),
				     arena, &err);
		if (result < 0 && err.kind != ERR_LIMIT)
			fail_msg("%s", err.text);
		arena_free(&arena);
		assert_true(limit < MAX_TEST_MEMORY);
	}
}

static void check(const struct test_case *c)
{
	struct arena *arena = arena_new(MAX_TEST_MEMORY);
	struct span text = case_span(c, "text");
	struct err err = ERR_INIT;
	struct stored stored;

	expect_bool(c, "spool", stored_is_spool(text));
	if (stored_read(&stored, text, case_maybe(c, "ours"), arena, &err) <
	    0) {
		expect(c, "error", err.text);
	} else {
		expect(c, "error", NULL);
		expect_told(c, "client", &stored.client_ip);
		expect_told(c, "name", &stored.client_name);
		expect_told(c, "helo", &stored.helo);
		expect_told(c, "mail-from", &stored.mail_from);
		expect(c, "results-of", stored.results_id);
		expect(c, "dmarc", stored.results_dmarc);
		expect_int(c, "not-used", (long long)stored.results_not_used);
		expect_int(c, "signatures", (long long)stored.signatures);
		expect_span(c, "header", stored.header);
		check_memory(c, text);
	}
	arena_free(&arena);
}

int main(void)
{
	return cases_run("stored.cases", check);
}
