/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "journal/set_aside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/spool_dir.h"

#define REASON           ".reason"
#define MAX_REASON_BYTES (sizeof(((struct err *)NULL)->text) + 1)

struct reason_name {
	char text[MAX_REPORT_NAME + sizeof(REASON)];
};

static struct reason_name reason_of(const char *name)
{
	struct reason_name beside;

	snprintf(beside.text, sizeof(beside.text), "%.*s" REASON,
		 MAX_REPORT_NAME, name);
	return beside;
}

/* A host may be called "reason": its mails have a reason, reasons have none. */
static bool is_mail(int bad, struct span name)
{
	struct reason_name beside = reason_of(name.p);
	struct stat st;

	return !span_ends(name, REASON) ||
	       fstatat(bad, beside.text, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int set_aside_names(const char *directory, struct arena *arena,
		    struct span **names, size_t *n, struct err *err)
{
	size_t found = 0, mails = 0, i;
	struct span *list = NULL;
	int bad;

	if (spool_names(directory, "bad", 2 * MAX_SET_ASIDE_NAMES, arena, &list,
			&found, err) < 0)
		return -1;
	bad = spool_open_dir(directory, "bad", err);
	if (bad < 0)
		return -1;
	for (i = 0; i < found && mails < MAX_SET_ASIDE_NAMES; i++)
		if (is_mail(bad, list[i]))
			list[mails++] = list[i];
	close(bad);
	*names = list;
	*n = mails;
	return 0;
}

int set_aside_look(const char *directory, struct span name, struct err *err)
{
	char text[MAX_REPORT_NAME + 1];
	struct stat st;
	bool there;
	int bad;

	if (!spool_name_text(name, text))
		return spool_refuse_name(err, name);
	bad = spool_open_dir(directory, "bad", err);
	if (bad < 0)
		return -1;
	there = is_mail(bad, span_of(text)) &&
		fstatat(bad, text, &st, AT_SYMLINK_NOFOLLOW) == 0;
	close(bad);
	return there ? 0 :
		       err_set(err, ERR_INPUT, "%s: no such mail in %s/bad",
			       text, directory);
}

/* The first line; what stands behind it is nobody's. */
static int read_line(int fd, struct arena *arena, struct span *line)
{
	char text[MAX_REASON_BYTES];
	ssize_t n = read(fd, text, sizeof(text));
	struct span rest = { text, n < 0 ? 0 : (size_t)n };

	*line = SPAN("");
	if (n < 0)
		return -1;
	if (!span_take_line(&rest, line))
		return 0;
	*line = arena_copy(arena, *line);
	return line->p == NULL ? -1 : 0;
}

int set_aside_reason(const char *directory, struct span name,
		     struct arena *arena, struct span *reason, struct err *err)
{
	char text[MAX_REPORT_NAME + 1];
	int result = -1;
	int bad, fd;

	*reason = SPAN("");
	if (!spool_name_text(name, text))
		return spool_refuse_name(err, name);
	bad = spool_open_dir(directory, "bad", err);
	if (bad < 0)
		return -1;
	fd = openat(bad, reason_of(text).text,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		result = read_line(fd, arena, reason);
	else if (errno == ENOENT)
		result = 0;
	if (result < 0)
		err_errno(err, ERR_TEMP, "%s/bad/%s" REASON, directory, text);
	if (fd >= 0)
		close(fd);
	close(bad);
	return result;
}

static int drop_reason(int bad, const char *name)
{
	if (unlinkat(bad, reason_of(name).text, 0) < 0 && errno != ENOENT)
		return -1;
	return fsync(bad);
}

/* Returns 0, or -1 with errno set. */
static int move_back(int bad, int to, const char *name)
{
	if (renameat(bad, name, to, name) < 0 || fsync(to) < 0)
		return -1;
	return drop_reason(bad, name);
}

int set_aside_retry(const char *directory, struct span name, struct err *err)
{
	char text[MAX_REPORT_NAME + 1];
	int result = -1;
	int bad, to;

	if (!spool_name_text(name, text))
		return spool_refuse_name(err, name);
	bad = spool_open_dir(directory, "bad", err);
	if (bad < 0)
		return -1;
	to = spool_open_dir(directory, "new", err);
	if (to < 0)
		goto out;
	result = move_back(bad, to, text);
	if (result < 0)
		err_errno(err, errno == ENOENT ? ERR_INPUT : ERR_TEMP,
			  "%s/bad/%s", directory, text);
	close(to);
out:
	close(bad);
	return result;
}

int set_aside_drop(const char *directory, struct span name, struct err *err)
{
	char text[MAX_REPORT_NAME + 1];
	int result = 0;
	int bad;

	if (!spool_name_text(name, text))
		return spool_refuse_name(err, name);
	bad = spool_open_dir(directory, "bad", err);
	if (bad < 0)
		return -1;
	if (unlinkat(bad, text, 0) < 0 || drop_reason(bad, text) < 0)
		result = err_errno(err, errno == ENOENT ? ERR_INPUT : ERR_TEMP,
				   "%s/bad/%s", directory, text);
	close(bad);
	return result;
}
