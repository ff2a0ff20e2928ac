/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail/idn.h"

#include "unit/cases.h"

static void check(const struct test_case *c)
{
	struct arena *arena = arena_new(4096);

	expect(c, "ascii", idn_to_ascii(arena, case_span(c, "name")));
	arena_free(&arena);
}

int main(void)
{
	return cases_run("idn.cases", check);
}
