/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ingest_verdicts.c - closed segments of the verdict journal into the store
 *
 * A segment is read in chunks. The rows of a chunk and the new position are one
 * transaction; the file is removed after the transaction that says "done". So a
 * crash anywhere repeats nothing and loses nothing. Only a line that cannot be
 * read may stand in bad/ twice: it is put there just before the commit, since
 * twice is better than never.
 */
#include "edmarc/ingest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/log.h"
#include "base/quote.h"
#include "journal/entry.h"
#include "journal/verdicts.h"
#include "store/verdicts.h"

#define CHUNK_BYTES     ((size_t)1024 * 1024)
#define MAX_CHUNK_BAD   100 /* each is synced while the transaction waits */
#define LIST_BYTES      ((size_t)16 * 1024 * 1024)
#define LINE_BYTES      ((size_t)4 * 1024 * 1024) /* what a line becomes */
#define MAX_REASON_TEXT 300

struct bad_line {
	struct span line;
	char reason[MAX_REASON_TEXT];
};

/* The segment being loaded, and its chunk in hand. */
struct segment {
	struct ingest *ingest;
	const char *directory;
	struct span name;
	int fd;
	off_t size;
	struct segment_state state;
	/*
	 * The store refused a value in front of here: line by line until then,
	 * so that only the line at fault is set aside.
	 */
	int64_t careful_until;

	struct verdict_batch *batch;
	struct arena *line_arena;
	char *chunk;
	struct span rest; /* of the chunk */
	struct bad_line *bad;
	size_t n_bad;
	size_t n_lines;
	bool set_aside; /* the bad lines of this chunk are in bad/ */
};

static int fail(struct segment *s, struct err *err)
{
	return err_errno(err, ERR_TEMP, "%s/%s", s->directory, s->name.p);
}

static int64_t used(const struct segment *s)
{
	return s->rest.p - s->chunk;
}

/* ------------------------------------------------------------------ a chunk */

static void note_bad(struct segment *s, struct span line, const char *reason)
{
	struct bad_line *bad = &s->bad[s->n_bad++];

	bad->line = line;
	(void)snprintf(bad->reason, sizeof(bad->reason), "%s", reason);
}

static int read_chunk(struct segment *s, struct err *err)
{
	size_t n = 0;

	while (n < CHUNK_BYTES) {
		ssize_t k = pread(s->fd, s->chunk + n, CHUNK_BYTES - n,
				  s->state.position + (off_t)n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return fail(s, err);
		if (k == 0)
			break;
		n += (size_t)k;
	}
	if (n == 0 && s->state.position < s->size)
		return err_set(err, ERR_TEMP, "%s/%s: became shorter",
			       s->directory, s->name.p);
	s->rest = (struct span){ s->chunk, n };
	s->n_bad = 0;
	s->n_lines = 0;
	s->set_aside = false;
	verdict_batch_reset(s->batch);
	return 0;
}

/*
 * What is left has no newline. At the end of the file a writer died in the
 * middle of it; a whole chunk of it is no line of ours. Otherwise the next chunk
 * holds the rest.
 */
static void take_remainder(struct segment *s)
{
	bool at_end = s->state.position + used(s) + (off_t)s->rest.n >= s->size;

	if (s->rest.n == 0)
		return;
	if (at_end)
		note_bad(s, s->rest, "the line has no end");
	else if (used(s) == 0)
		note_bad(s, s->rest, "the line is too long");
	else
		return;
	s->rest.p += s->rest.n;
	s->rest.n = 0;
}

/* 1: counted or set aside, 0: the batch is full, -1. */
static int take_line(struct segment *s, struct span line, struct err *err)
{
	struct entry entry;

	arena_reset(s->line_arena);
	if (line.n == 0)
		return 1; /* left behind a torn line */
	if (line.n > MAX_ENTRY_BYTES) {
		note_bad(s, line, "the line is too long");
		return 1;
	}
	if (entry_parse(line, s->line_arena, &entry, err) == 0 &&
	    verdict_batch_add(s->batch, &entry, err) == 0) {
		s->n_lines++;
		return 1;
	}
	if (err->kind == ERR_LIMIT && s->n_lines > 0)
		return 0;
	if (err->kind == ERR_TEMP)
		return -1;
	note_bad(s, line, err->text);
	return 1;
}

/* refusal: why the first line is to be set aside without a look at it. */
static int
take_lines(struct segment *s, size_t max, const char *refusal, struct err *err)
{
	struct span line, before;
	int more = 1;

	if (read_chunk(s, err) < 0)
		return -1;
	while (s->n_lines + s->n_bad < max && s->n_bad < MAX_CHUNK_BAD) {
		before = s->rest;
		if (!span_take_until(&s->rest, '\n', &line)) {
			take_remainder(s);
			break;
		}
		if (refusal != NULL)
			note_bad(s, line, refusal);
		else
			more = take_line(s, line, err);
		if (more < 0)
			return -1;
		if (more == 0) {
			s->rest = before;
			break;
		}
	}
	return 0;
}

/* One transaction. */
static int store_chunk(struct database *db, void *context, struct err *err)
{
	struct segment *s = context;
	struct segment_step step = {
		.name = s->name,
		.from = s->state.position,
		.to = s->state.position + used(s),
		.lines = (int64_t)s->n_lines,
		.bad = (int64_t)s->n_bad,
		.now = (int64_t)time(NULL),
	};
	size_t i;

	step.done = step.to >= s->size;
	if (verdict_batch_store(db, s->batch, err) < 0 ||
	    segment_move(db, &step, err) < 0)
		return -1;
	for (i = 0; !s->set_aside && i < s->n_bad; i++)
		if (verdicts_set_aside(s->directory, s->name.p, s->bad[i].line,
				       s->bad[i].reason, err) < 0)
			return -1;
	s->set_aside = true;
	return 0;
}

static int finish_chunk(struct segment *s, struct err *err)
{
	size_t i;

	if (database_transaction(s->ingest->db, store_chunk, s, err) < 0)
		return -1;
	s->state.position += used(s);
	s->state.done = s->state.position >= s->size;
	s->ingest->count.lines += s->n_lines;
	s->ingest->count.bad_lines += s->n_bad;
	for (i = 0; i < s->n_bad; i++)
		log_warning("verdict line set aside: segment=%s reason=%s",
			    s->name.p, s->bad[i].reason);
	return 0;
}

static int load_chunk(struct segment *s, struct err *err)
{
	bool careful = s->state.position < s->careful_until;
	char reason[MAX_REASON_TEXT];

	if (take_lines(s, careful ? 1 : MAX_BATCH_ENTRIES, NULL, err) < 0)
		return -1;
	if (finish_chunk(s, err) == 0)
		return 0;
	if (err->kind != ERR_INPUT)
		return -1;
	if (!careful) {
		s->careful_until = s->state.position + used(s);
		return 0;
	}
	(void)snprintf(reason, sizeof(reason), "%s", err->text);
	if (take_lines(s, 1, reason, err) < 0)
		return -1;
	return finish_chunk(s, err);
}

/* ---------------------------------------------------------------- a segment */

static int open_segment(struct segment *s, struct err *err)
{
	char path[PATH_MAX];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/%s", s->directory, s->name.p) >=
	    (int)sizeof(path))
		return err_set(err, ERR_CONFIG, "%s: name too long",
			       s->directory);
	/* NONBLOCK: a FIFO of that name must not hold us. */
	s->fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (s->fd < 0 || fstat(s->fd, &st) < 0)
		return fail(s, err);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_TEMP, "%s: not a file", path);
	s->size = st.st_size;
	if (segment_find(s->ingest->db, s->name, &s->state, err) < 0)
		return -1;
	if (s->state.position <= s->size)
		return 0;
	return err_set(err, ERR_TEMP,
		       "%s: %lld bytes, but %lld were loaded from it", path,
		       (long long)s->size, (long long)s->state.position);
}

static int remove_segment(struct segment *s, struct err *err)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%s", s->directory, s->name.p);
	if (unlink(path) < 0 && errno != ENOENT)
		return fail(s, err);
	return 0;
}

static int load_segment(struct segment *s, struct err *err)
{
	int result = -1;

	s->fd = -1;
	s->careful_until = 0;
	if (open_segment(s, err) < 0)
		goto out;
	while (!s->state.done) {
		if (ingest_stopping(s->ingest)) {
			result = 0;
			goto out;
		}
		if (load_chunk(s, err) < 0)
			goto out;
	}
	result = remove_segment(s, err);
out:
	if (s->fd >= 0)
		close(s->fd);
	return result;
}

/* -------------------------------------------------------------- all of them */

static int prepare(struct segment *s, struct arena *arena, struct err *err)
{
	s->chunk = arena_alloc(arena, CHUNK_BYTES);
	s->bad = arena_array(arena, MAX_CHUNK_BAD + 1, sizeof(*s->bad));
	s->line_arena = arena_new(LINE_BYTES);
	s->batch = verdict_batch_new();
	if (s->chunk == NULL || s->bad == NULL || s->line_arena == NULL ||
	    s->batch == NULL)
		return err_set(err, ERR_TEMP, "out of memory");
	verdict_batch_by_recipient(s->batch, s->ingest->settings->envelope_to);
	return 0;
}

/* 1 when there may be more than could be listed, 0, -1. */
static int load_segments(struct segment *s, struct err *err)
{
	struct arena *arena = arena_new(LIST_BYTES);
	struct span *names;
	int result = -1;
	size_t n, i;

	if (arena == NULL)
		return err_set(err, ERR_TEMP, "out of memory");
	if (verdicts_segments(s->directory, arena, &names, &n, err) < 0)
		goto out;
	for (i = 0; i < n && !ingest_stopping(s->ingest); i++) {
		s->name = names[i];
		if (load_segment(s, err) < 0 &&
		    ingest_failed(s->ingest, err) < 0)
			goto out;
	}
	result = n == MAX_VERDICT_SEGMENTS && s->ingest->failures == 0 &&
		 !ingest_stopping(s->ingest);
out:
	arena_free(&arena);
	return result;
}

int ingest_verdicts(struct ingest *ingest, struct err *err)
{
	struct segment s = {
		.ingest = ingest,
		.directory = ingest->settings->verdict_spool,
	};
	struct arena *arena = arena_new(2 * CHUNK_BYTES);
	int more = -1;

	if (arena == NULL) {
		err_set(err, ERR_TEMP, "out of memory");
		goto out;
	}
	if (prepare(&s, arena, err) < 0 ||
	    (verdicts_rotate(s.directory, ingest->host, (int64_t)time(NULL),
			     err) < 0 &&
	     ingest_failed(ingest, err) < 0))
		goto out;
	do {
		more = load_segments(&s, err);
	} while (more > 0);
out:
	verdict_batch_free(&s.batch);
	arena_free(&s.line_arena);
	arena_free(&arena);
	return more;
}
