/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * said.h - a report sink that writes down what it hears, for tests
 *
 *	begin ENTRY
 *	head rfc7489 version=- org=... email=... ... p=none sp= np=
 *	row 192.0.2.1 5 none dkim=pass spf=fail from=... to=- ...
 *	reason other comment=-
 *	dkim example.org selector=s result=pass human=-
 *	spf example.org mfrom result=fail human=-
 *	failure type=auth-failure failed=dmarc domain=... ...
 *	tls org=... contact=... id=... begin=... end=...
 *	policy type=sts domain=... mx=... good=1 bad=0
 *	failed result=... from=... sessions=1
 *	bounce hard status=5.1.1 to=... said=... by=...
 *	end aggregate ok skipped=0 reason= warnings=
 *
 * Absent texts are "-". Also checks what every reader promises: the order of
 * the calls, and a head before the first row.
 */
#ifndef EDMARC_TESTS_SAID_H
#define EDMARC_TESTS_SAID_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "report/aggregate.h"

enum said_kind {
	SAID_NOTHING, /* or an aggregate report */
	SAID_FAILURE,
	SAID_TLS,
	SAID_BOUNCE,
};

struct said {
	struct report_sink sink; /* first: the sink is the struct */
	struct buf text;
	int depth; /* 1 inside a report */
	bool head;
	enum said_kind kind;
	size_t rows; /* of the report at hand, or policies */
	size_t reports;
	size_t good;        /* ok or partial */
	size_t ok;          /* of these */
	int refuse_after;   /* calls until one returns -1; < 0: never */
	const char *broken; /* the promise that was not kept, or NULL */
};

void said_start(struct said *said);
void said_release(struct said *said);

#endif
