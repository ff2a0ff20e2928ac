/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "dns/domain.h"
#include "fuzz.h"

static void check_name(const char *name, struct arena *arena)
{
	size_t labels = domain_labels(name);
	const char *again = domain_normalize(arena, span_of(name));
	size_t i;

	MUST_HOLD(strlen(name) <= DOMAIN_MAX_OCTETS);
	MUST_HOLD(again != NULL && domain_equal(again, name));
	MUST_HOLD(labels > 0);
	MUST_HOLD(*domain_without(name, labels) == '\0');
	MUST_HOLD(domain_last(name, labels) == name);
	for (i = 0; i <= labels; i++) {
		const char *ancestor = domain_without(name, i);

		MUST_HOLD(domain_labels(ancestor) == labels - i);
		MUST_HOLD(domain_last(name, labels - i) == ancestor);
		MUST_HOLD(domain_is_within(name, ancestor));
		MUST_HOLD(i == 0 || !domain_is_within(ancestor, name));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(65536);
	struct span text = { (const char *)data, size };
	const char *name;

	MUST_HOLD(arena != NULL);
	name = domain_normalize(arena, text);
	if (name != NULL)
		check_name(name, arena);
	arena_free(&arena);
	return 0;
}
