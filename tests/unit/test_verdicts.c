/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verdict journal as files: real directories, processes and full disks. */
#include "journal/verdicts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"

#define NOW 1795453509

static char directory[200];

static const char *in(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static int set_up(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(directory, sizeof(directory), "%s/verdicts-XXXXXX",
		 tmp == NULL ? "/tmp" : tmp);
	return mkdtemp(directory) == NULL ? -1 : 0;
}

static void empty(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir != NULL)
		closedir(dir);
	rmdir(path);
}

static int tear_down(void **state)
{
	(void)state;
	empty(in("bad"));
	empty(directory);
	return 0;
}

static void append(const char *line)
{
	struct err err = ERR_INIT;

	if (verdicts_append(directory, span_of(line), &err) < 0)
		fail_msg("%s", err.text);
}

static void rotate(void)
{
	struct err err = ERR_INIT;

	if (verdicts_rotate(directory, "mx.test", NOW, &err) < 0)
		fail_msg("%s", err.text);
}

static void expect_file(const char *name, const char *want)
{
	struct buf got = BUF_INIT(1024 * 1024);
	struct err err = ERR_INIT;

	if (file_read(in(name), &got, &err) < 0)
		fail_msg("%s", err.text);
	assert_string_equal(buf_string(&got), want);
	buf_release(&got);
}

/* How many segments, and the name of the nth. */
static size_t segments(size_t nth, char name[MAX_SEGMENT_NAME + 1])
{
	struct arena *arena = arena_new(8 * 1024 * 1024);
	struct err err = ERR_INIT;
	struct span *names;
	size_t n;

	if (verdicts_segments(directory, arena, &names, &n, &err) < 0)
		fail_msg("%s", err.text);
	if (name != NULL && nth < n)
		memcpy(name, names[nth].p, names[nth].n + 1);
	arena_free(&arena);
	return n;
}

/* ------------------------------------------------------------- one process */

static void lines_become_a_segment(void **state)
{
	char name[MAX_SEGMENT_NAME + 1];

	(void)state;
	append("{\"n\":1}\n");
	append("{\"n\":2}\n");
	assert_int_equal(segments(0, NULL), 0);
	rotate();
	assert_int_equal(segments(0, name), 1);
	expect_file(name, "{\"n\":1}\n{\"n\":2}\n");
	assert_int_equal(strncmp(name, "1795453509.", 11), 0);
	assert_non_null(strstr(name, ".mx.test.jsonl"));
	append("{\"n\":3}\n");
	expect_file("open.jsonl", "{\"n\":3}\n");
}

static void nothing_makes_no_segment(void **state)
{
	int fd;

	(void)state;
	rotate();
	assert_int_equal(segments(0, NULL), 0);
	fd = open(in("open.jsonl"), O_WRONLY | O_CREAT, 0640);
	assert_true(fd >= 0);
	close(fd);
	rotate();
	assert_int_equal(segments(0, NULL), 0);
}

static void names_are_never_used_twice(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 200; i++) {
		append("{}\n");
		rotate();
	}
	assert_int_equal(segments(0, NULL), 200);
}

static void oldest_first_and_nothing_else(void **state)
{
	static const char *const files[] = {
		"1795453600.b.host.jsonl",
		"0999453509.c.host.jsonl",
		"1795453509.a.host.jsonl",
		"draft.1795453509.a.jsonl",
		"1795453509.a.host.json",
		"1795453509 a.jsonl",
		"notes.jsonl",
	};
	char name[MAX_SEGMENT_NAME + 1];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		close(open(in(files[i]), O_WRONLY | O_CREAT, 0640));
	assert_int_equal(segments(0, name), 3);
	assert_string_equal(name, "0999453509.c.host.jsonl");
	segments(1, name);
	assert_string_equal(name, "1795453509.a.host.jsonl");
}

static void a_host_name_is_no_path(void **state)
{
	struct err err = ERR_INIT;
	char name[MAX_SEGMENT_NAME + 1];
	char host[300];

	(void)state;
	memset(host, 'h', sizeof(host));
	memcpy(host, "../\n \xff", 6);
	host[sizeof(host) - 1] = '\0';
	append("{}\n");
	assert_int_equal(verdicts_rotate(directory, host, -5, &err), 0);
	assert_int_equal(segments(0, name), 1);
	assert_non_null(strstr(name, "..____hhh"));
	assert_int_equal(strncmp(name, "0000000000.", 11), 0);
}

static void the_group_can_read_whatever_the_umask(void **state)
{
	mode_t old = umask(077);
	struct stat st;

	(void)state;
	append("{}\n");
	umask(old);
	assert_int_equal(stat(in("open.jsonl"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
}

static void a_torn_line_is_ended_by_the_next_writer(void **state)
{
	int fd = open(in("open.jsonl"), O_WRONLY | O_CREAT, 0640);

	(void)state;
	assert_int_equal(write(fd, "{\"torn\":", 8), 8);
	close(fd);
	append("{\"n\":1}\n");
	append("{\"n\":2}\n");
	expect_file("open.jsonl", "{\"torn\":\n{\"n\":1}\n{\"n\":2}\n");
}

static void a_link_is_not_followed(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(symlink("elsewhere", in("open.jsonl")), 0);
	assert_int_equal(verdicts_append(directory, SPAN("{}\n"), &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	assert_int_equal(access(in("elsewhere"), F_OK), -1);
}

static void no_directory_is_told(void **state)
{
	struct arena *arena = arena_new(65536);
	struct err err = ERR_INIT;
	struct span *names;
	size_t n;

	(void)state;
	assert_int_equal(verdicts_append("/nowhere/x", SPAN("{}\n"), &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	assert_non_null(strstr(err.text,
			       "/nowhere/x: No such file or directory; "
			       "expected a directory of uid "));
	assert_int_equal(verdicts_rotate("/nowhere/x", "h", NOW, &err), -1);
	assert_int_equal(
		verdicts_segments("/nowhere/x", arena, &names, &n, &err), -1);
	arena_free(&arena);
}

static void bad_lines_are_kept(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(verdicts_set_aside(directory, "1.a.h.jsonl",
					    SPAN("{\xff\n"), "no end\nof it",
					    &err),
			 0);
	assert_int_equal(verdicts_set_aside(directory, "1.a.h.jsonl", SPAN("x"),
					    "what?", &err),
			 0);
	expect_file("bad/1.a.h.jsonl",
		    "# no end\\x0aof it\n{\xff\n# what?\nx\n");
	assert_int_equal(segments(0, NULL), 0);
	assert_int_equal(verdicts_set_aside(directory, "../1.jsonl", SPAN("x"),
					    "what?", &err),
			 -1);
	assert_int_equal(err.kind, ERR_INPUT);
}

/* ------------------------------------------------------------ many of them */

#define WRITERS 8
#define LINES   2000

static void write_many(int writer)
{
	struct err err = ERR_INIT;
	char line[300];
	int i;

	for (i = 0; i < LINES; i++) {
		int n = snprintf(line, sizeof(line), "%d %d %0*d\n", writer, i,
				 i % 200 + 1, 7);

		if (verdicts_append(directory, (struct span){ line, (size_t)n },
				    &err) < 0)
			_exit(1);
	}
	_exit(0);
}

/* Each line once: how often it was seen, and it must be whole. */
static void count_line(struct span line, unsigned char seen[WRITERS][LINES])
{
	struct span writer_text, number_text;
	uint64_t writer = 0, number = 0;

	if (!span_take_until(&line, ' ', &writer_text) ||
	    !span_take_until(&line, ' ', &number_text) ||
	    !span_to_uint(writer_text, WRITERS - 1, &writer) ||
	    !span_to_uint(number_text, LINES - 1, &number) ||
	    line.n != number % 200 + 1 || line.p[line.n - 1] != '7')
		fail_msg("torn line");
	seen[writer][number]++;
}

/* What ingest does: read whole segments and remove them. */
static void drain(unsigned char seen[WRITERS][LINES])
{
	struct arena *arena = arena_new(8 * 1024 * 1024);
	struct err err = ERR_INIT;
	struct span *names;
	size_t n, i;

	rotate();
	if (verdicts_segments(directory, arena, &names, &n, &err) < 0)
		fail_msg("%s", err.text);
	for (i = 0; i < n; i++) {
		struct buf text = BUF_INIT(64 * 1024 * 1024);
		struct span rest, line;

		if (file_read(in(names[i].p), &text, &err) < 0)
			fail_msg("%s", err.text);
		rest = buf_span(&text);
		while (span_take_line(&rest, &line))
			count_line(line, seen);
		unlink(in(names[i].p));
		buf_release(&text);
	}
	arena_free(&arena);
}

static void nothing_lost_doubled_or_torn(void **state)
{
	static unsigned char seen[WRITERS][LINES];
	const struct timespec nap = { .tv_nsec = 3000000 };
	pid_t pids[WRITERS];
	int left = WRITERS;
	int status, i, k;

	(void)state;
	memset(seen, 0, sizeof(seen));
	for (i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			write_many(i);
		assert_true(pids[i] > 0);
	}
	while (left > 0) {
		drain(seen);
		nanosleep(&nap, NULL);
		for (i = 0; i < WRITERS; i++) {
			if (pids[i] == 0 ||
			    waitpid(pids[i], &status, WNOHANG) == 0)
				continue;
			pids[i] = 0;
			left--;
			assert_int_equal(status, 0);
		}
	}
	drain(seen);
	for (i = 0; i < WRITERS; i++)
		for (k = 0; k < LINES; k++)
			assert_int_equal(seen[i][k], 1);
}

/* A process that has the lock and does not go on; its pid. */
static pid_t hold_lock(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		int fd = open(in("open.jsonl"), O_RDWR | O_CREAT, 0640);

		if (fd < 0 || flock(fd, LOCK_EX) < 0 ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		raise(SIGSTOP);
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static int milliseconds_since(const struct timespec *from)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int)((now.tv_sec - from->tv_sec) * 1000 +
		     (now.tv_nsec - from->tv_nsec) / 1000000);
}

static void a_stopped_writer_stops_nobody(void **state)
{
	char name[MAX_SEGMENT_NAME + 1];
	struct err err = ERR_INIT;
	struct timespec begin;
	pid_t pid = hold_lock();
	int took;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	append("{\"alone\":1}\n");
	took = milliseconds_since(&begin);
	assert_true(took >= 150);
	assert_true(took < 20000); /* 200 on a machine that has time for us */
	assert_int_equal(segments(0, name), 1);
	expect_file(name, "{\"alone\":1}\n");
	expect_file("open.jsonl", "");
	/* A time of its own, so that it sorts among the others. */
	assert_true(strncmp(name, "1700000000", 10) > 0);
	assert_int_equal(verdicts_rotate(directory, "h", NOW, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	append("{\"n\":1}\n");
	expect_file("open.jsonl", "{\"n\":1}\n");
}

/* ------------------------------------------------------------------- full */

/* All of open.jsonl is whole lines of 100 bytes. */
static bool only_whole_lines(void)
{
	struct buf text = BUF_INIT(1024 * 1024);
	struct err err = ERR_INIT;
	bool whole = file_read(in("open.jsonl"), &text, &err) == 0 &&
		     text.n > 0 && text.n % 100 == 0;
	size_t i;

	for (i = 99; whole && i < text.n; i += 100)
		whole = text.p[i] == '\n';
	buf_release(&text);
	return whole;
}

/* Append until it fails; 0 when it did so in the right way. */
static int fill(void)
{
	struct err err = ERR_INIT;
	char line[100];
	int i;

	memset(line, 'x', sizeof(line));
	line[99] = '\n';
	for (i = 0; i < 10000; i++) {
		if (verdicts_append(directory, (struct span){ line, 100 },
				    &err) == 0)
			continue;
		return err.kind == ERR_TEMP && only_whole_lines() ? 0 : 2;
	}
	return 3;
}

static void run_in_child(int (*run)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(run());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int run_at_limit(rlim_t octets)
{
	struct rlimit limit = { .rlim_cur = octets, .rlim_max = octets };

	signal(SIGXFSZ, SIG_DFL);
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return 1;
	if (fill() != 0)
		return 2;
	return signal(SIGXFSZ, SIG_IGN) == SIG_DFL ? 0 : 4;
}

static int run_at_torn_line(void)
{
	return run_at_limit(12345);
}

/* Nothing can be written at all, of which a signal tells, too. */
static int run_at_whole_line(void)
{
	return run_at_limit(12300);
}

static void a_limit_leaves_whole_lines(void **state)
{
	(void)state;
	run_in_child(run_at_torn_line);
	assert_int_equal(unlink(in("open.jsonl")), 0);
	run_in_child(run_at_whole_line);
	append("{}\n"); /* without the limit it goes on */
}

static int run_on_full_disk(void)
{
	int result;

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", directory, "tmpfs", 0, "size=64k") < 0)
		return 77;
	result = fill();
	if (result != 0)
		return result;
	if (unlink(in("open.jsonl")) < 0)
		return 4;
	return verdicts_append(directory, SPAN("{}\n"), NULL) == 0 ? 0 : 5;
}

static void a_full_disk_leaves_whole_lines(void **state)
{
	(void)state;
	run_in_child(run_on_full_disk);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_become_a_segment),
		TEST(nothing_makes_no_segment),
		TEST(names_are_never_used_twice),
		TEST(oldest_first_and_nothing_else),
		TEST(a_host_name_is_no_path),
		TEST(the_group_can_read_whatever_the_umask),
		TEST(a_torn_line_is_ended_by_the_next_writer),
		TEST(a_link_is_not_followed),
		TEST(no_directory_is_told),
		TEST(bad_lines_are_kept),
		TEST(nothing_lost_doubled_or_torn),
		TEST(a_stopped_writer_stops_nobody),
		TEST(a_limit_leaves_whole_lines),
		TEST(a_full_disk_leaves_whole_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
