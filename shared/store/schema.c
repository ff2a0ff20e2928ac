/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/schema.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"

#define MAX_SQL_BYTES ((size_t)1024 * 1024)

/* "001-tables.sql" -> 1; 0 for files that are no steps. */
static int step_number(const char *file)
{
	struct span name = span_of(file), digits;
	uint64_t number;

	if (!span_ends(name, ".sql") || !span_take_until(&name, '-', &digits) ||
	    digits.n != 3 || !span_to_uint(digits, MAX_SCHEMA_STEP, &number))
		return 0;
	return (int)number;
}

static int take_file(struct schema_step *steps, const char *file,
		     struct arena *arena, struct err *err)
{
	int number = step_number(file);

	if (number == 0)
		return 0;
	if (steps[number].file != NULL)
		return err_set(err, ERR_CONFIG, "two steps %03d: %s and %s",
			       number, steps[number].file, file);
	steps[number].number = number;
	steps[number].file = arena_copy(arena, span_of(file)).p;
	if (steps[number].file == NULL)
		return err_set(err, ERR_TEMP, "out of memory");
	return 0;
}

static int read_directory(DIR *dir, struct schema_step *steps,
			  struct arena *arena, struct err *err)
{
	struct dirent *entry;

	while ((errno = 0, entry = readdir(dir)) != NULL)
		if (take_file(steps, entry->d_name, arena, err) < 0)
			return -1;
	return errno != 0 ? err_errno(err, ERR_CONFIG, "readdir") : 0;
}

int schema_steps(const char *directory, struct arena *arena,
		 struct schema_step **steps, size_t *n, struct err *err)
{
	struct schema_step *found =
		arena_array(arena, MAX_SCHEMA_STEP + 2, sizeof(*found));
	DIR *dir = opendir(directory);
	int result;
	size_t i;

	if (dir == NULL)
		return err_errno(err, ERR_CONFIG, "%s", directory);
	result = found == NULL ? err_set(err, ERR_TEMP, "out of memory") :
				 read_directory(dir, found, arena, err);
	closedir(dir);
	if (result < 0)
		return err_while(err, "%s", directory);
	for (*n = 0; found[*n + 1].file != NULL; (*n)++)
		;
	if (*n == 0)
		return err_set(err, ERR_CONFIG, "%s: no step 001-NAME.sql",
			       directory);
	for (i = *n + 1; i <= MAX_SCHEMA_STEP; i++)
		if (found[i].file != NULL)
			return err_set(err, ERR_CONFIG,
				       "%s: no step %03zu before %s", directory,
				       *n + 1, found[i].file);
	*steps = found + 1;
	return 0;
}

int schema_prepare(struct database *db, struct err *err)
{
	return database_script(
		db,
		SPAN("CREATE TABLE IF NOT EXISTS schema_step ("
		     "step INT NOT NULL, name VARCHAR(100) NOT NULL, "
		     "applied_at BIGINT NOT NULL, PRIMARY KEY (step)"
		     ") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 "
		     "COLLATE=utf8mb4_bin"),
		err);
}

static int run_file(struct database *db, const char *directory,
		    const char *file, struct err *err)
{
	struct buf sql = BUF_INIT(MAX_SQL_BYTES);
	char path[PATH_MAX];
	int result = -1;

	if (snprintf(path, sizeof(path), "%s/%s", directory, file) >=
	    (int)sizeof(path))
		return err_set(err, ERR_CONFIG, "%s: name too long", directory);
	if (file_read(path, &sql, err) < 0)
		err->kind = ERR_CONFIG;
	else if (database_script(db, buf_span(&sql), err) < 0)
		err_while(err, "%s", path);
	else
		result = 0;
	buf_release(&sql);
	return result;
}

int schema_apply(struct database *db, const char *directory,
		 const struct schema_step *step, int64_t now, bool *applied,
		 struct err *err)
{
	struct db_value values[] = { db_int(step->number),
				     db_string(step->file), db_int(now) };
	int64_t found;

	*applied = false;
	if (database_number(db,
			    "SELECT COUNT(*) FROM schema_step WHERE step = ?",
			    values, 1, &found, err) < 0)
		return -1;
	if (found > 0)
		return 0;
	if (run_file(db, directory, step->file, err) < 0 ||
	    database_run(db,
			 "INSERT INTO schema_step (step, name, applied_at) "
			 "VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE step = step",
			 values, 3, NULL, err) < 0)
		return -1;
	*applied = true;
	return 0;
}

int schema_grant(struct database *db, const char *directory, struct err *err)
{
	return run_file(db, directory, "grants.sql", err);
}

int schema_noted(struct database *db, int64_t *n, struct err *err)
{
	return database_number(db, "SELECT MAX(step) FROM schema_step", NULL, 0,
			       n, err);
}

int schema_check(struct database *db, struct err *err)
{
	int64_t step;

	if (schema_noted(db, &step, err) < 0) {
		if (err->kind == ERR_CONFIG)
			err_while(err, "run edmarc setup --database");
		return -1;
	}
	if (step >= SCHEMA_STEP)
		return 0;
	return err_set(err, ERR_CONFIG,
		       "the tables are at step %d, this program needs %d: run "
		       "edmarc setup --database",
		       (int)step, SCHEMA_STEP);
}
