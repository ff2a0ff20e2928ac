/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "store/columns.h"
#include "unit/cases.h"

static void check_address(const struct test_case *c)
{
	struct column_address address;

	if (!column_address(case_span(c, "ip"), &address)) {
		expect(c, "inet6", "-");
		return;
	}
	expect(c, "inet6", address.text);
	expect_span(c, "shown", column_address_shown(span_of(address.text)));
}

static void check_hash(const struct test_case *c)
{
	struct column_hash hash = column_hash(case_span(c, "hash-of"));
	char hex[2 * COLUMN_HASH + 1];
	size_t i;

	for (i = 0; i < COLUMN_HASH; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", hash.bytes[i]);
	expect(c, "hash", hex);
}

static void check(const struct test_case *c)
{
	struct arena *arena = arena_new((size_t)64 * 1024);

	if (case_has(c, "text"))
		expect_span(c, "cut",
			    column_text(arena, case_span(c, "text"),
					strtoul(case_get(c, "max"), NULL, 10)));
	if (case_has(c, "domain"))
		expect_span(c, "name",
			    column_domain(arena, case_span(c, "domain")));
	if (case_has(c, "address"))
		expect_span(c, "name",
			    column_domain_of(arena, case_span(c, "address")));
	if (case_has(c, "ip"))
		check_address(c);
	if (case_has(c, "hash-of"))
		check_hash(c);
	arena_free(&arena);
}

int main(void)
{
	return cases_run("columns.cases", check);
}
