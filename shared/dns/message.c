/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/message.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_OCTETS 12

/* Of a name on the wire, with the root's length octet (RFC 1035 3.1). */
#define MAX_NAME_OCTETS 255

/* As text every octet may become "\DDD", and every length octet a dot. */
#define MAX_NAME_TEXT (4 * MAX_NAME_OCTETS)

/*
 * In one name. It has 127 labels at most, and no sense in pointers without one
 * between them; 16 kB of those in each of 4,000 names would take half a second.
 */
#define MAX_POINTERS 128

/* Longer chains of aliases are given up by resolvers, too. */
#define MAX_ALIASES 16

/* At the end of the data of an SOA (RFC 1035 3.3.13). */
#define SOA_MINIMUM 4

#define CLASS_IN   1
#define TYPE_A     1
#define TYPE_CNAME 5
#define TYPE_SOA   6
#define TYPE_MX    15
#define TYPE_TXT   16
#define TYPE_AAAA  28

#define FLAG_REPLY     0x8000
#define FLAG_TRUNCATED 0x0200
#define RCODE_MASK     0x000f
#define RCODE_NXDOMAIN 3

struct name {
	char text[MAX_NAME_TEXT + 1]; /* lower case, no trailing dot */
};

struct record {
	struct name owner;
	unsigned int type;
	unsigned int class;
	uint32_t ttl;
	size_t data; /* where in the reply */
	size_t n;
};

struct reader {
	const unsigned char *p;
	size_t n;
	size_t at;
};

static bool take_u16(struct reader *in, unsigned int *number)
{
	if (in->n - in->at < 2)
		return false;
	*number = (unsigned int)in->p[in->at] << 8 | in->p[in->at + 1];
	in->at += 2;
	return true;
}

static bool take_u32(struct reader *in, uint32_t *number)
{
	unsigned int high, low;

	if (!take_u16(in, &high) || !take_u16(in, &low))
		return false;
	*number = (uint32_t)high << 16 | low;
	return true;
}

/* A time to live, of which more than 31 bits mean 0 (RFC 2181 8). */
static bool take_ttl(struct reader *in, uint32_t *seconds)
{
	if (!take_u32(in, seconds))
		return false;
	if (*seconds > INT32_MAX)
		*seconds = 0;
	return true;
}

static bool skip(struct reader *in, size_t n)
{
	if (in->n - in->at < n)
		return false;
	in->at += n;
	return true;
}

/* What could be taken for a dot, or is no ASCII, is escaped (RFC 1035 5.1). */
static size_t add_octet(char *text, unsigned char octet)
{
	char c = ascii_lower((char)octet);

	if (ascii_is_alpha(c) || ascii_is_digit(c) || c == '-' || c == '_') {
		*text = c;
		return 1;
	}
	text[0] = '\\';
	text[1] = (char)('0' + octet / 100);
	text[2] = (char)('0' + octet / 10 % 10);
	text[3] = (char)('0' + octet % 10);
	return 4;
}

/*
 * Read the name at *at, which is moved behind it. A pointer has to lead back
 * (RFC 1035 4.1.4), so no chain of them is endless.
 */
static bool read_name(const struct reader *in, size_t *at, struct name *name)
{
	size_t pos = *at;
	size_t lowest = pos;
	size_t octets = 0;
	size_t n = 0;
	unsigned int pointers = 0;

	for (;;) {
		size_t length, i;

		if (pos >= in->n)
			return false;
		length = in->p[pos++];
		if ((length & 0xc0) == 0xc0) {
			if (pos >= in->n)
				return false;
			length = (length & 0x3f) << 8 | in->p[pos++];
			if (pointers++ == 0)
				*at = pos;
			if (length >= lowest || pointers > MAX_POINTERS)
				return false;
			lowest = pos = length;
			continue;
		}
		octets += length + 1;
		if (length > 63 || octets > MAX_NAME_OCTETS ||
		    in->n - pos < length)
			return false;
		if (length == 0)
			break;
		if (n > 0)
			name->text[n++] = '.';
		for (i = 0; i < length; i++)
			n += add_octet(name->text + n, in->p[pos++]);
	}
	if (pointers == 0)
		*at = pos;
	name->text[n] = '\0';
	return true;
}

/* Take the next record, of whatever section. */
static bool take_record(struct reader *in, struct record *record)
{
	unsigned int n;

	if (!read_name(in, &in->at, &record->owner) ||
	    !take_u16(in, &record->type) || !take_u16(in, &record->class) ||
	    !take_ttl(in, &record->ttl) || !take_u16(in, &n))
		return false;
	record->data = in->at;
	record->n = n;
	return skip(in, n);
}

struct dns_answer dns_failure(const char *why)
{
	struct dns_answer answer = { .status = DNS_FAIL };

	snprintf(answer.why, sizeof(answer.why), "%s", why);
	return answer;
}

static struct dns_answer malformed(void)
{
	return dns_failure("malformed reply");
}

/* ------------------------------------------------------ data of a record */

static bool read_txt(const struct reader *in, const struct record *record,
		     struct arena *arena, struct span *text)
{
	size_t at = record->data;
	size_t end = at + record->n;
	char *copy = arena_alloc(arena, record->n + 1);

	if (copy == NULL)
		return false;
	*text = (struct span){ copy, 0 };
	while (at < end) {
		size_t n = in->p[at++];

		if (end - at < n)
			return false;
		memcpy(copy + text->n, in->p + at, n);
		text->n += n;
		at += n;
	}
	return record->n > 0;
}

static bool read_address(const struct reader *in, const struct record *record,
			 struct arena *arena, struct span *text)
{
	bool four = record->type == TYPE_A;
	char word[INET6_ADDRSTRLEN];

	if (record->n != (four ? 4 : 16) ||
	    inet_ntop(four ? AF_INET : AF_INET6, in->p + record->data, word,
		      sizeof(word)) == NULL)
		return false;
	*text = arena_copy(arena, span_of(word));
	return text->p != NULL;
}

/* Behind a preference of two octets for MX, at once for CNAME. */
static bool read_host(const struct reader *in, const struct record *record,
		      struct name *name)
{
	size_t at = record->data + (record->type == TYPE_MX ? 2 : 0);

	return read_name(in, &at, name) && at == record->data + record->n;
}

static bool read_data(const struct reader *in, const struct record *record,
		      struct arena *arena, struct span *text)
{
	struct name host;

	switch (record->type) {
	case TYPE_TXT:
		return read_txt(in, record, arena, text);
	case TYPE_MX:
		if (!read_host(in, record, &host))
			return false;
		*text = arena_copy(arena, span_of(host.text));
		return text->p != NULL;
	default:
		return read_address(in, record, arena, text);
	}
}

/* ------------------------------------------------------------ the answer */

unsigned int dns_type_number(enum dns_type type)
{
	switch (type) {
	case DNS_TXT:
		return TYPE_TXT;
	case DNS_A:
		return TYPE_A;
	case DNS_AAAA:
		return TYPE_AAAA;
	case DNS_MX:
		return TYPE_MX;
	}
	return 0;
}

struct answers {
	struct reader reader; /* at the first record */
	unsigned int n;
	unsigned int authorities; /* behind them */
};

/* The alias of that name: 1 with where it leads, 0 if it is none, -1. */
static int find_alias(const struct answers *answers, const struct name *name,
		      struct name *target)
{
	struct reader in = answers->reader;
	struct record record;
	unsigned int i;

	for (i = 0; i < answers->n; i++) {
		if (!take_record(&in, &record))
			return -1;
		if (record.type == TYPE_CNAME && record.class == CLASS_IN &&
		    strcmp(record.owner.text, name->text) == 0)
			return read_host(&in, &record, target) ? 1 : -1;
	}
	return 0;
}

/*
 * Find where the name leads. Aliases may stand in any order, so each step looks
 * through all of them. Returns how many there were, -1 when the reply cannot be
 * read or there is no end of them.
 */
static int follow_aliases(const struct answers *answers, struct name *name)
{
	struct name target;
	int aliases;

	for (aliases = 0; aliases <= MAX_ALIASES; aliases++) {
		int more = find_alias(answers, name, &target);

		if (more <= 0)
			return more < 0 ? -1 : aliases;
		*name = target;
	}
	return -1;
}

static bool is_wanted(const struct record *record, const struct name *owner,
		      unsigned int type)
{
	return record->type == type && record->class == CLASS_IN &&
	       strcmp(record->owner.text, owner->text) == 0;
}

struct found {
	unsigned int preference; /* 0 but for MX */
	size_t order;
	struct span data;
};

static int compare_found(const void *a, const void *b)
{
	const struct found *x = a;
	const struct found *y = b;

	if (x->preference != y->preference)
		return x->preference < y->preference ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

/* All records of that owner and type; *n is how many. NULL: malformed. */
static struct found *collect(const struct answers *answers,
			     const struct name *owner, unsigned int type,
			     struct arena *arena, size_t *n)
{
	struct reader in = answers->reader;
	struct found *found = arena_array(arena, answers->n, sizeof(*found));
	struct record record;
	unsigned int i;

	*n = 0;
	for (i = 0; found != NULL && i < answers->n; i++) {
		if (!take_record(&in, &record))
			return NULL;
		if (!is_wanted(&record, owner, type))
			continue;
		found[*n].order = *n;
		if (type == TYPE_MX && record.n >= 2)
			found[*n].preference = (unsigned int)in.p[record.data]
						       << 8 |
					       in.p[record.data + 1];
		if (!read_data(&in, &record, arena, &found[*n].data))
			return NULL;
		(*n)++;
	}
	return found;
}

static struct dns_answer answer_from(const struct answers *answers,
				     const struct name *owner,
				     enum dns_type type, struct arena *arena)
{
	struct dns_answer answer = { .status = DNS_NODATA };
	struct found *found;
	size_t i;

	found = collect(answers, owner, dns_type_number(type), arena,
			&answer.n);
	if (found == NULL)
		return malformed();
	if (answer.n == 0)
		return answer;
	qsort(found, answer.n, sizeof(*found), compare_found);
	answer.status = DNS_FOUND;
	answer.records = arena_array(arena, answer.n, sizeof(*answer.records));
	if (answer.records == NULL)
		return dns_failure("out of memory");
	for (i = 0; i < answer.n; i++)
		answer.records[i] = found[i].data;
	return answer;
}

static struct dns_answer rcode_failure(unsigned int rcode)
{
	static const char *const names[] = { [1] = "FORMERR",
					     [2] = "SERVFAIL",
					     [4] = "NOTIMP",
					     [5] = "REFUSED" };
	struct dns_answer answer = { .status = DNS_FAIL };

	if (rcode < sizeof(names) / sizeof(names[0]) && names[rcode] != NULL)
		return dns_failure(names[rcode]);
	snprintf(answer.why, sizeof(answer.why), "rcode %u", rcode);
	return answer;
}

/* Up to the first record; false when the reply is none. */
static bool
read_header(struct span reply, unsigned int *flags, struct answers *answers)
{
	struct reader in = { (const unsigned char *)reply.p, reply.n, 0 };
	unsigned int id, questions;
	struct name ignored;

	if (reply.n < HEADER_OCTETS || !take_u16(&in, &id) ||
	    !take_u16(&in, flags) || !take_u16(&in, &questions) ||
	    !take_u16(&in, &answers->n) ||
	    !take_u16(&in, &answers->authorities) || !skip(&in, 2))
		return false;
	while (questions-- > 0)
		if (!read_name(&in, &in.at, &ignored) || !skip(&in, 4))
			return false;
	answers->reader = in;
	return (*flags & FLAG_REPLY) != 0;
}

struct dns_answer dns_message_read(struct span reply,
				   const struct dns_question *question,
				   struct arena *arena)
{
	struct answers answers = { .n = 0 };
	struct name name = { .text = "" };
	unsigned int flags = 0;
	int aliases;

	if (!read_header(reply, &flags, &answers))
		return malformed();
	if ((flags & RCODE_MASK) != 0 && (flags & RCODE_MASK) != RCODE_NXDOMAIN)
		return rcode_failure(flags & RCODE_MASK);
	if ((flags & FLAG_TRUNCATED) != 0)
		return dns_failure("truncated reply");
	snprintf(name.text, sizeof(name.text), "%s", question->name);
	aliases = follow_aliases(&answers, &name);
	if (aliases < 0)
		return malformed();
	/* Of a chain of aliases NXDOMAIN speaks about the end (RFC 6604 2). */
	if ((flags & RCODE_MASK) == RCODE_NXDOMAIN)
		return (struct dns_answer){ .status = aliases > 0 ?
							      DNS_NODATA :
							      DNS_NXDOMAIN };
	return answer_from(&answers, &name, question->type, arena);
}

/* How long what an SOA says of that which does not exist holds; 0: no SOA. */
static uint32_t negative_ttl(struct reader *in, unsigned int n)
{
	struct record record;

	while (n-- > 0 && take_record(in, &record)) {
		struct reader end = *in;
		uint32_t minimum;

		if (record.type != TYPE_SOA || record.class != CLASS_IN ||
		    record.n < SOA_MINIMUM)
			continue;
		end.at = record.data + record.n - SOA_MINIMUM;
		if (!take_ttl(&end, &minimum))
			return 0;
		return minimum < record.ttl ? minimum : record.ttl;
	}
	return 0;
}

uint32_t dns_message_ttl(struct span reply, const struct dns_answer *answer)
{
	struct answers answers = { .n = 0 };
	uint32_t least = UINT32_MAX, negative;
	struct record record;
	unsigned int flags;
	unsigned int i;

	if (answer->status == DNS_FAIL || !read_header(reply, &flags, &answers))
		return 0;
	for (i = 0; i < answers.n; i++) {
		if (!take_record(&answers.reader, &record))
			return 0;
		if (record.ttl < least)
			least = record.ttl;
	}
	if (answer->status == DNS_FOUND)
		return least;
	negative = negative_ttl(&answers.reader, answers.authorities);
	return negative < least ? negative : least;
}
