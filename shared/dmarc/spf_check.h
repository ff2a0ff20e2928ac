/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spf_check.h - SPF (RFC 7208) for a host that has not checked it
 *
 * libspf2 does it, behind a function of libopendmarc, and asks the DNS by the C
 * library: for each answer up to 5 s, twice, of each name server in
 * /etc/resolv.conf, and some records need a dozen answers. It cannot be told to
 * hurry, so it works in a thread, which is cancelled when the time is over. The
 * caller's own questions can go on meanwhile.
 *
 * What the two libraries get wrong, and what is done about it here, stands in
 * docs/OPENDMARC.md. The library is loaded on demand: it takes 0.3 ms.
 */
#ifndef EDMARC_DMARC_SPF_CHECK_H
#define EDMARC_DMARC_SPF_CHECK_H

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "dmarc/verdict.h"
#include "dns/resolver.h"

#define SPF_LIBRARY "libopendmarc.so.2"

/* For one check after the other. */
struct spf_checker;

/*
 * Load the library, which stays with the process. NULL with ERR_CONFIG when it
 * is not there or cannot check SPF.
 */
MUST_CHECK struct spf_checker *
spf_checker_new(const char *library, struct err *err);

/* Ends a check that is under way. */
void spf_checker_free(struct spf_checker **checker);

/*
 * Begin to check whether the client may send for mail_from (a reverse-path
 * without <>), or for the HELO name when it is "" (R5.1, R5.2). *spf is
 * written: with "temperror" until the answer is there, and with "none" when
 * there is nothing to check: no domain, or a client on this host, of which
 * libspf2 would say "pass" whatever the record says.
 *
 * Returns 1 when the check is under way, and spf_check_finish() has to be called;
 * 0 when *spf is the answer; -1 when there is no memory (*spf is not written) or
 * no thread (*spf is "temperror").
 */
MUST_CHECK int
spf_check_start(struct spf_checker *checker, const char *client_ip,
		const char *helo, const char *mail_from, int deadline_ms,
		struct spf_fact *spf, struct arena *arena, struct err *err);

/*
 * Wait for the answer, until deadline_ms after the start: then it is
 * "temperror", or "permerror" when the record makes us ask the client's own name
 * servers ("ptr"), which must not decide about that: after half of the time the
 * resolver is asked for the record. libspf2 has one word for a record that cannot be read and for a
 * record that could not be fetched: then the resolver tries to fetch it, and if
 * it can, libspf2 gets a second chance.
 *
 * The thread has ended when this returns. Should it not react within 100 ms, it
 * is left behind: it touches nothing of the caller's, but there is no further
 * check in this process, and the answer is "temperror" each time. The same
 * happens when a host jumped out of this function by a signal.
 */
void spf_check_finish(struct spf_checker *checker, struct resolver *resolver,
		      struct spf_fact *spf, struct arena *arena);

#endif
