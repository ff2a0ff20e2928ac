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

/* The name as we keep names; "" for what is none. NULL without memory. */
static const char *normalized(struct arena *arena, struct span text)
{
	struct idn_name name = { .text = "" };

	if (idn_convert(text, &name) == IDN_NO_MEMORY)
		return NULL;
	return arena_copy(arena, span_of(name.text)).p;
}

int spf_fact_make(struct spf_fact *spf, enum auth_result result,
		  const char *mail_from, const char *helo, struct arena *arena,
		  struct err *err)
{
	struct spf_fact made = { .known = true, .result = result };
	bool null_sender = *mail_from == '\0';

	made.domain = normalized(arena,
				 null_sender ? span_of(helo) :
					       domain_part(span_of(mail_from)));
	if (made.domain == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	if (null_sender) {
		made.scope = SPF_SCOPE_HELO;
		/* R5.2: an address literal or one label cannot be checked. */
		if (domain_labels(made.domain) < 2)
			made.domain = "";
	}
	if (*made.domain == '\0')
		made.result = AUTH_NONE;
	*spf = made;
	return 0;
}

static int read_spf(const struct authres_result *result,
		    struct message_facts *facts, struct arena *arena,
		    struct err *err)
{
	struct span mailfrom = authres_property_get(result, "smtp", "mailfrom");
	struct span helo = authres_property_get(result, "smtp", "helo");
	const char *mail_from = facts->mail_from, *helo_name = facts->helo;
	enum auth_result word;
	struct spf_fact spf;

	if (!auth_result_parse(result->result, &word))
		return 0;
	if (mailfrom.n > 0) {
		mail_from = arena_copy(arena, mailfrom).p;
	} else if (helo.n > 0) {
		mail_from = "";
		helo_name = arena_copy(arena, helo).p;
	}
	if (mail_from == NULL || helo_name == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	if (spf_fact_make(&spf, word, mail_from, helo_name, arena, err) < 0)
		return -1;
	/* A HELO result next to that of MAIL FROM is only read without one. */
	if (!facts->spf.known || (facts->spf.scope == SPF_SCOPE_HELO &&
				  spf.scope == SPF_SCOPE_MFROM))
		facts->spf = spf;
	return 0;
}

/* Returns 1 with a signature, 0 when it says nothing, -1 without memory. */
static int read_dkim(const struct authres_result *result,
		     struct dkim_fact *dkim, struct arena *arena,
		     struct err *err)
{
	struct span d = authres_property_get(result, "header", "d");
	struct span s = authres_property_get(result, "header", "s");
	struct span i = authres_property_get(result, "header", "i");
	struct span human = result->comment;

	if (!auth_result_parse(result->result, &dkim->result))
		return 0;
	if (human.n == 0)
		human = result->reason;
	dkim->domain = normalized(arena, d.n > 0 ? d : domain_part(i));
	dkim->selector = arena_copy(arena, s).p;
	dkim->human = arena_copy(arena, human).p;
	dkim->key_unavailable = dkim->result == AUTH_TEMPERROR &&
				span_starts(human, "pubkey unavailable");
	if (dkim->domain == NULL || dkim->selector == NULL ||
	    dkim->human == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	return *dkim->domain != '\0';
}

static int read_results(struct message_facts *facts,
			const struct authres *authres, struct arena *arena,
			struct err *err)
{
	size_t i;
	int taken;

	for (i = 0; i < authres->n && facts->n_dkim < MAX_DKIM_RESULTS; i++) {
		const struct authres_result *result = &authres->results[i];

		if (span_is(result->method, "spf")) {
			if (read_spf(result, facts, arena, err) < 0)
				return -1;
		} else if (span_is(result->method, "dkim")) {
			taken = read_dkim(result, &facts->dkim[facts->n_dkim],
					  arena, err);
			if (taken < 0)
				return -1;
			facts->n_dkim += (size_t)taken;
		}
	}
	return 0;
}

int facts_from_authres(struct message_facts *facts, struct span text,
		       struct arena *arena, struct err *err)
{
	struct authres authres;

	facts->spf = (struct spf_fact){ .domain = "" };
	facts->n_dkim = 0;
	facts->dkim =
		arena_array(arena, MAX_DKIM_RESULTS, sizeof(*facts->dkim));
	if (facts->dkim == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	if (!authres_parse(text, arena, &authres))
		return err_set(err, ERR_INPUT, "no Authentication-Results: %s",
			       quote(text).text);
	if (read_results(facts, &authres, arena, err) < 0) {
		facts->spf = (struct spf_fact){ .domain = "" };
		facts->n_dkim = 0;
		return -1;
	}
	return 0;
}
