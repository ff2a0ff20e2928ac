/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "journal/report_spool.h"
#include "unit/cases.h"

static void check(const struct test_case *c)
{
	struct report_envelope envelope = { .received = -7 };
	struct err err = ERR_INIT;
	size_t mail = 12345;

	if (report_envelope_parse(case_span(c, "text"), &envelope, &mail,
				  &err) < 0) {
		expect(c, "error", err.text);
		/* Nothing is written unless all is well. */
		if (err.kind != ERR_INPUT || envelope.received != -7 ||
		    envelope.recipient.p != NULL || mail != 12345)
			expect(c, "text", "a refusal that wrote something");
		return;
	}
	if (case_has(c, "error"))
		expect(c, "error", "taken");
	expect_int(c, "received", envelope.received);
	expect_span(c, "recipient", envelope.recipient);
	expect_span(c, "sender", envelope.sender);
	expect_span(c, "session", envelope.session);
	expect_int(c, "mail", (long long)mail);
}

int main(void)
{
	return cases_run("report_envelope.cases", check);
}
