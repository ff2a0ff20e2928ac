/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "journal/report_spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/quote.h"
#include "journal/spool_dir.h"

#define MAGIC          "edmarc-report 1"
#define MAX_HOST_BYTES 64 /* of the name; what is behind it tells nobody more */
#define STALE_SECONDS  86400

/* A disk with less than this free, and less than this part of it, is full. */
#define MIN_FREE_BYTES ((uint64_t)1024 * 1024 * 1024)
#define MIN_FREE_PART  20

static int make_name(char *name, size_t size, int64_t received,
		     const char *host, struct err *err)
{
	uint64_t number;
	char clean[MAX_HOST_BYTES + 1];
	size_t i;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return err_errno(err, ERR_TEMP, "random number for a name");
	for (i = 0; i < MAX_HOST_BYTES && host[i] != '\0'; i++)
		clean[i] = spool_is_name_char(host[i]) ? host[i] : '_';
	clean[i] = '\0';
	snprintf(name, size, "%lld.%016llx.%ld.%s",
		 (long long)(received < 0 ? 0 : received),
		 (unsigned long long)number, (long)getpid(), clean);
	return 0;
}

/* ---------------------------------------------------------------- writing */

void report_draft_drop(struct report_draft *draft)
{
	if (draft->name[0] != '\0')
		unlinkat(draft->tmp_fd, draft->name, 0);
	draft->name[0] = '\0';
	if (draft->fd >= 0)
		close(draft->fd);
	if (draft->tmp_fd >= 0)
		close(draft->tmp_fd);
	if (draft->new_fd >= 0)
		close(draft->new_fd);
	draft->fd = draft->tmp_fd = draft->new_fd = -1;
}

/* Drop it, with the reason that errno tells. */
static int fail(struct report_draft *draft, struct err *err, const char *where)
{
	err_errno(err, ERR_TEMP, "%s/%s", draft->directory, where);
	report_draft_drop(draft);
	return -1;
}

static int
open_dirs(struct report_draft *draft, const char *directory, struct err *err)
{
	int top;

	if (snprintf(draft->directory, sizeof(draft->directory), "%s",
		     directory) >= (int)sizeof(draft->directory))
		return err_set(err, ERR_TEMP, "%s: name too long", directory);
	top = spool_open_top(directory, err);
	if (top < 0)
		return -1;
	draft->tmp_fd = spool_open_part(top, directory, "tmp", err);
	if (draft->tmp_fd >= 0)
		draft->new_fd = spool_open_part(top, directory, "new", err);
	close(top);
	return draft->new_fd < 0 ? -1 : 0;
}

/* The host's umask may be 077: the mode is set, not asked for. */
static int create(struct report_draft *draft)
{
	struct stat dir;

	draft->fd = openat(draft->tmp_fd, draft->name,
			   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			   0600);
	if (draft->fd < 0) {
		draft->name[0] = '\0'; /* not ours to remove */
		return -1;
	}
	if (fstat(draft->new_fd, &dir) < 0)
		return -1;
	return fchmod(draft->fd, 0600 | (dir.st_mode & 0040));
}

static int write_envelope(int fd, const struct report_envelope *envelope)
{
	char text[MAX_REPORT_ENVELOPE_BYTES];
	int n = snprintf(
		text, sizeof(text),
		MAGIC "\nreceived: %lld\nrecipient: %s\n"
		      "sender: %s\nsession: %s\n\n",
		(long long)envelope->received, quote(envelope->recipient).text,
		quote(envelope->sender).text, quote(envelope->session).text);

	if (n < 0 || n >= (int)sizeof(text)) {
		errno = EMSGSIZE;
		return -1;
	}
	return write_all(fd, (struct span){ text, (size_t)n });
}

/*
 * Anybody can send us mail, and it has no quota: the rest of the disk is for the
 * others who work on it. Where nobody knows how full it is, writing will show.
 */
static int check_room(const struct report_draft *draft, struct err *err)
{
	struct statvfs disk;
	uint64_t free_bytes;

	if (fstatvfs(draft->tmp_fd, &disk) < 0 || disk.f_blocks == 0)
		return 0;
	free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
	if (free_bytes >= MIN_FREE_BYTES ||
	    disk.f_bavail >= disk.f_blocks / MIN_FREE_PART)
		return 0;
	return err_set(err, ERR_TEMP,
		       "%s: the disk is nearly full, %llu MiB are left",
		       draft->directory,
		       (unsigned long long)(free_bytes / (1024 * 1024)));
}

int report_draft_start(struct report_draft *draft, const char *directory,
		       const char *host, const struct report_envelope *envelope,
		       struct err *err)
{
	*draft = (struct report_draft){ .fd = -1, .tmp_fd = -1, .new_fd = -1 };
	if (open_dirs(draft, directory, err) < 0 ||
	    check_room(draft, err) < 0 ||
	    make_name(draft->name, sizeof(draft->name), envelope->received,
		      host, err) < 0) {
		draft->name[0] = '\0';
		report_draft_drop(draft);
		if (err != NULL)
			err->kind = ERR_TEMP;
		return -1;
	}
	if (create(draft) < 0 || write_envelope(draft->fd, envelope) < 0)
		return fail(draft, err, "tmp");
	return 0;
}

int report_draft_add(struct report_draft *draft, struct span bytes,
		     struct err *err)
{
	if (bytes.n > MAX_REPORT_MAIL_BYTES - draft->written) {
		report_draft_drop(draft);
		return err_set(err, ERR_LIMIT, "mail of more than %d bytes",
			       MAX_REPORT_MAIL_BYTES);
	}
	if (write_all(draft->fd, bytes) < 0)
		return fail(draft, err, "tmp");
	draft->written += bytes.n;
	return 0;
}

int report_draft_commit(struct report_draft *draft, struct err *err)
{
	int closed;

	if (fdatasync(draft->fd) < 0)
		return fail(draft, err, "tmp");
	closed = close(draft->fd);
	draft->fd = -1;
	if (closed < 0)
		return fail(draft, err, "tmp");
	if (renameat(draft->tmp_fd, draft->name, draft->new_fd, draft->name) <
	    0)
		return fail(draft, err, "new");
	if (fsync(draft->new_fd) < 0) {
		/* The sender will be told to keep it: it must not be here. */
		int saved = errno;

		unlinkat(draft->new_fd, draft->name, 0);
		draft->name[0] = '\0';
		errno = saved;
		return fail(draft, err, "new");
	}
	draft->name[0] = '\0';
	report_draft_drop(draft);
	return 0;
}

/* ---------------------------------------------------------------- reading */

int report_spool_names(const char *directory, struct arena *arena,
		       struct span **names, size_t *n, struct err *err)
{
	return spool_names(directory, "new", MAX_REPORT_NAMES, arena, names, n,
			   err);
}

/* A value that quote() could have written. */
static bool is_quoted(struct span value)
{
	size_t i;

	for (i = 0; i < value.n; i++) {
		if (value.p[i] < ' ' || value.p[i] > '~')
			return false;
	}
	return true;
}

static bool read_time(struct span value, int64_t *time)
{
	uint64_t number;

	if (!span_to_uint(value, INT64_MAX, &number))
		return false;
	*time = (int64_t)number;
	return true;
}

enum field {
	FIELD_RECEIVED,
	FIELD_RECIPIENT,
	FIELD_SENDER,
	FIELD_SESSION,
	FIELDS
};

static const char *const fields[FIELDS] = { "received", "recipient", "sender",
					    "session" };

/* One "name: value"; *seen has a bit for each field that was there. */
static int read_field(struct span line, struct report_envelope *envelope,
		      unsigned *seen, struct err *err)
{
	struct span *const values[FIELDS] = {
		[FIELD_RECIPIENT] = &envelope->recipient,
		[FIELD_SENDER] = &envelope->sender,
		[FIELD_SESSION] = &envelope->session,
	};
	struct span value = line, name;
	unsigned i = 0;

	if (!is_quoted(line) || !span_take_until(&value, ':', &name))
		return err_set(err, ERR_INPUT, "envelope: bad line %s",
			       quote(line).text);
	value = span_trim(value);
	while (i < FIELDS && !span_equal(name, span_of(fields[i])))
		i++;
	if (i == FIELDS)
		return 0; /* of a later version */
	if ((*seen & 1u << i) != 0)
		return err_set(err, ERR_INPUT, "envelope: second %s",
			       fields[i]);
	*seen |= 1u << i;
	if (values[i] != NULL)
		*values[i] = value;
	else if (!read_time(value, &envelope->received))
		return err_set(err, ERR_INPUT, "envelope: bad time %s",
			       quote(value).text);
	return 0;
}

int report_envelope_parse(struct span text, struct report_envelope *envelope,
			  size_t *mail, struct err *err)
{
	const unsigned needed = 1u << FIELD_RECEIVED | 1u << FIELD_RECIPIENT;
	struct report_envelope found = { .received = 0 };
	struct span rest = text, line;
	unsigned seen = 0;

	if (rest.n > MAX_REPORT_ENVELOPE_BYTES)
		rest.n = MAX_REPORT_ENVELOPE_BYTES;
	if (!span_take_until(&rest, '\n', &line) ||
	    !span_equal(line, SPAN(MAGIC)))
		return err_set(err, ERR_INPUT, "envelope: no \"" MAGIC "\"");
	for (;;) {
		if (!span_take_until(&rest, '\n', &line))
			return err_set(err, ERR_INPUT, "envelope: no end");
		if (line.n == 0)
			break;
		if (read_field(line, &found, &seen, err) < 0)
			return -1;
	}
	if ((seen & needed) != needed || found.recipient.n == 0)
		return err_set(err, ERR_INPUT,
			       "envelope: no time or no recipient");
	*envelope = found;
	*mail = (size_t)(rest.p - text.p);
	return 0;
}

/* The first bytes of a file, with all of the envelope, in the arena. */
static int
read_head(int fd, struct arena *arena, struct span *head, struct err *err)
{
	char *p = arena_alloc(arena, MAX_REPORT_ENVELOPE_BYTES);
	size_t n = 0;

	if (p == NULL)
		return err_set(err, ERR_TEMP, "no memory");
	while (n < MAX_REPORT_ENVELOPE_BYTES) {
		ssize_t got = pread(fd, p + n, MAX_REPORT_ENVELOPE_BYTES - n,
				    (off_t)n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(err, ERR_TEMP, "envelope");
		n += (size_t)got;
		if (got == 0 || memmem(p, n, "\n\n", 2) != NULL)
			break;
	}
	*head = (struct span){ p, n };
	return 0;
}

static int open_in(int dir, const char *directory, const char *part,
		   struct span name, struct arena *arena,
		   struct report_envelope *envelope, off_t *mail,
		   struct err *err)
{
	char text[MAX_REPORT_NAME + 1];
	struct span head = { .p = NULL, .n = 0 };
	size_t end = 0;
	int fd;

	if (!spool_name_text(name, text))
		return spool_refuse_name(err, name);
	fd = spool_open_mail(dir, directory, part, text, err);
	if (fd < 0)
		return -1;
	if (read_head(fd, arena, &head, err) < 0 ||
	    report_envelope_parse(head, envelope, &end, err) < 0) {
		close(fd);
		return err_while(err, "%s/%s/%s", directory, part, text);
	}
	*mail = (off_t)end;
	return fd;
}

int report_spool_new(const char *directory, struct err *err)
{
	return spool_open_dir(directory, "new", err);
}

int report_spool_open(int new_fd, const char *directory, struct span name,
		      struct arena *arena, struct report_envelope *envelope,
		      off_t *mail, struct err *err)
{
	return open_in(new_fd, directory, "new", name, arena, envelope, mail,
		       err);
}

int report_spool_open_bad(const char *directory, struct span name,
			  struct arena *arena, struct report_envelope *envelope,
			  off_t *mail, struct err *err)
{
	int dir = spool_open_dir(directory, "bad", err);
	int fd;

	if (dir < 0)
		return -1;
	fd = open_in(dir, directory, "bad", name, arena, envelope, mail, err);
	close(dir);
	return fd;
}

/* ---------------------------------------------------------------- the end */

int report_spool_remove(int new_fd, const char *directory, struct span name,
			struct err *err)
{
	char text[MAX_REPORT_NAME + 1];

	if (!spool_name_text(name, text))
		return spool_refuse_name(err, name);
	if (unlinkat(new_fd, text, 0) < 0 && errno != ENOENT)
		return err_errno(err, ERR_TEMP, "%s/new/%s", directory, text);
	return 0;
}

/* One line, whatever the reason holds. Returns 0, or -1 with errno set. */
static int write_reason(int bad, const char *name, const char *reason)
{
	char text[sizeof(((struct err *)NULL)->text) + 1];
	int result = -1;
	size_t n;
	int fd;

	for (n = 0; n < sizeof(text) - 1 && reason[n] != '\0'; n++)
		text[n] = reason[n] < ' ' || reason[n] > '~' ? '?' : reason[n];
	text[n++] = '\n';
	fd = openat(bad, name,
		    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		    0640);
	if (fd < 0)
		return -1;
	if (write_all(fd, (struct span){ text, n }) == 0 && fdatasync(fd) == 0)
		result = 0;
	if (close(fd) < 0)
		result = -1;
	return result;
}

/* Returns 0, or -1 with errno set and no reason left behind. */
static int move_aside(int from, int bad, const char *name, const char *reason)
{
	char beside[MAX_REPORT_NAME + sizeof(".reason")];
	int saved;

	snprintf(beside, sizeof(beside), "%s.reason", name);
	if (write_reason(bad, beside, reason) == 0 &&
	    renameat(from, name, bad, name) == 0)
		return fsync(bad);
	saved = errno;
	unlinkat(bad, beside, 0);
	errno = saved;
	return -1;
}

int report_spool_set_aside(const char *directory, struct span name,
			   const char *reason, struct err *err)
{
	char text[MAX_REPORT_NAME + 1];
	int from = -1, bad = -1;
	int result = -1;

	if (!spool_name_text(name, text))
		return spool_refuse_name(err, name);
	from = spool_open_dir(directory, "new", err);
	if (from < 0)
		goto out;
	bad = spool_open_dir(directory, "bad", err);
	if (bad < 0)
		goto out;
	if (move_aside(from, bad, text, reason) < 0)
		err_errno(err, ERR_TEMP, "%s/bad/%s", directory, text);
	else
		result = 0;
out:
	if (bad >= 0)
		close(bad);
	if (from >= 0)
		close(from);
	return result;
}

static bool is_stale(int dir, const char *name, int64_t now)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && st.st_mtime < now - STALE_SECONDS;
}

int report_spool_clean(const char *directory, int64_t now, size_t *removed,
		       struct err *err)
{
	DIR *dir = spool_stream(directory, "tmp", err);
	struct span name;
	int result = -1;
	int more;

	if (dir == NULL)
		return -1;
	*removed = 0;
	while ((more = spool_next_name(dir, &name)) > 0) {
		if (!is_stale(dirfd(dir), name.p, now))
			continue;
		if (unlinkat(dirfd(dir), name.p, 0) < 0 && errno != ENOENT)
			goto out;
		(*removed)++;
	}
	result = more;
out:
	if (result < 0)
		err_errno(err, ERR_TEMP, "%s/tmp", directory);
	closedir(dir);
	return result;
}
