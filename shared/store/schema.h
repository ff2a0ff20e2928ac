/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema.h - the tables, as numbered steps
 *
 * sql/NNN-NAME.sql are the steps; each is run once, in order, and noted in the
 * table schema_step. Every statement of a step can be repeated, so a step that
 * was interrupted, or that two machines run at once, does no harm.
 */
#ifndef EDMARC_STORE_SCHEMA_H
#define EDMARC_STORE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "store/database.h"

#define SCHEMA_STEP     6 /* the last step this program needs */
#define MAX_SCHEMA_STEP 999

struct schema_step {
	int number;
	const char *file; /* "001-tables.sql" */
};

/*
 * The steps in a folder, in order. A number that occurs twice or is missing is
 * ERR_CONFIG, and so is a folder without steps.
 */
MUST_CHECK int schema_steps(const char *directory, struct arena *arena,
			    struct schema_step **steps, size_t *n,
			    struct err *err);

/* Make the table of steps if need be. */
MUST_CHECK int schema_prepare(struct database *db, struct err *err);

/*
 * Run a step unless it was run before; *applied tells which. now is noted
 * beside it.
 */
MUST_CHECK int schema_apply(struct database *db, const char *directory,
			    const struct schema_step *step, int64_t now,
			    bool *applied, struct err *err);

/* How many steps were run, by their numbers. */
MUST_CHECK int schema_noted(struct database *db, int64_t *n, struct err *err);

/*
 * Do the tables have what the first n steps make: columns with their types, and
 * keys? ERR_CONFIG names the first difference. While the first step was written,
 * it was changed in place, and IF NOT EXISTS leaves an old table as it is. Needs
 * the right to make temporary tables; after -1 they are left to the end of the
 * connection.
 */
MUST_CHECK int schema_compare(struct database *db, const char *directory,
			      const struct schema_step *steps, size_t n,
			      struct arena *arena, struct err *err);

/* Run grants.sql of the folder. */
MUST_CHECK int
schema_grant(struct database *db, const char *directory, struct err *err);

/* ERR_CONFIG, with what to do, when a step that we need was not run. */
MUST_CHECK int schema_check(struct database *db, struct err *err);

#endif
