/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/database.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <mysql.h>
#include <mysqld_error.h>

#define MAX_NAME       64 /* MariaDB's limit for an identifier */
#define STATEMENTS     32 /* kept prepared */
#define CELL_BYTES     256
#define PREFETCH_ROWS  500
#define CONNECT_SECS   10
#define FIRST_PAUSE_MS 5

/* Of a packet, for all but the values: 40 columns take a few hundred bytes. */
#define PACKET_HEAD 4096

/* Galera: "WSREP has not yet prepared node for application use" */
#define WSREP_NOT_READY 1047

struct statement {
	char *sql;
	MYSQL_STMT *stmt;
};

struct database {
	MYSQL *mysql;
	struct statement statement[STATEMENTS];
	size_t next; /* which statement makes room for the next one */
	int64_t insert_id;
	size_t max_bytes; /* of the values in one packet */
	bool again; /* the last failure goes away by running all of it again */
};

struct cell {
	char *p;
	unsigned long room;
	unsigned long n;
	my_bool is_null;
};

struct db_rows {
	struct database *db;
	MYSQL_STMT *stmt;
	MYSQL_BIND bind[MAX_DATABASE_COLUMNS];
	struct cell cell[MAX_DATABASE_COLUMNS];
	unsigned columns;
	bool kept; /* the statement stays prepared */
};

/* ------------------------------------------------------------------ errors */

/* Class 42 and 28 of SQLSTATE are the administrator's, but for these. */
static bool is_busy(unsigned number)
{
	switch (number) {
	case ER_TOO_MANY_USER_CONNECTIONS:
	case ER_USER_LIMIT_REACHED:
	case WSREP_NOT_READY:
		return true;
	default:
		return false;
	}
}

static enum err_kind kind_of(unsigned number, const char *state)
{
	if (number >= 2000 && number < 3000) /* of the client library */
		return ERR_TEMP;
	if (is_busy(number))
		return ERR_TEMP;
	if (strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0)
		return ERR_INPUT;
	if (strncmp(state, "42", 2) == 0 || strncmp(state, "28", 2) == 0)
		return ERR_CONFIG;
	/* Strict mode has these without a state of their own. */
	if (number == ER_TRUNCATED_WRONG_VALUE_FOR_FIELD ||
	    number == WARN_DATA_TRUNCATED)
		return ERR_INPUT;
	return ERR_TEMP;
}

static bool is_again(unsigned number)
{
	/* Galera reports a certification failure as a deadlock. */
	return number == ER_LOCK_DEADLOCK || number == ER_LOCK_WAIT_TIMEOUT ||
	       number == ER_CHECKREAD;
}

/* The server puts values into its messages, and a value may be anybody's. */
static void make_plain(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

static int fail(struct database *db, unsigned number, const char *state,
		const char *text, struct err *err)
{
	db->again = is_again(number);
	err_set(err, kind_of(number, state), "MariaDB error %u: %s", number,
		text);
	make_plain(err->text);
	return -1;
}

static int connection_fail(struct database *db, struct err *err)
{
	return fail(db, mysql_errno(db->mysql), mysql_sqlstate(db->mysql),
		    mysql_error(db->mysql), err);
}

static int
statement_fail(struct database *db, MYSQL_STMT *stmt, struct err *err)
{
	return fail(db, mysql_stmt_errno(stmt), mysql_stmt_sqlstate(stmt),
		    mysql_stmt_error(stmt), err);
}

static int no_memory(struct err *err)
{
	return err_set(err, ERR_TEMP, "out of memory");
}

/* -------------------------------------------------------------- connection */

static int plain_query(struct database *db, const char *sql, struct err *err)
{
	if (mysql_real_query(db->mysql, sql, (unsigned long)strlen(sql)) != 0)
		return connection_fail(db, err);
	return 0;
}

static int
set_options(struct database *db, const char *option_file, struct err *err)
{
	unsigned connect_secs = CONNECT_SECS, io_secs = DATABASE_TIMEOUT;
	unsigned no = 0;
	MYSQL *mysql = db->mysql;

	/* The library is silent about a file that is not there. */
	if (*option_file != '\0' && access(option_file, R_OK) < 0)
		return err_errno(err, ERR_CONFIG, "database.option_file: %s",
				 option_file);
	if (mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect_secs) ||
	    mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &io_secs) ||
	    mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &io_secs) ||
	    mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &no) ||
	    (*option_file != '\0' &&
	     mysql_options(mysql, MYSQL_READ_DEFAULT_FILE, option_file)) ||
	    mysql_options(mysql, MYSQL_READ_DEFAULT_GROUP, "edmarc"))
		return connection_fail(db, err);
	return 0;
}

/*
 * The option files are read while connecting, and [client] is for all programs.
 * A connection that came back by itself would lack start_session().
 */
static int overrule_option_files(struct database *db, struct err *err)
{
	const my_bool no = 0;

	if (mysql_options(db->mysql, MYSQL_OPT_RECONNECT, &no) ||
	    mysql_set_character_set(db->mysql, "utf8mb4"))
		return connection_fail(db, err);
	return 0;
}

/*
 * READ COMMITTED: with the default, inserts lock the gaps between rows, and
 * machines that load side by side would meet in them all the time.
 */
static int start_session(struct database *db, struct err *err)
{
	if (plain_query(db,
			"SET SESSION sql_mode = 'STRICT_ALL_TABLES,"
			"NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO', "
			"time_zone = '+00:00', autocommit = 1",
			err) < 0)
		return -1;
	return plain_query(
		db, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
		err);
}

static int check_name(const char *name, struct err *err)
{
	size_t n = strlen(name);

	if (n == 0 || n > MAX_NAME || strchr(name, '`') != NULL)
		return err_set(err, ERR_CONFIG, "database.name: not a name: %s",
			       name);
	return 0;
}

static int make_database(struct database *db, const char *name, struct err *err)
{
	char sql[MAX_NAME + 100];

	(void)snprintf(sql, sizeof(sql),
		       "CREATE DATABASE IF NOT EXISTS `%s` CHARACTER SET "
		       "utf8mb4 COLLATE utf8mb4_bin",
		       name);
	return plain_query(db, sql, err);
}

static int
use_database(struct database *db, const char *name, bool make, struct err *err)
{
	if (mysql_select_db(db->mysql, name) == 0)
		return 0;
	if (!make || mysql_errno(db->mysql) != ER_BAD_DB_ERROR)
		return connection_fail(db, err);
	if (make_database(db, name, err) < 0)
		return -1;
	if (mysql_select_db(db->mysql, name) != 0)
		return connection_fail(db, err);
	return 0;
}

static int read_limits(struct database *db, struct err *err)
{
	int64_t packet;

	db->max_bytes = PACKET_HEAD; /* for this very question */
	if (database_number(db, "SELECT @@max_allowed_packet", NULL, 0, &packet,
			    err) < 0)
		return -1;
	if (packet > 2 * PACKET_HEAD)
		db->max_bytes = (size_t)packet - PACKET_HEAD;
	return 0;
}

static int open_database(const char *name, const char *option_file, bool make,
			 struct database **db, struct err *err)
{
	struct database *new = calloc(1, sizeof(*new));

	*db = NULL;
	if (new == NULL)
		return no_memory(err);
	new->mysql = mysql_init(NULL);
	if (new->mysql == NULL) {
		free(new);
		return no_memory(err);
	}
	if (check_name(name, err) < 0 || set_options(new, option_file, err) < 0)
		goto failed;
	if (mysql_real_connect(new->mysql, NULL, NULL, NULL, NULL, 0, NULL,
			       0) == NULL) {
		connection_fail(new, err);
		goto failed;
	}
	if (overrule_option_files(new, err) < 0 ||
	    use_database(new, name, make, err) < 0 ||
	    start_session(new, err) < 0)
		goto failed;
	if (read_limits(new, err) < 0)
		goto failed;
	*db = new;
	return 0;
failed:
	database_close(&new);
	return -1;
}

int database_open(const char *name, const char *option_file,
		  struct database **db, struct err *err)
{
	return open_database(name, option_file, false, db, err);
}

int database_open_new(const char *name, const char *option_file,
		      struct database **db, struct err *err)
{
	return open_database(name, option_file, true, db, err);
}

static void drop_statement(struct statement *statement)
{
	if (statement->stmt != NULL)
		mysql_stmt_close(statement->stmt);
	free(statement->sql);
	*statement = (struct statement){ 0 };
}

void database_close(struct database **db)
{
	size_t i;

	if (*db == NULL)
		return;
	for (i = 0; i < STATEMENTS; i++)
		drop_statement(&(*db)->statement[i]);
	mysql_close((*db)->mysql);
	free(*db);
	*db = NULL;
}

int database_ping(struct database *db, struct err *err)
{
	return mysql_ping(db->mysql) == 0 ? 0 : connection_fail(db, err);
}

/* -------------------------------------------------------------- statements */

static int prepare(struct database *db, const char *sql, MYSQL_STMT **stmt,
		   struct err *err)
{
	*stmt = mysql_stmt_init(db->mysql);
	if (*stmt == NULL)
		return no_memory(err);
	if (mysql_stmt_prepare(*stmt, sql, (unsigned long)strlen(sql)) == 0)
		return 0;
	statement_fail(db, *stmt, err);
	mysql_stmt_close(*stmt);
	*stmt = NULL;
	return -1;
}

/* A statement that is kept prepared for the next time. */
static int find_statement(struct database *db, const char *sql,
			  MYSQL_STMT **stmt, struct err *err)
{
	struct statement *place;
	size_t i;

	for (i = 0; i < STATEMENTS; i++) {
		place = &db->statement[i];
		if (place->sql != NULL && strcmp(place->sql, sql) == 0) {
			*stmt = place->stmt;
			return 0;
		}
	}
	place = &db->statement[db->next];
	db->next = (db->next + 1) % STATEMENTS;
	drop_statement(place);
	if (prepare(db, sql, stmt, err) < 0)
		return -1;
	place->stmt = *stmt;
	place->sql = strdup(sql);
	if (place->sql == NULL) {
		drop_statement(place);
		return no_memory(err);
	}
	return 0;
}

static enum enum_field_types type_of(enum db_kind kind)
{
	switch (kind) {
	case DB_INT:
		return MYSQL_TYPE_LONGLONG;
	case DB_TEXT:
		return MYSQL_TYPE_STRING;
	case DB_BYTES:
		return MYSQL_TYPE_BLOB;
	}
	return MYSQL_TYPE_NULL;
}

/* The library takes pointers to non-const, and only reads. */
static void *unconst(const void *p)
{
	union {
		const void *in;
		void *out;
	} u = { .in = p };

	return u.out;
}

static void bind_value(MYSQL_BIND *bind, const struct db_value *value)
{
	*bind = (MYSQL_BIND){ .buffer_type = type_of(value->kind) };
	if (value->kind == DB_INT) {
		bind->buffer = unconst(&value->number);
		return;
	}
	bind->buffer = unconst(value->bytes.p == NULL ? "" : value->bytes.p);
	bind->buffer_length = (unsigned long)value->bytes.n;
	bind->length_value = bind->buffer_length;
	bind->length = &bind->length_value;
}

static int check_count(MYSQL_STMT *stmt, size_t n, struct err *err)
{
	if (n <= MAX_DATABASE_COLUMNS && mysql_stmt_param_count(stmt) == n)
		return 0;
	return err_set(err, ERR_CONFIG,
		       "statement with %lu parameters, not %zu",
		       mysql_stmt_param_count(stmt), n);
}

static int set_array_size(MYSQL_STMT *stmt, unsigned rows)
{
	return mysql_stmt_attr_set(stmt, STMT_ATTR_ARRAY_SIZE, &rows) ? -1 : 0;
}

/* What the values take in a packet, and a little more. */
static size_t row_bytes(const struct db_value *values, size_t n)
{
	size_t bytes = 0;
	size_t i;

	for (i = 0; i < n; i++)
		bytes += values[i].bytes.n + 2 * sizeof(int64_t);
	return bytes;
}

/*
 * The server closes the connection over a packet that it finds too large, which
 * looks like its end. Said before, it costs only what is at fault.
 */
static int check_size(const struct database *db, size_t bytes, struct err *err)
{
	if (bytes <= db->max_bytes)
		return 0;
	return err_set(err, ERR_INPUT,
		       "%zu bytes at once; max_allowed_packet of MariaDB "
		       "leaves room for %zu",
		       bytes, db->max_bytes);
}

static int bind_and_execute(struct database *db, MYSQL_STMT *stmt,
			    const struct db_value *values, size_t n,
			    struct err *err)
{
	MYSQL_BIND bind[MAX_DATABASE_COLUMNS];
	size_t i;

	if (check_count(stmt, n, err) < 0 ||
	    check_size(db, row_bytes(values, n), err) < 0)
		return -1;
	for (i = 0; i < n; i++)
		bind_value(&bind[i], &values[i]);
	if (set_array_size(stmt, 0) < 0 ||
	    (n > 0 && mysql_stmt_bind_param(stmt, bind)) ||
	    mysql_stmt_execute(stmt))
		return statement_fail(db, stmt, err);
	return 0;
}

int database_run(struct database *db, const char *sql,
		 const struct db_value *values, size_t n, uint64_t *changed,
		 struct err *err)
{
	MYSQL_STMT *stmt;

	if (find_statement(db, sql, &stmt, err) < 0 ||
	    bind_and_execute(db, stmt, values, n, err) < 0)
		return -1;
	if (changed != NULL)
		*changed = mysql_stmt_affected_rows(stmt);
	db->insert_id = (int64_t)mysql_stmt_insert_id(stmt);
	return 0;
}

int64_t database_insert_id(const struct database *db)
{
	return db->insert_id;
}

/* --------------------------------------------------------- many rows at once */

/* The arrays of one packet, column by column, as the library wants them. */
struct bulk {
	MYSQL_BIND bind[MAX_DATABASE_COLUMNS];
	int64_t *number[MAX_DATABASE_COLUMNS];
	char **text[MAX_DATABASE_COLUMNS];
	unsigned long *length[MAX_DATABASE_COLUMNS];
};

static void bulk_release(struct bulk *bulk)
{
	size_t i;

	for (i = 0; i < MAX_DATABASE_COLUMNS; i++) {
		free(bulk->number[i]);
		free(bulk->text[i]);
		free(bulk->length[i]);
	}
}

static int
bulk_column(struct bulk *bulk, size_t column, enum db_kind kind, size_t rows)
{
	MYSQL_BIND *bind = &bulk->bind[column];

	bind->buffer_type = type_of(kind);
	if (kind == DB_INT) {
		bulk->number[column] = calloc(rows, sizeof(int64_t));
		bind->buffer = bulk->number[column];
		return bind->buffer == NULL ? -1 : 0;
	}
	bulk->text[column] = calloc(rows, sizeof(char *));
	bulk->length[column] = calloc(rows, sizeof(unsigned long));
	bind->buffer = bulk->text[column];
	bind->length = bulk->length[column];
	return bind->buffer == NULL || bind->length == NULL ? -1 : 0;
}

static void bulk_set_row(struct bulk *bulk, size_t row,
			 const struct db_value *values, size_t columns)
{
	size_t i;

	for (i = 0; i < columns; i++) {
		const struct db_value *value = &values[i];

		if (value->kind == DB_INT) {
			bulk->number[i][row] = value->number;
			continue;
		}
		bulk->text[i][row] =
			unconst(value->bytes.p == NULL ? "" : value->bytes.p);
		bulk->length[i][row] = (unsigned long)value->bytes.n;
	}
}

static int bulk_execute(struct database *db, MYSQL_STMT *stmt,
			struct bulk *bulk, size_t rows, struct err *err)
{
	if (set_array_size(stmt, (unsigned)rows) < 0 ||
	    mysql_stmt_bind_param(stmt, bulk->bind) || mysql_stmt_execute(stmt))
		return statement_fail(db, stmt, err);
	return 0;
}

static int bulk_rows(struct database *db, MYSQL_STMT *stmt, struct bulk *bulk,
		     const struct db_value *values, size_t columns, size_t rows,
		     struct err *err)
{
	size_t filled = 0, bytes = 0;
	size_t i;

	for (i = 0; i < rows; i++) {
		const struct db_value *row = &values[i * columns];
		size_t more = row_bytes(row, columns);

		if (check_size(db, more, err) < 0)
			return -1;
		if (filled == BULK_ROWS ||
		    (filled > 0 && (bytes + more > BULK_BYTES ||
				    bytes + more > db->max_bytes))) {
			if (bulk_execute(db, stmt, bulk, filled, err) < 0)
				return -1;
			filled = 0;
			bytes = 0;
		}
		bulk_set_row(bulk, filled++, row, columns);
		bytes += more;
	}
	return bulk_execute(db, stmt, bulk, filled, err);
}

static bool takes_bulk(const struct database *db)
{
	unsigned long extended = 0;

	return mariadb_get_infov(
		       db->mysql,
		       MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES,
		       &extended) == 0 &&
	       (extended & (MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32)) != 0;
}

int database_bulk(struct database *db, const char *sql,
		  const struct db_value *values, size_t columns, size_t rows,
		  struct err *err)
{
	struct bulk bulk = { 0 };
	MYSQL_STMT *stmt;
	int result = -1;
	size_t i;

	if (rows == 0)
		return 0;
	if (find_statement(db, sql, &stmt, err) < 0 ||
	    check_count(stmt, columns, err) < 0)
		return -1;
	if (!takes_bulk(db))
		return err_set(err, ERR_CONFIG,
			       "the server (%s) takes no bulk statements; "
			       "MariaDB 10.6 or newer is needed",
			       mysql_get_server_info(db->mysql));
	for (i = 0; i < columns; i++) {
		if (bulk_column(&bulk, i, values[i].kind,
				rows < BULK_ROWS ? rows : BULK_ROWS) < 0) {
			no_memory(err);
			goto out;
		}
	}
	result = bulk_rows(db, stmt, &bulk, values, columns, rows, err);
out:
	bulk_release(&bulk);
	return result;
}

static int read_results(struct database *db, struct err *err)
{
	int more;

	do {
		MYSQL_RES *result = mysql_store_result(db->mysql);

		mysql_free_result(result);
		more = mysql_next_result(db->mysql);
	} while (more == 0);
	return more > 0 ? connection_fail(db, err) : 0;
}

int database_script(struct database *db, struct span sql, struct err *err)
{
	int result = 0;

	if (mysql_set_server_option(db->mysql,
				    MYSQL_OPTION_MULTI_STATEMENTS_ON))
		return connection_fail(db, err);
	if (mysql_real_query(db->mysql, sql.p, (unsigned long)sql.n))
		result = connection_fail(db, err);
	else
		result = read_results(db, err);
	if (mysql_set_server_option(db->mysql,
				    MYSQL_OPTION_MULTI_STATEMENTS_OFF) &&
	    result == 0)
		result = connection_fail(db, err);
	return result;
}

/* ------------------------------------------------------------------ answers */

static int cell_grow(struct cell *cell, unsigned long room)
{
	char *p = realloc(cell->p, room + 1);

	if (p == NULL)
		return -1;
	cell->p = p;
	cell->room = room;
	return 0;
}

static int bind_results(struct db_rows *rows, struct err *err)
{
	unsigned i;

	rows->columns = mysql_stmt_field_count(rows->stmt);
	if (rows->columns == 0 || rows->columns > MAX_DATABASE_COLUMNS)
		return err_set(err, ERR_CONFIG, "answer with %u columns",
			       rows->columns);
	for (i = 0; i < rows->columns; i++) {
		struct cell *cell = &rows->cell[i];

		if (cell_grow(cell, CELL_BYTES) < 0)
			return no_memory(err);
		rows->bind[i] = (MYSQL_BIND){ .buffer_type = MYSQL_TYPE_STRING,
					      .buffer = cell->p,
					      .buffer_length = cell->room,
					      .length = &cell->n,
					      .is_null = &cell->is_null };
	}
	if (mysql_stmt_bind_result(rows->stmt, rows->bind))
		return statement_fail(rows->db, rows->stmt, err);
	return 0;
}

static int start_cursor(struct db_rows *rows, const char *sql,
			const struct db_value *values, size_t n,
			struct err *err)
{
	unsigned long cursor = CURSOR_TYPE_READ_ONLY;
	unsigned long prefetch = PREFETCH_ROWS;

	if (prepare(rows->db, sql, &rows->stmt, err) < 0)
		return -1;
	if (mysql_stmt_attr_set(rows->stmt, STMT_ATTR_CURSOR_TYPE, &cursor) ||
	    mysql_stmt_attr_set(rows->stmt, STMT_ATTR_PREFETCH_ROWS, &prefetch))
		return statement_fail(rows->db, rows->stmt, err);
	if (bind_and_execute(rows->db, rows->stmt, values, n, err) < 0)
		return -1;
	return bind_results(rows, err);
}

int database_query(struct database *db, const char *sql,
		   const struct db_value *values, size_t n,
		   struct db_rows **rows, struct err *err)
{
	*rows = calloc(1, sizeof(**rows));
	if (*rows == NULL)
		return no_memory(err);
	(*rows)->db = db;
	if (start_cursor(*rows, sql, values, n, err) == 0)
		return 0;
	db_rows_free(rows);
	return -1;
}

/* By a statement that is kept; the answer is still to be fetched. */
static int ask_kept(struct database *db, const char *sql,
		    const struct db_value *values, size_t n,
		    struct db_rows **rows, struct err *err)
{
	*rows = calloc(1, sizeof(**rows));
	if (*rows == NULL)
		return no_memory(err);
	(*rows)->db = db;
	(*rows)->kept = true;
	if (find_statement(db, sql, &(*rows)->stmt, err) == 0 &&
	    bind_and_execute(db, (*rows)->stmt, values, n, err) == 0 &&
	    bind_results(*rows, err) == 0)
		return 0;
	db_rows_free(rows);
	return -1;
}

int database_lookup(struct database *db, const char *sql,
		    const struct db_value *values, size_t n,
		    struct db_rows **rows, struct err *err)
{
	if (ask_kept(db, sql, values, n, rows, err) < 0)
		return -1;
	if (mysql_stmt_store_result((*rows)->stmt) == 0)
		return 0;
	statement_fail(db, (*rows)->stmt, err);
	db_rows_free(rows);
	return -1;
}

int database_stream(struct database *db, const char *sql,
		    const struct db_value *values, size_t n,
		    struct db_rows **rows, struct err *err)
{
	return ask_kept(db, sql, values, n, rows, err);
}

/* A value that was longer than its cell is fetched again, whole. */
static int fetch_long(struct db_rows *rows, unsigned i, struct err *err)
{
	struct cell *cell = &rows->cell[i];

	if (cell_grow(cell, cell->n) < 0)
		return no_memory(err);
	rows->bind[i].buffer = cell->p;
	rows->bind[i].buffer_length = cell->room;
	if (mysql_stmt_fetch_column(rows->stmt, &rows->bind[i], i, 0))
		return statement_fail(rows->db, rows->stmt, err);
	return 0;
}

int db_rows_next(struct db_rows *rows, struct err *err)
{
	bool grown = false;
	unsigned i;
	int result = mysql_stmt_fetch(rows->stmt);

	if (result == MYSQL_NO_DATA)
		return 0;
	if (result != 0 && result != MYSQL_DATA_TRUNCATED)
		return statement_fail(rows->db, rows->stmt, err);
	for (i = 0; i < rows->columns; i++) {
		struct cell *cell = &rows->cell[i];

		if (!cell->is_null && cell->n > cell->room) {
			if (fetch_long(rows, i, err) < 0)
				return -1;
			grown = true;
		}
		cell->p[cell->is_null ? 0 : cell->n] = '\0';
	}
	/* The next rows go into the larger cells. */
	if (grown && mysql_stmt_bind_result(rows->stmt, rows->bind))
		return statement_fail(rows->db, rows->stmt, err);
	return 1;
}

struct span db_rows_text(const struct db_rows *rows, size_t column)
{
	const struct cell *cell = &rows->cell[column];

	if (column >= rows->columns || cell->is_null)
		return (struct span){ NULL, 0 };
	return (struct span){ cell->p, cell->n };
}

static bool is_digits(struct span text)
{
	size_t i;

	for (i = 0; i < text.n; i++)
		if (!ascii_is_digit(text.p[i]))
			return false;
	return text.n > 0;
}

int64_t db_rows_int(const struct db_rows *rows, size_t column)
{
	struct span text = db_rows_text(rows, column);
	bool negative = text.n > 0 && text.p[0] == '-';
	uint64_t number;

	if (negative) {
		text.p++;
		text.n--;
	}
	if (!span_to_uint(text, INT64_MAX, &number))
		return is_digits(text) ? negative ? INT64_MIN : INT64_MAX : 0;
	return negative ? -(int64_t)number : (int64_t)number;
}

void db_rows_free(struct db_rows **rows)
{
	unsigned i;

	if (*rows == NULL)
		return;
	if ((*rows)->stmt != NULL && (*rows)->kept)
		mysql_stmt_free_result((*rows)->stmt);
	else if ((*rows)->stmt != NULL)
		mysql_stmt_close((*rows)->stmt);
	for (i = 0; i < MAX_DATABASE_COLUMNS; i++)
		free((*rows)->cell[i].p);
	free(*rows);
	*rows = NULL;
}

int database_number(struct database *db, const char *sql,
		    const struct db_value *values, size_t n, int64_t *number,
		    struct err *err)
{
	struct db_rows *rows;
	int found;

	if (database_query(db, sql, values, n, &rows, err) < 0)
		return -1;
	found = db_rows_next(rows, err);
	*number = found > 0 ? db_rows_int(rows, 0) : 0;
	db_rows_free(&rows);
	return found < 0 ? -1 : 0;
}

/* ------------------------------------------------------------- transactions */

/* Longer each time, and not the same for two machines that met. */
static void pause_before_try(int try)
{
	struct timespec now;
	long ms = FIRST_PAUSE_MS << (try < 8 ? try : 8);

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = ms / 2 + now.tv_nsec / 1000 % ms;
	(void)nanosleep(&(struct timespec){ .tv_sec = ms / 1000,
					    .tv_nsec = ms % 1000 * 1000000 },
			NULL);
}

static int try_transaction(struct database *db, const char *start,
			   database_work *work, void *context, struct err *err)
{
	struct err ignored = ERR_INIT;
	bool again;

	db->again = false;
	if (plain_query(db, start, err) == 0 && work(db, context, err) == 0 &&
	    plain_query(db, "COMMIT", err) == 0)
		return 0;
	again = db->again;
	/* When the connection is gone the server has undone it already. */
	(void)plain_query(db, "ROLLBACK", &ignored);
	db->again = again;
	return -1;
}

int database_transaction(struct database *db, database_work *work,
			 void *context, struct err *err)
{
	int try;

	for (try = 0;
	     try_transaction(db, "START TRANSACTION", work, context, err) < 0;
	     try++) {
		if (!db->again || try + 1 == DATABASE_TRIES)
			return -1;
		pause_before_try(try);
	}
	return 0;
}

int database_snapshot(struct database *db, database_work *work, void *context,
		      struct err *err)
{
	if (plain_query(db, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
			err) < 0)
		return -1;
	/* A reader waits for nobody, so there is nothing to try again. */
	return try_transaction(
		db, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
		work, context, err);
}
