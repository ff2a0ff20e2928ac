/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/message.h"

#include <arpa/inet.h>

#include "base/buf.h"
#include "unit/cases.h"

static void put_u16(struct buf *buf, unsigned int number)
{
	buf_add_char(buf, (char)(number >> 8));
	buf_add_char(buf, (char)(number & 0xff));
}

static void put_u32(struct buf *buf, uint64_t number)
{
	put_u16(buf, (unsigned int)(number >> 16));
	put_u16(buf, (unsigned int)(number & 0xffff));
}

static void put_name(struct buf *buf, struct span name)
{
	struct span label;

	while (span_take_item(&name, '.', &label)) {
		buf_add_char(buf, (char)label.n);
		buf_add(buf, label);
	}
	buf_add_char(buf, '\0');
}

/* "one|two" for TXT, "10 mx.example" for MX, names, addresses. */
static void put_data(struct buf *data, struct span type, struct span text)
{
	unsigned char octets[16];
	struct span item;
	uint64_t number = 0;

	if (span_is(type, "TXT")) {
		while (span_take_item(&text, '|', &item)) {
			buf_add_char(data, (char)item.n);
			buf_add(data, item);
		}
		return;
	}
	if (span_is(type, "MX") && span_take_until(&text, ' ', &item) &&
	    span_to_uint(item, 65535, &number))
		put_u16(data, (unsigned int)number);
	if (span_is(type, "A") && inet_pton(AF_INET, text.p, octets) == 1)
		buf_add(data, (struct span){ (char *)octets, 4 });
	else if (span_is(type, "AAAA") &&
		 inet_pton(AF_INET6, text.p, octets) == 1)
		buf_add(data, (struct span){ (char *)octets, 16 });
	else if (span_is(type, "SOA") &&
		 span_to_uint(text, UINT32_MAX, &number))
		put_u32(data, number); /* what is in front is not read */
	else
		put_name(data, text);
}

static unsigned int type_of(struct span type)
{
	static const struct {
		const char *name;
		unsigned int number;
	} types[] = { { "A", 1 },    { "CNAME", 5 }, { "MX", 15 },
		      { "TXT", 16 }, { "AAAA", 28 }, { "NS", 2 },
		      { "SOA", 6 } };
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (span_is(type, types[i].name))
			return types[i].number;
	return 0;
}

/* "owner type data", to live so long if a field says so */
static void put_record(struct buf *reply, struct span line, struct span seconds)
{
	uint64_t ttl = 60;
	struct buf data = BUF_INIT(65535);
	struct span owner, type;

	if (!span_take_until(&line, ' ', &owner) ||
	    !span_take_until(&line, ' ', &type))
		return;
	put_name(reply, owner);
	put_u16(reply, type_of(type));
	put_u16(reply, 1);
	if (seconds.p != NULL && !span_to_uint(seconds, UINT32_MAX, &ttl))
		return;
	put_u32(reply, ttl);
	put_data(&data, type, line);
	put_u16(reply, (unsigned int)data.n);
	buf_add(reply, buf_span(&data));
	buf_release(&data);
}

static void build(const struct test_case *c, struct buf *reply)
{
	struct span rcode = case_nth(c, "rcode", 0);
	uint64_t error = 0;
	unsigned int n = 0, authorities = 0;
	size_t i;

	while (case_nth(c, "record", n).p != NULL)
		n++;
	while (case_nth(c, "authority", authorities).p != NULL)
		authorities++;
	if (rcode.p != NULL && !span_to_uint(rcode, 15, &error))
		return;
	put_u16(reply, 0x1234);
	put_u16(reply, 0x8180 | (unsigned int)error);
	put_u16(reply, 1);
	put_u16(reply, n);
	put_u16(reply, authorities);
	put_u16(reply, 0);
	put_name(reply, case_span(c, "name"));
	put_u16(reply, type_of(case_span(c, "type")));
	put_u16(reply, 1);
	for (i = 0; i < n; i++)
		put_record(reply, case_nth(c, "record", i),
			   case_nth(c, "seconds", i));
	for (i = 0; i < authorities; i++)
		put_record(reply, case_nth(c, "authority", i),
			   case_nth(c, "seconds", n + i));
}

static void format(struct buf *text, const struct dns_answer *answer)
{
	static const char *const statuses[] = { [DNS_FAIL] = "fail",
						[DNS_NXDOMAIN] = "nxdomain",
						[DNS_NODATA] = "nodata",
						[DNS_FOUND] = "found" };
	size_t i;

	buf_add_string(text, statuses[answer->status]);
	if (answer->status == DNS_FAIL)
		buf_addf(text, " %s", answer->why);
	for (i = 0; answer->status == DNS_FOUND && i < answer->n; i++) {
		buf_add_char(text, i == 0 ? ' ' : '|');
		buf_add(text, answer->records[i]);
	}
}

static void check(const struct test_case *c)
{
	struct arena *arena = arena_new(1024 * 1024);
	struct buf reply = BUF_INIT(65536);
	struct buf text = BUF_INIT(65536);
	struct dns_question question = { .name = case_get(c, "name") };
	struct dns_answer answer;
	struct span type = case_span(c, "type");

	question.type = span_is(type, "A")    ? DNS_A :
			span_is(type, "AAAA") ? DNS_AAAA :
			span_is(type, "MX")   ? DNS_MX :
						DNS_TXT;
	if (case_has(c, "raw"))
		buf_add(&reply, case_span(c, "raw"));
	else
		build(c, &reply);
	answer = dns_message_read(buf_span(&reply), &question, arena);
	format(&text, &answer);
	expect_span(c, "answer", buf_span(&text));
	expect_int(c, "ttl", dns_message_ttl(buf_span(&reply), &answer));
	/* Of a reply that breaks off anywhere nothing is believed. */
	while (answer.status != DNS_FAIL && reply.n > 0) {
		reply.n--;
		answer = dns_message_read(buf_span(&reply), &question, arena);
		expect(c, "cut", answer.why);
		if (answer.status != DNS_FAIL)
			break;
		answer.status = DNS_NODATA;
	}
	if (reply.n > 0 && answer.status != DNS_FAIL)
		expect(c, "cut", "believed");
	buf_release(&reply);
	buf_release(&text);
	arena_free(&arena);
}

int main(void)
{
	return cases_run("message.cases", check);
}
