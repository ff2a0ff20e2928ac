/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/carrier.h"

#include <stdbool.h>

#include "base/attributes.h"
#include "dns/domain.h"
#include "mail/authres.h"
#include "mail/header.h"

const char *authenticated_name(enum authenticated authenticated)
{
	switch (authenticated) {
	case AUTHENTICATED_UNKNOWN:
		return "unknown";
	case AUTHENTICATED_NO:
		return "no";
	case AUTHENTICATED_OTHER:
		return "other";
	case AUTHENTICATED_YES:
		return "yes";
	}
	return "";
}

/* The next word; a comment is one word. False at the end. */
static bool take_word(struct span *text, struct span *word)
{
	size_t n = 0, depth = 0;

	*text = span_trim(*text);
	while (n < text->n && (depth > 0 || !ascii_is_space(text->p[n]))) {
		if (text->p[n] == '(')
			depth++;
		else if (text->p[n] == ')' && depth > 0)
			depth--;
		n++;
	}
	*word = (struct span){ text->p, n };
	text->p += n;
	text->n -= n;
	return n > 0;
}

/*
 * "from NAME (comment) by NAME with LMTP", in these places only: what stands
 * further behind, or in a comment, can be a sender's word.
 */
static bool is_lmtp(struct span body)
{
	struct span word, name;

	if (!take_word(&body, &word) || !span_is(word, "from") ||
	    !take_word(&body, &name) || !take_word(&body, &word))
		return false;
	if (*word.p == '(' && !take_word(&body, &word))
		return false;
	return span_is(word, "by") && take_word(&body, &name) &&
	       take_word(&body, &word) && span_is(word, "with") &&
	       take_word(&body, &word) &&
	       (span_is(word, "LMTP") || span_is(word, "LMTPS") ||
		span_is(word, "LMTPA") || span_is(word, "LMTPSA"));
}

/*
 * The part of the header that is above the Received field of the arrival; empty
 * when there is none, since then nobody knows where the sender's text begins.
 */
static struct span above_arrival(struct span header)
{
	struct span rest = header, none = { header.p, 0 };
	struct header_field field;
	bool delivered = false;
	int more;

	while ((more = header_next(&rest, &field)) != 0) {
		if (more < 0 || !span_is(field.name, "Received"))
			continue;
		if (delivered || !is_lmtp(field.body))
			return (struct span){ header.p, (size_t)(field.name.p -
								 header.p) };
		delivered = true;
	}
	return none;
}

static bool is_ours(struct span body, const char *const *ids, size_t n,
		    struct arena *arena, struct authres *authres)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (*ids[i] != '\0' && authres_claims(body, span_of(ids[i])) &&
		    authres_parse(body, arena, authres) &&
		    span_is(authres->authserv_id, ids[i]))
			return true;
	return false;
}

/* What the field says about DMARC, if it does. */
static bool use_field(const struct authres *authres, struct arena *arena,
		      struct carrier *carrier)
{
	size_t i;

	for (i = 0; i < authres->n; i++) {
		const struct authres_result *result = &authres->results[i];
		const char *domain;

		if (!span_is(result->method, "dmarc"))
			continue;
		domain = domain_normalize(
			arena, authres_property_get(result, "header", "from"));
		carrier->domain = domain == NULL ? "" : domain;
		/* A pass without a domain is nobody's. */
		carrier->result =
			span_is(result->result, "pass") && domain != NULL ?
				AUTHENTICATED_YES :
				AUTHENTICATED_NO;
		return true;
	}
	return false;
}

void carrier_read(struct span header, const char *const *ids, size_t n,
		  struct arena *arena, struct carrier *carrier)
{
	struct span rest = above_arrival(header);
	struct header_field field;
	struct authres authres;
	int more;

	*carrier = (struct carrier){ .domain = "" };
	while ((more = header_next(&rest, &field)) != 0)
		if (more > 0 && span_is(field.name, "Authentication-Results") &&
		    is_ours(field.body, ids, n, arena, &authres) &&
		    use_field(&authres, arena, carrier))
			return;
}

static bool is_related(const struct carrier *carrier, const char *domain,
		       struct arena *scratch)
{
	const char *ours, *theirs;

	if (carrier->psl == NULL)
		return domain_is_within(domain, carrier->domain) &&
		       domain_labels(carrier->domain) >= 2;
	ours = psl_organizational_domain(carrier->psl, domain, scratch);
	theirs = psl_organizational_domain(carrier->psl, carrier->domain,
					   scratch);
	return ours != NULL && theirs != NULL && domain_equal(ours, theirs);
}

enum authenticated carrier_of_report(const struct carrier *carrier,
				     struct span email, struct arena *scratch)
{
	struct span local;
	const char *domain;

	if (carrier->result != AUTHENTICATED_YES)
		return carrier->result;
	email = span_trim(email);
	while (span_take_until(&email, '@', &local))
		;
	domain = domain_normalize(scratch, email);
	return domain != NULL && is_related(carrier, domain, scratch) ?
		       AUTHENTICATED_YES :
		       AUTHENTICATED_OTHER;
}
