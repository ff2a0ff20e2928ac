/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * database.h - a connection to MariaDB, statements and transactions
 *
 * Host, socket, user, password and TLS come from MariaDB's own option files,
 * group [edmarc] (and [client], as with every MariaDB program); only the name of
 * the database is ours. All values travel as parameters of prepared statements,
 * as bytes with a length, so no text is ever quoted into SQL. The connection
 * speaks utf8mb4, UTC and strict SQL mode; what a column would cut is an error.
 *
 * Errors carry the server's number and message. Their kind:
 *	ERR_TEMP    not reachable, too busy, read-only, out of space, node not
 *	            ready, deadlock, lock wait, anything not named below
 *	ERR_CONFIG  access denied, no such database, table or column
 *	ERR_INPUT   a value that the column does not take, or values that
 *	            max_allowed_packet does not
 * After ERR_TEMP a long-lived program closes the connection and opens another.
 *
 * Not for several threads.
 */
#ifndef EDMARC_STORE_DATABASE_H
#define EDMARC_STORE_DATABASE_H

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"

#define MAX_DATABASE_COLUMNS 40   /* of a result, and parameters of a row */
#define DATABASE_TRIES       10   /* of a transaction that met another one */
#define DATABASE_TIMEOUT     120  /* seconds for one answer of the server */
#define BULK_ROWS            1000 /* rows for one packet */
#define BULK_BYTES           (4 * 1024 * 1024) /* of them, but for one row */

struct database;
struct db_rows;

/* A parameter. Its bytes must stay until the call that takes it returns. */
struct db_value {
	enum db_kind {
		DB_INT,
		DB_TEXT,  /* UTF-8 */
		DB_BYTES, /* hashes */
	} kind;
	int64_t number;
	struct span bytes;
};

static inline struct db_value db_int(int64_t number)
{
	return (struct db_value){ .kind = DB_INT, .number = number };
}

/* A span with p == NULL is the empty text: no column of ours is NULL. */
static inline struct db_value db_text(struct span text)
{
	return (struct db_value){ .kind = DB_TEXT, .bytes = text };
}

static inline struct db_value db_string(const char *text)
{
	return db_text(span_of(text));
}

static inline struct db_value db_bytes(const void *bytes, size_t n)
{
	return (struct db_value){ .kind = DB_BYTES,
				  .bytes = { (const char *)bytes, n } };
}

/*
 * Connect and use the database name. option_file "" means MariaDB's usual ones.
 * An option file that cannot be read is ERR_CONFIG.
 */
MUST_CHECK int database_open(const char *name, const char *option_file,
			     struct database **db, struct err *err);

/* The same, and make the database if there is none. */
MUST_CHECK int database_open_new(const char *name, const char *option_file,
				 struct database **db, struct err *err);

/* Ends the connection (an open transaction is undone); *db becomes NULL. */
void database_close(struct database **db);

/* Is the server still there? An idle connection ends after hours. */
MUST_CHECK int database_ping(struct database *db, struct err *err);

/*
 * Run one statement without a result; sql has n "?". *changed (may be NULL) is
 * the number of affected rows: for INSERT ... ON DUPLICATE KEY UPDATE that is 1
 * for a new row, 2 for a changed and 0 for an unchanged one.
 */
MUST_CHECK int database_run(struct database *db, const char *sql,
			    const struct db_value *values, size_t n,
			    uint64_t *changed, struct err *err);

/* LAST_INSERT_ID of the last database_run(). */
int64_t database_insert_id(const struct database *db);

/*
 * Run an INSERT or UPDATE for many rows in few packets: values holds rows *
 * columns values, row by row; a column is of one kind in all rows.
 */
MUST_CHECK int database_bulk(struct database *db, const char *sql,
			     const struct db_value *values, size_t columns,
			     size_t rows, struct err *err);

/* Run all statements of a script, such as a schema step. */
MUST_CHECK int
database_script(struct database *db, struct span sql, struct err *err);

/*
 * Ask. The answer stays on the server and comes in pieces, so a large one takes
 * no memory here, and other statements may run while it is read. Released with
 * db_rows_free().
 */
MUST_CHECK int database_query(struct database *db, const char *sql,
			      const struct db_value *values, size_t n,
			      struct db_rows **rows, struct err *err);

/*
 * The same for a small answer, which comes as a whole: one round trip, and the
 * statement is kept. It must not run again before db_rows_free().
 */
MUST_CHECK int database_lookup(struct database *db, const char *sql,
			       const struct db_value *values, size_t n,
			       struct db_rows **rows, struct err *err);

/*
 * The same for an answer of any size, which comes as fast as it is read: one
 * round trip, no memory here and none on the server. Until db_rows_free() the
 * connection can do nothing else, and the server waits for us.
 */
MUST_CHECK int database_stream(struct database *db, const char *sql,
			       const struct db_value *values, size_t n,
			       struct db_rows **rows, struct err *err);

/* 1 with the next row, 0 at the end, -1. */
MUST_CHECK int db_rows_next(struct db_rows *rows, struct err *err);

/*
 * The value of a column (from 0) of the row, valid until the next call of
 * db_rows_next(). Numbers come as decimal text, INET6 as text, DATE as
 * 2026-11-23; SQL NULL as a span with p == NULL. A text has a NUL behind it.
 */
struct span db_rows_text(const struct db_rows *rows, size_t column);

/*
 * The same as a number; 0 for NULL and for what is no whole number. A sum that
 * does not fit is the largest number there is.
 */
int64_t db_rows_int(const struct db_rows *rows, size_t column);

void db_rows_free(struct db_rows **rows);

/* One row of one column, as a number; 0 when there is no row. */
MUST_CHECK int database_number(struct database *db, const char *sql,
			       const struct db_value *values, size_t n,
			       int64_t *number, struct err *err);

/*
 * What is done inside a transaction. It may run several times, so it must begin
 * from its input each time, and it may change *context for good only in a way
 * that repeating does not hurt. Any -1 undoes the transaction.
 */
typedef int database_work(struct database *db, void *context, struct err *err);

/*
 * Run work as one transaction and commit. When it met another transaction
 * (deadlock, lock wait timeout, certification failure of Galera) all of it is
 * run again after a short pause, up to DATABASE_TRIES times. -1 means that it
 * was not stored, but for a connection lost during the commit itself: then
 * nobody knows, and the caller has to look.
 */
MUST_CHECK int database_transaction(struct database *db, database_work *work,
				    void *context, struct err *err);

/* The same with one unchanging view of all tables, for reading. */
MUST_CHECK int database_snapshot(struct database *db, database_work *work,
				 void *context, struct err *err);

#endif
