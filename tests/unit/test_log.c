/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct {
	int saved;
	int pipe[2];
	char text[8192];
} heard;

/* Standard error goes into a pipe until listen_end(). */
static void listen_begin(void)
{
	assert_int_equal(pipe(heard.pipe), 0);
	heard.saved = dup(STDERR_FILENO);
	assert_true(heard.saved >= 0);
	assert_true(dup2(heard.pipe[1], STDERR_FILENO) >= 0);
}

static const char *listen_end(void)
{
	ssize_t n;

	assert_true(dup2(heard.saved, STDERR_FILENO) >= 0);
	close(heard.saved);
	close(heard.pipe[1]);
	n = read(heard.pipe[0], heard.text, sizeof(heard.text) - 1);
	close(heard.pipe[0]);
	assert_true(n >= 0);
	heard.text[n] = '\0';
	return heard.text;
}

static void a_line_has_the_name_in_front(void **state)
{
	(void)state;
	log_start("edmarc", LOG_LEVEL_INFO, 0);
	listen_begin();
	log_error("%s: %d", "x", 1);
	log_info("y");
	assert_string_equal(listen_end(), "edmarc: x: 1\nedmarc: y\n");
}

static void what_is_too_chatty_is_not_said(void **state)
{
	(void)state;
	log_start("edmarc", LOG_LEVEL_WARNING, 0);
	listen_begin();
	log_warning("yes");
	log_info("no");
	log_debug("no");
	assert_string_equal(listen_end(), "edmarc: yes\n");
}

static void systemd_gets_priorities(void **state)
{
	(void)state;
	log_start("edmarc", LOG_LEVEL_DEBUG, 1);
	listen_begin();
	log_error("a");
	log_warning("b");
	log_info("c");
	log_debug("d");
	assert_string_equal(listen_end(), "<3>a\n<4>b\n<6>c\n<7>d\n");
}

/* A server's message may hold a newline; a second line would be a forged one. */
static void one_call_is_one_line(void **state)
{
	(void)state;
	log_start("edmarc", LOG_LEVEL_INFO, 0);
	listen_begin();
	log_error("%s", "a\nedmarc: forged\r\x1b[31m\x7f");
	assert_string_equal(listen_end(), "edmarc: a edmarc: forged  [31m \n");
}

static void a_long_line_is_cut_and_still_a_line(void **state)
{
	char text[4000];
	const char *got;

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_start("edmarc", LOG_LEVEL_INFO, 0);
	listen_begin();
	log_error("%s", text);
	got = listen_end();
	assert_int_equal(strlen(got), 2047);
	assert_string_equal(got + 2045, "a\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_the_name_in_front),
		cmocka_unit_test(what_is_too_chatty_is_not_said),
		cmocka_unit_test(systemd_gets_priorities),
		cmocka_unit_test(one_call_is_one_line),
		cmocka_unit_test(a_long_line_is_cut_and_still_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
