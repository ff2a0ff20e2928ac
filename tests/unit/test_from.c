/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail/from.h"

#include "base/buf.h"
#include "unit/cases.h"

#define MAX_FIELDS 10

static void check(const struct test_case *c)
{
	struct arena *arena = arena_new(65536);
	struct span bodies[MAX_FIELDS];
	struct buf domains = BUF_INIT(65536);
	struct from_result result;
	size_t n = 0;
	size_t i;

	while (n < MAX_FIELDS && case_nth(c, "from", n).p != NULL) {
		bodies[n] = case_nth(c, "from", n);
		n++;
	}
	result = from_read(bodies, n, arena);
	buf_add_string(&domains, "");
	for (i = 0; i < result.n; i++)
		buf_addf(&domains, "%s%s", i > 0 ? " " : "", result.domain[i]);
	expect(c, "status", from_status_name(result.status));
	expect(c, "domains", buf_string(&domains));
	expect(c, "why", result.why);
	expect_int(c, "fields", (long long)result.fields);
	buf_release(&domains);
	arena_free(&arena);
}

int main(void)
{
	return cases_run("from.cases", check);
}
