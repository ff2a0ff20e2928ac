/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ingest_spool.c - whose spool is it, and who works on it?
 */
#include "edmarc/ingest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/quote.h"

#define LOCK_NAME "ingest.lock"
#define FOR_OTHER 0007

/*
 * The owner is whoever writes: Exim's user, Dovecot's, or we. That the rest of
 * the world stays out is what counts: who can write here can forge numbers. Root
 * would leave a lock and folders behind that the service cannot open.
 */
int spool_check(const char *directory, struct err *err)
{
	struct stat st;

	if (stat(directory, &st) < 0)
		return err_errno(err, ERR_CONFIG, "%s", directory);
	if (file_check_dir(directory, st.st_uid, FOR_OTHER, err) < 0)
		return -1;
	if (geteuid() == 0 && st.st_uid != 0)
		return err_set(
			err, ERR_CONFIG,
			"%s: owner uid %lu: run ingest as the user of the "
			"spools (sudo -u edmarc edmarc ingest), not as "
			"root",
			directory, (unsigned long)st.st_uid);
	if (faccessat(AT_FDCWD, directory, R_OK | W_OK | X_OK, AT_EACCESS) == 0)
		return 0;
	return err_set(err, ERR_CONFIG,
		       "%s: owner uid %lu, group gid %lu, mode %04o: uid %lu "
		       "cannot work here; expected owner uid %lu and mode "
		       "0700, or group gid %lu and mode 2770",
		       directory, (unsigned long)st.st_uid,
		       (unsigned long)st.st_gid, (unsigned)st.st_mode & 07777,
		       (unsigned long)geteuid(), (unsigned long)geteuid(),
		       (unsigned long)getegid());
}

static int say_who(int fd, const char *directory, struct err *err)
{
	char pid[32];
	ssize_t n = pread(fd, pid, sizeof(pid), 0);

	return err_set(
		err, ERR_TEMP, "%s: another ingest works here, process %s",
		directory,
		quote(span_trim((struct span){ pid, n < 0 ? 0 : (size_t)n }))
			.text);
}

static int write_pid(int fd)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) < 0)
		return -1;
	return pwrite(fd, text, (size_t)n, 0) == n ? 0 : -1;
}

/*
 * Readable for all who can enter the directory: the file may have been made by
 * root, trying something by hand, and a lock needs no right to write.
 */
static int open_lock(const char *path, bool *writable)
{
	int flags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd = open(path, O_RDWR | O_CREAT | flags, 0644);

	*writable = fd >= 0;
	if (fd < 0 && errno == EACCES)
		fd = open(path, O_RDONLY | flags);
	return fd;
}

int spool_lock(const char *directory, struct err *err)
{
	char path[PATH_MAX];
	bool writable;
	int fd;

	if (snprintf(path, sizeof(path), "%s/" LOCK_NAME, directory) >=
	    (int)sizeof(path))
		return err_set(err, ERR_CONFIG, "%s: name too long", directory);
	fd = open_lock(path, &writable);
	if (fd < 0)
		return err_errno(err, ERR_CONFIG, "%s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			say_who(fd, directory, err);
		else
			err_errno(err, ERR_TEMP, "%s", path);
	} else if (writable && write_pid(fd) < 0) {
		err_errno(err, ERR_TEMP, "%s", path);
	} else {
		return fd;
	}
	close(fd);
	return -1;
}
