/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "journal/spool_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/quote.h"

/* ------------------------------------------------------------ directories */

/* What the reader of a refusal has to do. */
static int refuse_dir(struct err *err, const char *path, const char *what)
{
	return err_set(err, ERR_CONFIG,
		       "%s: %s; expected a directory of uid %lu with mode 0700 "
		       "or 0750, or of its group with mode 2770",
		       path, what, (unsigned long)geteuid());
}

/*
 * The kernel decides whether we may write. What it does not refuse, but we do,
 * is a directory that strangers can reach into, or that belongs to another
 * user who did not share it with a group (root reads on everybody's behalf).
 */
static int check_dir(int fd, const char *path, struct err *err)
{
	struct stat st;
	char what[80];

	if (fstat(fd, &st) < 0)
		return err_errno(err, ERR_TEMP, "%s", path);
	snprintf(what, sizeof(what), "owned by uid %lu, mode %04o",
		 (unsigned long)st.st_uid, (unsigned)(st.st_mode & 07777));
	if ((st.st_mode & 0007) != 0)
		return refuse_dir(err, path, what);
	if (st.st_uid != geteuid() && geteuid() != 0 &&
	    (st.st_mode & 0020) == 0)
		return refuse_dir(err, path, what);
	return 0;
}

/* Opens and judges one directory; path is for the refusal. */
static int
open_dir(int at, const char *name, int flags, const char *path, struct err *err)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES ||
		       errno == ELOOP))
		return refuse_dir(err, path, strerror(errno));
	if (fd < 0)
		return err_errno(err, ERR_TEMP, "%s", path);
	if (check_dir(fd, path, err) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The spool itself may be a link to a larger disk, its parts not. */
int spool_open_top(const char *directory, struct err *err)
{
	return open_dir(AT_FDCWD, directory, 0, directory, err);
}

int spool_open_part(int top, const char *directory, const char *name,
		    struct err *err)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return open_dir(top, name, O_NOFOLLOW, path, err);
}

/* directory/name, for the jobs that need only one of the parts. */
int spool_open_dir(const char *directory, const char *name, struct err *err)
{
	int top = spool_open_top(directory, err);
	int fd;

	if (top < 0)
		return -1;
	fd = spool_open_part(top, directory, name, err);
	close(top);
	return fd;
}

/* ------------------------------------------------------------------ names */

bool spool_is_name_char(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || c == '.' || c == '-' ||
	       c == '_';
}

/* Ours: a time first, no slash or leading dot, three dots at least. */
static bool is_name(struct span name)
{
	size_t dots = 0;
	size_t i;

	if (name.n == 0 || name.n > MAX_REPORT_NAME || !ascii_is_digit(*name.p))
		return false;
	for (i = 0; i < name.n; i++) {
		if (!spool_is_name_char(name.p[i]))
			return false;
		if (name.p[i] == '.')
			dots++;
	}
	return dots >= 3;
}

/* A C string of a name that is ours; false when it is not. */
bool spool_name_text(struct span name, char text[MAX_REPORT_NAME + 1])
{
	if (!is_name(name))
		return false;
	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	return true;
}

int spool_refuse_name(struct err *err, struct span name)
{
	return err_set(err, ERR_INPUT, "%s: not a name of this spool",
		       quote(name).text);
}

static int by_age(const void *a, const void *b)
{
	const struct span *one = a;
	const struct span *other = b;
	size_t n = one->n < other->n ? one->n : other->n;
	int order = memcmp(one->p, other->p, n);

	return order != 0 ? order : (one->n > other->n) - (one->n < other->n);
}

/* The next name that is ours; 1, 0 at the end, -1. */
int spool_next_name(DIR *dir, struct span *name)
{
	const struct dirent *entry;

	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (entry == NULL)
			return errno == 0 ? 0 : -1;
		*name = span_of(entry->d_name);
		if (is_name(*name))
			return 1;
	}
}

static int count_names(DIR *dir, size_t max, size_t *n)
{
	struct span name;
	int more = 0;

	for (*n = 0; *n < max; (*n)++) {
		more = spool_next_name(dir, &name);
		if (more <= 0)
			break;
	}
	rewinddir(dir);
	return more < 0 ? -1 : 0;
}

/* Up to room names, fewer when the arena is full. */
static int take_names(DIR *dir, struct arena *arena, struct span *names,
		      size_t room, size_t *n)
{
	struct span name;
	int more = 0;

	for (*n = 0; *n < room; (*n)++) {
		more = spool_next_name(dir, &name);
		if (more <= 0)
			break;
		names[*n] = arena_copy(arena, name);
		if (names[*n].p == NULL)
			break;
	}
	if (*n == 0 && more > 0) {
		errno = ENOMEM;
		return -1;
	}
	return more < 0 ? -1 : 0;
}

/* A stream of the directory's entries; NULL with *err set. */
DIR *spool_stream(const char *directory, const char *name, struct err *err)
{
	int fd = spool_open_dir(directory, name, err);
	DIR *dir;

	if (fd < 0)
		return NULL;
	dir = fdopendir(fd);
	if (dir == NULL) {
		err_errno(err, ERR_TEMP, "%s/%s", directory, name);
		close(fd);
	}
	return dir;
}

int spool_names(const char *directory, const char *part, size_t max,
		struct arena *arena, struct span **names, size_t *n,
		struct err *err)
{
	DIR *dir = spool_stream(directory, part, err);
	struct span *list = NULL;
	size_t room, found = 0;
	int result = -1;

	if (dir == NULL)
		return -1;
	if (count_names(dir, max, &room) < 0) {
		err_errno(err, ERR_TEMP, "%s/%s", directory, part);
		goto out;
	}
	list = arena_array(arena, room, sizeof(*list));
	if (list == NULL) {
		err_set(err, ERR_TEMP, "%s/%s: no memory", directory, part);
		goto out;
	}
	if (take_names(dir, arena, list, room, &found) < 0) {
		err_errno(err, ERR_TEMP, "%s/%s", directory, part);
		goto out;
	}
	qsort(list, found, sizeof(*list), by_age);
	*names = list;
	*n = found;
	result = 0;
out:
	closedir(dir);
	return result;
}

/* Opening must not wait for a writer (a FIFO) or follow a link elsewhere. */
int spool_open_mail(int dir, const char *directory, const char *part,
		    const char *name, struct err *err)
{
	int fd = openat(dir, name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return err_errno(err,
				 errno == ELOOP || errno == EACCES ||
						 errno == ENXIO ?
					 ERR_INPUT :
					 ERR_TEMP,
				 "%s/%s/%s", directory, part, name);
	if (fstat(fd, &st) < 0)
		err_errno(err, ERR_TEMP, "%s/%s/%s", directory, part, name);
	else if (!S_ISREG(st.st_mode))
		err_set(err, ERR_INPUT, "%s/%s/%s: not a regular file",
			directory, part, name);
	else
		return fd;
	close(fd);
	return -1;
}
