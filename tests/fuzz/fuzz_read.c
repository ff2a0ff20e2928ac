/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"
#include "report/limits.h"
#include "report/read.h"
#include "unit/said.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int prepared = -1;
	struct span bytes = { (const char *)data, size };
	struct err err = ERR_INIT;
	struct said said;

	if (prepared < 0)
		prepared = report_read_prepare(&err);
	MUST_HOLD(prepared == 0);
	said_start(&said);
	MUST_HOLD(report_read(bytes, &said.sink, &err) == 0);
	MUST_HOLD(said.broken == NULL && said.depth == 0);
	/* Whatever it is, something is said about it. */
	MUST_HOLD(said.reports > 0);
	MUST_HOLD(said.reports <= MAX_MAIL_REPORTS + 2);
	said_release(&said);
	return 0;
}
