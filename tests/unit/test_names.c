/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/names.h"

#include "unit/cases.h"

#define BEGIN 1795305600

static void check_id(const struct test_case *c)
{
	struct report_id id;
	uint64_t day = 0;

	if (!span_to_uint(case_span(c, "day"), UINT64_MAX / 2, &day))
		day = 0;
	id = report_id_make((int64_t)day, case_span(c, "policy"),
			    case_get(c, "submitter"));
	expect(c, "made", id.text);
}

static void check_names(const struct test_case *c)
{
	struct report_names names = { NULL, NULL, NULL };
	struct arena *arena = arena_new(65536);
	const char *id = case_maybe(c, "id");
	struct err err = ERR_INIT;

	if (id == NULL)
		id = "0123456789abcdef0123456789ABCDEF";
	if (report_names_make(&names, case_get(c, "submitter"),
			      case_get(c, "domain"), BEGIN, BEGIN + 86399, id,
			      arena, &err) < 0) {
		expect(c, "error", err.text);
		expect(c, "kind",
		       err.kind == ERR_CONFIG ? "configuration" : "input");
	}
	expect(c, "file", names.file);
	expect(c, "subject", names.subject);
	expect(c, "message-id", names.message_id);
	arena_free(&arena);
}

static void check(const struct test_case *c)
{
	if (case_has(c, "made"))
		check_id(c);
	else
		check_names(c);
}

int main(void)
{
	return cases_run("names.cases", check);
}
