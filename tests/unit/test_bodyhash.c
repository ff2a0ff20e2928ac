/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bodyhash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/sha256.h"
#include "unit/cases.h"

static void check(const struct test_case *c)
{
	size_t budget = MAX_HASHED_BODY;

	if (case_has(c, "budget"))
		budget = strtoul(case_get(c, "budget"), NULL, 10);
	expect_bool(c, "behind",
		    is_signed_behind_empty_line(case_span(c, "body"),
						case_span(c, "signature"),
						&budget));
	expect_int(c, "left", (long long)budget);
}

/* ------------------------------------------------------- long bodies */

#define MAX_BODY 20000

static uint64_t random_state = 1;

static unsigned below(unsigned n)
{
	random_state =
		random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % n;
}

/* Lines of words, seldom or often with white space that relaxed takes away. */
static void make_body(struct buf *body)
{
	static const char odd[] = "  \t\r \n\n";
	size_t length = below(MAX_BODY);
	unsigned oddness = below(3) == 0 ? 10 : 2000;

	while (body->n < length) {
		if (below(oddness) == 0)
			buf_add_char(body, odd[below(sizeof(odd) - 1)]);
		else if (below(70) == 0)
			buf_add_char(body, '\n');
		else if (below(6) == 0 && body->p[body->n - 1] > ' ')
			buf_add_char(body, ' ');
		else
			buf_add_char(body, (char)('a' + below(26)));
	}
}

/* RFC 6376 3.4.3, 3.4.4, octet by octet. */
static void canonicalize(struct span body, bool relaxed, struct buf *to)
{
	size_t full = 0, i;
	bool blank = false;

	for (i = 0; i < body.n; i++) {
		char c = body.p[i];

		if (c == '\r')
			continue;
		if (relaxed && (c == ' ' || c == '\t')) {
			blank = true;
			continue;
		}
		if (c == '\n') {
			buf_add(to, SPAN("\r\n"));
		} else {
			if (blank)
				buf_add_char(to, ' ');
			buf_add_char(to, c);
			full = to->n;
		}
		blank = false;
	}
	if (to->n > full)
		to->n = full;
	if (full > 0 || !relaxed)
		buf_add(to, SPAN("\r\n"));
}

static void add_base64(struct buf *to, const struct sha256 *hash)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij"
				     "klmnopqrstuvwxyz0123456789+/";
	size_t bit;

	for (bit = 0; bit < 256; bit += 6) {
		size_t at = bit / 8;
		unsigned pair = (unsigned)hash->bytes[at] << 8 |
				(at < 31 ? hash->bytes[at + 1] : 0u);

		buf_add_char(to, digits[pair >> (10 - bit % 8) & 63]);
	}
}

/* Of a body with text in front, is the hash found whatever it is made of? */
static void check_random(void)
{
	struct buf text = BUF_INIT(2 * MAX_BODY), form = BUF_INIT(3 * MAX_BODY);
	struct buf signature = BUF_INIT(200);
	bool relaxed = below(2) == 0;
	size_t budget = 100 * MAX_BODY;
	struct span body;
	struct sha256 hash;

	buf_add(&text, SPAN("More.\n\nx"));
	make_body(&text);
	body = buf_span(&text);
	body.p += 7;
	body.n -= 7;
	canonicalize(body, relaxed, &form);
	buf_addf(&signature, "c=relaxed/%s; ", relaxed ? "relaxed" : "simple");
	if (below(3) == 0 && form.n > 0) {
		form.n = 1 + below((unsigned)form.n);
		buf_addf(&signature, "l=%zu; ", form.n);
	}
	hash = sha256(buf_span(&form));
	buf_add(&signature, SPAN("bh="));
	add_base64(&signature, &hash);
	assert_true(is_signed_behind_empty_line(buf_span(&text),
						buf_span(&signature), &budget));
	buf_release(&signature);
	buf_release(&form);
	buf_release(&text);
}

static void random_bodies(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 1000; i++)
		check_random();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(random_bodies) };
	int failed = cases_run("bodyhash.cases", check);

	return cmocka_run_group_tests(tests, NULL, NULL) + failed;
}
