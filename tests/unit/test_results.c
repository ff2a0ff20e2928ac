/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "journal/results.h"

#include "base/buf.h"
#include "unit/cases.h"

static void format(struct buf *out, const struct results *results)
{
	size_t i;

	for (i = 0; i < results->n_reasons; i++)
		buf_addf(out, " %s(%s)",
			 reason_type_name(results->reasons[i].type),
			 results->reasons[i].comment);
	for (i = 0; i < results->n_dkim; i++)
		buf_addf(out, " dkim=%s/%s/%s/%s", results->dkim[i].domain,
			 results->dkim[i].selector,
			 auth_result_name(results->dkim[i].result),
			 results->dkim[i].human);
	if (results->spf.known)
		buf_addf(out, " spf=%s/%s/%s", results->spf.domain,
			 spf_scope_name(results->spf.scope),
			 auth_result_name(results->spf.result));
	buf_drop(out, 1);
}

static void check(const struct test_case *c)
{
	struct arena *arena = arena_new((size_t)1024 * 1024);
	struct buf got = BUF_INIT(65536);
	struct err err = ERR_INIT;
	struct results results;
	int result;

	result = results_parse(case_span(c, "reasons"), case_span(c, "auth"),
			       arena, &results, &err);
	if (result < 0)
		buf_addf(&got, "!%s", err.text);
	else
		format(&got, &results);
	expect_bool(c, "fails", result < 0);
	expect(c, "read", buf_string(&got));
	buf_release(&got);
	arena_free(&arena);
}

int main(void)
{
	return cases_run("results.cases", check);
}
