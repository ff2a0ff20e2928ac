/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * command.h - what the commands of `edmarc` share
 *
 * A command gets its own arguments (argv[0] is its name) and returns an exit
 * status of sysexits(3): 0 done, 64 wrong usage, 65 bad input, 75 try again, 78
 * configuration. It writes its result to standard output and its troubles,
 * through log.h, to standard error.
 */
#ifndef EDMARC_EDMARC_COMMAND_H
#define EDMARC_EDMARC_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "dmarc/settings.h"

struct command_context {
	const char *config_path;
	bool config_named;   /* by the user, with -c */
	bool verbose;        /* -v */
	struct arena *arena; /* lives as long as the program */
};

typedef int
command_function(struct command_context *context, int argc, char **argv);

command_function cmd_config;
command_function cmd_evaluate;
command_function cmd_ingest;
command_function cmd_parse;
command_function cmd_rejected;
command_function cmd_send;
command_function cmd_setup;
command_function cmd_show;
command_function cmd_summary;
command_function cmd_suppress;

/* All formats of output, for --format. */
enum format {
	FORMAT_TEXT,
	FORMAT_JSON,
	FORMAT_CSV,
};

/*
 * The settings of this run. An error has been logged, line by line, when the
 * result is -1; the command then returns 78.
 */
int command_settings(struct command_context *context,
		     struct settings *settings);

/*
 * The same for a command that works without a configuration: where the user has
 * named no file and the usual one is not there, the defaults are good enough.
 */
int command_settings_or_defaults(struct command_context *context,
				 struct settings *settings);

/*
 * Who we are in reports: our domain into *submitter, as long as the arena lives.
 * What is missing or wrong in [send] has been logged when the result is -1; the
 * command then returns 78.
 */
int command_submitter(struct command_context *context,
		      const struct settings *settings, const char **submitter);

/* Log err and give the exit status for its kind. */
int command_fail(const struct err *err);

/* Write what was built to standard output; 0, or 74 with a log line. */
int command_output(struct buf *out);

#endif
