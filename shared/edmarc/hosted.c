/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/hosted.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "base/quote.h"
#include "base/utc.h"
#include "mail/idn.h"

#define MAX_HOSTED_BYTES ((size_t)64 * 1024 * 1024) /* a million domains */

/* The job of one hosted_read(). */
struct reading {
	struct hosted *hosted;
	struct arena *arena;
};

/* ------------------------------------------------------------------ domains */

static int
append(struct hosted *hosted, const char *domain, struct arena *arena)
{
	/* Full at powers of two. */
	if ((hosted->n & (hosted->n - 1)) == 0) {
		size_t room = hosted->n == 0 ? 1 : 2 * hosted->n;
		const char **larger = arena_array(arena, room, sizeof(*larger));

		if (larger == NULL)
			return -1;
		if (hosted->n > 0)
			memcpy(larger, hosted->domain,
			       hosted->n * sizeof(*larger));
		hosted->domain = larger;
	}
	hosted->domain[hosted->n++] = domain;
	return 0;
}

/* place and number (0: none) tell where a name stands that is none. */
static int add_domain(const struct reading *reading, struct span name,
		      const char *place, int number, struct err *err)
{
	const char *domain;

	/* cPanel's line for everything else */
	if (name.n == 0 || span_is(name, "*"))
		return 0;
	domain = idn_to_ascii(reading->arena, name);
	if (domain == NULL && number > 0)
		log_warning("%s: line %d: not a domain name: %s", place, number,
			    quote(name).text);
	else if (domain == NULL)
		log_warning("%s: not a domain name: %s", place,
			    quote(name).text);
	else if (append(reading->hosted, domain, reading->arena) < 0)
		return err_set(err, ERR_TEMP, "%s: out of memory", place);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static void sort(struct hosted *hosted)
{
	size_t n = 0;
	size_t i;

	if (hosted->n == 0)
		return;
	qsort(hosted->domain, hosted->n, sizeof(*hosted->domain), compare);
	for (i = 1; i < hosted->n; i++)
		if (strcmp(hosted->domain[n], hosted->domain[i]) != 0)
			hosted->domain[++n] = hosted->domain[i];
	hosted->n = n + 1;
}

bool hosted_has(const struct hosted *hosted, const char *domain)
{
	if (!hosted->configured)
		return true;
	while (hosted->n > 0 && domain != NULL && *domain != '\0') {
		if (bsearch(&domain, hosted->domain, hosted->n,
			    sizeof(*hosted->domain), compare) != NULL)
			return true;
		domain = strchr(domain, '.');
		if (domain != NULL)
			domain++;
	}
	return false;
}

/* -------------------------------------------------------------------- files */

static struct span first_word(struct span line)
{
	size_t n = 0;

	line = span_trim(line);
	while (n < line.n && !ascii_is_space(line.p[n]) && line.p[n] != ':' &&
	       line.p[n] != '#')
		n++;
	return (struct span){ line.p, n };
}

static int
read_file(const struct reading *reading, const char *path, struct err *err)
{
	struct buf text = BUF_INIT(MAX_HOSTED_BYTES);
	struct span rest, line;
	int number = 0;
	int result = file_read(path, &text, err);

	if (result < 0)
		err->kind = ERR_CONFIG;
	rest = buf_span(&text);
	while (result == 0 && span_take_line(&rest, &line))
		result = add_domain(reading, first_word(line), path, ++number,
				    err);
	buf_release(&text);
	return result;
}

static int
read_folder(const struct reading *reading, const char *path, struct err *err)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int result = 0;

	if (dir == NULL)
		return err_errno(err, ERR_CONFIG, "%s", path);
	errno = 0;
	while (result == 0 && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.')
			result = add_domain(reading, span_of(entry->d_name),
					    path, 0, err);
		errno = 0;
	}
	if (result == 0 && errno != 0)
		result = err_errno(err, ERR_CONFIG, "%s", path);
	closedir(dir);
	return result;
}

static int
read_path(const struct reading *reading, const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return read_folder(reading, path, err);
	return read_file(reading, path, err);
}

static int read_pattern(const struct reading *reading, const char *pattern,
			struct err *err)
{
	glob_t found = { 0 };
	int result = 0;
	size_t i;

	switch (glob(pattern, GLOB_ERR | GLOB_NOSORT, NULL, &found)) {
	case 0:
		for (i = 0; result == 0 && i < found.gl_pathc; i++)
			result = read_path(reading, found.gl_pathv[i], err);
		break;
	case GLOB_NOMATCH:
		break;
	default:
		result = err_errno(err, ERR_CONFIG, "%s", pattern);
		break;
	}
	globfree(&found);
	return result;
}

/* The next name of the list, as a C string; NULL at the end. */
static const char *next_name(struct span *list, struct arena *arena)
{
	size_t n = 0;
	struct span name;

	while (list->n > 0 && (ascii_is_space(*list->p) || *list->p == ',')) {
		list->p++;
		list->n--;
	}
	while (n < list->n && !ascii_is_space(list->p[n]) && list->p[n] != ',')
		n++;
	if (n == 0)
		return NULL;
	name = (struct span){ list->p, n };
	list->p += n;
	list->n -= n;
	return arena_copy(arena, name).p;
}

static int
read_files(const struct reading *reading, const char *files, struct err *err)
{
	struct span list = span_of(files);
	const char *name;

	while ((name = next_name(&list, reading->arena)) != NULL) {
		int result = strpbrk(name, "*?[") != NULL ?
				     read_pattern(reading, name, err) :
				     read_path(reading, name, err);

		if (result < 0)
			return err_while(err, "domains.hosted");
	}
	return 0;
}

/* ----------------------------------------------------------------- database */

static int ask(const struct reading *reading, struct database *db,
	       const char *sql, const struct db_value *values, size_t n,
	       const char *place, struct err *err)
{
	struct db_rows *rows;
	int result = 0, more = 0;

	if (database_query(db, sql, values, n, &rows, err) < 0)
		return err_while(err, "%s", place);
	while (result == 0 && (more = db_rows_next(rows, err)) > 0)
		result = add_domain(reading, span_trim(db_rows_text(rows, 0)),
				    place, 0, err);
	db_rows_free(&rows);
	return result < 0 || more < 0 ? err_while(err, "%s", place) : 0;
}

static int read_query(const struct reading *reading, struct database *db,
		      const char *sql, struct err *err)
{
	if (!span_starts(span_trim(span_of(sql)), "SELECT"))
		return err_set(err, ERR_CONFIG,
			       "domains.hosted_query: not a SELECT");
	if (db == NULL)
		return 0;
	return ask(reading, db, sql, NULL, 0, "domains.hosted_query", err);
}

static int read_accepted(const struct reading *reading, struct database *db,
			 int64_t now, struct err *err)
{
	struct utc_text since =
		utc_date(now - (int64_t)HOSTED_ACCEPTED_DAYS * UTC_DAY);
	struct db_value value = db_string(since.text);

	return ask(reading, db,
		   "SELECT domain FROM recipient_domain WHERE last_day >= ?",
		   &value, 1, "domains.hosted_accepted", err);
}

/* ---------------------------------------------------------------------- all */

int hosted_read(const struct settings *settings, struct database *db,
		int64_t now, struct arena *arena, struct hosted *hosted,
		struct err *err)
{
	const struct reading reading = { hosted, arena };

	*hosted = (struct hosted){
		.configured = *settings->hosted_domains != '\0' ||
			      *settings->hosted_query != '\0' ||
			      settings->hosted_accepted,
	};
	if (read_files(&reading, settings->hosted_domains, err) < 0)
		return -1;
	if (*settings->hosted_query != '\0' &&
	    read_query(&reading, db, settings->hosted_query, err) < 0)
		return -1;
	if (db != NULL && settings->hosted_accepted &&
	    read_accepted(&reading, db, now, err) < 0)
		return -1;
	sort(hosted);
	return 0;
}
