/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * psl.c - the public suffix list, read by libopendmarc and corrected by us
 *
 * What libopendmarc gets wrong is written down in docs/OPENDMARC.md. In short:
 * it takes "*.ck" for "ck", loses rules with a label of one letter or in another
 * script, and has no answer for what is not listed. To try out each rule takes
 * longer than the library's own reading, so every rule that is not of the plain
 * kind which it keeps is kept here as well; test_psl.c tries them out.
 */
#include "dmarc/psl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "dns/domain.h"
#include "mail/idn.h"

#define MAX_LIST_BYTES ((size_t)16 * 1024 * 1024) /* it has 0.3 MiB */

enum rule_kind {
	RULE_PLAIN,
	RULE_WILDCARD,  /* "*.ck" as "ck" */
	RULE_EXCEPTION, /* "!www.ck" as "www.ck" */
};

struct rule {
	struct rule *next;
	enum rule_kind kind;
	struct span text; /* as in the list, or in A-labels; a C string */
	size_t labels;    /* of the Organizational Domain that it leads to */
};

/*
 * Rules in another script. Most names that are asked for have no A-label, so
 * nobody may ever need them: they are converted when the first one has. That
 * fills in what is there, so a psl that is asked remains the same to its users.
 */
struct foreign {
	struct rule *raw;
	struct rule *converted;
};

struct psl {
	struct opendmarc *library;
	struct arena *arena;
	struct rule *rules;
	struct foreign *foreign;
};

static int keep(struct arena *arena, struct rule **rules, enum rule_kind kind,
		struct span text)
{
	struct rule *rule = arena_alloc(arena, sizeof(*rule));

	if (rule == NULL)
		return -1;
	rule->kind = kind;
	rule->text = arena_copy(arena, text);
	if (rule->text.p == NULL)
		return -1;
	rule->labels =
		domain_labels(rule->text.p) + (kind == RULE_PLAIN    ? 1 :
					       kind == RULE_WILDCARD ? 2 :
								       0);
	rule->next = *rules;
	*rules = rule;
	return 0;
}

/* In A-labels; what nobody can have as a name matches nothing. */
static int keep_converted(struct arena *arena, struct rule **rules,
			  enum rule_kind kind, struct span text)
{
	struct idn_name name;

	switch (idn_convert(text, &name)) {
	case IDN_NOT_A_NAME:
		return 0;
	case IDN_NO_MEMORY:
		return -1;
	case IDN_OK:
		break;
	}
	return keep(arena, rules, kind, span_of(name.text));
}

enum manner {
	MANNER_KNOWN, /* lower-case labels of two and more: the library has it */
	MANNER_STRANGE, /* it may have lost it */
	MANNER_FOREIGN, /* another script */
};

/* Cut the rule of a line at white space, and say of which kind it is. */
static enum manner take_rule(struct span line, struct span *rule)
{
	bool strange = false, foreign = false;
	size_t label = 0; /* octets of it */
	size_t i;

	for (i = 0; i < line.n; i++) {
		char c = line.p[i];

		if (c >= 'a' && c <= 'z') { /* nearly always */
			label++;
		} else if (c == '.') {
			strange |= label < 2;
			label = 0;
		} else if ((unsigned char)c >= 0x80) {
			foreign = true;
		} else if (ascii_is_digit(c) || c == '-') {
			label++;
		} else if (ascii_is_space(c)) {
			/* For the library this is part of the rule. */
			strange = true;
			break;
		} else {
			strange = true;
			label++;
		}
	}
	*rule = (struct span){ line.p, i };
	if (foreign)
		return MANNER_FOREIGN;
	return strange || label < 2 ? MANNER_STRANGE : MANNER_KNOWN;
}

/* "//" begins a comment. */
static int read_line(struct psl *psl, struct span line)
{
	enum rule_kind kind = RULE_PLAIN;
	enum manner manner;
	struct span rule;

	if (line.n == 0 || (line.p[0] == '/' && span_starts(line, "//")))
		return 0;
	manner = take_rule(line, &rule);
	if (manner == MANNER_KNOWN || rule.n == 0)
		return 0;
	if (span_starts(rule, "*.")) {
		kind = RULE_WILDCARD;
		rule = (struct span){ rule.p + 2, rule.n - 2 };
	} else if (span_starts(rule, "!")) {
		kind = RULE_EXCEPTION;
		rule = (struct span){ rule.p + 1, rule.n - 1 };
	}
	if (manner == MANNER_FOREIGN)
		return keep(psl->arena, &psl->foreign->raw, kind, rule);
	return keep_converted(psl->arena, &psl->rules, kind, rule);
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
			result = err_set(err, ERR_CONFIG, "%s: out of memory",
					 path);
	buf_release(&text);
	return result;
}

struct psl *psl_open(const char *path, struct err *err)
{
	struct psl *psl = calloc(1, sizeof(*psl));

	if (psl != NULL)
		psl->arena = arena_new(MAX_LIST_BYTES);
	if (psl != NULL && psl->arena != NULL)
		psl->foreign = arena_alloc(psl->arena, sizeof(*psl->foreign));
	if (psl == NULL || psl->foreign == NULL) {
		err_set(err, ERR_CONFIG, "out of memory");
		psl_free(&psl);
		return NULL;
	}
	psl->library = opendmarc_open(path, err);
	if (psl->library == NULL || read_list(psl, path, err) < 0)
		psl_free(&psl);
	return psl;
}

void psl_free(struct psl **psl)
{
	if (*psl == NULL)
		return;
	opendmarc_close(&(*psl)->library);
	arena_free(&(*psl)->arena);
	free(*psl);
	*psl = NULL;
}

const struct opendmarc *psl_library(const struct psl *psl)
{
	return psl->library;
}

/*
 * A first label of one letter makes the library forget about it, so it gets
 * another one.
 */
static size_t library_labels(const struct psl *psl, const char *name)
{
	char longer[DOMAIN_MAX_OCTETS + 2];
	bool short_label = name[0] != '\0' && name[1] == '.';

	snprintf(longer, sizeof(longer), "%s%s", short_label ? "x" : "", name);
	return opendmarc_labels(psl->library, longer);
}

/* Does the name have a label that stands for one in another script? */
static bool is_foreign(const char *name)
{
	return strncmp(name, "xn--", 4) == 0 || strstr(name, ".xn--") != NULL;
}

static int convert(const struct psl *psl)
{
	struct foreign *foreign = psl->foreign;

	for (; foreign->raw != NULL; foreign->raw = foreign->raw->next)
		if (keep_converted(psl->arena, &foreign->converted,
				   foreign->raw->kind, foreign->raw->text) < 0)
			return -1;
	return 0;
}

/*
 * The most labels that one of the rules gives to the Organizational Domain, at
 * least labels. An exception goes before all others.
 */
static size_t most_labels(const struct rule *rules, const char *name,
			  size_t labels, bool *exception)
{
	size_t octets = strlen(name);
	const struct rule *rule;

	for (rule = rules; rule != NULL; rule = rule->next) {
		bool better = rule->kind == RULE_EXCEPTION ||
			      (rule->labels > labels && !*exception);

		if (!better || rule->text.n > octets ||
		    !domain_is_within(name, rule->text.p))
			continue;
		labels = rule->labels;
		*exception = rule->kind == RULE_EXCEPTION;
	}
	return labels;
}

const char *psl_organizational_domain(const struct psl *psl, const char *domain,
				      struct arena *arena)
{
	size_t labels = 2; /* the default rule, "*": a top-level domain */
	struct idn_name normalized;
	bool exception = false;
	const char *name;
	size_t found;

	switch (idn_convert(span_of(domain), &normalized)) {
	case IDN_NOT_A_NAME:
		return arena_copy(arena, span_of(domain)).p;
	case IDN_NO_MEMORY:
		return NULL;
	case IDN_OK:
		break;
	}
	name = arena_copy(arena, span_of(normalized.text)).p;
	if (name == NULL || (is_foreign(name) && convert(psl) < 0))
		return NULL;
	/* The longest suffix wins; a name that has not as many is one itself. */
	found = library_labels(psl, name);
	if (found > labels)
		labels = found;
	labels = most_labels(psl->rules, name, labels, &exception);
	if (is_foreign(name))
		labels = most_labels(psl->foreign->converted, name, labels,
				     &exception);
	return domain_last(name, labels);
}
