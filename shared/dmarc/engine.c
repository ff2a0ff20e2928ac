/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dmarc/engine.h"

#include <stdio.h>

#include "dns/domain.h"

#define MAX_RECORD_TEXT 80 /* "v=DMARC1; ..." with each word at its longest */

struct engine {
	const struct psl *psl;
	const struct opendmarc *library;
	const struct discovery *found;
	const char *author;
	struct arena *arena;
};

/* R1.3 - R1.12: nothing is left of what it reads in a way of its own. */
static void
format_record(const struct dmarc_record *record, char *text, size_t size)
{
	bool have_sp = record->sp != DMARC_POLICY_UNSET;

	snprintf(text, size, "v=DMARC1; p=%s;%s%s%s adkim=%s; aspf=%s; pct=%u",
		 dmarc_policy_name(record->p), have_sp ? " sp=" : "",
		 have_sp ? dmarc_policy_name(record->sp) : "",
		 have_sp ? ";" : "", alignment_mode_name(record->adkim),
		 alignment_mode_name(record->aspf), record->pct);
}

/* Does it find the organization of a name? Some rules of the list it loses. */
static bool
finds(const struct engine *engine, const char *name, const char *organization)
{
	return opendmarc_labels(engine->library, name) ==
	       domain_labels(organization);
}

static bool is_nested(const char *a, const char *b)
{
	return domain_is_within(a, b) || domain_is_within(b, a);
}

/*
 * The name to hand over for an identifier that passed; NULL: none.
 *
 * It takes one name for another, in strict mode as well, when it does not find the
 * organization of both (R2.2), or when one lies within the other: a subdomain of
 * the Author Domain (R2.16), a public suffix, an organization with a public suffix
 * of others inside (R2.2). In relaxed mode it gets organizations, as it may not
 * find them.
 */
static const char *corrected(const struct engine *engine,
			     const char *identifier, enum alignment_mode mode)
{
	const char *authors = engine->found->organizational_domain;
	const char *organization, *name;

	if (domain_equal(identifier, engine->author))
		return identifier;
	organization = psl_organizational_domain(engine->psl, identifier,
						 engine->arena);
	if (organization == NULL)
		return NULL;
	name = mode == ALIGNMENT_STRICT ? identifier : organization;
	if (mode == ALIGNMENT_RELAXED && domain_equal(organization, authors))
		return name;
	if (is_nested(name, engine->author) ||
	    !finds(engine, name, organization) ||
	    !finds(engine, engine->author, authors))
		return NULL;
	return name;
}

/* R5.1: it does not care which of two domains was checked. */
static const char *
spf_name(const struct engine *engine, const struct message_facts *facts)
{
	if (facts->spf.result != AUTH_PASS || !spf_counts(facts))
		return NULL;
	return corrected(engine, facts->spf.domain, engine->found->record.aspf);
}

/*
 * It keeps one signature, and one that fails can make it forget one that passed.
 * So each is asked about alone, and one is handed over: an aligned one, if there
 * is any. Returns false when it says otherwise than we do about one of them.
 */
static bool choose_dkim(const struct engine *engine,
			const struct message_facts *facts, const char **chosen)
{
	enum alignment_mode mode = engine->found->record.adkim;
	bool same = true, have_aligned = false;
	size_t i;

	*chosen = NULL;
	for (i = 0; i < facts->n_dkim; i++) {
		const struct dkim_fact *dkim = &facts->dkim[i];
		const char *name;
		bool aligned;

		if (dkim->result != AUTH_PASS)
			continue;
		name = corrected(engine, dkim->domain, mode);
		aligned = name != NULL &&
			  opendmarc_aligned(engine->library, engine->author,
					    name, mode);
		same &= aligned == dkim->aligned;
		if (*chosen == NULL || (aligned && !have_aligned))
			*chosen = name;
		have_aligned |= aligned;
	}
	return same;
}

/* A temporary error is ours to find: for the library, nothing passed. */
static struct opendmarc_answer expected(const struct dmarc_verdict *verdict)
{
	return (struct opendmarc_answer){
		.result = verdict->result == DMARC_TEMPERROR ? DMARC_FAIL :
							       verdict->result,
		.policy = verdict->policy_selected,
		.source = verdict->policy_source,
		.pct = verdict->record.pct,
		.spf_aligned = verdict->spf_aligned,
		.dkim_aligned = verdict->dkim_aligned,
	};
}

static bool says_the_same(const struct opendmarc_answer *a,
			  const struct opendmarc_answer *b)
{
	return a->result == b->result && a->policy == b->policy &&
	       a->source == b->source && a->pct == b->pct &&
	       a->spf_aligned == b->spf_aligned &&
	       a->dkim_aligned == b->dkim_aligned;
}

struct answer_text {
	char text[128];
};

/* "fail, p=reject, pct=100, SPF aligned" */
static struct answer_text describe(const struct opendmarc_answer *answer)
{
	struct answer_text made;

	snprintf(made.text, sizeof(made.text), "%s, %s=%s, pct=%u%s%s",
		 dmarc_result_name(answer->result),
		 policy_source_name(answer->source),
		 dmarc_policy_name(answer->policy), answer->pct,
		 answer->spf_aligned ? ", SPF aligned" : "",
		 answer->dkim_aligned ? ", DKIM aligned" : "");
	return made;
}

static const char *or_no_memory(const char *text)
{
	return text == NULL ? "out of memory" : text;
}

const char *
engine_judge(const struct psl *psl, const struct message_facts *facts,
	     const struct discovery *found, const struct dmarc_verdict *verdict,
	     struct arena *arena)
{
	struct engine engine = { .psl = psl,
				 .library = psl_library(psl),
				 .found = found,
				 .author = verdict->from_domain,
				 .arena = arena };
	char record[MAX_RECORD_TEXT];
	struct opendmarc_question question = {
		.author = verdict->from_domain,
		.record = record,
		.spf_is_helo = facts->spf.scope == SPF_SCOPE_HELO,
	};
	struct opendmarc_answer theirs, ours = expected(verdict);
	bool same = true;

	format_record(&found->record, record, sizeof(record));
	if (!domain_equal(found->policy_domain, verdict->from_domain))
		question.organization = found->policy_domain;
	/* R4.3: with several From: fields nothing can be aligned. */
	if (facts->from.fields <= 1) {
		question.spf = spf_name(&engine, facts);
		same = choose_dkim(&engine, facts, &question.dkim);
	}
	if (opendmarc_judge(engine.library, &question, &theirs) < 0)
		return or_no_memory(arena_printf(arena,
						 "it refuses \"%s\" for %s",
						 record, verdict->from_domain));
	if (same && says_the_same(&theirs, &ours))
		return NULL;
	return or_no_memory(arena_printf(
		arena, "for %s it says \"%s\", we say \"%s\"%s",
		verdict->from_domain, describe(&theirs).text,
		describe(&ours).text,
		same ? "" : ", and signatures differ in alignment"));
}
