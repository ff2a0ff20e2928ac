/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main.c - the program edmarc: one command for each job
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "edmarc/command.h"

#define MAX_PROGRAM_BYTES ((size_t)1024 * 1024 * 1024)

static const struct {
	const char *name;
	command_function *run;
	const char *what;
} commands[] = {
	{ "config", cmd_config, "check or show the configuration" },
	{ "evaluate", cmd_evaluate, "judge one message and say why" },
	{ "ingest", cmd_ingest, "load both spools into the database" },
	{ "parse", cmd_parse, "show what is in a report" },
	{ "rejected", cmd_rejected, "look at report mail that was set aside" },
	{ "send", cmd_send, "send aggregate reports to other domains" },
	{ "setup", cmd_setup, "make the database and its tables" },
	{ "show", cmd_show, "show a report as it came" },
	{ "summary", cmd_summary, "show what others report about us" },
	{ "suppress", cmd_suppress, "addresses that get no reports" },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

int command_settings(struct command_context *context, struct settings *settings)
{
	struct buf all = BUF_INIT((size_t)1024 * 1024);
	struct err err = ERR_INIT;
	struct span rest, line;
	int result = settings_read(settings, context->config_path,
				   context->arena, &all, &err);

	rest = buf_span(&all);
	while (result < 0 && span_take_line(&rest, &line))
		log_error("%.*s", SPAN_ARGS(line));
	buf_release(&all);
	return result;
}

int command_settings_or_defaults(struct command_context *context,
				 struct settings *settings)
{
	if (context->config_named || access(context->config_path, F_OK) == 0 ||
	    errno != ENOENT)
		return command_settings(context, settings);
	settings_defaults(settings);
	return 0;
}

int command_fail(const struct err *err)
{
	log_error("%s", err->text);
	return err_exit_code(err->kind);
}

int command_output(struct buf *out)
{
	if (!buf_ok(out)) {
		log_error("out of memory");
		return EX_OSERR;
	}
	if (write_all(STDOUT_FILENO, buf_span(out)) < 0) {
		log_error("standard output: %s", strerror(errno));
		return EX_IOERR;
	}
	return EX_OK;
}

static void print_usage(FILE *to)
{
	size_t i;

	fprintf(to, "usage: edmarc [-c FILE] [-v] COMMAND [ARGUMENT...]\n\n");
	for (i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].what);
	fprintf(to,
		"\n  -c, --config FILE  instead of %s\n"
		"  -v, --verbose      say more\n"
		"  -h, --help         this text; also behind a command\n"
		"  -V, --version      name and version\n",
		SETTINGS_PATH);
}

/*
 * What whoever started us may have left undone. A file or the connection to the
 * database must not get the number of a standard descriptor that is closed: log
 * lines would go there. And when SIGCHLD is ignored, the kernel does not keep how
 * a child ended.
 */
static int clean_inheritance(void)
{
	int fd;

	(void)signal(SIGCHLD, SIG_DFL);
	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		/* Read-only, so that output that goes nowhere is an error. */
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct command_context context = { .config_path = SETTINGS_PATH };
	enum log_level level = LOG_LEVEL_INFO;
	int status = EX_USAGE;
	int option;
	size_t i;

	if (clean_inheritance() < 0)
		return EX_OSERR;
	log_start("edmarc", level, getenv("JOURNAL_STREAM") != NULL);
	/* "+": options behind the command are the command's. */
	while ((option = getopt_long(argc, argv, "+c:vhV", options, NULL)) !=
	       -1) {
		switch (option) {
		case 'c':
			context.config_path = optarg;
			context.config_named = true;
			break;
		case 'v':
			level = LOG_LEVEL_DEBUG;
			context.verbose = true;
			break;
		case 'h':
			print_usage(stdout);
			return EX_OK;
		case 'V':
			printf("edmarc %s\n", EDMARC_VERSION);
			return EX_OK;
		default:
			return EX_USAGE;
		}
	}
	log_start("edmarc", level, getenv("JOURNAL_STREAM") != NULL);
	if (optind == argc) {
		print_usage(stderr);
		return EX_USAGE;
	}
	argc -= optind;
	argv += optind;
	for (i = 0; i < N_COMMANDS; i++)
		if (strcmp(argv[0], commands[i].name) == 0)
			break;
	if (i == N_COMMANDS) {
		log_error("no command %s; see edmarc --help", argv[0]);
		return EX_USAGE;
	}
	context.arena = arena_new(MAX_PROGRAM_BYTES);
	if (context.arena == NULL) {
		log_error("out of memory");
		return EX_OSERR;
	}
	argv[0] = arena_printf(context.arena, "edmarc %s", commands[i].name);
	if (argv[0] == NULL) {
		log_error("out of memory");
		arena_free(&context.arena);
		return EX_OSERR;
	}
	status = commands[i].run(&context, argc, argv);
	arena_free(&context.arena);
	return status;
}
