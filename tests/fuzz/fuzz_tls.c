/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"
#include "report/limits.h"
#include "report/tls.h"
#include "unit/said.h"

/* A sink that refuses is heard, and called no more. */
static void refuse_at(struct span text, int calls)
{
	struct err err = ERR_INIT;
	struct said said;
	int result;

	said_start(&said);
	said.refuse_after = calls;
	result = tls_read(SPAN("entry"), text, &said.sink, &err);
	MUST_HOLD(result == -1 ? err.kind == ERR_TEMP : result == 0);
	MUST_HOLD((result == -1) == (said.refuse_after < 0));
	MUST_HOLD(said.broken == NULL);
	said_release(&said);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	struct err err = ERR_INIT;
	struct said said;

	(void)tls_is_report(text);
	said_start(&said);
	MUST_HOLD(tls_read(SPAN("entry"), text, &said.sink, &err) == 0);
	MUST_HOLD(said.broken == NULL && said.depth == 0);
	MUST_HOLD(said.reports == 1);
	/* No JSON grows: each value is said once, cut or with a name to it. */
	MUST_HOLD(said.text.n <= 1024 + 64 * size);
	MUST_HOLD(said.good == 0 || said.rows <= MAX_TLS_POLICIES);
	/* Whoever is good says what it is somewhere. */
	MUST_HOLD(said.good == 0 || tls_is_report(text) ||
		  span_has(text, '\\'));
	said_release(&said);
	refuse_at(text, (int)(size % 5));
	return 0;
}
