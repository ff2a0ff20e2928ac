/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reports.c - what the reader says about a mail, kept as columns
 */
#include "store/reports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "report/limits.h"
#include "store/reports_mail.h"

#define HEADS_BYTES ((size_t)64 * 1024 * 1024) /* of all reports of a mail */
#define ROWS_BYTES  ((size_t)64 * 1024 * 1024) /* MAX_MAIL_BYTES, one row */
#define HEAD_BYTES  ((size_t)1024 * 1024)      /* more than one takes */
#define TEXT_BYTES  ((size_t)16 * 1024 * 1024 - 1) /* a MEDIUMTEXT */

#define FIRST_ROWS 16 /* most reports have fewer */
#define KEEP_ROWS  128
#define KEEP_BYTES ((size_t)64 * 1024)

static int no_memory(struct err *err)
{
	return err_set(err, ERR_TEMP, "out of memory");
}

static int too_much(struct err *err)
{
	return err_set(err, ERR_LIMIT, "too much text in a report");
}

const char *mail_status_name(const struct mail_outcome *outcome)
{
	switch (outcome->status) {
	case MAIL_OK:
		return "ok";
	case MAIL_PARTIAL:
		return "partial";
	case MAIL_REJECTED:
		return "rejected";
	}
	return "";
}

/* --------------------------------------------------------- report to columns */

/* The name a person knows a reporter by. */
static struct span reporter_of(const struct report_head *head)
{
	struct span email = head->email;
	struct span local;

	if (span_trim(head->org_name).n > 0)
		return span_trim(head->org_name);
	while (span_take_until(&email, '@', &local))
		;
	return email;
}

static void add_lower(struct json *json, struct arena *arena, struct span text)
{
	struct span copy = arena_copy(arena, text);
	char *p = arena_alloc(arena, copy.n + 1);
	size_t i;

	for (i = 0; p != NULL && copy.p != NULL && i < copy.n; i++)
		p[i] = ascii_lower(copy.p[i]);
	json_text(json, (struct span){ p, p == NULL ? 0 : copy.n });
}

int report_key(const struct report_head *head, struct arena *arena,
	       struct column_hash *key, struct err *err)
{
	struct buf text = BUF_INIT(TEXT_BYTES);
	struct json json = JSON_INIT(&text);
	bool good;

	json_open(&json, '[');
	add_lower(&json, arena, reporter_of(head));
	/* org_name is anybody's to choose; this is what mail can prove. */
	json_text(&json, column_domain_of(arena, span_trim(head->email)));
	add_lower(&json, arena, head->policy_domain);
	json_text(&json, head->report_id);
	json_int(&json, head->begin);
	json_int(&json, head->end);
	json_close(&json, ']');
	good = buf_ok(&text);
	if (good)
		*key = column_hash(buf_span(&text));
	buf_release(&text);
	return good ? 0 : err_set(err, ERR_LIMIT, "report id too long");
}

/* A JSON text of the scratch buffer, for the columns of a row or a head. */
static struct span take_json(struct mail_store *store, struct arena *arena)
{
	struct span text = { NULL, 0 };

	if (buf_ok(&store->json))
		text = arena_copy(arena, buf_span(&store->json));
	buf_reset(&store->json);
	return text;
}

static struct span
errors_json(struct mail_store *store, const struct report_head *head)
{
	struct json json = JSON_INIT(&store->json);
	size_t i;

	json_open(&json, '[');
	for (i = 0; i < head->n_errors; i++)
		json_text(&json, head->errors[i]);
	json_close(&json, ']');
	return take_json(store, store->heads);
}

bool values_there(const struct db_value *values, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (values[i].kind != DB_INT && values[i].bytes.p == NULL)
			return false;
	return true;
}

static struct db_value
cut(struct mail_store *store, struct span text, size_t max_chars)
{
	return db_text(column_text(store->heads, text, max_chars));
}

static int fill_head(struct mail_store *store, struct report *report,
		     const struct report_head *head, struct err *err)
{
	enum authenticated authenticated =
		carrier_of_report(&store->carrier, head->email, store->heads);
	struct db_value *v = report->head;
	size_t n = 0;

	report->authentic = authenticated == AUTHENTICATED_YES;
	v[n++] = db_bytes(report->key.bytes, COLUMN_HASH);
	v[n++] = cut(store, reporter_of(head), 255);
	v[n++] = cut(store, head->org_name, 255);
	v[n++] = cut(store, head->email, 320);
	v[n++] = cut(store, head->extra_contact, 1000);
	v[n++] = cut(store, head->report_id, 255);
	v[n++] = db_int(head->begin);
	v[n++] = db_int(head->end);
	v[n++] = db_text(column_domain(store->heads, head->policy_domain));
	v[n++] = db_string(report_dialect_name(head->dialect));
	v[n++] = db_string(
		head->have_method ? discovery_method_name(head->method) : "");
	v[n++] = db_string(dmarc_policy_name(head->p));
	v[n++] = db_string(dmarc_policy_name(head->sp));
	v[n++] = db_string(dmarc_policy_name(head->np));
	v[n++] = cut(store, head->adkim, 20);
	v[n++] = cut(store, head->aspf, 20);
	v[n++] = cut(store, head->pct, 20);
	v[n++] = cut(store, head->fo, 20);
	v[n++] = cut(store, head->testing, 20);
	v[n++] = cut(store, head->generator, 255);
	v[n++] = db_text(errors_json(store, head));
	v[n++] = db_string(authenticated_name(authenticated));
	v[n++] = db_string(store->carrier.domain);
	return values_there(v, n) ? 0 : too_much(err);
}

static struct span
reasons_json(struct mail_store *store, const struct report_row *row)
{
	struct json json = JSON_INIT(&store->json);
	size_t i;

	if (row->n_reasons == 0)
		return SPAN("[]");
	json_open(&json, '[');
	for (i = 0; i < row->n_reasons; i++) {
		json_open(&json, '{');
		json_key_string(&json, "type",
				reason_type_name(row->reasons[i].type));
		json_key_text(&json, "comment", row->reasons[i].comment);
		json_close(&json, '}');
	}
	json_close(&json, ']');
	return take_json(store, store->texts);
}

static struct span
dkim_json(struct mail_store *store, const struct report_row *row)
{
	struct json json = JSON_INIT(&store->json);
	size_t i;

	json_open(&json, '[');
	for (i = 0; i < row->n_dkim; i++) {
		const struct report_dkim *dkim = &row->dkim[i];

		json_open(&json, '{');
		json_key_text(&json, "domain", dkim->domain);
		json_key_text(&json, "selector", dkim->selector);
		json_key_string(&json, "result",
				auth_result_name(dkim->result));
		json_key_text(&json, "human", dkim->human);
		json_close(&json, '}');
	}
	json_close(&json, ']');
	return take_json(store, store->texts);
}

static struct span
spf_json(struct mail_store *store, const struct report_row *row)
{
	struct json json = JSON_INIT(&store->json);
	size_t i;

	json_open(&json, '[');
	for (i = 0; i < row->n_spf; i++) {
		const struct report_spf *spf = &row->spf[i];

		json_open(&json, '{');
		json_key_text(&json, "domain", spf->domain);
		json_key_string(&json, "scope", spf_scope_name(spf->scope));
		json_key_string(&json, "result", auth_result_name(spf->result));
		json_key_text(&json, "human", spf->human);
		json_close(&json, '}');
	}
	json_close(&json, ']');
	return take_json(store, store->texts);
}

static int fill_row(struct mail_store *store, struct row *out, int64_t row_no,
		    const struct report_row *row, struct err *err)
{
	struct arena *arena = store->texts;
	struct column_address address;
	struct db_value *v = out->value;
	size_t n = 0;

	if (!column_address(row->source_ip, &address))
		return err_set(err, ERR_INPUT, "row %lld: no address",
			       (long long)row_no);
	v[n++] = db_int(0); /* the id of the report, once it has one */
	v[n++] = db_int(row_no);
	v[n++] = db_text(arena_copy(arena, span_of(address.text)));
	v[n++] = db_int((int64_t)row->count);
	v[n++] = db_string(disposition_name(row->disposition));
	v[n++] = db_int(row->dkim_aligned);
	v[n++] = db_int(row->spf_aligned);
	v[n++] = db_text(column_text(arena, row->header_from, 255));
	v[n++] = db_text(column_text(arena, row->envelope_from, 255));
	v[n++] = db_text(column_text(arena, row->envelope_to, 255));
	v[n++] = db_text(reasons_json(store, row));
	v[n++] = db_text(dkim_json(store, row));
	v[n++] = db_text(spf_json(store, row));
	return values_there(v, n) ? 0 : too_much(err);
}

static void add_to_sums(struct sums *sums, const struct report_row *row)
{
	int64_t count = (int64_t)row->count;

	sums->rows++;
	sums->messages += count;
	if (row->dkim_aligned || row->spf_aligned)
		sums->compliant += count;
	if (row->dkim_aligned)
		sums->dkim_passed += count;
	if (row->spf_aligned)
		sums->spf_passed += count;
	if (row->disposition == DISPOSITION_QUARANTINE)
		sums->quarantined += count;
	if (row->disposition == DISPOSITION_REJECT)
		sums->rejected += count;
}

/* ---------------------------------------------------------------- the sink */

static struct mail_store *store_of(struct report_sink *sink)
{
	/* sink is the first member */
	return (struct mail_store *)(void *)sink;
}

/* Rows that wait for the current report; others are in front of them. */
static void drop_waiting(struct mail_store *store)
{
	while (store->n_rows > 0 &&
	       store->rows[store->n_rows - 1].report == store->current)
		store->n_rows--;
}

static int void_current(struct mail_store *store, struct err *err)
{
	struct report *report = store->current;

	store->inside = false;
	store->current = NULL;
	if (store->kind == INSIDE_TLS)
		tls_void(&store->others);
	store->kind = INSIDE_NOTHING;
	if (report == NULL)
		return 0;
	store->current = report;
	drop_waiting(store);
	store->current = NULL;
	for (store->end = &store->first; *store->end != report;
	     store->end = &(*store->end)->next)
		;
	*store->end = NULL; /* it is the last one */
	if (!report->placed || report->duplicate)
		return 0;
	return report_drop(store->db, report->id, err);
}

/* The mail is to be set aside; the first reason counts. */
static void note_refusal(struct mail_store *store, const char *reason)
{
	if (store->refused++ == 0)
		(void)snprintf(store->reason, sizeof(store->reason), "%s",
			       reason);
}

int mail_store_refuse(struct mail_store *store, const char *reason,
		      struct err *err)
{
	note_refusal(store, reason);
	return void_current(store, err);
}

static int
sink_begin(struct report_sink *sink, struct span entry, struct err *err)
{
	struct mail_store *store = store_of(sink);

	(void)entry;
	if (store->inside)
		return err_set(err, ERR_INPUT, "a report inside a report");
	store->inside = true;
	store->kind = INSIDE_NOTHING;
	return 0;
}

static int sink_head(struct report_sink *sink, const struct report_head *head,
		     struct err *err)
{
	struct mail_store *store = store_of(sink);
	struct report *report = arena_alloc(store->heads, sizeof(*report));

	/* What is left is enough for the mail's own texts. */
	if (report == NULL ||
	    arena_used(store->heads) > HEADS_BYTES - HEAD_BYTES)
		return err_set(err, ERR_LIMIT, "too many reports in a mail");
	if (!store->inside || store->current != NULL)
		return err_set(err, ERR_INPUT, "a second head");
	if (report_key(head, store->heads, &report->base, err) < 0 ||
	    fill_head(store, report, head, err) < 0)
		return -1;
	report->mail = store;
	store->current = report;
	*store->end = report;
	store->end = &report->next;
	return 0;
}

static int grow_rows(struct mail_store *store, struct err *err)
{
	size_t room = store->room == 0 ? FIRST_ROWS : 2 * store->room;
	struct row *rows;

	if (store->n_rows < store->room)
		return 0;
	rows = reallocarray(store->rows, room, sizeof(*rows));
	if (rows == NULL)
		return no_memory(err);
	store->rows = rows;
	store->room = room;
	return 0;
}

static int sink_row(struct report_sink *sink, const struct report_row *row,
		    struct err *err)
{
	struct mail_store *store = store_of(sink);
	struct report *report = store->current;

	if (report == NULL)
		return err_set(err, ERR_INPUT, "a row without a report");
	if (report->duplicate)
		return 0; /* it goes nowhere */
	/* The reader refuses such a report; but it may be lying. */
	if (row->count > MAX_MESSAGES - (uint64_t)report->sums.messages)
		return err_set(err, ERR_LIMIT, "impossible number of messages");
	if (grow_rows(store, err) < 0 ||
	    fill_row(store, &store->rows[store->n_rows], report->sums.rows + 1,
		     row, err) < 0)
		return -1;
	add_to_sums(&report->sums, row);
	store->rows[store->n_rows++].report = report;
	if (store->n_rows < MAX_MAIL_ROWS &&
	    arena_used(store->texts) < MAX_MAIL_BYTES)
		return 0;
	return mail_store_flush(store, err);
}

static int sink_failure(struct report_sink *sink,
			const struct failure_report *report, struct err *err)
{
	struct mail_store *store = store_of(sink);
	struct failure_report kept = *report;

	if (!store->inside || store->current != NULL)
		return err_set(err, ERR_INPUT, "a failure out of order");
	if (!store->failure_headers)
		kept.header = SPAN("");
	if (arena_used(store->heads) > HEADS_BYTES - HEAD_BYTES)
		return err_set(err, ERR_LIMIT, "too many reports in a mail");
	store->kind = INSIDE_FAILURE;
	return failure_keep(&store->others, &kept, store->now, store->heads,
			    err);
}

static int sink_tls_head(struct report_sink *sink, const struct tls_head *head,
			 struct err *err)
{
	struct mail_store *store = store_of(sink);

	if (!store->inside || store->current != NULL)
		return err_set(err, ERR_INPUT, "a TLS report out of order");
	if (tls_keep(&store->others, head, &store->carrier, store->heads, err) <
	    0)
		return -1;
	store->kind = INSIDE_TLS;
	return 0;
}

static int sink_bounce(struct report_sink *sink, const struct bounce *bounce,
		       struct err *err)
{
	struct mail_store *store = store_of(sink);

	if (!store->inside || store->current != NULL)
		return err_set(err, ERR_INPUT, "a bounce out of order");
	store->kind = INSIDE_BOUNCE;
	if (!store->is_bounce) {
		note_refusal(store, NO_REPORT_BUT_BOUNCE);
		return 0;
	}
	store->others.bounce =
		bounce_keep(bounce, &store->verp, &store->steps, store->heads);
	return store->others.bounce == NULL ? no_memory(err) : 0;
}

/* The mail's own texts must still find room. */
static int has_room(const struct mail_store *store, struct err *err)
{
	if (arena_used(store->heads) <= HEADS_BYTES - HEAD_BYTES)
		return 0;
	return err_set(err, ERR_LIMIT, "too much text in a TLS report");
}

static int sink_tls_policy(struct report_sink *sink,
			   const struct tls_policy *policy, struct err *err)
{
	struct mail_store *store = store_of(sink);

	if (has_room(store, err) < 0)
		return -1;
	return tls_keep_policy(&store->others, policy, store->heads, err);
}

static int sink_tls_failure(struct report_sink *sink,
			    const struct tls_failure *failure, struct err *err)
{
	struct mail_store *store = store_of(sink);

	if (has_room(store, err) < 0)
		return -1;
	return tls_keep_failure(&store->others, failure, store->heads, err);
}

static int keep_end(struct mail_store *store, struct report *report,
		    const struct report_end *end, struct err *err)
{
	report->status = end->status;
	report->skipped_rows = end->skipped_rows > INT64_MAX ?
				       INT64_MAX :
				       (int64_t)end->skipped_rows;
	report->warnings =
		column_text(store->heads, end->warnings, COLUMN_TEXT);
	return report->warnings.p == NULL ? no_memory(err) : 0;
}

static int sink_end(struct report_sink *sink, const struct report_end *end,
		    struct err *err)
{
	struct mail_store *store = store_of(sink);
	struct buf reason = BUF_INIT(sizeof(store->reason));
	bool refused = end->status == REPORT_REJECTED;
	bool other = store->kind != INSIDE_NOTHING;
	int result = 0;

	buf_add(&reason, end->reason);
	if (!store->inside || (!refused && !other && store->current == NULL)) {
		result = err_set(err, ERR_INPUT, "the end of no report");
	} else if (refused) {
		result = mail_store_refuse(store, buf_string(&reason), err);
	} else {
		if (end->reason.n > 0)
			note_refusal(store, buf_string(&reason));
		if (!other)
			result = keep_end(store, store->current, end, err);
		store->inside = false;
		store->kind = INSIDE_NOTHING;
		store->current = NULL;
	}
	buf_release(&reason);
	return result;
}

struct report_sink *mail_store_sink(struct mail_store *store)
{
	return &store->sink;
}

size_t mail_store_rows(const struct mail_store *store)
{
	return store->n_rows;
}

size_t mail_store_bytes(const struct mail_store *store)
{
	return arena_used(store->texts) + arena_used(store->heads) +
	       store->original.n;
}

bool mail_store_may_keep(const struct mail_store *store)
{
	return (store->first != NULL || store->others.n_tls > 0) &&
	       store->others.failures.n == 0;
}

void mail_store_keep(struct mail_store *store, struct span compressed,
		     uint64_t bytes)
{
	store->original = compressed;
	store->original_bytes = bytes;
}

const struct mail_outcome *mail_store_outcome(const struct mail_store *store)
{
	return &store->outcome;
}

/* ----------------------------------------------------------- begin and end */

int mail_store_new(struct database *db, struct mail_store **store,
		   struct err *err)
{
	struct mail_store *new = calloc(1, sizeof(*new));

	*store = new;
	if (new == NULL)
		return no_memory(err);
	*new = (struct mail_store){
		.sink = { .begin = sink_begin,
			  .head = sink_head,
			  .row = sink_row,
			  .end = sink_end,
			  .failure = sink_failure,
			  .tls_head = sink_tls_head,
			  .tls_policy = sink_tls_policy,
			  .tls_failure = sink_tls_failure,
			  .bounce = sink_bounce },
		.db = db,
		.heads = arena_new(HEADS_BYTES),
		.texts = arena_new(ROWS_BYTES),
		.json = BUF_INIT(TEXT_BYTES),
	};
	new->end = &new->first;
	if (new->heads != NULL &&new->texts != NULL)
		return 0;
	mail_store_free(store);
	return no_memory(err);
}

/* What one mail needed is not kept for all that follow. */
static void shrink(struct mail_store *store)
{
	if (store->room > KEEP_ROWS) {
		free(store->rows);
		store->rows = NULL;
		store->room = 0;
	}
	if (store->json.room > KEEP_BYTES)
		buf_release(&store->json);
}

void mail_store_keep_headers(struct mail_store *store, bool keep)
{
	store->failure_headers = keep;
}

void mail_store_start(struct mail_store *store, struct span name, int64_t now)
{
	arena_reset(store->heads);
	arena_reset(store->texts);
	buf_reset(&store->json);
	shrink(store);
	*store = (struct mail_store){
		.sink = store->sink,
		.db = store->db,
		.heads = store->heads,
		.texts = store->texts,
		.rows = store->rows,
		.room = store->room,
		.json = store->json,
		.failure_headers = store->failure_headers,
		.carrier = { .domain = "" },
		.name = name,
		.now = now,
	};
	store->end = &store->first;
}

void mail_store_bounce_of(struct mail_store *store, const struct verp *verp,
			  const struct suppress_steps *steps)
{
	store->is_bounce = true;
	store->verp = *verp;
	store->steps = *steps;
}

void mail_store_carried(struct mail_store *store, const struct carrier *carrier)
{
	store->carrier = *carrier;
}

int mail_store_end(struct mail_store *store,
		   const struct mail_envelope *envelope, struct err *err)
{
	store->envelope = *envelope;
	if (store->inside &&
	    mail_store_refuse(store, "the reader stopped inside a report",
			      err) < 0)
		return -1;
	if (store->refused == 0 && store->first == NULL &&
	    !other_reports_any(&store->others))
		return mail_store_refuse(store, "no report in it", err);
	return 0;
}

void mail_store_free(struct mail_store **store)
{
	if (*store == NULL)
		return;
	arena_free(&(*store)->heads);
	arena_free(&(*store)->texts);
	free((*store)->rows);
	buf_release(&(*store)->json);
	free(*store);
	*store = NULL;
}
