/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/stored.h"

#include "base/buf.h"
#include "base/network.h"
#include "mail/authres.h"
#include "mail/header.h"
#include "mail/received.h"

static int no_memory(struct err *err)
{
	return err_set(err, ERR_LIMIT, "out of memory");
}

static int tell(struct told *told, struct span text, const char *where,
		struct arena *arena, struct err *err)
{
	told->text = arena_copy(arena, text).p;
	told->where = where;
	return told->text == NULL ? no_memory(err) : 0;
}

/* "<a@b>" -> "a@b"; what has no brackets stays. */
static struct span without_brackets(struct span address)
{
	address = span_trim(address);
	if (address.n >= 2 && span_starts(address, "<") &&
	    span_ends(address, ">"))
		address = (struct span){ address.p + 1, address.n - 2 };
	return address;
}

/* ----------------------------------------------------------- spool files */

/* Is this "1xVbGt-000016-1h-H", which no header begins with? */
bool stored_is_spool(struct span text)
{
	struct span line;
	size_t i;

	if (!span_take_line(&text, &line) || line.n < 4 ||
	    !span_ends(line, "-H"))
		return false;
	for (i = 0; i < line.n; i++)
		if (!ascii_is_alpha(line.p[i]) && !ascii_is_digit(line.p[i]) &&
		    line.p[i] != '-')
			return false;
	return true;
}

/* "[192.0.2.1]:25", or "192.0.2.1.25" as older releases write it. */
static struct span spool_address(struct span value)
{
	struct span address = value;
	struct network ignored;

	if (span_starts(value, "[")) {
		value.p++;
		value.n--;
		return span_take_until(&value, ']', &address) ? address : value;
	}
	while (address.n > 0 && !network_parse(address, &ignored))
		address.n--;
	return address;
}

/* The value of an ACL variable follows on lines of its own: "-aclm x LENGTH". */
static bool skip_acl_value(struct span *text, struct span line)
{
	struct span word, length = line;
	uint64_t n;

	while (span_take_item(&line, ' ', &word))
		length = word;
	if (!span_to_uint(length, UINT32_MAX, &n) || n >= text->n)
		return false;
	text->p += n + 1;
	text->n -= n + 1;
	return true;
}

static int read_variable(struct stored *stored, struct span line,
			 struct span *text, struct arena *arena,
			 struct err *err)
{
	static const char where[] = "the spool file";
	struct span value = line, name;

	if (span_starts(line, "acl"))
		return skip_acl_value(text, line) ?
			       0 :
			       err_set(err, ERR_INPUT, "bad ACL variable");
	if (!span_take_until(&value, ' ', &name))
		return 0;
	if (span_is(name, "helo_name"))
		return tell(&stored->helo, value, where, arena, err);
	if (span_is(name, "host_name"))
		return tell(&stored->client_name, value, where, arena, err);
	if (span_is(name, "host_address"))
		return tell(&stored->client_ip, spool_address(value), where,
			    arena, err);
	return 0;
}

/* Up to the empty line in front of the header. */
static int read_envelope(struct stored *stored, struct span *text,
			 struct arena *arena, struct err *err)
{
	struct span line;
	unsigned number;

	for (number = 1; span_take_line(text, &line); number++) {
		if (line.n == 0)
			return 0;
		if (number == 3 &&
		    tell(&stored->mail_from, without_brackets(line),
			 "the spool file", arena, err) < 0)
			return -1;
		if (number < 5 || line.p[0] != '-')
			continue;
		/* Two of them where the value came from outside. */
		while (line.n > 0 && line.p[0] == '-') {
			line.p++;
			line.n--;
		}
		if (read_variable(stored, line, text, arena, err) < 0)
			return -1;
	}
	return err_set(err, ERR_INPUT, "spool file without a header");
}

/* "017F From: a@rej.test": length, what Exim knows of it, "*" for deleted. */
static int take_field(struct span *text, struct span *field, char *flag)
{
	size_t digits = 0;
	uint64_t n;

	while (digits < text->n && ascii_is_digit(text->p[digits]))
		digits++;
	if (!span_to_uint((struct span){ text->p, digits }, UINT32_MAX, &n) ||
	    text->n < digits + 2 || n > text->n - digits - 2)
		return -1;
	*flag = text->p[digits];
	*field = (struct span){ text->p + digits + 2, (size_t)n };
	text->n -= digits + 2 + (size_t)n;
	text->p += digits + 2 + (size_t)n;
	return 0;
}

static int read_spool(struct stored *stored, struct span text,
		      struct arena *arena, struct err *err)
{
	struct buf header = BUF_INIT(text.n);
	struct span field;
	int result = read_envelope(stored, &text, arena, err);
	char flag;

	while (result == 0 && text.n > 0) {
		if (take_field(&text, &field, &flag) < 0)
			result = err_set(err, ERR_INPUT,
					 "bad length of a field in the spool "
					 "file");
		else if (flag != '*')
			buf_add(&header, field);
	}
	if (result == 0)
		stored->header = arena_copy(arena, buf_span(&header));
	if (result == 0 && (!buf_ok(&header) || stored->header.p == NULL))
		result = no_memory(err);
	buf_release(&header);
	return result;
}

/* --------------------------------------------------------------- messages */

/* "From a@b Mon Nov 23 ...", in front of a message in an mbox. */
static int read_mbox_line(struct stored *stored, struct span header,
			  struct arena *arena, struct err *err)
{
	struct span line, word;

	if (stored->mail_from.text != NULL || !span_take_line(&header, &line) ||
	    line.n < 5 || !span_starts(line, "From "))
		return 0;
	line.p += 5;
	line.n -= 5;
	if (!span_take_item(&line, ' ', &word))
		return 0;
	if (span_is(word, "MAILER-DAEMON"))
		word.n = 0;
	return tell(&stored->mail_from, word, "the mbox \"From \" line", arena,
		    err);
}

/* Is it that server's, or, with NULL, anybody's? */
static bool is_wanted(struct span body, const char *authserv_id,
		      struct arena *arena, struct authres *authres)
{
	/* Parsing others' fields would cost memory for nothing. */
	if (authserv_id != NULL && !authres_claims(body, span_of(authserv_id)))
		return false;
	return authres_parse(body, arena, authres) &&
	       (authserv_id == NULL ||
		span_is(authres->authserv_id, authserv_id));
}

static int use_results(struct stored *stored, struct span body,
		       const struct authres *authres, struct arena *arena,
		       struct err *err)
{
	size_t i;

	stored->results = body;
	stored->results_id = arena_copy(arena, authres->authserv_id).p;
	if (stored->results_id == NULL)
		return no_memory(err);
	for (i = 0; i < authres->n && stored->results_dmarc == NULL; i++) {
		if (!span_is(authres->results[i].method, "dmarc"))
			continue;
		stored->results_dmarc =
			arena_copy(arena, authres->results[i].result).p;
		if (stored->results_dmarc == NULL)
			return no_memory(err);
	}
	return 0;
}

/* "(envelope-from <a@b>)" of Exim */
static bool find_sender(struct span body, struct span *sender)
{
	static const char tag[] = "envelope-from <";

	for (; body.n > sizeof(tag); body.p++, body.n--) {
		if (!span_starts(body, tag))
			continue;
		body.p += sizeof(tag) - 1;
		body.n -= sizeof(tag) - 1;
		return span_take_until(&body, '>', sender);
	}
	return false;
}

static int read_received(struct stored *stored, struct span body,
			 struct arena *arena, struct err *err)
{
	static const char where[] = "Received";
	struct received client;
	struct span sender;

	if (!received_read(body, &client))
		return 0;
	if (tell(&stored->client_ip, span_of(client.address), where, arena,
		 err) < 0 ||
	    tell(&stored->helo, client.helo, where, arena, err) < 0 ||
	    (client.name.n > 0 &&
	     tell(&stored->client_name, client.name, where, arena, err) < 0))
		return -1;
	if (stored->mail_from.text == NULL && find_sender(body, &sender))
		return tell(&stored->mail_from, sender, where, arena, err);
	return 0;
}

static int read_field(struct stored *stored, const struct header_field *field,
		      const char *authserv_id, struct arena *arena,
		      struct err *err)
{
	struct authres authres;

	stored->signatures += span_is(field->name, "DKIM-Signature");
	if (span_is(field->name, "Return-Path") &&
	    stored->mail_from.text == NULL)
		return tell(&stored->mail_from, without_brackets(field->body),
			    "Return-Path", arena, err);
	if (!span_is(field->name, "Authentication-Results"))
		return 0;
	if (stored->results.p == NULL &&
	    is_wanted(field->body, authserv_id, arena, &authres))
		return use_results(stored, field->body, &authres, arena, err);
	stored->results_not_used++;
	return 0;
}

/*
 * The first Received field with a client, below the results if there are some:
 * who delivered into the folder may have put his own above.
 */
static int
find_client(struct stored *stored, struct arena *arena, struct err *err)
{
	struct span rest = stored->header;
	struct header_field field;
	int more;

	while (stored->client_ip.text == NULL &&
	       (more = header_next(&rest, &field)) != 0) {
		if (more < 0 || !span_is(field.name, "Received") ||
		    (stored->results.p != NULL &&
		     field.body.p < stored->results.p))
			continue;
		if (read_received(stored, field.body, arena, err) < 0)
			return -1;
	}
	return 0;
}

int stored_read(struct stored *stored, struct span text,
		const char *authserv_id, struct arena *arena, struct err *err)
{
	struct header_field field;
	struct span rest;
	int more;

	*stored = (struct stored){ .header = text };
	if (stored_is_spool(text) && read_spool(stored, text, arena, err) < 0)
		return -1;
	rest = stored->header;
	while ((more = header_next(&rest, &field)) != 0)
		if (more > 0 &&
		    read_field(stored, &field, authserv_id, arena, err) < 0)
			return -1;
	/* What the spool file does not tell, nobody else does. */
	if (stored_is_spool(text))
		return 0;
	if (find_client(stored, arena, err) < 0)
		return -1;
	return read_mbox_line(stored, stored->header, arena, err);
}
