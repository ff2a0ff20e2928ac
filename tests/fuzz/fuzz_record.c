/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "dmarc/record.h"
#include "fuzz.h"

static bool is_inside(struct span part, struct span whole)
{
	return part.p == NULL ||
	       (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

/* One addr-spec that can stand in a command line or a header as it is. */
static void check_address(struct span address)
{
	size_t ats = 0, i;
	bool quoted = address.n > 0 && address.p[0] == '"';

	for (i = 0; i < address.n; i++) {
		MUST_HOLD(address.p[i] >= ' ' && address.p[i] <= '~');
		ats += address.p[i] == '@';
		MUST_HOLD(quoted ||
			  (address.p[i] != ' ' && address.p[i] != ',' &&
			   address.p[i] != '<' && address.p[i] != '"'));
	}
	MUST_HOLD(quoted || ats == 1);
	MUST_HOLD(address.n > 2 && address.n <= 64 + 2 + 1 + 253);
	MUST_HOLD(strlen(address.p) == address.n);
}

static size_t check_uris(struct span list, struct arena *arena)
{
	struct span address;
	size_t n = 0;

	while (dmarc_uri_next(&list, arena, &address) == 1) {
		check_address(address);
		n++;
	}
	MUST_HOLD(list.n == 0);
	return n;
}

static void check_record(const struct dmarc_record *record, bool usable,
			 struct arena *arena)
{
	enum policy_source source = POLICY_SOURCE_NP;

	MUST_HOLD(record->pct <= 100);
	MUST_HOLD(record->fo > 0 && record->fo < 16);
	MUST_HOLD(is_inside(record->rua, record->text));
	MUST_HOLD(is_inside(record->ruf, record->text));
	MUST_HOLD(record->faults.p != NULL);
	if (usable) {
		MUST_HOLD(record->p != DMARC_POLICY_UNSET);
		MUST_HOLD(dmarc_record_word(record, &source) !=
			  DMARC_POLICY_UNSET);
	} else {
		/* R1.11, R1.12: only without a usable rua. */
		MUST_HOLD(check_uris(record->rua, arena) == 0);
	}
	(void)check_uris(record->rua, arena);
	(void)check_uris(record->ruf, arena);
}

static void
check_dialect(enum record_dialect dialect, struct span txt, struct arena *arena)
{
	struct dmarc_record record = { .pct = 12345 };

	switch (dmarc_record_parse_as(dialect, txt, arena, &record)) {
	case DMARC_RECORD_OK:
		check_record(&record, true, arena);
		MUST_HOLD(span_equal(record.text, txt));
		return;
	case DMARC_RECORD_NO_POLICY:
		check_record(&record, false, arena);
		return;
	case DMARC_RECORD_NOT_DMARC:
	case DMARC_RECORD_NO_MEMORY:
		MUST_HOLD(record.pct == 12345);
		return;
	}
	MUST_HOLD(false);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span txt = { (const char *)data, size };
	struct arena *arena = arena_new((size_t)16 * 1024 * 1024);

	MUST_HOLD(arena != NULL);
	check_dialect(RECORD_RFC9989, txt, arena);
	check_dialect(RECORD_RFC7489, txt, arena);
	arena_free(&arena);
	return 0;
}
