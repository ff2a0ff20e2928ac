/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_received.c - who gave a message to the host that wrote a Received field?
 *
 * Each line is a field. The address that is found is one, and stands in the
 * field; what a client chooses cannot change it: in the forms of Postfix and of
 * Exim, the input stands where HELO does, and the address stays the server's.
 */
#include <string.h>

#include <arpa/inet.h>

#include "base/buf.h"
#include "fuzz.h"
#include "mail/received.h"

#define MAX_LINES 40

static void check_address(const char *address)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	MUST_HOLD(inet_pton(AF_INET, address, bytes) == 1 ||
		  inet_pton(AF_INET6, address, bytes) == 1);
}

static void check_read(struct span body)
{
	struct received received = { .address = "untouched" };

	if (!received_read(body, &received)) {
		MUST_HOLD(strcmp(received.address, "untouched") == 0);
		return;
	}
	check_address(received.address);
	MUST_HOLD(received.helo.p >= body.p &&
		  received.helo.p + received.helo.n <= body.p + body.n);
}

/* What servers let through as a HELO name at most. */
static bool may_be_helo(struct span text)
{
	size_t i;

	for (i = 0; i < text.n; i++)
		if (text.p[i] <= ' ' || text.p[i] > '~' || text.p[i] == '(' ||
		    text.p[i] == ')' || text.p[i] == ';' || text.p[i] == '\\' ||
		    text.p[i] == '@')
			return false;
	return text.n > 0 && text.n <= 512;
}

static void check_form(const char *before, struct span helo, const char *behind)
{
	struct buf body = BUF_INIT(4096);
	struct received received;

	buf_add_string(&body, before);
	buf_add(&body, helo);
	buf_add_string(&body, behind);
	MUST_HOLD(received_read(buf_span(&body), &received));
	MUST_HOLD(strcmp(received.address, "192.0.2.7") == 0);
	buf_release(&body);
}

static void check_helo(struct span helo)
{
	if (!may_be_helo(helo))
		return;
	check_form("from ", helo, " (a.test [192.0.2.7]) by mx.test (Postfix)");
	check_form("from ", helo, " (unknown [192.0.2.7]) by mx.test");
	check_form("from ", helo, " (192.0.2.7) by mx.test (10.0.0.1)");
	check_form("from a.test ([192.0.2.7] helo=", helo, ") by mx.test");
	check_form("from [192.0.2.7] (helo=", helo, ") by mx.test");
	check_form("from unknown (HELO ", helo, ") (192.0.2.7) by mx.test");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = { (const char *)data, size }, line;
	struct span bodies[MAX_LINES];
	struct received source;
	size_t n = 0;

	while (n < MAX_LINES && span_take_line(&rest, &line)) {
		check_read(line);
		check_helo(line);
		bodies[n++] = line;
	}
	check_read((struct span){ (const char *)data, size });
	(void)received_source(SPAN("192.0.2.0/24, 127.0.0.1"), "192.0.2.1",
			      bodies, n, &source);
	check_address(source.address);
	return 0;
}
