/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_zonefile.c - a zone file
 *
 * What it answers, written as a zone file of its own, is answered again.
 */
#include <string.h>

#include "base/buf.h"
#include "dns/domain.h"
#include "dns/zonefile.h"
#include "fuzz.h"

#define QUESTIONS 7

static void check_answer(const struct dns_answer *answer)
{
	size_t i;

	MUST_HOLD((answer->status == DNS_FOUND) == (answer->n > 0));
	MUST_HOLD((answer->status == DNS_FAIL) == (answer->why[0] != '\0'));
	for (i = 0; i < answer->n; i++)
		MUST_HOLD(answer->records[i].p != NULL);
}

static void add_escaped(struct buf *buf, struct span text)
{
	size_t i;

	for (i = 0; i < text.n; i++)
		buf_addf(buf, "\\%03u", (unsigned char)text.p[i]);
}

/* Labels of any octets but dots. */
static void add_name(struct buf *buf, struct span name)
{
	struct span label;

	while (span_take_until(&name, '.', &label)) {
		add_escaped(buf, label);
		buf_add_char(buf, '.');
	}
	add_escaped(buf, name);
	buf_add_char(buf, '.');
}

static void add_strings(struct buf *buf, struct span text)
{
	do {
		struct span piece = { text.p, text.n > 255 ? 255 : text.n };

		buf_add_string(buf, " \"");
		add_escaped(buf, piece);
		buf_add_char(buf, '"');
		text.p += piece.n;
		text.n -= piece.n;
	} while (text.n > 0);
}

static void add_record(struct buf *zone, const struct dns_question *question,
		       size_t preference, struct span data)
{
	static const char *const types[] = { [DNS_TXT] = "TXT",
					     [DNS_A] = "A ",
					     [DNS_AAAA] = "AAAA ",
					     [DNS_MX] = "MX " };

	add_name(zone, span_of(question->name));
	buf_addf(zone, " %s", types[question->type]);
	switch (question->type) {
	case DNS_TXT:
		add_strings(zone, data);
		break;
	case DNS_A:
	case DNS_AAAA:
		buf_add(zone, data);
		break;
	case DNS_MX:
		buf_addf(zone, "%zu ", preference);
		add_name(zone, data);
		break;
	}
	buf_add_char(zone, '\n');
}

/* Which records, that is: a wildcard or an alias is not to be seen. */
static void ask_again(const struct dns_question *question,
		      const struct dns_answer *answer, struct arena *arena)
{
	struct buf text = BUF_INIT(MAX_ZONE_BYTES);
	struct err err = ERR_INIT;
	struct dns_answer again;
	struct resolver *zone;
	size_t i;

	for (i = 0; i < answer->n; i++)
		add_record(&text, question, i, answer->records[i]);
	/* Escapes make it four times as long. */
	if (buf_ok(&text)) {
		zone = zonefile_parse(buf_span(&text), &err);
		MUST_HOLD(zone != NULL);
		zone->ask(zone, question, &again, 1, arena);
		MUST_HOLD(again.status == DNS_FOUND && again.n == answer->n);
		for (i = 0; i < again.n; i++)
			MUST_HOLD(span_equal(again.records[i],
					     answer->records[i]));
		resolver_free(&zone);
	}
	buf_release(&text);
}

/* A name in the file is likely to be a word of it, in lower case. */
static const char *pick_word(struct span text, struct arena *arena)
{
	struct span word = { text.p, 0 };
	char *name;
	size_t i;

	while (word.n < text.n && !ascii_is_space(word.p[word.n]))
		word.n++;
	if (word.n > 0 && word.p[word.n - 1] == '.')
		word.n--;
	name = arena_printf(arena, "%.*s", SPAN_ARGS(word));
	MUST_HOLD(name != NULL);
	for (i = 0; name[i] != '\0'; i++)
		name[i] = ascii_lower(name[i]);
	return name;
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
		const char *word = pick_word(text, arena);
		struct dns_question question[QUESTIONS] = {
			{ .name = word, .type = DNS_TXT },
			{ .name = word, .type = DNS_MX },
			{ .name = word, .type = DNS_A },
			{ .name = word, .type = DNS_AAAA },
			{ .name = "a.b.example", .type = DNS_MX },
			{ .name = "", .type = DNS_A },
			{ .name = "b.example", .type = DNS_AAAA },
		};
		struct dns_answer answer[QUESTIONS];
		size_t i;

		zone->ask(zone, question, answer, QUESTIONS, arena);
		for (i = 0; i < QUESTIONS; i++) {
			check_answer(&answer[i]);
			/* A wildcard answers for what is no name as well. */
			if (answer[i].status == DNS_FOUND &&
			    domain_normalize(arena,
					     span_of(question[i].name)) != NULL)
				ask_again(&question[i], &answer[i], arena);
		}
	}
	resolver_free(&zone);
	arena_free(&arena);
	return 0;
}
