/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/said.h"

#include <inttypes.h>
#include <string.h>

#include "report/bounce.h"
#include "report/failure.h"
#include "report/tls.h"

static struct said *said_of(struct report_sink *self)
{
	return (struct said *)self;
}

static void add_span(struct buf *out, const char *name, struct span text)
{
	if (text.p == NULL)
		text = SPAN("-");
	buf_addf(out, " %s=%.*s", name, SPAN_ARGS(text));
}

static int refuse(struct said *said, struct err *err)
{
	if (said->refuse_after < 0 || said->refuse_after-- > 0)
		return 0;
	return err_set(err, ERR_TEMP, "the sink refused");
}

static void promise(struct said *said, bool kept, const char *what)
{
	if (!kept && said->broken == NULL)
		said->broken = what;
}

static int
on_begin(struct report_sink *self, struct span entry, struct err *err)
{
	struct said *said = said_of(self);

	promise(said, said->depth == 0, "begin outside of a report");
	said->depth = 1;
	said->head = false;
	said->kind = SAID_NOTHING;
	said->rows = 0;
	said->reports++;
	buf_addf(&said->text, "begin %.*s\n", SPAN_ARGS(entry));
	return refuse(said, err);
}

static void add_policy(struct buf *out, const struct report_head *head)
{
	add_span(out, "domain", head->policy_domain);
	buf_addf(out, " method=%s p=%s sp=%s np=%s",
		 head->have_method ? discovery_method_name(head->method) : "-",
		 dmarc_policy_name(head->p), dmarc_policy_name(head->sp),
		 dmarc_policy_name(head->np));
	add_span(out, "adkim", head->adkim);
	add_span(out, "aspf", head->aspf);
	add_span(out, "pct", head->pct);
	add_span(out, "fo", head->fo);
	add_span(out, "testing", head->testing);
}

static int on_head(struct report_sink *self, const struct report_head *head,
		   struct err *err)
{
	struct said *said = said_of(self);
	struct buf *out = &said->text;
	size_t i;

	promise(said,
		said->depth == 1 && !said->head && said->rows == 0 &&
			said->kind == SAID_NOTHING,
		"one head behind begin");
	promise(said, head->report_id.n > 0, "head has a report_id");
	promise(said, head->policy_domain.n > 0, "head has a domain");
	said->head = true;
	buf_addf(out, "head %s", report_dialect_name(head->dialect));
	add_span(out, "version", head->version);
	add_span(out, "org", head->org_name);
	add_span(out, "email", head->email);
	add_span(out, "extra", head->extra_contact);
	add_span(out, "id", head->report_id);
	buf_addf(out, " begin=%" PRId64 " end=%" PRId64, head->begin,
		 head->end);
	for (i = 0; i < head->n_errors; i++)
		add_span(out, "error", head->errors[i]);
	add_span(out, "generator", head->generator);
	add_policy(out, head);
	buf_add_char(out, '\n');
	return refuse(said, err);
}

static void add_results(struct buf *out, const struct report_row *row)
{
	size_t i;

	for (i = 0; i < row->n_reasons; i++) {
		buf_addf(out, "reason %s",
			 reason_type_name(row->reasons[i].type));
		add_span(out, "comment", row->reasons[i].comment);
		buf_add_char(out, '\n');
	}
	for (i = 0; i < row->n_dkim; i++) {
		buf_add_string(out, "dkim");
		add_span(out, "domain", row->dkim[i].domain);
		add_span(out, "selector", row->dkim[i].selector);
		buf_addf(out, " result=%s",
			 auth_result_name(row->dkim[i].result));
		add_span(out, "human", row->dkim[i].human);
		buf_add_char(out, '\n');
	}
	for (i = 0; i < row->n_spf; i++) {
		buf_add_string(out, "spf");
		add_span(out, "domain", row->spf[i].domain);
		buf_addf(out, " scope=%s result=%s",
			 spf_scope_name(row->spf[i].scope),
			 auth_result_name(row->spf[i].result));
		add_span(out, "human", row->spf[i].human);
		buf_add_char(out, '\n');
	}
}

static int
on_row(struct report_sink *self, const struct report_row *row, struct err *err)
{
	struct said *said = said_of(self);
	struct buf *out = &said->text;

	promise(said, said->depth == 1 && said->head, "rows behind the head");
	promise(said, row->source_ip.n > 0, "row has an address");
	said->rows++;
	buf_addf(out, "row %.*s %" PRIu64 " %s dkim=%s spf=%s",
		 SPAN_ARGS(row->source_ip), row->count,
		 disposition_name(row->disposition),
		 row->dkim_aligned ? "pass" : "fail",
		 row->spf_aligned ? "pass" : "fail");
	add_span(out, "from", row->header_from);
	add_span(out, "sender", row->envelope_from);
	add_span(out, "to", row->envelope_to);
	buf_add_char(out, '\n');
	add_results(out, row);
	return refuse(said, err);
}

/* The report at hand can only become this kind. */
static void says_kind(struct said *said, enum said_kind kind, bool first)
{
	promise(said, said->depth == 1 && !said->head,
		"parts of another kind inside a report");
	promise(said, first ? said->kind == SAID_NOTHING : said->kind == kind,
		"parts in their order");
	said->kind = kind;
}

static int on_failure(struct report_sink *self,
		      const struct failure_report *report, struct err *err)
{
	struct said *said = said_of(self);
	struct buf *out = &said->text;

	says_kind(said, SAID_FAILURE, true);
	promise(said, report->incidents > 0, "a failure happened");
	promise(said, report->header.n <= MAX_FAILURE_HEADER_BYTES,
		"a header is cut");
	buf_add_string(out, "failure");
	add_span(out, "type", report->feedback_type);
	add_span(out, "failed", report->auth_failure);
	add_span(out, "domain", report->reported_domain);
	add_span(out, "source", report->source_ip);
	buf_addf(out, " arrival=%" PRId64 " incidents=%" PRIu64,
		 report->arrival, report->incidents);
	add_span(out, "from", report->header_from);
	add_span(out, "sender", report->mail_from);
	add_span(out, "to", report->rcpt_to);
	add_span(out, "delivery", report->delivery_result);
	add_span(out, "alignment", report->identity_alignment);
	add_span(out, "results", report->authentication_results);
	add_span(out, "dkim", report->dkim_domain);
	add_span(out, "identity", report->dkim_identity);
	add_span(out, "selector", report->dkim_selector);
	add_span(out, "spf", report->spf_dns);
	add_span(out, "subject", report->subject);
	add_span(out, "id", report->message_id);
	add_span(out, "agent", report->user_agent);
	add_span(out, "header", report->header);
	buf_add_char(out, '\n');
	return refuse(said, err);
}

static int on_tls_head(struct report_sink *self, const struct tls_head *head,
		       struct err *err)
{
	struct said *said = said_of(self);
	struct buf *out = &said->text;

	says_kind(said, SAID_TLS, true);
	promise(said, head->report_id.n > 0, "a TLS report has an id");
	promise(said, head->begin <= head->end, "a time goes forward");
	buf_add_string(out, "tls");
	add_span(out, "org", head->org_name);
	add_span(out, "contact", head->contact);
	add_span(out, "id", head->report_id);
	buf_addf(out, " begin=%" PRId64 " end=%" PRId64 "\n", head->begin,
		 head->end);
	return refuse(said, err);
}

static int on_tls_policy(struct report_sink *self,
			 const struct tls_policy *policy, struct err *err)
{
	struct said *said = said_of(self);
	struct buf *out = &said->text;

	says_kind(said, SAID_TLS, false);
	said->rows++;
	buf_add_string(out, "policy");
	add_span(out, "type", policy->type);
	add_span(out, "domain", policy->domain);
	add_span(out, "mx", policy->mx_host);
	buf_addf(out, " good=%" PRIu64 " bad=%" PRIu64 "\n", policy->successes,
		 policy->failures);
	return refuse(said, err);
}

static int on_tls_failure(struct report_sink *self,
			  const struct tls_failure *failure, struct err *err)
{
	struct said *said = said_of(self);
	struct buf *out = &said->text;

	says_kind(said, SAID_TLS, false);
	promise(said, said->rows > 0, "a failure behind its policy");
	buf_add_string(out, "failed");
	add_span(out, "result", failure->result);
	add_span(out, "from", failure->sending_ip);
	add_span(out, "mx", failure->receiving_mx);
	add_span(out, "helo", failure->receiving_helo);
	add_span(out, "to", failure->receiving_ip);
	add_span(out, "code", failure->reason_code);
	add_span(out, "more", failure->additional);
	buf_addf(out, " sessions=%" PRIu64 "\n", failure->sessions);
	return refuse(said, err);
}

static int on_bounce(struct report_sink *self, const struct bounce *bounce,
		     struct err *err)
{
	struct said *said = said_of(self);
	struct buf *out = &said->text;

	says_kind(said, SAID_BOUNCE, true);
	buf_addf(out, "bounce %s", bounce_kind_name(bounce->kind));
	add_span(out, "status", bounce->status);
	add_span(out, "to", bounce->recipient);
	add_span(out, "said", bounce->diagnostic);
	add_span(out, "by", bounce->reporter);
	buf_add_char(out, '\n');
	return refuse(said, err);
}

/* What a good report of its kind consists of was said. */
static bool is_whole(const struct said *said, enum report_kind kind)
{
	switch (kind) {
	case REPORT_AGGREGATE:
		return said->head && said->rows > 0;
	case REPORT_FAILURE:
		return said->kind == SAID_FAILURE;
	case REPORT_TLS:
		return said->kind == SAID_TLS;
	case REPORT_BOUNCE:
		return said->kind == SAID_BOUNCE;
	}
	return false;
}

static int
on_end(struct report_sink *self, const struct report_end *end, struct err *err)
{
	struct said *said = said_of(self);
	bool rejected = end->status == REPORT_REJECTED;

	promise(said, said->depth == 1, "end of a report");
	promise(said, rejected || is_whole(said, end->kind),
		"a good report has its parts");
	promise(said, !rejected || end->reason.n > 0,
		"a reason for what is rejected");
	promise(said, end->status != REPORT_OK || end->reason.n == 0,
		"no reason for what is good");
	said->depth = 0;
	said->good += rejected ? 0 : 1;
	said->ok += end->status == REPORT_OK ? 1 : 0;
	buf_addf(&said->text, "end %s %s skipped=%" PRIu64,
		 report_kind_name(end->kind), report_status_name(end->status),
		 end->skipped_rows);
	add_span(&said->text, "reason", end->reason);
	add_span(&said->text, "warnings", end->warnings);
	buf_add_char(&said->text, '\n');
	return refuse(said, err);
}

void said_start(struct said *said)
{
	*said = (struct said){
		.sink = { .begin = on_begin,
			  .head = on_head,
			  .row = on_row,
			  .end = on_end,
			  .failure = on_failure,
			  .tls_head = on_tls_head,
			  .tls_policy = on_tls_policy,
			  .tls_failure = on_tls_failure,
			  .bounce = on_bounce },
		.text = BUF_INIT((size_t)256 * 1024 * 1024),
		.refuse_after = -1,
	};
}

void said_release(struct said *said)
{
	buf_release(&said->text);
}
