/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/random_report.h"

#include <string.h>

#include <arpa/inet.h>

uint32_t random_below(struct test_random *random, uint32_t n)
{
	/* xorshift64*: no library's idea of randomness, the same everywhere */
	random->state ^= random->state >> 12;
	random->state ^= random->state << 25;
	random->state ^= random->state >> 27;
	return (uint32_t)((random->state * 0x2545f4914f6cdd1dULL) >> 32) % n;
}

static bool one_in(struct test_random *random, uint32_t n)
{
	return random_below(random, n) == 0;
}

/* What markup, shells and terminals take for more than text. */
static struct span random_text(struct test_random *random, struct arena *arena)
{
	static const char *const pieces[] = {
		"a",
		"Z",
		"0",
		"&",
		"<",
		">",
		"\"",
		"'",
		"]]>",
		"&amp;",
		"<!--",
		"x y",
		"\\",
		"%s",
		"\xc3\xa9",
		"\xe2\x82\xac",
		"\xf0\x9f\x93\xa7",
		"\xef\xbf\xbd",
		"<?xml",
		"\x7f",
		"\xc2\x85",
		"!",
		"--",
		"</feedback>",
	};
	char text[256];
	size_t n = 0, pieces_left = 1 + random_below(random, 12);

	while (pieces_left-- > 0) {
		const char *piece = pieces[random_below(
			random, sizeof(pieces) / sizeof(pieces[0]))];

		memcpy(text + n, piece, strlen(piece));
		n += strlen(piece);
	}
	return arena_copy(arena, (struct span){ text, n });
}

static struct span
random_domain(struct test_random *random, struct arena *arena)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
	char text[128];
	size_t n = 0, labels = 1 + random_below(random, 4);

	while (labels-- > 0) {
		size_t left = 1 + random_below(random, 12);

		text[n++] = (char)('a' + random_below(random, 26));
		while (left-- > 0)
			text[n++] = letters[random_below(random,
							 sizeof(letters) - 1)];
		text[n++] = '.';
	}
	memcpy(text + n, "example", 7);
	return arena_copy(arena, (struct span){ text, n + 7 });
}

static struct span random_ip(struct test_random *random, struct arena *arena)
{
	unsigned char bytes[16];
	char text[INET6_ADDRSTRLEN];
	bool v6 = one_in(random, 2);
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = one_in(random, 3) ?
				   0 :
				   (unsigned char)random_below(random, 256);
	/* Not ::ffff:0:0/96, which is written in more than one way. */
	bytes[0] = 0x20;
	inet_ntop(v6 ? AF_INET6 : AF_INET, bytes, text, sizeof(text));
	return arena_copy(arena, (struct span){ text, strlen(text) });
}

static struct span maybe(struct test_random *random, struct span text)
{
	return one_in(random, 3) ? (struct span){ NULL, 0 } : text;
}

static struct span
one_of(struct test_random *random, const char *a, const char *b)
{
	switch (random_below(random, 3)) {
	case 0:
		return span_of(a);
	case 1:
		return span_of(b);
	}
	return (struct span){ NULL, 0 };
}

static enum dmarc_policy random_policy(struct test_random *random, bool unset)
{
	return (enum dmarc_policy)(unset ? random_below(random, 4) :
					   1 + random_below(random, 3));
}

static void random_policies(struct test_random *random, bool rfc9990,
			    struct arena *arena, struct report_head *head)
{
	head->p = random_policy(random, false);
	head->sp = random_policy(random, rfc9990);
	head->adkim = one_of(random, "r", "s");
	head->aspf = one_of(random, "r", "s");
	if (!rfc9990) {
		head->pct = span_of(
			arena_printf(arena, "%u", random_below(random, 101)));
		head->fo = span_of("1:d:s");
		return;
	}
	head->np = random_policy(random, true);
	head->fo = one_of(random, "0", "d:s");
	head->testing = one_of(random, "y", "n");
	head->have_method = one_in(random, 2);
	if (head->have_method)
		head->method =
			one_in(random, 2) ? DISCOVERY_PSL : DISCOVERY_TREEWALK;
}

void random_head(struct test_random *random, enum report_dialect dialect,
		 struct arena *arena, struct report_head *head)
{
	bool rfc9990 = dialect == DIALECT_RFC9990;
	size_t i;

	*head = (struct report_head){ .dialect = dialect };
	head->version = SPAN("1.0");
	head->org_name = random_text(random, arena);
	head->email = random_text(random, arena);
	head->extra_contact = maybe(random, random_text(random, arena));
	head->report_id = random_text(random, arena);
	/* Between 2014 and 2033, a day at most: nothing to warn of. */
	head->begin = 1400000000 + (int64_t)random_below(random, 600000000);
	head->end = head->begin + 1 + (int64_t)random_below(random, 86400);
	head->n_errors = rfc9990 ? random_below(random, 2) :
				   random_below(random, MAX_REPORT_ERRORS + 1);
	for (i = 0; i < head->n_errors; i++)
		head->errors[i] = random_text(random, arena);
	if (rfc9990)
		head->generator = maybe(random, random_text(random, arena));
	head->policy_domain = random_domain(random, arena);
	random_policies(random, rfc9990, arena, head);
}

static enum reason_type random_reason(struct test_random *random, bool rfc9990)
{
	static const enum reason_type of_rfc9990[] = {
		REASON_OTHER, REASON_LOCAL_POLICY, REASON_MAILING_LIST,
		REASON_TRUSTED_FORWARDER, REASON_POLICY_TEST_MODE
	};
	static const enum reason_type of_rfc7489[] = {
		REASON_OTHER,        REASON_LOCAL_POLICY,
		REASON_MAILING_LIST, REASON_TRUSTED_FORWARDER,
		REASON_FORWARDED,    REASON_SAMPLED_OUT
	};

	return rfc9990 ? of_rfc9990[random_below(random, 5)] :
			 of_rfc7489[random_below(random, 6)];
}

static void random_dkim(struct test_random *random, bool rfc9990,
			struct arena *arena, struct report_dkim *dkim)
{
	static const enum auth_result results[] = {
		AUTH_NONE,   AUTH_PASS,      AUTH_FAIL,     AUTH_NEUTRAL,
		AUTH_POLICY, AUTH_TEMPERROR, AUTH_PERMERROR
	};

	dkim->domain = random_domain(random, arena);
	dkim->selector = random_text(random, arena);
	if (!rfc9990)
		dkim->selector = maybe(random, dkim->selector);
	dkim->result = results[random_below(random, 7)];
	dkim->human = maybe(random, random_text(random, arena));
}

static void random_spf(struct test_random *random, bool rfc9990,
		       struct arena *arena, struct report_spf *spf)
{
	static const enum auth_result results[] = {
		AUTH_NONE,    AUTH_PASS,      AUTH_FAIL,      AUTH_SOFTFAIL,
		AUTH_NEUTRAL, AUTH_TEMPERROR, AUTH_PERMERROR, AUTH_POLICY
	};

	spf->domain = random_domain(random, arena);
	spf->result = results[random_below(random, rfc9990 ? 8 : 7)];
	spf->scope = SPF_SCOPE_MFROM;
	if (rfc9990)
		spf->human = maybe(random, random_text(random, arena));
	else if (one_in(random, 4))
		spf->scope = SPF_SCOPE_HELO;
}

void random_row(struct test_random *random, enum report_dialect dialect,
		struct arena *arena, struct report_row *row)
{
	bool rfc9990 = dialect == DIALECT_RFC9990;
	size_t i;

	memset(row, 0, sizeof(*row));
	row->source_ip = random_ip(random, arena);
	row->count = one_in(random, 8) ? UINT32_MAX + UINT64_C(1) :
					 random_below(random, 5000);
	do {
		row->disposition = (enum disposition)random_below(random, 4);
	} while (!rfc9990 && row->disposition == DISPOSITION_PASS);
	row->dkim_aligned = one_in(random, 2);
	row->spf_aligned = one_in(random, 2);
	row->n_reasons =
		one_in(random, 20) ? MAX_ROW_REASONS : random_below(random, 3);
	for (i = 0; i < row->n_reasons; i++) {
		row->reasons[i].type = random_reason(random, rfc9990);
		row->reasons[i].comment =
			maybe(random, random_text(random, arena));
	}
	row->header_from = random_domain(random, arena);
	row->envelope_from = random_domain(random, arena);
	if (rfc9990)
		row->envelope_from = maybe(random, row->envelope_from);
	row->envelope_to = maybe(random, random_domain(random, arena));
	row->n_dkim = one_in(random, 50) ? MAX_ROW_SIGNATURES :
					   random_below(random, 4);
	for (i = 0; i < row->n_dkim; i++)
		random_dkim(random, rfc9990, arena, &row->dkim[i]);
	row->n_spf = rfc9990 ? random_below(random, 2) :
			       1 + random_below(random, MAX_ROW_SPF);
	for (i = 0; i < row->n_spf; i++)
		random_spf(random, rfc9990, arena, &row->spf[i]);
}
