/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/destinations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "dns/zonefile.h"
#include "unit/cases.h"

static const char *const states[] = {
	[DESTINATION_ALLOWED] = "allowed",
	[DESTINATION_REFUSED] = "refused",
	[DESTINATION_POSTPONED] = "postponed",
};

static void check(const struct test_case *c)
{
	struct arena *arena = arena_new((size_t)1024 * 1024);
	struct buf got = BUF_INIT(65536);
	struct err err = ERR_INIT;
	struct resolver *resolver = zonefile_parse(case_span(c, "zone"), &err);
	struct destinations found;
	const char *why = "";
	size_t i;

	if (resolver == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(destinations_find(case_get(c, "policy-domain"),
					   case_span(c, "rua"), NULL, resolver,
					   arena, &found, &err),
			 0);
	for (i = 0; i < found.n; i++) {
		const struct destination *one = &found.list[i];

		buf_addf(&got, "%s%s=%s", i == 0 ? "" : " ", one->address,
			 states[one->state]);
		assert_int_equal(one->state == DESTINATION_ALLOWED,
				 one->why[0] == '\0');
		if (why[0] == '\0')
			why = one->why;
	}
	expect(c, "to", buf_string(&got));
	expect(c, "why", why);
	expect_int(c, "left-out", (long long)found.left_out);
	resolver_free(&resolver);
	buf_release(&got);
	arena_free(&arena);
}

int main(void)
{
	return cases_run("destinations.cases", check);
}
