/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dmarc/spf_check.h"

#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "dns/zonefile.h"
#include "unit/cases.h"
#include "unit/fake_spf.h"
#include "unit/faults.h"

static struct fake_spf *fake;

static const char zone[] = "here.test. TXT \"v=spf1 bogus\"\n"
			   "dead.test. A 192.0.2.1\n"
			   ";!timeout dead.test\n";

static struct spf_checker *new_checker(void)
{
	struct err err = ERR_INIT;
	struct spf_checker *checker;

	fake = fake_spf_open();
	checker = spf_checker_new(fake_spf_path(), &err);
	assert_non_null(checker);
	return checker;
}

/* ------------------------------------------------------------------ cases */

static int number(const struct test_case *c, const char *field)
{
	const char *text = case_maybe(c, field);

	return text == NULL ? 0 : (int)strtol(text, NULL, 10);
}

static void check(const struct test_case *c)
{
	struct arena *arena = arena_new(65536);
	struct spf_checker *checker = new_checker();
	struct err err = ERR_INIT;
	struct resolver *resolver = zonefile_parse(span_of(zone), &err);
	struct spf_fact spf = { .domain = "" };
	const char *ip = case_maybe(c, "ip"), *helo = case_maybe(c, "helo");
	int begun;

	assert_non_null(resolver);
	fake->outcome = number(c, "outcome");
	fake->outcome_again = number(c, "outcome_again");
	snprintf(fake->word, sizeof(fake->word), "%s",
		 case_has(c, "word") ? case_get(c, "word") : "");
	begun = spf_check_start(checker, ip == NULL ? "192.0.2.7" : ip,
				helo == NULL ? "helo.test" : helo,
				case_get(c, "mail_from"), 5000, &spf, arena,
				&err);
	if (begun == 1)
		spf_check_finish(checker, resolver, &spf, arena);
	expect_int(c, "calls", fake->calls);
	assert_in_range(fake->calls, begun, 2 * begun);
	assert_false(fake->handles_signals);
	expect_bool(c, "asked", begun == 1);
	expect(c, "asked_ip", fake->client_ip);
	expect(c, "asked_for", fake->identity);
	expect(c, "result", auth_result_name(spf.result));
	expect(c, "scope", spf_scope_name(spf.scope));
	expect(c, "domain", spf.domain);
	spf_checker_free(&checker);
	resolver_free(&resolver);
	arena_free(&arena);
}

/* --------------------------------------------------------------- the time */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The entries of a directory of /proc/self. */
static int count(const char *directory)
{
	DIR *dir = opendir(directory);
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

/*
 * A thread that was joined is listed for a moment, until the kernel has cleared
 * it away.
 */
static void expect_threads(int n)
{
	int64_t give_up_at = now_ms() + 5000;

	while (count("/proc/self/task") != n && now_ms() < give_up_at)
		poll(NULL, 0, 1);
	assert_int_equal(count("/proc/self/task"), n);
}

struct answer {
	enum auth_result result;
	int64_t ms;
};

/* The sender's domain has that record. */
static struct answer
ask_with(struct spf_checker *checker, int deadline_ms, const char *records)
{
	struct arena *arena = arena_new(65536);
	struct resolver *resolver;
	struct spf_fact spf = { .domain = "" };
	struct err err = ERR_INIT;
	int64_t begun_at = now_ms();
	int begun;

	resolver = zonefile_parse(span_of(records), &err);
	assert_non_null(resolver);
	begun = spf_check_start(checker, "192.0.2.7", "helo.test",
				"a@slow.test", deadline_ms, &spf, arena, &err);

	assert_in_range(begun, 0, 1);
	if (begun == 1)
		spf_check_finish(checker, resolver, &spf, arena);
	resolver_free(&resolver);
	arena_free(&arena);
	return (struct answer){ spf.result, now_ms() - begun_at };
}

static struct answer ask(struct spf_checker *checker, int deadline_ms)
{
	return ask_with(checker, deadline_ms, "");
}

/* RFC 7208 5.5: silence of the client's name servers is no temporary error. */
static void a_client_makes_nothing_temporary(void **state)
{
	static const struct {
		const char *records;
		enum auth_result result;
	} cases[] = {
		{ "slow.test. TXT \"v=spf1 a mx ptr -all\"\n", AUTH_PERMERROR },
		{ "slow.test. TXT \"v=spf1 ?PTR:x.test -all\"\n",
		  AUTH_PERMERROR },
		{ "slow.test. TXT \"v=spf1 exists:%{i}.%{p2}.x.test -all\"\n",
		  AUTH_PERMERROR },
		{ "slow.test. TXT \"v=spf1 include:a.test -all\"\n"
		  "a.test. TXT \"v=spf1 redirect=b.test\"\n"
		  "b.test. TXT \"other\"\n"
		  "b.test. TXT \"v=spf1 ptr ?all\"\n",
		  AUTH_PERMERROR },
		{ "slow.test. TXT \"v=spf1 include:slow.test a:ptr.test "
		  "exists:%{i}.p.test include:%{i}.x -all\"\n"
		  "slow.test. TXT \"ptr\"\n",
		  AUTH_TEMPERROR },
		{ ";!servfail slow.test\n", AUTH_TEMPERROR },
	};
	struct spf_checker *checker = new_checker();
	size_t i;

	(void)state;
	fake->outcome = 1;
	fake->sleep_ms = 20000;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(ask_with(checker, 50, cases[i].records).result,
				 cases[i].result);
	/* An answer in time is one. */
	fake->sleep_ms = 0;
	assert_int_equal(ask_with(checker, 20000, cases[0].records).result,
			 AUTH_PASS);
	spf_checker_free(&checker);
}

static void a_slow_check_is_ended(void **state)
{
	struct spf_checker *checker = new_checker();
	int threads = count("/proc/self/task");
	struct answer answer;
	int i;

	(void)state;
	fake->outcome = 1;
	fake->sleep_ms = 20000;
	for (i = 0; i < 20; i++) {
		answer = ask(checker, 50);
		assert_int_equal(answer.result, AUTH_TEMPERROR);
		assert_in_range(answer.ms, 50, 10000);
		expect_threads(threads);
	}
	/* And the next one is as good as the first. */
	fake->sleep_ms = 0;
	answer = ask(checker, 5000);
	assert_int_equal(answer.result, AUTH_PASS);
	assert_in_range(answer.ms, 0, 4000);
	assert_int_equal(fake->calls, 21);
	spf_checker_free(&checker);
}

static void one_that_cannot_be_ended_is_the_last(void **state)
{
	struct spf_checker *checker = new_checker();
	int threads = count("/proc/self/task");
	struct answer answer;
	pid_t child;
	int status;

	(void)state;
	fake->outcome = 1;
	fake->deaf = true;
	answer = ask(checker, 50);
	assert_int_equal(answer.result, AUTH_TEMPERROR);
	assert_true(answer.ms >= 150);
	expect_threads(threads + 1);
	answer = ask(checker, 5000);
	assert_int_equal(answer.result, AUTH_TEMPERROR);
	assert_int_equal(fake->calls, 1);
	child = fork();
	if (child == 0) {
		/* exec(), so that valgrind does not look for leaks here. */
		free(malloc(100000));
		if (count("/proc/self/task") == 3)
			execl("/bin/true", "true", NULL);
		execl("/bin/false", "false", NULL);
		_exit(1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	spf_checker_free(&checker);
	/* What it works on is its own, also when we are gone. */
	fake->deaf = false;
	expect_threads(threads);
}

static void freeing_ends_a_check(void **state)
{
	struct spf_checker *checker = new_checker();
	int threads = count("/proc/self/task");
	struct arena *arena = arena_new(65536);
	struct spf_fact spf = { .domain = "" };
	struct err err = ERR_INIT;

	(void)state;
	fake->sleep_ms = 20000;
	assert_int_equal(spf_check_start(checker, "192.0.2.7", "h.test",
					 "a@slow.test", 5000, &spf, arena,
					 &err),
			 1);
	spf_checker_free(&checker);
	assert_null(checker);
	expect_threads(threads);
	arena_free(&arena);
}

/* As after a jump out of spf_check_finish(). */
static void a_check_that_was_forgotten_is_the_last(void **state)
{
	struct spf_checker *checker = new_checker();
	struct arena *arena = arena_new(65536);
	struct spf_fact spf = { .domain = "" };
	struct err err = ERR_INIT;

	(void)state;
	fake->outcome = 1;
	assert_int_equal(spf_check_start(checker, "192.0.2.7", "h.test",
					 "a@a.test", 5000, &spf, arena, &err),
			 1);
	assert_int_equal(spf_check_start(checker, "192.0.2.7", "h.test",
					 "a@a.test", 5000, &spf, arena, &err),
			 0);
	assert_int_equal(spf.result, AUTH_TEMPERROR);
	spf_checker_free(&checker);
	arena_free(&arena);
}

/* -------------------------------------------------------------- the rest */

static void other_libraries_are_refused(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_null(spf_checker_new("/nonexistent.so", &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.text, "/nonexistent.so"));
	err = (struct err)ERR_INIT;
	assert_null(spf_checker_new("libc.so.6", &err));
	assert_string_equal(err.text, "libc.so.6 was built without libspf2");
}

static void lives_without_memory(void **state)
{
	size_t n;
	bool failed = true;

	(void)state;
	for (n = 1; failed && faults_begin(n); n++) {
		struct spf_fact spf = { .domain = "" };
		struct err err = ERR_INIT;
		struct arena *arena = arena_new(65536);
		struct spf_checker *checker =
			spf_checker_new(fake_spf_path(), &err);
		int begun = -1;

		if (arena != NULL && checker != NULL)
			begun = spf_check_start(checker, "192.0.2.7", "h.test",
						"a@a.test", 60000, &spf, arena,
						&err);
		if (begun == 1)
			spf_check_finish(checker, NULL, &spf, arena);
		failed = faults_end();
		if (arena != NULL && begun < 0)
			assert_int_not_equal(err.kind, ERR_NONE);
		spf_checker_free(&checker);
		arena_free(&arena);
	}
	assert_in_range(n, 4, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slow_check_is_ended),
		cmocka_unit_test(a_client_makes_nothing_temporary),
		cmocka_unit_test(one_that_cannot_be_ended_is_the_last),
		cmocka_unit_test(freeing_ends_a_check),
		cmocka_unit_test(a_check_that_was_forgotten_is_the_last),
		cmocka_unit_test(other_libraries_are_refused),
		cmocka_unit_test(lives_without_memory),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	return cases_run("spf_check.cases", check) + failed;
}
