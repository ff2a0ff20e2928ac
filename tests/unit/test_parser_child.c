/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parser's sandbox allows, seen with a parser that misbehaves: the
 * report_read_own() of this file stands in for the real one, and the product has no
 * way in for it. parsers.c and parser_child.c of shared/edmarc are built again for
 * this test with one second of CPU, with patience enough for that second on a busy
 * machine, and with short lives.
 */
#include "edmarc/parsers.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/futex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "journal/report_spool.h"
#include "report/limits.h"
#include "report/read.h"
#include "unit/said.h"

/* ------------------------------------------------------ parsers that misbehave */

static int be_good(struct report_sink *sink, struct err *err)
{
	struct report_end end = { .status = REPORT_REJECTED,
				  .reason = SPAN("nothing"),
				  .warnings = SPAN("") };

	return sink->begin(sink, SPAN("entry"), err) < 0 ?
		       -1 :
		       sink->end(sink, &end, err);
}

static int loop(void)
{
	volatile unsigned n = 0;

	for (;;)
		n++;
	return 0;
}

static int sleep_for_ever(void)
{
	unsigned word = 0;

	for (;;)
		syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
	return 0;
}

static int eat_memory(struct err *err)
{
	const size_t step = (size_t)1024 * 1024;
	char *volatile p; /* or clang leaves both calls out */

	while ((p = malloc(step)) != NULL)
		memset(p, 1, step);
	return err_set(err, ERR_TEMP, "out of memory");
}

static int share_memory(struct err *err)
{
	const size_t step = (size_t)64 * 1024 * 1024;

	while (mmap(NULL, step, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		;
	return err_set(err, ERR_TEMP, "out of memory");
}

static int segfault(void)
{
	volatile int *volatile nowhere = NULL;

	return *nowhere;
}

/* As a terminal, or systemd that stops the service, does to all processes. */
static void ask_to_end(void)
{
	(void)raise(SIGHUP);
	(void)raise(SIGINT);
	(void)raise(SIGTERM);
}

/* Whoever reads the pipe believes nothing. */
static int talk_nonsense(struct err *err)
{
	static const char text[] = "R\0\0\0\4abcd";

	if (write_all(1, (struct span){ text, sizeof(text) - 1 }) < 0)
		return err_set(err, ERR_TEMP, "pipe");
	return sleep_for_ever();
}

static int try_calls(struct span mail)
{
	char *const none[] = { NULL };
	char byte;

	if (span_is(mail, "open"))
		return open("/etc/passwd", O_RDONLY);
	if (span_is(mail, "create"))
		return open("/tmp/created", O_WRONLY | O_CREAT, 0600);
	if (span_is(mail, "socket"))
		return socket(AF_INET, SOCK_STREAM, 0);
	if (span_is(mail, "exec"))
		return execve("/bin/true", none, none);
	if (span_is(mail, "fork"))
		return fork();
	if (span_is(mail, "kill"))
		return kill(getppid(), 0);
	if (span_is(mail, "code"))
		return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == NULL;
	if (span_is(mail, "read"))
		return (int)read(1, &byte, 1);
	if (span_is(mail, "write"))
		return (int)write(0, "x", 1);
	if (span_is(mail, "send"))
		return (int)send(0, "x", 1, 0);
	if (span_is(mail, "limit"))
		return setrlimit(RLIMIT_CPU, &(struct rlimit){ 900, 900 });
	return 0;
}

/* What an earlier mail may do to a later one. */
static bool poisoned;

int report_read_own(struct buf *bytes, struct report_sink *sink,
		    struct err *err)
{
	struct span mail = buf_span(bytes);

	if (span_is(mail, "loop"))
		return loop();
	if (span_is(mail, "sleep"))
		return sleep_for_ever();
	if (span_is(mail, "eat"))
		return eat_memory(err);
	if (span_is(mail, "share"))
		return share_memory(err);
	if (span_is(mail, "segfault"))
		return segfault();
	if (span_is(mail, "abort"))
		abort();
	if (span_is(mail, "leave"))
		_exit(0);
	if (span_is(mail, "asked to end"))
		ask_to_end();
	if (span_is(mail, "nonsense"))
		return talk_nonsense(err);
	if (poisoned)
		abort();
	poisoned = span_is(mail, "poison");
	(void)try_calls(mail);
	return be_good(sink, err);
}

/* ----------------------------------------------------------------- the tests */

static int file_with(struct span bytes)
{
	FILE *file = tmpfile();
	int fd;

	assert_non_null(file);
	fd = dup(fileno(file));
	fclose(file);
	assert_int_equal(write_all(fd, bytes), 0);
	return fd;
}

static int run(const char *mail, struct err *err)
{
	struct said said;
	int fd = file_with(span_of(mail));
	int result;

	said_start(&said);
	*err = (struct err)ERR_INIT;
	result = parser_read(fd, 0, true, &said.sink, err);
	assert_null(said.broken);
	if (result == 0)
		assert_string_equal(buf_string(&said.text),
				    "begin entry\nend aggregate rejected "
				    "skipped=0 reason=nothing warnings=\n");
	said_release(&said);
	close(fd);
	return result;
}

/* Each costs its own mail, says why, and the next one is read. */
static void expect_fault(const char *mail, enum err_kind kind, const char *why)
{
	struct err err;

	assert_int_equal(run(mail, &err), -1);
	if (err.kind != kind || strstr(err.text, why) == NULL)
		fail_msg("%s: kind %d, %s", mail, err.kind, err.text);
	assert_int_equal(run("good", &err), 0);
}

static void test_good(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(run("good", &err), 0);
}

static void test_loop(void **state)
{
	(void)state;
	expect_fault("loop", ERR_INPUT, "CPU limit");
}

static void test_sleep(void **state)
{
	(void)state;
	expect_fault("sleep", ERR_LIMIT, "took longer");
}

static void test_deaths(void **state)
{
	(void)state;
	expect_fault("segfault", ERR_INPUT, "parser killed by signal 11");
	expect_fault("abort", ERR_INPUT, "parser killed by signal 6");
	expect_fault("leave", ERR_INPUT, "ended too early");
	expect_fault("nonsense", ERR_INPUT, "nonsense");
}

/* The parent ends the child; a mail is not refused because of a restart. */
static void test_asked_to_end(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(run("asked to end", &err), 0);
}

static void test_memory(void **state)
{
	(void)state;
#ifdef EDMARC_WITHOUT_SECCOMP
	skip();
#endif
	expect_fault("eat", ERR_LIMIT, "memory is full");
	expect_fault("share", ERR_LIMIT, "memory is full");
}

static void test_calls(void **state)
{
	static const char *const calls[] = { "open", "create", "socket",
					     "exec", "fork",   "kill",
					     "code", "read",   "write",
					     "send", "limit" };
	size_t i;

	(void)state;
#ifdef EDMARC_WITHOUT_SECCOMP
	skip();
#endif
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		expect_fault(calls[i], ERR_INPUT, "killed by signal 31");
}

/* The mail begins behind the envelope, wherever the parent's offset is. */
static void test_offset(void **state)
{
	struct said said;
	struct err err = ERR_INIT;
	int fd = file_with(SPAN("good: abort"));

	(void)state;
	said_start(&said);
	assert_int_equal(lseek(fd, 3, SEEK_SET), 3);
	assert_int_equal(parser_read(fd, 6, true, &said.sink, &err), -1);
	assert_non_null(strstr(err.text, "signal 6"));
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 3);
	said_release(&said);
	close(fd);
}

static void test_pipe(void **state)
{
	struct said said;
	struct err err = ERR_INIT;
	int ends[2];

	(void)state;
	said_start(&said);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write_all(ends[1], SPAN("good")), 0);
	close(ends[1]);
	assert_int_equal(parser_read(ends[0], 0, true, &said.sink, &err), 0);
	close(ends[0]);
	said_release(&said);
}

static int run_length(off_t length)
{
	struct said said;
	struct err err = ERR_INIT;
	int fd = file_with(SPAN(""));
	int result;

	assert_int_equal(ftruncate(fd, length), 0);
	said_start(&said);
	result = parser_read(fd, 0, true, &said.sink, &err);
	if (result < 0) {
		assert_int_equal(err.kind, ERR_LIMIT);
		assert_non_null(strstr(err.text, "longer than"));
	}
	said_release(&said);
	close(fd);
	return result;
}

static void test_length(void **state)
{
	(void)state;
	assert_int_equal(run_length(MAX_REPORT_MAIL_BYTES), 0);
	assert_int_equal(run_length(MAX_REPORT_MAIL_BYTES + 1), -1);
}

static void test_unreadable(void **state)
{
	struct said said;
	struct err err = ERR_INIT;
	int fd = open("/", O_RDONLY | O_CLOEXEC);

	(void)state;
	said_start(&said);
	assert_true(fd >= 0);
	assert_int_equal(parser_read(fd, 0, true, &said.sink, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	close(fd);
	said_release(&said);
}

/* The refusal of the sink comes back, and the child is gone. */
static void test_sink(void **state)
{
	struct said said;
	struct err err = ERR_INIT;
	int fd = file_with(SPAN("good"));

	(void)state;
	said_start(&said);
	said.refuse_after = 0;
	assert_int_equal(parser_read(fd, 0, true, &said.sink, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	assert_string_equal(err.text, "the sink refused");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	said_release(&said);
	close(fd);
}

/* ----------------------------------------------------------- several at a time */

#define MANY 60 /* more than all queues hold, and than a child reads */

struct many {
	struct said said[MANY];
	const char *mail[MANY];
	int fd[MANY];
	int results[MANY]; /* how often there was one */
	struct parser_result result[MANY];
};

static void many_start(struct many *many, const char *mail)
{
	size_t i;

	memset(many, 0, sizeof(*many));
	for (i = 0; i < MANY; i++)
		many->mail[i] = mail;
}

static void many_give(struct many *many, struct parsers *parsers, size_t i)
{
	struct parser_mail mail = { .sink = &many->said[i].sink,
				    .owner = &many->said[i] };
	struct err err = ERR_INIT;

	said_start(&many->said[i]);
	many->fd[i] = file_with(span_of(many->mail[i]));
	mail.fd = many->fd[i];
	assert_int_equal(parsers_give(parsers, &mail, &err), 1);
}

static void many_take(struct many *many, struct parsers *parsers)
{
	struct parser_result result;
	struct err err = ERR_INIT;
	int done = parsers_wait(parsers, 20000, &result, &err);
	size_t i;

	if (done != 1)
		fail_msg("%d: %s", done, err.text);
	i = (size_t)((struct said *)result.owner - many->said);
	assert_true(i < MANY);
	many->results[i]++;
	many->result[i] = result;
}

/* All of them, by so many children; each has exactly one result. */
static void many_run(struct many *many, unsigned children)
{
	struct parsers *parsers;
	struct err err = ERR_INIT;
	size_t i;

	assert_int_equal(parsers_new(children, true, &parsers, &err), 0);
	for (i = 0; i < MANY; i++) {
		while (!parsers_have_room(parsers))
			many_take(many, parsers);
		many_give(many, parsers, i);
	}
	while (parsers_busy(parsers) > 0)
		many_take(many, parsers);
	parsers_free(&parsers);
	for (i = 0; i < MANY; i++) {
		assert_int_equal(many->results[i], 1);
		assert_null(many->said[i].broken);
		said_release(&many->said[i]);
		close(many->fd[i]);
	}
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_many(void **state)
{
	struct many many;
	size_t i;

	(void)state;
	many_start(&many, "good");
	many_run(&many, 3);
	for (i = 0; i < MANY; i++)
		assert_int_equal(many.result[i].result, 0);
}

/* Those behind it in the queue are read all the same, by the next child. */
static void test_one_of_many(void **state)
{
	static const struct {
		const char *mail;
		const char *why;
		bool again; /* an earlier mail may be to blame */
	} bad[] = {
		{ "segfault", "signal 11", true },
		{ "leave", "ended too early", true },
		{ "nonsense", "nonsense", true },
		{ "loop", "CPU limit", false },
	};
	struct many many;
	size_t i;

	(void)state;
	many_start(&many, "good");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		many.mail[5 + 7 * i] = bad[i].mail;
	many_run(&many, 1);
	for (i = 0; i < MANY; i++) {
		const struct parser_result *result = &many.result[i];
		size_t which = i < 5 ? 0 : (i - 5) / 7;

		if (strcmp(many.mail[i], "good") == 0) {
			assert_int_equal(result->result, 0);
			continue;
		}
		assert_int_equal(result->result, -1);
		assert_non_null(strstr(result->err.text, bad[which].why));
		assert_int_equal(result->again, bad[which].again);
	}
}

/* The first mail of a child has nobody else to blame. */
static void test_first_of_many(void **state)
{
	struct many many;
	size_t i;

	(void)state;
	many_start(&many, "abort");
	many_run(&many, 2);
	for (i = 0; i < MANY; i++) {
		assert_int_equal(many.result[i].result, -1);
		assert_false(many.result[i].again);
	}
}

/* A mail that suffers from the one before it is told apart. */
static void test_poison(void **state)
{
	struct many many;
	struct err err;
	size_t i, again = 0;

	(void)state;
	many_start(&many, "good");
	many.mail[3] = "poison";
	many_run(&many, 1);
	for (i = 0; i < MANY; i++) {
		assert_int_equal(many.result[i].result, i == 4 ? -1 : 0);
		again += many.result[i].again;
	}
	assert_int_equal(again, 1);
	assert_true(many.result[4].again);
	assert_int_equal(run("good", &err), 0);
}

/* A child that has read its share is replaced. */
static void test_life(void **state)
{
	struct many many;
	size_t i;

	(void)state;
	many_start(&many, "good");
	for (i = 0; i < MANY; i += PARSER_LIFE_MAILS)
		many.mail[i + PARSER_LIFE_MAILS - 1] = "poison";
	many_run(&many, 1);
	for (i = 0; i < MANY; i++)
		assert_int_equal(many.result[i].result, 0);
}

/* Nothing of it needs root. */
static void test_ordinary_user(void **state)
{
	struct err err;
	pid_t pid;
	int status = 0;

	(void)state;
	if (geteuid() != 0)
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (setgroups(0, NULL) < 0 || setgid(65534) < 0 ||
		    setuid(65534) < 0 || run("good", &err) != 0 ||
		    run("abort", &err) == 0)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_sleep),
		cmocka_unit_test(test_deaths),
		cmocka_unit_test(test_asked_to_end),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_offset),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_sink),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_one_of_many),
		cmocka_unit_test(test_first_of_many),
		cmocka_unit_test(test_poison),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_ordinary_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
