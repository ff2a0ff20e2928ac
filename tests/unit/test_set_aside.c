/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mails in bad/ as files: real directories below $TMPDIR. */
#include "journal/set_aside.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

#define FIRST  "1795453509.0000000000000001.1.mx1"
#define SECOND "1795453510.0000000000000002.1.mx1"
#define ODD    "1795453511.0000000000000003.1.mx.reason"

struct spool {
	char directory[200];
	struct arena *arena;
};

static struct {
	char order[100]; /* of calls that change a directory */
} calls;

int __real_renameat(int from, const char *a, int to, const char *b);
int __wrap_renameat(int from, const char *a, int to, const char *b);
int __real_unlinkat(int dir, const char *name, int flags);
int __wrap_unlinkat(int dir, const char *name, int flags);
int __real_fsync(int fd);
int __wrap_fsync(int fd);

static void note(const char *what)
{
	size_t n = strlen(calls.order);

	snprintf(calls.order + n, sizeof(calls.order) - n, "%s", what);
}

int __wrap_renameat(int from, const char *a, int to, const char *b)
{
	note("rename ");
	return __real_renameat(from, a, to, b);
}

int __wrap_unlinkat(int dir, const char *name, int flags)
{
	note(span_ends(span_of(name), ".reason") ? "reason " : "mail ");
	return __real_unlinkat(dir, name, flags);
}

int __wrap_fsync(int fd)
{
	note("sync ");
	return __real_fsync(fd);
}

static const char *in(const struct spool *spool, const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", spool->directory, name);
	return path;
}

static void put(const struct spool *spool, const char *name, const char *text)
{
	int fd = open(in(spool, name), O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, span_of(text)), 0);
	close(fd);
}

static bool is_there(const struct spool *spool, const char *name)
{
	return access(in(spool, name), F_OK) == 0;
}

static int set_up(void **state)
{
	static struct spool spool;
	const char *tmp = getenv("TMPDIR");

	snprintf(spool.directory, sizeof(spool.directory), "%s/aside-XXXXXX",
		 tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(spool.directory) == NULL ||
	    mkdir(in(&spool, "new"), 0700) < 0 ||
	    mkdir(in(&spool, "bad"), 0700) < 0)
		return -1;
	spool.arena = arena_new(4 * 1024 * 1024);
	*state = &spool;
	memset(&calls, 0, sizeof(calls));
	return spool.arena == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {
		FIRST,           SECOND,           ODD,
		FIRST ".reason", SECOND ".reason", ODD ".reason",
	};
	struct spool *spool = *state;
	char name[200];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(name, sizeof(name), "bad/%s", names[i]);
		unlink(in(spool, name));
		snprintf(name, sizeof(name), "new/%s", names[i]);
		unlink(in(spool, name));
	}
	rmdir(in(spool, "new"));
	rmdir(in(spool, "bad"));
	rmdir(spool->directory);
	arena_free(&spool->arena);
	return 0;
}

static void lists_mails_and_no_reasons(void **state)
{
	struct spool *spool = *state;
	struct err err = ERR_INIT;
	struct span *names;
	size_t n;

	put(spool, "bad/" SECOND, "mail");
	put(spool, "bad/" SECOND ".reason", "no report\n");
	put(spool, "bad/" FIRST, "mail");
	put(spool, "bad/" ODD, "mail of a host with an odd name");
	put(spool, "bad/" ODD ".reason", "x\n");
	assert_int_equal(set_aside_names(spool->directory, spool->arena, &names,
					 &n, &err),
			 0);
	assert_int_equal(n, 3);
	assert_string_equal(names[0].p, FIRST);
	assert_string_equal(names[1].p, SECOND);
	assert_string_equal(names[2].p, ODD);
	assert_int_equal(set_aside_look(spool->directory, SPAN(ODD), &err), 0);
	assert_int_equal(
		set_aside_look(spool->directory, SPAN(SECOND ".reason"), &err),
		-1);
	assert_int_equal(err.kind, ERR_INPUT);
}

static void reads_one_line_of_reason(void **state)
{
	struct spool *spool = *state;
	struct err err = ERR_INIT;
	struct span reason;

	put(spool, "bad/" FIRST, "mail");
	assert_int_equal(set_aside_reason(spool->directory, SPAN(FIRST),
					  spool->arena, &reason, &err),
			 0);
	assert_int_equal(reason.n, 0);
	put(spool, "bad/" FIRST ".reason", "no report\nsecond line\n");
	assert_int_equal(set_aside_reason(spool->directory, SPAN(FIRST),
					  spool->arena, &reason, &err),
			 0);
	assert_string_equal(reason.p, "no report");
	/* A link may point to what its reader must not see. */
	put(spool, "bad/" SECOND, "mail");
	assert_int_equal(
		symlink("/etc/passwd", in(spool, "bad/" SECOND ".reason")), 0);
	assert_int_equal(set_aside_reason(spool->directory, SPAN(SECOND),
					  spool->arena, &reason, &err),
			 -1);
}

static void puts_back_the_mail_before_the_reason_goes(void **state)
{
	struct spool *spool = *state;
	struct err err = ERR_INIT;

	put(spool, "bad/" FIRST, "mail");
	put(spool, "bad/" FIRST ".reason", "x\n");
	assert_int_equal(set_aside_retry(spool->directory, SPAN(FIRST), &err),
			 0);
	assert_string_equal(calls.order, "rename sync reason sync ");
	assert_true(is_there(spool, "new/" FIRST));
	assert_false(is_there(spool, "bad/" FIRST));
	assert_false(is_there(spool, "bad/" FIRST ".reason"));
	assert_int_equal(set_aside_retry(spool->directory, SPAN(FIRST), &err),
			 -1);
	assert_int_equal(err.kind, ERR_INPUT);
}

static void drops_the_mail_before_the_reason(void **state)
{
	struct spool *spool = *state;
	struct err err = ERR_INIT;

	put(spool, "bad/" FIRST, "mail");
	put(spool, "bad/" FIRST ".reason", "x\n");
	assert_int_equal(set_aside_drop(spool->directory, SPAN(FIRST), &err),
			 0);
	assert_string_equal(calls.order, "mail reason sync ");
	assert_false(is_there(spool, "bad/" FIRST));
	assert_false(is_there(spool, "bad/" FIRST ".reason"));
	assert_int_equal(set_aside_drop(spool->directory, SPAN(FIRST), &err),
			 -1);
	assert_int_equal(err.kind, ERR_INPUT);
}

static void takes_no_other_names(void **state)
{
	static const char *const names[] = { "", "..", "../new/x", "1.2.3",
					     "a.b.c.d" };
	struct spool *spool = *state;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct err err = ERR_INIT;
		struct span name = span_of(names[i]);

		assert_int_equal(set_aside_drop(spool->directory, name, &err),
				 -1);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_int_equal(set_aside_retry(spool->directory, name, &err),
				 -1);
		assert_int_equal(set_aside_look(spool->directory, name, &err),
				 -1);
	}
	assert_string_equal(calls.order, "");
}

static void says_when_there_is_no_spool(void **state)
{
	struct spool *spool = *state;
	struct err err = ERR_INIT;
	struct span *names;
	size_t n;

	assert_int_equal(chmod(in(spool, "bad"), 0755), 0);
	assert_int_equal(set_aside_names(spool->directory, spool->arena, &names,
					 &n, &err),
			 -1);
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_int_equal(set_aside_look(spool->directory, SPAN(FIRST), &err),
			 -1);
	assert_int_equal(err.kind, ERR_CONFIG);
}

#define ASIDE_TEST(function) \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ASIDE_TEST(lists_mails_and_no_reasons),
		ASIDE_TEST(reads_one_line_of_reason),
		ASIDE_TEST(puts_back_the_mail_before_the_reason_goes),
		ASIDE_TEST(drops_the_mail_before_the_reason),
		ASIDE_TEST(takes_no_other_names),
		ASIDE_TEST(says_when_there_is_no_spool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
