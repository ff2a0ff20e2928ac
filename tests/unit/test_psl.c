/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dmarc/psl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "unit/cases.h"

static void check(const struct test_case *c)
{
	struct arena *arena = arena_new(65536);
	struct err err = ERR_INIT;
	const struct psl *psl = psl_open(data_path("suffixes.dat"), &err);

	if (psl == NULL)
		fail_msg("%s", err.text);
	expect(c, "org",
	       psl_organizational_domain(psl, case_get(c, "domain"), arena));
	arena_free(&arena);
}

/* Before any list is open: a bad path leaves nothing behind. */
static void test_missing(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_null(psl_open("/nowhere/list.dat", &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.text, "/nowhere/list.dat"));
}

static void test_one_list(void **state)
{
	struct err err = ERR_INIT;
	const struct psl *psl = psl_open(data_path("suffixes.dat"), &err);

	(void)state;
	assert_non_null(psl);
	assert_ptr_equal(psl, psl_open(data_path("suffixes.dat"), &err));
	assert_null(psl_open(data_path("psl.cases"), &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.text, "already in use"));
}

static void test_no_memory(void **state)
{
	struct err err = ERR_INIT;
	const struct psl *psl = psl_open(data_path("suffixes.dat"), &err);
	struct arena *arena = arena_new(1);

	(void)state;
	assert_non_null(psl);
	assert_null(psl_organizational_domain(psl, "a.example.com", arena));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest before[] = {
		cmocka_unit_test(test_missing),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_list),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(before, NULL, NULL) +
	       cases_run("psl.cases", check) +
	       cmocka_run_group_tests(tests, NULL, NULL);
}
