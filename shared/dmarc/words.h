/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * words.h - the field's terms as enums, and their names
 *
 * Names are the words of the RFCs, so they can stand in records, headers,
 * reports, JSON and SQL as they are. Each x_parse() ignores letter case and
 * returns false, leaving *x alone, for a word it does not know.
 */
#ifndef EDMARC_DMARC_WORDS_H
#define EDMARC_DMARC_WORDS_H

#include <stdbool.h>

#include "base/span.h"

/* What a domain owner asks for: p, sp, np. */
enum dmarc_policy {
	DMARC_POLICY_UNSET, /* not said; name "" */
	DMARC_POLICY_NONE,
	DMARC_POLICY_QUARANTINE,
	DMARC_POLICY_REJECT,
};

/* R6.2 */
enum dmarc_result {
	DMARC_NONE, /* no record applies */
	DMARC_PASS,
	DMARC_FAIL,
	DMARC_TEMPERROR,
	DMARC_PERMERROR,
};

/* Results of SPF and DKIM (RFC 8601 2.7.1, 2.7.2). */
enum auth_result {
	AUTH_NONE,
	AUTH_PASS,
	AUTH_FAIL,
	AUTH_SOFTFAIL, /* SPF only */
	AUTH_NEUTRAL,
	AUTH_POLICY,
	AUTH_TEMPERROR,
	AUTH_PERMERROR,
};

/* adkim, aspf */
enum alignment_mode {
	ALIGNMENT_RELAXED, /* "r" */
	ALIGNMENT_STRICT,  /* "s" */
};

/* psd */
enum dmarc_psd {
	DMARC_PSD_UNKNOWN, /* "u" */
	DMARC_PSD_YES,     /* "y" */
	DMARC_PSD_NO,      /* "n" */
};

/* What was done with the message, in the words of reports (R7.3). */
enum disposition {
	DISPOSITION_NONE,
	DISPOSITION_PASS, /* RFC 9990 only */
	DISPOSITION_QUARANTINE,
	DISPOSITION_REJECT,
};

/* Which of the record's words applied. */
enum policy_source {
	POLICY_SOURCE_NONE, /* no record; name "" */
	POLICY_SOURCE_P,
	POLICY_SOURCE_SP,
	POLICY_SOURCE_NP,
};

enum discovery_method {
	DISCOVERY_TREEWALK, /* RFC 9989 */
	DISCOVERY_PSL,      /* RFC 7489 */
};

enum spf_scope {
	SPF_SCOPE_MFROM,
	SPF_SCOPE_HELO, /* null reverse-path: the HELO name was checked (R5.2) */
};

/* Why the disposition is not what the record asks for (RFC 9990 3.1.6). */
enum reason_type {
	REASON_OTHER,
	REASON_LOCAL_POLICY,
	REASON_MAILING_LIST,
	REASON_TRUSTED_FORWARDER,
	REASON_POLICY_TEST_MODE,
	REASON_FORWARDED,   /* RFC 7489 only */
	REASON_SAMPLED_OUT, /* RFC 7489 only */
};

/* What this server does with the message. */
enum action {
	ACTION_ACCEPT,     /* "accept": delivered as if we were not here */
	ACTION_TAG,        /* "tag": delivered, marked as doubtful */
	ACTION_QUARANTINE, /* "quarantine": delivered where junk goes */
	ACTION_REJECT,     /* "reject": refused with 5yz */
	ACTION_DEFER,      /* "defer": refused with 4yz */
};

const char *dmarc_policy_name(enum dmarc_policy policy);
const char *dmarc_result_name(enum dmarc_result result);
const char *auth_result_name(enum auth_result result);
const char *alignment_mode_name(enum alignment_mode mode);
const char *dmarc_psd_name(enum dmarc_psd psd);
const char *disposition_name(enum disposition disposition);
const char *policy_source_name(enum policy_source source);
const char *discovery_method_name(enum discovery_method method);
const char *spf_scope_name(enum spf_scope scope);
const char *reason_type_name(enum reason_type type);
const char *action_name(enum action action);

bool dmarc_policy_parse(struct span word, enum dmarc_policy *policy);
bool dmarc_result_parse(struct span word, enum dmarc_result *result);

/*
 * Also the words that are not RFC 8601's but are seen: hardfail is fail,
 * unknown and tmperror are temperror, error is permerror, invalid is neutral.
 */
bool auth_result_parse(struct span word, enum auth_result *result);
bool alignment_mode_parse(struct span word, enum alignment_mode *mode);
bool dmarc_psd_parse(struct span word, enum dmarc_psd *psd);
bool disposition_parse(struct span word, enum disposition *disposition);
bool policy_source_parse(struct span word, enum policy_source *source);
bool discovery_method_parse(struct span word, enum discovery_method *method);
bool spf_scope_parse(struct span word, enum spf_scope *scope);
bool reason_type_parse(struct span word, enum reason_type *type);
bool action_parse(struct span word, enum action *action);

#endif
