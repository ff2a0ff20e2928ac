/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail/header.h"

#include "base/buf.h"
#include "unit/cases.h"

/* All fields as "name=body|...", bad lines as "!", then what is left. */
static void check(const struct test_case *c)
{
	struct span message = case_span(c, "message");
	struct span rest = message;
	struct buf got = BUF_INIT(65536);
	struct header_field field;
	struct span body = { .p = NULL };
	int more;

	while ((more = header_next(&rest, &field)) != 0) {
		if (got.n > 0)
			buf_add_char(&got, '|');
		if (more < 0) {
			buf_add_char(&got, '!');
			continue;
		}
		buf_add(&got, field.name);
		buf_add_char(&got, '=');
		buf_add(&got, field.body);
	}
	buf_add_string(&got, "");
	expect_span(c, "fields", buf_span(&got));
	expect_span(c, "rest", rest);
	if (case_has(c, "find")) {
		bool found = header_find(message, case_get(c, "find"), &body);

		expect_bool(c, "is-found", found);
		expect_span(c, "found", body);
	}
	buf_release(&got);
}

int main(void)
{
	return cases_run("header.cases", check);
}
