/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[PATH_MAX];
static char path[PATH_MAX + 10];
static char temp[PATH_MAX + 20];

static int make_folder(void **state)
{
	const char *parent = getenv("TMPDIR");

	(void)state;
	snprintf(folder, sizeof(folder), "%s/edmarc-file.XXXXXX",
		 parent == NULL ? "/tmp" : parent);
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/x", folder);
	snprintf(temp, sizeof(temp), "%s.new", path);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	unlink(temp);
	rmdir(path);
	return rmdir(folder);
}

static void expect_file(const char *want)
{
	struct buf buf = BUF_INIT(4096);
	struct err err = ERR_INIT;

	assert_int_equal(file_read(path, &buf, &err), 0);
	assert_string_equal(buf_string(&buf), want);
	buf_release(&buf);
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(name, &st), 0);
	return st.st_mode & 07777;
}

static void replace(const char *text)
{
	struct err err = ERR_INIT;

	assert_int_equal(file_replace(path, span_of(text), 0640, &err), 0);
}

static void replacing_makes_and_replaces(void **state)
{
	mode_t before = umask(0);

	(void)state;
	replace("old");
	assert_int_equal(mode_of(path), 0640);
	replace("new one");
	umask(before);
	expect_file("new one");
	assert_int_equal(access(temp, F_OK), -1);
}

/* No byte fits: the limit stands for a full disk. */
static void a_full_disk_leaves_the_old_file(void **state)
{
	struct rlimit before, none;
	struct err err = ERR_INIT;
	int result;

	(void)state;
	replace("old");
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = before;
	none.rlim_cur = 2;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	result = file_replace(path, SPAN("new one"), 0640, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(result, -1);
	assert_int_equal(err.kind, ERR_TEMP);
	assert_non_null(strstr(err.text, path));
	assert_non_null(strstr(err.text, "File too large"));
	expect_file("old");
	assert_int_equal(access(temp, F_OK), -1);
}

static void what_a_crash_left_is_no_obstacle(void **state)
{
	FILE *left = fopen(temp, "w");

	(void)state;
	assert_non_null(left);
	fputs("half of something longer than the new", left);
	fclose(left);
	assert_int_equal(chmod(temp, 0666), 0);
	replace("new");
	expect_file("new");
	assert_int_equal(mode_of(path) & 07, 0);
}

/* Somebody who can make links in the folder must not choose where we write. */
static void a_planted_link_is_not_followed(void **state)
{
	char victim[PATH_MAX + 20];
	int fd;

	(void)state;
	snprintf(victim, sizeof(victim), "%s/victim", folder);
	fd = open(victim, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(symlink(victim, temp), 0);
	replace("new");
	expect_file("new");
	{
		struct stat st;

		assert_int_equal(stat(victim, &st), 0);
		assert_int_equal(st.st_size, 0);
		assert_int_equal(lstat(path, &st), 0);
		assert_true(S_ISREG(st.st_mode));
	}
	unlink(victim);
}

static void a_folder_is_not_replaced(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(file_replace(path, SPAN("x"), 0640, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	assert_int_equal(access(temp, F_OK), -1);
}

static void names_have_a_limit(void **state)
{
	char name[PATH_MAX + 1];
	struct err err = ERR_INIT;

	(void)state;
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(file_replace(name, SPAN("x"), 0640, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
}

static void reading_stops_at_the_limit(void **state)
{
	struct buf exact = BUF_INIT(5), less = BUF_INIT(4);
	struct err err = ERR_INIT;

	(void)state;
	replace("12345");
	assert_int_equal(file_read(path, &exact, &err), 0);
	assert_true(span_equal(buf_span(&exact), SPAN("12345")));
	assert_int_equal(file_read(path, &less, &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_non_null(strstr(err.text, "more than 4 bytes"));
	buf_release(&exact);
	buf_release(&less);
}

static void a_missing_file_is_named(void **state)
{
	struct buf buf = BUF_INIT(5);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(file_read(path, &buf, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_non_null(strstr(err.text, path));
	assert_non_null(strstr(err.text, "No such file"));
	/* A folder can be opened but not read. */
	assert_int_equal(file_read(folder, &buf, &err), -1);
	assert_non_null(strstr(err.text, "Is a directory"));
	buf_release(&buf);
}

static void reading_adds_to_what_is_there(void **state)
{
	struct buf buf = BUF_INIT(100);
	struct err err = ERR_INIT;

	(void)state;
	replace("b");
	buf_add(&buf, SPAN("a"));
	assert_int_equal(file_read(path, &buf, &err), 0);
	assert_string_equal(buf_string(&buf), "ab");
	buf_release(&buf);
}

static void a_spool_folder_is_checked(void **state)
{
	struct err err = ERR_INIT;
	uid_t me = getuid();

	(void)state;
	assert_int_equal(chmod(folder, 0750), 0);
	assert_int_equal(file_check_dir(folder, me, 0007, &err), 0);

	assert_int_equal(chmod(folder, 0757), 0);
	assert_int_equal(file_check_dir(folder, me, 0007, &err), -1);
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.text, folder));
	assert_non_null(strstr(err.text, "mode 0757, expected at most 0750"));
	assert_int_equal(chmod(folder, 0700), 0);

	assert_int_equal(file_check_dir(folder, me + 1, 0007, &err), -1);
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.text, "owned by uid"));
	assert_non_null(strstr(err.text, "expected uid"));
}

static void what_is_no_folder_is_refused(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(file_check_dir(path, getuid(), 0, &err), -1);
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.text, "No such file"));
	replace("x");
	assert_int_equal(file_check_dir(path, getuid(), 0, &err), -1);
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.text, "not a directory"));
	assert_int_equal(file_sync_dir(path, &err), -1);
	assert_int_equal(file_sync_dir(folder, &err), 0);
}

/* A pipe takes less than a large write in one piece. */
static void short_writes_go_on(void **state)
{
	static char text[300000], got[sizeof(text)];
	size_t n = 0;
	int ends[2], status;
	pid_t child;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = 'y';
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		_exit(write_all(ends[1], (struct span){ text, sizeof(text) }) ==
				      0 ?
			      0 :
			      1);
	}
	close(ends[1]);
	while (n < sizeof(got)) {
		ssize_t more = read(ends[0], got + n, sizeof(got) - n);

		if (more <= 0)
			break;
		n += (size_t)more;
	}
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(n, sizeof(text));
	assert_memory_equal(got, text, sizeof(text));
}

static void a_closed_pipe_is_told(void **state)
{
	int ends[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	assert_int_equal(write_all(ends[1], SPAN("x")), -1);
	assert_int_equal(errno, EPIPE);
	close(ends[1]);
}

#define IN_FOLDER(test) \
	cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(replacing_makes_and_replaces),
		IN_FOLDER(a_full_disk_leaves_the_old_file),
		IN_FOLDER(what_a_crash_left_is_no_obstacle),
		IN_FOLDER(a_planted_link_is_not_followed),
		IN_FOLDER(a_folder_is_not_replaced),
		IN_FOLDER(names_have_a_limit),
		IN_FOLDER(reading_stops_at_the_limit),
		IN_FOLDER(a_missing_file_is_named),
		IN_FOLDER(reading_adds_to_what_is_there),
		IN_FOLDER(a_spool_folder_is_checked),
		IN_FOLDER(what_is_no_folder_is_refused),
		cmocka_unit_test(short_writes_go_on),
		cmocka_unit_test(a_closed_pipe_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
