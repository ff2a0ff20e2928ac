/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/domain.h"

#include "unit/cases.h"

static void check(const struct test_case *c)
{
	struct arena *arena = arena_new(4096);
	char *name = domain_normalize(arena, case_span(c, "name"));

	expect(c, "normal", name);
	if (name != NULL) {
		const char *ancestor = case_maybe(c, "ancestor");

		expect_int(c, "labels", (long long)domain_labels(name));
		expect(c, "without-1", domain_without(name, 1));
		expect(c, "without-2", domain_without(name, 2));
		expect(c, "without-9", domain_without(name, 9));
		expect(c, "last-1", domain_last(name, 1));
		expect(c, "last-2", domain_last(name, 2));
		expect(c, "last-9", domain_last(name, 9));
		if (ancestor != NULL) {
			expect_bool(c, "within",
				    domain_is_within(name, ancestor));
			expect_bool(c, "equal", domain_equal(name, ancestor));
		}
	}
	arena_free(&arena);
}

int main(void)
{
	return cases_run("domain.cases", check);
}
