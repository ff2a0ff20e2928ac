/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema_compare.c - are the tables those that the steps make?
 *
 * The steps run a second time with temporary tables, which hide the real ones from
 * this connection, and the server describes both in its own words. No step is
 * parsed, but for the names of its tables.
 */
#include "store/schema.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"

#define MAX_SQL_BYTES ((size_t)1024 * 1024)
#define MAX_TABLES    100
#define MAKE_TABLE    "CREATE TABLE IF NOT EXISTS "

struct table {
	struct span name;
	struct span
		made; /* how the server describes it; p == NULL: not there */
};

struct comparison {
	struct database *db;
	struct arena *arena;
	struct table table[MAX_TABLES];
	size_t n;
};

/* "`column` type ..." or "KEY ..."; a comment makes no difference. */
static struct span plain_line(struct span line)
{
	static const char mark[] = " COMMENT '";
	const char *comment;

	line = span_trim(line);
	comment = line.n == 0 ? NULL :
				memmem(line.p, line.n, mark, sizeof(mark) - 1);
	if (comment != NULL)
		line.n = (size_t)(comment - line.p);
	if (line.n > 0 && line.p[line.n - 1] == ',')
		line.n--;
	return line;
}

static bool has_line(struct span text, struct span wanted)
{
	struct span line;

	while (span_take_line(&text, &line))
		if (span_equal(plain_line(line), wanted))
			return true;
	return false;
}

/* p == NULL when there is no such table. */
static int describe(struct comparison *job, struct span name, struct span *made,
		    struct err *err)
{
	struct err why = ERR_INIT;
	struct db_rows *rows;
	char sql[200];
	int more;

	*made = (struct span){ NULL, 0 };
	(void)snprintf(sql, sizeof(sql), "SHOW CREATE TABLE %.*s",
		       SPAN_ARGS(name));
	if (database_lookup(job->db, sql, NULL, 0, &rows, &why) < 0) {
		if (why.kind == ERR_CONFIG)
			return 0;
		*err = why;
		return -1;
	}
	more = db_rows_next(rows, err);
	if (more > 0)
		*made = arena_copy(job->arena, db_rows_text(rows, 1));
	db_rows_free(&rows);
	if (more > 0 && made->p == NULL)
		return err_set(err, ERR_TEMP, "out of memory");
	return more < 0 ? -1 : 0;
}

static int note_table(struct comparison *job, struct span name, struct err *err)
{
	struct table *table = &job->table[job->n];

	if (job->n == MAX_TABLES)
		return err_set(err, ERR_CONFIG, "more than %d tables",
			       MAX_TABLES);
	table->name = arena_copy(job->arena, name);
	if (table->name.p == NULL)
		return err_set(err, ERR_TEMP, "out of memory");
	job->n++;
	return describe(job, table->name, &table->made, err);
}

/* The tables of a step, and the same step for temporary ones. */
static int make_temporary(struct comparison *job, struct span sql,
			  struct buf *out, struct err *err)
{
	struct span line, rest, name;

	while (span_take_line(&sql, &line)) {
		if (span_starts(line, MAKE_TABLE)) {
			line.p += strlen(MAKE_TABLE);
			line.n -= strlen(MAKE_TABLE);
			rest = line;
			if (!span_take_until(&rest, ' ', &name))
				name = rest;
			if (note_table(job, name, err) < 0)
				return -1;
			buf_add_string(out, "CREATE TEMPORARY TABLE ");
		}
		buf_add(out, line);
		buf_add_char(out, '\n');
	}
	return buf_ok(out) ? 0 : err_set(err, ERR_TEMP, "out of memory");
}

static int read_step(const char *directory, const struct schema_step *step,
		     struct buf *sql, struct err *err)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", directory, step->file) >=
	    (int)sizeof(path))
		return err_set(err, ERR_CONFIG, "%s: name too long", directory);
	return file_read(path, sql, err);
}

static int run_step(struct comparison *job, const char *directory,
		    const struct schema_step *step, struct err *err)
{
	struct buf sql = BUF_INIT(MAX_SQL_BYTES);
	struct buf temporary = BUF_INIT(2 * MAX_SQL_BYTES);
	int result = -1;

	if (read_step(directory, step, &sql, err) == 0 &&
	    make_temporary(job, buf_span(&sql), &temporary, err) == 0)
		result = database_script(job->db, buf_span(&temporary), err);
	buf_release(&temporary);
	buf_release(&sql);
	return result;
}

/* line: what it lacks. */
static int differs(const struct table *table, struct span line, struct err *err)
{
	return err_set(
		err, ERR_CONFIG,
		"table %.*s of an earlier development version has no "
		"%.*s. To begin anew with it: DROP TABLE IF EXISTS %.*s; "
		"DELETE FROM schema_step; and edmarc setup --database",
		SPAN_ARGS(table->name), SPAN_ARGS(line),
		SPAN_ARGS(table->name));
}

/* Whatever an administrator has added does no harm. */
static int compare_table(struct comparison *job, const struct table *table,
			 struct err *err)
{
	struct span wanted, line;

	if (describe(job, table->name, &wanted, err) < 0)
		return -1;
	if (table->made.p == NULL)
		return err_set(err, ERR_CONFIG,
			       "table %.*s is not there, though its step is "
			       "noted. To make it: DELETE FROM schema_step; "
			       "and edmarc setup --database",
			       SPAN_ARGS(table->name));
	/* The first line has its name, the last one its engine. */
	(void)span_take_line(&wanted, &line);
	while (span_take_line(&wanted, &line) && !span_starts(line, ")"))
		if (!has_line(table->made, plain_line(line)))
			return differs(table, plain_line(line), err);
	return 0;
}

static int drop_temporary(struct comparison *job, struct err *err)
{
	char sql[200];
	size_t i;

	for (i = 0; i < job->n; i++) {
		(void)snprintf(sql, sizeof(sql),
			       "DROP TEMPORARY TABLE IF EXISTS %.*s",
			       SPAN_ARGS(job->table[i].name));
		if (database_script(job->db, span_of(sql), err) < 0)
			return -1;
	}
	return 0;
}

int schema_compare(struct database *db, const char *directory,
		   const struct schema_step *steps, size_t n,
		   struct arena *arena, struct err *err)
{
	struct comparison job = { .db = db, .arena = arena };
	int result = 0;
	size_t i;

	for (i = 0; result == 0 && i < n; i++)
		result = run_step(&job, directory, &steps[i], err);
	for (i = 0; result == 0 && i < job.n; i++)
		result = compare_table(&job, &job.table[i], err);
	if (result < 0)
		return -1;
	return drop_temporary(&job, err);
}
