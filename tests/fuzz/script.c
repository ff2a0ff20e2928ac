/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz/script.h"

#include <string.h>

#include "fuzz.h"

static void answer_one(struct script *script, struct dns_answer *answer,
		       struct arena *arena)
{
	struct span line;

	*answer = (struct dns_answer){ .status = DNS_NXDOMAIN };
	if (!span_take_line(&script->rest, &line) || span_is(line, "?"))
		return;
	if (span_is(line, "!")) {
		answer->status = DNS_FAIL;
		memcpy(answer->why, "timeout", sizeof("timeout"));
		return;
	}
	answer->status = span_is(line, "-") ? DNS_NODATA : DNS_FOUND;
	answer->records = arena_alloc(arena, sizeof(*answer->records));
	MUST_HOLD(answer->records != NULL);
	answer->records[0] = line;
	answer->n = answer->status == DNS_FOUND;
}

static void note(struct script *script, const struct dns_question *question)
{
	size_t i;

	MUST_HOLD(strlen(question->name) <= 253);
	for (i = 0; i < script->n; i++)
		MUST_HOLD(script->asked[i].type != question->type ||
			  strcmp(script->name[i], question->name) != 0);
	MUST_HOLD(script->n < MAX_QUESTIONS);
	script->asked[script->n] = *question;
	memcpy(script->name[script->n], question->name,
	       strlen(question->name) + 1);
	script->n++;
}

static void ask(struct resolver *self, const struct dns_question *questions,
		struct dns_answer *answers, size_t n, struct arena *arena)
{
	struct script *script = (struct script *)self;
	size_t i;

	for (i = 0; i < n; i++) {
		note(script, &questions[i]);
		answer_one(script, &answers[i], arena);
	}
}

static void free_nothing(struct resolver *self)
{
	(void)self;
}

void script_start(struct script *script, struct span text)
{
	script->resolver =
		(struct resolver){ .ask = ask, .free = free_nothing };
	script->rest = text;
	script->n = 0;
}
