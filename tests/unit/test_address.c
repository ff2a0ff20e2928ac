/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/address.h"

#include <string.h>

#include "unit/cases.h"

static void check(const struct test_case *c)
{
	struct span domain = SPAN("");
	bool plain = address_is_plain(case_span(c, "address"), &domain);

	expect_bool(c, "plain", plain);
	if (case_has(c, "domain"))
		expect_span(c, "domain", domain);
}

int main(void)
{
	return cases_run("address.cases", check);
}
