/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/compare.h"

/* The longest: the domains of all signatures, and a blank behind each. */
#define MAX_POINT_BYTES ((size_t)MAX_DKIM_SIGNATURES * 255)

static void add_result(struct buf *out, const struct judged *judged)
{
	buf_add_string(out, dmarc_result_name(judged->verdict.result));
	if (judged->verdict.record_unusable)
		buf_add_string(out, " (the record cannot be used)");
}

static void add_author(struct buf *out, const struct judged *judged)
{
	buf_add_string(out, judged->verdict.from_domain);
}

static void add_organization(struct buf *out, const struct judged *judged)
{
	buf_add_string(out, judged->verdict.organizational_domain);
}

static void add_policy_domain(struct buf *out, const struct judged *judged)
{
	buf_add_string(out, judged->verdict.policy_domain);
}

static void add_selected(struct buf *out, const struct judged *judged)
{
	const struct dmarc_verdict *verdict = &judged->verdict;

	if (verdict->have_record)
		buf_addf(out, "%s=%s",
			 policy_source_name(verdict->policy_source),
			 dmarc_policy_name(verdict->policy_selected));
}

static void add_applied(struct buf *out, const struct judged *judged)
{
	buf_add_string(out, dmarc_policy_name(judged->verdict.policy_applied));
}

static void add_spf(struct buf *out, const struct judged *judged)
{
	if (judged->facts.spf.aligned)
		buf_add_string(out, judged->facts.spf.domain);
}

static void add_dkim(struct buf *out, const struct judged *judged)
{
	const struct message_facts *facts = &judged->facts;
	const char *between = "";
	size_t i;

	for (i = 0; i < facts->n_dkim; i++) {
		if (!facts->dkim[i].aligned)
			continue;
		buf_addf(out, "%s%s", between, facts->dkim[i].domain);
		between = " ";
	}
}

static void add_score(struct buf *out, const struct judged *judged)
{
	score_format(out, judged->verdict.score);
}

static void add_action(struct buf *out, const struct judged *judged)
{
	buf_add_string(out, action_name(judged->verdict.action));
}

static void add_disposition(struct buf *out, const struct judged *judged)
{
	buf_add_string(out, disposition_name(judged->verdict.disposition));
}

static const struct point {
	const char *name;  /* in JSON, after its keys */
	const char *label; /* in text */
	void (*add)(struct buf *out, const struct judged *judged);
} points[] = {
	{ "result", "result", add_result },
	{ "from_domain", "from", add_author },
	{ "organizational_domain", "organization", add_organization },
	{ "policy_domain", "record at", add_policy_domain },
	{ "policy_selected", "policy", add_selected },
	{ "policy_applied", "applied as", add_applied },
	{ "spf", "SPF aligned", add_spf },
	{ "dkim", "DKIM aligned", add_dkim },
	{ "score", "score", add_score },
	{ "action", "action", add_action },
	{ "disposition", "disposition", add_disposition },
};

#define N_POINTS (sizeof(points) / sizeof(points[0]))

/* One point of both verdicts. */
struct pair {
	struct buf rfc9989;
	struct buf rfc7489;
	bool same;
	bool failed; /* at any point: no memory */
};

#define PAIR_INIT                                                    \
	{                                                            \
		.rfc9989 = BUF_INIT(MAX_POINT_BYTES),                \
		.rfc7489 = BUF_INIT(MAX_POINT_BYTES), .same = false, \
		.failed = false                                      \
	}

static void read_pair(struct pair *pair, const struct point *point,
		      const struct judged *rfc9989,
		      const struct judged *rfc7489)
{
	buf_reset(&pair->rfc9989);
	buf_reset(&pair->rfc7489);
	point->add(&pair->rfc9989, rfc9989);
	point->add(&pair->rfc7489, rfc7489);
	pair->same =
		span_equal(buf_span(&pair->rfc9989), buf_span(&pair->rfc7489));
	if (!buf_ok(&pair->rfc9989) || !buf_ok(&pair->rfc7489))
		pair->failed = true;
}

static int finish(struct pair *pair)
{
	buf_release(&pair->rfc9989);
	buf_release(&pair->rfc7489);
	return pair->failed ? -1 : 0;
}

static void print_point(struct buf *out, const char *label,
			const char *standard, struct buf *value)
{
	buf_addf(out, "%-14s%s%s\n", label, standard,
		 value->n == 0 ? "-" : buf_string(value));
}

int compare_text(struct buf *out, const struct judged *rfc9989,
		 const struct judged *rfc7489)
{
	struct pair pair = PAIR_INIT;
	size_t differ = 0;
	size_t i;

	for (i = 0; i < N_POINTS; i++) {
		read_pair(&pair, &points[i], rfc9989, rfc7489);
		if (pair.same) {
			print_point(out, points[i].label, "", &pair.rfc9989);
			continue;
		}
		print_point(out, points[i].label, "rfc9989: ", &pair.rfc9989);
		print_point(out, "", "rfc7489: ", &pair.rfc7489);
		differ++;
	}
	buf_addf(out, "%-14s%zu of %zu points\n", "differ in", differ,
		 N_POINTS);
	return finish(&pair);
}

static void
key_verdict(struct json *json, const char *key, const struct judged *judged)
{
	json_key(json, key);
	json_open(json, '{');
	verdict_json(json, &judged->facts, &judged->verdict);
	json_key_string(json, "explanation", judged->verdict.explanation);
	json_close(json, '}');
}

int compare_json(struct json *json, const struct judged *rfc9989,
		 const struct judged *rfc7489)
{
	struct pair pair = PAIR_INIT;
	size_t i;

	key_verdict(json, "rfc9989", rfc9989);
	key_verdict(json, "rfc7489", rfc7489);
	json_key(json, "differ");
	json_open(json, '[');
	for (i = 0; i < N_POINTS; i++) {
		read_pair(&pair, &points[i], rfc9989, rfc7489);
		if (!pair.same)
			json_string(json, points[i].name);
	}
	json_close(json, ']');
	return finish(&pair);
}
