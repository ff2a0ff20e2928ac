/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static char long_text[2000];

static void the_reason_is_kept(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(err.kind, ERR_NONE);
	assert_int_equal(err_set(&err, ERR_INPUT, "line %d: %s", 7, "no"), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_string_equal(err.text, "line 7: no");
}

static void what_we_were_doing_goes_in_front(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	err_set(&err, ERR_LIMIT, "line 7: too deep");
	assert_int_equal(err_while(&err, "read %s", "x.zip"), -1);
	assert_int_equal(err_while(&err, "import"), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_string_equal(err.text, "import: read x.zip: line 7: too deep");
}

static void errno_is_told_and_kept(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	errno = ENOSPC;
	assert_int_equal(err_errno(&err, ERR_TEMP, "%s", "/spool"), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(err.kind, ERR_TEMP);
	assert_string_equal(err.text, "/spool: No space left on device");
}

static void long_texts_are_cut(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	err_set(&err, ERR_INPUT, "%s", long_text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	errno = ENOENT;
	err_errno(&err, ERR_INPUT, "%s", long_text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	err_while(&err, "%s", long_text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void a_long_reason_keeps_its_beginning(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	err_set(&err, ERR_INPUT, "%s", long_text);
	err_while(&err, "import");
	assert_memory_equal(err.text, "import: aaaa", 12);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void nobody_may_want_to_know(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, ERR_TEMP, "x"), -1);
	assert_int_equal(err_while(NULL, "x"), -1);
	assert_int_equal(err_errno(NULL, ERR_TEMP, "x"), -1);
}

static void each_kind_has_its_exit_code(void **state)
{
	(void)state;
	assert_int_equal(err_exit_code(ERR_NONE), 0);
	assert_int_equal(err_exit_code(ERR_TEMP), 75);
	assert_int_equal(err_exit_code(ERR_INPUT), 65);
	assert_int_equal(err_exit_code(ERR_LIMIT), 65);
	assert_int_equal(err_exit_code(ERR_CONFIG), 78);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reason_is_kept),
		cmocka_unit_test(what_we_were_doing_goes_in_front),
		cmocka_unit_test(errno_is_told_and_kept),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(a_long_reason_keeps_its_beginning),
		cmocka_unit_test(nobody_may_want_to_know),
		cmocka_unit_test(each_kind_has_its_exit_code),
	};

	memset(long_text, 'a', sizeof(long_text) - 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
