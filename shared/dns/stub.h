/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stub.h - a single question by the C library's resolver, the others by c-ares
 *
 * Nearly every message needs one answer, the record of its Author Domain, and
 * Exim has a process for each connection. There, the C library has its code and
 * /etc/resolv.conf in memory already, as Exim asks by it, while c-ares would have
 * to be loaded and started. So a question that comes alone goes out in one packet
 * to the first server. Whatever that does not settle within STUB_MS goes to
 * c-ares, which is made then: several questions at once, an answer longer than
 * 512 octets, a server that fails or is silent.
 *
 * Answers to such questions are kept as long as their TTL allows, up to
 * MAX_KEPT_SECONDS: many messages of one connection have the same author.
 */
#ifndef EDMARC_DNS_STUB_H
#define EDMARC_DNS_STUB_H

#include "base/err.h"
#include "dns/resolver.h"

#define STUB_MS          1000 /* the C library counts in seconds */
#define MAX_KEPT_ANSWERS 32
#define MAX_KEPT_SECONDS 300

/*
 * As cares_new(), with the same promises, also about a host that jumps out of
 * ask(). With servers, c-ares is started and asked at once. Without, answers are
 * DNS_FAIL if it is needed and cannot start.
 */
MUST_CHECK struct resolver *
stub_new(const char *servers, int deadline_ms, struct err *err);

/* The next message: the deadline begins anew. What is kept stays. */
void stub_restart(struct resolver *resolver);

/* How many questions went to the C library, and to c-ares. For tests. */
void stub_counts(const struct resolver *resolver, unsigned *alone,
		 unsigned *by_cares);

#endif
