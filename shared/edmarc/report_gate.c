/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/report_gate.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/quote.h"
#include "base/utc.h"
#include "mail/idn.h"
#include "report/failure.h"
#include "report/limits.h"
#include "report/tls.h"

static struct report_gate *gate_of(struct report_sink *sink)
{
	/* sink is the first member */
	return (struct report_gate *)(void *)sink;
}

/* ---------------------------------------------------------------- the checks */

#define NOT_HOSTED "policy domain %s is not hosted here"

static void shut(struct report_gate *gate, const char *form, ...)
	PRINTF_LIKE(2, 3);

/* The first reason counts. */
static void shut(struct report_gate *gate, const char *form, ...)
{
	va_list args;

	if (gate->shut)
		return;
	gate->shut = true;
	va_start(args, form);
	(void)vsnprintf(gate->reason, sizeof(gate->reason), form, args);
	va_end(args);
}

static bool is_hosted(const struct report_gate *gate, struct span domain)
{
	struct idn_name name;

	return !gate->hosted->configured ||
	       (idn_convert(domain, &name) == IDN_OK &&
		hosted_has(gate->hosted, name.text));
}

static void check_domain(struct report_gate *gate, struct span domain)
{
	if (!is_hosted(gate, domain))
		shut(gate, NOT_HOSTED, quote(domain).text);
}

/* Before anything else of a report: may any of this mail pass? */
static void check_mail(struct report_gate *gate)
{
	if (gate->closed != NULL)
		shut(gate, "%s", gate->closed);
}

static void check_period(struct report_gate *gate, int64_t begin, int64_t end)
{
	if (begin > end)
		shut(gate, "the period ends before it begins");
	else if (begin < FIRST_REPORT_TIME)
		shut(gate, "the period begins before there was DMARC: %s",
		     utc_stamp(begin < 0 ? 0 : begin).text);
	else if (end - begin > MAX_REPORT_DAYS * UTC_DAY)
		shut(gate, "the period is longer than %d days",
		     MAX_REPORT_DAYS);
	else if (end > gate->now + MAX_CLOCK_AHEAD)
		shut(gate, "the period ends in the future: %s",
		     utc_stamp(end).text);
}

/* ------------------------------------------------------------------ the sink */

static int
gate_begin(struct report_sink *sink, struct span entry, struct err *err)
{
	struct report_gate *gate = gate_of(sink);

	gate->shut = false;
	gate->policy_shut = false;
	gate->some_shut = false;
	gate->some_passed = false;
	return gate->behind->begin(gate->behind, entry, err);
}

static int gate_head(struct report_sink *sink, const struct report_head *head,
		     struct err *err)
{
	struct report_gate *gate = gate_of(sink);

	check_mail(gate);
	check_domain(gate, head->policy_domain);
	check_period(gate, head->begin, head->end);
	if (gate->shut)
		return 0;
	return gate->behind->head(gate->behind, head, err);
}

static int gate_row(struct report_sink *sink, const struct report_row *row,
		    struct err *err)
{
	struct report_gate *gate = gate_of(sink);

	return gate->shut ? 0 : gate->behind->row(gate->behind, row, err);
}

/* The reader's own reason is the better one: it has seen more. */
static int gate_end(struct report_sink *sink, const struct report_end *end,
		    struct err *err)
{
	struct report_gate *gate = gate_of(sink);
	bool nothing = gate->shut || (gate->some_shut && !gate->some_passed);
	struct report_end told = *end;

	if (end->status != REPORT_REJECTED && nothing) {
		told.status = REPORT_REJECTED;
		told.skipped_rows = 0;
		told.reason = span_of(gate->reason);
	} else if (end->status != REPORT_REJECTED && gate->some_shut) {
		told.status = REPORT_PARTIAL;
		told.reason = span_of(gate->reason);
	}
	gate->shut = false;
	return gate->behind->end(gate->behind, &told, err);
}

static int gate_failure(struct report_sink *sink,
			const struct failure_report *report, struct err *err)
{
	struct report_gate *gate = gate_of(sink);

	check_mail(gate);
	if (report->reported_domain.n > 0)
		check_domain(gate, report->reported_domain);
	if (gate->shut)
		return 0;
	return gate->behind->failure(gate->behind, report, err);
}

static int gate_tls_head(struct report_sink *sink, const struct tls_head *head,
			 struct err *err)
{
	struct report_gate *gate = gate_of(sink);

	check_mail(gate);
	check_period(gate, head->begin, head->end);
	if (gate->shut)
		return 0;
	return gate->behind->tls_head(gate->behind, head, err);
}

static int gate_tls_policy(struct report_sink *sink,
			   const struct tls_policy *policy, struct err *err)
{
	struct report_gate *gate = gate_of(sink);

	gate->policy_shut = gate->shut || !is_hosted(gate, policy->domain);
	if (gate->shut)
		return 0;
	if (gate->policy_shut) {
		if (!gate->some_shut)
			(void)snprintf(gate->reason, sizeof(gate->reason),
				       NOT_HOSTED, quote(policy->domain).text);
		gate->some_shut = true;
		return 0;
	}
	gate->some_passed = true;
	return gate->behind->tls_policy(gate->behind, policy, err);
}

static int gate_tls_failure(struct report_sink *sink,
			    const struct tls_failure *failure, struct err *err)
{
	struct report_gate *gate = gate_of(sink);

	if (gate->policy_shut)
		return 0;
	return gate->behind->tls_failure(gate->behind, failure, err);
}

/* Not about a domain of ours; whoever is behind knows what it is about. */
static int gate_bounce(struct report_sink *sink, const struct bounce *bounce,
		       struct err *err)
{
	struct report_gate *gate = gate_of(sink);

	return gate->behind->bounce(gate->behind, bounce, err);
}

void report_gate_close(struct report_gate *gate, const char *reason)
{
	gate->closed = reason;
}

void report_gate_start(struct report_gate *gate, struct report_sink *behind,
		       const struct hosted *hosted, int64_t now)
{
	*gate = (struct report_gate){
		.sink = { .begin = gate_begin,
			  .head = gate_head,
			  .row = gate_row,
			  .end = gate_end,
			  .failure = gate_failure,
			  .tls_head = gate_tls_head,
			  .tls_policy = gate_tls_policy,
			  .tls_failure = gate_tls_failure,
			  .bounce = gate_bounce },
		.behind = behind,
		.hosted = hosted,
		.now = now,
	};
}
