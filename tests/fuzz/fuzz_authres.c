/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"
#include "mail/authres.h"

static void check_result(const struct authres_result *result)
{
	size_t i;

	MUST_HOLD(result->method.p != NULL && result->result.p != NULL);
	MUST_HOLD(result->n <= MAX_AUTHRES_PROPERTIES);
	for (i = 0; i < result->n; i++) {
		MUST_HOLD(result->property[i].type.p != NULL);
		MUST_HOLD(result->property[i].name.p != NULL);
		MUST_HOLD(result->property[i].value.p != NULL);
	}
}

static bool may_be_host(struct span id)
{
	return id.n <= 253 && !span_has(id, ' ') && !span_has(id, '\t');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char name[] = "Authentication-Results";
	struct span text = { (const char *)data, size };
	struct arena *arena = arena_new((size_t)16 * 1024 * 1024);
	struct authres authres = { .n = 12345 };
	size_t i;

	MUST_HOLD(arena != NULL);
	if (authres_parse(text, arena, &authres)) {
		MUST_HOLD(authres.n <= MAX_AUTHRES_RESULTS);
		for (i = 0; i < authres.n; i++)
			check_result(&authres.results[i]);
		/* Whom we take for the writer, that one it claims to be. */
		if (!span_starts(span_trim(text), name) &&
		    may_be_host(authres.authserv_id))
			MUST_HOLD(authres_claims(text, authres.authserv_id));
	} else {
		MUST_HOLD(authres.n == 12345);
	}
	(void)authres_claims(text, SPAN("mx.test"));
	arena_free(&arena);
	return 0;
}
