/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/destinations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "dns/zonefile.h"
#include "unit/cases.h"

static const char *const states[] = {
	[DESTINATION_ALLOWED] = "allowed",
	[DESTINATION_REFUSED] = "refused",
	[DESTINATION_POSTPONED] = "postponed",
};

/* What is remembered: one refusal at most. */
struct memory {
	struct refusals refusals;
	const char *known; /* "POLICY-DOMAIN HOST", or "" */
	char kept[600];
};

static const char *find(struct refusals *self, const char *policy_domain,
			const char *host, struct arena *arena)
{
	const struct memory *memory = (const struct memory *)self;
	const char *pair = arena_printf(arena, "%s %s", policy_domain, host);

	return strcmp(pair, memory->known) == 0 ? "refused lately" : NULL;
}

static void keep(struct refusals *self, const char *policy_domain,
		 const char *host, const char *why)
{
	struct memory *memory = (struct memory *)self;

	assert_true(why[0] != '\0');
	snprintf(memory->kept, sizeof(memory->kept), "%s %s", policy_domain,
		 host);
}

static void
expect_limits(const struct test_case *c, const struct destinations *found)
{
	struct buf got = BUF_INIT(1000);
	size_t i;

	for (i = 0; i < found->n; i++)
		buf_addf(&got, "%s%llu", i == 0 ? "" : " ",
			 (unsigned long long)found->list[i].max_bytes);
	expect(c, "limits", buf_string(&got));
	buf_release(&got);
}

static void check(const struct test_case *c)
{
	struct memory memory = {
		.refusals = { .find = find, .keep = keep },
		.known = case_has(c, "known") ? case_get(c, "known") : "",
	};
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
					   case_span(c, "rua"), NULL,
					   &memory.refusals, resolver, arena,
					   &found, &err),
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
	expect_int(c, "ignored", (long long)found.ignored);
	expect(c, "first-ignored", found.first_ignored);
	expect(c, "kept", memory.kept);
	expect_limits(c, &found);
	resolver_free(&resolver);
	buf_release(&got);
	arena_free(&arena);
}

int main(void)
{
	/* 57 bytes are a line of 76 digits, and its end. */
	if (destination_encoded_bytes(0) != 0 ||
	    destination_encoded_bytes(1) != 6 ||
	    destination_encoded_bytes(57) != 78 ||
	    destination_encoded_bytes(58) != 84)
		return 1;
	return cases_run("destinations.cases", check);
}
