/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dmarc/discovery.h"

#include <string.h>

#include "dns/cache.h"
#include "dns/domain.h"

/* A name that has exactly one DMARC record (R1.5, R2.7). */
struct kept {
	const char *name;
	struct dmarc_record record;
	bool usable; /* false: R1.11, R1.12; it still counts for the walk */
};

struct search {
	enum record_dialect dialect;
	struct resolver *resolver;
	struct arena *arena;
	struct kept kept[MAX_WALK_QUERIES]; /* longest name first */
	size_t n;
	bool policy_only;  /* see discover_policy() */
	bool stopped;      /* for that reason, before the walk's end */
	bool start_exists; /* proved by the answer for its _dmarc name (R3.3) */
	const char *why;   /* the query that failed, or NULL */
	const char *faults; /* or NULL */
};

enum look {
	LOOK_NOTHING,
	LOOK_KEPT, /* search->kept has one more */
	LOOK_FAILED,
};

static enum look
look_failed(struct search *search, const char *name, const char *why)
{
	search->why = arena_printf(search->arena, "%s: %s", name, why);
	if (search->why == NULL)
		search->why = "out of memory";
	return LOOK_FAILED;
}

static void add_fault(struct search *search, const char *what, const char *name)
{
	const char *before = search->faults == NULL ? "" : search->faults;
	const char *text =
		arena_printf(search->arena, "%s%s%s%s", before,
			     *before == '\0' ? "" : "; ", what, name);

	if (text != NULL)
		search->faults = text;
}

/* What the answer for _dmarc.name means: R1.3, R1.5. */
static enum look take_answer(struct search *search, const char *name,
			     const struct dns_answer *answer)
{
	struct kept *kept = &search->kept[search->n];
	size_t records = 0;
	size_t i;

	for (i = 0; i < answer->n; i++) {
		enum dmarc_record_result result = dmarc_record_parse_as(
			search->dialect, answer->records[i], search->arena,
			&kept->record);

		if (result == DMARC_RECORD_NO_MEMORY)
			return look_failed(search, name, "out of memory");
		if (result == DMARC_RECORD_NOT_DMARC)
			continue;
		kept->usable = result == DMARC_RECORD_OK;
		records++;
	}
	if (records == 0)
		return LOOK_NOTHING;
	if (records > 1) {
		add_fault(search, "several DMARC records at ", name);
		return LOOK_NOTHING;
	}
	kept->name = name;
	search->n++;
	return LOOK_KEPT;
}

/* With the label in front it may be no name any more (R2.21). */
static bool can_be_asked(const char *name)
{
	return strlen(name) + strlen("_dmarc.") <= DOMAIN_MAX_OCTETS;
}

static enum look look(struct search *search, const char *name, bool start)
{
	struct dns_question question = { .type = DNS_TXT };
	struct dns_answer answer;

	if (!can_be_asked(name))
		return LOOK_NOTHING;
	question.name = arena_printf(search->arena, "_dmarc.%s", name);
	if (question.name == NULL)
		return look_failed(search, name, "out of memory");
	search->resolver->ask(search->resolver, &question, &answer, 1,
			      search->arena);
	if (start)
		search->start_exists = answer.status == DNS_FOUND ||
				       answer.status == DNS_NODATA;
	if (answer.status == DNS_FAIL)
		return look_failed(search, question.name, answer.why);
	return take_answer(search, name, &answer);
}

/* R2.5, R2.6: "" when name was the last one to ask. */
static const char *step_up(const char *name)
{
	return domain_labels(name) < MAX_WALK_QUERIES ?
		       domain_without(name, 1) :
		       domain_last(name, MAX_WALK_QUERIES - 1);
}

/*
 * All that is left of a walk in one batch, into the cache, so that the walk can
 * then go from answer to answer without waiting. Answers behind a stop, failures
 * among them, nobody looks at. Without memory the walk itself will say so.
 */
static void ask_ahead(struct search *search, const char *name)
{
	struct dns_question questions[MAX_WALK_QUERIES];
	struct dns_answer answers[MAX_WALK_QUERIES];
	size_t n = 0;

	for (; *name != '\0'; name = step_up(name)) {
		struct dns_question *question = &questions[n];

		if (!can_be_asked(name))
			continue;
		*question =
			(struct dns_question){ .type = DNS_TXT, .ahead = true };
		question->name = arena_printf(search->arena, "_dmarc.%s", name);
		if (question->name == NULL)
			return;
		n++;
	}
	if (n > 1)
		search->resolver->ask(search->resolver, questions, answers, n,
				      search->arena);
}

/*
 * The tree walk (R2.5), in at most two round trips: the domain's own question,
 * whose answer may end it, then the rest. A walk for_policy also ends when the
 * domain's own record cannot be used (R1.11).
 */
static void walk(struct search *search, const char *start, bool for_policy)
{
	const char *name;

	for (name = start; *name != '\0'; name = step_up(name)) {
		const struct kept *kept = &search->kept[search->n];
		enum look looked = look(search, name, name == start);

		if (looked == LOOK_FAILED)
			return;
		if (looked == LOOK_KEPT &&
		    kept->record.psd != DMARC_PSD_UNKNOWN)
			return;
		if (looked == LOOK_KEPT && for_policy && name == start &&
		    !kept->usable)
			return;
		if (looked == LOOK_KEPT && name == start &&
		    search->policy_only) {
			search->stopped = true;
			return;
		}
		if (name == start)
			ask_ahead(search, step_up(name));
	}
}

/*
 * R2.8. Only the last record can have psd=y or psd=n, because it ended the walk;
 * otherwise it is the one with the fewest labels.
 */
static const char *
walked_organization(const struct search *search, const char *start)
{
	const struct kept *last;

	if (search->n == 0)
		return start;
	last = &search->kept[search->n - 1];
	if (last->record.psd == DMARC_PSD_YES && last->name != start)
		return domain_last(start, domain_labels(last->name) + 1);
	return last->name;
}

static const struct kept *
find_kept(const struct search *search, const char *name)
{
	size_t i;

	for (i = 0; i < search->n; i++)
		if (domain_equal(search->kept[i].name, name))
			return &search->kept[i];
	return NULL;
}

/* R2.10: the domain's own, its organization's, its public suffix's. */
static const struct kept *walked_policy(const struct search *search,
					const char *start,
					const char *organization)
{
	const struct kept *found = find_kept(search, start);
	size_t n = search->n;

	if (found == NULL && organization != NULL)
		found = find_kept(search, organization);
	if (found == NULL && organization != NULL && n > 0 &&
	    search->kept[n - 1].record.psd == DMARC_PSD_YES)
		found = &search->kept[n - 1];
	return found;
}

/*
 * R2.11, R3.5: the domain is below the record's, so it matters whether it
 * exists, unless the words for both cases are the same.
 */
static void
select_below(struct search *search, const char *domain, struct discovery *found)
{
	struct dns_question question = { .name = domain, .type = DNS_A };
	struct dns_answer answer;

	found->source = POLICY_SOURCE_SP;
	found->policy = dmarc_record_word(&found->record, &found->source);
	if (found->record.np == DMARC_POLICY_UNSET ||
	    found->record.np == found->policy || search->start_exists)
		return;
	search->resolver->ask(search->resolver, &question, &answer, 1,
			      search->arena);
	switch (answer.status) {
	case DNS_NXDOMAIN:
		found->source = POLICY_SOURCE_NP;
		found->policy = found->record.np;
		return;
	case DNS_FAIL:
		(void)look_failed(search, domain, answer.why);
		found->existence_unknown = true;
		return;
	case DNS_NODATA:
	case DNS_FOUND:
		return;
	}
}

static void use_record(struct search *search, const char *domain,
		       const struct kept *kept, struct discovery *found)
{
	found->status = kept->usable ? DISCOVERY_FOUND : DISCOVERY_BAD_RECORD;
	found->policy_domain = kept->name;
	found->record = kept->record;
	if (kept->record.faults.n > 0)
		add_fault(search, kept->record.faults.p, "");
	if (!kept->usable) {
		found->organizational_domain = NULL;
		return;
	}
	if (domain_equal(kept->name, domain)) {
		found->source = POLICY_SOURCE_P;
		found->policy = kept->record.p;
		return;
	}
	select_below(search, domain, found);
}

static struct discovery walk_discover(struct search *search, const char *domain)
{
	struct discovery found = { .status = DISCOVERY_NO_RECORD };
	const struct kept *kept;

	walk(search, domain, true);
	found.organization_open = search->stopped;
	if (search->why == NULL && !search->stopped)
		found.organizational_domain =
			walked_organization(search, domain);
	kept = walked_policy(search, domain, found.organizational_domain);
	if (kept != NULL)
		use_record(search, domain, kept, &found);
	else if (search->why != NULL)
		found.status = DISCOVERY_FAILED;
	return found;
}

/* RFC 7489 6.6.3: R2.1 - R2.3; several records at a name end it (R1.5). */
static struct discovery
list_discover(struct search *search, const char *domain, const struct psl *psl)
{
	struct discovery found = { .status = DISCOVERY_NO_RECORD };
	enum look looked;

	found.organizational_domain =
		psl_organizational_domain(psl, domain, search->arena);
	if (found.organizational_domain == NULL)
		looked = look_failed(search, domain, "out of memory");
	else
		looked = look(search, domain, true);
	if (looked == LOOK_NOTHING && search->faults == NULL &&
	    !domain_equal(found.organizational_domain, domain))
		looked = look(search, found.organizational_domain, false);
	if (looked == LOOK_KEPT)
		use_record(search, domain, &search->kept[0], &found);
	else if (looked == LOOK_FAILED)
		found.status = DISCOVERY_FAILED;
	return found;
}

static struct discovery discover_so_far(const char *domain,
					const struct psl *psl,
					struct resolver *resolver,
					struct arena *arena, bool policy_only)
{
	struct search search = { .dialect = psl == NULL ? RECORD_RFC9989 :
							  RECORD_RFC7489,
				 .resolver = dns_cache_new(resolver, arena),
				 .arena = arena,
				 .policy_only = policy_only };
	struct discovery found = { .status = DISCOVERY_FAILED,
				   .why = "out of memory",
				   .faults = SPAN("") };

	if (search.resolver == NULL)
		return found;
	found = psl == NULL ? walk_discover(&search, domain) :
			      list_discover(&search, domain, psl);
	found.why = search.why;
	found.faults =
		search.faults == NULL ? SPAN("") : span_of(search.faults);
	return found;
}

struct discovery discover(const char *domain, const struct psl *psl,
			  struct resolver *resolver, struct arena *arena)
{
	return discover_so_far(domain, psl, resolver, arena, false);
}

struct discovery discover_policy(const char *domain, const struct psl *psl,
				 struct resolver *resolver, struct arena *arena)
{
	return discover_so_far(domain, psl, resolver, arena, true);
}

const char *discover_organization(const char *domain, const struct psl *psl,
				  struct resolver *resolver,
				  struct arena *arena)
{
	struct search search = { .dialect = RECORD_RFC9989,
				 .resolver = dns_cache_new(resolver, arena),
				 .arena = arena };

	if (psl != NULL)
		return psl_organizational_domain(psl, domain, arena);
	if (search.resolver == NULL)
		return NULL;
	walk(&search, domain, false);
	return search.why == NULL ? walked_organization(&search, domain) : NULL;
}
