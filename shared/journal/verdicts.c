/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "journal/verdicts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/quote.h"

#define OPEN_NAME      "open.jsonl"
#define SUFFIX         ".jsonl"
#define FILE_MODE      0640
#define MAX_HOST_BYTES 64 /* of the name; what is behind it tells nobody more */
#define MAX_REOPENS    20 /* rotations that can overtake one writer */

/* Waiting for the lock: LOCK_TRIES naps of LOCK_NAP make 200 ms. */
#define LOCK_TRIES  200
#define LOCK_NAP_NS 1000000

static int fail(struct err *err, const char *directory, const char *name)
{
	return err_errno(err, ERR_TEMP, "%s/%s", directory, name);
}

/* ------------------------------------------------------------------ names */

static bool is_name_char(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || c == '.' || c == '-' ||
	       c == '_';
}

/* Ours: begins with a time, so neither open.jsonl nor a draft is one. */
static bool is_segment(struct span name)
{
	size_t i;

	if (name.n == 0 || name.n > MAX_SEGMENT_NAME ||
	    !ascii_is_digit(name.p[0]) || !span_ends(name, SUFFIX))
		return false;
	for (i = 0; i < name.n; i++)
		if (!is_name_char(name.p[i]))
			return false;
	return true;
}

static int make_name(char name[MAX_SEGMENT_NAME + 1], const char *host,
		     int64_t now, struct err *err)
{
	char clean[MAX_HOST_BYTES + 1];
	uint64_t number;
	size_t i;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return err_errno(err, ERR_TEMP, "random number for a name");
	for (i = 0; i < MAX_HOST_BYTES && host[i] != '\0'; i++)
		clean[i] = is_name_char(host[i]) ? host[i] : '_';
	clean[i] = '\0';
	/* Ten digits, so that names sort by age until the year 2286. */
	snprintf(name, MAX_SEGMENT_NAME + 1, "%010lld.%016llx.%s" SUFFIX,
		 (long long)(now < 0 ? 0 : now), (unsigned long long)number,
		 clean);
	return 0;
}

/*
 * For whoever reads Exim's log: what is wrong, and what it should be. ERR_TEMP,
 * because it works as soon as somebody repairs it.
 */
static int refuse_directory(struct err *err, const char *directory)
{
	if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
		return err_errno(err, ERR_TEMP, "%s", directory);
	return err_set(err, ERR_TEMP,
		       "%s: %s; expected a directory of uid %lu (who writes) "
		       "and of the group of ingest, mode 2770",
		       directory, strerror(errno), (unsigned long)geteuid());
}

static int open_directory(const char *directory, struct err *err)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return refuse_directory(err, directory);
	return fd;
}

/* ------------------------------------------------------------------- lock */

/* 1 with the lock, 0 when nobody gave it back in time, -1. */
static int lock(int fd)
{
	const struct timespec nap = { .tv_nsec = LOCK_NAP_NS };
	int i;

	for (i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 1;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -1;
		nanosleep(&nap, NULL);
	}
	return 0;
}

/* Is open.jsonl still this file? *st is that of fd. -1 with errno. */
static int is_current(int dir, int fd, struct stat *st)
{
	struct stat named;

	if (fstat(fd, st) < 0)
		return -1;
	if (fstatat(dir, OPEN_NAME, &named, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	return named.st_dev == st->st_dev && named.st_ino == st->st_ino;
}

/*
 * Open open.jsonl and lock it. Who waited for the lock may have been waiting
 * for a rotation, and holds the lock of a segment then: open anew. Returns as
 * lock() does; *fd is closed again unless it is 1.
 */
static int open_locked(int dir, int flags, int *fd, struct stat *st)
{
	int got = 0;
	int i;

	for (i = 0; i < MAX_REOPENS; i++) {
		*fd = openat(dir, OPEN_NAME, flags | O_NOFOLLOW | O_CLOEXEC,
			     FILE_MODE);
		if (*fd < 0)
			return -1;
		got = lock(*fd);
		if (got == 1) {
			got = is_current(dir, *fd, st);
			if (got == 1)
				return 1;
		} else {
			i = MAX_REOPENS; /* waited long enough */
		}
		close(*fd);
		*fd = -1;
		if (got < 0)
			return -1;
	}
	return 0;
}

/* ---------------------------------------------------------------- writing */

/* Does a crash or a full disk have left a line without its end? */
static int lacks_newline(int fd, off_t size)
{
	char last;

	if (size == 0)
		return 0;
	if (pread(fd, &last, 1, size - 1) != 1)
		return -1;
	return last != '\n';
}

/*
 * One write at the end of a file of that size, which is cut back to it when not
 * all of it could be written.
 */
static int write_line(int fd, off_t size, struct span line)
{
	char newline = '\n';
	struct iovec parts[2];
	int n = 0;
	int torn = lacks_newline(fd, size);
	size_t all = line.n;
	ssize_t written;
	int saved;

	if (torn < 0)
		return -1;
	if (torn) {
		parts[n++] =
			(struct iovec){ .iov_base = &newline, .iov_len = 1 };
		all++;
	}
	/* writev() does not write to what it is given. */
	parts[n++] = (struct iovec){ .iov_base = (void *)(uintptr_t)line.p,
				     .iov_len = line.n };
	written = writev(fd, parts, n);
	if (written == (ssize_t)all)
		return 0;
	saved = written < 0 ? errno : ENOSPC;
	/* If even that fails, the next writer ends the torn line. */
	if (written > 0 && ftruncate(fd, size) < 0)
		saved = errno;
	errno = saved;
	return -1;
}

/*
 * A segment that holds this line only, complete before it has its name. Its
 * time is that of the file.
 */
static int
write_alone(int dir, const char *directory, struct span line, struct err *err)
{
	char draft[MAX_SEGMENT_NAME + 8], name[MAX_SEGMENT_NAME + 1];
	char host[MAX_HOST_BYTES + 1] = "";
	struct stat st;
	int result = -1;
	int fd;

	/* A name that is cut off is as good; none at all is not fatal. */
	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	if (make_name(name, host, 0, err) < 0)
		return -1;
	snprintf(draft, sizeof(draft), "draft.%s", name);
	fd = openat(dir, draft,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    FILE_MODE);
	if (fd < 0)
		return fail(err, directory, draft);
	if (fchmod(fd, FILE_MODE) < 0 || write_all(fd, line) < 0 ||
	    fstat(fd, &st) < 0) {
		fail(err, directory, draft);
		goto out;
	}
	if (make_name(name, host, st.st_mtim.tv_sec, err) < 0)
		goto out;
	if (renameat(dir, draft, dir, name) < 0) {
		fail(err, directory, name);
		goto out;
	}
	result = 0;
out:
	close(fd);
	if (result < 0)
		unlinkat(dir, draft, 0);
	return result;
}

static int append(const char *directory, struct span line, struct err *err)
{
	struct stat st;
	int result = -1;
	int fd = -1;
	int dir = open_directory(directory, err);
	int locked;

	if (dir < 0)
		return -1;
	locked = open_locked(dir, O_RDWR | O_APPEND | O_CREAT, &fd, &st);
	if (locked == 0) {
		result = write_alone(dir, directory, line, err);
	} else if (locked < 0) {
		fail(err, directory, OPEN_NAME);
	} else if ((st.st_mode & 07777) != FILE_MODE &&
		   st.st_uid == geteuid() && fchmod(fd, FILE_MODE) < 0) {
		/* The host's umask may keep the group from reading. */
		fail(err, directory, OPEN_NAME);
	} else if (write_line(fd, st.st_size, line) < 0) {
		fail(err, directory, OPEN_NAME);
	} else {
		result = 0;
	}
	if (fd >= 0)
		close(fd); /* gives the lock back */
	close(dir);
	return result;
}

/*
 * A journal that nobody drains may meet a limit for the size of files, at which
 * a signal would end our host in the middle of a message.
 */
int verdicts_append(const char *directory, struct span line, struct err *err)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction before;
	bool ignored = sigaction(SIGXFSZ, &ignore, &before) == 0;
	int result = append(directory, line, err);

	if (ignored)
		(void)sigaction(SIGXFSZ, &before, NULL);
	return result;
}

/* ---------------------------------------------------------------- reading */

int verdicts_rotate(const char *directory, const char *host, int64_t now,
		    struct err *err)
{
	char name[MAX_SEGMENT_NAME + 1];
	struct stat st;
	int result = -1;
	int fd = -1;
	int dir = open_directory(directory, err);
	int locked;

	if (dir < 0)
		return -1;
	locked = open_locked(dir, O_RDONLY, &fd, &st);
	if (locked < 0 && errno == ENOENT)
		result = 0;
	else if (locked < 0)
		fail(err, directory, OPEN_NAME);
	else if (locked == 0)
		err_set(err, ERR_TEMP, "%s/" OPEN_NAME ": locked for too long",
			directory);
	else if (st.st_size == 0)
		result = 0;
	else if (make_name(name, host, now, err) == 0) {
		result = renameat(dir, OPEN_NAME, dir, name);
		if (result < 0)
			fail(err, directory, name);
	}
	if (fd >= 0)
		close(fd);
	close(dir);
	return result;
}

static int by_name(const void *a, const void *b)
{
	const struct span *one = a;
	const struct span *other = b;

	return strcmp(one->p, other->p);
}

/* The next segment's name; 1, 0 at the end, -1. */
static int next_segment(DIR *stream, struct span *name)
{
	for (;;) {
		const struct dirent *entry;

		errno = 0;
		entry = readdir(stream);
		if (entry == NULL)
			return errno == 0 ? 0 : -1;
		*name = span_of(entry->d_name);
		if (is_segment(*name))
			return 1;
	}
}

/* Also counts, when names is NULL. */
static int take_segments(DIR *stream, struct arena *arena, struct span *names,
			 size_t room, size_t *n)
{
	struct span name;
	int more = 0;

	for (*n = 0; *n < room; (*n)++) {
		more = next_segment(stream, &name);
		if (more <= 0)
			return more;
		if (names == NULL)
			continue;
		names[*n] = arena_copy(arena, name);
		if (names[*n].p == NULL) {
			errno = ENOMEM;
			return -1;
		}
	}
	return 0;
}

int verdicts_segments(const char *directory, struct arena *arena,
		      struct span **names, size_t *n, struct err *err)
{
	DIR *stream = opendir(directory);
	struct span *list = NULL;
	size_t room, found;
	int result = -1;

	if (stream == NULL)
		return err_errno(err, ERR_TEMP, "%s", directory);
	if (take_segments(stream, arena, NULL, MAX_VERDICT_SEGMENTS, &room) <
	    0) {
		err_errno(err, ERR_TEMP, "%s", directory);
		goto out;
	}
	list = arena_array(arena, room, sizeof(*list));
	rewinddir(stream);
	if (list == NULL ||
	    take_segments(stream, arena, list, room, &found) < 0) {
		err_errno(err, ERR_TEMP, "%s", directory);
		goto out;
	}
	qsort(list, found, sizeof(*list), by_name);
	*names = list;
	*n = found;
	result = 0;
out:
	closedir(stream);
	return result;
}

static int append_bad(int fd, struct span line, const char *reason)
{
	struct quoted shown = quote(span_of(reason));

	while (line.n > 0 && line.p[line.n - 1] == '\n')
		line.n--;
	if (write_all(fd, SPAN("# ")) < 0 ||
	    write_all(fd, span_of(shown.text)) < 0 ||
	    write_all(fd, SPAN("\n")) < 0 || write_all(fd, line) < 0 ||
	    write_all(fd, SPAN("\n")) < 0)
		return -1;
	return fdatasync(fd);
}

int verdicts_set_aside(const char *directory, const char *segment,
		       struct span line, const char *reason, struct err *err)
{
	char path[PATH_MAX];
	int result = -1;
	int fd;

	if (!is_segment(span_of(segment)))
		return err_set(err, ERR_INPUT, "%s: not a segment",
			       quote(span_of(segment)).text);
	if (snprintf(path, sizeof(path), "%s/bad", directory) >=
	    (int)sizeof(path))
		return err_set(err, ERR_CONFIG, "%s: name too long", directory);
	if (mkdir(path, 0770) < 0 && errno != EEXIST)
		return err_errno(err, ERR_TEMP, "%s", path);
	if (snprintf(path, sizeof(path), "%s/bad/%s", directory, segment) >=
	    (int)sizeof(path))
		return err_set(err, ERR_CONFIG, "%s: name too long", directory);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
		  FILE_MODE);
	if (fd < 0)
		return err_errno(err, ERR_TEMP, "%s", path);
	result = append_bad(fd, line, reason);
	if (result < 0)
		err_errno(err, ERR_TEMP, "%s", path);
	close(fd);
	if (result == 0) {
		snprintf(path, sizeof(path), "%s/bad", directory);
		result = file_sync_dir(path, err);
	}
	return result;
}
