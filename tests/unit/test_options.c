/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

#define MAX_WORDS 20

/* What a command would have. */
struct wanted {
	bool all;
	bool counted;
	const char *text;
	const char *list[2];
	struct option_texts texts;
	uint64_t count;
	enum format format;
	enum format plain;
	struct arguments arguments;
	int status;
	char said[512]; /* on standard error */
	char shown[64]; /* on standard output */
};

static const char usage[] = "usage: edmarc try\n";

/* Both streams go to files while the options are read. */
static int redirect(int fd, FILE *file)
{
	int kept = dup(fd);

	assert_true(kept >= 0 && dup2(fileno(file), fd) == fd);
	return kept;
}

static void restore(int fd, int kept, FILE *file, char *text, size_t room)
{
	fflush(NULL);
	assert_int_equal(dup2(kept, fd), fd);
	close(kept);
	rewind(file);
	text[fread(text, 1, room - 1, file)] = '\0';
	fclose(file);
}

static void read_into(struct wanted *w, int argc, char **argv)
{
	const struct option_rule rules[] = {
		{ .name = "all", .letter = 'a', .given = &w->all },
		{ .name = "text", .letter = 't', .text = &w->text },
		{ .name = "list", .texts = &w->texts },
		{ .name = "count",
		  .given = &w->counted,
		  .number = &w->count,
		  .min = 2,
		  .max = 300 },
		{ .name = "format", .format = &w->format },
		{ .name = "plain", .format = &w->plain, .no_csv = true },
		{ .name = NULL },
	};
	FILE *out = tmpfile(), *err = tmpfile();
	int kept_out, kept_err;

	assert_non_null(out);
	assert_non_null(err);
	fflush(NULL);
	kept_out = redirect(STDOUT_FILENO, out);
	kept_err = redirect(STDERR_FILENO, err);
	w->status = options_read(argc, argv, rules, usage, &w->arguments);
	restore(STDERR_FILENO, kept_err, err, w->said, sizeof(w->said));
	restore(STDOUT_FILENO, kept_out, out, w->shown, sizeof(w->shown));
}

/* The words of the line are what stands behind "edmarc try". */
static struct wanted read_line(const char *line)
{
	static struct wanted w;
	static char copy[256];
	static char *argv[MAX_WORDS + 1];
	static char name[] = "edmarc try";
	struct span rest, word;
	int argc = 1;

	w = (struct wanted){ .count = 7, .text = "default" };
	w.texts = (struct option_texts){ .text = w.list, .max = 2 };
	snprintf(copy, sizeof(copy), "%s", line);
	rest = span_of(copy);
	argv[0] = name;
	while (argc < MAX_WORDS && span_take_item(&rest, ' ', &word)) {
		argv[argc] = copy + (word.p - copy);
		argv[argc++][word.n] = '\0';
	}
	argv[argc] = NULL;
	read_into(&w, argc, argv);
	return w;
}

static void nothing_given(void **state)
{
	struct wanted w = read_line("");

	(void)state;
	assert_int_equal(w.status, -1);
	assert_int_equal(w.arguments.n, 0);
	assert_null(w.arguments.words[0]);
	assert_ptr_equal(w.arguments.usage, usage);
	assert_false(w.all || w.counted);
	assert_string_equal(w.text, "default");
	assert_int_equal(w.count, 7);
	assert_int_equal(w.texts.n, 0);
	assert_string_equal(w.said, "");
}

static void all_kinds(void **state)
{
	struct wanted w = read_line("--all --text x --list=a --count 300 "
				    "--list b --format csv --plain json");

	(void)state;
	assert_int_equal(w.status, -1);
	assert_true(w.all && w.counted);
	assert_string_equal(w.text, "x");
	assert_int_equal(w.texts.n, 2);
	assert_string_equal(w.list[0], "a");
	assert_string_equal(w.list[1], "b");
	assert_int_equal(w.count, 300);
	assert_int_equal(w.format, FORMAT_CSV);
	assert_int_equal(w.plain, FORMAT_JSON);
	assert_int_equal(w.arguments.n, 0);
}

static void the_last_value_counts(void **state)
{
	struct wanted w = read_line("--count 3 --text a --count 2 -t b");

	(void)state;
	assert_int_equal(w.count, 2);
	assert_string_equal(w.text, "b");
}

static void letters(void **state)
{
	struct wanted w = read_line("-atvalue word");

	(void)state;
	assert_int_equal(w.status, -1);
	assert_true(w.all);
	assert_string_equal(w.text, "value");
	assert_string_equal(w.arguments.words[0], "word");
}

static void words_among_options(void **state)
{
	struct wanted w = read_line("one --all two -- --text -");

	(void)state;
	assert_int_equal(w.status, -1);
	assert_true(w.all);
	assert_string_equal(w.text, "default");
	assert_int_equal(w.arguments.n, 4);
	assert_string_equal(w.arguments.words[0], "one");
	assert_string_equal(w.arguments.words[1], "two");
	assert_string_equal(w.arguments.words[2], "--text");
	assert_string_equal(w.arguments.words[3], "-");
	assert_null(w.arguments.words[4]);
}

static void help(void **state)
{
	static const char *const lines[] = { "--help", "-h", "--all --help x" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct wanted w = read_line(lines[i]);

		assert_int_equal(w.status, EX_OK);
		assert_string_equal(w.shown, usage);
		assert_string_equal(w.said, "");
	}
}

static void wrong_ones(void **state)
{
	static const struct {
		const char *line;
		const char *said;
	} wrong[] = {
		{ "--bogus", "--bogus: no such option" },
		{ "--bogus=1 --help", "--bogus=1: no such option" },
		{ "-x", "-x: no such option" },
		{ "-ax", "-x: no such option" },
		{ "word --text", "--text: a value is missing" },
		{ "-t", "-t: a value is missing" },
		{ "--all=yes", "--all=yes: takes no value" },
		{ "--help=me", "--help=me: takes no value" },
		{ "--count 1", "--count 1: not a number from 2 to 300" },
		{ "--count 301", "--count 301: not a number from 2 to 300" },
		{ "--count -5", "--count -5: not a number from 2 to 300" },
		{ "--format xml", "--format xml: not text, json or csv" },
		{ "--plain csv", "--plain csv: not text or json" },
		{ "--list a --list b --list c", "--list c: given too often" },
		{ "--\033[1m", "--\\x1b[1m: no such option" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct wanted w = read_line(wrong[i].line);
		char said[128];

		snprintf(said, sizeof(said),
			 "test: %s; see edmarc try --help\n", wrong[i].said);
		assert_string_equal(w.said, said);
		assert_int_equal(w.status, EX_USAGE);
		assert_string_equal(w.shown, "");
		/* What was wrong has changed nothing. */
		assert_int_equal(w.count, 7);
		assert_int_equal(w.format, FORMAT_TEXT);
		assert_int_equal(w.plain, FORMAT_TEXT);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_given),
		cmocka_unit_test(all_kinds),
		cmocka_unit_test(the_last_value_counts),
		cmocka_unit_test(letters),
		cmocka_unit_test(words_among_options),
		cmocka_unit_test(help),
		cmocka_unit_test(wrong_ones),
	};

	log_start("test", LOG_LEVEL_INFO, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
