/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "dns/zonefile.h"
#include "fuzz.h"

static void check_answer(const struct dns_answer *answer)
{
	size_t i;

	MUST_HOLD((answer->status == DNS_FOUND) == (answer->n > 0));
	MUST_HOLD((answer->status == DNS_FAIL) == (answer->why[0] != '\0'));
	for (i = 0; i < answer->n; i++)
		MUST_HOLD(answer->records[i].p != NULL);
}

/* A name in the file is likely to be a word of it. */
static const char *pick_word(struct span text, struct arena *arena)
{
	struct span word = { text.p, 0 };

	while (word.n < text.n && !ascii_is_space(word.p[word.n]))
		word.n++;
	if (word.n > 0 && word.p[word.n - 1] == '.')
		word.n--;
	return arena_copy(arena, word).p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = { (const char *)data, size };
	struct arena *arena = arena_new((size_t)32 * 1024 * 1024);
	struct err err = ERR_INIT;
	struct resolver *zone = zonefile_parse(text, &err);

	MUST_HOLD(arena != NULL);
	MUST_HOLD((zone == NULL) == (err.kind != ERR_NONE));
	if (zone == NULL) {
		MUST_HOLD(strncmp(err.text, "line ", 5) == 0);
	} else {
		struct dns_question question[4] = {
			{ .name = pick_word(text, arena), .type = DNS_TXT },
			{ .name = "a.b.example", .type = DNS_MX },
			{ .name = "", .type = DNS_A },
			{ .name = "*", .type = DNS_AAAA },
		};
		struct dns_answer answer[4];
		size_t i;

		zone->ask(zone, question, answer, 4, arena);
		for (i = 0; i < 4; i++)
			check_answer(&answer[i]);
	}
	resolver_free(&zone);
	arena_free(&arena);
	return 0;
}
