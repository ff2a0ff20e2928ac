/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/other_reports.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"

#define EXPIRE_ROWS "1000"

static int too_much(struct err *err)
{
	return err_set(err, ERR_LIMIT, "too many reports in a mail");
}

static struct db_value
cut(struct arena *arena, struct span text, size_t max_chars)
{
	return db_text(column_text(arena, text, max_chars));
}

/* A row more, with room for its values; NULL without. */
static struct other_item *
add_item(struct other_items *items, struct arena *arena)
{
	struct other_item *item = arena_alloc(arena, sizeof(*item));

	if (item == NULL)
		return NULL;
	item->next = items->last;
	items->last = item;
	items->n++;
	return item;
}

/* The values are in it, if there was memory for each text; else it goes again. */
static int end_item(struct other_items *items, size_t n, struct err *err)
{
	const struct db_value *values = items->last->value;
	size_t i;

	for (i = 0; i < n; i++)
		if (values[i].kind != DB_INT && values[i].bytes.p == NULL)
			break;
	if (i == n)
		return 0;
	items->last = items->last->next;
	items->n--;
	return too_much(err);
}

/* Of n columns: owner, number from 1, and the values. */
static int insert_items(struct database *db, const char *sql, size_t n,
			struct db_value owner, const struct other_items *items,
			struct err *err)
{
	struct db_value *values = calloc(items->n + 1, n * sizeof(*values));
	const struct other_item *item = items->last;
	size_t left = items->n;
	int result;

	if (values == NULL)
		return err_set(err, ERR_TEMP, "out of memory");
	for (; item != NULL; item = item->next) {
		struct db_value *row = &values[--left * n];

		row[0] = owner;
		row[1] = db_int((int64_t)left + 1);
		memcpy(row + 2, item->value, (n - 2) * sizeof(*row));
	}
	result = database_bulk(db, sql, values, n, items->n, err);
	free(values);
	return result;
}

/* ---------------------------------------------------------- failure reports */

int failure_keep(struct other_reports *others,
		 const struct failure_report *report, int64_t now,
		 struct arena *arena, struct err *err)
{
	struct other_item *item;
	struct column_address address;
	struct db_value *v;
	size_t n = 0;

	if (!column_address(report->source_ip, &address))
		return err_set(err, ERR_INPUT, "source: not an address");
	item = add_item(&others->failures, arena);
	if (item == NULL)
		return too_much(err);
	v = item->value;
	v[n++] = db_int(now);
	v[n++] = cut(arena, report->feedback_type, 40);
	v[n++] = cut(arena, report->auth_failure, 40);
	v[n++] = db_text(column_domain(arena, report->reported_domain));
	v[n++] = db_text(arena_copy(arena, span_of(address.text)));
	v[n++] = db_int(report->arrival);
	v[n++] = db_int((int64_t)report->incidents);
	v[n++] = db_text(column_domain(arena, report->header_from));
	v[n++] = cut(arena, report->mail_from, 320);
	v[n++] = cut(arena, report->rcpt_to, 320);
	v[n++] = cut(arena, report->delivery_result, 40);
	v[n++] = cut(arena, report->identity_alignment, 100);
	v[n++] = cut(arena, report->authentication_results, 4000);
	v[n++] = cut(arena, report->dkim_domain, 255);
	v[n++] = cut(arena, report->dkim_identity, 320);
	v[n++] = cut(arena, report->dkim_selector, 255);
	v[n++] = cut(arena, report->spf_dns, 1000);
	v[n++] = cut(arena, report->subject, 1000);
	v[n++] = cut(arena, report->message_id, 255);
	v[n++] = cut(arena, report->user_agent, 255);
	v[n++] = cut(arena, report->header, COLUMN_TEXT);
	return end_item(&others->failures, n, err);
}

#define FAILURE_COLUMNS 23

static const char failure_sql[] =
	"INSERT INTO failure_report (mail_name, item_no, received_at, "
	"feedback_type, auth_failure, reported_domain, source_ip, arrival_at, "
	"incidents, header_from, mail_from, rcpt_to, delivery_result, "
	"identity_alignment, authentication_results, dkim_domain, "
	"dkim_identity, dkim_selector, spf_dns, subject, message_id, "
	"user_agent, header) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
	"?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

int failure_reports_expire(struct database *db, int64_t before,
			   uint64_t *removed, struct err *err)
{
	struct db_value value = db_int(before);

	return database_run(db,
			    "DELETE FROM failure_report WHERE received_at < ? "
			    "ORDER BY received_at LIMIT " EXPIRE_ROWS,
			    &value, 1, removed, err);
}

/* -------------------------------------------------------------- TLS reports */

/*
 * Reporter, with the domain that his mail can prove, id and time; a report about
 * several domains has several ids.
 */
static int tls_key(const struct tls_head *head, struct arena *arena,
		   struct column_hash *key, struct err *err)
{
	struct buf text = BUF_INIT((size_t)64 * 1024);
	struct json json = JSON_INIT(&text);
	bool good;

	json_open(&json, '[');
	json_text(&json, head->org_name.n > 0 ? head->org_name : head->contact);
	json_text(&json, column_domain_of(arena, span_trim(head->contact)));
	json_text(&json, head->report_id);
	json_int(&json, head->begin);
	json_int(&json, head->end);
	json_close(&json, ']');
	good = buf_ok(&text);
	if (good)
		*key = column_hash(buf_span(&text));
	buf_release(&text);
	return good ? 0 : too_much(err);
}

int tls_keep(struct other_reports *others, const struct tls_head *head,
	     const struct carrier *carrier, struct arena *arena,
	     struct err *err)
{
	struct tls_item *item = arena_alloc(arena, sizeof(*item));

	if (item == NULL)
		return too_much(err);
	if (tls_key(head, arena, &item->key, err) < 0)
		return -1;
	item->authenticated = carrier_of_report(carrier, head->contact, arena);
	item->auth_domain = db_string(carrier->domain);
	item->org_name = cut(arena, head->org_name, 255);
	item->contact = cut(arena, head->contact, 320);
	item->report_id = cut(arena, head->report_id, 255);
	item->begin = head->begin;
	item->end = head->end;
	if (item->org_name.bytes.p == NULL || item->contact.bytes.p == NULL ||
	    item->report_id.bytes.p == NULL)
		return too_much(err);
	item->next = others->tls;
	others->tls = item;
	others->n_tls++;
	return 0;
}

int tls_keep_policy(struct other_reports *others,
		    const struct tls_policy *policy, struct arena *arena,
		    struct err *err)
{
	struct tls_item *report = others->tls;
	struct other_item *item;
	struct db_value *v;
	size_t n = 0;

	if (report == NULL)
		return err_set(err, ERR_INPUT, "a policy without a report");
	item = add_item(&report->policies, arena);
	if (item == NULL)
		return too_much(err);
	v = item->value;
	v[n++] = cut(arena, policy->type, 40);
	v[n++] = db_text(column_domain(arena, policy->domain));
	v[n++] = cut(arena, policy->mx_host, 1000);
	v[n++] = db_int((int64_t)policy->successes);
	v[n++] = db_int((int64_t)policy->failures);
	return end_item(&report->policies, n, err);
}

int tls_keep_failure(struct other_reports *others,
		     const struct tls_failure *failure, struct arena *arena,
		     struct err *err)
{
	struct tls_item *report = others->tls;
	struct other_item *item;
	struct db_value *v;
	size_t n = 0;

	if (report == NULL || report->policies.n == 0)
		return err_set(err, ERR_INPUT, "a failure without a policy");
	item = add_item(&report->failures, arena);
	if (item == NULL)
		return too_much(err);
	v = item->value;
	v[n++] = db_int((int64_t)report->policies.n);
	v[n++] = cut(arena, failure->result, 60);
	v[n++] = cut(arena, failure->sending_ip, 60);
	v[n++] = cut(arena, failure->receiving_mx, 255);
	v[n++] = cut(arena, failure->receiving_helo, 255);
	v[n++] = cut(arena, failure->receiving_ip, 60);
	v[n++] = cut(arena, failure->reason_code, 255);
	v[n++] = cut(arena, failure->additional, 1000);
	v[n++] = db_int((int64_t)failure->sessions);
	return end_item(&report->failures, n, err);
}

void tls_void(struct other_reports *others)
{
	if (others->tls == NULL)
		return;
	others->tls = others->tls->next;
	others->n_tls--;
}

static const char policy_sql[] =
	"INSERT INTO tls_policy (report, policy_no, policy_type, "
	"policy_domain, mx_host, successes, failures) "
	"VALUES (?, ?, ?, ?, ?, ?, ?)";
#define POLICY_COLUMNS 7

static const char detail_sql[] =
	"INSERT INTO tls_failure (report, failure_no, policy_no, result, "
	"sending_ip, receiving_mx, receiving_helo, receiving_ip, reason_code, "
	"additional, sessions) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
#define DETAIL_COLUMNS 11

/*
 * Is there the same report by mail that did not pass DMARC as the reporter, while
 * this one did? Then it goes.
 */
static int displace_tls(struct database *db, const struct tls_item *report,
			struct err *err)
{
	static const char *const statements[] = {
		"DELETE FROM tls_failure WHERE report = ?",
		"DELETE FROM tls_policy WHERE report = ?",
		"DELETE FROM tls_report WHERE id = ?",
	};
	const struct db_value key = db_bytes(report->key.bytes, COLUMN_HASH);
	struct db_value value;
	int64_t id;
	size_t i;

	if (report->authenticated != AUTHENTICATED_YES)
		return 0;
	if (database_number(db,
			    "SELECT id FROM tls_report WHERE report_key = ? "
			    "AND authenticated <> 'yes' FOR UPDATE",
			    &key, 1, &id, err) < 0)
		return -1;
	value = db_int(id);
	for (i = 0; id != 0 && i < sizeof(statements) / sizeof(statements[0]);
	     i++)
		if (database_run(db, statements[i], &value, 1, NULL, err) < 0)
			return -1;
	return 0;
}

/* 1 when it is new, with its id; 0 when somebody has brought it; -1. */
static int insert_tls(struct database *db, const struct tls_item *report,
		      const struct other_mail *mail, struct err *err)
{
	const struct db_value values[] = {
		db_bytes(report->key.bytes, COLUMN_HASH),
		report->org_name,
		report->contact,
		report->report_id,
		db_int(report->begin),
		db_int(report->end),
		db_string(authenticated_name(report->authenticated)),
		report->auth_domain,
		db_text(mail->name),
		db_int(mail->now),
	};
	uint64_t changed;

	if (displace_tls(db, report, err) < 0)
		return -1;
	if (database_run(db,
			 "INSERT INTO tls_report (report_key, org_name, "
			 "contact, report_id, begin_at, end_at, "
			 "authenticated, auth_domain, mail_name, "
			 "stored_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
			 "ON DUPLICATE KEY UPDATE report_key = report_key",
			 values, sizeof(values) / sizeof(values[0]), &changed,
			 err) < 0)
		return -1;
	return changed == 1 ? 1 : 0;
}

static int insert_all_tls(struct database *db,
			  const struct other_reports *others,
			  const struct other_mail *mail, int *stored,
			  int *duplicates, struct err *err)
{
	const struct tls_item *report = others->tls;

	for (; report != NULL; report = report->next) {
		int fresh = insert_tls(db, report, mail, err);
		struct db_value id;

		if (fresh < 0)
			return -1;
		if (fresh == 0) {
			(*duplicates)++;
			continue;
		}
		id = db_int(database_insert_id(db));
		if (insert_items(db, policy_sql, POLICY_COLUMNS, id,
				 &report->policies, err) < 0 ||
		    insert_items(db, detail_sql, DETAIL_COLUMNS, id,
				 &report->failures, err) < 0)
			return -1;
		(*stored)++;
	}
	return 0;
}

/* ------------------------------------------------------------------- a mail */

/* What it brought when it was read before comes again now. */
static int
forget(struct database *db, const struct other_mail *mail, struct err *err)
{
	static const char *const statements[] = {
		"DELETE FROM failure_report WHERE mail_name = ?",
		"DELETE FROM tls_failure WHERE report IN "
		"(SELECT id FROM tls_report WHERE mail_name = ?)",
		"DELETE FROM tls_policy WHERE report IN "
		"(SELECT id FROM tls_report WHERE mail_name = ?)",
		"DELETE FROM tls_report WHERE mail_name = ?",
	};
	const struct db_value value = db_text(mail->name);
	size_t i;

	for (i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		if (database_run(db, statements[i], &value, 1, NULL, err) < 0)
			return -1;
	return 0;
}

int other_reports_insert(struct database *db,
			 const struct other_reports *others,
			 const struct other_mail *mail, int *stored,
			 int *duplicates, struct err *err)
{
	*stored = (int)others->failures.n;
	*duplicates = 0;
	if (mail->known && forget(db, mail, err) < 0)
		return -1;
	if (others->failures.n > 0 &&
	    insert_items(db, failure_sql, FAILURE_COLUMNS, db_text(mail->name),
			 &others->failures, err) < 0)
		return -1;
	if (others->bounce != NULL) {
		if (bounce_store(db, others->bounce, mail->name, mail->now,
				 err) < 0)
			return -1;
		(*stored)++;
	}
	return insert_all_tls(db, others, mail, stored, duplicates, err);
}
