/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reports_commit.c - mails into the tables, many in one transaction
 *
 * The number of statements is the same for one mail and for many: each of them
 * takes all mails, reports or rows at once. Lists of names and keys travel as one
 * JSON text, which the server turns into a table.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "store/originals.h"
#include "store/reports.h"
#include "store/reports_mail.h"

#define DROP_ROWS      "5000"
#define ABANDONED_SECS (7 * 86400)
#define LIST_BYTES     ((size_t)8 * 1024 * 1024) /* of names, or of keys */

/* The head's own, then the mail, the sums and the end. */
#define REPORT_COLUMNS (HEAD_COLUMNS + 13)
#define MAIL_COLUMNS   12

/* A transaction. */
struct commit {
	struct database *db;
	struct mail_store *const *mails;
	size_t n_mails;
	/* The mails have ended; else one of them goes on. */
	bool whole;

	/*
	 * Reports that have no place yet, in the order of their keys; of equal
	 * ones, those that come first in the mails come first. fresh is 1 for
	 * those that are in no table.
	 */
	struct report **reports;
	bool *fresh;
	size_t n_reports;

	struct db_value *values; /* as database_bulk() takes them */
	struct buf list;
};

static int no_memory(struct err *err)
{
	return err_set(err, ERR_TEMP, "out of memory");
}

/* ------------------------------------------------------------- what is dropped */

/* In pieces, since it may be large; it is marked incomplete until it is gone. */
int report_drop(struct database *db, int64_t id, struct err *err)
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

static bool is_named(struct span name, const struct span *names, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (span_equal(name, names[i]))
			return true;
	return false;
}

int mail_leftovers_drop(struct database *db, const struct span *names, size_t n,
			int64_t now, struct err *err)
{
	struct db_rows *rows;
	int more;

	if (database_query(db,
			   "SELECT id, mail_name, stored_at "
			   "FROM received_report WHERE complete = 0",
			   NULL, 0, &rows, err) < 0)
		return -1;
	while ((more = db_rows_next(rows, err)) > 0) {
		if (db_rows_int(rows, 2) >= now - ABANDONED_SECS &&
		    !is_named(db_rows_text(rows, 1), names, n))
			continue;
		if (report_drop(db, db_rows_int(rows, 0), err) < 0) {
			more = -1;
			break;
		}
	}
	db_rows_free(&rows);
	return more;
}

/* ----------------------------------------------------------- what is there */

/* Ask with the list as the one parameter. */
static int look_up(struct commit *commit, const char *sql,
		   struct db_rows **rows, struct err *err)
{
	struct db_value value = db_text(buf_span(&commit->list));

	if (!buf_ok(&commit->list))
		return no_memory(err);
	return database_lookup(commit->db, sql, &value, 1, rows, err);
}

/* Which of the mails are known, and taken as a whole? */
static int find_mails(struct commit *commit, struct err *err)
{
	struct json json = JSON_INIT(&commit->list);
	struct db_rows *rows;
	size_t i;
	int more;

	buf_reset(&commit->list);
	json_open(&json, '[');
	for (i = 0; i < commit->n_mails; i++) {
		commit->mails[i]->known = false;
		commit->mails[i]->known_whole = false;
		json_text(&json, commit->mails[i]->name);
	}
	json_close(&json, ']');
	if (look_up(commit,
		    "SELECT n, set_aside FROM JSON_TABLE(?, '$[*]' COLUMNS ("
		    "n FOR ORDINALITY, k VARCHAR(200) CHARACTER SET ascii "
		    "COLLATE ascii_bin PATH '$')) j "
		    "STRAIGHT_JOIN received_mail ON name = k",
		    &rows, err) < 0)
		return -1;
	while ((more = db_rows_next(rows, err)) > 0) {
		size_t at = (size_t)db_rows_int(rows, 0) - 1;

		if (at >= commit->n_mails)
			continue;
		commit->mails[at]->known = true;
		commit->mails[at]->known_whole = db_rows_int(rows, 1) == 0;
	}
	db_rows_free(&rows);
	return more;
}

static int compare_keys(const struct report *a, const struct report *b)
{
	return memcmp(a->base.bytes, b->base.bytes, COLUMN_HASH);
}

/* Of equal ones, those of the reporter himself come first. */
static int compare_reports(const struct report *a, const struct report *b)
{
	int order = compare_keys(a, b);

	return order != 0 ? order : b->authentic - a->authentic;
}

/* The list has them in their order; sorting must not change that of equals. */
static void
sort_reports(struct report **reports, struct report **scratch, size_t n)
{
	size_t half = n / 2;
	size_t left = 0, right = half, i;

	if (n < 2)
		return;
	sort_reports(reports, scratch, half);
	sort_reports(reports + half, scratch, n - half);
	memcpy(scratch, reports, n * sizeof(struct report *));
	for (i = 0; i < n; i++) {
		bool from_left =
			right == n ||
			(left < half &&
			 compare_reports(scratch[left], scratch[right]) <= 0);

		reports[i] = scratch[from_left ? left++ : right++];
	}
}

/* Whatever a transaction has said before, it says anew. */
static void forget_place(struct report *report)
{
	report->key = report->base;
	report->try_duplicate = false;
	report->try_again = false;
	report->try_aside = false;
	report->overlaps = false;
	report->rival = 0;
}

/* Is it the same report as the one in front of it? */
static bool is_repeated(const struct commit *commit, size_t i)
{
	return i > 0 &&
	       compare_keys(commit->reports[i - 1], commit->reports[i]) == 0;
}

/* Twice the room: the second half is for sorting. */
static int collect_reports(struct commit *commit, struct err *err)
{
	struct report *report;
	size_t i, n = 0;

	for (i = 0; i < commit->n_mails; i++)
		for (report = commit->mails[i]->first; report != NULL;
		     report = report->next)
			n++;
	free(commit->reports);
	free(commit->fresh);
	commit->reports = calloc(2 * n + 1, sizeof(struct report *));
	commit->fresh = calloc(n + 1, sizeof(bool));
	if (commit->reports == NULL || commit->fresh == NULL)
		return no_memory(err);
	n = 0;
	for (i = 0; i < commit->n_mails; i++) {
		if (commit->mails[i]->known_whole)
			continue;
		for (report = commit->mails[i]->first; report != NULL;
		     report = report->next) {
			if (report->placed)
				continue;
			forget_place(report);
			commit->reports[n++] = report;
		}
	}
	commit->n_reports = n;
	sort_reports(commit->reports, commit->reports + n, n);
	for (i = 0; i < n; i++)
		commit->fresh[i] = !is_repeated(commit, i);
	return 0;
}

/* Somebody has this key already: we, this mail at another time, or another. */
static int meet_report(struct report *report, int64_t id, bool same_mail,
		       bool complete, struct err *err)
{
	const struct report *other;

	/* That mail may still turn out to be cut off; then this one counts. */
	if (!same_mail && !complete)
		return err_set(err, ERR_TEMP,
			       "the same report is just coming in by another "
			       "mail");
	report->try_duplicate = true;
	report->try_again = same_mail;
	report->try_id = id;
	/* Twice in this very mail is a duplicate like any other. */
	for (other = report->mail->first; other != NULL; other = other->next)
		if (other->placed && other->id == id)
			report->try_again = false;
	if (report->try_again && !complete)
		return err_set(err, ERR_TEMP,
			       "a report that was left incomplete");
	return 0;
}

/* The keys of the fresh reports; "" for the others. */
static void list_keys(struct commit *commit)
{
	static const char digits[] = "0123456789abcdef";
	struct json json = JSON_INIT(&commit->list);
	char hex[2 * COLUMN_HASH + 1] = "";
	size_t i, at;

	buf_reset(&commit->list);
	json_open(&json, '[');
	for (i = 0; i < commit->n_reports; i++) {
		for (at = 0; at < COLUMN_HASH; at++) {
			unsigned char byte = commit->reports[i]->key.bytes[at];

			hex[2 * at] = digits[byte >> 4];
			hex[2 * at + 1] = digits[byte & 15];
		}
		json_string(&json, commit->fresh[i] ? hex : "");
	}
	json_close(&json, ']');
}

#define KEYS_SQL(overlaps)                                               \
	"SELECT n, r.id, r.mail_name, r.complete, " overlaps             \
	", r.authenticated = 'yes'"                                      \
	" FROM JSON_TABLE(?, '$[*]' COLUMNS ("                           \
	"n FOR ORDINALITY, k VARCHAR(32) CHARACTER SET ascii PATH '$'))" \
	" j STRAIGHT_JOIN received_report r ON r.report_key = UNHEX(k)"

/*
 * Another one of the same reporter about the same domain, of which the
 * period has more in common with this one than a border. For each bucket that
 * it can be in (two, at times three) a look into the index, since a range that
 * depends on the row in hand would read all that the reporter has ever sent.
 */
#define OTHER(bucket)                                              \
	"EXISTS (SELECT 1 FROM received_report o "                 \
	"FORCE INDEX (overlap) "                                   \
	"WHERE o.policy_domain = r.policy_domain "                 \
	"AND o.reporter = r.reporter " bucket " AND o.id <> r.id " \
	"AND o.begin_at < r.end_at AND o.end_at > r.begin_at)"

/* As in 001-tables.sql: 16 days, and what is no long period. */
#define BUCKET_SECS "1382400"
#define SHORT_SECS  "172800"

#define ANYWHERE   OTHER("")
#define AMONG_LONG OTHER("AND o.period_bucket = 0")
#define BESIDE     OTHER("AND o.period_bucket = r.period_bucket")
#define IN_FRONT                                        \
	"(r.begin_at MOD " BUCKET_SECS " < " SHORT_SECS \
	" AND " OTHER("AND o.period_bucket = r.period_bucket - 1") ")"
#define BEHIND                                                        \
	"(r.end_at DIV " BUCKET_SECS " > r.period_bucket AND " OTHER( \
		"AND o.period_bucket = r.period_bucket + 1") ")"
#define OVERLAPS                                                       \
	"CASE WHEN r.period_bucket = 0 THEN " ANYWHERE " ELSE " BESIDE \
	" OR " AMONG_LONG " OR " IN_FRONT " OR " BEHIND " END"

/* Has this mail put the same report somewhere, in an earlier transaction? */
static const struct report *placed_twin(const struct report *report)
{
	const struct report *other;

	for (other = report->mail->first; other != NULL; other = other->next)
		if (other->placed && compare_keys(other, report) == 0)
			return other;
	return NULL;
}

/*
 * Anybody can write a report in the name of another, guess its id and be first.
 * So the report in the table gives way to one that came by mail of the reporter,
 * if it did not do so itself. Both have the same domain in email: it is part of
 * the key. True when the report is not to be looked at any more.
 */
static bool
meet_rival(const struct commit *commit, struct report *report, int64_t rival)
{
	const struct report *twin = placed_twin(report);

	if (twin != NULL) {
		report->try_duplicate = true;
		report->try_id = twin->id;
		return false;
	}
	report->rival = rival;
	if (commit->whole)
		return true;
	/* It may still turn out to be cut off: the other one stays till then. */
	report->try_aside = true;
	report->key = column_hash(
		(struct span){ (const char *)report->base.bytes, COLUMN_HASH });
	return true;
}

static const char keys_sql[] = KEYS_SQL("0");
static const char inserted_sql[] = KEYS_SQL(OVERLAPS);

/* Which reports are there? inserted: of those that we have just put there. */
static int find_reports(struct commit *commit, bool inserted, struct err *err)
{
	struct db_rows *rows;
	int more;

	list_keys(commit);
	if (look_up(commit, inserted ? inserted_sql : keys_sql, &rows, err) < 0)
		return -1;
	while ((more = db_rows_next(rows, err)) > 0) {
		size_t at = (size_t)db_rows_int(rows, 0) - 1;
		struct report *report;
		bool same_mail;

		if (at >= commit->n_reports || !commit->fresh[at])
			continue;
		report = commit->reports[at];
		same_mail =
			span_equal(db_rows_text(rows, 2), report->mail->name);
		commit->fresh[at] = false;
		if (!inserted && !same_mail && report->authentic &&
		    db_rows_int(rows, 3) != 0 && db_rows_int(rows, 5) == 0) {
			commit->fresh[at] = meet_rival(commit, report,
						       db_rows_int(rows, 1));
			continue;
		}
		report->try_id = db_rows_int(rows, 1);
		report->overlaps = inserted && same_mail &&
				   !report->try_aside &&
				   db_rows_int(rows, 4) != 0;
		if (inserted && same_mail)
			continue;
		if (meet_report(report, report->try_id, same_mail,
				db_rows_int(rows, 3) != 0, err) < 0) {
			more = -1;
			break;
		}
	}
	db_rows_free(&rows);
	return more;
}

/* ----------------------------------------------------------------- what is put */

static const char report_sql[] =
	"INSERT INTO received_report (report_key, reporter, "
	"org_name, email, extra_contact, report_id, begin_at, end_at, "
	"policy_domain, dialect, method, p, sp, np, adkim, aspf, pct, fo, "
	"testing, generator, errors, authenticated, auth_domain, mail_name, "
	"stored_at, complete, messages, "
	"compliant, dkim_passed, spf_passed, quarantined, rejected, "
	"row_count, skipped_rows, warnings, status, duplicates) VALUES "
	"(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
	"?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0) "
	"ON DUPLICATE KEY UPDATE report_key = report_key";

static void
set_report(const struct report *report, bool whole, struct db_value *v)
{
	static const struct report unfinished = { .status = REPORT_OK };
	const struct report *end = whole ? report : &unfinished;
	const struct sums *sums = &end->sums;
	size_t n = HEAD_COLUMNS;

	memcpy(v, report->head, sizeof(report->head));
	v[n++] = db_text(report->mail->name);
	v[n++] = db_int(report->mail->now);
	v[n++] = db_int(whole);
	v[n++] = db_int(sums->messages);
	v[n++] = db_int(sums->compliant);
	v[n++] = db_int(sums->dkim_passed);
	v[n++] = db_int(sums->spf_passed);
	v[n++] = db_int(sums->quarantined);
	v[n++] = db_int(sums->rejected);
	v[n++] = db_int(sums->rows);
	v[n++] = db_int(end->skipped_rows);
	v[n++] = db_text(end->warnings);
	v[n++] = db_string(report_status_name(end->status));
}

/* Room for so many values, whatever was there before. */
static int
make_values(struct commit *commit, size_t rows, size_t columns, struct err *err)
{
	free(commit->values);
	commit->values = calloc(rows + 1, columns * sizeof(*commit->values));
	return commit->values == NULL ? no_memory(err) : 0;
}

/*
 * Out of the sums, of sight of the reporter's others, and of the place of the key;
 * what is incomplete is removed in time.
 */
#define DISPLACE                                                           \
	"UPDATE received_report SET complete = 0, reporter = '', "         \
	"report_key = UNHEX(LEFT(SHA2(CONCAT(report_key, id), 256), 32)) " \
	"WHERE complete = 1 AND authenticated <> 'yes' AND "

static int displace_rivals(struct commit *commit, struct err *err)
{
	size_t i, n = 0;

	if (!commit->whole)
		return 0;
	if (make_values(commit, commit->n_reports, 1, err) < 0)
		return -1;
	for (i = 0; i < commit->n_reports; i++)
		if (commit->reports[i]->rival != 0)
			commit->values[n++] = db_int(commit->reports[i]->rival);
	if (n == 0)
		return 0;
	return database_bulk(commit->db, DISPLACE "id = ?", commit->values, 1,
			     n, err);
}

/* Marked where the report is: a later one that meets it is marked itself. */
static int mark_overlaps(struct commit *commit, struct err *err)
{
	size_t i, n = 0;

	for (i = 0; i < commit->n_reports; i++)
		if (commit->reports[i]->overlaps)
			commit->values[n++] =
				db_int(commit->reports[i]->try_id);
	if (n == 0)
		return 0;
	return database_bulk(commit->db,
			     "UPDATE received_report SET overlaps = 1 "
			     "WHERE id = ?",
			     commit->values, 1, n, err);
}

/*
 * Another machine may be quicker between the first look and the INSERT, which
 * waits for its commit and then leaves its report alone.
 */
static int insert_reports(struct commit *commit, struct err *err)
{
	size_t i, n = 0;

	if (make_values(commit, commit->n_reports, REPORT_COLUMNS, err) < 0)
		return -1;
	for (i = 0; i < commit->n_reports; i++)
		if (commit->fresh[i])
			set_report(commit->reports[i], commit->whole,
				   &commit->values[n++ * REPORT_COLUMNS]);
	if (n == 0)
		return 0;
	if (database_bulk(commit->db, report_sql, commit->values,
			  REPORT_COLUMNS, n, err) < 0 ||
	    find_reports(commit, true, err) < 0)
		return -1;
	for (i = 0; i < commit->n_reports; i++)
		if (commit->fresh[i])
			return err_set(err, ERR_TEMP,
				       "a report was just removed");
	return mark_overlaps(commit, err);
}

static int place_reports(struct commit *commit, struct err *err)
{
	size_t i;

	if (collect_reports(commit, err) < 0)
		return -1;
	if (commit->n_reports == 0)
		return 0;
	if (find_reports(commit, false, err) < 0 ||
	    displace_rivals(commit, err) < 0 || insert_reports(commit, err) < 0)
		return -1;
	for (i = 1; i < commit->n_reports; i++) {
		struct report *report = commit->reports[i];

		if (!is_repeated(commit, i))
			continue;
		report->try_duplicate = true;
		report->try_id = commit->reports[i - 1]->try_id;
	}
	return 0;
}

static const char row_sql[] =
	"INSERT INTO received_row (report, row_no, source_ip, count, "
	"disposition, dkim_aligned, spf_aligned, header_from, envelope_from, "
	"envelope_to, reasons, dkim, spf) VALUES "
	"(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

static int insert_rows(struct commit *commit, struct err *err)
{
	size_t i, row, n = 0;

	for (i = 0; i < commit->n_mails; i++)
		n += commit->mails[i]->n_rows;
	if (make_values(commit, n, ROW_COLUMNS, err) < 0)
		return -1;
	n = 0;
	for (i = 0; i < commit->n_mails; i++) {
		const struct mail_store *mail = commit->mails[i];

		for (row = 0; !mail->known_whole && row < mail->n_rows; row++) {
			const struct row *from = &mail->rows[row];
			struct db_value *to = &commit->values[n * ROW_COLUMNS];

			if (from->report->try_duplicate)
				continue;
			memcpy(to, from->value, sizeof(from->value));
			to[0] = db_int(from->report->try_id);
			n++;
		}
	}
	return database_bulk(commit->db, row_sql, commit->values, ROW_COLUMNS,
			     n, err);
}

/* ------------------------------------------------------------ the end of mails */

/* Of a report whose rows came in several transactions. */
static int complete_report(struct database *db, const struct report *report,
			   struct err *err)
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
		db_int(report->id),
	};
	uint64_t changed;

	if (database_run(db,
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

/* Out of the way with what stands under its key, and into its place. */
static int
take_place(struct database *db, const struct report *report, struct err *err)
{
	struct db_value values[] = { db_bytes(report->base.bytes, COLUMN_HASH),
				     db_int(report->id) };
	uint64_t changed;

	if (database_run(db, DISPLACE "report_key = ?", values, 1, NULL, err) <
		    0 ||
	    database_run(db,
			 "UPDATE IGNORE received_report SET report_key = ? "
			 "WHERE id = ?",
			 values, 2, &changed, err) < 0)
		return -1;
	if (changed == 1)
		return 0;
	return err_set(err, ERR_TEMP, "the same report came by another mail");
}

static int complete_reports(struct commit *commit, struct err *err)
{
	const struct report *report;
	size_t i;

	for (i = 0; i < commit->n_mails; i++)
		for (report = commit->mails[i]->first; report != NULL;
		     report = report->next)
			if (report->placed && !report->duplicate &&
			    (complete_report(commit->db, report, err) < 0 ||
			     (report->aside &&
			      take_place(commit->db, report, err) < 0)))
				return -1;
	return 0;
}

/* Reports that others, or mails in front of this one, brought before. */
static bool is_counted_duplicate(const struct report *report)
{
	return report->try_duplicate && !report->try_again;
}

/* A mail that is read again has counted them the first time. */
static int count_duplicates(struct commit *commit, struct err *err)
{
	const struct report *report;
	size_t i, n = 0;

	for (i = 0; i < commit->n_mails; i++)
		n += (size_t)(commit->mails[i]->outcome.duplicates -
			      commit->mails[i]->others_duplicate);
	if (n == 0)
		return 0;
	if (make_values(commit, n, 1, err) < 0)
		return -1;
	n = 0;
	for (i = 0; i < commit->n_mails; i++) {
		const struct mail_store *mail = commit->mails[i];

		for (report = mail->first; report != NULL && !mail->known;
		     report = report->next)
			if (is_counted_duplicate(report))
				commit->values[n++] = db_bytes(
					report->base.bytes, COLUMN_HASH);
	}
	return database_bulk(commit->db,
			     "UPDATE received_report "
			     "SET duplicates = duplicates + 1 "
			     "WHERE report_key = ?",
			     commit->values, 1, n, err);
}

static void make_outcome(struct mail_store *mail)
{
	struct mail_outcome *outcome = &mail->outcome;
	const struct report *report;
	bool partial = false;

	*outcome = (struct mail_outcome){ .stored_before = mail->known_whole };
	if (mail->known_whole)
		return;
	outcome->set_aside = mail->refused > 0;
	outcome->reports = mail->others_stored;
	outcome->duplicates = mail->others_duplicate;
	for (report = mail->first; report != NULL; report = report->next) {
		if (is_counted_duplicate(report))
			outcome->duplicates++;
		else
			outcome->reports++;
		if (report->overlaps)
			outcome->overlaps++;
		if (report->rival != 0)
			outcome->displaced++;
		if (report->status == REPORT_PARTIAL)
			partial = true;
	}
	if (mail->refused > 0 && mail->first == NULL &&
	    !other_reports_any(&mail->others))
		outcome->status = MAIL_REJECTED;
	else if (mail->refused > 0 || partial)
		outcome->status = MAIL_PARTIAL;
	(void)snprintf(outcome->reason, sizeof(outcome->reason), "%s",
		       mail->reason);
}

static struct db_value
cut(const struct mail_store *mail, struct span text, size_t max_chars)
{
	return db_text(column_text(mail->heads, text, max_chars));
}

static int
set_mail(const struct mail_store *mail, struct db_value *v, struct err *err)
{
	const struct mail_envelope *envelope = &mail->envelope;
	const struct mail_outcome *outcome = &mail->outcome;
	size_t n = 0;

	v[n++] = db_text(envelope->name);
	v[n++] = db_int(envelope->received);
	v[n++] = cut(mail, envelope->recipient, 320);
	v[n++] = cut(mail, envelope->sender, 320);
	v[n++] = db_string(mail_status_name(outcome));
	v[n++] = db_int(outcome->set_aside);
	v[n++] = cut(mail, span_of(outcome->reason), COLUMN_TEXT);
	v[n++] = db_int(outcome->reports);
	v[n++] = db_int(outcome->duplicates);
	v[n++] = db_string(authenticated_name(mail->carrier.result));
	v[n++] = db_string(mail->carrier.domain);
	v[n++] = db_int(mail->now);
	return values_there(v, n) ? 0 : no_memory(err);
}

static int insert_mails(struct commit *commit, struct err *err)
{
	size_t i, n = 0;

	if (make_values(commit, commit->n_mails, MAIL_COLUMNS, err) < 0)
		return -1;
	for (i = 0; i < commit->n_mails; i++) {
		struct mail_store *mail = commit->mails[i];

		make_outcome(mail);
		if (!mail->known_whole &&
		    set_mail(mail, &commit->values[n++ * MAIL_COLUMNS], err) <
			    0)
			return -1;
	}
	return database_bulk(commit->db,
			     "INSERT INTO received_mail (name, received_at, "
			     "recipient, sender, status, set_aside, reason, "
			     "reports, duplicates, authenticated, "
			     "auth_domain, loaded_at) "
			     "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
			     "ON DUPLICATE KEY UPDATE status = VALUES(status), "
			     "set_aside = VALUES(set_aside), "
			     "reason = VALUES(reason), "
			     "reports = VALUES(reports), "
			     "authenticated = VALUES(authenticated), "
			     "auth_domain = VALUES(auth_domain), "
			     "loaded_at = VALUES(loaded_at)",
			     commit->values, MAIL_COLUMNS, n, err);
}

/* Few mails bring any, so each is a few statements of its own. */
static int insert_others(struct commit *commit, struct err *err)
{
	size_t i;

	for (i = 0; i < commit->n_mails; i++) {
		struct mail_store *mail = commit->mails[i];
		const struct other_mail other = { .name = mail->name,
						  .now = mail->now,
						  .known = mail->known };

		mail->others_stored = mail->others_duplicate = 0;
		if (mail->known_whole)
			continue;
		if (other_reports_insert(commit->db, &mail->others, &other,
					 &mail->others_stored,
					 &mail->others_duplicate, err) < 0)
			return -1;
	}
	return 0;
}

/* After the mails: only then it is known whose reports count. */
static int insert_originals(struct commit *commit, struct err *err)
{
	size_t i;

	for (i = 0; i < commit->n_mails; i++) {
		const struct mail_store *mail = commit->mails[i];
		const struct original original = {
			.mail_name = mail->name,
			.stored_at = mail->now,
			.bytes = mail->original_bytes,
			.compressed = mail->original,
		};

		if (original.compressed.n > 0 && mail->outcome.reports > 0 &&
		    original_insert(commit->db, &original, err) < 0)
			return -1;
	}
	return 0;
}

/* ------------------------------------------------------------- transactions */

static int work(struct database *db, void *context, struct err *err)
{
	struct commit *commit = context;

	commit->db = db;
	if (find_mails(commit, err) < 0 || place_reports(commit, err) < 0 ||
	    insert_rows(commit, err) < 0)
		return -1;
	if (!commit->whole)
		return 0;
	if (insert_others(commit, err) < 0)
		return -1;
	if (complete_reports(commit, err) < 0 ||
	    insert_mails(commit, err) < 0 || insert_originals(commit, err) < 0)
		return -1;
	return count_duplicates(commit, err);
}

/* The transaction is committed: what it said is so. */
static void settle(struct mail_store *mail)
{
	struct report *report;

	for (report = mail->first; report != NULL; report = report->next) {
		report->placed = true;
		report->id = report->try_id;
		/* Of a mail that is stored, nothing goes anywhere. */
		report->duplicate = report->try_duplicate || mail->known_whole;
		report->again = report->try_again;
		report->aside = report->try_aside;
	}
	mail->n_rows = 0;
	arena_reset(mail->texts);
}

static int run(struct commit *commit, struct err *err)
{
	int result = database_transaction(commit->db, work, commit, err);
	size_t i;

	for (i = 0; result == 0 && i < commit->n_mails; i++)
		settle(commit->mails[i]);
	free(commit->reports);
	free(commit->fresh);
	free(commit->values);
	buf_release(&commit->list);
	return result;
}

int mail_store_flush(struct mail_store *store, struct err *err)
{
	struct commit commit = { .db = store->db,
				 .mails = &store,
				 .n_mails = 1,
				 .list = BUF_INIT(LIST_BYTES) };

	return run(&commit, err);
}

int mail_stores_commit(struct database *db, struct mail_store *const *stores,
		       size_t n, struct err *err)
{
	struct commit commit = { .db = db,
				 .mails = stores,
				 .n_mails = n,
				 .whole = true,
				 .list = BUF_INIT(LIST_BYTES) };

	return n == 0 ? 0 : run(&commit, err);
}
