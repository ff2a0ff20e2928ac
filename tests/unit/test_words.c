/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dmarc/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Each value's name is read back as that value, in any letter case. */
#define ROUND_TRIP(function, type, first, last)                               \
	do {                                                                  \
		int i;                                                        \
                                                                              \
		for (i = (int)(first); i <= (int)(last); i++) {               \
			type value = (type)(i == 0 ? 1 : 0);                  \
			const char *name = function##_name((type)i);          \
                                                                              \
			assert_true(*name != '\0');                           \
			assert_true(function##_parse(span_of(name), &value)); \
			assert_int_equal(value, i);                           \
		}                                                             \
		assert_string_equal(function##_name((type)((last) + 1)), ""); \
	} while (0)

/* What is no word leaves the value alone. */
#define REFUSES(function, type, word)                               \
	do {                                                        \
		type value = (type)1;                               \
                                                                    \
		assert_false(function##_parse(SPAN(word), &value)); \
		assert_int_equal(value, 1);                         \
	} while (0)

static void test_round_trip(void **state)
{
	(void)state;
	ROUND_TRIP(dmarc_policy, enum dmarc_policy, DMARC_POLICY_NONE,
		   DMARC_POLICY_REJECT);
	ROUND_TRIP(dmarc_result, enum dmarc_result, DMARC_NONE,
		   DMARC_PERMERROR);
	ROUND_TRIP(auth_result, enum auth_result, AUTH_NONE, AUTH_PERMERROR);
	ROUND_TRIP(alignment_mode, enum alignment_mode, ALIGNMENT_RELAXED,
		   ALIGNMENT_STRICT);
	ROUND_TRIP(dmarc_psd, enum dmarc_psd, DMARC_PSD_UNKNOWN, DMARC_PSD_NO);
	ROUND_TRIP(disposition, enum disposition, DISPOSITION_NONE,
		   DISPOSITION_REJECT);
	ROUND_TRIP(policy_source, enum policy_source, POLICY_SOURCE_P,
		   POLICY_SOURCE_NP);
	ROUND_TRIP(discovery_method, enum discovery_method, DISCOVERY_TREEWALK,
		   DISCOVERY_PSL);
	ROUND_TRIP(spf_scope, enum spf_scope, SPF_SCOPE_MFROM, SPF_SCOPE_HELO);
	ROUND_TRIP(reason_type, enum reason_type, REASON_OTHER,
		   REASON_SAMPLED_OUT);
	ROUND_TRIP(action, enum action, ACTION_ACCEPT, ACTION_DEFER);
}

static void test_refused(void **state)
{
	(void)state;
	REFUSES(dmarc_policy, enum dmarc_policy, "");
	REFUSES(dmarc_policy, enum dmarc_policy, "rejec");
	REFUSES(dmarc_policy, enum dmarc_policy, "reject ");
	REFUSES(dmarc_result, enum dmarc_result, "bestguesspass");
	REFUSES(auth_result, enum auth_result, "passed");
	REFUSES(alignment_mode, enum alignment_mode, "relaxed");
	REFUSES(dmarc_psd, enum dmarc_psd, "yes");
	REFUSES(disposition, enum disposition, "");
	REFUSES(policy_source, enum policy_source, "");
	REFUSES(spf_scope, enum spf_scope, "mailfrom");
}

static void test_letter_case(void **state)
{
	enum dmarc_policy policy = DMARC_POLICY_UNSET;

	(void)state;
	assert_true(dmarc_policy_parse(SPAN("ReJeCt"), &policy));
	assert_int_equal(policy, DMARC_POLICY_REJECT);
}

/* Section 5 of the rules: seen in the field, though not RFC 8601's. */
static void test_odd_results(void **state)
{
	static const struct {
		const char *word;
		enum auth_result result;
	} odd[] = {
		{ "hardfail", AUTH_FAIL },      { "unknown", AUTH_TEMPERROR },
		{ "tmperror", AUTH_TEMPERROR }, { "error", AUTH_PERMERROR },
		{ "Invalid", AUTH_NEUTRAL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		enum auth_result result = AUTH_NONE;

		assert_true(auth_result_parse(span_of(odd[i].word), &result));
		assert_int_equal(result, odd[i].result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_letter_case),
		cmocka_unit_test(test_odd_results),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
