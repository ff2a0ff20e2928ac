/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * psl.c - the public suffix list, read by libopendmarc and corrected by us
 *
 * What libopendmarc gets wrong, and what is done about it, is written down in
 * docs/OPENDMARC.md. In short: it has no answer for names that it finds
 * unlisted, and it takes "*.ck" for "ck". So wildcards and exceptions are read
 * here; there are some dozens of them among ten thousand rules.
 */
#include "dmarc/psl.h"

#include <dlfcn.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "dns/domain.h"
#include "mail/idn.h"

#define LIBRARY           "libopendmarc.so.2"
#define MAX_LIST_BYTES    ((size_t)16 * 1024 * 1024) /* it has 0.3 MiB */
#define MAX_SPECIAL_RULES 4096                       /* it has about 100 */

/* Not in the library's header. */
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
	const char *path;
	struct arena *arena;
};

/*
 * The library's list is a static of the library, so ours is one as well: there
 * is nothing to choose from.
 */
static struct psl the_list;

static int add_rule(struct rules *rules, struct span text, struct arena *arena)
{
	const char *name = idn_to_ascii(arena, text);

	if (name == NULL)
		return 0; /* a name that nobody can have matches nothing */
	if (rules->n == MAX_SPECIAL_RULES)
		return -1;
	rules->name[rules->n++] = name;
	return 0;
}

/* The rule of a line ends at white space; "//" begins a comment. */
static int read_line(struct psl *psl, struct span line)
{
	struct span rule = { line.p, 0 };

	while (rule.n < line.n && !ascii_is_space(line.p[rule.n]))
		rule.n++;
	if (span_starts(rule, "*."))
		return add_rule(&psl->wildcards,
				(struct span){ rule.p + 2, rule.n - 2 },
				psl->arena);
	if (span_starts(rule, "!"))
		return add_rule(&psl->exceptions,
				(struct span){ rule.p + 1, rule.n - 1 },
				psl->arena);
	return 0;
}

static int
read_special_rules(struct psl *psl, const char *path, struct err *err)
{
	struct buf text = BUF_INIT(MAX_LIST_BYTES);
	struct span rest, line;
	int result = 0;

	psl->wildcards.name = arena_array(psl->arena, MAX_SPECIAL_RULES,
					  sizeof(*psl->wildcards.name));
	psl->exceptions.name = arena_array(psl->arena, MAX_SPECIAL_RULES,
					   sizeof(*psl->exceptions.name));
	if (psl->wildcards.name == NULL || psl->exceptions.name == NULL)
		return err_set(err, ERR_CONFIG, "out of memory");
	if (file_read(path, &text, err) < 0) {
		err->kind = ERR_CONFIG;
		result = -1;
	}
	rest = buf_span(&text);
	while (result == 0 && span_take_line(&rest, &line))
		result = read_line(psl, line);
	if (result < 0 && err->kind == ERR_NONE)
		err_set(err, ERR_CONFIG, "%s: more than %d special rules", path,
			MAX_SPECIAL_RULES);
	buf_release(&text);
	return result;
}

static int load_library(struct psl *psl, const char *path, struct err *err)
{
	char comment[] = "//", drop[] = "*.", except[] = "!";
	read_file_function *read_file = NULL;
	struct span copy = arena_copy(psl->arena, span_of(path));
	char *writable = arena_printf(psl->arena, "%s", path);
	void *library;

	if (copy.p == NULL || writable == NULL)
		return err_set(err, ERR_CONFIG, "out of memory");
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
	/* From here on the library stays: its list cannot be read twice. */
	if (read_file(writable, comment, drop, except) != 0)
		return err_set(err, ERR_CONFIG, "%s: %s cannot read it", path,
			       LIBRARY);
	psl->path = copy.p;
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
	if (read_special_rules(&psl, path, err) < 0 ||
	    load_library(&psl, path, err) < 0) {
		arena_free(&psl.arena);
		return NULL;
	}
	the_list = psl;
	return &the_list;
}

/*
 * How many labels the organizational domain has by the plain rules. A top-level
 * domain that is not listed counts as a suffix ("*" is the default rule).
 */
static size_t plain_labels(const struct psl *psl, const char *name)
{
	unsigned char domain[DOMAIN_MAX_OCTETS + 3];
	unsigned char found[DOMAIN_MAX_OCTETS + 3] = "";
	size_t labels = domain_labels(name);

	memcpy(domain, name, strlen(name) + 1);
	if (labels < 3)
		return labels;
	if (psl->get_tld(domain, found, sizeof(found)) != 0 ||
	    found[0] == '\0' || !domain_is_within(name, (char *)found))
		return 2;
	labels = domain_labels((char *)found);
	return labels < 2 ? 2 : labels;
}

static size_t wildcard_labels(const struct psl *psl, const char *name)
{
	size_t labels = 0;
	size_t i;

	for (i = 0; i < psl->wildcards.n; i++) {
		const char *rule = psl->wildcards.name[i];
		size_t n = domain_labels(rule) + 2;

		if (n > labels && domain_is_within(name, rule))
			labels = n;
	}
	return labels;
}

const char *psl_organizational_domain(const struct psl *psl, const char *domain,
				      struct arena *arena)
{
	size_t plain, wildcard, i;
	const char *name;

	name = domain_normalize(arena, span_of(domain));
	if (name == NULL)
		return arena_copy(arena, span_of(domain)).p;
	for (i = 0; i < psl->exceptions.n; i++)
		if (domain_is_within(name, psl->exceptions.name[i]))
			return psl->exceptions.name[i];
	plain = plain_labels(psl, name);
	wildcard = wildcard_labels(psl, name);
	return domain_last(name, wildcard > plain ? wildcard : plain);
}
