/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/destinations.h"

#include <stdbool.h>
#include <string.h>

#include "base/quote.h"
#include "dmarc/discovery.h"
#include "dmarc/record.h"
#include "dmarc/uri.h"
#include "dns/domain.h"
#include "report/address.h"

struct search {
	const char *policy_domain;
	const char *organization; /* of policy_domain; NULL: not known yet */
	const struct psl *psl;
	struct refusals *refusals; /* or NULL */
	struct resolver *resolver;
	struct arena *arena;
	struct destinations *found;
	bool no_memory;
};

/* A mailto: URI of a list. */
struct candidate {
	struct span address;
	uint64_t max_bytes;
};

/* What HOST says about reports for the policy domain. */
struct consent {
	enum destination_state state;
	const char *why;
	struct candidate rua[MAX_DESTINATIONS]; /* addresses on HOST instead */
	size_t n;
	bool overrides; /* there was a rua, usable or not */
};

static const char *because(struct search *search, const char *text)
{
	if (text == NULL)
		search->no_memory = true;
	return text == NULL ? "" : text;
}

static void add(struct search *search, const struct candidate *candidate,
		enum destination_state state, const char *why)
{
	const struct span address = candidate->address;
	struct destinations *found = search->found;
	struct span copy;
	size_t i;

	for (i = 0; i < found->n; i++)
		if (span_equal(span_of(found->list[i].address), address))
			return;
	if (found->n == MAX_DESTINATIONS) {
		found->left_out++;
		return;
	}
	copy = arena_copy(search->arena, address);
	if (copy.p == NULL) {
		search->no_memory = true;
		return;
	}
	found->list[found->n++] = (struct destination){
		.address = copy.p,
		.state = state,
		.why = why,
		.max_bytes = candidate->max_bytes,
	};
}

/*
 * The next mailto: URI of a list: 1, or 0 at the end. Others are ignored (R1.15),
 * and told to whoever wants to know.
 */
static int next_candidate(struct search *search, struct span *list,
			  struct candidate *candidate, bool tell)
{
	struct span item, one, address;

	while (span_take_item(list, ',', &item)) {
		int more;

		one = item;
		more = dmarc_uri_next(&one, search->arena, &address);
		if (more > 0) {
			candidate->address = address;
			candidate->max_bytes = uri_size_limit(item);
			return 1;
		}
		if (more < 0) {
			search->no_memory = true;
			return 0;
		}
		if (tell && search->found->ignored++ == 0)
			search->found->first_ignored = because(
				search, arena_printf(search->arena, "%s",
						     quote(item).text));
	}
	return 0;
}

/* Same Organizational Domain? 1, 0, or -1 when the DNS does not say (R9.1). */
static int is_same_organization(struct search *search, const char *host)
{
	const char *organization;

	if (domain_equal(host, search->policy_domain))
		return 1;
	if (search->organization == NULL)
		search->organization = discover_organization(
			search->policy_domain, search->psl, search->resolver,
			search->arena);
	if (search->organization == NULL)
		return -1;
	organization = discover_organization(host, search->psl,
					     search->resolver, search->arena);
	if (organization == NULL)
		return -1;
	return domain_equal(organization, search->organization);
}

/* The addresses of an override that lie on host; others do not count (R9.4). */
static void take_override(struct search *search, struct consent *consent,
			  const char *host, struct span rua)
{
	struct candidate candidate;
	struct span domain;

	consent->overrides = true;
	while (next_candidate(search, &rua, &candidate, false) > 0)
		if (address_is_plain(candidate.address, &domain) &&
		    span_is(domain, host) && consent->n < MAX_DESTINATIONS)
			consent->rua[consent->n++] = candidate;
}

/* RFC 9990 4: any number of records may say yes; no p is needed. */
static void read_records(struct search *search, struct consent *consent,
			 const char *name, const char *host,
			 const struct dns_answer *answer)
{
	bool said_yes = false;
	size_t i;

	for (i = 0; i < answer->n; i++) {
		struct dmarc_record record;

		switch (dmarc_record_parse(answer->records[i], search->arena,
					   &record)) {
		case DMARC_RECORD_NOT_DMARC:
			continue;
		case DMARC_RECORD_NO_MEMORY:
			search->no_memory = true;
			continue;
		case DMARC_RECORD_OK:
		case DMARC_RECORD_NO_POLICY:
			said_yes = true;
			if (record.rua.n > 0)
				take_override(search, consent, host,
					      record.rua);
			continue;
		}
	}
	consent->state = DESTINATION_REFUSED;
	if (!said_yes)
		consent->why = because(
			search, arena_printf(search->arena,
					     "no DMARC record at %s", name));
	else if (consent->overrides && consent->n == 0)
		consent->why =
			because(search, arena_printf(search->arena,
						     "%s names no address on "
						     "its own host",
						     name));
	else
		consent->state = DESTINATION_ALLOWED;
}

static void
ask_host(struct search *search, const char *host, struct consent *consent)
{
	const char *name = arena_printf(search->arena, "%s._report._dmarc.%s",
					search->policy_domain, host);
	struct dns_question question = { .name = name, .type = DNS_TXT };
	struct dns_answer answer;

	consent->state = DESTINATION_REFUSED;
	if (name == NULL) {
		search->no_memory = true;
		return;
	}
	if (strlen(name) > DOMAIN_MAX_OCTETS) {
		consent->why = "the name to ask is too long for the DNS";
		return;
	}
	search->resolver->ask(search->resolver, &question, &answer, 1,
			      search->arena);
	if (answer.status == DNS_FAIL) {
		consent->state = DESTINATION_POSTPONED;
		consent->why =
			because(search, arena_printf(search->arena, "%s: %s",
						     name, answer.why));
		return;
	}
	if (answer.status != DNS_FOUND)
		answer.n = 0;
	read_records(search, consent, name, host, &answer);
}

static void check_external(struct search *search,
			   const struct candidate *candidate, const char *host)
{
	struct consent consent = { .why = "", .n = 0 };
	size_t i;

	ask_host(search, host, &consent);
	if (consent.state == DESTINATION_REFUSED && search->refusals != NULL &&
	    !search->no_memory)
		search->refusals->keep(search->refusals, search->policy_domain,
				       host, consent.why);
	if (consent.state != DESTINATION_ALLOWED || !consent.overrides) {
		add(search, candidate, consent.state, consent.why);
		return;
	}
	for (i = 0; i < consent.n; i++)
		add(search, &consent.rua[i], DESTINATION_ALLOWED, "");
}

/* Refused lately: the DNS is not asked again, not even for organizations. */
static const char *find_refusal(struct search *search, const char *host)
{
	if (search->refusals == NULL ||
	    domain_equal(host, search->policy_domain))
		return NULL;
	return search->refusals->find(search->refusals, search->policy_domain,
				      host, search->arena);
}

static void
check_address(struct search *search, const struct candidate *candidate)
{
	const struct span address = candidate->address;
	const char *host, *why;
	struct span domain;

	if (!address_is_plain(address, &domain)) {
		add(search, candidate, DESTINATION_REFUSED,
		    "no plain address in a domain of the DNS");
		return;
	}
	host = domain_normalize(search->arena, domain);
	if (host == NULL) {
		add(search, candidate, DESTINATION_REFUSED, "no domain name");
		return;
	}
	why = find_refusal(search, host);
	if (why != NULL) {
		add(search, candidate, DESTINATION_REFUSED, why);
		return;
	}
	switch (is_same_organization(search, host)) {
	case 1:
		add(search, candidate, DESTINATION_ALLOWED, "");
		return;
	case 0:
		check_external(search, candidate, host);
		return;
	}
	add(search, candidate, DESTINATION_POSTPONED,
	    because(search,
		    arena_printf(search->arena,
				 "the Organizational Domain of %s or %s "
				 "could not be found out",
				 search->policy_domain, host)));
}

int destinations_find(const char *policy_domain, struct span rua,
		      const struct psl *psl, struct refusals *refusals,
		      struct resolver *resolver, struct arena *arena,
		      struct destinations *found, struct err *err)
{
	struct search search = {
		.policy_domain = policy_domain,
		.psl = psl,
		.refusals = refusals,
		.resolver = resolver,
		.arena = arena,
		.found = found,
	};
	struct candidate candidate;

	*found = (struct destinations){ .n = 0, .first_ignored = "" };
	while (next_candidate(&search, &rua, &candidate, true) > 0) {
		if (found->n == MAX_DESTINATIONS)
			found->left_out++;
		else
			check_address(&search, &candidate);
	}
	if (search.no_memory)
		return err_set(err, ERR_LIMIT, "destinations: out of memory");
	return 0;
}

/* Lines of 76 digits and their ends (RFC 2045 6.8). */
uint64_t destination_encoded_bytes(uint64_t bytes)
{
	uint64_t digits = (bytes + 2) / 3 * 4;

	return digits + (digits + 75) / 76 * 2;
}
