/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static int read_files(const char *files, struct arena *arena,
		      struct hosted *hosted, struct err *err)
{
	struct settings settings;

	settings_defaults(&settings);
	settings.hosted_domains = files;
	return hosted_read(&settings, NULL, 0, arena, hosted, err);
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
	       "*.wild.example\n*: nobody\na.example\n");
	put(1, "c.example: mailbox\nb.example.\nb\xc3\xbc"
	       "cher.example");
	(void)snprintf(files, sizeof(files), " %s,%s ", path[0], path[1]);
	assert_int_equal(read_files(files, arena, &hosted, &err), 0);
	assert_true(hosted.configured);
	assert_int_equal(hosted.n, 5);
	for (i = 0; i < 5; i++)
		assert_string_equal(hosted.domain[i], want[i]);
	/* the same by a pattern */
	(void)snprintf(files, sizeof(files), "%.*s*", (int)strlen(path[0]) - 6,
		       path[0]);
	assert_int_equal(read_files(files, arena, &hosted, &err), 0);
	assert_true(hosted.n >= 5);
	arena_free(&arena);
}

static void names_in_a_folder_are_domains(void **state)
{
	struct arena *arena = arena_new((size_t)1024 * 1024);
	static const char *const names[] = { "one.example", "TWO.example",
					     ".hidden" };
	char folder[] = "/tmp/edmarc-hosted.XXXXXX";
	struct err err = ERR_INIT;
	struct hosted hosted;
	char name[100];
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof(name), "%s/%s", folder, names[i]);
		assert_int_equal(mkdir(name, 0700), 0);
	}
	assert_int_equal(read_files(folder, arena, &hosted, &err), 0);
	assert_int_equal(hosted.n, 2);
	assert_string_equal(hosted.domain[0], "one.example");
	assert_string_equal(hosted.domain[1], "two.example");
	for (i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof(name), "%s/%s", folder, names[i]);
		rmdir(name);
	}
	rmdir(folder);
	arena_free(&arena);
}

static void ours_are_the_listed_and_those_below(void **state)
{
	struct arena *arena = arena_new((size_t)1024 * 1024);
	struct err err = ERR_INIT;
	struct hosted hosted;

	(void)state;
	put(0, "a.example\nb.example\n");
	assert_int_equal(read_files(path[0], arena, &hosted, &err), 0);
	assert_true(hosted_has(&hosted, "a.example"));
	assert_true(hosted_has(&hosted, "mail.b.example"));
	assert_true(hosted_has(&hosted, "x.y.b.example"));
	assert_false(hosted_has(&hosted, "example"));
	assert_false(hosted_has(&hosted, "c.example"));
	assert_false(hosted_has(&hosted, "xa.example"));
	assert_false(hosted_has(&hosted, ""));
	arena_free(&arena);
}

static void an_empty_list_is_not_no_list(void **state)
{
	struct arena *arena = arena_new((size_t)1024 * 1024);
	struct err err = ERR_INIT;
	struct hosted hosted;

	(void)state;
	assert_int_equal(read_files("", arena, &hosted, &err), 0);
	assert_int_equal(hosted.n, 0);
	assert_false(hosted.configured);
	assert_true(hosted_has(&hosted, "a.example"));
	put(0, "# empty\n");
	assert_int_equal(read_files(path[0], arena, &hosted, &err), 0);
	assert_int_equal(hosted.n, 0);
	assert_true(hosted.configured);
	assert_false(hosted_has(&hosted, "a.example"));
	/* A panel's folder of lists may hold none yet. */
	assert_int_equal(
		read_files("/tmp/edmarc-no-such-list.*", arena, &hosted, &err),
		0);
	assert_true(hosted.configured);
	arena_free(&arena);
}

static void a_missing_file_is_the_administrators(void **state)
{
	struct arena *arena = arena_new((size_t)1024 * 1024);
	struct err err = ERR_INIT;
	struct hosted hosted;

	(void)state;
	assert_int_equal(read_files("/nonexistent/list", arena, &hosted, &err),
			 -1);
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.text, "domains.hosted: /nonexistent/list"));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_joined_and_sorted),
		cmocka_unit_test(names_in_a_folder_are_domains),
		cmocka_unit_test(ours_are_the_listed_and_those_below),
		cmocka_unit_test(an_empty_list_is_not_no_list),
		cmocka_unit_test(a_missing_file_is_the_administrators),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
