/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dmarc/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "unit/cases.h"

static char path[] = "/tmp/edmarc-test-XXXXXX";

/* "key = value" of the listing, for each "shows" of the case. */
static void
expect_shown(const struct test_case *c, const struct settings *settings)
{
	struct buf shown = BUF_INIT(65536);
	struct span want;
	size_t i;

	settings_format(&shown, settings);
	for (i = 0; (want = case_nth(c, "shows", i)).p != NULL; i++) {
		struct span rest = buf_span(&shown), line;
		bool found = false;

		while (!found && span_take_line(&rest, &line))
			found = span_equal(line, want);
		if (!found)
			fail_msg("no line '%s' in:\n%s", want.p,
				 buf_string(&shown));
	}
	buf_release(&shown);
}

/* All errors, with FILE for the path. */
static void expect_errors(const struct test_case *c, struct span errors)
{
	struct buf all = BUF_INIT(65536);
	struct span line;

	while (span_take_line(&errors, &line)) {
		if (all.n > 0)
			buf_add_char(&all, '\n');
		if (span_starts(line, path)) {
			buf_add_string(&all, "FILE");
			line.p += strlen(path);
			line.n -= strlen(path);
		}
		buf_add(&all, line);
	}
	expect(c, "errors", buf_string(&all));
	buf_release(&all);
}

/* What settings_format() writes is read back as the same settings. */
static void
check_round_trip(const struct settings *settings, struct arena *arena)
{
	struct buf first = BUF_INIT(65536), second = BUF_INIT(65536);
	struct err err = ERR_INIT;
	struct settings again;

	settings_format(&first, settings);
	assert_int_equal(file_replace(path, buf_span(&first), 0600, &err), 0);
	if (settings_read(&again, path, arena, NULL, &err) < 0)
		fail_msg("%s", err.text);
	settings_format(&second, &again);
	assert_string_equal(buf_string(&first), buf_string(&second));
	buf_release(&first);
	buf_release(&second);
}

static void check(const struct test_case *c)
{
	struct arena *arena = arena_new(1024 * 1024);
	struct buf all = BUF_INIT(65536);
	struct err err = ERR_INIT;
	struct settings settings;
	int result;

	assert_int_equal(file_replace(path, case_span(c, "file"), 0600, &err),
			 0);
	result = settings_read(&settings, path, arena, &all, &err);
	expect_errors(c, buf_span(&all));
	assert_int_equal(result, all.n == 0 ? 0 : -1);
	if (result < 0) {
		assert_int_equal(err.kind, ERR_CONFIG);
		assert_true(span_starts(buf_span(&all), err.text));
	}
	expect_shown(c, &settings);
	if (result == 0)
		check_round_trip(&settings, arena);
	buf_release(&all);
	arena_free(&arena);
}

/* Without a file there is an error, and the defaults. */
static void test_missing(void **state)
{
	struct arena *arena = arena_new(65536);
	struct err err = ERR_INIT;
	struct settings settings, defaults;

	(void)state;
	assert_int_equal(settings_read(&settings, "/nowhere/edmarc.conf", arena,
				       NULL, &err),
			 -1);
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.text, "/nowhere/edmarc.conf"));
	settings_defaults(&defaults);
	assert_int_equal(settings.quarantine_at, defaults.quarantine_at);
	assert_string_equal(settings.score_header, "X-DMARC-Score");
	arena_free(&arena);
}

/* Sections stay together, keys are unique, and the list has an end. */
static void test_table(void **state)
{
	size_t i, k;

	(void)state;
	for (i = 0; settings_key(i) != NULL; i++)
		for (k = 0; k < i; k++)
			assert_false(strcmp(settings_section(i),
					    settings_section(k)) == 0 &&
				     strcmp(settings_key(i), settings_key(k)) ==
					     0);
	assert_true(i > 20);
	assert_null(settings_section(i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_table),
	};
	int fd = mkstemp(path);
	int failed;

	if (fd < 0)
		return 99;
	close(fd);
	failed = cases_run("settings.cases", check);
	unlink(path);
	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
