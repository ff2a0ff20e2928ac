/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int write_all(int fd, struct span bytes)
{
	while (bytes.n > 0) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		bytes.p += n;
		bytes.n -= (size_t)n;
	}
	return 0;
}

ssize_t read_at(int fd, char *p, size_t n, off_t offset)
{
	size_t have = 0;

	while (have < n) {
		ssize_t more =
			pread(fd, p + have, n - have, offset + (off_t)have);

		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0)
			return -1;
		if (more == 0)
			break;
		have += (size_t)more;
	}
	return (ssize_t)have;
}

int file_read_fd(int fd, const char *name, struct buf *buf, struct err *err)
{
	char piece[16384];

	for (;;) {
		ssize_t n = read(fd, piece, sizeof(piece));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, ERR_TEMP, "%s", name);
		if (n == 0)
			return 0;
		buf_add(buf, (struct span){ piece, (size_t)n });
		if (!buf_ok(buf))
			return err_set(err, ERR_LIMIT,
				       "%s: more than %zu bytes", name,
				       buf->max);
	}
}

int file_read(const char *path, struct buf *buf, struct err *err)
{
	int result;
	int fd;

	if (strcmp(path, "-") == 0)
		return file_read_fd(STDIN_FILENO, "standard input", buf, err);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, errno == ENOENT ? ERR_INPUT : ERR_TEMP,
				 "%s", path);
	result = file_read_fd(fd, path, buf, err);
	close(fd);
	return result;
}

int file_sync_dir(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result = 0;

	if (fd < 0)
		return err_errno(err, ERR_TEMP, "%s", path);
	if (fsync(fd) < 0)
		result = err_errno(err, ERR_TEMP, "%s", path);
	close(fd);
	return result;
}

static int sync_parent(const char *path, struct err *err)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return file_sync_dir(".", err);
	if (slash == path)
		return file_sync_dir("/", err);
	if ((size_t)(slash - path) >= sizeof(parent))
		return err_set(err, ERR_INPUT, "%s: name too long", path);
	memcpy(parent, path, (size_t)(slash - path));
	parent[slash - path] = '\0';
	return file_sync_dir(parent, err);
}

int file_replace(const char *path, struct span bytes, mode_t mode,
		 struct err *err)
{
	char temp[PATH_MAX];
	int result = -1;
	int fd = -1;

	if (snprintf(temp, sizeof(temp), "%s.new", path) >= (int)sizeof(temp))
		return err_set(err, ERR_INPUT, "%s: name too long", path);
	/* What a crash left, or somebody planted, must not lend us its mode. */
	if (unlink(temp) < 0 && errno != ENOENT)
		return err_errno(err, ERR_TEMP, "%s", temp);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0 || write_all(fd, bytes) < 0 || fsync(fd) < 0 ||
	    rename(temp, path) < 0) {
		err_errno(err, ERR_TEMP, "%s", path);
		goto out;
	}
	result = sync_parent(path, err);
out:
	if (fd >= 0)
		close(fd);
	if (result < 0)
		unlink(temp);
	return result;
}

int file_check_dir(const char *path, uid_t owner, mode_t forbidden_mode,
		   struct err *err)
{
	struct stat st;
	mode_t mode;

	if (stat(path, &st) < 0)
		return err_errno(err, ERR_CONFIG, "%s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_CONFIG, "%s: not a directory", path);
	mode = st.st_mode & 07777;
	if (st.st_uid != owner)
		return err_set(err, ERR_CONFIG,
			       "%s: owned by uid %lu, expected uid %lu", path,
			       (unsigned long)st.st_uid, (unsigned long)owner);
	if ((mode & forbidden_mode) != 0)
		return err_set(err, ERR_CONFIG,
			       "%s: mode %04o, expected at most %04o", path,
			       (unsigned)mode,
			       (unsigned)(mode & ~forbidden_mode));
	return 0;
}
