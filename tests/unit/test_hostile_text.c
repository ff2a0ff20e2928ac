/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a long header may cost when it is made of nothing but what a parser has to
 * think about. All is meant to be linear, and takes some milliseconds; what goes
 * back and forth over such a text would take many seconds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "dmarc/record.h"
#include "dns/zonefile.h"
#include "mail/authres.h"
#include "mail/from.h"
#include "mail/header.h"

#define HEADER_BYTES ((size_t)128 * 1024) /* Exim takes eight times as much */
#define RECORD_BYTES 65535 /* RFC 1035 2.3.4: a reply has no more */
#define FIELD_BYTES  2000  /* when there are many fields */
#define ARENA_BYTES  ((size_t)64 * 1024 * 1024)

/* Of CPU time: a hundred times as much, for valgrind and slow machines. */
#define MAX_SECONDS 3

/* In front of the text, and over and over again. */
static const char *const begins[] = {
	"",   "mx.test; ", "mx.test; a=b c.d=",      " x <", "a@",
	"\"", "(",         "v=DMARC1; p=none; rua=",
};

static const char *const pieces[] = {
	"a",
	"(",
	"()",
	"((",
	"(\\",
	"\"",
	"\\\"",
	"\"\" ",
	"@",
	"@[",
	"@[]",
	"@[\\",
	"<",
	"<a@b,",
	"a@b.c,",
	"@a,",
	"<@a,",
	":",
	";",
	"a:",
	"a:;",
	",",
	".",
	"a.",
	"=",
	"=(",
	"=\"",
	"; a=b",
	";(",
	"; a=b c.d=e",
	" a.b=c",
	"=?",
	"=?a?q?b?=",
	"\xc3\xbc",
	"\\",
	"\r\n ",
	"mx.tes",
	"[",
	"@[[",
	"a@\xc3\xbc.b,",
	"% ",
	"mailto:a@b,",
	" TXT a",
	"\\0",
	"a TXT b\n",
	"a CNAME a\n",
	"\xc3\xbc (x) ",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void
fill(struct buf *buf, const char *begin, const char *piece, size_t bytes)
{
	buf_reset(buf);
	buf_add_string(buf, begin);
	while (buf->n < bytes)
		buf_add_string(buf, piece);
	buf->n = bytes;
	assert_true(buf_ok(buf));
}

/* For each begin and piece: read() the text of that size. */
static void read_all(size_t bytes, void (*read)(struct span, struct arena *))
{
	struct buf text = BUF_INIT(HEADER_BYTES + 100);
	size_t i, k;

	for (i = 0; i < COUNT(begins); i++) {
		for (k = 0; k < COUNT(pieces); k++) {
			struct arena *arena = arena_new(ARENA_BYTES);
			clock_t begun = clock();

			assert_non_null(arena);
			fill(&text, begins[i], pieces[k], bytes);
			read(buf_span(&text), arena);
			arena_free(&arena);
			if (clock() - begun > MAX_SECONDS * CLOCKS_PER_SEC)
				fail_msg("%s%s... takes too long", begins[i],
					 pieces[k]);
		}
	}
	buf_release(&text);
}

static void read_from(struct span body, struct arena *arena)
{
	struct from_result from = from_read(&body, 1, arena);

	assert_true(from.n <= MAX_FROM_DOMAINS);
}

static void test_from(void **state)
{
	(void)state;
	read_all(HEADER_BYTES, read_from);
}

static void read_authres(struct span body, struct arena *arena)
{
	struct authres authres = { .n = 0 };

	if (authres_parse(body, arena, &authres))
		assert_true(authres.n <= MAX_AUTHRES_RESULTS);
	(void)authres_claims(body, SPAN("mx.test"));
}

static void test_authres(void **state)
{
	(void)state;
	read_all(HEADER_BYTES, read_authres);
}

/* A header full of fields that each may be ours. */
static void claim_fields(struct span body, struct arena *arena)
{
	size_t n;

	(void)arena;
	for (n = 0; n < HEADER_BYTES; n += body.n)
		(void)authres_claims(body, SPAN("mx.test"));
}

static void test_claims(void **state)
{
	(void)state;
	read_all(FIELD_BYTES, claim_fields);
}

static void read_header(struct span header, struct arena *arena)
{
	struct header_field field;
	struct span body;

	(void)arena;
	(void)header_find(header, "none", &body);
	while (header_next(&header, &field) != 0)
		continue;
}

static void test_header(void **state)
{
	(void)state;
	read_all(HEADER_BYTES, read_header);
}

static void read_record(struct span text, struct arena *arena)
{
	struct dmarc_record record;
	struct span rua, address;

	if (dmarc_record_parse(text, arena, &record) != DMARC_RECORD_OK)
		return;
	rua = record.rua;
	while (dmarc_uri_next(&rua, arena, &address) == 1)
		continue;
}

static void test_record(void **state)
{
	(void)state;
	read_all(RECORD_BYTES, read_record);
}

static void read_zone(struct span text, struct arena *arena)
{
	struct dns_question question = { .name = "a", .type = DNS_TXT };
	struct err err = ERR_INIT;
	struct resolver *zone = zonefile_parse(text, &err);
	struct dns_answer answer;

	if (zone != NULL)
		zone->ask(zone, &question, &answer, 1, arena);
	resolver_free(&zone);
}

static void test_zone(void **state)
{
	(void)state;
	read_all(HEADER_BYTES, read_zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from),   cmocka_unit_test(test_authres),
		cmocka_unit_test(test_claims), cmocka_unit_test(test_header),
		cmocka_unit_test(test_record), cmocka_unit_test(test_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
