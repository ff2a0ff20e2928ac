/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/fake_opendmarc.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <opendmarc/dmarc.h>

struct dmarc_policy_t {
	int pct;
};

int opendmarc_get_tld(u_char *domain, u_char *tld, size_t tld_size);

static enum fake_fault what;
static bool have_list;
static DMARC_POLICY_T context;

void fake_opendmarc(enum fake_fault fault)
{
	what = fault;
}

int opendmarc_tld_read_file(char *path, char *comment, char *drop, char *except)
{
	(void)path, (void)comment, (void)drop, (void)except;
	have_list = true;
	return 0;
}

void opendmarc_tld_shutdown(void)
{
	have_list = false;
}

/* The last two labels; without a list, the name. */
int opendmarc_get_tld(u_char *domain, u_char *tld, size_t tld_size)
{
	const char *name = (const char *)domain;
	const char *at = name + strlen(name);
	int dots = 0;

	while (have_list && at > name && dots < 2)
		dots += *--at == '.';
	if (!have_list)
		at = name;
	snprintf((char *)tld, tld_size, "%s", dots == 2 ? at + 1 : at);
	return 0;
}

int opendmarc_policy_check_alignment(u_char *from, u_char *identifier, int mode)
{
	(void)from, (void)identifier, (void)mode;
	return what == FAKE_ALIGNS || what == FAKE_PASSES ? 0 : -1;
}

DMARC_POLICY_T *opendmarc_policy_connect_init(u_char *address, int type)
{
	(void)address, (void)type;
	return what == FAKE_NO_MEMORY ? NULL : &context;
}

DMARC_POLICY_T *opendmarc_policy_connect_shutdown(DMARC_POLICY_T *policy)
{
	(void)policy;
	return NULL;
}

int opendmarc_policy_store_from_domain(DMARC_POLICY_T *policy, u_char *domain)
{
	(void)policy, (void)domain;
	return DMARC_PARSE_OKAY;
}

int opendmarc_policy_store_spf(DMARC_POLICY_T *policy, u_char *domain,
			       int result, int origin, u_char *human)
{
	(void)policy, (void)domain, (void)result, (void)origin, (void)human;
	return DMARC_PARSE_OKAY;
}

int opendmarc_policy_store_dkim(DMARC_POLICY_T *policy, u_char *domain,
				u_char *selector, int result, u_char *human)
{
	(void)policy, (void)domain, (void)selector, (void)result, (void)human;
	return DMARC_PARSE_OKAY;
}

int opendmarc_policy_store_dmarc(DMARC_POLICY_T *policy, u_char *record,
				 u_char *domain, u_char *organization)
{
	(void)policy, (void)record, (void)domain, (void)organization;
	return what == FAKE_REFUSES ? DMARC_PARSE_ERROR_BAD_VALUE :
				      DMARC_PARSE_OKAY;
}

int opendmarc_get_policy_to_enforce(DMARC_POLICY_T *policy)
{
	(void)policy;
	if (what == FAKE_SILENT)
		return DMARC_POLICY_ABSENT;
	if (what == FAKE_PASSES)
		return DMARC_POLICY_PASS;
	return what == FAKE_FORGETS ? DMARC_POLICY_NONE : DMARC_POLICY_REJECT;
}

int opendmarc_get_policy_token_used(DMARC_POLICY_T *policy)
{
	(void)policy;
	return DMARC_USED_POLICY_IS_P;
}

int opendmarc_policy_fetch_alignment(DMARC_POLICY_T *policy, int *dkim,
				     int *spf)
{
	(void)policy;
	*dkim = what == FAKE_PASSES ? DMARC_POLICY_DKIM_ALIGNMENT_PASS :
				      DMARC_POLICY_DKIM_ALIGNMENT_FAIL;
	*spf = DMARC_POLICY_SPF_ALIGNMENT_FAIL;
	return DMARC_PARSE_OKAY;
}

int opendmarc_policy_fetch_p(DMARC_POLICY_T *policy, int *p)
{
	(void)policy;
	*p = DMARC_RECORD_P_REJECT;
	return DMARC_PARSE_OKAY;
}

int opendmarc_policy_fetch_sp(DMARC_POLICY_T *policy, int *sp)
{
	(void)policy;
	*sp = DMARC_RECORD_P_UNSPECIFIED;
	return DMARC_PARSE_OKAY;
}

int opendmarc_policy_fetch_pct(DMARC_POLICY_T *policy, int *pct)
{
	(void)policy;
	*pct = what == FAKE_SAMPLES ? 30 : 100;
	return DMARC_PARSE_OKAY;
}
