/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "base/buf.h"
#include "dmarc/record.h"
#include "dmarc/uri.h"
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
	MUST_HOLD(address.n > 2 && address.n <= 64 + 1 + 253);
	MUST_HOLD(strlen(address.p) == address.n);
}

/* Any address can be asked for, with all its octets in %XX. */
static void ask_for_address(struct span address)
{
	struct buf uri = BUF_INIT(2048);
	struct uri_address again;
	size_t i;

	buf_add_string(&uri, "mailto:");
	for (i = 0; i < address.n; i++)
		buf_addf(&uri, "%%%02X", (unsigned char)address.p[i]);
	MUST_HOLD(buf_ok(&uri));
	MUST_HOLD(uri_check(buf_span(&uri)) == URI_OK);
	MUST_HOLD(uri_mailto(buf_span(&uri), &again) == URI_OK);
	MUST_HOLD(span_equal(span_of(again.text), address));
	buf_release(&uri);
}

static size_t check_uris(struct span list, struct arena *arena)
{
	struct span address;
	size_t n = 0;

	while (dmarc_uri_next(&list, arena, &address) == 1) {
		check_address(address);
		ask_for_address(address);
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
add_policy(struct buf *buf, const char *tag, enum dmarc_policy policy)
{
	if (policy != DMARC_POLICY_UNSET)
		buf_addf(buf, "; %s=%s", tag, dmarc_policy_name(policy));
}

static void add_list(struct buf *buf, const char *tag, struct span list)
{
	if (list.p == NULL)
		return;
	buf_addf(buf, "; %s=", tag);
	buf_add(buf, list);
}

static void add_fo(struct buf *buf, unsigned fo)
{
	const char *before = "; fo=";
	size_t i;

	for (i = 0; i < 4; i++) {
		if ((fo & 1U << i) == 0)
			continue;
		buf_addf(buf, "%s%c", before, "01ds"[i]);
		before = ":";
	}
}

/* As its owner could have written it. */
static void write_record(struct buf *buf, enum record_dialect dialect,
			 const struct dmarc_record *record)
{
	buf_add_string(buf, "v=DMARC1");
	add_policy(buf, "p", record->p);
	add_policy(buf, "sp", record->sp);
	add_policy(buf, "np", record->np);
	buf_addf(buf, "; adkim=%s; aspf=%s; pct=%u",
		 alignment_mode_name(record->adkim),
		 alignment_mode_name(record->aspf), record->pct);
	if (dialect == RECORD_RFC9989)
		buf_addf(buf, "; psd=%s; t=%s", dmarc_psd_name(record->psd),
			 record->testing ? "y" : "n");
	add_fo(buf, record->fo);
	add_list(buf, "rua", record->rua);
	add_list(buf, "ruf", record->ruf);
}

static void write_and_read(enum record_dialect dialect,
			   const struct dmarc_record *record,
			   struct arena *arena)
{
	struct buf text = BUF_INIT((size_t)1024 * 1024);
	struct dmarc_record again;

	write_record(&text, dialect, record);
	MUST_HOLD(buf_ok(&text));
	MUST_HOLD(dmarc_record_parse_as(dialect, buf_span(&text), arena,
					&again) == DMARC_RECORD_OK);
	MUST_HOLD(again.p == record->p && again.sp == record->sp &&
		  again.np == record->np && !again.bad_policy);
	MUST_HOLD(again.adkim == record->adkim && again.aspf == record->aspf);
	MUST_HOLD(again.psd == record->psd && again.testing == record->testing);
	MUST_HOLD(again.fo == record->fo && again.pct == record->pct);
	MUST_HOLD(span_equal(again.rua, record->rua));
	MUST_HOLD(span_equal(again.ruf, record->ruf));
	buf_release(&text);
}

static void
check_dialect(enum record_dialect dialect, struct span txt, struct arena *arena)
{
	struct dmarc_record record = { .pct = 12345 };

	switch (dmarc_record_parse_as(dialect, txt, arena, &record)) {
	case DMARC_RECORD_OK:
		check_record(&record, true, arena);
		MUST_HOLD(span_equal(record.text, txt));
		write_and_read(dialect, &record, arena);
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
