/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/reports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

#define HEAD_COLUMNS   21
#define ROW_COLUMNS    13
#define HEADS_BYTES    ((size_t)64 * 1024 * 1024) /* of all reports of a mail */
#define ROWS_BYTES     ((size_t)64 * 1024 * 1024) /* MAX_MAIL_BYTES, one row */
#define HEAD_BYTES     ((size_t)1024 * 1024)      /* more than one takes */
#define TEXT_BYTES     ((size_t)16 * 1024 * 1024 - 1) /* a MEDIUMTEXT */
#define DROP_ROWS      "5000"
#define ABANDONED_SECS (7 * 86400)

/* What the rows of a report add up to. */
struct sums {
	int64_t messages;
	int64_t compliant;
	int64_t dkim_passed;
	int64_t spf_passed;
	int64_t quarantined;
	int64_t rejected;
	int64_t rows;
};

struct report {
	struct report *next;
	struct column_hash key;
	struct db_value head[HEAD_COLUMNS];
	struct sums sums;
	int64_t skipped_rows;
	struct span warnings;
	enum report_status status;

	/* What is known for sure, since its transaction was committed. */
	bool placed;
	bool duplicate;
	bool again; /* stored by an earlier reading of the same mail */
	int64_t id;
	/* What the transaction that is running says. */
	bool try_duplicate;
	bool try_again;
	int64_t try_id;
};

struct row {
	struct report *report;
	struct db_value value[ROW_COLUMNS];
};

struct mail_store {
	struct report_sink sink;
	struct database *db;
	struct span name;
	int64_t now;

	struct arena *heads; /* until the end of the mail */
	struct report *first;
	struct report **end;
	struct report *current;
	bool inside; /* between begin and end */

	struct arena *texts; /* of the rows that wait */
	struct row *rows;
	size_t n_rows;
	struct db_value *values; /* the rows as database_bulk() takes them */
	struct buf json;

	unsigned refused;
	char reason[512];

	const struct mail_envelope *envelope; /* of mail_store_finish() */
	struct mail_outcome outcome;
};

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

/* ---------------------------------------------------------- what is there */

int mail_is_stored(struct database *db, struct span name, bool *stored,
		   struct err *err)
{
	struct db_value value = db_text(name);
	int64_t found;

	if (database_number(db,
			    "SELECT COUNT(*) FROM received_mail "
			    "WHERE name = ? AND set_aside = 0",
			    &value, 1, &found, err) < 0)
		return -1;
	*stored = found > 0;
	return 0;
}

/* In pieces, since it may be large; it is marked incomplete until it is gone. */
static int drop_report(struct database *db, int64_t id, struct err *err)
{
	struct db_value value = db_int(id);
	uint64_t changed;

	do {
		if (database_run(db,
				 "DELETE FROM received_row WHERE report = ? "
				 "LIMIT " DROP_ROWS,
				 &value, 1, &changed, err) < 0)
			return -1;
	} while (changed > 0);
	return database_run(
		db, "DELETE FROM received_report WHERE id = ? AND complete = 0",
		&value, 1, NULL, err);
}

/* Of this mail, or of one that nobody finished for a week. */
static int drop_leftovers(struct mail_store *store, struct err *err)
{
	struct db_value values[] = { db_text(store->name),
				     db_int(store->now - ABANDONED_SECS) };
	int64_t id;

	for (;;) {
		if (database_number(store->db,
				    "(SELECT id FROM received_report "
				    "WHERE mail_name = ? AND complete = 0) "
				    "UNION (SELECT id FROM received_report "
				    "WHERE complete = 0 AND stored_at < ?) "
				    "LIMIT 1",
				    values, 2, &id, err) < 0)
			return -1;
		if (id == 0)
			return 0;
		if (drop_report(store->db, id, err) < 0)
			return -1;
	}
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

static bool all_there(const struct db_value *values, size_t n)
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

static const char head_sql[] =
	"INSERT INTO received_report (report_key, complete, reporter, "
	"org_name, email, extra_contact, report_id, begin_at, end_at, "
	"policy_domain, dialect, method, p, sp, np, adkim, aspf, pct, fo, "
	"testing, generator, errors, mail_name, stored_at, messages, "
	"compliant, dkim_passed, spf_passed, quarantined, rejected, "
	"row_count, skipped_rows, warnings, status, duplicates) VALUES "
	"(?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
	"?, ?, 0, 0, 0, 0, 0, 0, 0, 0, '', 'ok', 0) "
	"ON DUPLICATE KEY UPDATE report_key = report_key";

static int fill_head(struct mail_store *store, struct report *report,
		     const struct report_head *head, struct err *err)
{
	struct db_value *v = report->head;
	size_t n = 0;

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
	return all_there(v, n) ? 0 : too_much(err);
}

static struct span
reasons_json(struct mail_store *store, const struct report_row *row)
{
	struct json json = JSON_INIT(&store->json);
	size_t i;

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

static const char row_sql[] =
	"INSERT INTO received_row (report, row_no, source_ip, count, "
	"disposition, dkim_aligned, spf_aligned, header_from, envelope_from, "
	"envelope_to, reasons, dkim, spf) VALUES "
	"(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

static int fill_row(struct mail_store *store, struct row *out, int64_t row_no,
		    const struct report_row *row, struct err *err)
{
	struct arena *arena = store->texts;
	struct column_address address;
	struct db_value *v = out->value;
	size_t n = 0;

	if (row->count > MAX_ROW_MESSAGES)
		return err_set(err, ERR_LIMIT, "row %lld: count too large",
			       (long long)row_no);
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
	return all_there(v, n) ? 0 : too_much(err);
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

/* ----------------------------------------------------------------- storing */

/* Somebody has this key already: we, this mail at another time, or another. */
static int
meet_report(struct mail_store *store, struct report *report, struct err *err)
{
	struct db_value values[] = { db_text(store->name),
				     db_bytes(report->key.bytes, COLUMN_HASH) };
	const struct report *other;
	struct db_rows *rows;
	bool same_mail = false;
	bool complete = false;
	int64_t id = 0;
	int found;

	if (database_query(store->db,
			   "SELECT id, mail_name = ?, complete "
			   "FROM received_report WHERE report_key = ?",
			   values, 2, &rows, err) < 0)
		return -1;
	found = db_rows_next(rows, err);
	if (found > 0) {
		id = db_rows_int(rows, 0);
		same_mail = db_rows_int(rows, 1) != 0;
		complete = db_rows_int(rows, 2) != 0;
	}
	db_rows_free(&rows);
	if (found < 0)
		return -1;
	if (found == 0)
		return err_set(err, ERR_TEMP, "a report was just removed");
	/* That mail may still turn out to be cut off; then this one counts. */
	if (!same_mail && !complete)
		return err_set(err, ERR_TEMP,
			       "the same report is just coming in by another "
			       "mail");
	report->try_duplicate = true;
	report->try_again = same_mail;
	report->try_id = id;
	/* Twice in this very mail is a duplicate like any other. */
	for (other = store->first; other != report; other = other->next)
		if (other->try_id == id)
			report->try_again = false;
	return 0;
}

static int
place_report(struct mail_store *store, struct report *report, struct err *err)
{
	struct db_value values[HEAD_COLUMNS + 2];
	uint64_t changed;

	report->try_duplicate = false;
	report->try_again = false;
	report->try_id = 0;
	memcpy(values, report->head, sizeof(report->head));
	values[HEAD_COLUMNS] = db_text(store->name);
	values[HEAD_COLUMNS + 1] = db_int(store->now);
	if (database_run(store->db, head_sql, values, HEAD_COLUMNS + 2,
			 &changed, err) < 0)
		return -1;
	if (changed != 1)
		return meet_report(store, report, err);
	report->try_id = database_insert_id(store->db);
	return 0;
}

/* Reports that have rows waiting or are waiting themselves, and those rows. */
static int store_waiting(struct database *db, void *context, struct err *err)
{
	struct mail_store *store = context;
	struct report *report;
	size_t i, n = 0;

	for (report = store->first; report != NULL; report = report->next)
		if (!report->placed && place_report(store, report, err) < 0)
			return -1;
	for (i = 0; i < store->n_rows; i++) {
		struct row *row = &store->rows[i];

		if (row->report->try_duplicate)
			continue;
		row->value[0] = db_int(row->report->try_id);
		memcpy(&store->values[n * ROW_COLUMNS], row->value,
		       sizeof(row->value));
		n++;
	}
	return database_bulk(db, row_sql, store->values, ROW_COLUMNS, n, err);
}

/* The transaction is committed: what it said is so. */
static void settle(struct mail_store *store)
{
	struct report *report;

	for (report = store->first; report != NULL; report = report->next) {
		report->placed = true;
		report->id = report->try_id;
		report->duplicate = report->try_duplicate;
		report->again = report->try_again;
	}
	store->n_rows = 0;
	arena_reset(store->texts);
}

static int flush_rows(struct mail_store *store, struct err *err)
{
	if (database_transaction(store->db, store_waiting, store, err) < 0)
		return -1;
	settle(store);
	return 0;
}

static int complete_report(struct mail_store *store,
			   const struct report *report, struct err *err)
{
	const struct sums *sums = &report->sums;
	struct db_value values[] = {
		db_int(sums->messages),
		db_int(sums->compliant),
		db_int(sums->dkim_passed),
		db_int(sums->spf_passed),
		db_int(sums->quarantined),
		db_int(sums->rejected),
		db_int(sums->rows),
		db_int(report->skipped_rows),
		db_text(report->warnings),
		db_string(report_status_name(report->status)),
		db_int(report->try_id),
	};
	uint64_t changed;

	if (database_run(store->db,
			 "UPDATE received_report SET complete = 1, "
			 "messages = ?, compliant = ?, dkim_passed = ?, "
			 "spf_passed = ?, quarantined = ?, rejected = ?, "
			 "row_count = ?, skipped_rows = ?, warnings = ?, "
			 "status = ? WHERE id = ? AND complete = 0",
			 values, sizeof(values) / sizeof(values[0]), &changed,
			 err) < 0)
		return -1;
	if (changed == 1)
		return 0;
	return err_set(err, ERR_TEMP, "a report was removed while it came in");
}

static int count_duplicate(struct mail_store *store,
			   const struct report *report, struct err *err)
{
	struct db_value key = db_bytes(report->key.bytes, COLUMN_HASH);

	return database_run(store->db,
			    "UPDATE received_report "
			    "SET duplicates = duplicates + 1 "
			    "WHERE report_key = ?",
			    &key, 1, NULL, err);
}

static void make_outcome(struct mail_store *store)
{
	struct mail_outcome *outcome = &store->outcome;
	const struct report *report;
	bool partial = false;

	*outcome = (struct mail_outcome){ .set_aside = store->refused > 0 };
	for (report = store->first; report != NULL; report = report->next) {
		if (report->try_duplicate && !report->try_again)
			outcome->duplicates++;
		else
			outcome->reports++;
		if (report->status == REPORT_PARTIAL)
			partial = true;
	}
	if (store->refused > 0 && store->first == NULL)
		outcome->status = MAIL_REJECTED;
	else if (store->refused > 0 || partial)
		outcome->status = MAIL_PARTIAL;
	(void)snprintf(outcome->reason, sizeof(outcome->reason), "%s",
		       store->reason);
}

static int
store_mail(struct mail_store *store, bool *first_time, struct err *err)
{
	const struct mail_envelope *envelope = store->envelope;
	const struct mail_outcome *outcome = &store->outcome;
	struct db_value values[] = {
		db_text(envelope->name),
		db_int(envelope->received),
		cut(store, envelope->recipient, 320),
		cut(store, envelope->sender, 320),
		db_string(mail_status_name(outcome)),
		db_int(outcome->set_aside),
		cut(store, span_of(outcome->reason), COLUMN_TEXT),
		db_int(outcome->reports),
		db_int(outcome->duplicates),
		db_int(store->now),
	};
	size_t n = sizeof(values) / sizeof(values[0]);
	uint64_t changed;

	if (!all_there(values, n))
		return no_memory(err);
	if (database_run(store->db,
			 "INSERT INTO received_mail (name, received_at, "
			 "recipient, sender, status, set_aside, reason, "
			 "reports, duplicates, loaded_at) "
			 "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
			 "ON DUPLICATE KEY UPDATE status = VALUES(status), "
			 "set_aside = VALUES(set_aside), "
			 "reason = VALUES(reason), reports = VALUES(reports), "
			 "loaded_at = VALUES(loaded_at)",
			 values, n, &changed, err) < 0)
		return -1;
	*first_time = changed == 1;
	return 0;
}

static int store_rest(struct database *db, void *context, struct err *err)
{
	struct mail_store *store = context;
	const struct report *report;
	bool first_time;

	if (store_waiting(db, store, err) < 0)
		return -1;
	make_outcome(store);
	if (store_mail(store, &first_time, err) < 0)
		return -1;
	for (report = store->first; report != NULL; report = report->next) {
		if (!report->try_duplicate) {
			if (complete_report(store, report, err) < 0)
				return -1;
		} else if (!report->try_again && first_time) {
			if (count_duplicate(store, report, err) < 0)
				return -1;
		}
	}
	return 0;
}

int mail_store_finish(struct mail_store *store,
		      const struct mail_envelope *envelope,
		      struct mail_outcome *outcome, struct err *err)
{
	if (store->inside &&
	    mail_store_refuse(store, "the reader stopped inside a report",
			      err) < 0)
		return -1;
	if (store->refused == 0 && store->first == NULL &&
	    mail_store_refuse(store, "no report in it", err) < 0)
		return -1;
	store->envelope = envelope;
	if (database_transaction(store->db, store_rest, store, err) < 0)
		return -1;
	settle(store);
	*outcome = store->outcome;
	return 0;
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
	return drop_report(store->db, report->id, err);
}

int mail_store_refuse(struct mail_store *store, const char *reason,
		      struct err *err)
{
	if (store->refused++ == 0)
		(void)snprintf(store->reason, sizeof(store->reason), "%s",
			       reason);
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
	if (report_key(head, store->heads, &report->key, err) < 0 ||
	    fill_head(store, report, head, err) < 0)
		return -1;
	store->current = report;
	*store->end = report;
	store->end = &report->next;
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
	if (fill_row(store, &store->rows[store->n_rows], report->sums.rows + 1,
		     row, err) < 0)
		return -1;
	add_to_sums(&report->sums, row);
	store->rows[store->n_rows++].report = report;
	if (store->n_rows < MAX_MAIL_ROWS &&
	    arena_used(store->texts) < MAX_MAIL_BYTES)
		return 0;
	return flush_rows(store, err);
}

/* Failure and TLS reports have no rows that we could keep. */
static const char *refusal(const struct report_end *end, struct buf *text)
{
	if (end->status == REPORT_REJECTED) {
		buf_add(text, end->reason);
		return buf_string(text);
	}
	switch (end->kind) {
	case REPORT_FAILURE:
		return "a failure report: these are not taken in";
	case REPORT_TLS:
		return "a TLS report: these are not taken in";
	case REPORT_AGGREGATE:
		break;
	}
	return NULL;
}

static int sink_end(struct report_sink *sink, const struct report_end *end,
		    struct err *err)
{
	struct mail_store *store = store_of(sink);
	struct buf text = BUF_INIT(sizeof(store->reason));
	const char *why = refusal(end, &text);
	struct report *report = store->current;
	int result = 0;

	if (!store->inside || (why == NULL && report == NULL)) {
		result = err_set(err, ERR_INPUT, "the end of no report");
	} else if (why != NULL) {
		result = mail_store_refuse(store, why, err);
	} else {
		report->status = end->status;
		report->skipped_rows = end->skipped_rows > MAX_ROW_MESSAGES ?
					       MAX_ROW_MESSAGES :
					       (int64_t)end->skipped_rows;
		report->warnings =
			column_text(store->heads, end->warnings, COLUMN_TEXT);
		if (report->warnings.p == NULL)
			result = no_memory(err);
		store->inside = false;
		store->current = NULL;
	}
	buf_release(&text);
	return result;
}

struct report_sink *mail_store_sink(struct mail_store *store)
{
	return &store->sink;
}

/* ----------------------------------------------------------- begin and end */

int mail_store_open(struct database *db, struct span name, int64_t now,
		    struct mail_store **store, struct err *err)
{
	struct mail_store *new = calloc(1, sizeof(*new));

	*store = NULL;
	if (new == NULL)
		return no_memory(err);
	*new = (struct mail_store){
		.sink = { sink_begin, sink_head, sink_row, sink_end },
		.db = db,
		.name = name,
		.now = now,
		.heads = arena_new(HEADS_BYTES),
		.texts = arena_new(ROWS_BYTES),
		.rows = calloc(MAX_MAIL_ROWS, sizeof(*new->rows)),
		.values = calloc(MAX_MAIL_ROWS,
				 ROW_COLUMNS * sizeof(*new->values)),
		.json = BUF_INIT(TEXT_BYTES),
	};
	new->end = &new->first;
	if (new->heads == NULL || new->texts == NULL || new->rows == NULL ||
	    new->values == NULL)
		no_memory(err);
	else if (drop_leftovers(new, err) == 0)
		*store = new;
	if (*store != NULL)
		return 0;
	mail_store_free(&new);
	return -1;
}

void mail_store_free(struct mail_store **store)
{
	if (*store == NULL)
		return;
	arena_free(&(*store)->heads);
	arena_free(&(*store)->texts);
	free((*store)->rows);
	free((*store)->values);
	buf_release(&(*store)->json);
	free(*store);
	*store = NULL;
}
