/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The spool as files: real directories below $TMPDIR, real faults. */
#include "journal/report_spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

#define NOW 1795453509

static const struct report_envelope envelope = {
	.received = NOW,
	.recipient = { "dmarc.rua@example.org", 21 },
	.sender = { "noreply@reporter.example", 24 },
	.session = { "s1", 2 },
};

struct spool {
	char directory[200];
	struct arena *arena;
};

static const char *in(const struct spool *spool, const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", spool->directory, name);
	return path;
}

static int set_up(void **state)
{
	static struct spool spool;
	const char *tmp = getenv("TMPDIR");

	snprintf(spool.directory, sizeof(spool.directory), "%s/spool-XXXXXX",
		 tmp == NULL ? "/tmp" : tmp);
	if (mkdtemp(spool.directory) == NULL ||
	    mkdir(in(&spool, "tmp"), 0700) < 0 ||
	    mkdir(in(&spool, "new"), 0700) < 0 ||
	    mkdir(in(&spool, "bad"), 0700) < 0)
		return -1;
	spool.arena = arena_new(4 * 1024 * 1024);
	*state = &spool;
	return spool.arena == NULL ? -1 : 0;
}

static void empty(const struct spool *spool, const char *part)
{
	DIR *dir = opendir(in(spool, part));
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir != NULL)
		closedir(dir);
	rmdir(in(spool, part));
}

static int tear_down(void **state)
{
	struct spool *spool = *state;

	empty(spool, "tmp");
	empty(spool, "new");
	empty(spool, "bad");
	rmdir(spool->directory);
	arena_free(&spool->arena);
	return 0;
}

static size_t count(const struct spool *spool, const char *part)
{
	DIR *dir = opendir(in(spool, part));
	struct dirent *entry;
	size_t n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

static void
put_file(const struct spool *spool, const char *name, const char *text)
{
	int fd = open(in(spool, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, span_of(text)), 0);
	close(fd);
}

static int capture(const struct spool *spool,
		   const struct report_envelope *facts, const char *mail,
		   struct err *err)
{
	struct report_draft draft;

	if (report_draft_start(&draft, spool->directory, "mx1.test", facts,
			       err) < 0)
		return -1;
	if (report_draft_add(&draft, span_of(mail), err) < 0)
		return -1;
	return report_draft_commit(&draft, err);
}

static struct span only_name(struct spool *spool)
{
	struct span *names;
	struct err err = ERR_INIT;
	size_t n;

	assert_int_equal(report_spool_names(spool->directory, spool->arena,
					    &names, &n, &err),
			 0);
	assert_int_equal(n, 1);
	return names[0];
}

static int open_mail(struct spool *spool, struct span name, struct arena *arena,
		     struct report_envelope *found, off_t *at, struct err *err)
{
	int dir = report_spool_new(spool->directory, err);
	int fd;

	assert_true(dir >= 0);
	fd = report_spool_open(dir, spool->directory, name, arena, found, at,
			       err);
	close(dir);
	return fd;
}

static int remove_mail(struct spool *spool, struct span name, struct err *err)
{
	int dir = report_spool_new(spool->directory, err);
	int result;

	assert_true(dir >= 0);
	result = report_spool_remove(dir, spool->directory, name, err);
	close(dir);
	return result;
}

/* What is behind the envelope. */
static void assert_mail(struct spool *spool, struct span name, const char *want)
{
	struct report_envelope found;
	struct buf mail = BUF_INIT(100000);
	struct err err = ERR_INIT;
	off_t at;
	int fd = open_mail(spool, name, spool->arena, &found, &at, &err);

	assert_string_equal(err.text, "");
	assert_true(fd >= 0);
	assert_true(found.received == NOW);
	assert_true(span_equal(found.recipient, envelope.recipient));
	assert_true(span_equal(found.sender, envelope.sender));
	assert_true(span_equal(found.session, envelope.session));
	assert_int_equal(lseek(fd, at, SEEK_SET), at);
	assert_int_equal(file_read_fd(fd, "mail", &mail, &err), 0);
	assert_string_equal(buf_string(&mail), want);
	buf_release(&mail);
	close(fd);
}

static void takes_a_mail(void **state)
{
	struct spool *spool = *state;
	struct err err = ERR_INIT;
	struct stat st;
	char path[300];
	struct span name;

	assert_int_equal(capture(spool, &envelope, "A: b\r\n\r\nc\n", &err), 0);
	assert_int_equal(count(spool, "tmp"), 0);
	name = only_name(spool);
	assert_true(span_starts(name, "1795453509."));
	assert_true(span_ends(name, ".mx1.test"));
	assert_mail(spool, name, "A: b\r\n\r\nc\n");
	snprintf(path, sizeof(path), "new/%s", name.p);
	assert_int_equal(stat(in(spool, path), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(remove_mail(spool, name, &err), 0);
	assert_int_equal(count(spool, "new"), 0);
	/* Once more: ingest was stopped between commit and removal. */
	assert_int_equal(remove_mail(spool, name, &err), 0);
}

/* The umask of the host must not decide. */
static void shares_with_the_group_of_the_directory(void **state)
{
	struct spool *spool = *state;
	struct err err = ERR_INIT;
	struct stat st;
	char path[300];
	mode_t before = umask(0077);

	assert_int_equal(chmod(in(spool, "new"), 02770), 0);
	assert_int_equal(capture(spool, &envelope, "x", &err), 0);
	umask(before);
	snprintf(path, sizeof(path), "new/%s", only_name(spool).p);
	assert_int_equal(stat(in(spool, path), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
}

static void leaves_nothing_when_dropped(void **state)
{
	struct spool *spool = *state;
	struct report_draft draft;
	struct err err = ERR_INIT;

	assert_int_equal(report_draft_start(&draft, spool->directory, "h",
					    &envelope, &err),
			 0);
	assert_int_equal(count(spool, "tmp"), 1);
	report_draft_drop(&draft);
	report_draft_drop(&draft);
	assert_int_equal(count(spool, "tmp"), 0);
	assert_int_equal(count(spool, "new"), 0);
}

static void drops_nothing_after_commit(void **state)
{
	struct spool *spool = *state;
	struct report_draft draft;
	struct err err = ERR_INIT;

	assert_int_equal(report_draft_start(&draft, spool->directory, "h",
					    &envelope, &err),
			 0);
	assert_int_equal(report_draft_commit(&draft, &err), 0);
	report_draft_drop(&draft);
	assert_int_equal(count(spool, "new"), 1);
}

static void quotes_a_hostile_envelope(void **state)
{
	static char long_address[10000];
	struct spool *spool = *state;
	const struct report_envelope hostile = {
		.received = NOW,
		.recipient = { "a@b\n\nsession: forged\0x", 22 },
		.sender = { long_address, sizeof(long_address) },
		.session = { "\r\nreceived: 1", 13 },
	};
	struct report_envelope found;
	struct err err = ERR_INIT;
	off_t at;
	int fd;

	memset(long_address, 'x', sizeof(long_address));
	assert_int_equal(capture(spool, &hostile, "mail", &err), 0);
	fd = open_mail(spool, only_name(spool), spool->arena, &found, &at,
		       &err);
	assert_true(fd >= 0);
	assert_true(found.received == NOW);
	assert_true(span_equal(found.recipient,
			       SPAN("a@b\\x0a\\x0asession: forged\\x00x")));
	assert_true(span_equal(found.session, SPAN("\\x0d\\x0areceived: 1")));
	assert_true(found.sender.n < 260 && span_ends(found.sender, "x..."));
	assert_int_equal(lseek(fd, 0, SEEK_END) - at, 4);
	close(fd);
}

static void makes_host_names_harmless(void **state)
{
	struct spool *spool = *state;
	struct report_draft draft;
	struct err err = ERR_INIT;
	char host[1000];
	struct span name;

	memset(host, 'h', sizeof(host));
	host[sizeof(host) - 1] = '\0';
	memcpy(host, "../a b\n\xff", 8);
	assert_int_equal(report_draft_start(&draft, spool->directory, host,
					    &envelope, &err),
			 0);
	assert_int_equal(report_draft_commit(&draft, &err), 0);
	name = only_name(spool);
	assert_non_null(strstr(name.p, "..._a_b__hhh"));
	assert_true(name.n < 120);
}

static void holds_the_size_limit(void **state)
{
	struct spool *spool = *state;
	struct report_draft draft;
	struct err err = ERR_INIT;
	static char piece[1024 * 1024];
	const struct span bytes = { piece, sizeof(piece) };
	size_t i;

	assert_int_equal(report_draft_start(&draft, spool->directory, "h",
					    &envelope, &err),
			 0);
	for (i = 0; i < MAX_REPORT_MAIL_BYTES / sizeof(piece); i++)
		assert_int_equal(report_draft_add(&draft, bytes, &err), 0);
	/* Exactly the limit is kept, with not a byte more. */
	assert_int_equal(report_draft_add(&draft, SPAN("x"), &err), -1);
	assert_int_equal(err.kind, ERR_LIMIT);
	assert_int_equal(count(spool, "tmp"), 0);
	assert_int_equal(count(spool, "new"), 0);

	assert_int_equal(report_draft_start(&draft, spool->directory, "h",
					    &envelope, &err),
			 0);
	for (i = 0; i < MAX_REPORT_MAIL_BYTES / sizeof(piece); i++)
		assert_int_equal(report_draft_add(&draft, bytes, &err), 0);
	assert_int_equal(report_draft_commit(&draft, &err), 0);
	assert_int_equal(count(spool, "new"), 1);
}

/* As on a full disk: a short write, then an error. */
static void gives_up_when_the_disk_is_full(void **state)
{
	struct spool *spool = *state;
	struct report_draft draft;
	struct err err = ERR_INIT;
	static const char piece[5000] = "x";
	struct rlimit before, small;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	int added;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 8000;
	assert_int_equal(report_draft_start(&draft, spool->directory, "h",
					    &envelope, &err),
			 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	added = report_draft_add(&draft, (struct span){ piece, sizeof(piece) },
				 &err);
	if (added == 0)
		added = report_draft_add(
			&draft, (struct span){ piece, sizeof(piece) }, &err);
	setrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, handler);
	assert_int_equal(added, -1);
	assert_int_equal(err.kind, ERR_TEMP);
	assert_non_null(strstr(err.text, strerror(EFBIG)));
	assert_int_equal(count(spool, "tmp"), 0);
	assert_int_equal(count(spool, "new"), 0);
}

static void names_what_it_expects(void **state)
{
	struct spool *spool = *state;
	struct err err = ERR_INIT;
	struct span *names;
	char want[300];
	size_t n;

	assert_int_equal(rmdir(in(spool, "new")), 0);
	assert_int_equal(capture(spool, &envelope, "x", &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	snprintf(want, sizeof(want),
		 "%s/new: No such file or directory; expected a directory of "
		 "uid %lu with mode 0700 or 0750, or of its group with mode "
		 "2770",
		 spool->directory, (unsigned long)geteuid());
	assert_string_equal(err.text, want);
	assert_int_equal(count(spool, "tmp"), 0);
	/* The reader has an administrator to tell. */
	assert_int_equal(report_spool_names(spool->directory, spool->arena,
					    &names, &n, &err),
			 -1);
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_string_equal(err.text, want);
}

static void refuses_a_link_in_place_of_a_part(void **state)
{
	struct spool *spool = *state;
	struct spool by_link;
	struct err err = ERR_INIT;

	assert_int_equal(rmdir(in(spool, "tmp")), 0);
	assert_int_equal(symlink("new", in(spool, "tmp")), 0);
	assert_int_equal(capture(spool, &envelope, "x", &err), -1);
	assert_non_null(strstr(err.text, "/tmp: "));
	assert_int_equal(count(spool, "new"), 0);
	assert_int_equal(unlink(in(spool, "tmp")), 0);
	/* The spool as a whole may be one. */
	assert_int_equal(mkdir(in(spool, "tmp"), 0700), 0);
	assert_int_equal(symlink(".", in(spool, "link")), 0);
	snprintf(by_link.directory, sizeof(by_link.directory), "%s",
		 in(spool, "link"));
	assert_int_equal(capture(&by_link, &envelope, "x", &err), 0);
	assert_int_equal(unlink(in(spool, "link")), 0);
}

static void refuses_what_is_open_to_others(void **state)
{
	static const char *const parts[] = { "", "tmp", "new" };
	struct spool *spool = *state;
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(chmod(in(spool, parts[i]), 0755), 0);
		assert_int_equal(capture(spool, &envelope, "x", &err), -1);
		assert_int_equal(err.kind, ERR_TEMP);
		assert_non_null(strstr(err.text, "mode 0755; expected"));
		assert_int_equal(chmod(in(spool, parts[i]), 0750), 0);
		assert_int_equal(capture(spool, &envelope, "x", &err), 0);
	}
	assert_int_equal(count(spool, "tmp"), 0);
}

/* cmocka cannot tell of a failure in a child. */
#define CHILD_CHECK(condition)    \
	do {                      \
		if (!(condition)) \
			_exit(1); \
	} while (0)

static int
as_nobody(const struct spool *spool, void (*run)(const struct spool *))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		CHILD_CHECK(setgroups(0, NULL) == 0);
		CHILD_CHECK(setgid(65534) == 0 && setuid(65534) == 0);
		run(spool);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

static void expect_not_mine(const struct spool *spool)
{
	struct err err = ERR_INIT;

	CHILD_CHECK(capture(spool, &envelope, "x", &err) == -1);
	CHILD_CHECK(err.kind == ERR_TEMP);
	CHILD_CHECK(strstr(err.text, "expected a directory of uid 65534") !=
		    NULL);
}

static void expect_to_capture(const struct spool *spool)
{
	struct err err = ERR_INIT;

	CHILD_CHECK(capture(spool, &envelope, "x", &err) == 0);
}

static void judges_the_owner(void **state)
{
	struct spool *spool = *state;
	static const char *const parts[] = { "", "tmp", "new", "bad" };
	size_t i;

	if (geteuid() != 0)
		skip();
	/* Closed to us by the kernel; readable, but another user's. */
	assert_int_equal(as_nobody(spool, expect_not_mine), 0);
	assert_int_equal(chown(spool->directory, 0, 65534), 0);
	assert_int_equal(chmod(spool->directory, 0750), 0);
	assert_int_equal(as_nobody(spool, expect_not_mine), 0);
	/* Shared by group, as where Dovecot runs as vmail. */
	for (i = 0; i < 4; i++) {
		assert_int_equal(chown(in(spool, parts[i]), 0, 65534), 0);
		assert_int_equal(chmod(in(spool, parts[i]), 02770), 0);
	}
	assert_int_equal(as_nobody(spool, expect_to_capture), 0);
	assert_int_equal(count(spool, "new"), 1);
}

static void lists_ours_oldest_first(void **state)
{
	struct spool *spool = *state;
	struct err err = ERR_INIT;
	struct span *names;
	size_t n;

	put_file(spool, "new/1700000002.a.1.h", "x");
	put_file(spool, "new/1700000001.b.2.h", "x");
	put_file(spool, "new/1700000001.a.3.h", "x");
	put_file(spool, "new/.1700000000.a.1.h", "x");
	put_file(spool, "new/report.a.1.eml", "x");
	put_file(spool, "new/1700000000.a", "x");
	put_file(spool, "new/1700000000.a.1.h~", "x");
	assert_int_equal(report_spool_names(spool->directory, spool->arena,
					    &names, &n, &err),
			 0);
	assert_int_equal(n, 3);
	assert_string_equal(names[0].p, "1700000001.a.3.h");
	assert_string_equal(names[1].p, "1700000001.b.2.h");
	assert_string_equal(names[2].p, "1700000002.a.1.h");
}

/* A backlog larger than the memory is worked off bit by bit. */
static void lists_what_the_arena_holds(void **state)
{
	struct spool *spool = *state;
	struct arena *small = arena_new(200);
	struct arena *tiny = arena_new(100);
	struct err err = ERR_INIT;
	struct span *names;
	char name[40];
	size_t n;
	int i;

	for (i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "new/170000000%d.a.1.h", i);
		put_file(spool, name, "x");
	}
	assert_int_equal(
		report_spool_names(spool->directory, small, &names, &n, &err),
		0);
	assert_true(n > 0 && n < 5);
	assert_int_equal(
		report_spool_names(spool->directory, tiny, &names, &n, &err),
		-1);
	assert_int_equal(err.kind, ERR_TEMP);
	arena_free(&small);
	arena_free(&tiny);
}

static enum err_kind open_kind(struct spool *spool, const char *name)
{
	struct report_envelope found;
	struct err err = ERR_INIT;
	off_t at;
	int fd = open_mail(spool, span_of(name), spool->arena, &found, &at,
			   &err);

	assert_int_equal(fd, -1);
	return err.kind;
}

static void opens_only_what_is_ours(void **state)
{
	struct spool *spool = *state;

	put_file(spool, "1.a.1.h", "edmarc-report 1\nreceived: 1\n");
	put_file(spool, "new/2.a.1.h", "edmarc-report 1\nreceived: 1\n");
	put_file(spool, "new/3.a.1.h", "");
	assert_int_equal(symlink("2.a.1.h", in(spool, "new/4.a.1.h")), 0);
	assert_int_equal(mkfifo(in(spool, "new/5.a.1.h"), 0600), 0);
	assert_int_equal(open_kind(spool, "../1.a.1.h"), ERR_INPUT);
	assert_int_equal(open_kind(spool, ""), ERR_INPUT);
	assert_int_equal(open_kind(spool, "2.a.1.h"), ERR_INPUT);
	assert_int_equal(open_kind(spool, "3.a.1.h"), ERR_INPUT);
	assert_int_equal(open_kind(spool, "4.a.1.h"), ERR_INPUT);
	assert_int_equal(open_kind(spool, "5.a.1.h"), ERR_INPUT);
	assert_int_equal(open_kind(spool, "6.a.1.h"), ERR_TEMP);
	unlink(in(spool, "1.a.1.h"));
}

static void reads_no_endless_envelope(void **state)
{
	struct buf text = BUF_INIT(100000);
	struct report_envelope found;
	struct err err = ERR_INIT;
	size_t at;

	(void)state;
	buf_add_string(&text, "edmarc-report 1\nreceived: 1\nrecipient: a@b\n");
	while (text.n < MAX_REPORT_ENVELOPE_BYTES - 3)
		buf_add_string(&text, "x:\n");
	buf_add_string(&text, "\n");
	assert_true(text.n <= MAX_REPORT_ENVELOPE_BYTES);
	assert_int_equal(
		report_envelope_parse(buf_span(&text), &found, &at, &err), 0);
	assert_int_equal(at, text.n);
	text.p[text.n - 1] = 'x';
	buf_add_string(&text, ":\n\n");
	assert_true(text.n > MAX_REPORT_ENVELOPE_BYTES);
	assert_int_equal(
		report_envelope_parse(buf_span(&text), &found, &at, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	buf_release(&text);
}

static void sets_aside_with_a_reason(void **state)
{
	struct spool *spool = *state;
	struct buf reason = BUF_INIT(1000);
	struct err err = ERR_INIT;
	struct span name;
	char path[300];

	assert_int_equal(capture(spool, &envelope, "mail", &err), 0);
	name = only_name(spool);
	assert_int_equal(report_spool_set_aside(spool->directory, name,
						"no \x1b[1mXML\nfound", &err),
			 0);
	assert_int_equal(count(spool, "new"), 0);
	assert_int_equal(count(spool, "bad"), 2);
	snprintf(path, sizeof(path), "bad/%s.reason", name.p);
	assert_int_equal(file_read(in(spool, path), &reason, &err), 0);
	assert_string_equal(buf_string(&reason), "no ?[1mXML?found\n");
	buf_release(&reason);
	/* Another ingest was faster: no reason stands there without its mail. */
	assert_int_equal(unlink(in(spool, path)), 0);
	assert_int_equal(
		report_spool_set_aside(spool->directory, name, "x", &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	assert_int_equal(count(spool, "bad"), 1);
}

static void keeps_the_mail_when_it_cannot_set_aside(void **state)
{
	struct spool *spool = *state;
	struct err err = ERR_INIT;

	assert_int_equal(capture(spool, &envelope, "mail", &err), 0);
	assert_int_equal(rmdir(in(spool, "bad")), 0);
	assert_int_equal(report_spool_set_aside(spool->directory,
						only_name(spool), "x", &err),
			 -1);
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_int_equal(count(spool, "new"), 1);
}

static void cleans_what_a_crash_left(void **state)
{
	struct spool *spool = *state;
	const struct timespec old[2] = { { .tv_sec = NOW - 86401 },
					 { .tv_sec = NOW - 86401 } };
	const struct timespec young[2] = { { .tv_sec = NOW - 86400 },
					   { .tv_sec = NOW - 86400 } };
	struct err err = ERR_INIT;
	size_t removed = 99;

	put_file(spool, "tmp/1.a.1.h", "x");
	put_file(spool, "tmp/2.a.1.h", "x");
	put_file(spool, "tmp/notes", "x");
	utimensat(AT_FDCWD, in(spool, "tmp/1.a.1.h"), old, 0);
	utimensat(AT_FDCWD, in(spool, "tmp/notes"), old, 0);
	utimensat(AT_FDCWD, in(spool, "tmp/2.a.1.h"), young, 0);
	assert_int_equal(
		report_spool_clean(spool->directory, NOW, &removed, &err), 0);
	assert_int_equal(removed, 1);
	assert_int_equal(access(in(spool, "tmp/1.a.1.h"), F_OK), -1);
	assert_int_equal(count(spool, "tmp"), 2);
}

/* Two processes, one second, one pid's worth of names each: none is lost. */
static void serves_two_writers_at_once(void **state)
{
	struct spool *spool = *state;
	struct span *names;
	struct err err = ERR_INIT;
	pid_t pid = fork();
	int status = -1;
	size_t n, i;

	for (i = 0; i < 200; i++) {
		int captured = capture(spool, &envelope, "mail", &err);

		if (pid == 0)
			CHILD_CHECK(captured == 0);
		else
			assert_int_equal(captured, 0);
	}
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(report_spool_names(spool->directory, spool->arena,
					    &names, &n, &err),
			 0);
	assert_int_equal(n, 400);
	for (i = 0; i < n; i++)
		assert_mail(spool, names[i], "mail");
	assert_int_equal(count(spool, "tmp"), 0);
}

/*
 * The calls that make a mail last, in their order (linked with --wrap), and the
 * one that is to fail.
 */
static struct {
	char order[200];
	const char *fails;
} calls;

static bool note(const char *call)
{
	size_t n = strlen(calls.order);

	snprintf(calls.order + n, sizeof(calls.order) - n, "%s ", call);
	if (calls.fails == NULL || strcmp(calls.fails, call) != 0)
		return true;
	errno = EIO;
	return false;
}

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_renameat(int from, const char *a, int to, const char *b);
int __wrap_renameat(int from, const char *a, int to, const char *b);

int __wrap_fdatasync(int fd)
{
	return note("fdatasync") ? __real_fdatasync(fd) : -1;
}

int __wrap_fsync(int fd)
{
	return note("fsync") ? __real_fsync(fd) : -1;
}

int __wrap_renameat(int from, const char *a, int to, const char *b)
{
	return note("rename") ? __real_renameat(from, a, to, b) : -1;
}

static void syncs_before_it_promises(void **state)
{
	struct spool *spool = *state;
	struct err err = ERR_INIT;

	memset(&calls, 0, sizeof(calls));
	assert_int_equal(capture(spool, &envelope, "mail", &err), 0);
	assert_string_equal(calls.order, "fdatasync rename fsync ");
	memset(&calls, 0, sizeof(calls));
	assert_int_equal(report_spool_set_aside(spool->directory,
						only_name(spool), "x", &err),
			 0);
	assert_string_equal(calls.order, "fdatasync rename fsync ");
}

static void leaves_nothing_when_a_commit_fails(void **state)
{
	static const char *const steps[] = { "fdatasync", "rename", "fsync" };
	struct spool *spool = *state;
	size_t i;

	for (i = 0; i < 3; i++) {
		struct err err = ERR_INIT;

		memset(&calls, 0, sizeof(calls));
		calls.fails = steps[i];
		assert_int_equal(capture(spool, &envelope, "mail", &err), -1);
		calls.fails = NULL;
		assert_int_equal(err.kind, ERR_TEMP);
		assert_non_null(strstr(err.text, strerror(EIO)));
		assert_int_equal(count(spool, "tmp"), 0);
		assert_int_equal(count(spool, "new"), 0);
	}
}

/* The host lives on: none may stay open in it. */
static void leaves_no_descriptor(void **state)
{
	struct spool *spool = *state;
	struct err err = ERR_INIT;
	int before = dup(0), after;

	close(before);
	assert_int_equal(capture(spool, &envelope, "mail", &err), 0);
	calls.fails = "rename";
	assert_int_equal(capture(spool, &envelope, "mail", &err), -1);
	calls.fails = NULL;
	assert_int_equal(report_spool_set_aside(spool->directory,
						only_name(spool), "x", &err),
			 0);
	assert_int_equal(rmdir(in(spool, "new")), 0);
	assert_int_equal(capture(spool, &envelope, "mail", &err), -1);
	after = dup(0);
	close(after);
	assert_int_equal(after, before);
}

#define SPOOL_TEST(function) \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SPOOL_TEST(takes_a_mail),
		SPOOL_TEST(shares_with_the_group_of_the_directory),
		SPOOL_TEST(leaves_nothing_when_dropped),
		SPOOL_TEST(drops_nothing_after_commit),
		SPOOL_TEST(quotes_a_hostile_envelope),
		SPOOL_TEST(makes_host_names_harmless),
		SPOOL_TEST(holds_the_size_limit),
		SPOOL_TEST(gives_up_when_the_disk_is_full),
		SPOOL_TEST(names_what_it_expects),
		SPOOL_TEST(refuses_a_link_in_place_of_a_part),
		SPOOL_TEST(refuses_what_is_open_to_others),
		SPOOL_TEST(judges_the_owner),
		SPOOL_TEST(lists_ours_oldest_first),
		SPOOL_TEST(lists_what_the_arena_holds),
		SPOOL_TEST(opens_only_what_is_ours),
		SPOOL_TEST(reads_no_endless_envelope),
		SPOOL_TEST(sets_aside_with_a_reason),
		SPOOL_TEST(keeps_the_mail_when_it_cannot_set_aside),
		SPOOL_TEST(cleans_what_a_crash_left),
		SPOOL_TEST(syncs_before_it_promises),
		SPOOL_TEST(leaves_nothing_when_a_commit_fails),
		SPOOL_TEST(leaves_no_descriptor),
		SPOOL_TEST(serves_two_writers_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
