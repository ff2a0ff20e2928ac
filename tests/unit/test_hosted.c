/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/file.h"
#include "edmarc/hosted.h"

static char path[2][64];

static void put(size_t i, const char *text)
{
	FILE *file = fopen(path[i], "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int make_files(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		int fd;

		(void)snprintf(path[i], sizeof(path[i]),
			       "/tmp/edmarc-hosted.XXXXXX");
		fd = mkstemp(path[i]);
		if (fd < 0)
			return -1;
		close(fd);
	}
	return 0;
}

static int remove_files(void **state)
{
	(void)state;
	unlink(path[0]);
	unlink(path[1]);
	return 0;
}

static void lists_are_joined_and_sorted(void **state)
{
	struct arena *arena = arena_new((size_t)1024 * 1024);
	static const char *const want[] = { "a.example", "b.example",
					    "c.example", "d.example",
					    "xn--bcher-kva.example" };
	struct err err = ERR_INIT;
	struct hosted hosted;
	char files[200];
	size_t i;

	(void)state;
	put(0, "# ours\nD.example\n\n  b.example   # bought\n"
	       "*.wild.example\na.example\n");
	put(1, "c.example: mailbox\nb.example.\nb\xc3\xbc"
	       "cher.example");
	(void)snprintf(files, sizeof(files), " %s,%s ", path[0], path[1]);
	assert_int_equal(hosted_read(files, arena, &hosted, &err), 0);
	assert_int_equal(hosted.n, 5);
	for (i = 0; i < 5; i++)
		assert_string_equal(hosted.domain[i], want[i]);
	arena_free(&arena);
}

static void nothing_configured_is_nothing(void **state)
{
	struct arena *arena = arena_new((size_t)1024 * 1024);
	struct err err = ERR_INIT;
	struct hosted hosted;

	(void)state;
	assert_int_equal(hosted_read("", arena, &hosted, &err), 0);
	assert_int_equal(hosted.n, 0);
	put(0, "# empty\n");
	assert_int_equal(hosted_read(path[0], arena, &hosted, &err), 0);
	assert_int_equal(hosted.n, 0);
	arena_free(&arena);
}

static void a_missing_file_is_the_administrators(void **state)
{
	struct arena *arena = arena_new((size_t)1024 * 1024);
	struct err err = ERR_INIT;
	struct hosted hosted;

	(void)state;
	assert_int_equal(hosted_read("/nonexistent/list", arena, &hosted, &err),
			 -1);
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.text, "domains.hosted: /nonexistent/list"));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_joined_and_sorted),
		cmocka_unit_test(nothing_configured_is_nothing),
		cmocka_unit_test(a_missing_file_is_the_administrators),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
