/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs that stand in for sendmail: scripts, written into a folder of the
 * test.
 */
#include "edmarc/sendmail.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "edmarc/temp.h"

static char folder[] = "/tmp/edmarc-test-sendmail.XXXXXX";
static char program[200];
static char output[200];

static int message(void)
{
	struct err err = ERR_INIT;
	int fd = temp_open(&err);

	assert_true(fd >= 0);
	/* It stands at its end: sendmail_run() goes back to the start. */
	assert_int_equal(write_all(fd, SPAN("the mail\n")), 0);
	return fd;
}

/* The script sees its folder as $D. */
static void write_program(const char *script)
{
	FILE *file = fopen(program, "we");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\nD=%s\n%s\n", folder, script);
	fclose(file);
	assert_int_equal(chmod(program, 0755), 0);
}

static int run(const char *to, int timeout, struct err *err)
{
	int fd = message();
	int result =
		sendmail_run(program, "from@example.org", to, fd, timeout, err);

	close(fd);
	return result;
}

static void expect_output(const char *expected)
{
	struct buf text = BUF_INIT(65536);
	struct err err = ERR_INIT;

	if (file_read(output, &text, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(buf_string(&text), expected);
	buf_release(&text);
}

static void gets_arguments_and_mail(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	write_program("for a; do echo \"<$a>\"; done >$D/output\n"
		      "cat >>$D/output\n");
	if (run("to;$(x)@example.com", 20, &err) < 0)
		fail_msg("%s", err.text);
	expect_output("<-i>\n<-f>\n<from@example.org>\n<-->\n"
		      "<to;$(x)@example.com>\nthe mail\n");
}

static void gets_nothing_else(void **state)
{
	struct err err = ERR_INIT;
	int leak = open("/dev/null", O_RDONLY);

	(void)state;
	assert_true(leak > 2);
	assert_int_equal(setenv("EDMARC_SECRET", "1", 1), 0);
	/* Descriptors of the shell itself, and of ls, are no leak. */
	write_program("ls -l /proc/$$/fd | grep -c /dev/null >$D/output\n"
		      "env | grep -c EDMARC_SECRET >>$D/output\nexit 0\n");
	assert_int_equal(run("to@example.com", 20, &err), 0);
	expect_output("0\n0\n");
	close(leak);
}

static void expect_failure(int timeout, const char *why)
{
	struct err err = ERR_INIT;

	assert_int_equal(run("to@example.com", timeout, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	if (strstr(err.text, why) == NULL)
		fail_msg("%s", err.text);
}

static void tells_why_not(void **state)
{
	(void)state;
	write_program("echo 'no such user' >&2; exit 67");
	expect_failure(20, "exit status 67: no such user");
	write_program("exit 1");
	expect_failure(20, "exit status 1");
	write_program("kill -9 $$");
	expect_failure(20, "signal 9");
	/* Control characters do not get through. */
	write_program("printf '\\033[2J\\n'; exit 75");
	expect_failure(20, "exit status 75: \\x1b[2J");
	assert_int_equal(unlink(program), 0);
	expect_failure(20, "No such file");
}

static void ends_what_does_not_end(void **state)
{
	time_t start = time(NULL);

	(void)state;
	write_program("sleep 100 & wait");
	expect_failure(1, "no end after 1 seconds");
	assert_true(time(NULL) - start < 20);
}

/* As Exim does: the delivery goes on behind. */
static void does_not_wait_for_delivery(void **state)
{
	struct err err = ERR_INIT;
	time_t start = time(NULL);

	(void)state;
	write_program("sleep 5 &");
	assert_int_equal(run("to@example.com", 20, &err), 0);
	assert_true(time(NULL) - start < 4);
}

static void works_with_ignored_children(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	write_program("exit 0");
	assert_int_equal(run("to@example.com", 20, &err), 0);
	write_program("exit 3");
	expect_failure(20, "exit status 3");
	signal(SIGCHLD, SIG_DFL);
}

static int make_folder(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(program, sizeof(program), "%s/sendmail", folder);
	snprintf(output, sizeof(output), "%s/output", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(program);
	unlink(output);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gets_arguments_and_mail),
		cmocka_unit_test(gets_nothing_else),
		cmocka_unit_test(tells_why_not),
		cmocka_unit_test(ends_what_does_not_end),
		cmocka_unit_test(does_not_wait_for_delivery),
		cmocka_unit_test(works_with_ignored_children),
	};

	return cmocka_run_group_tests_name("sendmail", tests, make_folder,
					   remove_folder);
}
