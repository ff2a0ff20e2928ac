/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dmarc/verdict.h"

#include <string.h>

#include "dmarc/discovery.h"
#include "dmarc/engine.h"
#include "dmarc/explain.h"
#include "dmarc/override.h"
#include "dns/cache.h"
#include "dns/domain.h"
#include "mail/idn.h"

/* Eight names with records of 64 kB, and what is said about them. */
#define MAX_WALK_MEMORY ((size_t)1024 * 1024)

enum alignment {
	ALIGNMENT_NO,
	ALIGNMENT_YES,
	ALIGNMENT_UNKNOWN, /* a query that would tell has failed */
};

/* One Author Domain on its way to a verdict. */
struct judge {
	struct message_facts *facts;
	const struct psl *psl;
	struct resolver *resolver;
	struct arena *arena;
	const char *author;
	struct discovery found;
	/* Identifiers that were walked, so that none is walked twice. */
	struct {
		const char *domain;
		enum alignment alignment;
	} walked[MAX_WALKED_IDENTIFIERS];
	size_t n_walked;
	size_t n_keys;
	bool unknown; /* an identifier's alignment could not be found out */
};

/*
 * R2.19: an Organizational Domain is the name itself or above it. As long as the
 * author's is not known (E25), it may be anything up to the top-level domain.
 */
static bool
may_share_organization(const struct judge *judge, const char *identifier)
{
	const char *organization = judge->found.organizational_domain;

	if (organization == NULL)
		organization = domain_last(judge->author, 1);
	return domain_is_within(identifier, organization);
}

/* R2.17: from its own name. What the walk needs is not kept. */
static enum alignment
walk_identifier(struct judge *judge, const char *identifier)
{
	enum alignment alignment = ALIGNMENT_UNKNOWN;
	const char *organization = NULL;
	struct arena *arena;

	if (judge->found.organizational_domain == NULL)
		return ALIGNMENT_UNKNOWN;
	arena = arena_new(MAX_WALK_MEMORY);
	if (arena != NULL)
		organization = discover_organization(identifier, judge->psl,
						     judge->resolver, arena);
	if (organization != NULL)
		alignment = domain_equal(organization,
					 judge->found.organizational_domain) ?
				    ALIGNMENT_YES :
				    ALIGNMENT_NO;
	arena_free(&arena);
	return alignment;
}

/*
 * R2.19, at first with what is known without a question: names below different
 * top-level domains are of different organizations.
 */
static bool
is_of_another_organization(struct judge *judge, const char *identifier)
{
	if (!may_share_organization(judge, identifier))
		return true;
	if (!judge->found.organization_open)
		return false;
	judge->found = discover(judge->author, judge->psl, judge->resolver,
				judge->arena);
	return !may_share_organization(judge, identifier);
}

/* R2.16, with the short-cuts of R2.18 and R2.19 first. */
static enum alignment
align(struct judge *judge, const char *identifier, enum alignment_mode mode)
{
	size_t i;

	if (domain_equal(identifier, judge->author))
		return ALIGNMENT_YES;
	if (mode == ALIGNMENT_STRICT ||
	    is_of_another_organization(judge, identifier))
		return ALIGNMENT_NO;
	for (i = 0; i < judge->n_walked; i++)
		if (domain_equal(judge->walked[i].domain, identifier))
			return judge->walked[i].alignment;
	if (i == MAX_WALKED_IDENTIFIERS)
		return judge->psl == NULL ? ALIGNMENT_NO :
					    walk_identifier(judge, identifier);
	judge->walked[i].domain = identifier;
	judge->walked[i].alignment = walk_identifier(judge, identifier);
	judge->n_walked++;
	return judge->walked[i].alignment;
}

/* HELO stands for the sender only when MAIL FROM is empty. */
bool spf_counts(const struct message_facts *facts)
{
	const struct spf_fact *spf = &facts->spf;

	return spf->known && *spf->domain != '\0' &&
	       (spf->scope != SPF_SCOPE_HELO || *facts->mail_from == '\0');
}

static enum alignment align_spf(struct judge *judge)
{
	if (!spf_counts(judge->facts))
		return ALIGNMENT_NO;
	return align(judge, judge->facts->spf.domain, judge->found.record.aspf);
}

static enum alignment
align_dkim(struct judge *judge, const struct dkim_fact *dkim)
{
	return align(judge, dkim->domain, judge->found.record.adkim);
}

/* Mark every aligned pass; true when there is one (R6.1). */
static bool
find_aligned_pass(struct judge *judge, struct dmarc_verdict *verdict)
{
	struct message_facts *facts = judge->facts;
	enum alignment alignment;
	size_t i;

	if (facts->spf.result == AUTH_PASS) {
		alignment = align_spf(judge);
		facts->spf.aligned = alignment == ALIGNMENT_YES;
		verdict->spf_aligned = facts->spf.aligned;
		judge->unknown |= alignment == ALIGNMENT_UNKNOWN;
	}
	for (i = 0; i < facts->n_dkim; i++) {
		if (facts->dkim[i].result != AUTH_PASS)
			continue;
		alignment = align_dkim(judge, &facts->dkim[i]);
		facts->dkim[i].aligned = alignment == ALIGNMENT_YES;
		verdict->dkim_aligned |= facts->dkim[i].aligned;
		judge->unknown |= alignment == ALIGNMENT_UNKNOWN;
	}
	return verdict->spf_aligned || verdict->dkim_aligned;
}

/*
 * What Exim takes for a key; about a name with other records it says the same as
 * about one without any. Many domains have "v=spf1 -all" for all names, which
 * would make each selector that somebody invents a temporary error.
 */
static bool looks_like_key(struct span record)
{
	return record.n < 2 || memcmp(record.p, "v=", 2) != 0 ||
	       span_starts(record, "v=dkim");
}

static bool has_key(const struct dns_answer *answer)
{
	size_t i;

	for (i = 0; i < answer->n; i++)
		if (looks_like_key(answer->records[i]))
			return true;
	return false;
}

/*
 * Is there a key, or does nobody know? A selector that cannot be asked for has
 * none, and neither have those beyond the limit: whoever adds signatures to get
 * a temporary error out of us gets none.
 */
static bool key_may_exist(struct judge *judge, const struct dkim_fact *dkim)
{
	struct dns_question question = { .type = DNS_TXT };
	struct dns_answer answer;
	struct idn_name name;
	const char *text;

	if (judge->n_keys == MAX_KEY_QUESTIONS)
		return false;
	judge->n_keys++;
	text = arena_printf(judge->arena, "%s._domainkey.%s", dkim->selector,
			    dkim->domain);
	if (text == NULL)
		return true;
	switch (idn_convert(span_of(text), &name)) {
	case IDN_NOT_A_NAME:
		return false;
	case IDN_NO_MEMORY:
		return true;
	case IDN_OK:
		break;
	}
	question.name = name.text;
	judge->resolver->ask(judge->resolver, &question, &answer, 1,
			     judge->arena);
	return answer.status == DNS_FAIL || has_key(&answer);
}

/*
 * R5.5: a temporary error counts when the identifier would align had it passed,
 * or when nobody can tell.
 */
static bool dkim_may_have_passed(struct judge *judge, struct dkim_fact *dkim)
{
	if (dkim->result != AUTH_TEMPERROR ||
	    align_dkim(judge, dkim) == ALIGNMENT_NO)
		return false;
	if (!dkim->key_unavailable || key_may_exist(judge, dkim))
		return true;
	dkim->result = AUTH_PERMERROR;
	dkim->key_unavailable = false;
	dkim->human = "no such key";
	return false;
}

static bool may_have_passed(struct judge *judge)
{
	struct message_facts *facts = judge->facts;
	bool any = judge->unknown || judge->found.existence_unknown;
	size_t i;

	any = any || (facts->spf.result == AUTH_TEMPERROR &&
		      align_spf(judge) != ALIGNMENT_NO);
	/* All of them: each key that does not exist is to be reported so. */
	for (i = 0; i < facts->n_dkim; i++)
		any |= dkim_may_have_passed(judge, &facts->dkim[i]);
	return any;
}

static enum dmarc_result
decide(struct judge *judge, struct dmarc_verdict *verdict)
{
	/* R4.3: with several From: fields nothing can be aligned. */
	if (judge->facts->from.fields > 1)
		return judge->found.existence_unknown ? DMARC_TEMPERROR :
							DMARC_FAIL;
	if (find_aligned_pass(judge, verdict))
		return DMARC_PASS;
	return may_have_passed(judge) ? DMARC_TEMPERROR : DMARC_FAIL;
}

/* R6.6 */
static enum dmarc_policy step_down(enum dmarc_policy policy)
{
	switch (policy) {
	case DMARC_POLICY_REJECT:
		return DMARC_POLICY_QUARANTINE;
	case DMARC_POLICY_QUARANTINE:
		return DMARC_POLICY_NONE;
	case DMARC_POLICY_NONE:
	case DMARC_POLICY_UNSET:
		break;
	}
	return policy;
}

/* R6.7, R6.8 */
static bool
is_sampled_out(const struct judge *judge, const struct settings *settings)
{
	if (settings->standard == STANDARD_RFC9989 &&
	    settings->pct == PCT_IGNORE)
		return false;
	return judge->facts->draw >= judge->found.record.pct;
}

/*
 * RFC 9989 A.6 has t=y for what pct=0 was, so a record with both asks twice for
 * the same step.
 */
static void take_policy(const struct judge *judge,
			const struct settings *settings,
			struct dmarc_verdict *verdict)
{
	const struct discovery *found = &judge->found;

	verdict->have_record = true;
	verdict->record = found->record;
	verdict->policy_source = found->source;
	verdict->policy_selected = found->policy;
	verdict->policy_applied = found->policy;
	verdict->sampled_out = is_sampled_out(judge, settings);
	if (found->record.testing || verdict->sampled_out)
		verdict->policy_applied = step_down(found->policy);
}

/*
 * FNV-1a, and the last steps of MurmurHash3, so that all bits have a say in the
 * remainder: ids differ little, most of all at their end.
 */
unsigned message_draw(struct span id)
{
	uint64_t hash = 0xcbf29ce484222325;
	size_t i;

	for (i = 0; i < id.n; i++) {
		hash ^= (unsigned char)id.p[i];
		hash *= 0x100000001b3;
	}
	hash ^= hash >> 33;
	hash *= 0xff51afd7ed558ccd;
	hash ^= hash >> 33;
	return (unsigned)(hash % 100);
}

static void clear_alignment(struct message_facts *facts)
{
	size_t i;

	facts->spf.aligned = false;
	for (i = 0; i < facts->n_dkim; i++)
		facts->dkim[i].aligned = false;
}

static struct dmarc_verdict no_verdict(const struct settings *settings)
{
	return (struct dmarc_verdict){
		.result = DMARC_NONE,
		.from_domain = "",
		.policy_domain = "",
		.organizational_domain = "",
		.method = settings->standard == STANDARD_RFC7489 ?
				  DISCOVERY_PSL :
				  DISCOVERY_TREEWALK,
		.faults = SPAN(""),
		.override = { .comment = "" },
		.override_fault = "",
		.explanation = "",
	};
}

/* The verdict for judge->author alone; judge->found holds what was found. */
static struct dmarc_verdict
judge_domain(struct judge *judge, const struct settings *settings)
{
	struct dmarc_verdict verdict = no_verdict(settings);
	const struct discovery *found = &judge->found;

	clear_alignment(judge->facts);
	judge->n_walked = 0;
	judge->n_keys = 0;
	judge->unknown = false;
	judge->found = (judge->facts->brief ? discover_policy : discover)(
		judge->author, judge->psl, judge->resolver, judge->arena);
	verdict.from_domain = judge->author;
	if (found->policy_domain != NULL)
		verdict.policy_domain = found->policy_domain;
	switch (found->status) {
	case DISCOVERY_FOUND:
		take_policy(judge, settings, &verdict);
		verdict.result = decide(judge, &verdict);
		if (judge->psl != NULL)
			verdict.disagreement =
				engine_judge(judge->psl, judge->facts, found,
					     &verdict, judge->arena);
		break;
	case DISCOVERY_BAD_RECORD:
		verdict.record_unusable = found->record.bad_policy;
		break;
	case DISCOVERY_NO_RECORD:
		break;
	case DISCOVERY_FAILED:
		verdict.result = DMARC_TEMPERROR;
		break;
	}
	/* Some of it may have been found out on the way. */
	verdict.faults = found->faults;
	if (found->organizational_domain != NULL)
		verdict.organizational_domain = found->organizational_domain;
	return verdict;
}

/*
 * R4.4: of several domains the strictest failing policy; "pass" only when every
 * one of them passes.
 */
static int severity(const struct dmarc_verdict *verdict)
{
	switch (verdict->result) {
	case DMARC_PASS:
		return 0;
	case DMARC_NONE:
		return verdict->record_unusable ? 2 : 1;
	case DMARC_PERMERROR:
		return 2;
	case DMARC_TEMPERROR:
		return 3;
	case DMARC_FAIL:
		break;
	}
	return 4 + (int)verdict->policy_applied;
}

/*
 * With more domains than are looked at, the evaluation is incomplete (R4.4). Each
 * has its part of the time: whoever adds a domain whose name servers are silent
 * does not make a temporary error of what the others ask for.
 */
static struct dmarc_verdict
judge_all(struct judge *judge, const struct settings *settings)
{
	const struct from_result *from = &judge->facts->from;
	struct dmarc_verdict worst, verdict;
	size_t n = from->n, i, at = 0;

	if (n > MAX_AUTHOR_DOMAINS)
		n = MAX_AUTHOR_DOMAINS;
	judge->author = from->domain[0];
	resolver_allow(judge->resolver, 1, n);
	worst = judge_domain(judge, settings);
	for (i = 1; i < n; i++) {
		judge->author = from->domain[i];
		resolver_allow(judge->resolver, i + 1, n);
		verdict = judge_domain(judge, settings);
		if (severity(&verdict) <= severity(&worst))
			continue;
		worst = verdict;
		at = i;
	}
	if (n > 1) { /* the facts shall tell of the one that counts */
		judge->author = from->domain[at];
		worst = judge_domain(judge, settings);
	}
	if (n < from->n && worst.result == DMARC_PASS)
		worst.result = DMARC_NONE;
	return worst;
}

/* R7.6: the smaller, the earlier in a report. */
static unsigned rank(const struct dkim_fact *dkim, const char *author)
{
	if (dkim->result != AUTH_PASS)
		return 3;
	if (!dkim->aligned)
		return 2;
	return domain_equal(dkim->domain, author) ? 0 : 1;
}

/*
 * The best first, so that what is cut off at the end, here or in a journal line
 * that gets too long, is what somebody else has added.
 */
static int sort_signatures(struct message_facts *facts, const char *author,
			   struct arena *arena)
{
	struct dkim_fact *sorted;
	size_t n = 0, i;
	unsigned next;

	if (facts->n_dkim < 2)
		return 0;
	sorted = arena_array(arena, facts->n_dkim, sizeof(*sorted));
	if (sorted == NULL)
		return -1;
	for (next = 0; next <= 3; next++)
		for (i = 0; i < facts->n_dkim; i++)
			if (rank(&facts->dkim[i], author) == next)
				sorted[n++] = facts->dkim[i];
	if (n > MAX_DKIM_SIGNATURES)
		n = MAX_DKIM_SIGNATURES;
	memcpy(facts->dkim, sorted, n * sizeof(*sorted));
	facts->n_dkim = n;
	return 0;
}

/* A failing message that somebody has spoken for: no policy is applied. */
static int apply_override(const struct message_facts *facts,
			  const struct settings *settings, struct arena *arena,
			  struct dmarc_verdict *verdict, struct err *err)
{
	struct override override;
	int found;

	if (verdict->result != DMARC_FAIL ||
	    verdict->policy_applied == DMARC_POLICY_NONE)
		return 0;
	found = override_find(facts, verdict->from_domain, settings, arena,
			      &override, err);
	if (found < 0)
		return -1;
	if (override.fault.kind != ERR_NONE) {
		verdict->override_fault =
			arena_printf(arena, "%s", override.fault.text);
		if (verdict->override_fault == NULL)
			return err_set(err, ERR_LIMIT, "out of memory");
	}
	if (found == 0)
		return 0;
	verdict->overridden = true;
	verdict->override = override.reason;
	verdict->policy_applied = DMARC_POLICY_NONE;
	return 0;
}

int verdict_make(struct message_facts *facts, const struct settings *settings,
		 const struct psl *psl, struct resolver *resolver,
		 struct arena *arena, struct dmarc_verdict *verdict,
		 struct err *err)
{
	struct judge judge = { .facts = facts, .arena = arena };
	struct dmarc_verdict made = no_verdict(settings);

	if (settings->standard == STANDARD_RFC7489) {
		if (psl == NULL)
			return err_set(err, ERR_CONFIG,
				       "rfc7489 needs a public suffix list");
		judge.psl = psl;
	}
	judge.resolver = dns_cache_new(resolver, arena);
	if (judge.resolver == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	clear_alignment(facts);
	/*
	 * Also of a field that is not RFC 5322: what a mail program shows of it
	 * is somebody's domain, and a missing bracket must not be a way round
	 * that domain's policy (R4.4). Much honest mail is malformed, too.
	 */
	if (facts->from.n > 0)
		made = judge_all(&judge, settings);
	if (sort_signatures(facts, made.from_domain, arena) < 0)
		return err_set(err, ERR_LIMIT, "out of memory");
	if (apply_override(facts, settings, arena, &made, err) < 0)
		return -1;
	made.from_fields = facts->from.fields;
	made.from_domains = facts->from.n;
	made.score = verdict_score(facts, &made, settings);
	verdict_act(&made, settings);
	made.explanation = explain(facts, &made, judge.found.why, arena);
	if (made.explanation == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	*verdict = made;
	return 0;
}
