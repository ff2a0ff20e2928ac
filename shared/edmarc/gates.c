/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/gates.h"

#include <stdlib.h>

#include "base/quote.h"
#include "base/utc.h"
#include "dmarc/lists.h"
#include "report/address.h"
#include "store/history.h"
#include "store/suppressions.h"

struct gates {
	const struct settings *settings;
	struct database *db;
	bool dry;
	struct suppressions *suppressions; /* NULL before they are needed */
	int64_t read_at;
};

int gates_open(const struct settings *settings, struct database *db, bool dry,
	       struct gates **gates, struct err *err)
{
	struct gates *made = calloc(1, sizeof(*made));

	if (made == NULL)
		return err_set(err, ERR_TEMP, "out of memory");
	*made = (struct gates){ .settings = settings, .db = db, .dry = dry };
	*gates = made;
	return 0;
}

void gates_close(struct gates **gates)
{
	if (*gates == NULL)
		return;
	suppressions_free(&(*gates)->suppressions);
	free(*gates);
	*gates = NULL;
}

/* ------------------------------------------------------------------ a report */

/* Is one of the names in this list? */
static int is_listed(const char *list, const char *const *names, size_t n,
		     bool *listed, struct err *err)
{
	const struct list_subject subject = { .names = names, .n = n };
	struct err fault = ERR_INIT;
	size_t which;

	*listed =
		list_find(span_of(list), &subject, &which, &fault) == LIST_NAME;
	if (*listed || fault.kind == ERR_NONE)
		return 0;
	return err_set(err, ERR_TEMP, "%s", fault.text);
}

int gates_report(struct gates *gates, const struct outgoing *report,
		 struct arena *arena, const char **closed, struct err *err)
{
	const struct settings *settings = gates->settings;
	bool yes = false;

	*closed = NULL;
	if (report->messages < (uint64_t)settings->min_messages) {
		*closed = arena_printf(arena, "fewer than %d messages",
				       settings->min_messages);
		return *closed == NULL ?
			       err_set(err, ERR_LIMIT, "out of memory") :
			       0;
	}
	if (is_listed(settings->no_reports_about, &report->policy_domain, 1,
		      &yes, err) < 0)
		return -1;
	if (yes)
		*closed = "listed in no_reports_about";
	if (yes || settings->report_to == REPORT_TO_ALL)
		return 0;
	if (history_is_good(gates->db, report->policy_domain, report->day,
			    settings->history_days, &yes, err) < 0)
		return -1;
	if (!yes)
		*closed = "no message but such as were turned away";
	return 0;
}

/* ------------------------------------------------------------- destinations */

static int refresh(struct gates *gates, int64_t now, struct err *err)
{
	if (gates->suppressions != NULL &&
	    now - gates->read_at < GATES_SECONDS && now >= gates->read_at)
		return 0;
	gates->read_at = now;
	return suppressions_load(&gates->suppressions, gates->db, err);
}

static const char *
explain(const struct suppression *suppression, struct arena *arena)
{
	struct quoted reason = quote(suppression->reason);

	return arena_printf(arena, "suppressed%s%s%s%s",
			    suppression->until_at == 0 ? "" : " until ",
			    suppression->until_at == 0 ?
				    "" :
				    utc_stamp(suppression->until_at).text,
			    suppression->reason.n == 0 ? "" : ": ",
			    reason.text);
}

/*
 * The first mail after a suppression is a trial: if it does not come back, the
 * next bounce is the first again.
 */
static int judge(struct gates *gates, struct destination *to, int64_t now,
		 struct arena *arena, struct err *err)
{
	struct span address = span_of(to->address);
	const struct suppression *suppression =
		suppressions_find(gates->suppressions, address, now);
	struct span domain = address;
	const char *names[2] = { to->address, "" };
	bool listed;

	if (address_is_plain(address, &domain))
		names[1] = domain.p; /* up to the end of the address */
	if (is_listed(gates->settings->no_reports_to, names, 2, &listed, err) <
	    0)
		return -1;
	if (listed) {
		to->state = DESTINATION_REFUSED;
		to->why = "listed in no_reports_to";
		return 0;
	}
	if (suppression == NULL) {
		if (gates->dry ||
		    !suppressions_is_trial(gates->suppressions, address, now))
			return 0;
		return suppression_tried(gates->db, address, now, err);
	}
	to->state = DESTINATION_REFUSED;
	to->why = explain(suppression, arena);
	return to->why == NULL ? err_set(err, ERR_LIMIT, "out of memory") : 0;
}

int gates_destinations(struct gates *gates, struct destinations *to,
		       int64_t now, struct arena *arena, struct err *err)
{
	size_t i;

	if (refresh(gates, now, err) < 0)
		return -1;
	for (i = 0; i < to->n; i++)
		if (to->list[i].state == DESTINATION_ALLOWED &&
		    judge(gates, &to->list[i], now, arena, err) < 0)
			return -1;
	return 0;
}
