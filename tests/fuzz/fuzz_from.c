/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/buf.h"
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

/* Each domain, written as plainly as can be, is an Author Domain. */
static void check_plain(const struct from_result *result, struct arena *arena)
{
	size_t i;

	for (i = 0; i < result->n; i++) {
		struct span body = span_of(
			arena_printf(arena, " <a@%s>", result->domain[i]));
		struct from_result plain = from_read(&body, 1, arena);

		MUST_HOLD(plain.status == FROM_ONE);
		MUST_HOLD(strcmp(plain.domain[0], result->domain[i]) == 0);
	}
}

static bool is_among(const struct from_result *result, const char *domain)
{
	size_t i;

	for (i = 0; i < result->n; i++)
		if (strcmp(result->domain[i], domain) == 0)
			return true;
	return false;
}

/*
 * Whatever stands in a field, it neither hides a mailbox in front of it nor the
 * field behind it, nor does it make a message with several domains one with one.
 */
static void check_hides_nothing(struct span body, struct arena *arena)
{
	static const char front[] = " F <f@front.test>, ";
	struct buf text = BUF_INIT((size_t)4 * 1024 * 1024);
	struct span bodies[2];
	struct from_result both;

	buf_add_string(&text, front);
	buf_add(&text, body);
	MUST_HOLD(buf_ok(&text));
	bodies[0] = buf_span(&text);
	bodies[1] = SPAN(" Behind <b@behind.test>");
	both = from_read(bodies, 2, arena);
	MUST_HOLD(both.n > 0 && strcmp(both.domain[0], "front.test") == 0);
	MUST_HOLD(both.status == FROM_SEVERAL || both.status == FROM_MALFORMED);
	/* Both limits are faults, which from_read() tells. */
	MUST_HOLD(is_among(&both, "behind.test") ||
		  strcmp(both.why, "too many domains") == 0 ||
		  strcmp(both.why, "too many mailboxes") == 0 ||
		  both.n == MAX_FROM_DOMAINS || body.n > MAX_FROM_MAILBOXES);
	buf_release(&text);
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
	check_plain(&result, arena);
	check_hides_nothing(bodies[0], arena);
	arena_free(&arena);
	return 0;
}
