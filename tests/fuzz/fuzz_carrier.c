/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_carrier.c - what a mail says of how it came in
 *
 * The octets are read as a mail as it lies in the spool, and then as what a sender
 * wrote, below the fields that our servers put on top: there it must make no
 * difference at all.
 */
#include <string.h>

#include "base/buf.h"
#include "dns/domain.h"
#include "fuzz.h"
#include "report/carrier.h"

#define ARRIVAL "Received: from c ([192.0.2.1]) by mx.test with esmtp (Exim)\n"
#define LMTP    "Received: from mx.test by store.test with LMTP id 1\n"
#define FAIL    "Authentication-Results: mx.test; dmarc=fail header.from=a.test\n"
#define PASS    "Authentication-Results: mx.test; dmarc=pass header.from=b.test\n"

/* What we put on top, and what that alone says. */
static const struct {
	const char *top;
	enum authenticated result;
	const char *domain;
} ours[] = {
	{ ARRIVAL, AUTHENTICATED_UNKNOWN, "" },
	{ LMTP ARRIVAL, AUTHENTICATED_UNKNOWN, "" },
	{ FAIL ARRIVAL, AUTHENTICATED_NO, "a.test" },
	{ PASS ARRIVAL, AUTHENTICATED_YES, "b.test" },
	{ LMTP FAIL ARRIVAL, AUTHENTICATED_NO, "a.test" },
	{ LMTP PASS ARRIVAL, AUTHENTICATED_YES, "b.test" },
};

static void read_mail(struct span mail, struct arena *arena, struct carrier *to)
{
	static const char *const ids[] = { "mx.test", "", "other" };

	arena_reset(arena);
	carrier_read(mail, ids, 3, arena, to);
}

static void check(const struct carrier *carrier, struct arena *arena)
{
	const char *domain = carrier->domain;
	const char *again;

	MUST_HOLD(carrier->psl == NULL && domain != NULL);
	MUST_HOLD(carrier->result != AUTHENTICATED_OTHER);
	if (carrier->result == AUTHENTICATED_UNKNOWN)
		MUST_HOLD(*domain == '\0');
	if (carrier->result == AUTHENTICATED_YES)
		MUST_HOLD(*domain != '\0');
	if (*domain == '\0')
		return;
	again = domain_normalize(arena, span_of(domain));
	MUST_HOLD(again != NULL && strcmp(again, domain) == 0);
}

/* Only who is below the domain that passed is taken for its reporter. */
static void check_report(const struct carrier *carrier, struct span email,
			 struct arena *arena)
{
	enum authenticated answer = carrier_of_report(carrier, email, arena);
	struct span local;
	const char *domain;

	if (carrier->result != AUTHENTICATED_YES) {
		MUST_HOLD(answer == carrier->result);
		return;
	}
	MUST_HOLD(answer == AUTHENTICATED_YES || answer == AUTHENTICATED_OTHER);
	if (answer == AUTHENTICATED_OTHER)
		return;
	email = span_trim(email);
	while (span_take_until(&email, '@', &local))
		;
	domain = domain_normalize(arena, email);
	MUST_HOLD(domain != NULL && domain_is_within(domain, carrier->domain));
}

static void read_below(struct span mail, struct arena *arena)
{
	struct buf text = BUF_INIT(SIZE_MAX);
	struct carrier carrier;
	size_t i;

	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		buf_reset(&text);
		buf_add_string(&text, ours[i].top);
		buf_add(&text, mail);
		MUST_HOLD(buf_ok(&text));
		read_mail(buf_span(&text), arena, &carrier);
		MUST_HOLD(carrier.result == ours[i].result);
		MUST_HOLD(strcmp(carrier.domain, ours[i].domain) == 0);
	}
	buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span mail = { (const char *)data, size }, head = mail;
	struct span body = SPAN("");
	struct arena *arena = arena_new((size_t)32 * 1024 * 1024);
	struct carrier whole, top;
	const char *end = size == 0 ? NULL : memmem(data, size, "\n\n", 2);
	char domain[256];

	MUST_HOLD(arena != NULL);
	if (end != NULL) {
		head.n = (size_t)(end - head.p) + 1;
		body = (struct span){ end + 1, mail.n - head.n };
	}
	read_mail(head, arena, &top);
	check(&top, arena);
	check_report(&top, body, arena);
	/* What stands behind the header says nothing. */
	snprintf(domain, sizeof(domain), "%s", top.domain);
	read_mail(mail, arena, &whole);
	MUST_HOLD(whole.result == top.result);
	MUST_HOLD(strcmp(whole.domain, domain) == 0);
	read_below(mail, arena);
	arena_free(&arena);
	return 0;
}
