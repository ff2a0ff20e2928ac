/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * facts.c - what SPF and DKIM found, out of an Authentication-Results text
 */
#include "base/quote.h"
#include "dmarc/verdict.h"
#include "dns/domain.h"
#include "mail/idn.h"

/* "a@b" -> "b", "b" -> "b" */
static struct span domain_part(struct span address)
{
	size_t at = address.n;

	if (at == 0) /* there may be nothing to point into */
		return address;
	while (at > 0 && address.p[at - 1] != '@')
		at--;
	return (struct span){ address.p + at, address.n - at };
}

/*
 * R5.2: an address literal or a single label cannot be checked. "" then, and
 * when it is no domain name at all.
 */
static const char *checkable_helo(const char *helo, struct arena *arena)
{
	const char *name = idn_to_ascii(arena, span_of(helo));

	if (name == NULL || domain_labels(name) < 2)
		return "";
	return name;
}

struct spf_fact spf_fact_make(enum auth_result result, const char *mail_from,
			      const char *helo, struct arena *arena)
{
	struct spf_fact spf = { .known = true, .result = result };

	if (*mail_from != '\0') {
		spf.domain =
			idn_to_ascii(arena, domain_part(span_of(mail_from)));
	} else {
		spf.scope = SPF_SCOPE_HELO;
		spf.domain = checkable_helo(helo, arena);
	}
	if (spf.domain == NULL)
		spf.domain = "";
	if (*spf.domain == '\0')
		spf.result = AUTH_NONE;
	return spf;
}

static void read_spf(const struct authres_result *result,
		     struct message_facts *facts, struct arena *arena)
{
	struct span mailfrom = authres_property_get(result, "smtp", "mailfrom");
	struct span helo = authres_property_get(result, "smtp", "helo");
	const char *mail_from = facts->mail_from, *helo_name = facts->helo;
	enum auth_result word;
	struct spf_fact spf;

	if (!auth_result_parse(result->result, &word))
		return;
	if (mailfrom.n > 0)
		mail_from = arena_copy(arena, mailfrom).p;
	else if (helo.n > 0)
		helo_name = arena_copy(arena, helo).p;
	if (mail_from == NULL || helo_name == NULL)
		return;
	if (mailfrom.n == 0 && helo.n > 0)
		mail_from = "";
	spf = spf_fact_make(word, mail_from, helo_name, arena);
	/* A HELO result next to that of MAIL FROM is only read without one. */
	if (!facts->spf.known || (facts->spf.scope == SPF_SCOPE_HELO &&
				  spf.scope == SPF_SCOPE_MFROM))
		facts->spf = spf;
}

static bool read_dkim(const struct authres_result *result,
		      struct dkim_fact *dkim, struct arena *arena)
{
	struct span d = authres_property_get(result, "header", "d");
	struct span s = authres_property_get(result, "header", "s");
	struct span i = authres_property_get(result, "header", "i");
	struct span human = result->comment;

	if (!auth_result_parse(result->result, &dkim->result))
		return false;
	if (d.n == 0)
		d = domain_part(i);
	if (human.n == 0)
		human = result->reason;
	dkim->domain = idn_to_ascii(arena, d);
	dkim->selector = arena_copy(arena, s).p;
	dkim->human = arena_copy(arena, human).p;
	dkim->key_unavailable = dkim->result == AUTH_TEMPERROR &&
				span_starts(human, "pubkey unavailable");
	return dkim->domain != NULL && dkim->selector != NULL &&
	       dkim->human != NULL;
}

/*
 * Signatures in their order. Of more than a report may list, those that did not
 * pass give way (R7.6).
 */
static void
take_dkim(struct message_facts *facts, const struct dkim_fact *all, size_t n)
{
	size_t passes = 0, others, i;

	for (i = 0; i < n; i++)
		passes += all[i].result == AUTH_PASS;
	if (passes > MAX_DKIM_SIGNATURES)
		passes = MAX_DKIM_SIGNATURES;
	others = MAX_DKIM_SIGNATURES - passes;
	for (i = 0; i < n; i++) {
		size_t *left = all[i].result == AUTH_PASS ? &passes : &others;

		if (*left == 0)
			continue;
		(*left)--;
		facts->dkim[facts->n_dkim++] = all[i];
	}
}

int facts_from_authres(struct message_facts *facts, struct span text,
		       struct arena *arena, struct err *err)
{
	struct dkim_fact *all;
	struct authres authres;
	size_t i, n = 0;

	facts->spf = (struct spf_fact){ .domain = "" };
	facts->n_dkim = 0;
	all = arena_array(arena, MAX_AUTHRES_RESULTS, sizeof(*all));
	facts->dkim = arena_array(arena, MAX_DKIM_SIGNATURES, sizeof(*all));
	if (all == NULL || facts->dkim == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	if (!authres_parse(text, arena, &authres))
		return err_set(err, ERR_INPUT, "no Authentication-Results: %s",
			       quote(text).text);
	for (i = 0; i < authres.n && n < MAX_AUTHRES_RESULTS; i++) {
		const struct authres_result *result = &authres.results[i];

		if (span_is(result->method, "spf"))
			read_spf(result, facts, arena);
		else if (span_is(result->method, "dkim") &&
			 read_dkim(result, &all[n], arena))
			n++;
	}
	take_dkim(facts, all, n);
	return 0;
}
