/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dmarc/psl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "mail/idn.h"
#include "unit/cases.h"

#define SYSTEM_LIST "/usr/share/publicsuffix/public_suffix_list.dat"

static struct psl *open_list(const char *path)
{
	struct err err = ERR_INIT;
	struct psl *psl = psl_open(path, &err);

	if (psl == NULL)
		fail_msg("%s", err.text);
	return psl;
}

static void check(const struct test_case *c)
{
	struct arena *arena = arena_new(65536);
	struct psl *psl = open_list(data_path("suffixes.dat"));

	expect(c, "org",
	       psl_organizational_domain(psl, case_get(c, "domain"), arena));
	psl_free(&psl);
	arena_free(&arena);
}

/* A bad path leaves nothing behind. */
static void test_missing(void **state)
{
	struct err err = ERR_INIT;
	struct psl *psl;

	(void)state;
	assert_null(psl_open("/nowhere/list.dat", &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.text, "/nowhere/list.dat"));
	psl = open_list(data_path("suffixes.dat"));
	psl_free(&psl);
	assert_null(psl);
	psl_free(&psl);
}

/* The library has one: a second would replace the first behind its back. */
static void test_one_list(void **state)
{
	struct psl *psl = open_list(data_path("suffixes.dat"));
	struct arena *arena = arena_new(65536);
	struct err err = ERR_INIT;

	(void)state;
	assert_null(psl_open(data_path("psl.cases"), &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.text, "already in use"));
	assert_string_equal(
		psl_organizational_domain(psl, "a.b.bank.example", arena),
		"b.bank.example");
	psl_free(&psl);
	psl = open_list(data_path("psl.cases"));
	assert_string_equal(
		psl_organizational_domain(psl, "a.b.bank.example", arena),
		"bank.example");
	psl_free(&psl);
	arena_free(&arena);
}

static void test_no_memory(void **state)
{
	struct psl *psl = open_list(data_path("suffixes.dat"));
	struct arena *arena = arena_new(1);

	(void)state;
	assert_null(psl_organizational_domain(psl, "a.example.com", arena));
	psl_free(&psl);
	arena_free(&arena);
}

/* -------------------------------------------------------------- every rule */

/*
 * Names that only this rule can make what they are: below a suffix, below a
 * wildcard, below an exception. Returns false for a line without a rule.
 */
static bool make_names(struct span rule, struct arena *arena, const char **name,
		       const char **want)
{
	size_t n = 0;
	const char *ascii;

	while (n < rule.n && !ascii_is_space(rule.p[n]))
		n++;
	rule.n = n;
	if (rule.n == 0 || span_starts(rule, "//"))
		return false;
	n = span_starts(rule, "*.") ? 2 : span_starts(rule, "!") ? 1 : 0;
	ascii = idn_to_ascii(arena, (struct span){ rule.p + n, rule.n - n });
	assert_non_null(ascii);
	*name = *want =
		arena_printf(arena, n == 2 ? "qz.zq.%s" : "qz.%s", ascii);
	if (n == 1)
		*want = ascii;
	return true;
}

/*
 * The library may lose a rule of a kind that psl.c leaves to it: a release that
 * does so is found here, not in somebody's mail.
 */
static void try_rules(const char *path)
{
	struct psl *psl = open_list(path);
	struct arena *arena = arena_new(65536);
	struct buf text = BUF_INIT((size_t)16 * 1024 * 1024);
	const char *name, *want;
	struct err err = ERR_INIT;
	struct span rest, line;
	size_t rules = 0, wrong = 0;

	assert_int_equal(file_read(path, &text, &err), 0);
	rest = buf_span(&text);
	while (span_take_line(&rest, &line)) {
		const char *got;

		arena_reset(arena);
		if (!make_names(line, arena, &name, &want))
			continue;
		rules++;
		got = psl_organizational_domain(psl, name, arena);
		if (strcmp(got, want) == 0)
			continue;
		wrong++;
		print_error("%s: got %s, want %s\n", name, got, want);
	}
	print_message("%s: %zu rules\n", path, rules);
	assert_true(rules > 0);
	assert_int_equal(wrong, 0);
	buf_release(&text);
	arena_free(&arena);
	psl_free(&psl);
}

static void test_own_rules(void **state)
{
	(void)state;
	try_rules(data_path("suffixes.dat"));
}

static void test_system_rules(void **state)
{
	(void)state;
	if (access(SYSTEM_LIST, R_OK) < 0)
		skip();
	try_rules(SYSTEM_LIST);
}

static void test_shared_rules(void **state)
{
	const char *path = shared_path("vectors/psl/public_suffix_list.dat");

	(void)state;
	if (path == NULL)
		skip();
	try_rules(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_one_list),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_own_rules),
		cmocka_unit_test(test_system_rules),
		cmocka_unit_test(test_shared_rules),
	};

	return cases_run("psl.cases", check) +
	       cmocka_run_group_tests(tests, NULL, NULL);
}
