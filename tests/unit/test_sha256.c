/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/sha256.h"
#include "unit/cases.h"

/* "text", or as many "a" as "times" says. */
static void make_message(const struct test_case *c, struct buf *message)
{
	uint64_t times;

	if (case_has(c, "text")) {
		buf_add(message, case_span(c, "text"));
		return;
	}
	if (!span_to_uint(case_span(c, "times"), 1000000, &times))
		return;
	while (times-- > 0)
		buf_add_char(message, 'a');
}

static void check(const struct test_case *c)
{
	struct buf message = BUF_INIT(1000000);
	char hex[2 * SHA256_BYTES + 1];
	struct sha256 hash;
	size_t i;

	make_message(c, &message);
	hash = case_has(c, "key") ?
		       sha256_keyed(case_span(c, "key"), buf_span(&message)) :
		       sha256(buf_span(&message));
	for (i = 0; i < SHA256_BYTES; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", hash.bytes[i]);
	expect(c, "hash", hex);
	buf_release(&message);
}

int main(void)
{
	return cases_run("sha256.cases", check);
}
