/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail/authres.h"

#include "base/buf.h"
#include "unit/cases.h"

static void format(struct buf *text, const struct authres_result *result)
{
	size_t i;

	buf_add(text, result->method);
	buf_add_char(text, '=');
	buf_add(text, result->result);
	if (result->comment.p != NULL)
		buf_addf(text, " (%.*s)", SPAN_ARGS(result->comment));
	if (result->reason.p != NULL)
		buf_addf(text, " reason=%.*s", SPAN_ARGS(result->reason));
	for (i = 0; i < result->n; i++) {
		buf_addf(text,
			 " %.*s.%.*s=", SPAN_ARGS(result->property[i].type),
			 SPAN_ARGS(result->property[i].name));
		buf_add(text, result->property[i].value);
	}
}

static void check_parse(const struct test_case *c)
{
	struct arena *arena = arena_new(1024 * 1024);
	struct buf text = BUF_INIT(65536);
	struct authres authres;
	size_t i;

	if (!authres_parse(case_span(c, "text"), arena, &authres)) {
		expect(c, "id", NULL);
		expect(c, "results", "none can be read");
	} else {
		for (i = 0; i < authres.n; i++) {
			if (i > 0)
				buf_add_char(&text, '\n');
			format(&text, &authres.results[i]);
		}
		expect_span(c, "id", authres.authserv_id);
		expect_span(c, "version", authres.version);
		expect(c, "results", buf_string(&text));
		if (authres.n > 0 && case_has(c, "header-d"))
			expect_span(c, "header-d",
				    authres_property_get(&authres.results[0],
							 "header", "d"));
	}
	buf_release(&text);
	arena_free(&arena);
}

static void check(const struct test_case *c)
{
	if (case_has(c, "text"))
		check_parse(c);
	if (case_has(c, "field"))
		expect_bool(c, "claims",
			    authres_claims(case_span(c, "field"),
					   case_span(c, "ours")));
}

int main(void)
{
	return cases_run("authres.cases", check);
}
