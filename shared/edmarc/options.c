/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/options.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/quote.h"

/* What getopt_long() returns for --help and for the first row of the table. */
#define HELP      256
#define FIRST_ROW 257

int options_wrong(const struct arguments *arguments, const char *option,
		  const char *value, const char *why)
{
	log_error("%s%s%s: %s; see %s --help", option, value == NULL ? "" : " ",
		  quote(span_of(value)).text, why, arguments->command);
	return EX_USAGE;
}

int options_usage(const struct arguments *arguments)
{
	fputs(arguments->usage, stderr);
	return EX_USAGE;
}

/* The same tables in the words of getopt_long(). */
struct tables {
	struct option names[MAX_OPTIONS + 2];
	char letters[2 * MAX_OPTIONS + 3];
};

static bool takes_value(const struct option_rule *rule)
{
	return rule->text != NULL || rule->texts != NULL ||
	       rule->number != NULL || rule->format != NULL;
}

static size_t make_tables(const struct option_rule *rules, struct tables *to)
{
	char *letter = to->letters;
	size_t n;

	/* ":" in front: a missing value is told from an unknown option. */
	*letter++ = ':';
	*letter++ = 'h';
	for (n = 0; n < MAX_OPTIONS && rules[n].name != NULL; n++) {
		bool value = takes_value(&rules[n]);

		to->names[n] = (struct option){
			.name = rules[n].name,
			.has_arg = value ? required_argument : no_argument,
			.val = FIRST_ROW + (int)n,
		};
		if (rules[n].letter == '\0')
			continue;
		*letter++ = rules[n].letter;
		if (value)
			*letter++ = ':';
	}
	to->names[n] = (struct option){ .name = "help", .val = HELP };
	to->names[n + 1] = (struct option){ .name = NULL };
	*letter = '\0';
	return n;
}

/* Which row; NULL for an option that is in none. */
static const struct option_rule *
find_rule(const struct option_rule *rules, size_t n, int option)
{
	size_t i;

	if (option >= FIRST_ROW)
		return &rules[option - FIRST_ROW];
	for (i = 0; i < n; i++)
		if (rules[i].letter != '\0' && rules[i].letter == option)
			return &rules[i];
	return NULL;
}

static int set_number(const struct arguments *arguments,
		      const struct option_rule *rule, const char *option,
		      const char *value)
{
	uint64_t number;
	char why[80];

	if (span_to_uint(span_of(value), rule->max, &number) &&
	    number >= rule->min) {
		*rule->number = number;
		return -1;
	}
	snprintf(why, sizeof(why), "not a number from %" PRIu64 " to %" PRIu64,
		 rule->min, rule->max);
	return options_wrong(arguments, option, value, why);
}

static bool format_parse(const char *word, enum format *format)
{
	static const char *const words[] = { [FORMAT_TEXT] = "text",
					     [FORMAT_JSON] = "json",
					     [FORMAT_CSV] = "csv" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i]) == 0) {
			*format = (enum format)i;
			return true;
		}
	}
	return false;
}

static int set_format(const struct arguments *arguments,
		      const struct option_rule *rule, const char *option,
		      const char *value)
{
	enum format format;

	if (format_parse(value, &format) &&
	    !(rule->no_csv && format == FORMAT_CSV)) {
		*rule->format = format;
		return -1;
	}
	return options_wrong(arguments, option, value,
			     rule->no_csv ? "not text or json" :
					    "not text, json or csv");
}

static int add_text(const struct arguments *arguments,
		    struct option_texts *texts, const char *option,
		    const char *value)
{
	if (texts->n == texts->max)
		return options_wrong(arguments, option, value,
				     "given too often");
	texts->text[texts->n++] = value;
	return -1;
}

static int set(const struct arguments *arguments,
	       const struct option_rule *rule, const char *value)
{
	char option[40];

	snprintf(option, sizeof(option), "--%s", rule->name);
	if (rule->given != NULL)
		*rule->given = true;
	if (rule->text != NULL)
		*rule->text = value;
	else if (rule->texts != NULL)
		return add_text(arguments, rule->texts, option, value);
	else if (rule->number != NULL)
		return set_number(arguments, rule, option, value);
	else if (rule->format != NULL)
		return set_format(arguments, rule, option, value);
	return -1;
}

/*
 * What getopt_long() refuses. Where it stands in argv is known for long options;
 * a letter may be one of several behind one "-".
 */
static int
refuse(const struct arguments *arguments, int option, char *const *argv)
{
	char letter[] = { '-', (char)optopt, '\0' };
	const char *what = argv[optind - 1];
	const char *why = "takes no value";

	if (optopt > 0 && optopt < HELP)
		what = letter;
	if (option == ':')
		why = "a value is missing";
	else if (optopt < HELP)
		why = "no such option";
	log_error("%s: %s; see %s --help", quote(span_of(what)).text, why,
		  arguments->command);
	return EX_USAGE;
}

int options_read(int argc, char **argv, const struct option_rule *rules,
		 const char *usage, struct arguments *arguments)
{
	struct arguments found = { .command = argv[0], .usage = usage };
	struct tables tables;
	size_t n = make_tables(rules, &tables);
	int option, status = -1;

	*arguments = found;
	optind = 0; /* begin anew, whoever has read options before */
	opterr = 0;
	while (status < 0 && (option = getopt_long(argc, argv, tables.letters,
						   tables.names, NULL)) != -1) {
		const struct option_rule *rule = find_rule(rules, n, option);

		if (option == HELP || option == 'h') {
			fputs(usage, stdout);
			return EX_OK;
		}
		status = rule == NULL ? refuse(arguments, option, argv) :
					set(arguments, rule, optarg);
	}
	arguments->words = argv + optind;
	arguments->n = argc - optind;
	return status;
}
