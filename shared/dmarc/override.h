/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * override.h - whose failing mail the policy is not applied to, and why
 *
 * The section [override] of edmarc.conf, with the reason types of RFC 9990
 * 3.1.6. Everything that a message says of itself, such as List-Id, anybody can
 * write: it counts only together with a domain that SPF or DKIM has
 * authenticated. The exception is allowed_authors, which says so in the manual.
 */
#ifndef EDMARC_DMARC_OVERRIDE_H
#define EDMARC_DMARC_OVERRIDE_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "dmarc/settings.h"
#include "dmarc/verdict.h"

/*
 * Authenticated domains that are looked for in the lists: SPF and the first
 * signatures that pass, in the order of R7.6. Honest mail has two or three.
 */
#define MAX_OVERRIDE_IDENTITIES 10

struct override {
	struct verdict_reason reason; /* when one was found */
	struct err fault; /* a file that could not be read; or ERR_NONE */
};

/*
 * Look for the first override in the order trusted_forwarder, mailing_list,
 * local_policy. 1 when there is one, 0 when not, -1 without memory (ERR_LIMIT).
 * The fault is set in either case: a file that cannot be read exempts nobody.
 */
MUST_CHECK int
override_find(const struct message_facts *facts, const char *author,
	      const struct settings *settings, struct arena *arena,
	      struct override *override, struct err *err);

/*
 * The files that the lists of [override] name: a line in *all for each mistake,
 * the first one in *err (ERR_CONFIG).
 */
MUST_CHECK int override_check_files(const struct settings *settings,
				    struct buf *all, struct err *err);

#endif
