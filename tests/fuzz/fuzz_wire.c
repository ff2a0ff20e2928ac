/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"
#include "report/wire.h"
#include "unit/said.h"

/* The last octet says how long the pieces are in which all come. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t piece = size > 0 ? data[size - 1] + 1u : 1;
	struct span bytes = { (const char *)data, size };
	struct err err = ERR_INIT;
	struct wire_reader *reader = wire_reader_new(&err);
	struct said said;
	int result = 0;

	MUST_HOLD(reader != NULL);
	said_start(&said);
	wire_reader_start(reader, &said.sink);
	while (result == 0 && bytes.n > 0) {
		struct span next = { bytes.p,
				     bytes.n < piece ? bytes.n : piece };
		size_t before = next.n;

		result = wire_reader_push(reader, &next, &err);
		MUST_HOLD(result != 0 || next.n == 0);
		bytes.p += before;
		bytes.n -= before;
	}
	/* Whatever the child says, the sink hears only what makes sense. */
	MUST_HOLD(said.broken == NULL);
	MUST_HOLD(result >= 0 || err.kind == ERR_INPUT);
	MUST_HOLD(result <= 0 || (said.depth == 0 && said.reports > 0));
	said_release(&said);
	wire_reader_free(&reader);
	return 0;
}
