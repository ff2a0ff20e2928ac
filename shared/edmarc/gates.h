/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gates.h - who gets no report although somebody asked for it
 *
 * What the administrator and bounces have to say about a report and about each of
 * its destinations, before anything is written or mailed.
 */
#ifndef EDMARC_EDMARC_GATES_H
#define EDMARC_EDMARC_GATES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "dmarc/settings.h"
#include "report/destinations.h"
#include "store/database.h"
#include "store/outgoing.h"

/* A run takes hours: suppressed addresses are read again after so long. */
#define GATES_SECONDS 60

struct gates;

/* settings and db have to stay. dry: nothing is sent, and nothing noted. */
MUST_CHECK int gates_open(const struct settings *settings, struct database *db,
			  bool dry, struct gates **gates, struct err *err);
void gates_close(struct gates **gates);

/*
 * May the report be made at all? *closed is why not, in the arena, or NULL. A list
 * that cannot be read (ERR_TEMP) lets nothing through: it names who must not be
 * written to.
 */
MUST_CHECK int gates_report(struct gates *gates, const struct outgoing *report,
			    struct arena *arena, const char **closed,
			    struct err *err);

/*
 * Turn down those of the allowed destinations that must not have it, with the
 * reason, in the arena. -1 without memory or database.
 */
MUST_CHECK int gates_destinations(struct gates *gates, struct destinations *to,
				  int64_t now, struct arena *arena,
				  struct err *err);

#endif
