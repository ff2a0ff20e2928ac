/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * authres.h - the text of an Authentication-Results field (RFC 8601)
 *
 * Syntax only: whom to believe and what a result is worth is decided elsewhere.
 * Tolerant as R7.14 and EXIM.md's samples ask for: unknown methods, results and
 * property types are returned, not refused.
 */
#ifndef EDMARC_MAIL_AUTHRES_H
#define EDMARC_MAIL_AUTHRES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/span.h"

#define MAX_AUTHRES_RESULTS    200 /* Exim lists each signature; 100 count */
#define MAX_AUTHRES_PROPERTIES 20

struct authres_property {
	struct span type;  /* "header", "smtp", "policy" */
	struct span name;  /* "d", "mailfrom" */
	struct span value; /* unquoted */
};

struct authres_result {
	struct span method;  /* "spf", "dkim"; without a version */
	struct span result;  /* "pass", as written */
	struct span reason;  /* reason="..."; p is NULL when absent */
	struct span comment; /* first comment behind the result, without () */
	struct authres_property property[MAX_AUTHRES_PROPERTIES];
	size_t n;
};

struct authres {
	struct span authserv_id; /* unquoted */
	struct span version;     /* p is NULL when absent */
	struct authres_result *results;
	size_t n;
};

/*
 * Parse the body of a field, with or without "Authentication-Results:" in
 * front. Spans point into text or the arena. Returns false when there is not
 * even an authserv-id; what follows a result that cannot be read is dropped.
 */
bool authres_parse(struct span text, struct arena *arena,
		   struct authres *authres) MUST_CHECK;

/*
 * The value of a property such as ("header", "d"); p is NULL when absent. The
 * first one counts. A value may hold any octet (see take_value() in authres.c):
 * domain_normalize() says whether it is a domain at all.
 */
struct span authres_property_get(const struct authres_result *result,
				 const char *type, const char *name);

/*
 * Does the body of a field claim to be written by id, a host name (R11.7)?
 * Comments, quotes, letter case, a last dot and U-labels do not hide it; U-labels
 * in more pieces than anybody needs are taken for it. A field of which the
 * authserv-id cannot be read claims it with id anywhere in its text, or with an
 * encoded word in that place.
 */
bool authres_claims(struct span body, struct span id);

#endif
