/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/mails.h"

#include "base/buf.h"
#include "base/json.h"

#define LIST_BYTES ((size_t)1024 * 1024)

int mail_dropped(struct database *db, struct span name, struct err *err)
{
	const struct db_value value = db_text(name);

	return database_run(db,
			    "UPDATE received_mail SET set_aside = 0 "
			    "WHERE name = ?",
			    &value, 1, NULL, err);
}

static int ask_loaded(struct database *db, struct span list, size_t n,
		      bool *loaded, struct err *err)
{
	const struct db_value value = db_text(list);
	struct db_rows *rows;
	int more;

	if (database_lookup(db,
			    "SELECT n FROM JSON_TABLE(?, '$[*]' COLUMNS ("
			    "n FOR ORDINALITY, k VARCHAR(200) CHARACTER SET "
			    "ascii COLLATE ascii_bin PATH '$')) j "
			    "STRAIGHT_JOIN received_mail ON name = k "
			    "WHERE set_aside = 0",
			    &value, 1, &rows, err) < 0)
		return -1;
	while ((more = db_rows_next(rows, err)) > 0) {
		size_t at = (size_t)db_rows_int(rows, 0) - 1;

		if (at < n)
			loaded[at] = true;
	}
	db_rows_free(&rows);
	return more;
}

int mails_loaded(struct database *db, const struct span *names, size_t n,
		 bool *loaded, struct err *err)
{
	struct buf list = BUF_INIT(LIST_BYTES);
	struct json json = JSON_INIT(&list);
	size_t i;
	int result;

	json_open(&json, '[');
	for (i = 0; i < n; i++) {
		loaded[i] = false;
		json_text(&json, names[i]);
	}
	json_close(&json, ']');
	result = buf_ok(&list) ?
			 ask_loaded(db, buf_span(&list), n, loaded, err) :
			 err_set(err, ERR_TEMP, "out of memory");
	buf_release(&list);
	return result;
}
