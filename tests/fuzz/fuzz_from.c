/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "fuzz.h"
#include "mail/from.h"
#include "mail/idn.h"

#define MAX_FIELDS 4

/* Fields are separated by the octet 0x1e. */
static size_t split(struct span text, struct span *bodies)
{
	size_t n = 0;

	while (n < MAX_FIELDS - 1 && span_take_until(&text, 0x1e, &bodies[n]))
		n++;
	bodies[n++] = text;
	return n;
}

static void check_status(const struct from_result *result)
{
	switch (result->status) {
	case FROM_ONE:
		MUST_HOLD(result->n == 1 && result->why == NULL);
		break;
	case FROM_NONE:
		MUST_HOLD(result->n == 0 && result->why != NULL);
		break;
	case FROM_SEVERAL:
		MUST_HOLD(result->n > 1 && result->why == NULL);
		break;
	case FROM_MALFORMED:
		MUST_HOLD(result->why != NULL);
		break;
	}
}

static void check_domains(const struct from_result *result)
{
	size_t i, k;

	MUST_HOLD(result->n <= MAX_FROM_DOMAINS);
	for (i = 0; i < result->n; i++) {
		struct idn_name again;

		MUST_HOLD(idn_convert(span_of(result->domain[i]), &again) ==
			  IDN_OK);
		MUST_HOLD(strcmp(again.text, result->domain[i]) == 0);
		for (k = 0; k < i; k++)
			MUST_HOLD(strcmp(result->domain[i],
					 result->domain[k]) != 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bodies[MAX_FIELDS];
	struct arena *arena = arena_new((size_t)1024 * 1024);
	size_t n = split((struct span){ (const char *)data, size }, bodies);
	struct from_result result;

	MUST_HOLD(arena != NULL);
	result = from_read(bodies, n, arena);
	MUST_HOLD(result.fields == n);
	check_status(&result);
	check_domains(&result);
	arena_free(&arena);
	return 0;
}
