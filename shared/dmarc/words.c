/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dmarc/words.h"

#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const policies[] = {
	[DMARC_POLICY_UNSET] = "",
	[DMARC_POLICY_NONE] = "none",
	[DMARC_POLICY_QUARANTINE] = "quarantine",
	[DMARC_POLICY_REJECT] = "reject",
};
static const char *const results[] = {
	[DMARC_NONE] = "none",           [DMARC_PASS] = "pass",
	[DMARC_FAIL] = "fail",           [DMARC_TEMPERROR] = "temperror",
	[DMARC_PERMERROR] = "permerror",
};
static const char *const auth_results[] = {
	[AUTH_NONE] = "none",           [AUTH_PASS] = "pass",
	[AUTH_FAIL] = "fail",           [AUTH_SOFTFAIL] = "softfail",
	[AUTH_NEUTRAL] = "neutral",     [AUTH_POLICY] = "policy",
	[AUTH_TEMPERROR] = "temperror", [AUTH_PERMERROR] = "permerror",
};
static const char *const alignment_modes[] = {
	[ALIGNMENT_RELAXED] = "r",
	[ALIGNMENT_STRICT] = "s",
};
static const char *const psds[] = {
	[DMARC_PSD_UNKNOWN] = "u",
	[DMARC_PSD_YES] = "y",
	[DMARC_PSD_NO] = "n",
};
static const char *const dispositions[] = {
	[DISPOSITION_NONE] = "none",
	[DISPOSITION_PASS] = "pass",
	[DISPOSITION_QUARANTINE] = "quarantine",
	[DISPOSITION_REJECT] = "reject",
};
static const char *const policy_sources[] = {
	[POLICY_SOURCE_NONE] = "",
	[POLICY_SOURCE_P] = "p",
	[POLICY_SOURCE_SP] = "sp",
	[POLICY_SOURCE_NP] = "np",
};
static const char *const discovery_methods[] = {
	[DISCOVERY_TREEWALK] = "treewalk",
	[DISCOVERY_PSL] = "psl",
};
static const char *const spf_scopes[] = {
	[SPF_SCOPE_MFROM] = "mfrom",
	[SPF_SCOPE_HELO] = "helo",
};
static const char *const reason_types[] = {
	[REASON_OTHER] = "other",
	[REASON_LOCAL_POLICY] = "local_policy",
	[REASON_MAILING_LIST] = "mailing_list",
	[REASON_TRUSTED_FORWARDER] = "trusted_forwarder",
	[REASON_POLICY_TEST_MODE] = "policy_test_mode",
	[REASON_FORWARDED] = "forwarded",
	[REASON_SAMPLED_OUT] = "sampled_out",
};
static const char *const actions[] = {
	[ACTION_ACCEPT] = "accept",         [ACTION_TAG] = "tag",
	[ACTION_QUARANTINE] = "quarantine", [ACTION_REJECT] = "reject",
	[ACTION_DEFER] = "defer",
};

/* The index of word among names, or -1; "" is never found. */
static int find(struct span word, const char *const *names, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (word.n > 0 && span_is(word, names[i]))
			return (int)i;
	return -1;
}

/*
 * One name and one parse function for each table. The enums are dense from 0,
 * so the index is the value.
 */
#define WORD_FUNCTIONS(function, type, names)                            \
	const char *function##_name(type value)                          \
	{                                                                \
		return (size_t)value < COUNT(names) ? names[value] : ""; \
	}                                                                \
	bool function##_parse(struct span word, type *value)             \
	{                                                                \
		int found = find(word, names, COUNT(names));             \
                                                                         \
		if (found >= 0)                                          \
			*value = (type)found;                            \
		return found >= 0;                                       \
	}

WORD_FUNCTIONS(dmarc_policy, enum dmarc_policy, policies)
WORD_FUNCTIONS(dmarc_result, enum dmarc_result, results)
WORD_FUNCTIONS(alignment_mode, enum alignment_mode, alignment_modes)
WORD_FUNCTIONS(dmarc_psd, enum dmarc_psd, psds)
WORD_FUNCTIONS(disposition, enum disposition, dispositions)
WORD_FUNCTIONS(policy_source, enum policy_source, policy_sources)
WORD_FUNCTIONS(discovery_method, enum discovery_method, discovery_methods)
WORD_FUNCTIONS(spf_scope, enum spf_scope, spf_scopes)
WORD_FUNCTIONS(reason_type, enum reason_type, reason_types)
WORD_FUNCTIONS(action, enum action, actions)

const char *auth_result_name(enum auth_result result)
{
	return (size_t)result < COUNT(auth_results) ? auth_results[result] : "";
}

bool auth_result_parse(struct span word, enum auth_result *result)
{
	static const struct {
		const char *word;
		enum auth_result result;
	} others[] = {
		{ "hardfail", AUTH_FAIL },      { "unknown", AUTH_TEMPERROR },
		{ "tmperror", AUTH_TEMPERROR }, { "error", AUTH_PERMERROR },
		{ "invalid", AUTH_NEUTRAL },
	};
	int found = find(word, auth_results, COUNT(auth_results));
	size_t i;

	if (found >= 0) {
		*result = (enum auth_result)found;
		return true;
	}
	for (i = 0; i < COUNT(others); i++) {
		if (span_is(word, others[i].word)) {
			*result = others[i].result;
			return true;
		}
	}
	return false;
}
