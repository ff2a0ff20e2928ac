/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/names.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/quote.h"
#include "dns/domain.h"

#define DIGITS      "0123456789"
#define LETTERS     "abcdefghijklmnopqrstuvwxyz"
#define BIG_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool is_only(const char *text, const char *set)
{
	return text[0] != '\0' && text[strspn(text, set)] == '\0';
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
