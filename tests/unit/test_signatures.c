/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "signatures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "unit/cases.h"

static long number(const struct test_case *c, const char *field, long missing)
{
	return case_has(c, field) ? strtol(case_get(c, field), NULL, 10) :
				    missing;
}

/*
 * The case's body behind 19 octets of something else, as in Exim's spool, and
 * in memory: both readers must say the same.
 */
static bool body_plain(const struct test_case *c)
{
	struct buf text = BUF_INIT((size_t)1 << 26);
	char path[] = "/tmp/signatures-XXXXXX";
	int fd = mkstemp(path);
	int plain;
	long i;

	buf_add(&text, SPAN("DKIM-Signature:i=(\n"));
	/* So far behind that a line begins in another piece than it ends. */
	for (i = number(c, "padding", 0); i > 0; i--)
		buf_add_char(&text, 'x');
	for (i = number(c, "times", 1); i > 0; i--)
		buf_add(&text, case_span(c, "body"));
	if (fd < 0 || !buf_ok(&text) || write_all(fd, buf_span(&text)) < 0)
		exit(99);
	plain = body_is_plain(fd, 19);
	assert_int_equal(plain, text_is_plain((struct span){ text.p + 19,
							     text.n - 19 }));
	buf_release(&text);
	close(fd);
	unlink(path);
	return plain == 1;
}

static void check(const struct test_case *c)
{
	if (case_has(c, "signature"))
		expect_bool(c, "plain",
			    signature_is_plain(case_span(c, "signature")));
	else if (case_has(c, "field"))
		expect_bool(
			c, "plain",
			field_is_plain(SPAN("X-Field"), case_span(c, "field")));
	else if (case_has(c, "body"))
		expect_bool(c, "plain", body_plain(c));
	else
		expect_bool(c, "plain", name_is_plain(case_span(c, "name")));
}

int main(void)
{
	return cases_run("signatures.cases", check);
}
