/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "journal/entry.h"

#include "unit/cases.h"

static const char *const kinds[] = {
	[ERR_NONE] = "none",   [ERR_TEMP] = "temp",     [ERR_INPUT] = "input",
	[ERR_LIMIT] = "limit", [ERR_CONFIG] = "config",
};

static void check(const struct test_case *c)
{
	struct arena *arena = arena_new(1024 * 1024);
	struct entry entry = { .size = 12345 };
	struct err err = ERR_INIT;

	if (entry_parse(case_span(c, "line"), arena, &entry, &err) < 0) {
		expect(c, "error", err.text);
		/* A refused line leaves the caller's entry alone. */
		if (entry.size != 12345 || err.kind == ERR_NONE)
			err.kind = ERR_TEMP;
	}
	expect(c, "kind", kinds[err.kind]);
	expect(c, "from", entry.facts.from.domain[0]);
	expect(c, "from_status", from_status_name(entry.facts.from.status));
	expect(c, "result", dmarc_result_name(entry.verdict.result));
	expect_int(c, "score", entry.verdict.score);
	expect_bool(c, "spf_aligned", entry.verdict.spf_aligned);
	expect_bool(c, "dkim_aligned", entry.verdict.dkim_aligned);
	arena_free(&arena);
}

int main(void)
{
	return cases_run("entry.cases", check);
}
