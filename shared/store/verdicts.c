/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/verdicts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/utc.h"

#define SLOTS           16384 /* a power of two, over 2 * MAX_BATCH_ENTRIES */
/* The same over 2 * MAX_BATCH_RECIPIENTS. */
#define RECIPIENT_SLOTS 32768
#define MAX_TEXT_BYTES  ((size_t)1024 * 1024)
#define MAX_TIME        253402300799 /* the last second that a DATE can hold */

struct verdict_batch {
	struct arena *arena;
	struct buf text; /* what a hash is taken over */
	struct verdict_row *slot[SLOTS];
	const struct verdict_row *rows[MAX_BATCH_ENTRIES];
	size_t n_rows;
	struct verdict_recipient *recipient_slot[RECIPIENT_SLOTS];
	const struct verdict_recipient *recipients[MAX_BATCH_RECIPIENTS];
	size_t n_recipients;
	struct verdict_policy *policy_slot[SLOTS];
	const struct verdict_policy *policies[MAX_BATCH_ENTRIES];
	size_t n_policies;
	size_t entries;
	bool by_recipient;
};

struct verdict_batch *verdict_batch_new(void)
{
	struct verdict_batch *batch = calloc(1, sizeof(*batch));

	if (batch == NULL)
		return NULL;
	batch->text = (struct buf)BUF_INIT(MAX_TEXT_BYTES);
	batch->arena = arena_new(MAX_BATCH_BYTES);
	if (batch->arena == NULL)
		verdict_batch_free(&batch);
	return batch;
}

void verdict_batch_free(struct verdict_batch **batch)
{
	if (*batch == NULL)
		return;
	arena_free(&(*batch)->arena);
	buf_release(&(*batch)->text);
	free(*batch);
	*batch = NULL;
}

void verdict_batch_by_recipient(struct verdict_batch *batch, bool yes)
{
	batch->by_recipient = yes;
}

void verdict_batch_reset(struct verdict_batch *batch)
{
	arena_reset(batch->arena);
	memset(batch->slot, 0, sizeof(batch->slot));
	memset(batch->policy_slot, 0, sizeof(batch->policy_slot));
	memset(batch->recipient_slot, 0, sizeof(batch->recipient_slot));
	batch->n_rows = 0;
	batch->n_policies = 0;
	batch->n_recipients = 0;
	batch->entries = 0;
}

static int full(struct err *err)
{
	return err_set(err, ERR_LIMIT, "the batch is full");
}

/* ------------------------------------------------------------------ hashing */

/* A JSON array of texts is a text that only this row has. */
static struct json start_text(struct verdict_batch *batch)
{
	struct json json = JSON_INIT(&batch->text);

	buf_reset(&batch->text);
	json_open(&json, '[');
	return json;
}

static int end_text(struct verdict_batch *batch, struct json *json,
		    struct column_hash *hash, struct err *err)
{
	json_close(json, ']');
	if (!buf_ok(&batch->text))
		return err_set(err, ERR_INPUT, "more than %zu bytes of text",
			       MAX_TEXT_BYTES);
	*hash = column_hash(buf_span(&batch->text));
	return 0;
}

static int hash_policy(struct verdict_batch *batch,
		       struct verdict_policy *policy, struct err *err)
{
	struct json json = start_text(batch);

	json_text(&json, policy->policy_domain);
	json_string(&json, policy->method);
	json_string(&json, policy->p);
	json_string(&json, policy->sp);
	json_string(&json, policy->np);
	json_string(&json, policy->adkim);
	json_string(&json, policy->aspf);
	json_string(&json, policy->fo);
	json_string(&json, policy->testing);
	json_uint(&json, policy->pct);
	json_text(&json, policy->rua);
	json_text(&json, policy->faults);
	return end_text(batch, &json, &policy->hash, err);
}

static int
hash_row(struct verdict_batch *batch, struct verdict_row *row, struct err *err)
{
	struct json json = start_text(batch);

	json_string(&json, row->result);
	json_text(&json, row->header_from);
	json_string(&json, row->source.text);
	json_text(&json, row->envelope_from);
	json_string(&json, row->disposition);
	json_bool(&json, row->dkim_aligned);
	json_bool(&json, row->spf_aligned);
	json_text(&json, row->reasons);
	json_text(&json, row->auth_results);
	if (row->envelope_to.n > 0)
		json_text(&json, row->envelope_to);
	return end_text(batch, &json, &row->hash, err);
}

/* SHA-256 is as random as any hash for a table, and nobody can aim at it. */
static size_t first_slot(const struct column_hash *hash, size_t slots)
{
	uint64_t start;

	memcpy(&start, hash->bytes, sizeof(start));
	return (size_t)(start % slots);
}

static int
hash_compare(const struct column_hash *a, const struct column_hash *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* --------------------------------------------------------- entry to columns */

static const char *fo_text(unsigned fo, struct arena *arena)
{
	return arena_printf(arena, "%s%s%s%s",
			    (fo & DMARC_FO_ALL) != 0 ? ":0" : "",
			    (fo & DMARC_FO_ANY) != 0 ? ":1" : "",
			    (fo & DMARC_FO_DKIM) != 0 ? ":d" : "",
			    (fo & DMARC_FO_SPF) != 0 ? ":s" : "");
}

static int make_policy(struct verdict_batch *batch, const struct entry *entry,
		       struct verdict_policy *policy, struct err *err)
{
	const struct dmarc_verdict *verdict = &entry->verdict;
	const struct dmarc_record *record = &verdict->record;
	const char *fo;

	*policy = (struct verdict_policy){
		.policy_domain = SPAN(""),
		.method = discovery_method_name(verdict->method),
		.p = "",
		.sp = "",
		.np = "",
		.adkim = "",
		.aspf = "",
		.fo = "",
		.testing = "",
		.rua = SPAN(""),
		.faults = SPAN(""),
	};
	if (!verdict->have_record)
		return hash_policy(batch, policy, err);
	fo = fo_text(record->fo, batch->arena);
	if (fo == NULL)
		return full(err);
	policy->policy_domain =
		column_domain(batch->arena, span_of(verdict->policy_domain));
	policy->p = dmarc_policy_name(record->p);
	policy->sp = dmarc_policy_name(record->sp);
	policy->np = dmarc_policy_name(record->np);
	policy->adkim = alignment_mode_name(record->adkim);
	policy->aspf = alignment_mode_name(record->aspf);
	policy->fo = *fo == ':' ? fo + 1 : fo;
	policy->testing = record->testing ? "y" : "n";
	policy->pct = record->pct;
	policy->rua = column_text(batch->arena, record->rua, COLUMN_TEXT);
	policy->faults =
		column_text(batch->arena, verdict->faults, COLUMN_TEXT);
	if (policy->policy_domain.p == NULL || policy->rua.p == NULL ||
	    policy->faults.p == NULL)
		return full(err);
	return hash_policy(batch, policy, err);
}

static void add_reasons(struct json *json, const struct dmarc_verdict *verdict)
{
	size_t i;

	json_open(json, '[');
	for (i = 0; i < verdict->n_reasons; i++) {
		const struct verdict_reason *reason = &verdict->reasons[i];

		json_open(json, '{');
		json_key_string(json, "type", reason_type_name(reason->type));
		json_key_string(json, "comment", reason->comment);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void add_dkim(struct json *json, const struct message_facts *facts)
{
	size_t i;

	json_open(json, '[');
	for (i = 0; i < facts->n_dkim; i++) {
		const struct dkim_fact *dkim = &facts->dkim[i];

		json_open(json, '{');
		json_key_string(json, "domain", dkim->domain);
		json_key_string(json, "selector", dkim->selector);
		json_key_string(json, "result", auth_result_name(dkim->result));
		json_key_string(json, "human", dkim->human);
		json_close(json, '}');
	}
	json_close(json, ']');
}

static void
add_auth_results(struct json *json, const struct message_facts *facts)
{
	const struct spf_fact *spf = &facts->spf;

	json_open(json, '{');
	json_key(json, "dkim");
	add_dkim(json, facts);
	json_key(json, "spf");
	if (!spf->known) {
		json_null(json);
	} else {
		json_open(json, '{');
		json_key_string(json, "domain", spf->domain);
		json_key_string(json, "scope", spf_scope_name(spf->scope));
		json_key_string(json, "result", auth_result_name(spf->result));
		json_close(json, '}');
	}
	json_close(json, '}');
}

/* The JSON columns, written in the scratch buffer and copied. */
static int make_json(struct verdict_batch *batch, const struct entry *entry,
		     struct verdict_row *row, struct err *err)
{
	struct json json = JSON_INIT(&batch->text);
	size_t n;

	buf_reset(&batch->text);
	add_reasons(&json, &entry->verdict);
	n = buf_span(&batch->text).n;
	json.comma = false;
	add_auth_results(&json, &entry->facts);
	if (!buf_ok(&batch->text))
		return err_set(err, ERR_INPUT, "more than %zu bytes of text",
			       MAX_TEXT_BYTES);
	row->reasons = arena_copy(batch->arena, buf_span(&batch->text));
	if (row->reasons.p == NULL)
		return full(err);
	row->auth_results = row->reasons;
	row->reasons.n = n;
	row->auth_results.p += n;
	row->auth_results.n -= n;
	return 0;
}

static int make_row(struct verdict_batch *batch, const struct entry *entry,
		    struct verdict_row *row, struct err *err)
{
	const struct dmarc_verdict *verdict = &entry->verdict;
	struct arena *arena = batch->arena;

	if (entry->time < 0 || entry->time > MAX_TIME)
		return err_set(err, ERR_INPUT, "time: not a time");
	*row = (struct verdict_row){
		.day = utc_day_begin(entry->time),
		.mta = column_domain(arena, span_of(entry->mta)),
		.result = dmarc_result_name(verdict->result),
		.header_from =
			column_domain(arena, span_of(verdict->from_domain)),
		.envelope_from = column_domain_of(
			arena, span_of(entry->facts.mail_from)),
		.envelope_to = SPAN(""),
		.disposition = disposition_name(verdict->disposition),
		.dkim_aligned = verdict->dkim_aligned,
		.spf_aligned = verdict->spf_aligned,
		.count = 1,
		.first = entry->time,
		.last = entry->time,
	};
	if (batch->by_recipient && entry->n_rcpt_domains == 1)
		row->envelope_to =
			column_domain(arena, span_of(entry->rcpt_domains[0]));
	if (row->mta.p == NULL || row->header_from.p == NULL ||
	    row->envelope_from.p == NULL || row->envelope_to.p == NULL)
		return full(err);
	if (!column_address(span_of(entry->facts.client_ip), &row->source))
		return err_set(err, ERR_INPUT, "client: not an address");
	if (make_json(batch, entry, row, err) < 0)
		return -1;
	return hash_row(batch, row, err);
}

/* ----------------------------------------------------------------- grouping */

static bool same_row(const struct verdict_row *a, const struct verdict_row *b)
{
	return a->day == b->day && hash_compare(&a->policy, &b->policy) == 0 &&
	       hash_compare(&a->hash, &b->hash) == 0 &&
	       span_equal(a->mta, b->mta);
}

static int keep_policy(struct verdict_batch *batch,
		       const struct verdict_policy *policy, struct err *err)
{
	size_t i = first_slot(&policy->hash, SLOTS);
	struct verdict_policy *copy;

	for (; batch->policy_slot[i] != NULL; i = (i + 1) % SLOTS)
		if (hash_compare(&batch->policy_slot[i]->hash, &policy->hash) ==
		    0)
			return 0;
	copy = arena_alloc(batch->arena, sizeof(*copy));
	if (copy == NULL)
		return full(err);
	*copy = *policy;
	batch->policy_slot[i] = copy;
	batch->policies[batch->n_policies++] = copy;
	return 0;
}

static int count_row(struct verdict_batch *batch, const struct verdict_row *row,
		     struct err *err)
{
	size_t i = first_slot(&row->hash, SLOTS);
	struct verdict_row *found;

	for (; (found = batch->slot[i]) != NULL; i = (i + 1) % SLOTS)
		if (same_row(found, row))
			break;
	if (found == NULL) {
		found = arena_alloc(batch->arena, sizeof(*found));
		if (found == NULL)
			return full(err);
		*found = *row;
		batch->slot[i] = found;
		batch->rows[batch->n_rows++] = found;
		return 0;
	}
	found->count++;
	if (row->first < found->first)
		found->first = row->first;
	if (row->last > found->last)
		found->last = row->last;
	return 0;
}

static int keep_recipient(struct verdict_batch *batch, struct span domain,
			  int64_t day, struct err *err)
{
	const struct column_hash hash = column_hash(domain);
	size_t i = first_slot(&hash, RECIPIENT_SLOTS);
	struct verdict_recipient *found;

	for (; (found = batch->recipient_slot[i]) != NULL;
	     i = (i + 1) % RECIPIENT_SLOTS)
		if (span_equal(found->domain, domain))
			break;
	if (found != NULL) {
		if (found->day < day)
			found->day = day;
		return 0;
	}
	if (batch->n_recipients == MAX_BATCH_RECIPIENTS)
		return full(err);
	found = arena_alloc(batch->arena, sizeof(*found));
	if (found == NULL)
		return full(err);
	*found = (struct verdict_recipient){ .domain = domain, .day = day };
	batch->recipient_slot[i] = found;
	batch->recipients[batch->n_recipients++] = found;
	return 0;
}

/* What is added twice, because the batch was full in between, does no harm. */
static int keep_recipients(struct verdict_batch *batch,
			   const struct entry *entry, struct err *err)
{
	size_t i;

	for (i = 0; i < entry->n_rcpt_domains; i++) {
		struct span domain = column_domain(
			batch->arena, span_of(entry->rcpt_domains[i]));

		if (domain.p == NULL)
			return full(err);
		if (domain.n > 0 &&
		    keep_recipient(batch, domain, utc_day_begin(entry->time),
				   err) < 0)
			return -1;
	}
	return 0;
}

int verdict_batch_add(struct verdict_batch *batch, const struct entry *entry,
		      struct err *err)
{
	struct verdict_policy policy;
	struct verdict_row row;

	if (batch->entries == MAX_BATCH_ENTRIES)
		return full(err);
	if (make_policy(batch, entry, &policy, err) < 0 ||
	    make_row(batch, entry, &row, err) < 0)
		return -1;
	row.policy = policy.hash;
	if (keep_recipients(batch, entry, err) < 0 ||
	    keep_policy(batch, &policy, err) < 0 ||
	    count_row(batch, &row, err) < 0)
		return -1;
	batch->entries++;
	return 0;
}

/* ------------------------------------------------------------------ storing */

static int compare_rows(const void *a, const void *b)
{
	const struct verdict_row *const *left = a, *const *right = b;
	const struct verdict_row *x = *left, *y = *right;
	int order;

	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	order = hash_compare(&x->policy, &y->policy);
	if (order == 0)
		order = hash_compare(&x->hash, &y->hash);
	if (order != 0)
		return order;
	order = memcmp(x->mta.p, y->mta.p,
		       x->mta.n < y->mta.n ? x->mta.n : y->mta.n);
	return order != 0 ? order :
			    (x->mta.n > y->mta.n) - (x->mta.n < y->mta.n);
}

static int compare_policies(const void *a, const void *b)
{
	const struct verdict_policy *const *x = a, *const *y = b;

	return hash_compare(&(*x)->hash, &(*y)->hash);
}

/*
 * All machines lock rows in the order of the key, so that they wait for each
 * other instead of meeting head on.
 */
const struct verdict_row *const *
verdict_batch_rows(struct verdict_batch *batch, size_t *n)
{
	*n = batch->n_rows;
	qsort(batch->rows, *n, sizeof(struct verdict_row *), compare_rows);
	return batch->rows;
}

const struct verdict_policy *const *
verdict_batch_policies(struct verdict_batch *batch, size_t *n)
{
	*n = batch->n_policies;
	qsort(batch->policies, *n, sizeof(struct verdict_policy *),
	      compare_policies);
	return batch->policies;
}

static int compare_recipients(const void *a, const void *b)
{
	const struct verdict_recipient *const *x = a, *const *y = b;

	return strcmp((*x)->domain.p, (*y)->domain.p);
}

const struct verdict_recipient *const *
verdict_batch_recipients(struct verdict_batch *batch, size_t *n)
{
	*n = batch->n_recipients;
	qsort(batch->recipients, *n, sizeof(struct verdict_recipient *),
	      compare_recipients);
	return batch->recipients;
}

#define POLICY_COLUMNS    13
#define ROW_COLUMNS       17
#define RECIPIENT_COLUMNS 2

static void
policy_values(const struct verdict_policy *policy, struct db_value *values)
{
	size_t n = 0;

	values[n++] = db_bytes(policy->hash.bytes, COLUMN_HASH);
	values[n++] = db_text(policy->policy_domain);
	values[n++] = db_string(policy->method);
	values[n++] = db_string(policy->p);
	values[n++] = db_string(policy->sp);
	values[n++] = db_string(policy->np);
	values[n++] = db_string(policy->adkim);
	values[n++] = db_string(policy->aspf);
	values[n++] = db_string(policy->fo);
	values[n++] = db_string(policy->testing);
	values[n++] = db_int(policy->pct);
	values[n++] = db_text(policy->rua);
	values[n++] = db_text(policy->faults);
}

static int store_policies(struct database *db, struct verdict_batch *batch,
			  struct err *err)
{
	size_t n, i;
	const struct verdict_policy *const *policies =
		verdict_batch_policies(batch, &n);
	struct db_value *values =
		calloc(n + 1, POLICY_COLUMNS * sizeof(*values));
	int result;

	if (values == NULL)
		return err_set(err, ERR_TEMP, "out of memory");
	for (i = 0; i < n; i++)
		policy_values(policies[i], &values[i * POLICY_COLUMNS]);
	result = database_bulk(
		db,
		"INSERT INTO verdict_policy (policy_hash, policy_domain, "
		"method, p, sp, np, adkim, aspf, fo, testing, pct, rua, "
		"faults) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
		"ON DUPLICATE KEY UPDATE policy_hash = policy_hash",
		values, POLICY_COLUMNS, n, err);
	free(values);
	return result;
}

static void row_values(const struct verdict_row *row, const char *day,
		       struct db_value *values)
{
	size_t n = 0;

	values[n++] = db_string(day);
	values[n++] = db_bytes(row->policy.bytes, COLUMN_HASH);
	values[n++] = db_bytes(row->hash.bytes, COLUMN_HASH);
	values[n++] = db_text(row->mta);
	values[n++] = db_string(row->result);
	values[n++] = db_text(row->header_from);
	values[n++] = db_string(row->source.text);
	values[n++] = db_text(row->envelope_from);
	values[n++] = db_text(row->envelope_to);
	values[n++] = db_string(row->disposition);
	values[n++] = db_int(row->dkim_aligned);
	values[n++] = db_int(row->spf_aligned);
	values[n++] = db_text(row->reasons);
	values[n++] = db_text(row->auth_results);
	values[n++] = db_int(row->count);
	values[n++] = db_int(row->first);
	values[n++] = db_int(row->last);
}

static int
store_rows(struct database *db, struct verdict_batch *batch, struct err *err)
{
	size_t n, i;
	const struct verdict_row *const *rows = verdict_batch_rows(batch, &n);
	struct db_value *values = calloc(n + 1, ROW_COLUMNS * sizeof(*values));
	struct utc_text *days = calloc(n + 1, sizeof(*days));
	int result = -1;

	if (values == NULL || days == NULL) {
		err_set(err, ERR_TEMP, "out of memory");
		goto out;
	}
	for (i = 0; i < n; i++) {
		days[i] = utc_date(rows[i]->day);
		row_values(rows[i], days[i].text, &values[i * ROW_COLUMNS]);
	}
	result = database_bulk(
		db,
		"INSERT INTO verdict_row (day, policy_hash, row_hash, mta, "
		"result, header_from, source_ip, envelope_from, envelope_to, "
		"disposition, dkim_aligned, spf_aligned, reasons, auth_results, count, "
		"first_at, last_at) VALUES "
		"(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
		"ON DUPLICATE KEY UPDATE count = count + VALUES(count), "
		"first_at = LEAST(first_at, VALUES(first_at)), "
		"last_at = GREATEST(last_at, VALUES(last_at))",
		values, ROW_COLUMNS, n, err);
out:
	free(days);
	free(values);
	return result;
}

/* A day that is there already makes no change on disk. */
static int store_recipients(struct database *db, struct verdict_batch *batch,
			    struct err *err)
{
	size_t n, i;
	const struct verdict_recipient *const *recipients =
		verdict_batch_recipients(batch, &n);
	struct db_value *values =
		calloc(n + 1, RECIPIENT_COLUMNS * sizeof(*values));
	struct utc_text *days = calloc(n + 1, sizeof(*days));
	int result = -1;

	if (values == NULL || days == NULL) {
		err_set(err, ERR_TEMP, "out of memory");
		goto out;
	}
	for (i = 0; i < n; i++) {
		struct db_value *row = &values[i * RECIPIENT_COLUMNS];

		days[i] = utc_date(recipients[i]->day);
		row[0] = db_text(recipients[i]->domain);
		row[1] = db_string(days[i].text);
	}
	result =
		database_bulk(db,
			      "INSERT INTO recipient_domain (domain, last_day) "
			      "VALUES (?, ?) ON DUPLICATE KEY UPDATE "
			      "last_day = GREATEST(last_day, VALUES(last_day))",
			      values, RECIPIENT_COLUMNS, n, err);
out:
	free(days);
	free(values);
	return result;
}

int verdict_batch_store(struct database *db, struct verdict_batch *batch,
			struct err *err)
{
	if (store_recipients(db, batch, err) < 0 ||
	    store_policies(db, batch, err) < 0)
		return -1;
	return store_rows(db, batch, err);
}

/* ----------------------------------------------------------------- segments */

int segment_find(struct database *db, struct span name,
		 struct segment_state *state, struct err *err)
{
	struct db_value value = db_text(name);
	struct db_rows *rows;
	int found;

	*state = (struct segment_state){ 0 };
	if (database_query(db,
			   "SELECT position, done FROM journal_segment "
			   "WHERE name = ?",
			   &value, 1, &rows, err) < 0)
		return -1;
	found = db_rows_next(rows, err);
	if (found > 0) {
		state->position = db_rows_int(rows, 0);
		state->done = db_rows_int(rows, 1) != 0;
	}
	db_rows_free(&rows);
	return found < 0 ? -1 : 0;
}

int segment_move(struct database *db, const struct segment_step *step,
		 struct err *err)
{
	struct db_value fresh[] = { db_text(step->name), db_int(step->now) };
	struct db_value move[] = { db_int(step->to),  db_int(step->lines),
				   db_int(step->bad), db_int(step->done),
				   db_int(step->now), db_text(step->name),
				   db_int(step->from) };
	uint64_t changed;

	if (database_run(db,
			 "INSERT INTO journal_segment (name, updated_at) "
			 "VALUES (?, ?) ON DUPLICATE KEY UPDATE name = name",
			 fresh, 2, NULL, err) < 0 ||
	    database_run(db,
			 "UPDATE journal_segment SET position = ?, "
			 "lines_loaded = lines_loaded + ?, "
			 "lines_bad = lines_bad + ?, done = ?, updated_at = ? "
			 "WHERE name = ? AND position = ? AND done = 0",
			 move, 7, &changed, err) < 0)
		return -1;
	if (changed == 1)
		return 0;
	return err_set(err, ERR_TEMP,
		       "%.*s does not stand at %lld: loaded by another ingest",
		       SPAN_ARGS(step->name), (long long)step->from);
}
