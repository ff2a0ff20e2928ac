/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dmarc/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/quote.h"
#include "dns/domain.h"

#define MAX_SENTENCE_BYTES  1024 /* two names, a selector and our words */
#define MAX_TOLD_SIGNATURES 10

/* Add a sentence; one that does not fit any more is left out whole. */
static void say(struct buf *text, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void say(struct buf *text, const char *fmt, ...)
{
	char sentence[MAX_SENTENCE_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, args);
	va_end(args);
	if (strlen(sentence) + 1 > text->max - text->n)
		return;
	buf_addf(text, "%s%s", text->n > 0 ? " " : "", sentence);
}

static void say_author(struct buf *text, const struct message_facts *facts,
		       const struct dmarc_verdict *verdict)
{
	const struct from_result *from = &facts->from;

	if (*verdict->from_domain == '\0') {
		say(text,
		    "There is no Author Domain (%s), so DMARC does not "
		    "apply.",
		    from->why == NULL ? "no usable From: field" : from->why);
		return;
	}
	say(text, "The Author Domain is %s.", verdict->from_domain);
	if (from->status == FROM_MALFORMED && from->why != NULL)
		say(text, "The From: field is not as it should be (%s).",
		    from->why);
	if (from->fields > 1)
		say(text,
		    "The message has %zu From: fields, so no identifier can "
		    "be aligned.",
		    from->fields);
	if (from->n > 1)
		say(text,
		    "It is the one of %zu domains in From: that fares worst%s.",
		    from->n,
		    from->n > MAX_AUTHOR_DOMAINS ?
			    " among those that were looked at" :
			    "");
}

static void say_discovery(struct buf *text, const struct dmarc_verdict *verdict,
			  const char *why)
{
	if (verdict->have_record)
		say(text, "The DMARC record at %s applies.",
		    verdict->policy_domain);
	else if (*verdict->policy_domain != '\0')
		say(text,
		    "The DMARC record at %s cannot be used, so DMARC is not "
		    "applied.",
		    verdict->policy_domain);
	else if (verdict->result == DMARC_TEMPERROR)
		say(text, "The DMARC record could not be looked up.");
	else
		say(text, "No DMARC record applies to it.");
	if (verdict->faults.n > 0)
		say(text, "Found in the DNS: %s.", verdict->faults.p);
	if (why != NULL)
		say(text, "A DNS query failed: %s.", why);
}

static void say_policy(struct buf *text, const struct dmarc_verdict *verdict)
{
	static const char *const below[] = {
		[POLICY_SOURCE_NONE] = "",
		[POLICY_SOURCE_P] =
			"the Author Domain is below it, and sp is not given",
		[POLICY_SOURCE_SP] = "the Author Domain is below it",
		[POLICY_SOURCE_NP] =
			"the Author Domain is below it and does not exist",
	};
	bool own = domain_equal(verdict->from_domain, verdict->policy_domain);

	say(text, "It asks for %s=%s, because %s.",
	    policy_source_name(verdict->policy_source),
	    dmarc_policy_name(verdict->policy_selected),
	    own ? "this record is the Author Domain's own" :
		  below[verdict->policy_source]);
	if (verdict->overridden)
		return;
	if (verdict->record.testing)
		say(text, "With t=y, failing mail is treated as under %s.",
		    dmarc_policy_name(verdict->policy_applied));
	else if (verdict->sampled_out)
		say(text,
		    "With pct=%u, this message is not in the sample, and is "
		    "treated as under %s if it fails.",
		    verdict->record.pct,
		    dmarc_policy_name(verdict->policy_applied));
}

static void say_identifier(struct buf *text, const char *what,
			   enum auth_result result, bool aligned,
			   enum alignment_mode mode)
{
	const char *alignment = mode == ALIGNMENT_STRICT ? "strict" : "relaxed";

	if (result != AUTH_PASS)
		say(text, "%s: %s, so it authenticates nothing.", what,
		    auth_result_name(result));
	else if (aligned)
		say(text, "%s: pass, aligned (%s).", what, alignment);
	else
		say(text, "%s: pass, but not aligned (%s).", what, alignment);
}

static void say_identifiers(struct buf *text, const struct message_facts *facts,
			    const struct dmarc_verdict *verdict)
{
	const struct spf_fact *spf = &facts->spf;
	char what[MAX_SENTENCE_BYTES];
	size_t i;

	if (!spf->known) {
		say(text, "SPF was not checked.");
	} else {
		snprintf(what, sizeof(what), "SPF of %s%s",
			 spf->scope == SPF_SCOPE_HELO ? "HELO " : "",
			 *spf->domain == '\0' ? "(no domain)" : spf->domain);
		say_identifier(text, what, spf->result, spf->aligned,
			       verdict->record.aspf);
	}
	if (facts->n_dkim == 0 && facts->unchecked == 0)
		say(text, "There is no DKIM signature.");
	if (facts->n_dkim == 0 && facts->unchecked == 1)
		say(text, "The message has a DKIM signature that was not "
			  "checked.");
	if (facts->n_dkim == 0 && facts->unchecked > 1)
		say(text,
		    "The message has %zu DKIM signatures that were not "
		    "checked.",
		    facts->unchecked);
	for (i = 0; i < facts->n_dkim && i < MAX_TOLD_SIGNATURES; i++) {
		const struct dkim_fact *dkim = &facts->dkim[i];

		snprintf(what, sizeof(what), "DKIM of %s (selector %s)",
			 dkim->domain,
			 *dkim->selector == '\0' ?
				 "not known" :
				 quote(span_of(dkim->selector)).text);
		say_identifier(text, what, dkim->result, dkim->aligned,
			       verdict->record.adkim);
	}
	if (i < facts->n_dkim)
		say(text, "There are %zu more DKIM signatures.",
		    facts->n_dkim - i);
}

static void say_result(struct buf *text, const struct dmarc_verdict *verdict)
{
	switch (verdict->result) {
	case DMARC_PASS:
		say(text, "The message passes.");
		return;
	case DMARC_FAIL:
		if (verdict->overridden) {
			say(text,
			    "Nothing aligned passed: the message fails, but "
			    "the policy is not applied to it: %s (%s).",
			    reason_type_name(verdict->override.type),
			    verdict->override.comment);
			return;
		}
		say(text,
		    "Nothing aligned passed: the message fails, and the "
		    "policy for it is %s.",
		    dmarc_policy_name(verdict->policy_applied));
		return;
	case DMARC_TEMPERROR:
		say(text, "Whether the message passes cannot be known now.");
		return;
	case DMARC_NONE:
	case DMARC_PERMERROR:
		return;
	}
}

char *explain(const struct message_facts *facts,
	      const struct dmarc_verdict *verdict, const char *why,
	      struct arena *arena)
{
	struct buf text = BUF_INIT(MAX_EXPLANATION_BYTES);
	char *copy = NULL;

	say_author(&text, facts, verdict);
	if (*verdict->from_domain != '\0')
		say_discovery(&text, verdict, why);
	if (verdict->have_record) {
		say_policy(&text, verdict);
		say_identifiers(&text, facts, verdict);
	}
	say_result(&text, verdict);
	if (verdict->disagreement != NULL)
		say(&text,
		    "libopendmarc judges otherwise, which is a fault, and our "
		    "own judgement counts: %s.",
		    verdict->disagreement);
	if (buf_ok(&text))
		copy = arena_printf(arena, "%s", buf_string(&text));
	buf_release(&text);
	return copy;
}
