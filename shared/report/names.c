/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/names.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/quote.h"
#include "base/sha256.h"
#include "dns/domain.h"

#define DIGITS      "0123456789"
#define LETTERS     "abcdefghijklmnopqrstuvwxyz"
#define BIG_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool is_only(const char *text, const char *set)
{
	return text[0] != '\0' && text[strspn(text, set)] == '\0';
}

/* A hash of everything that tells reports apart, in its first 32 digits. */
struct report_id
report_id_make(int64_t day, struct span policy_hash, const char *submitter)
{
	char text[2 * SHA256_BYTES + DOMAIN_MAX_OCTETS + 40];
	struct sha256 policy = sha256(policy_hash);
	struct sha256 hash;
	struct report_id id;
	size_t n = 0, i;

	for (i = 0; i < sizeof(policy.bytes); i++, n += 2)
		snprintf(text + n, 3, "%02x", policy.bytes[i]);
	snprintf(text + n, sizeof(text) - n, " %" PRId64 " %s", day, submitter);
	hash = sha256(span_of(text));
	for (i = 0; i < REPORT_ID_DIGITS / 2; i++)
		snprintf(&id.text[2 * i], 3, "%02x", hash.bytes[i]);
	return id;
}

int report_names_make(struct report_names *names, const char *submitter,
		      const char *policy_domain, int64_t begin, int64_t end,
		      const char *report_id, struct arena *arena,
		      struct err *err)
{
	struct report_names made;

	if (!is_only(submitter, LETTERS DIGITS "-.") ||
	    domain_labels(submitter) < 2)
		return err_set(err, ERR_CONFIG,
			       "not a domain of our own to report from: %s",
			       quote(span_of(submitter)).text);
	/* Above all no "/" and "!", which mean something in file names. */
	if (!is_only(policy_domain, LETTERS DIGITS "-_.") ||
	    policy_domain[0] == '.')
		return err_set(err, ERR_INPUT, "not a domain to report on: %s",
			       quote(span_of(policy_domain)).text);
	if (!is_only(report_id, LETTERS BIG_LETTERS DIGITS))
		return err_set(err, ERR_INPUT, "not a report id: %s",
			       quote(span_of(report_id)).text);
	made.file =
		arena_printf(arena, "%s!%s!%" PRId64 "!%" PRId64 "!%s.xml.gz",
			     submitter, policy_domain, begin, end, report_id);
	made.subject = arena_printf(
		arena, "Report Domain: %s Submitter: %s Report-ID: <%s>",
		policy_domain, submitter, report_id);
	made.message_id = arena_printf(arena, "%s@%s", report_id, submitter);
	if (made.file == NULL || made.subject == NULL ||
	    made.message_id == NULL)
		return err_set(err, ERR_LIMIT, "report names: out of memory");
	*names = made;
	return 0;
}
