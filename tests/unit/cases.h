/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cases.h - tests that are data
 *
 * A cases file reads like mail headers. A line of "#" before a block is its
 * title; each block becomes one cmocka test named FILE:LINE TITLE. A field can
 * be given several times (case_get_nth), and lines that begin with white space
 * go on with the one before. \n \r \t \0 \\ \xNN stand for those bytes.
 *
 *	# the shortest useful record
 *	txt: v=DMARC1; p=none
 *	result: ok
 */
#ifndef EDMARC_TESTS_CASES_H
#define EDMARC_TESTS_CASES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

struct test_case;

/* The value of a field; fails the test when it is missing. */
const char *case_get(const struct test_case *c, const char *field);

/* The same with its length, since a value may hold NULs. */
struct span case_span(const struct test_case *c, const char *field);

/* NULL, or false, when it is missing. */
const char *case_maybe(const struct test_case *c, const char *field);
bool case_has(const struct test_case *c, const char *field);

/* The nth (from 0) field of that name, or a span with p == NULL. */
struct span case_nth(const struct test_case *c, const char *field, size_t nth);

/*
 * If the case names this field, it must equal got; a case that does not name it
 * does not care. NULL is written as "-".
 */
void expect(const struct test_case *c, const char *field, const char *got);
void expect_span(const struct test_case *c, const char *field, struct span got);
void expect_int(const struct test_case *c, const char *field, long long got);
void expect_bool(const struct test_case *c, const char *field, bool got);

/*
 * Run all cases of tests/data/NAME; also checks that every field of every case
 * was asked for, so that a misspelt one is found. The result is main()'s.
 */
int cases_run(const char *name, void (*check)(const struct test_case *c));

/* The path of tests/data/NAME; valid until the next call. */
const char *data_path(const char *name);

/*
 * The path of NAME in the folder of shared samples beside the project, or NULL
 * when that folder is not here; then the caller says so and skips.
 */
const char *shared_path(const char *name);

#endif
