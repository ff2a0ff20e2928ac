/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/stored.h"
#include "fuzz.h"

static void check_told(const struct told *told)
{
	MUST_HOLD(told->text == NULL || told->where != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const ours[] = { NULL, "mx.test" };
	struct span text = { (const char *)data, size };
	size_t i;

	for (i = 0; i < 2; i++) {
		struct arena *arena = arena_new((size_t)32 * 1024 * 1024);
		struct err err = ERR_INIT;
		struct stored stored;

		MUST_HOLD(arena != NULL);
		if (stored_read(&stored, text, ours[i], arena, &err) < 0) {
			MUST_HOLD(err.kind != ERR_NONE);
		} else {
			check_told(&stored.client_ip);
			check_told(&stored.client_name);
			check_told(&stored.helo);
			check_told(&stored.mail_from);
			MUST_HOLD(stored.header.n <= size);
			MUST_HOLD((stored.results.p == NULL) ==
				  (stored.results_id == NULL));
		}
		arena_free(&arena);
	}
	return 0;
}
