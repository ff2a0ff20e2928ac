/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bodyhash.h"

#include <stdlib.h>

#include "unit/cases.h"

static void check(const struct test_case *c)
{
	size_t budget = MAX_HASHED_BODY;

	if (case_has(c, "budget"))
		budget = strtoul(case_get(c, "budget"), NULL, 10);
	expect_bool(c, "behind",
		    is_signed_behind_empty_line(case_span(c, "body"),
						case_span(c, "signature"),
						&budget));
	expect_int(c, "left", (long long)budget);
}

int main(void)
{
	return cases_run("bodyhash.cases", check);
}
