/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * answer.c - what an ACL is told about a message
 */
#include "job.h"

#include <string.h>

#include "base/span.h"

static void say_result(struct job *job, struct buf *answer)
{
	buf_add_string(answer, dmarc_result_name(job->verdict.result));
}

static void say_policy(struct job *job, struct buf *answer)
{
	buf_add_string(answer, or_dash(dmarc_policy_name(
				       job->verdict.policy_selected)));
}

static void say_applied(struct job *job, struct buf *answer)
{
	buf_add_string(answer,
		       or_dash(dmarc_policy_name(job->verdict.policy_applied)));
}

static void say_domain(struct job *job, struct buf *answer)
{
	buf_add_string(answer, or_dash(job->verdict.from_domain));
}

static void say_policy_domain(struct job *job, struct buf *answer)
{
	buf_add_string(answer, or_dash(job->verdict.policy_domain));
}

static void say_spf(struct job *job, struct buf *answer)
{
	buf_add_string(answer, spf_word(&job->facts.spf));
}

static void say_dkim(struct job *job, struct buf *answer)
{
	buf_add_string(answer, dkim_word(&job->facts));
}

static void say_score(struct job *job, struct buf *answer)
{
	score_format(answer, job->verdict.score);
}

static void say_action(struct job *job, struct buf *answer)
{
	buf_add_string(answer, action_name(job->verdict.action));
}

static void say_reason(struct job *job, struct buf *answer)
{
	if (job->why_not != NULL)
		buf_addf(answer, "Not judged: %s.", job->why_not);
	else
		buf_add_string(answer, job->verdict.explanation);
}

static void say_authres(struct job *job, struct buf *answer)
{
	verdict_authres(answer, &job->verdict);
}

static void say_reply(struct job *job, struct buf *answer)
{
	job_format_reply(job, answer);
}

static void say_record(struct job *job, struct buf *answer)
{
	job_record(job);
	say_action(job, answer);
}

/*
 * Exim puts each field that it is told to add on top of the ones before, so the
 * last one here comes to stand first.
 */
static void say_header(struct job *job, struct buf *answer)
{
	buf_add_string(answer, ":at_start:");
	job_format_action(job, answer);
	buf_add_string(answer, ":at_start:");
	job_format_score(job, answer);
	buf_add_string(answer, ":at_start:");
	job_format_authres(job, answer);
}

/* Also in what is not judged. */
static void say_clean(struct job *job, struct buf *answer)
{
	unsigned n = 0;
	size_t i;

	job_mark_forged(job);
	for (i = 0; i < job->message->n_fields; i++)
		n += job->message->fields[i].remove;
	buf_addf(answer, "%u", n);
}

static void say_line(struct job *job, struct buf *answer);

static const struct scan_question questions[] = {
	{ .word = "", .hostile = true, .say = say_line },
	{ .word = "result",
	  .unjudged = "unjudged",
	  .in_line = true,
	  .say = say_result },
	{ .word = "policy",
	  .unjudged = "-",
	  .in_line = true,
	  .say = say_policy },
	{ .word = "applied",
	  .unjudged = "-",
	  .in_line = true,
	  .say = say_applied },
	{ .word = "domain",
	  .unjudged = "-",
	  .hostile = true,
	  .in_line = true,
	  .say = say_domain },
	{ .word = "policy_domain",
	  .unjudged = "-",
	  .hostile = true,
	  .in_line = true,
	  .say = say_policy_domain },
	{ .word = "spf", .unjudged = "-", .in_line = true, .say = say_spf },
	{ .word = "dkim", .unjudged = "-", .in_line = true, .say = say_dkim },
	{ .word = "score",
	  .unjudged = "0.00",
	  .in_line = true,
	  .say = say_score },
	{ .word = "action",
	  .unjudged = "accept",
	  .in_line = true,
	  .say = say_action },
	{ .word = "reason", .hostile = true, .say = say_reason },
	{ .word = "authres",
	  .unjudged = "none",
	  .hostile = true,
	  .say = say_authres },
	{ .word = "header",
	  .unjudged = "",
	  .hostile = true,
	  .folded = true,
	  .say = say_header },
	{ .word = "reply", .unjudged = "", .hostile = true, .say = say_reply },
	{ .word = "record", .unjudged = "accept", .say = say_record },
	{ .word = "clean", .reads_fields = true, .say = say_clean },
};

#define N_QUESTIONS (sizeof(questions) / sizeof(questions[0]))

const struct scan_question *scan_question_find(struct span word)
{
	size_t i;

	for (i = 0; i < N_QUESTIONS; i++)
		if (span_is(word, questions[i].word))
			return &questions[i];
	return NULL;
}

static void
say(struct job *job, const struct scan_question *question, struct buf *answer)
{
	if (job->why_not == NULL || question->unjudged == NULL)
		question->say(job, answer);
	else
		buf_add_string(answer, question->unjudged);
}

/* "result=pass policy=reject ...", as ${extract} reads it. */
static void say_line(struct job *job, struct buf *answer)
{
	size_t i;

	for (i = 0; i < N_QUESTIONS; i++) {
		if (!questions[i].in_line)
			continue;
		buf_addf(answer, "%s%s=", answer->n == 0 ? "" : " ",
			 questions[i].word);
		say(job, &questions[i], answer);
	}
}

/* Names of others have been normalized; this is for what was overlooked. */
static void make_plain(struct buf *answer)
{
	size_t i;

	for (i = 0; i < answer->n; i++)
		if (answer->p[i] < ' ' || answer->p[i] > '~')
			answer->p[i] = '?';
}

void scan_answer(struct scanner *scanner, struct scan_message *message,
		 struct scan_outcome *outcome,
		 const struct scan_question *question, struct buf *answer)
{
	struct job *job = &scanner->job;

	job->message = message;
	job->outcome = outcome;
	if (job->why_not == NULL)
		job_weigh(job);
	say(job, question, answer);
	if (!buf_ok(answer)) {
		buf_reset(answer);
		trouble(&outcome->trouble, "no answer for an ACL", "too long");
	}
	if (!question->folded)
		make_plain(answer);
}
