/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/carrier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/cases.h"

static const char *const ids[] = { "mx.hoster.example", "mx" };

static void check_email(const struct test_case *c, struct carrier *carrier,
			struct arena *arena)
{
	struct err err = ERR_INIT;
	struct psl *psl = NULL;

	if (case_has(c, "list")) {
		assert_string_equal(case_get(c, "list"), "yes");
		psl = psl_open(data_path("suffixes.dat"), &err);
		if (psl == NULL)
			fail_msg("%s", err.text);
	}
	carrier->psl = psl;
	expect(c, "report",
	       authenticated_name(carrier_of_report(
		       carrier, case_span(c, "email"), arena)));
	psl_free(&psl);
}

/* In memory of just this size, so that a sanitizer sees the octet behind it. */
static void check(const struct test_case *c)
{
	struct arena *arena = arena_new((size_t)4 * 1024 * 1024);
	struct span text = case_span(c, "header");
	char *copy = malloc(text.n);
	struct carrier carrier;

	assert_non_null(arena);
	assert_non_null(copy);
	memcpy(copy, text.p, text.n);
	carrier_read((struct span){ copy, text.n }, ids, 2, arena, &carrier);
	expect(c, "result", authenticated_name(carrier.result));
	expect(c, "domain", carrier.domain);
	if (case_has(c, "email"))
		check_email(c, &carrier, arena);
	/* Cut anywhere, it never becomes better than it is. */
	if (carrier.result != AUTHENTICATED_YES)
		for (; text.n > 0; text.n--) {
			carrier_read((struct span){ copy, text.n }, ids, 2,
				     arena, &carrier);
			assert_int_not_equal(carrier.result, AUTHENTICATED_YES);
			arena_reset(arena);
		}
	free(copy);
	arena_free(&arena);
}

int main(void)
{
	return cases_run("carrier.cases", check);
}
