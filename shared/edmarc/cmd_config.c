/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_config.c - edmarc config check | show
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/log.h"
#include "dmarc/override.h"
#include "dmarc/psl.h"
#include "edmarc/command.h"
#include "edmarc/hosted.h"
#include "edmarc/options.h"
#include "edmarc/places.h"

#define NAMES_BYTES ((size_t)256 * 1024 * 1024) /* of a million domains */

static const char usage[] =
	"usage: edmarc config check | show\n\n"
	"  check  read the configuration and list every error in it\n"
	"  show   print all settings in force, with their meaning\n\n"
	"  -h, --help  this text\n";

/* The library and the list; without them, mail is accepted unscored. */
static int check_standard(const struct settings *settings, struct err *err)
{
	struct psl *psl;

	if (settings->standard != STANDARD_RFC7489)
		return 0;
	psl = psl_open(settings->public_suffix_list, err);
	if (psl == NULL)
		return err_while(err, "evaluate.standard = rfc7489");
	psl_free(&psl);
	return 0;
}

/*
 * What the settings point to. The database itself is not asked: it may be away
 * when the configuration is good.
 */
static int check_files(const struct settings *settings, struct err *err)
{
	const char *options = settings->database_option_file;
	struct arena *arena = arena_new(NAMES_BYTES);
	struct hosted hosted;
	int result;

	if (arena == NULL)
		return err_set(err, ERR_TEMP, "out of memory");
	result = hosted_read(settings, NULL, 0, arena, &hosted, err);
	if (result == 0 && *options != '\0' && access(options, F_OK) < 0)
		result = err_errno(err, ERR_CONFIG, "database.option_file: %s",
				   options);
	arena_free(&arena);
	return result < 0 ? -1 : check_standard(settings, err);
}

/* The files that lists of [override] name. */
static int check_lists(const struct settings *settings)
{
	struct buf all = BUF_INIT((size_t)1024 * 1024);
	struct err err = ERR_INIT;
	int result = override_check_files(settings, &all, &err);
	struct span lines = buf_span(&all), line;

	while (span_take_line(&lines, &line))
		log_error("%.*s", SPAN_ARGS(line));
	buf_release(&all);
	return result;
}

/* What send would find out at night, when nobody looks. */
static int
check_send(struct command_context *context, const struct settings *settings)
{
	const char *submitter;

	if (!settings->reporting)
		return 0;
	if (access(settings->sendmail, X_OK) < 0) {
		log_error("[send] sendmail = %s: %s", settings->sendmail,
			  strerror(errno));
		return -1;
	}
	return command_submitter(context, settings, &submitter);
}

int cmd_config(struct command_context *context, int argc, char **argv)
{
	struct buf out = BUF_INIT((size_t)1024 * 1024);
	struct err err = ERR_INIT;
	const struct option_rule none[] = { { .name = NULL } };
	struct arguments arguments;
	struct settings settings;
	const char *word;
	int status = options_read(argc, argv, none, usage, &arguments);

	if (status >= 0)
		return status;
	word = arguments.words[0];
	if (arguments.n != 1 ||
	    (strcmp(word, "check") != 0 && strcmp(word, "show") != 0))
		return options_usage(&arguments);
	if (command_settings(context, &settings) < 0)
		return EX_CONFIG;
	if (strcmp(word, "show") == 0)
		settings_format(&out, &settings);
	else if (check_lists(&settings) < 0 ||
		 check_send(context, &settings) < 0)
		return EX_CONFIG;
	else if (check_files(&settings, &err) < 0)
		return command_fail(&err);
	else if (!places_good(&settings, context->config_path))
		return EX_CONFIG;
	else
		buf_addf(&out, "%s: good\n", context->config_path);
	status = command_output(&out);
	buf_release(&out);
	return status;
}
