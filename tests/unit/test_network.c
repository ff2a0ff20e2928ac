/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/network.h"

#include "unit/cases.h"

static void check(const struct test_case *c)
{
	struct err err = ERR_INIT;
	int listed = network_listed(case_span(c, "list"),
				    case_span(c, "address"), &err);

	expect(c, "listed", listed < 0 ? "error" : listed > 0 ? "yes" : "no");
	expect(c, "error", err.text);
}

int main(void)
{
	return cases_run("network.cases", check);
}
