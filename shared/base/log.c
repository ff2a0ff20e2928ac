/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"

/* Process-wide on purpose: there is one standard error. */
static struct {
	const char *name;
	enum log_level highest;
	int priorities;
} output = { .name = "edmarc", .highest = LOG_LEVEL_INFO };

void log_start(const char *name, enum log_level highest, int priorities)
{
	output.name = name;
	output.highest = highest;
	output.priorities = priorities;
}

/* Libraries put newlines into their messages; one call stays one line. */
static void flatten(char *line, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = ' ';
}

void log_line(enum log_level level, const char *fmt, ...)
{
	static const int priority[] = { [LOG_LEVEL_ERROR] = 3,
					[LOG_LEVEL_WARNING] = 4,
					[LOG_LEVEL_INFO] = 6,
					[LOG_LEVEL_DEBUG] = 7 };
	char line[2048];
	va_list args;
	size_t n;
	int k;

	if (level > output.highest)
		return;
	if (output.priorities)
		k = snprintf(line, sizeof(line), "<%d>", priority[level]);
	else
		k = snprintf(line, sizeof(line), "%s: ", output.name);
	n = k < 0 ? 0 : (size_t)k;
	va_start(args, fmt);
	k = vsnprintf(line + n, sizeof(line) - n, fmt, args);
	va_end(args);
	if (k > 0)
		n += (size_t)k;
	if (n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	flatten(line, n);
	line[n++] = '\n';
	/* One write, so that lines of several processes do not mix. */
	if (write_all(STDERR_FILENO, (struct span){ line, n }) < 0)
		return; /* nobody is left to tell */
}
