/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A parser that reads ten thousand mails: our own samples again and again, by
 * one child, which lives that long for this test only. What a mail left behind
 * in it would add up.
 */
#include "edmarc/parsers.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "report/read.h"
#include "unit/said.h"

#define MAX_SAMPLES    400
#define WARM           2000
#define MAILS          12000
/* Of ten thousand mails: 50 octets for each, and some room for the heap. */
#define MAX_GROWTH_KIB 512

static int samples[MAX_SAMPLES];
static size_t n_samples;

static void open_samples(void)
{
	const char *top = getenv("srcdir");
	struct dirent *entry;
	char path[1000];
	DIR *dir;

	(void)snprintf(path, sizeof(path), "%s/tests/data/reports",
		       top == NULL ? "." : top);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL && n_samples < MAX_SAMPLES) {
		/* Large ones take long, and are read whole at each turn. */
		if (strstr(entry->d_name, ".eml") == NULL &&
		    strstr(entry->d_name, ".gz") == NULL &&
		    strstr(entry->d_name, ".zip") == NULL)
			continue;
		samples[n_samples] =
			openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);
		assert_true(samples[n_samples] >= 0);
		if (lseek(samples[n_samples], 0, SEEK_END) > 8000)
			close(samples[n_samples]);
		else
			n_samples++;
	}
	closedir(dir);
	assert_true(n_samples > 20);
}

/* The one child of this process; 0 when there is none. */
static int the_child(void)
{
	char path[100];
	FILE *file;
	int pid = 0;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children",
		       (int)getpid());
	file = fopen(path, "r");
	if (file == NULL || fscanf(file, "%d", &pid) != 1)
		pid = 0;
	if (file != NULL)
		fclose(file);
	return pid;
}

static long resident_kib(int pid)
{
	char path[100], line[200];
	FILE *file;
	long kib = -1;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "VmRSS:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	fclose(file);
	return kib;
}

static void take(struct parsers *parsers, size_t *done)
{
	struct parser_result result;
	struct err err = ERR_INIT;

	assert_int_equal(parsers_wait(parsers, 60000, &result, &err), 1);
	if (result.result != 0)
		fail_msg("%s", result.err.text);
	(*done)++;
}

static void test_nothing_is_left(void **state)
{
	struct parsers *parsers;
	struct err err = ERR_INIT;
	struct said said;
	size_t i, done = 0;
	long before = 0;
	int child = 0;

	(void)state;
#ifdef EDMARC_WITHOUT_SECCOMP
	skip(); /* the memory of a sanitizer is its own */
#endif
	open_samples();
	said_start(&said);
	assert_int_equal(report_read_prepare(&err), 0);
	assert_int_equal(parsers_new(1, true, &parsers, &err), 0);
	for (i = 0; i < MAILS; i++) {
		struct parser_mail mail = { .fd = samples[i % n_samples],
					    .sink = &said.sink };

		while (!parsers_have_room(parsers))
			take(parsers, &done);
		assert_int_equal(parsers_give(parsers, &mail, &err), 1);
		buf_reset(&said.text);
		if (i == WARM) {
			child = the_child();
			before = resident_kib(child);
		}
	}
	while (parsers_busy(parsers) > 0)
		take(parsers, &done);
	assert_int_equal(done, MAILS);
	assert_int_equal(the_child(), child);
	if (resident_kib(child) - before > MAX_GROWTH_KIB)
		fail_msg("%ld KiB, %ld KiB after %d mails", before,
			 resident_kib(child), MAILS);
	parsers_free(&parsers);
	said_release(&said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
