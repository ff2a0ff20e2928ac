/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/cases.h"

#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"

#define MAX_FIELDS 200

struct field {
	char *name;
	struct buf value;
	bool used;
};

struct test_case {
	char title[256];
	struct field fields[MAX_FIELDS];
	size_t n;
	void (*check)(const struct test_case *c);
};

static void die(const char *file, int line, const char *why)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, why);
	exit(99); /* automake: hard error */
}

const char *data_path(const char *name)
{
	static char path[PATH_MAX];
	const char *srcdir = getenv("srcdir");

	snprintf(path, sizeof(path), "%s/tests/data/%s",
		 srcdir == NULL ? "." : srcdir, name);
	return path;
}

const char *shared_path(const char *name)
{
	static char path[PATH_MAX];
	const char *shared = getenv("EDMARC_SHARED");
	const char *srcdir = getenv("srcdir");

	if (shared != NULL)
		snprintf(path, sizeof(path), "%s/%s", shared, name);
	else
		snprintf(path, sizeof(path), "%s/../shared/%s",
			 srcdir == NULL ? "." : srcdir, name);
	return access(path, R_OK) == 0 ? path : NULL;
}

static struct field *
find(const struct test_case *c, const char *name, size_t nth)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		if (strcmp(c->fields[i].name, name) == 0 && nth-- == 0) {
			/* The test is const to its checks, not to us. */
			struct field *field =
				(struct field *)(uintptr_t)&c->fields[i];

			field->used = true;
			return field;
		}
	}
	return NULL;
}

struct span case_nth(const struct test_case *c, const char *field, size_t nth)
{
	struct field *found = find(c, field, nth);

	if (found == NULL)
		return (struct span){ .p = NULL, .n = 0 };
	return (struct span){ .p = buf_string(&found->value),
			      .n = found->value.n };
}

struct span case_span(const struct test_case *c, const char *field)
{
	struct span value = case_nth(c, field, 0);

	if (value.p == NULL)
		fail_msg("case lacks the field %s", field);
	return value;
}

const char *case_get(const struct test_case *c, const char *field)
{
	return case_span(c, field).p;
}

const char *case_maybe(const struct test_case *c, const char *field)
{
	return case_nth(c, field, 0).p;
}

bool case_has(const struct test_case *c, const char *field)
{
	return case_maybe(c, field) != NULL;
}

void expect_span(const struct test_case *c, const char *field, struct span got)
{
	struct span want = case_nth(c, field, 0);

	if (want.p == NULL)
		return;
	if (got.p == NULL)
		got = SPAN("-");
	if (!span_equal(want, got))
		fail_msg("%s: got '%.*s', want '%.*s'", field, SPAN_ARGS(got),
			 SPAN_ARGS(want));
}

void expect(const struct test_case *c, const char *field, const char *got)
{
	expect_span(c, field, span_of(got));
}

void expect_int(const struct test_case *c, const char *field, long long got)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", got);
	expect(c, field, text);
}

void expect_bool(const struct test_case *c, const char *field, bool got)
{
	expect(c, field, got ? "yes" : "no");
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Take the byte or escape at the start of *text. */
static char take_byte(struct span *text, const char *file, int line)
{
	static const char from[] = "nrt0\\";
	static const char to[] = "\n\r\t\0\\";
	char c = text->p[0];
	size_t taken = 1;

	if (c == '\\' && text->n >= 4 && text->p[1] == 'x' &&
	    hex(text->p[2]) >= 0 && hex(text->p[3]) >= 0) {
		c = (char)(hex(text->p[2]) * 16 + hex(text->p[3]));
		taken = 4;
	} else if (c == '\\') {
		const char *found =
			text->n < 2 ? NULL : strchr(from, text->p[1]);

		if (found == NULL || *found == '\0')
			die(file, line, "bad escape");
		else
			c = to[found - from];
		taken = 2;
	}
	text->p += taken;
	text->n -= taken;
	return c;
}

static void
add_text(struct field *field, struct span text, const char *file, int line)
{
	while (text.n > 0)
		buf_add_char(&field->value, take_byte(&text, file, line));
}

static void
add_field(struct test_case *c, struct span line, const char *file, int number)
{
	struct span name;
	struct field *field;

	if (line.p[0] == ' ' || line.p[0] == '\t') {
		if (c->n == 0)
			die(file, number, "nothing to go on with");
		field = &c->fields[c->n - 1];
		buf_add_char(&field->value, '\n');
		add_text(field, span_trim(line), file, number);
		return;
	}
	if (!span_take_until(&line, ':', &name) || c->n == MAX_FIELDS)
		die(file, number, "expected 'field: value'");
	field = &c->fields[c->n++];
	field->name = strndup(name.p, name.n);
	field->value = (struct buf)BUF_INIT((size_t)16 * 1024 * 1024);
	if (line.n > 0 && line.p[0] == ' ') {
		line.p++;
		line.n--;
	}
	buf_add_string(&field->value, "");
	add_text(field, line, file, number);
}

static void run_case(void **state)
{
	struct test_case *c = *state;
	size_t i;

	c->check(c);
	for (i = 0; i < c->n; i++)
		if (!c->fields[i].used)
			fail_msg("nothing looked at the field %s",
				 c->fields[i].name);
}

/* The cases of a file, in an array that lives as long as the program. */
static struct test_case *read_cases(const char *name, size_t *n)
{
	struct buf text = BUF_INIT((size_t)64 * 1024 * 1024);
	struct err err = ERR_INIT;
	struct test_case *cases = NULL;
	struct span rest, line;
	char title[200] = "";
	bool open = false;
	int number = 0;

	*n = 0;
	if (file_read(data_path(name), &text, &err) < 0)
		die(name, 0, err.text);
	rest = buf_span(&text);
	while (span_take_line(&rest, &line)) {
		number++;
		if (span_trim(line).n == 0) {
			open = false;
			continue;
		}
		if (line.p[0] == '#') {
			struct span words = { line.p + 1, line.n - 1 };

			snprintf(title, sizeof(title), "%.*s",
				 SPAN_ARGS(span_trim(words)));
			open = false;
			continue;
		}
		if (!open) {
			cases = realloc(cases, (*n + 1) * sizeof(*cases));
			if (cases == NULL)
				die(name, number, "out of memory");
			memset(&cases[*n], 0, sizeof(*cases));
			snprintf(cases[*n].title, sizeof(cases[*n].title),
				 "%s:%d  %s", name, number, title);
			(*n)++;
			open = true;
		}
		add_field(&cases[*n - 1], line, name, number);
	}
	buf_release(&text);
	return cases;
}

int cases_run(const char *name, void (*check)(const struct test_case *c))
{
	size_t n, i;
	struct test_case *cases = read_cases(name, &n);
	struct CMUnitTest *tests = calloc(n + 1, sizeof(*tests));
	int failed;

	if (n == 0 || tests == NULL)
		die(name, 0, "no cases");
	for (i = 0; i < n; i++) {
		cases[i].check = check;
		tests[i] = (struct CMUnitTest){ .name = cases[i].title,
						.test_func = run_case,
						.initial_state = &cases[i] };
	}
	/* cmocka's own macro wants an array of a size known when compiling. */
	failed = _cmocka_run_group_tests(name, tests, n, NULL, NULL);
	for (i = 0; i < n; i++) {
		size_t f;

		for (f = 0; f < cases[i].n; f++) {
			free(cases[i].fields[f].name);
			buf_release(&cases[i].fields[f].value);
		}
	}
	free(cases);
	free(tests);
	return failed;
}
