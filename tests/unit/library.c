/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/library.h"

#include <stdio.h>
#include <string.h>

#include <opendmarc/dmarc.h>

#include "dns/domain.h"

#define MAX_RECORD_BYTES 65536

/* The library takes u_char * without const; it copies what it is given. */
static u_char *writable(const char *text, char *room, size_t size)
{
	snprintf(room, size, "%s", text);
	return (u_char *)room;
}

static DMARC_POLICY_T *begin(void)
{
	char address[] = "192.0.2.1";

	return opendmarc_policy_connect_init((u_char *)address, 0);
}

static const char *policy_word(int letter)
{
	switch (letter) {
	case DMARC_RECORD_P_NONE:
		return "none";
	case DMARC_RECORD_P_QUARANTINE:
		return "quarantine";
	case DMARC_RECORD_P_REJECT:
		return "reject";
	default:
		return "";
	}
}

static const char *mode_word(int letter)
{
	switch (letter) {
	case DMARC_RECORD_A_STRICT:
		return "s";
	case DMARC_RECORD_A_RELAXED:
		return "r";
	default:
		return "";
	}
}

struct library_record library_read(const char *text)
{
	char record[MAX_RECORD_BYTES], domain[] = "example.com";
	struct library_record read = { .pct = -1 };
	DMARC_POLICY_T *policy = begin();
	int p = 0, sp = 0, adkim = 0, aspf = 0;

	read.usable = opendmarc_policy_store_dmarc(
			      policy, writable(text, record, sizeof(record)),
			      (u_char *)domain, NULL) == DMARC_PARSE_OKAY;
	(void)opendmarc_policy_fetch_p(policy, &p);
	(void)opendmarc_policy_fetch_sp(policy, &sp);
	(void)opendmarc_policy_fetch_adkim(policy, &adkim);
	(void)opendmarc_policy_fetch_aspf(policy, &aspf);
	(void)opendmarc_policy_fetch_pct(policy, &read.pct);
	read.p = policy_word(p);
	read.sp = policy_word(sp == DMARC_RECORD_P_UNSPECIFIED ? p : sp);
	read.adkim = mode_word(adkim);
	read.aspf = mode_word(aspf);
	(void)opendmarc_policy_connect_shutdown(policy);
	return read;
}

static int spf_outcome(enum auth_result result)
{
	if (result == AUTH_TEMPERROR)
		return DMARC_POLICY_SPF_OUTCOME_TMPFAIL;
	return result == AUTH_PASS ? DMARC_POLICY_SPF_OUTCOME_PASS :
				     DMARC_POLICY_SPF_OUTCOME_FAIL;
}

static int dkim_outcome(enum auth_result result)
{
	if (result == AUTH_TEMPERROR)
		return DMARC_POLICY_DKIM_OUTCOME_TMPFAIL;
	return result == AUTH_PASS ? DMARC_POLICY_DKIM_OUTCOME_PASS :
				     DMARC_POLICY_DKIM_OUTCOME_FAIL;
}

static void
store_facts(DMARC_POLICY_T *policy, const struct message_facts *facts)
{
	const struct spf_fact *spf = &facts->spf;
	char name[DOMAIN_MAX_OCTETS + 1], selector[] = "s", human[] = "";
	size_t i;

	if (spf->known && *spf->domain != '\0')
		(void)opendmarc_policy_store_spf(
			policy, writable(spf->domain, name, sizeof(name)),
			spf_outcome(spf->result),
			spf->scope == SPF_SCOPE_HELO ?
				DMARC_POLICY_SPF_ORIGIN_HELO :
				DMARC_POLICY_SPF_ORIGIN_MAILFROM,
			(u_char *)human);
	for (i = 0; i < facts->n_dkim; i++)
		(void)opendmarc_policy_store_dkim(
			policy,
			writable(facts->dkim[i].domain, name, sizeof(name)),
			(u_char *)selector, dkim_outcome(facts->dkim[i].result),
			(u_char *)human);
}

static const char *enforce(DMARC_POLICY_T *policy)
{
	switch (opendmarc_get_policy_to_enforce(policy)) {
	case DMARC_POLICY_PASS:
		return "pass";
	case DMARC_POLICY_REJECT:
		return "fail reject";
	case DMARC_POLICY_QUARANTINE:
		return "fail quarantine";
	case DMARC_POLICY_NONE:
		return "fail none";
	default:
		return "none";
	}
}

const char *library_judge(const struct message_facts *facts,
			  const struct dmarc_verdict *verdict)
{
	char record[MAX_RECORD_BYTES], name[DOMAIN_MAX_OCTETS + 1];
	char organization[DOMAIN_MAX_OCTETS + 1];
	bool own = domain_equal(verdict->policy_domain, verdict->from_domain);
	DMARC_POLICY_T *policy = begin();
	const char *result;

	(void)opendmarc_policy_store_from_domain(
		policy, writable(verdict->from_domain, name, sizeof(name)));
	store_facts(policy, facts);
	/* As its own discovery does: the organization only if that has it. */
	(void)opendmarc_policy_store_dmarc(
		policy,
		writable(verdict->record.text.p, record, sizeof(record)),
		writable(verdict->from_domain, name, sizeof(name)),
		own ? NULL :
		      writable(verdict->policy_domain, organization,
			       sizeof(organization)));
	result = enforce(policy);
	(void)opendmarc_policy_connect_shutdown(policy);
	return result;
}
