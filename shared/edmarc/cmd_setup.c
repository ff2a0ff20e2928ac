/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_setup.c - edmarc setup --database
 */
#include <stdio.h>
#include <sysexits.h>
#include <time.h>

#include "base/log.h"
#include "edmarc/command.h"
#include "edmarc/options.h"
#include "store/database.h"
#include "store/schema.h"

static const char usage[] =
	"usage: edmarc setup --database [--grants] [--sql-dir DIR]\n\n"
	"  --database     make the database and its tables, or bring them up\n"
	"                 to date; what is there already is left alone\n"
	"  --grants       and make the users edmarc and edmarc-view\n"
	"  --sql-dir DIR  instead of " EDMARC_SQLDIR "\n"
	"  -h, --help     this text\n\n"
	"MariaDB is reached as its option files say, group [edmarc]. The user\n"
	"needs CREATE, CREATE TEMPORARY TABLES and ALTER, and with --grants CREATE\n"
	"USER and GRANT OPTION: run it as root.\n";

#define COMPARE_BYTES ((size_t)4 * 1024 * 1024) /* of descriptions */

struct setup {
	bool database;
	bool grants;
	const char *sql_dir;
};

/* Returns an exit status to stop with, or -1 to go on. */
static int read_options(struct setup *setup, int argc, char **argv)
{
	const struct option_rule rules[] = {
		{ .name = "database", .given = &setup->database },
		{ .name = "grants", .given = &setup->grants },
		{ .name = "sql-dir", .text = &setup->sql_dir },
		{ .name = NULL },
	};
	struct arguments arguments;
	int status = options_read(argc, argv, rules, usage, &arguments);

	if (status < 0 && (arguments.n > 0 || !setup->database))
		status = options_usage(&arguments);
	return status;
}

/* What is noted as done may have been something else at that time. */
static int compare(struct database *db, const struct setup *setup,
		   const struct schema_step *steps, size_t n, struct err *err)
{
	struct arena *arena = arena_new(COMPARE_BYTES);
	int64_t noted;
	int result;

	if (arena == NULL)
		return err_set(err, ERR_TEMP, "out of memory");
	result = schema_noted(db, &noted, err);
	if (result == 0)
		result = schema_compare(db, setup->sql_dir, steps,
					noted < (int64_t)n ? (size_t)noted : n,
					arena, err);
	arena_free(&arena);
	return result;
}

/*
 * Compared before as well: a step that is not noted keeps the other commands from
 * using tables that they do not know.
 */
static int run_steps(struct database *db, const struct setup *setup,
		     const struct schema_step *steps, size_t n, struct err *err)
{
	bool applied;
	size_t i;

	if (schema_prepare(db, err) < 0 ||
	    compare(db, setup, steps, n, err) < 0)
		return -1;
	for (i = 0; i < n; i++) {
		if (schema_apply(db, setup->sql_dir, &steps[i],
				 (int64_t)time(NULL), &applied, err) < 0)
			return -1;
		log_info("%s: %s", steps[i].file,
			 applied ? "done" : "was there already");
	}
	if (compare(db, setup, steps, n, err) < 0)
		return -1;
	if (!setup->grants)
		return 0;
	if (schema_grant(db, setup->sql_dir, err) < 0)
		return -1;
	log_info("grants.sql: done");
	return 0;
}

int cmd_setup(struct command_context *context, int argc, char **argv)
{
	struct setup setup = { .sql_dir = EDMARC_SQLDIR };
	struct err err = ERR_INIT;
	struct schema_step *steps;
	struct settings settings;
	struct database *db;
	int result;
	size_t n;
	int status = read_options(&setup, argc, argv);

	if (status >= 0)
		return status;
	if (command_settings(context, &settings) < 0)
		return EX_CONFIG;
	if (schema_steps(setup.sql_dir, context->arena, &steps, &n, &err) < 0 ||
	    database_open_new(settings.database_name,
			      settings.database_option_file, &db, &err) < 0)
		return command_fail(&err);
	result = run_steps(db, &setup, steps, n, &err);
	database_close(&db);
	return result < 0 ? command_fail(&err) : EX_OK;
}
