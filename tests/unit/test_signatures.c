/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "signatures.h"

#include "unit/cases.h"

static void check(const struct test_case *c)
{
	if (case_has(c, "signature"))
		expect_bool(c, "plain",
			    signature_is_plain(case_span(c, "signature")));
	else
		expect_bool(c, "plain",
			    envelope_is_plain(case_span(c, "envelope")));
}

int main(void)
{
	return cases_run("signatures.cases", check);
}
