/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/zonefile.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "base/quote.h"
#include "dns/domain.h"
#include "dns/zone.h"

#define MAX_STRING_OCTETS 255 /* RFC 1035 3.3 */

/* ------------------------------------------------------------- the tokens */

struct token {
	struct span text; /* raw, with its backslashes, without quotes */
	bool quoted;
};

struct reader {
	struct zone *zone;
	struct err *err;
	struct span rest;
	int line;       /* of rest, from 1 */
	int first_line; /* of the entry */
	struct token token[MAX_ZONE_WORDS];
	size_t n;
	bool owner_inherited; /* the entry begins with white space */
	const char *origin;
	const char *owner;
};

static int syntax(const struct reader *in, const char *why)
{
	return err_set(in->err, ERR_INPUT, "line %d: %s", in->first_line, why);
}

static int no_memory(const struct reader *in)
{
	return err_set(in->err, ERR_LIMIT,
		       "line %d: zone needs too much memory", in->first_line);
}

static void skip(struct reader *in)
{
	if (in->rest.p[0] == '\n')
		in->line++;
	in->rest.p++;
	in->rest.n--;
}

static void skip_comment(struct reader *in)
{
	while (in->rest.n > 0 && in->rest.p[0] != '\n')
		skip(in);
}

static bool ends_word(char c)
{
	return ascii_is_space(c) || c == ';' || c == '"' || c == '(' ||
	       c == ')';
}

/* A backslash takes the next octet with it, but never the end of the line. */
static void take_octet(struct reader *in, struct token *token)
{
	size_t n = 1;

	if (in->rest.p[0] == '\\' && in->rest.n > 1 && in->rest.p[1] != '\n')
		n = 2;
	token->text.n += n;
	in->rest.p += n;
	in->rest.n -= n;
}

/* Take the word or quoted string that comes next. */
static int take_token(struct reader *in)
{
	struct token token = { .quoted = in->rest.p[0] == '"' };

	if (in->n == MAX_ZONE_WORDS)
		return syntax(in, "too many words");
	if (token.quoted)
		skip(in);
	token.text.p = in->rest.p;
	while (in->rest.n > 0 && in->rest.p[0] != '\n' &&
	       (token.quoted ? in->rest.p[0] != '"' :
			       !ends_word(in->rest.p[0])))
		take_octet(in, &token);
	if (token.quoted) {
		if (in->rest.n == 0 || in->rest.p[0] != '"')
			return syntax(in, "quoted string without end");
		skip(in);
	}
	in->token[in->n++] = token;
	return 0;
}

/*
 * Read the words of the next entry: a line, or several when parentheses say so.
 * Returns 1, 0 at the end of the file, -1. A line of nothing but a comment is
 * an entry without words, of which *comment is the text.
 */
static int take_entry(struct reader *in, struct span *comment)
{
	size_t depth = 0;

	*comment = (struct span){ .p = NULL };
	if (in->rest.n == 0)
		return 0;
	in->n = 0;
	in->first_line = in->line;
	in->owner_inherited = ascii_is_space(in->rest.p[0]);
	while (in->rest.n > 0 && (depth > 0 || in->rest.p[0] != '\n')) {
		char c = in->rest.p[0];

		if (c == ';') {
			struct span start = in->rest;

			skip_comment(in);
			start.n -= in->rest.n;
			if (in->n == 0 && depth == 0)
				*comment = start;
		} else if (c == '(') {
			depth++;
			skip(in);
		} else if (c == ')') {
			if (depth-- == 0)
				return syntax(in, "\")\" without \"(\"");
			skip(in);
		} else if (ascii_is_space(c)) {
			skip(in);
		} else if (take_token(in) < 0) {
			return -1;
		}
	}
	if (depth > 0)
		return syntax(in, "\"(\" without \")\"");
	if (in->rest.n > 0)
		skip(in);
	return 1;
}

/* ------------------------------------------------------------ their values */

/*
 * Take the octet or escape at the start of *text. False when an escape is none.
 */
static bool take_escaped(struct span *text, char *c, bool *escaped)
{
	struct span digits;
	uint64_t number;
	size_t n = 1;

	*c = text->p[0];
	*escaped = *c == '\\';
	if (*escaped) {
		if (text->n < 2)
			return false;
		*c = text->p[1];
		n = 2;
		if (ascii_is_digit(*c)) {
			digits = (struct span){ text->p + 1, 3 };
			if (text->n < 4 || !span_to_uint(digits, 255, &number))
				return false;
			*c = (char)number;
			n = 4;
		}
	}
	text->p += n;
	text->n -= n;
	return true;
}

/* Add the octets of a character-string to *to, which has room for them. */
static int read_string(struct reader *in, struct span text, char **to)
{
	const char *start = *to;
	bool escaped;

	while (text.n > 0) {
		if (!take_escaped(&text, *to, &escaped))
			return syntax(in, "bad escape");
		(*to)++;
	}
	if (*to - start > MAX_STRING_OCTETS)
		return syntax(in, "character-string over 255 octets");
	return 0;
}

/* Decode a name into lower case. False: not a name, or one we cannot hold. */
static bool decode_name(struct span text, char *name, size_t size, size_t *n)
{
	size_t label = 0;
	bool escaped;

	*n = 0;
	while (text.n > 0) {
		char c;

		if (!take_escaped(&text, &c, &escaped) || c == '\0' ||
		    (escaped && c == '.') || *n == size)
			return false;
		if (c == '.' && label == 0)
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > DOMAIN_MAX_LABEL)
			return false;
		name[(*n)++] = ascii_lower(c);
	}
	return true;
}

/*
 * An owner, target or host: absolute with a trailing dot, else below $ORIGIN.
 * Any octet may be in it (RFC 2181 11), but an escaped dot or NUL has no place
 * in names that are compared as text. NULL after an error.
 */
static const char *read_name(struct reader *in, struct span text)
{
	char name[DOMAIN_MAX_OCTETS + 1]; /* with the trailing dot */
	const char *dot = *in->origin == '\0' ? "" : ".";
	const char *whole;
	size_t n;

	if (span_is(text, "@"))
		return in->origin;
	if (span_is(text, "."))
		return "";
	if (text.n == 0 || !decode_name(text, name, sizeof(name), &n)) {
		err_set(in->err, ERR_INPUT, "line %d: bad name %s",
			in->first_line, quote(text).text);
		return NULL;
	}
	if (name[n - 1] == '.')
		whole = arena_printf(zone_arena(in->zone), "%.*s", (int)n - 1,
				     name);
	else
		whole = arena_printf(zone_arena(in->zone), "%.*s%s%s", (int)n,
				     name, dot, in->origin);
	if (whole == NULL) {
		no_memory(in);
	} else if (strlen(whole) > DOMAIN_MAX_OCTETS) {
		syntax(in, "name over 253 octets");
		whole = NULL;
	}
	return whole;
}

/* 3600, 1h, 1h30m */
static bool is_ttl(struct span text)
{
	size_t i;

	if (text.n == 0 || !ascii_is_digit(text.p[0]))
		return false;
	for (i = 1; i < text.n; i++)
		if (!ascii_is_digit(text.p[i]) &&
		    !span_has(SPAN("smhdw"), ascii_lower(text.p[i])))
			return false;
	return true;
}

/* ------------------------------------------------------------ the records */

static int add(struct reader *in, struct zone_record record)
{
	if (zone_count(in->zone) == MAX_ZONE_RECORDS)
		return err_set(in->err, ERR_LIMIT,
			       "line %d: more than %d records", in->first_line,
			       MAX_ZONE_RECORDS);
	return zone_add(in->zone, record) < 0 ? no_memory(in) : 0;
}

static int add_name(struct reader *in, const char *owner, enum zone_kind kind)
{
	return add(in, (struct zone_record){ .owner = owner, .kind = kind });
}

static int add_data(struct reader *in, enum zone_kind kind,
		    unsigned int preference, struct span data)
{
	return add(in, (struct zone_record){ .owner = in->owner,
					     .kind = kind,
					     .preference = preference,
					     .data = data });
}

/* The character-strings of one record are one text for us (R1.2). */
static int read_txt(struct reader *in, const struct token *token, size_t n)
{
	size_t room = 1;
	char *text;
	char *end;
	size_t i;

	for (i = 0; i < n; i++)
		room += token[i].text.n;
	text = arena_alloc(zone_arena(in->zone), room);
	if (text == NULL)
		return no_memory(in);
	end = text;
	for (i = 0; i < n; i++)
		if (read_string(in, token[i].text, &end) < 0)
			return -1;
	return add_data(in, ZONE_TXT, 0,
			(struct span){ text, (size_t)(end - text) });
}

static int
read_address(struct reader *in, enum zone_kind kind, struct span text)
{
	int family = kind == ZONE_A ? AF_INET : AF_INET6;
	char word[INET6_ADDRSTRLEN];
	unsigned char octets[16];
	struct span copy;

	if (text.n >= sizeof(word))
		return syntax(in, "bad address");
	memcpy(word, text.p, text.n);
	word[text.n] = '\0';
	if (inet_pton(family, word, octets) != 1 ||
	    inet_ntop(family, octets, word, sizeof(word)) == NULL)
		return syntax(in, "bad address");
	copy = arena_copy(zone_arena(in->zone), span_of(word));
	if (copy.p == NULL)
		return no_memory(in);
	return add_data(in, kind, 0, copy);
}

static int read_host(struct reader *in, enum zone_kind kind,
		     unsigned int preference, struct span text)
{
	const char *host = read_name(in, text);

	if (host == NULL)
		return -1;
	return add_data(in, kind, preference, span_of(host));
}

static const struct {
	const char *name;
	enum zone_kind kind;
	size_t fewest; /* words of data */
	size_t most;
} types[] = {
	{ "TXT", ZONE_TXT, 1, MAX_ZONE_WORDS },
	{ "A", ZONE_A, 1, 1 },
	{ "AAAA", ZONE_AAAA, 1, 1 },
	{ "MX", ZONE_MX, 2, 2 },
	{ "CNAME", ZONE_CNAME, 1, 1 },
	/* A table and not any word, so that a misspelt type is found. */
	{ "AFSDB", ZONE_OTHER, 1, MAX_ZONE_WORDS },
	{ "CAA", ZONE_OTHER, 1, MAX_ZONE_WORDS },
	{ "CDNSKEY", ZONE_OTHER, 1, MAX_ZONE_WORDS },
	{ "CDS", ZONE_OTHER, 1, MAX_ZONE_WORDS },
	{ "CERT", ZONE_OTHER, 1, MAX_ZONE_WORDS },
	{ "DNAME", ZONE_OTHER, 1, 1 },
	{ "DNSKEY", ZONE_OTHER, 1, MAX_ZONE_WORDS },
	{ "DS", ZONE_OTHER, 1, MAX_ZONE_WORDS },
	{ "HINFO", ZONE_OTHER, 1, MAX_ZONE_WORDS },
	{ "HTTPS", ZONE_OTHER, 1, MAX_ZONE_WORDS },
	{ "LOC", ZONE_OTHER, 1, MAX_ZONE_WORDS },
	{ "NAPTR", ZONE_OTHER, 1, MAX_ZONE_WORDS },
	{ "NS", ZONE_OTHER, 1, 1 },
	{ "NSEC", ZONE_OTHER, 1, MAX_ZONE_WORDS },
	{ "NSEC3", ZONE_OTHER, 1, MAX_ZONE_WORDS },
	{ "NSEC3PARAM", ZONE_OTHER, 1, MAX_ZONE_WORDS },
	{ "OPENPGPKEY", ZONE_OTHER, 1, MAX_ZONE_WORDS },
	{ "PTR", ZONE_OTHER, 1, 1 },
	{ "RP", ZONE_OTHER, 2, 2 },
	{ "RRSIG", ZONE_OTHER, 1, MAX_ZONE_WORDS },
	{ "SMIMEA", ZONE_OTHER, 1, MAX_ZONE_WORDS },
	{ "SOA", ZONE_OTHER, 7, 7 },
	{ "SPF", ZONE_OTHER, 1, MAX_ZONE_WORDS },
	{ "SRV", ZONE_OTHER, 4, 4 },
	{ "SSHFP", ZONE_OTHER, 1, MAX_ZONE_WORDS },
	{ "SVCB", ZONE_OTHER, 1, MAX_ZONE_WORDS },
	{ "TLSA", ZONE_OTHER, 1, MAX_ZONE_WORDS },
	{ "URI", ZONE_OTHER, 1, MAX_ZONE_WORDS },
};

static int read_data(struct reader *in, enum zone_kind kind,
		     const struct token *token, size_t n)
{
	uint64_t preference;

	switch (kind) {
	case ZONE_TXT:
		return read_txt(in, token, n);
	case ZONE_A:
	case ZONE_AAAA:
		return read_address(in, kind, token[0].text);
	case ZONE_MX:
		if (!span_to_uint(token[0].text, 65535, &preference))
			return syntax(in, "bad preference");
		return read_host(in, kind, (unsigned int)preference,
				 token[1].text);
	case ZONE_CNAME:
		return read_host(in, kind, 0, token[0].text);
	case ZONE_OTHER:
	case ZONE_SERVFAIL:
	case ZONE_TIMEOUT:
		break;
	}
	return add_name(in, in->owner, kind);
}

/* The entry from its type on. */
static int read_typed(struct reader *in, const struct token *token, size_t n)
{
	size_t i;

	/* RFC 3597: the data of a type without a name, or of any, as hex. */
	if (span_starts(token->text, "TYPE") && token->text.n > 4)
		return add_name(in, in->owner, ZONE_OTHER);
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (!span_is(token->text, types[i].name))
			continue;
		n--;
		if (n < types[i].fewest || n > types[i].most)
			return syntax(in, "wrong number of words");
		if (!token[1].quoted && span_equal(token[1].text, SPAN("\\#")))
			return syntax(in, "\\# is not supported");
		return read_data(in, types[i].kind, token + 1, n);
	}
	return err_set(in->err, ERR_INPUT, "line %d: unknown type %s",
		       in->first_line, quote(token->text).text);
}

/* [owner] [TTL] [class] type data, TTL and class in either order */
static int read_record(struct reader *in)
{
	const struct token *token = in->token;
	size_t n = in->n;
	bool ttl = false;
	bool class = false;

	if (!in->owner_inherited) {
		in->owner = read_name(in, token->text);
		if (in->owner == NULL)
			return -1;
		token++;
		n--;
	}
	if (in->owner == NULL)
		return syntax(in, "no owner to inherit");
	while (n > 0) {
		if (!ttl && is_ttl(token->text))
			ttl = true;
		else if (!class && span_is(token->text, "IN"))
			class = true;
		else
			break;
		token++;
		n--;
	}
	if (n == 0)
		return syntax(in, "no type");
	return read_typed(in, token, n);
}

static int read_directive(struct reader *in)
{
	struct span name = in->token[0].text;
	const char *origin;

	if (span_is(name, "$ORIGIN") && in->n == 2) {
		origin = read_name(in, in->token[1].text);
		if (origin == NULL)
			return -1;
		in->origin = origin;
		return 0;
	}
	if (span_is(name, "$TTL") && in->n == 2 && is_ttl(in->token[1].text))
		return 0;
	return err_set(in->err, ERR_INPUT, "line %d: %s is not supported",
		       in->first_line, quote(name).text);
}

static struct span take_word(struct span *text)
{
	struct span word;

	*text = span_trim(*text);
	word = (struct span){ text->p, 0 };
	while (word.n < text->n && !ascii_is_space(text->p[word.n]))
		word.n++;
	text->p += word.n;
	text->n -= word.n;
	return word;
}

/* ";!servfail NAME" and ";!timeout NAME"; other comments say nothing. */
static int read_comment(struct reader *in, struct span comment)
{
	struct span word = take_word(&comment);
	enum zone_kind kind;
	const char *owner;

	if (span_is(word, ";!servfail"))
		kind = ZONE_SERVFAIL;
	else if (span_is(word, ";!timeout"))
		kind = ZONE_TIMEOUT;
	else
		return 0;
	owner = read_name(in, take_word(&comment));
	return owner == NULL ? -1 : add_name(in, owner, kind);
}

static int read_zone(struct reader *in)
{
	struct span comment;
	int more;

	while ((more = take_entry(in, &comment)) > 0) {
		int result = 0;

		if (in->n > 0 && span_starts(in->token[0].text, "$"))
			result = read_directive(in);
		else if (in->n > 0)
			result = read_record(in);
		else if (comment.p != NULL)
			result = read_comment(in, comment);
		if (result < 0)
			return -1;
	}
	return more;
}

struct resolver *zonefile_parse(struct span text, struct err *err)
{
	struct reader in = {
		.err = err, .rest = text, .line = 1, .origin = ""
	};

	if (text.n > MAX_ZONE_BYTES) {
		err_set(err, ERR_LIMIT, "zone file over %d bytes",
			MAX_ZONE_BYTES);
		return NULL;
	}
	in.zone = zone_new();
	if (in.zone == NULL) {
		err_set(err, ERR_TEMP, "out of memory");
		return NULL;
	}
	if (read_zone(&in) < 0) {
		zone_free(&in.zone);
		return NULL;
	}
	return zone_finish(in.zone);
}
