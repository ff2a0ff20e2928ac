/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/conf.h"

#include "base/buf.h"
#include "unit/cases.h"

/* All entries as "section/key=value@line|...", errors as "!text". */
static void check(const struct test_case *c)
{
	struct arena *arena = arena_new(1024 * 1024);
	struct conf conf = conf_start(case_span(c, "file"), arena);
	struct buf got = BUF_INIT(65536);
	struct err err = ERR_INIT;
	struct conf_entry entry;
	int more;

	while ((more = conf_next(&conf, &entry, &err)) != 0) {
		if (got.n > 0)
			buf_add_char(&got, '|');
		if (more < 0)
			buf_addf(&got, "!%s", err.text);
		else
			buf_addf(&got, "%.*s/%.*s=%.*s@%d",
				 SPAN_ARGS(entry.section), SPAN_ARGS(entry.key),
				 SPAN_ARGS(entry.value), entry.line);
	}
	expect(c, "entries", buf_string(&got));
	buf_release(&got);
	arena_free(&arena);
}

int main(void)
{
	return cases_run("conf.cases", check);
}
