/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "signatures.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "unit/cases.h"

/* The case's body behind 19 octets of something else, as in Exim's spool. */
static bool body_plain(const struct test_case *c)
{
	char path[] = "/tmp/signatures-XXXXXX";
	int fd = mkstemp(path);
	int plain;
	long times = 1, i;

	if (case_has(c, "times"))
		times = strtol(case_get(c, "times"), NULL, 10);

	if (fd < 0 || write_all(fd, SPAN("DKIM-Signature:i=(\n")) < 0)
		exit(99);
	/* So far behind that a line begins in another piece than it ends. */
	if (case_has(c, "padding")) {
		long n = strtol(case_get(c, "padding"), NULL, 10);

		while (n-- > 0)
			if (write_all(fd, SPAN("x")) < 0)
				exit(99);
	}
	for (i = 0; i < times; i++)
		if (write_all(fd, case_span(c, "body")) < 0)
			exit(99);
	plain = body_is_plain(fd, 19);
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
