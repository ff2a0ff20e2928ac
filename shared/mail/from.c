/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail/from.h"

#include <string.h>

#include "mail/idn.h"
#include "mail/lex.h"

/* A domain as written, U-labels and all; longer ones are none (idn.c). */
#define MAX_RAW_DOMAIN 1012

#define END (-1)

struct reader {
	struct span rest;
	struct arena *arena;
	struct from_result *result;
	size_t mailboxes;
	bool literal;  /* an address with a domain literal was met */
	bool in_group; /* between ":" and ";" */
	/*
	 * A comment or a quoted string has no end: from there on its first
	 * octet is one like others. Once in each field, which keeps this linear.
	 */
	bool no_comments;
	bool no_quotes;
};

/* The first reason is the answer. Returns false, to be handed on. */
static bool fail(struct reader *in, const char *why)
{
	if (in->result->why == NULL)
		in->result->why = why;
	return false;
}

/* What cannot be read on from here: no second try, which keeps this linear. */
static bool give_up(struct reader *in, const char *why)
{
	in->rest.n = 0;
	return fail(in, why);
}

static void skip(struct reader *in, size_t n)
{
	in->rest.p += n;
	in->rest.n -= n;
}

static bool skip_cfws(struct reader *in)
{
	if (in->no_comments) {
		lex_skip_space(&in->rest);
		return true;
	}
	if (lex_skip(&in->rest, NULL))
		return true;
	in->no_comments = true;
	return fail(in, "comment without end, or nested too deep");
}

/* *rest begins with a quote. */
static bool skip_quoted(struct reader *in)
{
	struct span inside;

	if (!in->no_quotes && lex_take_quoted(&in->rest, &inside))
		return true;
	in->no_quotes = true;
	skip(in, 1);
	return fail(in, "quoted string without end");
}

/* The next octet, or END. */
static int peek(const struct reader *in)
{
	return in->rest.n == 0 ? END : (unsigned char)in->rest.p[0];
}

/* RFC 5322 3.2.3, and UTF-8 (RFC 6532 3.2) */
static bool is_atext(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) ||
	       (unsigned char)c > 127 ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static struct span take_atom(struct reader *in)
{
	struct span atom = { in->rest.p, 0 };

	while (atom.n < in->rest.n && is_atext(in->rest.p[atom.n]))
		atom.n++;
	skip(in, atom.n);
	return atom;
}

/*
 * Words and dots: a display name or a local part, which is not known before the
 * octet behind them.
 */
struct words {
	size_t n;
	bool is_local; /* words with one dot between each two */
	bool after_word;
};

static bool take_words(struct reader *in, struct words *words)
{
	*words = (struct words){ .is_local = true };
	while (skip_cfws(in)) {
		bool dot = peek(in) == '.';

		if (peek(in) == '"') {
			if (!skip_quoted(in))
				return false;
		} else if (dot) {
			skip(in, 1);
		} else if (take_atom(in).n == 0) {
			words->is_local = words->is_local && words->after_word;
			return true;
		}
		if (dot != words->after_word)
			words->is_local = false;
		words->after_word = !dot;
		words->n++;
	}
	return false;
}

/* "[192.0.2.1]" */
static bool take_literal(struct reader *in)
{
	size_t i;

	for (i = 1; i < in->rest.n; i++) {
		if (in->rest.p[i] == '\\')
			i++;
		else if (in->rest.p[i] == '[')
			break;
		else if (in->rest.p[i] == ']') {
			skip(in, i + 1);
			return true;
		}
	}
	skip(in, 1);
	return fail(in, "domain literal without end");
}

struct domain {
	char text[MAX_RAW_DOMAIN];
	size_t n;
	bool literal;
};

static bool
add_octets(struct reader *in, struct domain *domain, struct span octets)
{
	if (octets.n > sizeof(domain->text) - domain->n)
		return fail(in, "domain too long");
	memcpy(domain->text + domain->n, octets.p, octets.n);
	domain->n += octets.n;
	return true;
}

/*
 * Atoms with dots between, comments and white space around each (the obsolete
 * syntax of 4.4). A dot at the end is what people write who know the DNS.
 */
static bool take_domain(struct reader *in, struct domain *domain)
{
	struct span atom;

	domain->n = 0;
	if (!skip_cfws(in))
		return false;
	domain->literal = peek(in) == '[';
	if (domain->literal)
		return take_literal(in);
	for (;;) {
		atom = take_atom(in);
		if (!add_octets(in, domain, atom))
			return false;
		/* A bad comment behind a domain does not make it unseen. */
		if (!skip_cfws(in) || peek(in) != '.')
			break;
		if (atom.n == 0)
			return fail(in, "empty label in a domain");
		if (!add_octets(in, domain, SPAN(".")))
			return false;
		skip(in, 1);
		if (!skip_cfws(in))
			break;
	}
	return domain->n > 0 || fail(in, "no domain behind \"@\"");
}

static bool keep(struct reader *in, const char *name)
{
	struct from_result *result = in->result;
	struct span copy;
	size_t i;

	for (i = 0; i < result->n; i++)
		if (strcmp(result->domain[i], name) == 0)
			return true;
	/* They are several already, and the rest would not change that. */
	if (result->n == MAX_FROM_DOMAINS)
		return give_up(in, "too many domains");
	copy = arena_copy(in->arena, span_of(name));
	if (copy.p == NULL)
		return give_up(in, "out of memory");
	result->domain[result->n++] = copy.p;
	return true;
}

/* *rest begins with the "@" behind a local part. */
static bool take_author(struct reader *in)
{
	struct domain domain;
	struct idn_name name;

	if (++in->mailboxes > MAX_FROM_MAILBOXES)
		return give_up(in, "too many mailboxes");
	skip(in, 1);
	if (!take_domain(in, &domain))
		return false;
	if (domain.literal) {
		in->literal = true;
		return true;
	}
	switch (idn_convert((struct span){ domain.text, domain.n }, &name)) {
	case IDN_NOT_A_NAME:
		return fail(in, "not a domain name");
	case IDN_NO_MEMORY:
		return give_up(in, "out of memory");
	case IDN_OK:
		break;
	}
	return keep(in, name.text);
}

/*
 * "@a,@b:" in front of an address: where mail once was to pass through (4.4).
 * Nobody's domain.
 */
static bool take_route(struct reader *in)
{
	struct domain ignored;

	while (skip_cfws(in)) {
		if (peek(in) == ',') {
			skip(in, 1);
		} else if (peek(in) == '@') {
			skip(in, 1);
			if (!take_domain(in, &ignored))
				return false;
		} else if (peek(in) == ':') {
			skip(in, 1);
			return true;
		} else {
			return fail(in, "bad route");
		}
	}
	return false;
}

/* *rest begins with "<". */
static bool take_angle(struct reader *in)
{
	struct words local;

	skip(in, 1);
	if (!skip_cfws(in))
		return false;
	if ((peek(in) == '@' || peek(in) == ',') && !take_route(in))
		return false;
	if (!take_words(in, &local))
		return false;
	if (peek(in) != '@')
		return fail(in, "no address between \"<\" and \">\"");
	if (!local.is_local)
		fail(in, "bad local part");
	if (!take_author(in) || !skip_cfws(in))
		return false;
	if (peek(in) != '>')
		return fail(in, "no \">\" behind an address");
	skip(in, 1);
	return true;
}

/* What may stand behind a mailbox. */
static bool take_separator(struct reader *in)
{
	if (!skip_cfws(in))
		return false;
	if (in->in_group && peek(in) == ';') {
		in->in_group = false;
		skip(in, 1);
		if (!skip_cfws(in))
			return false;
	}
	if (peek(in) == END)
		return true;
	if (peek(in) != ',')
		return fail(in, "unexpected text behind an address");
	skip(in, 1);
	return true;
}

static bool start_group(struct reader *in, const struct words *name)
{
	skip(in, 1);
	if (in->in_group || name->n == 0)
		return fail(in, "unexpected \":\"");
	in->in_group = true;
	return true;
}

/* The next mailbox, or the start of a group; also an empty one (4.4). */
static bool take_item(struct reader *in)
{
	struct words words;

	if (!take_words(in, &words))
		return false;
	switch (peek(in)) {
	case '@':
		if (!words.is_local)
			fail(in, "bad local part");
		if (!take_author(in))
			return false;
		break;
	case '<':
		if (!take_angle(in))
			return false;
		break;
	case ':':
		return start_group(in, &words);
	default:
		if (words.n > 0)
			return fail(in, "a name without an address");
		break;
	}
	return take_separator(in);
}

/*
 * Go to where another address may begin. What is not RFC 5322 is read one way
 * by us and another way by the program that shows it, so all domains that look
 * like an author's are of interest.
 */
static void recover(struct reader *in)
{
	for (;;) {
		(void)skip_cfws(in);
		if (in->rest.n == 0 || peek(in) == '<' || peek(in) == ',' ||
		    peek(in) == '@')
			return;
		if (peek(in) == '"')
			(void)skip_quoted(in);
		else
			skip(in, 1);
	}
}

static void read_body(struct reader *in, struct span body)
{
	in->rest = body;
	in->in_group = false;
	in->no_comments = false;
	in->no_quotes = false;
	if (span_has(body, '\0'))
		fail(in, "NUL");
	while (in->rest.n > 0)
		if (!take_item(in))
			recover(in);
	if (in->in_group)
		fail(in, "group without \";\"");
}

static const char *why_none(const struct reader *in)
{
	if (in->result->fields == 0)
		return "no From field";
	return in->literal ? "only a domain literal" : "no mailbox";
}

struct from_result
from_read(const struct span *bodies, size_t n, struct arena *arena)
{
	struct from_result result = { .fields = n };
	struct reader in = { .arena = arena, .result = &result };
	size_t i;

	for (i = 0; i < n; i++)
		read_body(&in, bodies[i]);
	if (result.why != NULL) {
		result.status = FROM_MALFORMED;
	} else if (result.n == 0) {
		result.status = FROM_NONE;
		result.why = why_none(&in);
	} else {
		result.status = result.n == 1 ? FROM_ONE : FROM_SEVERAL;
	}
	return result;
}

const char *from_status_name(enum from_status status)
{
	switch (status) {
	case FROM_ONE:
		return "one";
	case FROM_NONE:
		return "none";
	case FROM_SEVERAL:
		return "several";
	case FROM_MALFORMED:
		return "malformed";
	}
	return "?";
}
