/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/suppressions.h"

#include <stdlib.h>
#include <string.h>

#include "base/utc.h"
#include "report/address.h"
#include "store/bounces.h"
#include "store/columns.h"

#define EXPIRE_ROWS "1000"
#define REASON      1000 /* characters */

/* More labels than that are in no name. */
#define MAX_CANDIDATE_LABELS 128

const char *suppression_origin_name(enum suppression_origin origin)
{
	static const char *const names[] = {
		[SUPPRESSED_BY_BOUNCE] = "bounce",
		[SUPPRESSED_BY_HAND] = "manual",
	};

	return names[origin];
}

/* A copy in lower case; p is NULL without memory. */
static struct span lower(struct span text, struct arena *arena)
{
	char *copy = arena_alloc(arena, text.n + 1);
	size_t i;

	if (copy == NULL)
		return (struct span){ .p = NULL, .n = 0 };
	for (i = 0; i < text.n; i++)
		copy[i] = ascii_lower(text.p[i]);
	return (struct span){ copy, text.n };
}

/* ------------------------------------------------------------------- changes */

int suppression_add(struct database *db, struct span pattern,
		    struct span reason, int64_t until, int64_t now,
		    struct err *err)
{
	struct arena *arena = arena_new((size_t)64 * 1024);
	struct db_value values[] = { db_text(pattern), db_text(reason),
				     db_int(now), db_int(until) };
	int result = -1;

	if (arena != NULL)
		values[1] = db_text(column_text(arena, reason, REASON));
	if (arena == NULL || values[1].bytes.p == NULL)
		err_set(err, ERR_TEMP, "out of memory");
	else
		result = database_run(
			db,
			"REPLACE INTO suppression (pattern, origin, reason, "
			"bounces, added_at, until_at, tried_at) "
			"VALUES (?, 'manual', ?, 0, ?, ?, 0)",
			values, sizeof(values) / sizeof(values[0]), NULL, err);
	arena_free(&arena);
	return result;
}

int suppression_remove(struct database *db, struct span pattern, bool *removed,
		       struct err *err)
{
	const struct db_value value = db_text(pattern);
	uint64_t changed = 0;

	if (database_run(db, "DELETE FROM suppression WHERE pattern = ?",
			 &value, 1, &changed, err) < 0)
		return -1;
	*removed = changed > 0;
	return 0;
}

int suppression_tried(struct database *db, struct span address, int64_t now,
		      struct err *err)
{
	struct arena *arena = arena_new((size_t)4096);
	struct db_value values[] = { db_int(now), db_text(address),
				     db_int(now) };
	int result = -1;

	if (arena != NULL)
		values[1] = db_text(lower(address, arena));
	if (arena == NULL || values[1].bytes.p == NULL)
		err_set(err, ERR_TEMP, "out of memory");
	else
		result = database_run(
			db,
			"UPDATE suppression SET tried_at = ? "
			"WHERE pattern = ? AND origin = 'bounce' "
			"AND tried_at = 0 AND until_at <= ?",
			values, sizeof(values) / sizeof(values[0]), NULL, err);
	arena_free(&arena);
	return result;
}

int suppressions_expire(struct database *db, int64_t now, uint64_t *removed,
			struct err *err)
{
	const struct db_value values[] = {
		db_int(now),
		db_int(now - BOUNCE_DAYS * (int64_t)UTC_DAY),
		db_int(now - BOUNCE_KEEP_DAYS * (int64_t)UTC_DAY),
	};

	return database_run(
		db,
		"DELETE FROM suppression WHERE until_at > 0 AND "
		"until_at <= ? AND (origin = 'manual' OR "
		"(tried_at > 0 AND tried_at <= ?) OR until_at <= ?) "
		"ORDER BY until_at LIMIT " EXPIRE_ROWS,
		values, sizeof(values) / sizeof(values[0]), removed, err);
}

/* ----------------------------------------------------------------- in memory */

struct suppressions {
	struct arena *arena;
	struct suppression *list;
	size_t n;
	size_t room;
};

void suppressions_free(struct suppressions **suppressions)
{
	if (*suppressions == NULL)
		return;
	arena_free(&(*suppressions)->arena);
	free((*suppressions)->list);
	free(*suppressions);
	*suppressions = NULL;
}

static int grow(struct suppressions *s, struct err *err)
{
	size_t room = s->room == 0 ? 64 : 2 * s->room;
	struct suppression *list;

	if (s->n < s->room)
		return 0;
	list = reallocarray(s->list, room, sizeof(*list));
	if (list == NULL)
		return err_set(err, ERR_TEMP, "out of memory");
	s->list = list;
	s->room = room;
	return 0;
}

static int
take_row(struct suppressions *s, const struct db_rows *rows, struct err *err)
{
	struct suppression one = {
		.pattern = arena_copy(s->arena, db_rows_text(rows, 0)),
		.origin = span_is(db_rows_text(rows, 1), "manual") ?
				  SUPPRESSED_BY_HAND :
				  SUPPRESSED_BY_BOUNCE,
		.reason = arena_copy(s->arena, db_rows_text(rows, 2)),
		.bounces = db_rows_int(rows, 3),
		.added_at = db_rows_int(rows, 4),
		.until_at = db_rows_int(rows, 5),
		.tried_at = db_rows_int(rows, 6),
	};

	if (one.pattern.p == NULL || one.reason.p == NULL)
		return err_set(err, ERR_TEMP, "out of memory");
	if (grow(s, err) < 0)
		return -1;
	s->list[s->n++] = one;
	return 0;
}

static int compare(struct span a, struct span b)
{
	int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static int compare_patterns(const void *a, const void *b)
{
	const struct suppression *x = a, *y = b;

	return compare(x->pattern, y->pattern);
}

static int
read_all(struct suppressions *s, struct database *db, struct err *err)
{
	struct db_rows *rows = NULL;
	int more;

	if (database_query(db,
			   "SELECT pattern, origin, reason, bounces, added_at, "
			   "until_at, tried_at FROM suppression",
			   NULL, 0, &rows, err) < 0)
		return -1;
	while ((more = db_rows_next(rows, err)) > 0)
		if (take_row(s, rows, err) < 0)
			more = -1;
	db_rows_free(&rows);
	if (more == 0 && s->n > 0)
		qsort(s->list, s->n, sizeof(*s->list), compare_patterns);
	return more;
}

int suppressions_load(struct suppressions **suppressions, struct database *db,
		      struct err *err)
{
	struct suppressions *new = calloc(1, sizeof(*new));

	if (new != NULL)
		new->arena = arena_new(MAX_SUPPRESSIONS_BYTES);
	if (new == NULL || new->arena == NULL) {
		suppressions_free(&new);
		return err_set(err, ERR_TEMP, "out of memory");
	}
	if (read_all(new, db, err) < 0) {
		suppressions_free(&new);
		return err_while(err, "suppressed addresses");
	}
	suppressions_free(suppressions);
	*suppressions = new;
	return 0;
}

const struct suppression *
suppressions_list(const struct suppressions *suppressions, size_t *n)
{
	*n = suppressions->n;
	return suppressions->list;
}

/* The row of this pattern, of two parts. */
static const struct suppression *
find_row(const struct suppressions *s, const char *before, struct span rest)
{
	char text[400];
	size_t n = strlen(before), i;
	struct suppression key = { .bounces = 0 };

	if (n + rest.n > sizeof(text))
		return NULL;
	memcpy(text, before, n);
	for (i = 0; i < rest.n; i++)
		text[n + i] = ascii_lower(rest.p[i]);
	key.pattern = (struct span){ text, n + rest.n };
	return s->n == 0 ? NULL :
			   bsearch(&key, s->list, s->n, sizeof(*s->list),
				   compare_patterns);
}

static const struct suppression *
in_force(const struct suppression *suppression, int64_t now)
{
	return suppression == NULL || suppression_is_over(suppression, now) ?
		       NULL :
		       suppression;
}

const struct suppression *
suppressions_find(const struct suppressions *suppressions, struct span address,
		  int64_t now)
{
	const struct suppression *found =
		in_force(find_row(suppressions, "", address), now);
	struct span domain = address, label;
	size_t i;

	if (found != NULL || !address_is_plain(address, &domain))
		return found;
	found = in_force(find_row(suppressions, "*@", domain), now);
	for (i = 0; found == NULL && i < MAX_CANDIDATE_LABELS; i++) {
		found = in_force(find_row(suppressions, "@.", domain), now);
		if (!span_take_until(&domain, '.', &label))
			break;
	}
	return found;
}

bool suppressions_is_trial(const struct suppressions *suppressions,
			   struct span address, int64_t now)
{
	const struct suppression *found = find_row(suppressions, "", address);

	return found != NULL && found->origin == SUPPRESSED_BY_BOUNCE &&
	       suppression_is_over(found, now) && found->tried_at == 0;
}
