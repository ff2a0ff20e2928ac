/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libopendmarc beside us, under RFC 7489: whatever the names and the record, with
 * our corrections it says what we say. The first line holds Author Domains, the
 * second SPF and DKIM as an Authentication-Results text, the rest answers of the
 * DNS (script.h). A short public suffix list with rules of all kinds is in force.
 */
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "dmarc/verdict.h"
#include "fuzz.h"
#include "fuzz/script.h"
#include "mail/idn.h"

static const char rules[] = "com\nnet\nuk\nco.uk\nexample\nb.example\n"
			    "*.ck\n!www.ck\nv.ua\nua\nsites.host.com\n"
			    "bücher.net\nprüfung\nMixed.net\na.b.c.com\n";

static const struct psl *open_list(void)
{
	static struct psl *psl;
	char path[] = "/tmp/fuzz-engine-XXXXXX";
	struct err err = ERR_INIT;
	int fd;

	if (psl != NULL)
		return psl;
	fd = mkstemp(path);
	MUST_HOLD(fd >= 0 && write_all(fd, span_of(rules)) == 0);
	close(fd);
	psl = psl_open(path, &err);
	unlink(path);
	MUST_HOLD(psl != NULL);
	return psl;
}

static void
read_from(struct span line, struct from_result *from, struct arena *arena)
{
	struct span word;

	from->fields = 1;
	from->status = FROM_SEVERAL;
	while (from->n < MAX_FROM_DOMAINS &&
	       span_take_item(&line, ' ', &word)) {
		from->domain[from->n] = idn_to_ascii(arena, word);
		from->n += from->domain[from->n] != NULL;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new((size_t)64 * 1024 * 1024);
	struct message_facts facts = { .helo = "helo.example",
				       .mail_from = "" };
	static struct script script;
	struct span rest = { (const char *)data, size };
	struct span from = SPAN(""), results = SPAN("");
	struct dmarc_verdict verdict;
	struct err err = ERR_INIT;
	struct settings settings;

	MUST_HOLD(arena != NULL);
	(void)span_take_line(&rest, &from);
	(void)span_take_line(&rest, &results);
	script_start(&script, rest);
	read_from(from, &facts.from, arena);
	(void)facts_from_authres(&facts, results, arena, &err);
	settings_defaults(&settings);
	settings.standard = STANDARD_RFC7489;
	facts.draw = message_draw(results);
	MUST_HOLD(verdict_make(&facts, &settings, open_list(), &script.resolver,
			       arena, &verdict, &err) == 0);
	if (verdict.disagreement != NULL)
		fprintf(stderr, "%s\n", verdict.disagreement);
	MUST_HOLD(verdict.disagreement == NULL);
	arena_free(&arena);
	return 0;
}
