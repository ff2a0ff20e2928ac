/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * options.h - what stands behind the name of a command
 *
 * A command has a table of its options, each with the variable it sets; reading
 * fills these in and leaves the other words. A new option is a row. Every command
 * has -h and --help, takes options before and behind words until "--", and
 * complains about wrong ones with the same sentences.
 */
#ifndef EDMARC_EDMARC_OPTIONS_H
#define EDMARC_EDMARC_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "edmarc/command.h"

/* Rows of one table. */
#define MAX_OPTIONS 32

/* The values of an option that can be given again, in the user's order. */
struct option_texts {
	const char **text; /* room for max of them */
	size_t n;
	size_t max;
};

/* The option takes no value, or one of the kind of which there is a pointer. */
struct option_rule {
	const char *name; /* without the "--"; NULL ends the table */
	char letter;      /* "-f" does the same; 0: nothing does */
	bool *given;      /* becomes true; with a value, may be NULL */

	const char **text;
	struct option_texts *texts;
	uint64_t *number; /* from min to max */
	uint64_t min;
	uint64_t max;
	enum format *format;
	bool no_csv; /* the format is text or json */
};

struct arguments {
	const char *command; /* "edmarc ingest" */
	const char *usage;
	char **words; /* those that are no options; NULL behind the last */
	int n;
};

/*
 * argv[0] is the name of the command for messages; usage is what --help prints.
 * Returns -1 to go on, or an exit status to stop with: 0 after --help, 64 after a
 * wrong option, which was logged. Of an option given twice the last value counts.
 */
MUST_CHECK int options_read(int argc, char **argv,
			    const struct option_rule *rules, const char *usage,
			    struct arguments *arguments);

/*
 * Log what is wrong with a value that only the command can judge ("--ip", "x", "not
 * an address"), or with an option beside others (value is NULL). Returns 64.
 */
int options_wrong(const struct arguments *arguments, const char *option,
		  const char *value, const char *why);

/* Print the usage, since words are missing or too many. Returns 64. */
int options_usage(const struct arguments *arguments);

#endif
