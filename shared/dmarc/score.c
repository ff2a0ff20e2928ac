/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * score.c - from the result to points, from points to what is done, and how a
 * report will explain that
 */
#include "dmarc/verdict.h"

static int score_fail(enum dmarc_policy policy, const struct settings *settings)
{
	switch (policy) {
	case DMARC_POLICY_REJECT:
		return settings->score_fail_reject;
	case DMARC_POLICY_QUARANTINE:
		return settings->score_fail_quarantine;
	case DMARC_POLICY_NONE:
	case DMARC_POLICY_UNSET:
		break;
	}
	return settings->score_fail_none;
}

static int score_result(const struct dmarc_verdict *verdict,
			const struct settings *settings)
{
	switch (verdict->result) {
	case DMARC_PASS:
		return settings->score_pass;
	case DMARC_FAIL:
		return score_fail(verdict->policy_applied, settings);
	case DMARC_TEMPERROR:
		return settings->score_temperror;
	case DMARC_PERMERROR:
		return settings->score_permerror;
	case DMARC_NONE:
		break;
	}
	return verdict->record_unusable ? settings->score_permerror :
					  settings->score_none;
}

int verdict_score(const struct message_facts *facts,
		  const struct dmarc_verdict *verdict,
		  const struct settings *settings)
{
	int score = *verdict->from_domain == '\0' ?
			    settings->score_no_from :
			    score_result(verdict, settings);

	if (facts->from.fields > 1 || facts->from.n > 1)
		score += settings->score_several_from;
	return score;
}

const char *verdict_several(const struct dmarc_verdict *verdict)
{
	if (verdict->from_fields > 1)
		return "several From: fields";
	return verdict->from_domains > 1 ? "several Author Domains" : NULL;
}

bool verdict_refuses_several(const struct dmarc_verdict *verdict,
			     const struct settings *settings)
{
	switch (settings->reject_several_from) {
	case REFUSE_SEVERAL_NO:
		break;
	case REFUSE_SEVERAL_FIELDS:
		return verdict->from_fields > 1;
	case REFUSE_SEVERAL_DOMAINS:
		return verdict_several(verdict) != NULL;
	}
	return false;
}

static bool reached(int score, int limit)
{
	return limit != 0 && score >= limit;
}

static enum action choose_action(const struct dmarc_verdict *verdict,
				 const struct settings *settings)
{
	int score = verdict->score;

	if (settings->monitor_only)
		return ACTION_ACCEPT;
	if (verdict_refuses_several(verdict, settings) ||
	    reached(score, settings->reject_at))
		return ACTION_REJECT;
	if (verdict->result == DMARC_TEMPERROR && settings->defer_on_temperror)
		return ACTION_DEFER;
	if (reached(score, settings->quarantine_at))
		return ACTION_QUARANTINE;
	return reached(score, settings->tag_at) ? ACTION_TAG : ACTION_ACCEPT;
}

static enum disposition disposition_of(const struct dmarc_verdict *verdict)
{
	switch (verdict->result) {
	case DMARC_PASS:
		return verdict->policy_selected == DMARC_POLICY_QUARANTINE ||
				       verdict->policy_selected ==
					       DMARC_POLICY_REJECT ?
			       DISPOSITION_PASS :
			       DISPOSITION_NONE;
	case DMARC_NONE:
	case DMARC_PERMERROR:
		return DISPOSITION_NONE;
	case DMARC_FAIL:
	case DMARC_TEMPERROR:
		break;
	}
	if (verdict->action == ACTION_REJECT)
		return DISPOSITION_REJECT;
	return verdict->action == ACTION_QUARANTINE ? DISPOSITION_QUARANTINE :
						      DISPOSITION_NONE;
}

static void add_reason(struct dmarc_verdict *verdict, enum reason_type type,
		       const char *comment)
{
	if (verdict->n_reasons == MAX_REASONS)
		return;
	verdict->reasons[verdict->n_reasons++] =
		(struct verdict_reason){ .type = type, .comment = comment };
}

static enum disposition as_disposition(enum dmarc_policy policy)
{
	switch (policy) {
	case DMARC_POLICY_REJECT:
		return DISPOSITION_REJECT;
	case DMARC_POLICY_QUARANTINE:
		return DISPOSITION_QUARANTINE;
	case DMARC_POLICY_NONE:
	case DMARC_POLICY_UNSET:
		break;
	}
	return DISPOSITION_NONE;
}

/*
 * [override], which leaves nothing of the policy; or t=y, or pct, for which RFC
 * 9990 has no word of its own (R7.10).
 */
static void explain_step_down(struct dmarc_verdict *verdict)
{
	if (verdict->overridden)
		add_reason(verdict, verdict->override.type,
			   verdict->override.comment);
	else if (!verdict->sampled_out || verdict->record.testing)
		add_reason(verdict, REASON_POLICY_TEST_MODE, "");
	else if (verdict->method == DISCOVERY_PSL)
		add_reason(verdict, REASON_SAMPLED_OUT, "");
	else
		add_reason(verdict, REASON_LOCAL_POLICY,
			   "pct is honoured, and left this message out");
}

/* R7.5, R6.11: why a failing message was not treated as the record asks. */
static void
explain_failure(struct dmarc_verdict *verdict, const struct settings *settings)
{
	enum disposition asked = as_disposition(verdict->policy_applied);

	if (verdict->disposition == as_disposition(verdict->policy_selected))
		return;
	if (verdict->policy_applied != verdict->policy_selected)
		explain_step_down(verdict);
	if (verdict->disposition == asked)
		return;
	if (settings->monitor_only)
		add_reason(verdict, REASON_LOCAL_POLICY, "monitoring only");
	else if (asked == DISPOSITION_REJECT &&
		 verdict->disposition == DISPOSITION_QUARANTINE)
		add_reason(verdict, REASON_LOCAL_POLICY,
			   "not rejected for p=reject alone (RFC 9989 7.4)");
	else if (verdict_refuses_several(verdict, settings))
		add_reason(verdict, REASON_LOCAL_POLICY,
			   verdict_several(verdict));
	else if (verdict->disposition < asked)
		add_reason(verdict, REASON_LOCAL_POLICY,
			   "below the score for this disposition");
	else
		add_reason(verdict, REASON_LOCAL_POLICY,
			   "the score of other checks asked for more");
}

void verdict_act(struct dmarc_verdict *verdict, const struct settings *settings)
{
	verdict->action = choose_action(verdict, settings);
	verdict->disposition = disposition_of(verdict);
	verdict->n_reasons = 0;
	if (verdict->result == DMARC_TEMPERROR)
		add_reason(verdict, REASON_OTHER,
			   "not evaluated, temporary error (RFC 9989 5.3.6)");
	else if (verdict->result == DMARC_FAIL)
		explain_failure(verdict, settings);
}

void score_format(struct buf *buf, int score)
{
	long long hundredths = score;

	if (hundredths < 0) {
		buf_add_char(buf, '-');
		hundredths = -hundredths;
	}
	buf_addf(buf, "%lld.%02lld", hundredths / 100, hundredths % 100);
}
