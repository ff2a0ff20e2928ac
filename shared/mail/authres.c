/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail/authres.h"

#include <string.h>

#include "mail/idn.h"
#include "mail/lex.h"

/* A token of RFC 2045; octets over 127 are let in as RFC 8601 1.5.2 may. */
static bool is_word_octet(char c)
{
	static const char ends[] = "()<>@,;:\\\"/[]?=";

	return (unsigned char)c > ' ' && c != 0x7f &&
	       memchr(ends, c, sizeof(ends) - 1) == NULL;
}

struct reader {
	struct span rest;
	struct arena *arena;
	bool no_memory; /* not the same as text that cannot be read */
};

static struct span take_plain_word(struct span *rest)
{
	struct span word = { rest->p, 0 };

	while (word.n < rest->n && is_word_octet(rest->p[word.n]))
		word.n++;
	rest->p += word.n;
	rest->n -= word.n;
	return word;
}

static bool take_quoted(struct reader *in, struct span *text)
{
	struct span inside;

	if (!lex_take_quoted(&in->rest, &inside))
		return false;
	*text = lex_unquote(inside, in->arena);
	if (text->p == NULL)
		in->no_memory = true;
	return text->p != NULL;
}

/* Take a word or quoted string; false when none comes next. */
static bool take_word(struct reader *in, struct span *word)
{
	if (!lex_skip(&in->rest, NULL) || in->rest.n == 0)
		return false;
	if (in->rest.p[0] == '"')
		return take_quoted(in, word);
	*word = take_plain_word(&in->rest);
	return word->n > 0;
}

/* Take c, if it comes next behind comments and white space. */
static bool take_char(struct reader *in, char c)
{
	struct span rest = in->rest;

	if (!lex_skip(&rest, NULL) || rest.n == 0 || rest.p[0] != c)
		return false;
	rest.p++;
	rest.n--;
	in->rest = rest;
	return true;
}

/*
 * Go to the next ";" or the end. False when a quoted string or comment on the
 * way has no end.
 */
static bool skip_to_semicolon(struct reader *in)
{
	struct span inside;

	while (lex_skip(&in->rest, NULL)) {
		if (in->rest.n == 0 || in->rest.p[0] == ';')
			return true;
		if (in->rest.p[0] != '"') {
			in->rest.p++;
			in->rest.n--;
		} else if (!lex_take_quoted(&in->rest, &inside)) {
			return false;
		}
	}
	return false;
}

static bool is_end_of_value(struct span rest)
{
	return rest.n == 0 || rest.p[0] == ';' || ascii_is_space(rest.p[0]);
}

/*
 * Take a property's value. Here Exim writes what stands in a signature's d=,
 * i= and s= as it is, and whoever signs can give them any octet but white space
 * and ";", as his own zone will answer for any name. Read by the letter of RFC
 * 8601, with comments right beside the value, d=victim.example(.evil.example
 * would become victim.example once a later tag brings the closing
 * parenthesis. So a value goes to white space or ";", whatever is in it, and a
 * quoted one has to end there.
 */
static bool take_value(struct reader *in, struct span *value)
{
	size_t before = in->rest.n;

	lex_skip_space(&in->rest);
	/* Behind white space a comment cannot be part of the value. */
	if (in->rest.n < before && !lex_skip(&in->rest, NULL))
		return false;
	if (in->rest.n > 0 && in->rest.p[0] == '"')
		return take_quoted(in, value) && is_end_of_value(in->rest);
	*value = (struct span){ in->rest.p, 0 };
	while (!is_end_of_value(in->rest)) {
		in->rest.p++;
		in->rest.n--;
		value->n++;
	}
	return true;
}

/* "header.d" in one word, or "header" with ". d" still to come. */
static bool
take_property_name(struct reader *in, struct authres_property *property)
{
	struct span word;

	*property = (struct authres_property){ .type = SPAN("") };
	if (!take_word(in, &word))
		return false;
	if (span_take_until(&word, '.', &property->type)) {
		property->name = word;
		return word.n > 0 || take_word(in, &property->name);
	}
	property->name = word;
	if (!take_char(in, '.'))
		return true;
	property->type = word;
	return take_word(in, &property->name);
}

/* Take all properties up to the ";" or the end. */
static bool take_properties(struct reader *in, struct authres_result *result)
{
	struct authres_property property;

	while (lex_skip(&in->rest, NULL)) {
		if (in->rest.n == 0 || in->rest.p[0] == ';')
			return true;
		if (!take_property_name(in, &property) || !take_char(in, '=') ||
		    !take_value(in, &property.value))
			return false;
		if (property.type.n == 0 && span_is(property.name, "reason") &&
		    result->reason.p == NULL)
			result->reason = property.value;
		else if (result->n < MAX_AUTHRES_PROPERTIES)
			result->property[result->n++] = property;
	}
	return false;
}

/* "none", alone, says that nothing was checked (RFC 8601 2.2). */
static bool is_none(struct reader *in, struct span word)
{
	return span_is(word, "none") && lex_skip(&in->rest, NULL) &&
	       in->rest.n == 0;
}

/*
 * Take one result. Returns 1, 0 when there is none before the next ";", -1 when
 * it cannot be read.
 */
static int take_result(struct reader *in, struct authres_result *result)
{
	struct span version;

	if (!lex_skip(&in->rest, NULL))
		return -1;
	if (in->rest.n == 0 || in->rest.p[0] == ';')
		return 0;
	if (!take_word(in, &result->method) ||
	    (take_char(in, '/') && !take_word(in, &version)))
		return -1;
	if (!take_char(in, '='))
		return is_none(in, result->method) ? 0 : -1;
	if (!take_word(in, &result->result) ||
	    !lex_skip(&in->rest, &result->comment) ||
	    !take_properties(in, result))
		return -1;
	return 1;
}

/* How many results there can be at most. */
static size_t count_results(struct span text)
{
	size_t n = 1;
	size_t i;

	for (i = 0; i < text.n && n < MAX_AUTHRES_RESULTS; i++)
		n += text.p[i] == ';';
	return n;
}

/*
 * What cannot be read ends the list: what looks like a result behind it may be
 * part of it. Returns false when there is no memory.
 */
static bool take_results(struct reader *in, struct authres *authres)
{
	size_t room = count_results(in->rest);

	authres->results =
		arena_array(in->arena, room, sizeof(*authres->results));
	if (authres->results == NULL)
		return false;
	while (authres->n < room && take_char(in, ';')) {
		struct authres_result result = { .n = 0 };
		int more = take_result(in, &result);

		if (more < 0)
			break;
		if (more > 0)
			authres->results[authres->n++] = result;
	}
	return true;
}

/* "Authentication-Results:" in front; an authserv-id has no colon. */
static void skip_field_name(struct span *text)
{
	struct span rest = *text;
	struct span name;

	if (span_take_until(&rest, ':', &name) &&
	    span_is(span_trim(name), "Authentication-Results"))
		*text = rest;
}

/* The version is a number; Yahoo has properties in that place. */
static void take_version(struct reader *in, struct span *version)
{
	struct reader ahead = *in;
	struct span word;
	uint64_t number;

	if (take_word(&ahead, &word) &&
	    span_to_uint(word, UINT32_MAX, &number)) {
		*in = ahead;
		*version = word;
	}
	in->no_memory = ahead.no_memory;
}

bool authres_parse(struct span text, struct arena *arena,
		   struct authres *authres)
{
	struct authres parsed = { .results = NULL };
	struct reader in = { .rest = text, .arena = arena };

	skip_field_name(&in.rest);
	if (!take_word(&in, &parsed.authserv_id) || parsed.authserv_id.n == 0)
		return false;
	/* "spf=pass ...": some servers leave out who they are. */
	if (take_char(&in, '='))
		return false;
	take_version(&in, &parsed.version);
	if (skip_to_semicolon(&in) && !take_results(&in, &parsed))
		return false;
	if (in.no_memory)
		return false;
	*authres = parsed;
	return true;
}

struct span authres_property_get(const struct authres_result *result,
				 const char *type, const char *name)
{
	size_t i;

	for (i = 0; i < result->n; i++) {
		const struct authres_property *property = &result->property[i];

		if (span_is(property->type, type) &&
		    span_is(property->name, name))
			return property->value;
	}
	return (struct span){ .p = NULL, .n = 0 };
}

/*
 * What may be an authserv-id, in pieces: comments, quotes and folding within it
 * are dropped. A name has 253 octets, and an A-label is seldom shorter than a
 * quarter of its U-label.
 */
#define MAX_CLAIM_OCTETS 1024

/*
 * Of an id with U-labels. Each piece more costs another conversion, of up to 15
 * us, and a header of 1 MB would have time for half a million of them. Nobody
 * honest needs two.
 */
#define MAX_CLAIM_PIECES 8

struct claim {
	char octet[MAX_CLAIM_OCTETS];
	size_t n;
	size_t pieces;
	bool is_ascii;
};

static bool claim_add(struct claim *claim, struct span piece, bool quoted)
{
	size_t i;

	for (i = 0; i < piece.n; i++) {
		char c = piece.p[i];

		if (quoted && c == '\\' && i + 1 < piece.n)
			c = piece.p[++i];
		else if (quoted && ascii_is_space(c))
			continue;
		if (claim->n == sizeof(claim->octet))
			return false;
		claim->octet[claim->n++] = c;
		claim->is_ascii &= (unsigned char)c < 0x80;
	}
	return true;
}

/* With a last dot or without, in U-labels, or in what browsers take for one. */
static bool claim_is(const struct claim *claim, struct span id)
{
	struct span text = { claim->octet, claim->n };
	struct idn_name name;

	if (span_equal_nocase(text, id))
		return true;
	if (text.n > 1 && text.p[text.n - 1] == '.')
		text.n--;
	if (span_equal_nocase(text, id))
		return true;
	return !claim->is_ascii && idn_convert(text, &name) == IDN_OK &&
	       span_equal_nocase(span_of(name.text), id);
}

/* Can what follows still make it the id? */
static bool claim_may_be(const struct claim *claim, struct span id)
{
	return !claim->is_ascii ||
	       (claim->n <= id.n &&
		span_equal_nocase((struct span){ claim->octet, claim->n },
				  (struct span){ id.p, claim->n }));
}

static bool has_text(struct span text, struct span wanted)
{
	for (; text.n >= wanted.n; text.p++, text.n--)
		if (span_equal_nocase((struct span){ text.p, wanted.n },
				      wanted))
			return true;
	return false;
}

/* Take the next piece behind white space and comments; false without one. */
static bool take_piece(struct span *body, struct claim *claim)
{
	struct span rest = *body;
	struct span piece;
	bool quoted;

	if (!lex_skip(&rest, NULL) || rest.n == 0)
		return false;
	quoted = rest.p[0] == '"';
	if (!quoted)
		piece = take_plain_word(&rest);
	else if (!lex_take_quoted(&rest, &piece))
		return false;
	if ((!quoted && piece.n == 0) || has_text(piece, SPAN("=?")) ||
	    !claim_add(claim, piece, quoted))
		return false;
	claim->pieces++;
	*body = rest;
	return true;
}

/* Has the id been read to its end, and is it another's? */
static bool claim_is_foreign(const struct claim *claim, struct span rest)
{
	struct span text = { claim->octet, claim->n };
	struct idn_name name;

	if (!lex_skip(&rest, NULL) || (rest.n > 0 && rest.p[0] != ';'))
		return false;
	return claim->is_ascii || idn_convert(text, &name) == IDN_OK;
}

/*
 * Readers differ in what they take for the authserv-id when comments, quotes or
 * folding stand within it: some end it there, some drop them first. Whichever
 * way makes it ours, it claims to be ours. Some readers, as the header tests of
 * Sieve, decode encoded words (RFC 2047), of which an honest id has none. What
 * cannot be read as an id at all is not trusted with ours in it.
 */
bool authres_claims(struct span body, struct span id)
{
	struct claim claim = { .n = 0, .is_ascii = true };
	struct span rest = body;

	if (id.n == 0)
		return false;
	while (take_piece(&rest, &claim)) {
		if (claim_is(&claim, id) ||
		    (!claim.is_ascii && claim.pieces > MAX_CLAIM_PIECES))
			return true;
		if (!claim_may_be(&claim, id))
			return false;
	}
	return !claim_is_foreign(&claim, rest) &&
	       (has_text(rest, SPAN("=?")) || has_text(body, id));
}
