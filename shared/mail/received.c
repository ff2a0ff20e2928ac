/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail/received.h"

#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include "base/network.h"
#include "mail/lex.h"

/* An address that was seen so far: none, one, or more than one. */
struct seen {
	size_t n;
	struct network network;
};

struct reading {
	struct span name; /* the first word behind "from" */
	struct seen bracketed;
	struct seen bare;
	struct span helo;
	struct span dns_name;
	size_t comments;
	bool by_exim; /* the first comment begins as only Exim's do */
};

static bool take_word(struct span *rest, struct span *word)
{
	size_t n = 0;

	lex_skip_space(rest);
	while (n < rest->n && !ascii_is_space(rest->p[n]) &&
	       rest->p[n] != '(' && rest->p[n] != ';')
		n++;
	if (n == 0)
		return false;
	*word = (struct span){ rest->p, n };
	rest->p += n;
	rest->n -= n;
	return true;
}

static bool read_address(struct span text, struct network *network)
{
	if (span_starts(text, "IPv6:"))
		text = (struct span){ text.p + 5, text.n - 5 };
	return !span_has(text, '/') && network_parse(text, network);
}

static void see(struct seen *seen, const struct network *network)
{
	if (seen->n > 0 && network_holds(&seen->network, network))
		return;
	seen->network = *network;
	seen->n++;
}

/* "[192.0.2.7]", "[IPv6:2001:db8::7]:25", "name[192.0.2.7]" */
static bool read_bracketed(struct span word, struct network *network)
{
	struct span inside;

	if (!span_take_until(&word, '[', &inside) ||
	    !span_take_until(&word, ']', &inside) ||
	    (word.n > 0 && word.p[0] != ':' && word.p[0] != ','))
		return false;
	return read_address(inside, network);
}

/* What comes behind one of these is the client's to choose. */
static bool is_told_by_client(struct span word)
{
	return span_starts(word, "helo=") || span_starts(word, "ident=");
}

/* "(HELO name)" of qmail and others: nothing in it is of the server. */
static bool read_helo_comment(struct span inside, struct reading *reading)
{
	struct span word;

	if (!take_word(&inside, &word) ||
	    (!span_is(word, "HELO") && !span_is(word, "EHLO")))
		return false;
	if (take_word(&inside, &word))
		reading->helo = word;
	return true;
}

static void read_word(struct span word, struct reading *reading)
{
	struct network network;
	struct span before;

	if (read_bracketed(word, &network)) {
		see(&reading->bracketed, &network);
		return;
	}
	(void)span_take_until(&word, '@', &before); /* what ident says */
	if (read_address(word, &network))
		see(&reading->bare, &network);
}

/*
 * As Exim writes behind the address of a client without a name. Sendmail writes
 * what ident says there, with a "@" behind it, which Exim takes in no HELO.
 */
static bool begins_as_exim(struct span inside)
{
	struct span word;

	return take_word(&inside, &word) && !span_has(word, '@') &&
	       (is_told_by_client(word) || span_starts(word, "port="));
}

/*
 * "from NAME ([A]" by Exim, "from helo (NAME [A])" by others, who have "unknown"
 * there for none, or "(may be forged)" behind it.
 */
static struct span find_name(const struct reading *reading, struct span inside)
{
	const struct span none = { .p = NULL, .n = 0 };
	struct span word, next;

	if (!take_word(&inside, &word))
		return none;
	if (word.p[0] == '[')
		return reading->name.p[0] == '[' ? none : reading->name;
	if (span_is(word, "unknown") || span_has(word, '=') ||
	    span_has(word, '@') || !take_word(&inside, &next) ||
	    next.p[0] != '[')
		return none;
	lex_skip_space(&inside);
	if (lex_take_comment(&inside, &next) &&
	    span_starts(next, "may be forged"))
		return none;
	return word;
}

static void read_comment(struct span inside, struct reading *reading)
{
	bool is_first = reading->comments++ == 0;
	struct span word, nested;

	if (is_first)
		reading->by_exim = begins_as_exim(inside);
	if (read_helo_comment(inside, reading))
		return;
	if (is_first)
		reading->dns_name = find_name(reading, inside);
	while (inside.n > 0) {
		if (lex_take_comment(&inside, &nested))
			continue;
		if (!take_word(&inside, &word)) {
			if (inside.n > 0) { /* ";", or "(" without end */
				inside.p++;
				inside.n--;
			}
			continue;
		}
		if (span_starts(word, "helo="))
			reading->helo = (struct span){ word.p + 5, word.n - 5 };
		if (is_told_by_client(word))
			return;
		read_word(word, reading);
	}
}

/* Up to "by"; false when this is not how a client is told of. */
static bool read_from_part(struct span *body, struct reading *reading)
{
	struct span word, inside;

	if (!take_word(body, &word) || !span_is(word, "from") ||
	    !take_word(body, &reading->name))
		return false;
	for (;;) {
		lex_skip_space(body);
		if (lex_take_comment(body, &inside))
			read_comment(inside, reading);
		else if (!take_word(body, &word) || span_is(word, "by"))
			return span_is(word, "by");
	}
}

/* "by mx.example with esmtp (Exim 4.96)" */
static bool is_of_exim(struct span rest)
{
	struct span before;

	while (span_take_until(&rest, '(', &before))
		if (span_starts(rest, "Exim "))
			return true;
	return false;
}

/*
 * Exim writes the address of a client without a name first, where others repeat
 * what it said in HELO, which may be an address as well.
 */
static bool is_name_the_address(const struct reading *reading, struct span rest)
{
	return reading->by_exim || (reading->comments == 0 && is_of_exim(rest));
}

static bool
choose(const struct reading *reading, struct span rest, struct network *network)
{
	if (reading->name.p[0] == '[' &&
	    read_bracketed(reading->name, network) &&
	    is_name_the_address(reading, rest))
		return true;
	if (reading->bracketed.n > 0) {
		*network = reading->bracketed.network;
		return reading->bracketed.n == 1;
	}
	*network = reading->bare.network;
	return reading->bare.n == 1;
}

static void format(const struct network *network, char *text)
{
	static const unsigned char v4[12] = { [10] = 0xff, [11] = 0xff };
	bool is_v4 = memcmp(network->address, v4, sizeof(v4)) == 0;

	if (inet_ntop(is_v4 ? AF_INET : AF_INET6,
		      network->address + (is_v4 ? sizeof(v4) : 0), text,
		      RECEIVED_ADDRESS_BYTES) == NULL)
		text[0] = '\0';
}

bool received_read(struct span body, struct received *received)
{
	struct reading reading = { .comments = 0 };
	struct network network;

	if (body.n > MAX_RECEIVED_BYTES || span_has(body, '\0') ||
	    !read_from_part(&body, &reading) ||
	    !choose(&reading, body, &network))
		return false;
	format(&network, received->address);
	received->helo = reading.helo.n > 0 ? reading.helo : reading.name;
	received->name = reading.dns_name;
	/* In front, others repeat what the client said. */
	if (received->name.p == reading.name.p && !is_of_exim(body))
		received->name = (struct span){ .p = NULL, .n = 0 };
	return true;
}

static bool is_relay(struct span relays, const char *address)
{
	return network_listed(relays, span_of(address), NULL) == 1;
}

enum received_way received_source(struct span relays, const char *client,
				  const struct span *bodies, size_t n,
				  struct received *source)
{
	struct received hop;
	size_t i;

	snprintf(source->address, sizeof(source->address), "%s", client);
	source->helo = source->name = (struct span){ .p = NULL, .n = 0 };
	if (!is_relay(relays, client))
		return RECEIVED_DIRECT;
	for (i = 0; i < n && i < MAX_RECEIVED_HOPS; i++) {
		if (!received_read(bodies[i], &hop))
			return RECEIVED_LOST;
		if (!is_relay(relays, hop.address)) {
			*source = hop;
			return RECEIVED_BY_RELAY;
		}
		memcpy(source->address, hop.address, sizeof(hop.address));
	}
	return RECEIVED_LOST;
}
