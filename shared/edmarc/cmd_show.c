/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_show.c - edmarc show --original: a report as it came
 */
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "base/quote.h"
#include "edmarc/command.h"
#include "edmarc/options.h"
#include "store/database.h"
#include "store/originals.h"
#include "store/schema.h"

#define MAX_NAMES 20

static const char usage[] =
	"usage: edmarc show --original NAME | REPORT-ID\n\n"
	"  --original  the mail or file that brought this report, octet by octet,\n"
	"              if it was kept: see keep_original in edmarc.conf(5)\n"
	"  -h, --help  this text\n";

static int write_original(struct database *db, const char *name,
			  struct arena *arena, struct err *err)
{
	struct span names[MAX_NAMES];
	size_t i, n;

	if (original_find(db, span_of(name), arena, names, MAX_NAMES, &n, err) <
	    0)
		return -1;
	if (n == 1)
		return original_write(db, names[0], STDOUT_FILENO, err);
	for (i = 0; i < n; i++)
		log_info("%s", quote(names[i]).text);
	if (n > 1)
		return err_set(err, ERR_INPUT,
			       "%s: several mails, give one of these names",
			       quote(span_of(name)).text);
	return err_set(err, ERR_INPUT,
		       "%s: no mail of this name, or with a report of this id, "
		       "was kept",
		       quote(span_of(name)).text);
}

int cmd_show(struct command_context *context, int argc, char **argv)
{
	struct err err = ERR_INIT;
	bool original = false;
	const struct option_rule rules[] = {
		{ .name = "original", .given = &original },
		{ .name = NULL },
	};
	struct arguments arguments;
	struct settings settings;
	struct database *db;
	int result;
	int status = options_read(argc, argv, rules, usage, &arguments);

	if (status >= 0)
		return status;
	if (!original || arguments.n != 1)
		return options_usage(&arguments);
	if (command_settings(context, &settings) < 0)
		return EX_CONFIG;
	if (database_open(settings.database_name, settings.database_option_file,
			  &db, &err) < 0)
		return command_fail(&err);
	result = schema_check(db, &err);
	if (result == 0)
		result = write_original(db, arguments.words[0], context->arena,
					&err);
	database_close(&db);
	return result < 0 ? command_fail(&err) : EX_OK;
}
