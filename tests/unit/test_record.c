/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dmarc/record.h"

#include <string.h>

#include "base/buf.h"
#include "unit/cases.h"

static const char *result_name(enum dmarc_record_result result)
{
	switch (result) {
	case DMARC_RECORD_NOT_DMARC:
		return "not-dmarc";
	case DMARC_RECORD_OK:
		return "ok";
	case DMARC_RECORD_NO_POLICY:
		return "no-policy";
	case DMARC_RECORD_NO_MEMORY:
		return "no-memory";
	}
	return "?";
}

static void expect_fo(const struct test_case *c, unsigned fo)
{
	static const char letters[] = "01ds";
	char text[8] = "";
	size_t i, n = 0;

	for (i = 0; i < sizeof(letters) - 1; i++)
		if ((fo & (1U << i)) != 0)
			text[n++] = letters[i];
	expect(c, "fo", text);
}

/* All usable addresses, with a blank between. */
static void expect_addresses(const struct test_case *c, const char *field,
			     struct span list, struct arena *arena)
{
	struct buf all = BUF_INIT(65536);
	struct span address;

	while (dmarc_uri_next(&list, arena, &address) == 1) {
		if (all.n > 0)
			buf_add_char(&all, ' ');
		buf_add(&all, address);
	}
	expect(c, field, buf_string(&all));
	buf_release(&all);
}

static void expect_record(const struct test_case *c,
			  const struct dmarc_record *record,
			  struct arena *arena)
{
	expect(c, "p", dmarc_policy_name(record->p));
	expect(c, "sp", dmarc_policy_name(record->sp));
	expect(c, "np", dmarc_policy_name(record->np));
	expect(c, "adkim", alignment_mode_name(record->adkim));
	expect(c, "aspf", alignment_mode_name(record->aspf));
	expect(c, "psd", dmarc_psd_name(record->psd));
	expect_bool(c, "testing", record->testing);
	expect_bool(c, "bad-policy", record->bad_policy);
	expect_int(c, "pct", record->pct);
	expect_fo(c, record->fo);
	expect_span(c, "rua", record->rua);
	expect_span(c, "ruf", record->ruf);
	expect_span(c, "text", record->text);
	expect_span(c, "faults", record->faults);
	expect_addresses(c, "addresses", record->rua, arena);
	expect_addresses(c, "ruf-addresses", record->ruf, arena);
}

static void check(const struct test_case *c)
{
	const char *dialect = case_maybe(c, "dialect");
	struct arena *arena = arena_new(1024 * 1024);
	struct dmarc_record record = { .pct = 12345 };
	enum dmarc_record_result result;

	result = dmarc_record_parse_as(
		dialect != NULL && strcmp(dialect, "rfc7489") == 0 ?
			RECORD_RFC7489 :
			RECORD_RFC9989,
		case_span(c, "txt"), arena, &record);
	expect(c, "result", result_name(result));
	if (result == DMARC_RECORD_NOT_DMARC)
		expect_int(c, "pct", record.pct);
	else
		expect_record(c, &record, arena);
	arena_free(&arena);
}

int main(void)
{
	return cases_run("record.cases", check);
}
