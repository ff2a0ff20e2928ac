/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_config.c - edmarc config check | show
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "edmarc/command.h"

static const char usage[] =
	"usage: edmarc config check | show\n\n"
	"  check  read the configuration and list every error in it\n"
	"  show   print all settings in force, with their meaning\n";

int cmd_config(struct command_context *context, int argc, char **argv)
{
	struct buf out = BUF_INIT((size_t)1024 * 1024);
	struct settings settings;
	int status;

	if (argc == 2 &&
	    (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs(usage, stdout);
		return EX_OK;
	}
	if (argc != 2 ||
	    (strcmp(argv[1], "check") != 0 && strcmp(argv[1], "show") != 0)) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	if (command_settings(context, &settings) < 0)
		return EX_CONFIG;
	if (strcmp(argv[1], "show") == 0)
		settings_format(&out, &settings);
	else
		buf_addf(&out, "%s: good\n", context->config_path);
	status = command_output(&out);
	buf_release(&out);
	return status;
}
