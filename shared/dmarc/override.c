/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dmarc/override.h"

#include "base/network.h"
#include "dmarc/lists.h"
#include "dns/domain.h"

struct search {
	const struct message_facts *facts;
	const char *author;
	const struct settings *settings;
	struct arena *arena;
	struct override *override;
	/* Authenticated, by SPF or DKIM; and by DKIM alone. */
	const char *identity[MAX_OVERRIDE_IDENTITIES + 1];
	size_t n;
	size_t n_spf; /* 1 when the first is that of SPF */
	bool no_memory;
};

static void read_identities(struct search *search)
{
	const struct message_facts *facts = search->facts;
	size_t i;

	if (facts->spf.result == AUTH_PASS && spf_counts(facts)) {
		search->identity[search->n++] = facts->spf.domain;
		search->n_spf = 1;
	}
	for (i = 0; i < facts->n_dkim &&
		    search->n - search->n_spf < MAX_OVERRIDE_IDENTITIES;
	     i++)
		if (facts->dkim[i].result == AUTH_PASS)
			search->identity[search->n++] = facts->dkim[i].domain;
}

/* Returns true, as there is an override now. */
static bool
found(struct search *search, enum reason_type type, const char *comment)
{
	search->no_memory |= comment == NULL;
	search->override->reason =
		(struct verdict_reason){ .type = type, .comment = comment };
	return true;
}

/* NULL for what is no name; without memory that is remembered. */
static const char *normalized(struct search *search, struct span name)
{
	const char *normal = domain_normalize(search->arena, name);

	if (span_ends(name, "."))
		name.n--;
	search->no_memory |= normal == NULL && domain_is_name(name);
	return normal;
}

/* By its address, or by a name that the DNS has confirmed. */
static bool is_forwarder_host(struct search *search)
{
	const struct message_facts *facts = search->facts;
	struct list_subject subject = { .n = 0 };
	struct network address;
	const char *name;
	size_t which;

	if (facts->client_is_relay ||
	    *search->settings->trusted_forwarder_hosts == '\0')
		return false;
	name = normalized(search, span_of(facts->client_name));
	subject.names = &name;
	subject.n = name != NULL;
	if (network_parse(span_of(facts->client_ip), &address))
		subject.address = &address;
	switch (list_find(span_of(search->settings->trusted_forwarder_hosts),
			  &subject, &which, &search->override->fault)) {
	case LIST_NO:
		return false;
	case LIST_NAME:
		return found(search, REASON_TRUSTED_FORWARDER,
			     arena_printf(search->arena, "client %s", name));
	case LIST_ADDRESS:
		break;
	}
	return found(
		search, REASON_TRUSTED_FORWARDER,
		arena_printf(search->arena, "client %s", facts->client_ip));
}

/* The identity, from the first-th on, that a list holds; or NULL. */
static const char *
find_identity(struct search *search, const char *list, size_t first)
{
	const struct list_subject subject = { .names = search->identity + first,
					      .n = search->n - first };
	size_t which = 0;

	if (*list == '\0' || list_find(span_of(list), &subject, &which,
				       &search->override->fault) == LIST_NO)
		return NULL;
	return subject.names[which];
}

static bool is_forwarder_domain(struct search *search)
{
	const char *domain = find_identity(
		search, search->settings->trusted_forwarder_domains, 0);

	if (domain == NULL)
		return false;
	return found(
		search, REASON_TRUSTED_FORWARDER,
		arena_printf(search->arena, "authenticated as %s", domain));
}

/* RFC 2919 3: what the last pair of brackets holds. */
static const char *read_list_id(struct search *search, struct span body)
{
	struct span taken, rest = body;

	while (span_take_until(&body, '<', &taken))
		rest = body;
	if (!span_take_until(&rest, '>', &taken))
		taken = rest;
	return normalized(search, span_trim(taken));
}

/* RFC 2369 3.4: "<mailto:list@lists.example?subject=...>", the first of them. */
static const char *read_list_post(struct search *search, struct span body)
{
	struct span url, domain, local;

	if (!span_take_until(&body, '<', &url) ||
	    !span_take_until(&body, '>', &url) || !span_starts(url, "mailto:"))
		return NULL;
	if (!span_take_until(&url, '?', &domain))
		domain = url;
	if (!span_take_until(&domain, '@', &local))
		return NULL;
	return normalized(search, span_trim(domain));
}

/* The authenticated domain that a list's name is, or is below of; or NULL. */
static const char *who_runs(const struct search *search, const char *list)
{
	size_t i;

	for (i = 0; i < search->n; i++)
		if (domain_labels(search->identity[i]) > 1 &&
		    domain_is_within(list, search->identity[i]))
			return search->identity[i];
	return NULL;
}

static bool is_mailing_list(struct search *search)
{
	const struct settings *settings = search->settings;
	const struct message_facts *facts = search->facts;
	struct list_subject subject = { .n = 1 };
	const char *list, *domain;
	size_t which;

	if (!settings->any_mailing_list && *settings->mailing_lists == '\0')
		return false;
	list = read_list_id(search, facts->list_id);
	if (list == NULL)
		list = read_list_post(search, facts->list_post);
	if (list == NULL)
		return false;
	domain = who_runs(search, list);
	subject.names = &list;
	if (domain == NULL ||
	    (!settings->any_mailing_list &&
	     list_find(span_of(settings->mailing_lists), &subject, &which,
		       &search->override->fault) == LIST_NO))
		return false;
	return found(search, REASON_MAILING_LIST,
		     arena_printf(search->arena, "list %s, authenticated as %s",
				  list, domain));
}

/* Several authors may not hide behind one that is allowed. */
static bool is_allowed_author(struct search *search)
{
	const struct from_result *from = &search->facts->from;
	const struct list_subject subject = { .names = &search->author,
					      .n = 1 };
	size_t which;

	if (from->n != 1 || from->fields > 1 ||
	    list_find(span_of(search->settings->allowed_authors), &subject,
		      &which, &search->override->fault) == LIST_NO)
		return false;
	return found(search, REASON_LOCAL_POLICY,
		     arena_printf(search->arena, "Author Domain %s is allowed",
				  search->author));
}

static bool is_allowed_signer(struct search *search)
{
	const char *domain = find_identity(
		search, search->settings->allowed_signers, search->n_spf);

	if (domain == NULL)
		return false;
	return found(search, REASON_LOCAL_POLICY,
		     arena_printf(search->arena, "signed by %s", domain));
}

int override_find(const struct message_facts *facts, const char *author,
		  const struct settings *settings, struct arena *arena,
		  struct override *override, struct err *err)
{
	struct search search = {
		.facts = facts,
		.author = author,
		.settings = settings,
		.arena = arena,
		.override = override,
	};
	bool any;

	*override = (struct override){ .fault = ERR_INIT };
	read_identities(&search);
	any = is_forwarder_host(&search) || is_forwarder_domain(&search) ||
	      is_mailing_list(&search) || is_allowed_author(&search) ||
	      is_allowed_signer(&search);
	if (search.no_memory)
		return err_set(err, ERR_LIMIT, "out of memory");
	return any;
}

int override_check_files(const struct settings *settings, struct buf *all,
			 struct err *err)
{
	const struct {
		const char *list;
		enum list_kind kind;
	} lists[] = {
		{ settings->trusted_forwarder_hosts, LIST_HOSTS },
		{ settings->trusted_forwarder_domains, LIST_DOMAINS },
		{ settings->mailing_lists, LIST_DOMAINS },
		{ settings->allowed_authors, LIST_DOMAINS },
		{ settings->allowed_signers, LIST_DOMAINS },
	};
	int result = 0;
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct err fault = ERR_INIT;

		if (list_check_files(span_of(lists[i].list), lists[i].kind, all,
				     &fault) == 0)
			continue;
		if (result == 0)
			*err = fault;
		result = -1;
	}
	return result;
}
