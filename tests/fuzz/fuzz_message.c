/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_message.c - a name server's reply
 *
 * The first octet chooses the type, the rest is the reply. What was found in it
 * is put into a reply of our own, without any compression, and found again.
 */
#include <arpa/inet.h>
#include <string.h>

#include "base/buf.h"
#include "dns/message.h"
#include "fuzz.h"

static const char name[] = "a.example";

static void add_u16(struct buf *buf, size_t number)
{
	MUST_HOLD(number <= 0xffff);
	buf_add_char(buf, (char)(number >> 8));
	buf_add_char(buf, (char)(number & 0xff));
}

/* "a\046b.example": escapes are always three digits. */
static void add_name(struct buf *buf, struct span text)
{
	char label[64];
	size_t n = 0;

	while (text.n > 0) {
		size_t taken = 1;
		uint64_t octet = (unsigned char)text.p[0];

		if (text.p[0] == '\\') {
			struct span digits = { text.p + 1, 3 };

			MUST_HOLD(text.n >= 4);
			MUST_HOLD(span_to_uint(digits, 255, &octet));
			taken = 4;
		}
		if (taken == 1 && text.p[0] == '.') {
			buf_add_char(buf, (char)n);
			buf_add(buf, (struct span){ label, n });
			n = 0;
		} else {
			MUST_HOLD(n < 63);
			label[n++] = (char)octet;
		}
		text.p += taken;
		text.n -= taken;
	}
	if (n > 0) {
		buf_add_char(buf, (char)n);
		buf_add(buf, (struct span){ label, n });
	}
	buf_add_char(buf, '\0');
}

static void add_strings(struct buf *buf, struct span text)
{
	do {
		size_t n = text.n > 255 ? 255 : text.n;

		buf_add_char(buf, (char)n);
		buf_add(buf, (struct span){ text.p, n });
		text.p += n;
		text.n -= n;
	} while (text.n > 0);
}

static void add_address(struct buf *buf, int family, struct span text)
{
	char octets[16];

	MUST_HOLD(inet_pton(family, text.p, octets) == 1);
	buf_add(buf, (struct span){ octets, family == AF_INET ? 4 : 16 });
}

static size_t type_number(enum dns_type type)
{
	static const size_t numbers[] = {
		[DNS_TXT] = 16, [DNS_A] = 1, [DNS_AAAA] = 28, [DNS_MX] = 15
	};

	return numbers[type];
}

static void add_record(struct buf *reply, enum dns_type type, size_t preference,
		       struct span value)
{
	struct buf data = BUF_INIT(65535);

	switch (type) {
	case DNS_TXT:
		add_strings(&data, value);
		break;
	case DNS_A:
		add_address(&data, AF_INET, value);
		break;
	case DNS_AAAA:
		add_address(&data, AF_INET6, value);
		break;
	case DNS_MX:
		add_u16(&data, preference);
		add_name(&data, value);
		break;
	}
	MUST_HOLD(buf_ok(&data));
	add_name(reply, span_of(name));
	add_u16(reply, type_number(type));
	add_u16(reply, 1);
	add_u16(reply, 0);
	add_u16(reply, 0);
	add_u16(reply, data.n);
	buf_add(reply, buf_span(&data));
	buf_release(&data);
}

static void ask_again(const struct dns_question *question,
		      const struct dns_answer *answer, struct arena *arena)
{
	struct buf reply = BUF_INIT((size_t)4 * 1024 * 1024);
	struct dns_answer again;
	size_t i;

	add_u16(&reply, 1);
	add_u16(&reply, 0x8180);
	add_u16(&reply, 0);
	add_u16(&reply, answer->n);
	add_u16(&reply, 0);
	add_u16(&reply, 0);
	for (i = 0; i < answer->n; i++)
		add_record(&reply, question->type, i, answer->records[i]);
	MUST_HOLD(buf_ok(&reply));
	again = dns_message_read(buf_span(&reply), question, arena);
	MUST_HOLD(again.status == DNS_FOUND && again.n == answer->n);
	for (i = 0; i < again.n; i++)
		MUST_HOLD(span_equal(again.records[i], answer->records[i]));
	buf_release(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_question question = { .name = name };
	struct arena *arena = arena_new((size_t)64 * 1024 * 1024);
	struct span reply = { (const char *)data, size };
	struct dns_answer answer;
	size_t i;

	MUST_HOLD(arena != NULL);
	if (size > 0) {
		question.type = (enum dns_type)(data[0] % 4);
		reply.p++;
		reply.n--;
	}
	answer = dns_message_read(reply, &question, arena);
	MUST_HOLD((answer.status == DNS_FOUND) == (answer.n > 0));
	MUST_HOLD((answer.status == DNS_FAIL) == (answer.why[0] != '\0'));
	for (i = 0; i < answer.n; i++)
		MUST_HOLD(answer.records[i].p != NULL);
	if (answer.status == DNS_FOUND)
		ask_again(&question, &answer, arena);
	arena_free(&arena);
	return 0;
}
