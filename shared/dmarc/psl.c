/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * psl.c - the public suffix list, read by libopendmarc and corrected by us
 *
 * What libopendmarc gets wrong is written down in docs/OPENDMARC.md. In short:
 * it takes "*.ck" for "ck", loses rules with a label of one letter or in another
 * script, and has no answer for what is not listed. So while the list is opened,
 * wildcards and exceptions are kept here, and each other rule is tried out once;
 * those that the library does not know are kept as well.
 */
#include "dmarc/psl.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "dns/domain.h"
#include "mail/idn.h"

#define LIBRARY           "libopendmarc.so.2"
#define MAX_LIST_BYTES    ((size_t)16 * 1024 * 1024) /* it has 0.3 MiB */
#define MAX_SPECIAL_RULES 8192 /* the list of 2026 has less than 700 */

/* The second one is not in the library's header. */
typedef int
read_file_function(char *path, char *comment, char *drop, char *except);
typedef int
get_tld_function(unsigned char *domain, unsigned char *tld, size_t tld_size);

struct rules {
	const char **name;
	size_t n;
};

struct psl {
	get_tld_function *get_tld;
	struct rules wildcards;  /* "*.ck" as "ck" */
	struct rules exceptions; /* "!www.ck" as "www.ck" */
	struct rules lost;       /* plain ones that the library does not know */
	const char *path;
	struct arena *arena;
};

/*
 * The library's list is a static of the library, so ours is one as well: there
 * is nothing to choose from.
 */
static struct psl the_list;

/*
 * How many labels the library gives to the organizational domain; 0 when it has
 * no answer. A first label of one letter makes it forget about that label, so it
 * gets another one.
 */
static size_t library_labels(const struct psl *psl, const char *name)
{
	char domain[DOMAIN_MAX_OCTETS + 3];
	char found[DOMAIN_MAX_OCTETS + 3] = "";
	bool short_label = name[0] != '\0' && name[1] == '.';

	snprintf(domain, sizeof(domain), "%s%s", short_label ? "x" : "", name);
	if (psl->get_tld((unsigned char *)domain, (unsigned char *)found,
			 sizeof(found)) != 0 ||
	    !domain_is_within(domain, found))
		return 0;
	return domain_labels(found);
}

/* Would the library find what is one label below this suffix? */
static bool library_knows(const struct psl *psl, const char *suffix)
{
	char name[DOMAIN_MAX_OCTETS + 4];

	snprintf(name, sizeof(name), "xx.%s", suffix);
	return library_labels(psl, name) == domain_labels(name);
}

static int keep(struct psl *psl, struct rules *rules, const char *name)
{
	struct span copy = arena_copy(psl->arena, span_of(name));

	if (rules->name == NULL)
		rules->name = arena_array(psl->arena, MAX_SPECIAL_RULES,
					  sizeof(*rules->name));
	if (rules->name == NULL || copy.p == NULL ||
	    rules->n == MAX_SPECIAL_RULES)
		return -1;
	rules->name[rules->n++] = copy.p;
	return 0;
}

/* The rule of a line ends at white space; "//" begins a comment. */
static int read_line(struct psl *psl, struct span line)
{
	struct rules *rules = &psl->lost;
	struct span rule = { line.p, 0 };
	struct idn_name name;

	while (rule.n < line.n && !ascii_is_space(line.p[rule.n]))
		rule.n++;
	if (rule.n == 0 || span_starts(rule, "//"))
		return 0;
	if (span_starts(rule, "*.")) {
		rules = &psl->wildcards;
		rule = (struct span){ rule.p + 2, rule.n - 2 };
	} else if (span_starts(rule, "!")) {
		rules = &psl->exceptions;
		rule = (struct span){ rule.p + 1, rule.n - 1 };
	}
	switch (idn_convert(rule, &name)) {
	case IDN_NOT_A_NAME: /* what nobody can have matches nothing */
		return 0;
	case IDN_NO_MEMORY:
		return -1;
	case IDN_OK:
		break;
	}
	if (rules == &psl->lost && library_knows(psl, name.text))
		return 0;
	return keep(psl, rules, name.text);
}

static int read_list(struct psl *psl, const char *path, struct err *err)
{
	struct buf text = BUF_INIT(MAX_LIST_BYTES);
	struct span rest, line;
	int result = file_read(path, &text, err);

	if (result < 0)
		err->kind = ERR_CONFIG;
	rest = buf_span(&text);
	while (result == 0 && span_take_line(&rest, &line))
		if (read_line(psl, line) < 0)
			result = err_set(err, ERR_CONFIG,
					 "%s: out of memory or of %d rules",
					 path, MAX_SPECIAL_RULES);
	buf_release(&text);
	return result;
}

static int load_library(struct psl *psl, const char *path, struct err *err)
{
	char comment[] = "//", drop[] = "*.", except[] = "!";
	read_file_function *read_file = NULL;
	char *writable = arena_printf(psl->arena, "%s", path);
	void *library;

	if (writable == NULL)
		return err_set(err, ERR_CONFIG, "out of memory");
	if (access(path, R_OK) < 0)
		return err_errno(err, ERR_CONFIG, "%s", path);
	library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL)
		return err_set(err, ERR_CONFIG, "%s", dlerror());
	/* ISO C knows no way from void * to a function; POSIX says this one. */
	*(void **)&read_file = dlsym(library, "opendmarc_tld_read_file");
	*(void **)&psl->get_tld = dlsym(library, "opendmarc_get_tld");
	if (read_file == NULL || psl->get_tld == NULL) {
		dlclose(library);
		return err_set(err, ERR_CONFIG, "%s: no list functions inside",
			       LIBRARY);
	}
	/* From here on the library stays; so do its list and ours. */
	if (read_file(writable, comment, drop, except) != 0)
		/* cppcheck-suppress resourceLeak */
		return err_set(err, ERR_CONFIG, "%s: %s cannot read it", path,
			       LIBRARY);
	psl->path = writable;
	/* cppcheck-suppress resourceLeak */
	return 0;
}

const struct psl *psl_open(const char *path, struct err *err)
{
	struct psl psl = { .get_tld = NULL };

	if (the_list.path != NULL && strcmp(the_list.path, path) == 0)
		return &the_list;
	if (the_list.path != NULL) {
		err_set(err, ERR_CONFIG, "%s: %s is already in use", path,
			the_list.path);
		return NULL;
	}
	psl.arena = arena_new(MAX_LIST_BYTES);
	if (psl.arena == NULL) {
		err_set(err, ERR_CONFIG, "out of memory");
		return NULL;
	}
	if (load_library(&psl, path, err) < 0 ||
	    read_list(&psl, path, err) < 0) {
		arena_free(&psl.arena);
		return NULL;
	}
	the_list = psl;
	return &the_list;
}

/* The most labels that one of the rules gives to an organizational domain. */
static size_t
most_labels(const struct rules *rules, const char *name, size_t more)
{
	size_t labels = 0;
	size_t i;

	for (i = 0; i < rules->n; i++) {
		size_t n = domain_labels(rules->name[i]) + more;

		if (n > labels && domain_is_within(name, rules->name[i]))
			labels = n;
	}
	return labels;
}

static size_t max(size_t a, size_t b)
{
	return a > b ? a : b;
}

const char *psl_organizational_domain(const struct psl *psl, const char *domain,
				      struct arena *arena)
{
	size_t labels = 2; /* the default rule, "*": a top-level domain */
	struct idn_name normalized;
	const char *name;
	size_t i;

	switch (idn_convert(span_of(domain), &normalized)) {
	case IDN_NOT_A_NAME:
		return arena_copy(arena, span_of(domain)).p;
	case IDN_NO_MEMORY:
		return NULL;
	case IDN_OK:
		break;
	}
	name = arena_copy(arena, span_of(normalized.text)).p;
	if (name == NULL)
		return NULL;
	for (i = 0; i < psl->exceptions.n; i++)
		if (domain_is_within(name, psl->exceptions.name[i]))
			return psl->exceptions.name[i];
	/* The longest suffix wins; a name that has not as many is one itself. */
	labels = max(labels, library_labels(psl, name));
	labels = max(labels, most_labels(&psl->lost, name, 1));
	labels = max(labels, most_labels(&psl->wildcards, name, 2));
	return domain_last(name, labels);
}
