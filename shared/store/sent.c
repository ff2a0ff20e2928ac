/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/sent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utc.h"

#define NOW     "UNIX_TIMESTAMP()"
#define KEY     "day = ? AND policy_hash = ?"
#define WAITS   "state IN ('planned', 'postponed')"
#define DEAD    "(state = 'claimed' AND lease_until < " NOW ")"
#define OPEN_TO "state IN ('planned', 'sending', 'postponed')"
#define IN_RANGE                                             \
	"day BETWEEN ? AND ? AND (? = '' OR policy_hash IN " \
	"(SELECT p.policy_hash FROM verdict_policy p WHERE " \
	"p.policy_domain = ?))"

#define PLAN_ROWS    500 /* in one transaction */
#define KEEP_MINUTES 60

static const char *const states[] = {
	[SENT_PLANNED] = "planned",     [SENT_CLAIMED] = "claimed",
	[SENT_POSTPONED] = "postponed", [SENT_DONE] = "done",
	[SENT_SKIPPED] = "skipped",     [SENT_FAILED] = "failed",
};

static const char *const to_states[] = {
	[SENT_TO_PLANNED] = "planned",
	[SENT_TO_SENDING] = "sending",
	[SENT_TO_POSTPONED] = "postponed",
	[SENT_TO_HANDED_OVER] = "handed_over",
	[SENT_TO_REFUSED] = "refused",
	[SENT_TO_FAILED] = "failed",
};

const char *sent_state_word(enum sent_state state)
{
	return states[state];
}

const char *sent_to_state_word(enum sent_to_state state)
{
	return to_states[state];
}

static enum sent_to_state to_state_of(struct span word)
{
	size_t i;

	for (i = 0; i < sizeof(to_states) / sizeof(to_states[0]); i++)
		if (span_is(word, to_states[i]))
			return (enum sent_to_state)i;
	return SENT_TO_PLANNED;
}

static struct db_value db_hash(const struct outgoing *report)
{
	return db_bytes(report->policy.bytes, sizeof(report->policy.bytes));
}

int sent_now(struct database *db, int64_t *now, struct err *err)
{
	return database_number(db, "SELECT " NOW, NULL, 0, now, err);
}

/* ------------------------------------------------------------------ planning */

struct since {
	const char *yesterday;
	bool note;
	struct utc_text found;
};

static int find_since(struct database *db, void *context, struct err *err)
{
	struct since *since = context;
	const struct db_value yesterday = db_string(since->yesterday);
	struct db_rows *rows;
	int more;

	if (since->note &&
	    database_run(db,
			 "INSERT INTO sent_since (id, first_day) VALUES (1, ?) "
			 "ON DUPLICATE KEY UPDATE id = id",
			 &yesterday, 1, NULL, err) < 0)
		return -1;
	if (database_query(db, "SELECT first_day FROM sent_since WHERE id = 1",
			   NULL, 0, &rows, err) < 0)
		return -1;
	more = db_rows_next(rows, err);
	if (more > 0)
		snprintf(since->found.text, sizeof(since->found.text), "%s",
			 db_rows_text(rows, 0).p);
	db_rows_free(&rows);
	return more < 0 ? -1 : 0;
}

int sent_since(struct database *db, int64_t yesterday, bool note,
	       int64_t *first_day, struct err *err)
{
	struct utc_text day = utc_date(yesterday);
	struct since since = { .yesterday = day.text,
			       .note = note,
			       .found = day };

	if (database_transaction(db, find_since, &since, err) < 0)
		return -1;
	if (!utc_parse_date(span_of(since.found.text), first_day))
		return err_set(err, ERR_TEMP, "sent_since: no first day");
	return 0;
}

struct plan {
	const struct outgoing *reports;
	size_t n;
};

static int plan_some(struct database *db, void *context, struct err *err)
{
	enum {
		COLUMNS = 7
	};
	const struct plan *plan = context;
	struct utc_text days[PLAN_ROWS];
	struct db_value *values =
		reallocarray(NULL, plan->n, COLUMNS * sizeof(*values));
	int result;
	size_t i;

	if (values == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	for (i = 0; i < plan->n; i++) {
		const struct outgoing *report = &plan->reports[i];
		struct db_value *row = &values[i * COLUMNS];

		days[i] = utc_date(report->day);
		row[0] = db_string(days[i].text);
		row[1] = db_hash(report);
		row[2] = db_string(report->report_id);
		row[3] = db_string(report->submitter);
		row[4] = db_int((int64_t)report->messages);
		row[5] = db_int(report->due_at);
		row[6] = db_int(report->give_up_at);
	}
	result = database_bulk(
		db,
		"INSERT INTO sent_report (day, policy_hash, report_id, "
		"submitter, state, owner, lease_until, attempts, messages, "
		"row_count, detail, due_at, give_up_at, updated_at) VALUES "
		"(?, ?, ?, ?, 'planned', '', 0, 0, ?, 0, '', ?, ?, " NOW ") "
		"ON DUPLICATE KEY UPDATE day = day",
		values, COLUMNS, plan->n, err);
	free(values);
	return result;
}

int sent_plan(struct database *db, const struct outgoing_list *list,
	      struct err *err)
{
	size_t i;

	for (i = 0; i < list->n; i += PLAN_ROWS) {
		struct plan plan = { &list->reports[i], list->n - i };

		if (plan.n > PLAN_ROWS)
			plan.n = PLAN_ROWS;
		if (database_transaction(db, plan_some, &plan, err) < 0)
			return -1;
	}
	return 0;
}

/* --------------------------------------------------------------------- range */

/* The parameters of IN_RANGE, which point into the struct. */
struct range_values {
	struct utc_text first, last;
	struct db_value values[4];
};

static void
set_range(struct range_values *set, const struct outgoing_range *range)
{
	set->first = utc_date(range->first);
	set->last = utc_date(range->last);
	set->values[0] = db_string(set->first.text);
	set->values[1] = db_string(set->last.text);
	set->values[2] = db_string(range->domain);
	set->values[3] = db_string(range->domain);
}

static int make_hurry(struct database *db, void *context, struct err *err)
{
	const struct range_values *range = context;

	if (database_run(db,
			 "UPDATE sent_report SET due_at = 0 WHERE " IN_RANGE
			 " AND " WAITS,
			 range->values, 4, NULL, err) < 0)
		return -1;
	return database_run(db,
			    "UPDATE sent_destination SET due_at = 0 "
			    "WHERE " IN_RANGE " AND " OPEN_TO,
			    range->values, 4, NULL, err);
}

int sent_hurry(struct database *db, const struct outgoing_range *range,
	       struct err *err)
{
	struct range_values values;

	set_range(&values, range);
	return database_transaction(db, make_hurry, &values, err);
}

int sent_next(struct database *db, const struct outgoing_range *range,
	      int64_t *due_at, size_t *n, struct err *err)
{
	struct range_values values;
	struct db_rows *rows;
	int more;

	set_range(&values, range);
	*due_at = INT64_MAX;
	*n = 0;
	if (database_query(db,
			   "SELECT COUNT(*), MIN(due_at) FROM sent_report "
			   "WHERE " IN_RANGE " AND " WAITS,
			   values.values, 4, &rows, err) < 0)
		return -1;
	more = db_rows_next(rows, err);
	if (more > 0 && db_rows_int(rows, 0) > 0) {
		*n = (size_t)db_rows_int(rows, 0);
		*due_at = db_rows_int(rows, 1);
	}
	db_rows_free(&rows);
	return more < 0 ? -1 : 0;
}

/* ---------------------------------------------------------- many, one by one */

/* Reports by their key, as a query gave them in its first two columns. */
struct keys {
	struct {
		struct utc_text day;
		struct column_hash policy;
	} * key;
	size_t n;
};

static int grow_keys(struct keys *keys, size_t *room, struct err *err)
{
	size_t more = *room == 0 ? 256 : *room * 2;
	void *grown = reallocarray(keys->key, more, sizeof(*keys->key));

	if (grown == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	keys->key = grown;
	*room = more;
	return 0;
}

static int
collect_keys(struct db_rows *rows, struct keys *keys, struct err *err)
{
	size_t room = 0;
	int more;

	while ((more = db_rows_next(rows, err)) > 0) {
		struct span day = db_rows_text(rows, 0);
		struct span hash = db_rows_text(rows, 1);

		if (keys->n == room && grow_keys(keys, &room, err) < 0)
			return -1;
		if (hash.n != sizeof(keys->key->policy.bytes))
			continue;
		snprintf(keys->key[keys->n].day.text,
			 sizeof(keys->key->day.text), "%.*s", SPAN_ARGS(day));
		memcpy(keys->key[keys->n].policy.bytes, hash.p, hash.n);
		keys->n++;
	}
	return more;
}

/* keys->key is the caller's to free, also after an error. */
static int list_keys(struct database *db, const char *sql,
		     const struct db_value *values, size_t n_values,
		     struct keys *keys, struct err *err)
{
	struct db_rows *rows;
	int result;

	keys->key = NULL;
	keys->n = 0;
	if (database_query(db, sql, values, n_values, &rows, err) < 0)
		return -1;
	result = collect_keys(rows, keys, err);
	db_rows_free(&rows);
	return result;
}

struct change {
	struct db_value day;
	struct db_value policy;
	struct db_value address; /* "" for all */
	struct db_value give_up_at;
	bool changed;
};

/* Run work for each; *n is how many it changed. */
static int change_all(struct database *db, const struct keys *keys,
		      struct change *change, database_work *work, size_t *n,
		      struct err *err)
{
	size_t i;

	*n = 0;
	for (i = 0; i < keys->n; i++) {
		change->day = db_string(keys->key[i].day.text);
		change->policy = db_bytes(keys->key[i].policy.bytes,
					  sizeof(keys->key->policy.bytes));
		if (database_transaction(db, work, change, err) < 0)
			return -1;
		*n += change->changed;
	}
	return 0;
}

static int reopen_one(struct database *db, void *context, struct err *err)
{
	struct change *change = context;
	const struct db_value report[] = { change->give_up_at, change->day,
					   change->policy };
	const struct db_value to[] = { change->day, change->policy,
				       change->address, change->address };
	uint64_t changed = 0;

	if (database_run(db,
			 "UPDATE sent_report SET state = 'planned', "
			 "due_at = 0, give_up_at = ?, lease_no = lease_no + 1, "
			 "detail = '', updated_at = " NOW " WHERE " KEY
			 " AND (state <> 'claimed' OR " DEAD ")",
			 report, 3, &changed, err) < 0)
		return -1;
	change->changed = changed == 1;
	if (!change->changed)
		return 0;
	return database_run(db,
			    "UPDATE sent_destination SET state = 'planned', "
			    "attempts = 0, due_at = 0, detail = '', "
			    "updated_at = " NOW " WHERE " KEY
			    " AND (? = '' OR address = ?)",
			    to, 4, NULL, err);
}

int sent_reopen(struct database *db, const struct outgoing_range *range,
		const char *address, int64_t give_up_at, size_t *n,
		struct err *err)
{
	struct change change = { .address = db_string(address),
				 .give_up_at = db_int(give_up_at) };
	struct range_values known;
	struct db_value values[6];
	struct keys keys;
	int result;

	set_range(&known, range);
	memcpy(values, known.values, sizeof(known.values));
	values[4] = values[5] = db_string(address);
	result = list_keys(db,
			   "SELECT s.day, s.policy_hash FROM sent_report s "
			   "WHERE " IN_RANGE " AND (? = '' OR EXISTS "
			   "(SELECT 1 FROM sent_destination d WHERE "
			   "d.day = s.day AND d.policy_hash = s.policy_hash "
			   "AND d.address = ?))",
			   values, 6, &keys, err);
	if (result == 0)
		result = change_all(db, &keys, &change, reopen_one, n, err);
	free(keys.key);
	return result;
}

#define OVERDUE "give_up_at < " NOW " AND (" WAITS " OR " DEAD ")"

static int give_up_one(struct database *db, void *context, struct err *err)
{
	struct change *change = context;
	const struct db_value key[] = { change->day, change->policy };
	uint64_t changed = 0;

	if (database_run(db,
			 "UPDATE sent_report s SET s.state = IF(EXISTS "
			 "(SELECT 1 FROM sent_destination d WHERE "
			 "d.day = s.day AND d.policy_hash = s.policy_hash "
			 "AND d.state = 'handed_over'), 'done', 'failed'), "
			 "s.owner = '', s.lease_until = 0, "
			 "s.detail = IF(s.detail = '', 'not sent in time', "
			 "LEFT(CONCAT('given up: ', s.detail), 16000)), "
			 "s.updated_at = " NOW " WHERE " KEY " AND " OVERDUE,
			 key, 2, &changed, err) < 0)
		return -1;
	change->changed = changed == 1;
	if (!change->changed)
		return 0;
	return database_run(db,
			    "UPDATE sent_destination SET detail = IF("
			    "state = 'sending', 'unknown whether the mail "
			    "server has it', detail), state = 'failed', "
			    "updated_at = " NOW " WHERE " KEY " AND " OPEN_TO,
			    key, 2, NULL, err);
}

int sent_give_up(struct database *db, size_t *n, struct err *err)
{
	struct change change = { .changed = false };
	struct keys keys;
	int result = list_keys(db,
			       "SELECT day, policy_hash FROM sent_report "
			       "WHERE " OVERDUE,
			       NULL, 0, &keys, err);

	if (result == 0)
		result = change_all(db, &keys, &change, give_up_one, n, err);
	free(keys.key);
	return result;
}

/* --------------------------------------------------------------------- claim */

struct claim {
	const struct outgoing *report;
	const char *owner;
	bool ours;
};

static int make_claim(struct database *db, void *context, struct err *err)
{
	struct claim *claim = context;
	struct utc_text day = utc_date(claim->report->day);
	const struct db_value values[] = { db_string(claim->owner),
					   db_int(SENT_LEASE),
					   db_string(day.text),
					   db_hash(claim->report) };
	uint64_t changed = 0;

	if (database_run(db,
			 "UPDATE sent_report SET state = 'claimed', "
			 "owner = ?, lease_until = " NOW " + ?, "
			 "lease_no = lease_no + 1, attempts = attempts + 1, "
			 "updated_at = " NOW " WHERE " KEY " AND ((" WAITS
			 " AND due_at <= " NOW ") OR " DEAD ")",
			 values, 4, &changed, err) < 0)
		return -1;
	claim->ours = changed == 1;
	return 0;
}

int sent_claim(struct database *db, const struct outgoing *report,
	       const char *owner, bool *claimed, struct err *err)
{
	struct claim claim = { report, owner, false };

	if (database_transaction(db, make_claim, &claim, err) < 0)
		return -1;
	*claimed = claim.ours;
	return 0;
}

/*
 * Is it still ours? Also when the lease has run out and nobody came. lease_no
 * grows so that the row changes, twice in one second as well.
 */
static int renew(struct database *db, const struct outgoing *report,
		 const char *owner, bool *ours, struct err *err)
{
	struct utc_text day = utc_date(report->day);
	const struct db_value values[] = { db_int(SENT_LEASE),
					   db_string(day.text), db_hash(report),
					   db_string(owner) };
	uint64_t changed = 0;

	if (database_run(db,
			 "UPDATE sent_report SET lease_until = " NOW " + ?, "
			 "lease_no = lease_no + 1 WHERE " KEY
			 " AND state = 'claimed' AND owner = ?",
			 values, 4, &changed, err) < 0)
		return -1;
	*ours = changed == 1;
	return 0;
}

/* -------------------------------------------------------------- destinations */

int sent_destinations(struct database *db, const struct outgoing *report,
		      struct arena *arena, struct sent_to_list *destinations,
		      struct err *err)
{
	struct utc_text day = utc_date(report->day);
	const struct db_value values[] = { db_string(day.text),
					   db_hash(report) };
	struct db_rows *rows;
	int64_t room;
	int more = 0;

	destinations->n = 0;
	if (database_number(db,
			    "SELECT COUNT(*) FROM sent_destination WHERE " KEY,
			    values, 2, &room, err) < 0)
		return -1;
	destinations->list =
		arena_array(arena, (size_t)room, sizeof(*destinations->list));
	if (destinations->list == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	if (database_query(db,
			   "SELECT address, state, attempts, due_at - " NOW
			   " FROM sent_destination WHERE " KEY
			   " ORDER BY address",
			   values, 2, &rows, err) < 0)
		return -1;
	while (destinations->n < (size_t)room &&
	       (more = db_rows_next(rows, err)) > 0) {
		struct sent_to *to = &destinations->list[destinations->n++];

		to->address = arena_copy(arena, db_rows_text(rows, 0)).p;
		to->state = to_state_of(db_rows_text(rows, 1));
		to->attempts = (int)db_rows_int(rows, 2);
		to->wait = db_rows_int(rows, 3);
		if (to->address == NULL)
			more = err_set(err, ERR_LIMIT, "out of memory");
		if (more < 0)
			break;
	}
	db_rows_free(&rows);
	return more < 0 ? -1 : 0;
}

/* One more mail in this minute; *room is false when there were enough. */
static int take_turn(struct database *db, int64_t minute, const char *host,
		     int limit, bool *room, struct err *err)
{
	const struct db_value values[] = { db_int(minute), db_string(host),
					   db_int(limit) };
	uint64_t changed = 0;

	*room = true;
	if (limit == 0)
		return 0;
	if (database_run(db,
			 "INSERT INTO sent_minute (minute, host, mails) "
			 "VALUES (?, ?, 1) ON DUPLICATE KEY UPDATE "
			 "mails = IF(mails < ?, mails + 1, mails)",
			 values, 3, &changed, err) < 0)
		return -1;
	*room = changed > 0;
	return 0;
}

static int give_turn_back(struct database *db, int64_t minute, const char *host,
			  struct err *err)
{
	const struct db_value values[] = { db_int(minute), db_string(host) };

	return database_run(db,
			    "UPDATE sent_minute SET mails = mails - 1 "
			    "WHERE minute = ? AND host = ?",
			    values, 2, NULL, err);
}

static int forget_minutes(struct database *db, int64_t minute, struct err *err)
{
	const struct db_value value = db_int(minute - KEEP_MINUTES);

	return database_run(db, "DELETE FROM sent_minute WHERE minute < ?",
			    &value, 1, NULL, err);
}

struct beginning {
	const struct outgoing *report;
	const char *owner;
	const char *address;
	const char *host;
	const struct sent_limits *limits;
	enum sent_turn turn;
};

static int
count_mail(struct database *db, struct beginning *begin, struct err *err)
{
	const struct sent_limits *limits = begin->limits;
	int64_t now, minute;
	bool room;

	if (limits->per_host == 0 && limits->per_minute == 0)
		return 0;
	if (sent_now(db, &now, err) < 0)
		return -1;
	minute = now / 60;
	if (take_turn(db, minute, begin->host, limits->per_host, &room, err) <
	    0)
		return -1;
	if (!room) {
		begin->turn = SENT_TURN_HOST_FULL;
		return 0;
	}
	if (take_turn(db, minute, "", limits->per_minute, &room, err) < 0)
		return -1;
	if (room)
		return forget_minutes(db, minute, err);
	begin->turn = SENT_TURN_FULL;
	return limits->per_host == 0 ?
		       0 :
		       give_turn_back(db, minute, begin->host, err);
}

/* The parameters that name a destination. */
struct to_values {
	struct utc_text day;
	struct db_value values[3];
};

static void set_to(struct to_values *set, const struct outgoing *report,
		   const char *address)
{
	set->day = utc_date(report->day);
	set->values[0] = db_string(set->day.text);
	set->values[1] = db_hash(report);
	set->values[2] = db_string(address);
}

/* Make sure that there is a row for UPDATE. */
static int add_destination(struct database *db, const struct to_values *to,
			   struct err *err)
{
	return database_run(db,
			    "INSERT INTO sent_destination (day, policy_hash, "
			    "address, state, detail, updated_at) "
			    "VALUES (?, ?, ?, 'planned', '', " NOW ") "
			    "ON DUPLICATE KEY UPDATE day = day",
			    to->values, 3, NULL, err);
}

static int make_begin(struct database *db, void *context, struct err *err)
{
	struct beginning *begin = context;
	struct to_values to;
	int64_t before;
	bool ours;

	begin->turn = SENT_TURN_YES;
	set_to(&to, begin->report, begin->address);
	if (renew(db, begin->report, begin->owner, &ours, err) < 0 ||
	    database_number(db,
			    "SELECT COUNT(*) FROM sent_destination WHERE " KEY
			    " AND address = ? AND state = 'handed_over'",
			    to.values, 3, &before, err) < 0)
		return -1;
	if (!ours)
		begin->turn = SENT_TURN_LOST;
	else if (before > 0)
		begin->turn = SENT_TURN_BEFORE;
	else if (count_mail(db, begin, err) < 0)
		return -1;
	if (begin->turn != SENT_TURN_YES)
		return 0;
	if (add_destination(db, &to, err) < 0)
		return -1;
	return database_run(db,
			    "UPDATE sent_destination SET state = 'sending', "
			    "updated_at = " NOW " WHERE " KEY
			    " AND address = ?",
			    to.values, 3, NULL, err);
}

int sent_begin(struct database *db, const struct outgoing *report,
	       const char *owner, const char *address, const char *host,
	       const struct sent_limits *limits, enum sent_turn *turn,
	       struct err *err)
{
	struct beginning begin = { report, owner,  address,
				   host,   limits, SENT_TURN_LOST };

	if (database_transaction(db, make_begin, &begin, err) < 0)
		return -1;
	*turn = begin.turn;
	return 0;
}

static int make_handed_over(struct database *db, void *context, struct err *err)
{
	const struct to_values *to = context;

	if (add_destination(db, to, err) < 0)
		return -1;
	return database_run(db,
			    "UPDATE sent_destination SET "
			    "state = 'handed_over', detail = '', due_at = 0, "
			    "updated_at = " NOW " WHERE " KEY
			    " AND address = ?",
			    to->values, 3, NULL, err);
}

int sent_handed_over(struct database *db, const struct outgoing *report,
		     const char *address, struct err *err)
{
	struct to_values to;

	set_to(&to, report, address);
	return database_transaction(db, make_handed_over, &to, err);
}

struct noting {
	const struct outgoing *report;
	const char *owner;
	const struct sent_note *note;
	bool ours;
};

static int make_note(struct database *db, void *context, struct err *err)
{
	struct noting *noting = context;
	const struct sent_note *note = noting->note;
	const int64_t later = note->state == SENT_TO_POSTPONED;
	struct db_value values[7];
	struct to_values to;

	set_to(&to, noting->report, note->address);
	if (renew(db, noting->report, noting->owner, &noting->ours, err) < 0)
		return -1;
	if (!noting->ours)
		return 0;
	values[0] = db_string(to_states[note->state]);
	values[1] = db_string(note->detail);
	values[2] = db_int(later);
	values[3] = db_int(note->delay);
	memcpy(&values[4], to.values, sizeof(to.values));
	if (add_destination(db, &to, err) < 0)
		return -1;
	return database_run(db,
			    "UPDATE sent_destination SET state = ?, "
			    "detail = ?, attempts = attempts + ?, "
			    "due_at = " NOW " + ?, updated_at = " NOW
			    " WHERE " KEY
			    " AND address = ? AND state <> 'handed_over'",
			    values, 7, NULL, err);
}

int sent_note(struct database *db, const struct outgoing *report,
	      const char *owner, const struct sent_note *note, bool *ours,
	      struct err *err)
{
	struct noting noting = { report, owner, note, false };

	if (database_transaction(db, make_note, &noting, err) < 0)
		return -1;
	*ours = noting.ours;
	return 0;
}

/* -------------------------------------------------------------------- finish */

struct finish {
	const struct outgoing *report;
	const char *owner;
	const struct sent_result *result;
	bool ours;
};

static int close_destinations(struct database *db, const struct db_value *key,
			      struct err *err)
{
	return database_run(db,
			    "UPDATE sent_destination SET state = 'refused', "
			    "detail = 'not named any more', "
			    "updated_at = " NOW " WHERE " KEY " AND " OPEN_TO,
			    key, 2, NULL, err);
}

static int make_finish(struct database *db, void *context, struct err *err)
{
	struct finish *finish = context;
	const struct sent_result *result = finish->result;
	struct utc_text day = utc_date(finish->report->day);
	const struct db_value values[] = {
		db_string(states[result->state]),
		db_int(result->delay),
		db_int((int64_t)result->messages),
		db_int((int64_t)result->messages),
		db_int((int64_t)result->rows),
		db_int((int64_t)result->rows),
		db_string(result->detail),
		db_string(day.text),
		db_hash(finish->report),
		db_string(finish->owner),
	};
	uint64_t changed = 0;

	if (database_run(db,
			 "UPDATE sent_report SET state = ?, owner = '', "
			 "lease_until = 0, due_at = " NOW " + ?, "
			 "messages = IF(? > 0, ?, messages), "
			 "row_count = IF(? > 0, ?, row_count), "
			 "detail = ?, updated_at = " NOW " WHERE " KEY
			 " AND state = 'claimed' AND owner = ?",
			 values, 10, &changed, err) < 0)
		return -1;
	finish->ours = changed == 1;
	if (!finish->ours || result->state == SENT_PLANNED ||
	    result->state == SENT_POSTPONED)
		return 0;
	return close_destinations(db, &values[7], err);
}

int sent_finish(struct database *db, const struct outgoing *report,
		const char *owner, const struct sent_result *result, bool *ours,
		struct err *err)
{
	struct finish finish = { report, owner, result, false };

	if (database_transaction(db, make_finish, &finish, err) < 0)
		return -1;
	*ours = finish.ours;
	return 0;
}
