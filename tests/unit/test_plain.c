/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/plain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "report/extract.h"
#include "unit/cases.h"

/* In memory of just this size, so that a sanitizer sees the octet behind it. */
static char *copy_of(struct span mail)
{
	char *copy = malloc(mail.n);

	assert_non_null(copy);
	memcpy(copy, mail.p, mail.n);
	return copy;
}

static void
check_part(const struct test_case *c, size_t i, const struct mail_part *part)
{
	struct span wanted = case_nth(c, "part", i);
	struct buf got = BUF_INIT(10000);

	buf_add(&got, part->type);
	buf_add_char(&got, '|');
	buf_add(&got, part->name);
	buf_add_char(&got, '|');
	buf_add(&got, part->bytes);
	if (case_has(c, "part") && !span_equal(wanted, buf_span(&got)))
		fail_msg("part %zu: %s", i, buf_string(&got));
	buf_release(&got);
}

/* Both ways give what the case says, or at least the same. */
static void check(const struct test_case *c)
{
	struct span mail = case_span(c, "mail");
	struct err err = ERR_INIT;
	struct extract *ours, *gmime;
	struct mail_part part, theirs;
	size_t i = 0;
	int more;

	assert_int_equal(extract_prepare(&err), 0);
	ours = extract_new(copy_of(mail), mail.n, &err);
	gmime = extract_new_by_gmime(copy_of(mail), mail.n, &err);
	assert_non_null(ours);
	assert_non_null(gmime);
	assert_false(extract_is_plain(gmime));
	expect_bool(c, "plain", extract_is_plain(ours));
	while ((more = extract_next(ours, &part, &err)) == 1) {
		assert_int_equal(extract_next(gmime, &theirs, &err), 1);
		check_part(c, i++, &part);
		assert_true(span_equal(part.type, theirs.type));
		assert_true(span_equal(part.name, theirs.name));
		assert_true(span_equal(part.bytes, theirs.bytes));
	}
	assert_int_equal(more, 0);
	assert_int_equal(extract_next(gmime, &theirs, &err), 0);
	assert_true(!case_has(c, "part") || case_nth(c, "part", i).p == NULL);
	extract_free(&ours);
	extract_free(&gmime);
}

int main(void)
{
	return cases_run("plain.cases", check);
}
