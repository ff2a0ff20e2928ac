/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/failure.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#include "dns/domain.h"
#include "mail/from.h"
#include "mail/header.h"
#include "report/field_text.h"
#include "report/limits.h"

/* ------------------------------------------------------------------- values */

/* As inet_ntop(3) writes it; absent when it is none. */
static struct span canonical_ip(struct span text, struct arena *arena)
{
	const struct span none = { .p = NULL, .n = 0 };
	char copy[INET6_ADDRSTRLEN], again[INET6_ADDRSTRLEN];
	unsigned char address[16];
	int family = span_has(text, ':') ? AF_INET6 : AF_INET;
	struct span rest;

	/* "[192.0.2.1]", and what follows it for people */
	if (text.n > 0 && text.p[0] == '[') {
		text.p++;
		text.n--;
		rest = text;
		if (!span_take_until(&rest, ']', &text))
			return none;
	}
	if (text.n == 0 || text.n >= sizeof(copy))
		return none;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	if (inet_pton(family, copy, address) != 1 ||
	    inet_ntop(family, address, again, sizeof(again)) == NULL)
		return none;
	return arena_copy(arena, span_of(again));
}

static struct span domain_text(struct span text, struct arena *arena)
{
	const char *name = domain_normalize(arena, text);

	return name == NULL ? field_lower(text) : span_of(name);
}

/* ------------------------------------------------------------------- fields */

enum kind {
	KIND_TEXT,
	KIND_WORD,
	KIND_ADDRESS,
	KIND_DOMAIN,
	KIND_IP,
};

struct field {
	const char *name;
	enum kind kind;
	size_t offset;
};

#define AT(member) offsetof(struct failure_report, member)

/* RFC 5965 3.1, RFC 6591 3.1, RFC 9991 4; R10.5 */
static const struct field fields[] = {
	{ "Feedback-Type", KIND_WORD, AT(feedback_type) },
	{ "User-Agent", KIND_TEXT, AT(user_agent) },
	{ "Auth-Failure", KIND_WORD, AT(auth_failure) },
	{ "Delivery-Result", KIND_TEXT, AT(delivery_result) },
	{ "Identity-Alignment", KIND_TEXT, AT(identity_alignment) },
	{ "Source-IP", KIND_IP, AT(source_ip) },
	{ "Reported-Domain", KIND_DOMAIN, AT(reported_domain) },
	{ "Original-Mail-From", KIND_ADDRESS, AT(mail_from) },
	{ "Original-Rcpt-To", KIND_ADDRESS, AT(rcpt_to) },
	{ "DKIM-Domain", KIND_DOMAIN, AT(dkim_domain) },
	{ "DKIM-Identity", KIND_TEXT, AT(dkim_identity) },
	{ "DKIM-Selector", KIND_TEXT, AT(dkim_selector) },
	{ "SPF-DNS", KIND_TEXT, AT(spf_dns) },
	{ "Authentication-Results", KIND_TEXT, AT(authentication_results) },
};

/* What Exim's dmarc_send_forensic_report() writes, as "  Name: value". */
static const struct field text_fields[] = {
	{ "Sender Domain", KIND_DOMAIN, AT(reported_domain) },
	{ "Sender IP Address", KIND_IP, AT(source_ip) },
	{ "DMARC Results", KIND_TEXT, AT(authentication_results) },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct span
read_value(struct span body, enum kind kind, struct arena *arena)
{
	struct span text = field_line(body, arena);

	if (text.p == NULL)
		return text;
	switch (kind) {
	case KIND_TEXT:
		return text;
	case KIND_WORD:
		return field_lower(text);
	case KIND_ADDRESS:
		return field_address(text);
	case KIND_DOMAIN:
		return domain_text(text, arena);
	case KIND_IP:
		return canonical_ip(text, arena);
	}
	return text;
}

/* Is it one of the table? Then it is in the report, if it is the first. */
static bool take_field(const struct field *table, size_t n, struct span name,
		       struct span body, struct arena *arena,
		       struct failure_report *report)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct span *value = (struct span *)(void *)((char *)report +
							     table[i].offset);

		if (!span_is(name, table[i].name))
			continue;
		if (value->p == NULL)
			*value = read_value(body, table[i].kind, arena);
		return true;
	}
	return false;
}

static bool is_date(struct span name)
{
	return span_is(name, "Arrival-Date") ||
	       span_is(name, "Received-Date") || span_is(name, "Received Date");
}

bool failure_read(struct span text, bool (*date)(struct span, int64_t *),
		  struct arena *arena, struct failure_report *report)
{
	struct header_field field;
	bool known = false;
	int more;

	*report = (struct failure_report){ .incidents = 1 };
	/* White space in front is no header's, but seen. */
	while (text.n > 0 && (*text.p == '\r' || *text.p == '\n')) {
		text.p++;
		text.n--;
	}
	while ((more = header_next(&text, &field)) != 0) {
		uint64_t number;

		if (more < 0)
			continue;
		if (take_field(fields, COUNT(fields), field.name, field.body,
			       arena, report))
			known = true;
		else if (is_date(field.name) && report->arrival == 0)
			(void)date(span_trim(field.body), &report->arrival);
		else if (span_is(field.name, "Incidents") &&
			 span_to_uint(span_trim(field.body), MAX_MESSAGES,
				      &number) &&
			 number > 0)
			report->incidents = number;
	}
	return known;
}

/* --------------------------------------------------------------- Exim's text */

#define EXIM_TEXT "A message claiming to be from you has failed"

bool failure_is_text(struct span text)
{
	size_t most =
		4096; /* an opening of the gateway's own may stand first */

	return text.n > 0 && memmem(text.p, text.n < most ? text.n : most,
				    EXIM_TEXT, sizeof(EXIM_TEXT) - 1) != NULL;
}

/* "SPF Alignment: yes" and "DKIM Alignment: no" */
static void
take_alignment(struct span name, struct span body, bool aligned[2], bool *known)
{
	if (span_is(name, "DKIM Alignment"))
		aligned[0] = span_is(span_trim(body), "yes");
	else if (span_is(name, "SPF Alignment"))
		aligned[1] = span_is(span_trim(body), "yes");
	else
		return;
	*known = true;
}

/*
 * The copy of the header begins behind a line of dashes, or where unindented
 * fields begin.
 */
static bool ends_summary(struct span line)
{
	size_t i;

	if (span_starts(line, "------"))
		return true;
	for (i = 0; i < line.n && line.p[i] > ' ' && line.p[i] <= '~'; i++)
		if (line.p[i] == ':')
			return i > 0;
	return false;
}

bool failure_read_text(struct span text, bool (*date)(struct span, int64_t *),
		       struct arena *arena, struct failure_report *report)
{
	bool aligned[2] = { false, false };
	bool have_alignment = false, known = false;
	struct span line, name, rest = text;

	*report =
		(struct failure_report){ .incidents = 1,
					 .feedback_type = SPAN("auth-failure"),
					 .auth_failure = SPAN("dmarc") };
	while (span_take_line(&rest, &line)) {
		struct span body;

		if (known && ends_summary(line))
			break;
		body = span_trim(line);
		text = rest;
		if (!span_take_until(&body, ':', &name))
			continue;
		name = span_trim(name);
		if (take_field(text_fields, COUNT(text_fields), name, body,
			       arena, report))
			known = true;
		else if (is_date(name) && report->arrival == 0)
			(void)date(span_trim(body), &report->arrival);
		else
			take_alignment(name, body, aligned, &have_alignment);
	}
	if (have_alignment)
		report->identity_alignment = span_of(arena_printf(
			arena, "dkim=%s spf=%s", aligned[0] ? "yes" : "no",
			aligned[1] ? "yes" : "no"));
	while (span_take_line(&text, &line))
		if (!span_starts(line, "------") && span_trim(line).n > 0) {
			failure_add_header(
				(struct span){
					line.p,
					(size_t)(text.p + text.n - line.p) },
				arena, report);
			break;
		}
	return known;
}

/* --------------------------------------------------------------- the message */

void failure_add_header(struct span header, struct arena *arena,
			struct failure_report *report)
{
	struct span message = header, body;
	struct header_field field;

	/* Up to the empty line; a body that came along is not ours to see. */
	while (header_next(&message, &field) != 0)
		continue;
	header.n -= message.n;
	if (header.n > MAX_FAILURE_HEADER_BYTES)
		header.n = MAX_FAILURE_HEADER_BYTES;
	report->header = arena_copy(arena, header);
	if (header_find(header, "From", &body)) {
		struct from_result from = from_read(&body, 1, arena);

		if (from.n > 0)
			report->header_from = span_of(from.domain[0]);
	}
	if (header_find(header, "Subject", &body))
		report->subject = field_line(body, arena);
	if (header_find(header, "Message-ID", &body))
		report->message_id = field_line(body, arena);
}
