/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/said.h"

#include <inttypes.h>
#include <string.h>

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

	promise(said, said->depth == 1 && !said->head && said->rows == 0,
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

static int
on_end(struct report_sink *self, const struct report_end *end, struct err *err)
{
	struct said *said = said_of(self);
	bool rejected = end->status == REPORT_REJECTED;

	promise(said, said->depth == 1, "end of a report");
	promise(said, rejected || said->rows > 0, "a good report has rows");
	promise(said, rejected == (end->reason.n > 0),
		"a reason exactly for what is rejected");
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
			  .end = on_end },
		.text = BUF_INIT((size_t)256 * 1024 * 1024),
		.refuse_after = -1,
	};
}

void said_release(struct said *said)
{
	buf_release(&said->text);
}
