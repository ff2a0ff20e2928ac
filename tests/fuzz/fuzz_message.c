/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/message.h"
#include "fuzz.h"

/* The first octet chooses the type, the rest is the reply. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_question question = { .name = "a.example" };
	struct arena *arena = arena_new((size_t)16 * 1024 * 1024);
	struct span reply = { (const char *)data, size };
	struct dns_answer answer;
	size_t i;

	MUST_HOLD(arena != NULL);
	if (size > 0) {
		question.type = (enum dns_type)(data[0] % 4);
		reply.p++;
		reply.n--;
	}
	answer = dns_message_read(reply, &question, arena);
	MUST_HOLD((answer.status == DNS_FOUND) == (answer.n > 0));
	MUST_HOLD((answer.status == DNS_FAIL) == (answer.why[0] != '\0'));
	for (i = 0; i < answer.n; i++)
		MUST_HOLD(answer.records[i].p != NULL);
	arena_free(&arena);
	return 0;
}
