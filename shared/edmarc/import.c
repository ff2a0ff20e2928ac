/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/import.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"
#include "edmarc/mbox.h"
#include "journal/report_spool.h"
#include "store/mails.h"

/*
 * So many are looked for, and looked up in the database, at a time. Meanwhile the
 * parsers work off their queues.
 */
#define FIND_MAILS 64

#define NAME_HASH_BYTES 16 /* as everywhere in the store */
#define NAME_BYTES      (sizeof(IMPORTED_NAME) + 2 * (size_t)NAME_HASH_BYTES)

/* Of the memory for a mail, what is kept for the next one. */
#define KEEP_BYTES ((size_t)1024 * 1024)

/* A directory with new/ and cur/, in fts_number. */
#define IS_MAILDIR 1

struct import_mail {
	struct source_mail mail; /* the label is ours to free */
	char name[NAME_BYTES];
	char *path;
	bool in_mbox;
	off_t offset;
	uint64_t bytes; /* of the file */
	int64_t received;
	char sender[256];
};

struct import {
	struct mail_source source;
	struct ingest *ingest;
	struct progress progress;
	FTS *walk;
	bool walked;

	/* The mbox that is being read; fd is -1 without one. */
	struct mbox mbox;
	char *mbox_path;
	int64_t mbox_time;
	unsigned mbox_mails;

	/* Found, but not given out. */
	struct import_mail *found[FIND_MAILS];
	size_t n_found;
	size_t given;

	void *all; /* tree of the mails on their way, by name */
	struct buf text;
	struct mbox again; /* to read a mail of an mbox once more */
};

static struct import *import_of(struct mail_source *source)
{
	/* source is the first member */
	return (struct import *)(void *)source;
}

static struct import_mail *import_mail_of(struct source_mail *mail)
{
	/* so is mail */
	return (struct import_mail *)(void *)mail;
}

static int no_memory(struct err *err)
{
	return err_set(err, ERR_TEMP, "out of memory");
}

struct progress *import_progress(struct import *import)
{
	return &import->progress;
}

struct mail_source *import_source(struct import *import)
{
	return &import->source;
}

/* ------------------------------------------------------------- mails on the way */

static int by_name(const void *a, const void *b)
{
	const struct import_mail *left = a, *right = b;

	return strcmp(left->name, right->name);
}

static void free_mail(void *given)
{
	struct import_mail *mail = given;

	free((char *)(uintptr_t)mail->mail.label);
	free(mail->path);
	free(mail);
}

static void forget_mail(struct import *import, struct import_mail *mail)
{
	tdelete(mail, &import->all, by_name);
	free_mail(mail);
}

static void name_text(struct span text, char name[NAME_BYTES])
{
	struct sha256 hash = sha256(text);
	size_t i, n = sizeof(IMPORTED_NAME) - 1;

	memcpy(name, IMPORTED_NAME, n);
	for (i = 0; i < NAME_HASH_BYTES; i++)
		(void)snprintf(name + n + 2 * i, 3, "%02x", hash.bytes[i]);
}

/* ------------------------------------------------------------------- what to say */

static void count_bytes(struct import *import, uint64_t bytes)
{
	import->progress.bytes += bytes;
	progress_look(&import->progress);
}

/* What cannot be a mail, or cannot be read: there is nothing to store. */
static void refuse(struct import *import, const char *label, const char *reason)
{
	progress_clear(&import->progress);
	log_warning("%s: %s", label, reason);
	import->progress.mails++;
	import->progress.rejected++;
}

static void count_known(struct import *import, const struct import_mail *mail)
{
	import->progress.mails++;
	import->progress.duplicates++;
	count_bytes(import, mail->bytes);
}

static void
count_outcome(struct progress *progress, const struct mail_outcome *outcome)
{
	progress->mails++;
	switch (ingest_fate(outcome)) {
	case FATE_STORED:
		progress->stored++;
		break;
	case FATE_DUPLICATE:
		progress->duplicates++;
		break;
	case FATE_PARTIAL:
		progress->partial++;
		break;
	case FATE_REJECTED:
		progress->rejected++;
		break;
	}
}

/* --------------------------------------------------------------- finding them */

/* import->text is a mail; takes over what mail holds, whatever happens. */
static int
add_mail(struct import *import, struct import_mail *mail, struct err *err)
{
	struct import_mail *const *there;

	name_text(buf_span(&import->text), mail->name);
	mail->mail.name = span_of(mail->name);
	there = tsearch(mail, &import->all, by_name);
	if (there == NULL) {
		free_mail(mail);
		return no_memory(err);
	}
	if (*there != mail) {
		count_known(import, mail);
		free_mail(mail);
		return 0;
	}
	import->found[import->n_found++] = mail;
	return 0;
}

/* A mail of that file; number is 0 when it is the whole file. */
static struct import_mail *new_mail(const char *path, unsigned number)
{
	struct import_mail *mail = calloc(1, sizeof(*mail));
	char *label = NULL;

	if (mail == NULL)
		return NULL;
	mail->path = strdup(path);
	if (number == 0)
		label = strdup(path);
	else if (asprintf(&label, "%s, mail %u", path, number) < 0)
		label = NULL;
	mail->mail.label = label;
	mail->in_mbox = number > 0;
	if (mail->path != NULL && label != NULL)
		return mail;
	free_mail(mail);
	return NULL;
}

static void shrink(struct buf *text)
{
	if (text->room > KEEP_BYTES)
		buf_release(text);
	else
		buf_reset(text);
}

static void close_mbox(struct import *import)
{
	close(import->mbox.fd);
	import->mbox.fd = -1;
	free(import->mbox_path);
	import->mbox_path = NULL;
}

/* The next mail of the mbox. */
static int find_in_mbox(struct import *import, struct err *err)
{
	off_t begin = import->mbox.offset;
	struct mbox_mail found;
	struct import_mail *mail;
	uint64_t bytes;
	int more = mbox_next(&import->mbox, &found, &import->text, err);

	if (more < 0) {
		refuse(import, import->mbox_path, err->text);
		*err = (struct err)ERR_INIT;
	}
	if (more <= 0) {
		close_mbox(import);
		return 0;
	}
	mail = new_mail(import->mbox_path, ++import->mbox_mails);
	if (mail == NULL)
		return no_memory(err);
	bytes = (uint64_t)(import->mbox.offset - begin);
	mail->offset = found.offset;
	mail->bytes = bytes;
	mail->received = import->mbox_time;
	memcpy(mail->sender, found.sender, sizeof(mail->sender));
	if (!found.too_long)
		return add_mail(import, mail, err);
	refuse(import, mail->mail.label, "longer than a mail may be");
	count_bytes(import, bytes);
	free_mail(mail);
	return 0;
}

static bool begins_mbox(int fd)
{
	char line[MAX_MBOX_FROM_LINE + 1];
	ssize_t n = pread(fd, line, sizeof(line), 0);
	struct span text = { line, n < 0 ? 0 : (size_t)n }, first;

	return span_take_line(&text, &first) && mbox_is_from_line(first);
}

/* A regular file, open; -1 with errno. */
static int open_file(const char *path, bool follow, struct stat *status)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY |
				    (follow ? 0 : O_NOFOLLOW));

	if (fd < 0)
		return -1;
	if (fstat(fd, status) == 0 && S_ISREG(status->st_mode))
		return fd;
	close(fd);
	errno = EINVAL;
	return -1;
}

static int
read_whole(int fd, const char *path, struct buf *text, struct err *err)
{
	shrink(text);
	return file_read_fd(fd, path, text, err);
}

/* One mail, or the beginning of many. */
static int find_in_file(struct import *import, const char *path, int fd,
			const struct stat *status, struct err *err)
{
	struct import_mail *mail;

	if (begins_mbox(fd)) {
		import->mbox_path = strdup(path);
		if (import->mbox_path == NULL)
			return no_memory(err);
		mbox_start(&import->mbox, fd, 0);
		import->mbox_time = status->st_mtime;
		import->mbox_mails = 0;
		return 1;
	}
	if (read_whole(fd, path, &import->text, err) < 0) {
		refuse(import, path,
		       err->kind == ERR_LIMIT ? "longer than a mail may be" :
						err->text);
		*err = (struct err)ERR_INIT;
		count_bytes(import, (uint64_t)status->st_size);
		return 0;
	}
	mail = new_mail(path, 0);
	if (mail == NULL)
		return no_memory(err);
	mail->bytes = (uint64_t)status->st_size;
	mail->received = status->st_mtime;
	return add_mail(import, mail, err);
}

static int
take_file(struct import *import, const FTSENT *entry, struct err *err)
{
	struct stat status;
	int fd = open_file(entry->fts_accpath, entry->fts_level == 0, &status);
	int result;

	if (fd < 0) {
		refuse(import, entry->fts_path,
		       errno == EINVAL ? "not a regular file" :
					 strerror(errno));
		return 0;
	}
	result = find_in_file(import, entry->fts_path, fd, &status, err);
	if (result <= 0)
		close(fd);
	return result < 0 ? -1 : 0;
}

static bool has_directory(const char *path, const char *name)
{
	char text[4096];
	struct stat status;

	return snprintf(text, sizeof(text), "%s/%s", path, name) <
		       (int)sizeof(text) &&
	       lstat(text, &status) == 0 && S_ISDIR(status.st_mode);
}

/*
 * Is it to be left out? Of a Maildir, everything is but its mails and folders,
 * whose names begin with a dot; elsewhere, what begins so.
 */
static bool is_left_out(const FTSENT *entry)
{
	if (entry->fts_level == 0)
		return false;
	if (entry->fts_parent->fts_number == IS_MAILDIR)
		return entry->fts_info == FTS_F ||
		       strcmp(entry->fts_name, "tmp") == 0;
	return entry->fts_name[0] == '.';
}

/* Mark it, if it is one. Its "tmp" holds what is not delivered yet. */
static void enter_directory(FTSENT *entry)
{
	if (has_directory(entry->fts_path, "new") &&
	    has_directory(entry->fts_path, "cur"))
		entry->fts_number = IS_MAILDIR;
}

/* Go on in the paths: 1 with a regular file, 0 with something else, -1 at the end */
static int walk_on(FTS *walk, FTSENT **found, int *why)
{
	FTSENT *entry = fts_read(walk);

	*why = 0;
	*found = entry;
	if (entry == NULL)
		return -1;
	if (is_left_out(entry)) {
		if (entry->fts_info == FTS_D)
			(void)fts_set(walk, entry, FTS_SKIP);
		return 0;
	}
	switch (entry->fts_info) {
	case FTS_D:
		enter_directory(entry);
		return 0;
	case FTS_F:
		return 1;
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		*why = entry->fts_errno;
		return 0;
	case FTS_DEFAULT:
	case FTS_SLNONE:
		/* Sockets and devices: only who was named is told so. */
		*why = entry->fts_level == 0 ? EINVAL : 0;
		return 0;
	default:
		return 0;
	}
}

static int find_on(struct import *import, struct err *err)
{
	FTSENT *entry;
	int why = 0;
	int result;

	if (import->mbox.fd >= 0)
		return find_in_mbox(import, err);
	errno = 0;
	result = walk_on(import->walk, &entry, &why);
	if (result > 0)
		return take_file(import, entry, err);
	if (result < 0 && errno != 0)
		return err_errno(err, ERR_TEMP, "the files to be imported");
	import->walked = result < 0;
	if (why != 0)
		refuse(import, entry->fts_path,
		       why == EINVAL ? "not a regular file" : strerror(why));
	return 0;
}

/* Those that the store has are done. */
static int drop_known(struct import *import, struct err *err)
{
	struct span names[FIND_MAILS];
	bool loaded[FIND_MAILS];
	size_t i, n = 0;

	for (i = 0; i < import->n_found; i++)
		names[i] = import->found[i]->mail.name;
	if (import->n_found > 0 &&
	    mails_loaded(import->ingest->db, names, import->n_found, loaded,
			 err) < 0)
		return -1;
	for (i = 0; i < import->n_found; i++) {
		if (!loaded[i]) {
			names[n] = names[i];
			import->found[n++] = import->found[i];
			continue;
		}
		count_known(import, import->found[i]);
		forget_mail(import, import->found[i]);
	}
	import->n_found = n;
	if (n == 0)
		return 0;
	return mail_leftovers_drop(import->ingest->db, names, n,
				   (int64_t)time(NULL), err);
}

static int find_mails(struct import *import, struct err *err)
{
	import->n_found = 0;
	import->given = 0;
	while (import->n_found < FIND_MAILS && !import->walked &&
	       !ingest_stopping(import->ingest))
		if (find_on(import, err) < 0)
			return -1;
	return drop_known(import, err);
}

/* -------------------------------------------------------------------- the source */

static int import_next(struct mail_source *source, struct source_mail **mail,
		       struct err *err)
{
	struct import *import = import_of(source);

	while (import->given == import->n_found) {
		if (import->walked || ingest_stopping(import->ingest))
			return 0;
		if (find_mails(import, err) < 0)
			return -1;
	}
	*mail = &import->found[import->given++]->mail;
	return 1;
}

/* Read it once more; 0, or -1. */
static int read_again(struct import *import, const struct import_mail *mail,
		      struct err *err)
{
	struct mbox_mail found;
	struct stat status;
	int fd = open_file(mail->path, true, &status);
	int result;

	if (fd < 0)
		return err_errno(err, ERR_TEMP, "%s", mail->path);
	if (mail->in_mbox) {
		mbox_start(&import->again, fd, mail->offset);
		shrink(&import->text);
		result = mbox_next(&import->again, &found, &import->text, err);
		if (result == 0)
			result = err_set(err, ERR_TEMP, "cut off");
	} else {
		result = read_whole(fd, mail->path, &import->text, err);
	}
	close(fd);
	return result < 0 ? -1 : 0;
}

/* A copy that nobody changes. */
static int copy_text(struct span text, struct err *err)
{
	int fd = memfd_create("mail", MFD_CLOEXEC);

	if (fd < 0)
		return err_errno(err, ERR_TEMP, "memory for a mail");
	if (write_all(fd, text) == 0)
		return fd;
	err_errno(err, ERR_TEMP, "memory for a mail");
	close(fd);
	return -1;
}

static int import_open(struct mail_source *source, struct source_mail *given,
		       struct arena *arena, struct mail_envelope *envelope,
		       off_t *offset, struct err *err)
{
	struct import *import = import_of(source);
	struct import_mail *mail = import_mail_of(given);
	char name[NAME_BYTES];

	if (read_again(import, mail, err) < 0) {
		/* Nothing here is the mail's own fault. */
		err->kind = ERR_TEMP;
		return -1;
	}
	name_text(buf_span(&import->text), name);
	if (strcmp(name, mail->name) != 0)
		return err_set(err, ERR_TEMP, "changed while it was read");
	*offset = 0;
	envelope->received = mail->received;
	envelope->recipient = SPAN("");
	envelope->sender = arena_copy(arena, span_of(mail->sender));
	return copy_text(buf_span(&import->text), err);
}

static int import_done(struct mail_source *source, struct source_mail *given,
		       const struct mail_envelope *envelope,
		       const struct mail_outcome *outcome, struct err *err)
{
	struct import *import = import_of(source);
	struct import_mail *mail = import_mail_of(given);

	(void)envelope;
	(void)err;
	if (!outcome->stored_before && outcome->set_aside) {
		progress_clear(&import->progress);
		log_warning("%s: %s", given->label, outcome->reason);
	}
	count_outcome(&import->progress, outcome);
	count_bytes(import, mail->bytes);
	forget_mail(import, mail);
	return 0;
}

/* ----------------------------------------------------------------- begin and end */

static int by_path(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static FTS *open_walk(char **paths, struct err *err)
{
	FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR,
			     by_path);

	if (walk == NULL)
		err_errno(err, ERR_TEMP, "the files to be imported");
	return walk;
}

/* How much there is, for the estimate. Faults are told when it is read. */
static int measure(struct import *import, char **paths, struct err *err)
{
	FTS *walk = open_walk(paths, err);
	FTSENT *entry;
	int result, why;

	if (walk == NULL)
		return -1;
	while ((result = walk_on(walk, &entry, &why)) >= 0 &&
	       !ingest_stopping(import->ingest))
		if (result > 0)
			import->progress.total_bytes +=
				(uint64_t)entry->fts_statp->st_size;
	fts_close(walk);
	return 0;
}

int import_new(struct ingest *ingest, char **paths, struct import **import,
	       struct err *err)
{
	struct import *new = calloc(1, sizeof(*new));

	*import = new;
	if (new == NULL)
		return no_memory(err);
	new->source = (struct mail_source){ .next = import_next,
					    .open = import_open,
					    .done = import_done };
	new->ingest = ingest;
	new->mbox.fd = -1;
	new->text = (struct buf)BUF_INIT(MAX_REPORT_MAIL_BYTES);
	progress_start(&new->progress);
	if (!new->progress.shown || measure(new, paths, err) == 0)
		new->walk = open_walk(paths, err);
	if (new->walk != NULL)
		return 0;
	import_free(import);
	return -1;
}

void import_free(struct import **import)
{
	if (*import == NULL)
		return;
	progress_clear(&(*import)->progress);
	if ((*import)->mbox.fd >= 0)
		close_mbox(*import);
	if ((*import)->walk != NULL)
		fts_close((*import)->walk);
	tdestroy((*import)->all, free_mail);
	buf_release(&(*import)->text);
	free(*import);
	*import = NULL;
}
