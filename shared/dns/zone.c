/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/zone.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/domain.h"
#include "dns/message.h"

/*
 * Names are copied for each record, so a short file with a long $ORIGIN can ask
 * for much more memory than it has octets.
 */
#define MAX_ZONE_MEMORY ((size_t)40 * 1024 * 1024)

/* Longer chains of aliases are given up by resolvers, too; loops never end. */
#define MAX_ALIASES 16

struct zone {
	struct resolver resolver; /* first: what others see of us */
	struct arena *arena;
	struct zone_record *records;
	size_t n;
	size_t room;
};

struct zone *zone_new(void)
{
	struct zone *zone = calloc(1, sizeof(*zone));

	if (zone == NULL)
		return NULL;
	zone->arena = arena_new(MAX_ZONE_MEMORY);
	if (zone->arena == NULL)
		zone_free(&zone);
	return zone;
}

void zone_free(struct zone **zone)
{
	if (*zone == NULL)
		return;
	arena_free(&(*zone)->arena);
	free((*zone)->records);
	free(*zone);
	*zone = NULL;
}

struct arena *zone_arena(struct zone *zone)
{
	return zone->arena;
}

size_t zone_count(const struct zone *zone)
{
	return zone->n;
}

int zone_add(struct zone *zone, struct zone_record record)
{
	if (zone->n == zone->room) {
		size_t room = zone->room == 0 ? 64 : zone->room * 2;
		struct zone_record *more =
			realloc(zone->records, room * sizeof(*more));

		if (more == NULL)
			return -1;
		zone->records = more;
		zone->room = room;
	}
	record.order = zone->n;
	zone->records[zone->n++] = record;
	return 0;
}

/* ---------------------------------------------------------------- order */

static int compare_numbers(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

/*
 * Label by label from the right (RFC 4034 6.1), so that what is below a name
 * follows it at once. The order of octets does not matter but for the dot.
 */
static int compare_names(const char *a, const char *b)
{
	size_t a_n = strlen(a);
	size_t b_n = strlen(b);

	while (a_n > 0 && b_n > 0) {
		char x = a[--a_n];
		char y = b[--b_n];

		if (x != y && (x == '.' || y == '.'))
			return x == '.' ? -1 : 1;
		if (x != y)
			return x < y ? -1 : 1;
	}
	return compare_numbers(a_n, b_n);
}

static int compare_data(struct span a, struct span b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

	return order != 0 ? order : compare_numbers(a.n, b.n);
}

static int
compare_records(const struct zone_record *a, const struct zone_record *b)
{
	int order = compare_names(a->owner, b->owner);

	if (order == 0)
		order = compare_numbers(a->kind, b->kind);
	if (order == 0)
		order = compare_numbers(a->preference, b->preference);
	return order;
}

static int by_content(const void *a, const void *b)
{
	const struct zone_record *x = a;
	const struct zone_record *y = b;
	int order = compare_records(x, y);

	if (order == 0)
		order = compare_data(x->data, y->data);
	return order != 0 ? order : compare_numbers(x->order, y->order);
}

static int by_appearance(const void *a, const void *b)
{
	const struct zone_record *x = a;
	const struct zone_record *y = b;
	int order = compare_records(x, y);

	return order != 0 ? order : compare_numbers(x->order, y->order);
}

static bool
same_record(const struct zone_record *a, const struct zone_record *b)
{
	return compare_records(a, b) == 0 && span_equal(a->data, b->data);
}

static void sort(struct zone *zone)
{
	size_t kept = 1;
	size_t i;

	if (zone->n == 0)
		return;
	qsort(zone->records, zone->n, sizeof(*zone->records), by_content);
	for (i = 1; i < zone->n; i++)
		if (!same_record(&zone->records[kept - 1], &zone->records[i]))
			zone->records[kept++] = zone->records[i];
	zone->n = kept;
	qsort(zone->records, zone->n, sizeof(*zone->records), by_appearance);
}

/* -------------------------------------------------------------- answers */

/* The first record of that name, or else of what would follow it. */
static size_t find(const struct zone *zone, const char *name)
{
	size_t low = 0;
	size_t high = zone->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_names(zone->records[middle].owner, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Are there records of this name, or below it? The root always exists. */
static bool exists(const struct zone *zone, const char *name)
{
	size_t at = find(zone, name);

	return *name == '\0' ||
	       (at < zone->n &&
		domain_is_within(zone->records[at].owner, name));
}

/*
 * Whose records answer for a name: its own, or those of the "*" below its
 * nearest ancestor that exists (RFC 4592 3.3.1). False if the name does not
 * exist. source has room for "*." and a name.
 */
static bool find_source(const struct zone *zone, const char *name, char *source,
			size_t size)
{
	const char *encloser = name;

	if (exists(zone, name)) {
		snprintf(source, size, "%s", name);
		return true;
	}
	while (!exists(zone, encloser))
		encloser = domain_without(encloser, 1);
	snprintf(source, size, "*%s%s", *encloser == '\0' ? "" : ".", encloser);
	return exists(zone, source);
}

static struct dns_answer
found(const struct zone_record *records, size_t n, struct arena *arena)
{
	struct dns_answer answer = { .status = DNS_FOUND, .n = n };
	size_t i;

	answer.records = arena_array(arena, n, sizeof(*answer.records));
	if (answer.records == NULL)
		return dns_failure("out of memory");
	for (i = 0; i < n; i++) {
		answer.records[i] = arena_copy(arena, records[i].data);
		if (answer.records[i].p == NULL)
			return dns_failure("out of memory");
	}
	return answer;
}

static enum zone_kind kind_of(enum dns_type type)
{
	switch (type) {
	case DNS_TXT:
		return ZONE_TXT;
	case DNS_A:
		return ZONE_A;
	case DNS_AAAA:
		return ZONE_AAAA;
	case DNS_MX:
		return ZONE_MX;
	}
	return ZONE_OTHER;
}

/*
 * Answer from the records of one name. With an alias instead of an answer,
 * *alias is where it leads.
 */
static struct dns_answer answer_from(const struct zone *zone,
				     const char *source, enum zone_kind kind,
				     struct arena *arena, const char **alias)
{
	size_t first = 0;
	size_t n = 0;
	size_t i;

	for (i = find(zone, source); i < zone->n; i++) {
		const struct zone_record *record = &zone->records[i];

		if (strcmp(record->owner, source) != 0)
			break;
		if (record->kind == ZONE_SERVFAIL)
			return dns_failure("SERVFAIL");
		if (record->kind == ZONE_TIMEOUT)
			return dns_failure("timeout");
		if (record->kind == ZONE_CNAME)
			*alias = record->data.p;
		if (record->kind == kind && n++ == 0)
			first = i;
	}
	if (n == 0)
		return (struct dns_answer){ .status = DNS_NODATA };
	*alias = NULL;
	return found(&zone->records[first], n, arena);
}

static struct dns_answer answer(const struct zone *zone,
				const struct dns_question *question,
				struct arena *arena)
{
	char source[DOMAIN_MAX_OCTETS + 3];
	const char *name = question->name;
	int aliases;

	if (strlen(name) > DOMAIN_MAX_OCTETS)
		return (struct dns_answer){ .status = DNS_NXDOMAIN };
	for (aliases = 0; aliases <= MAX_ALIASES; aliases++) {
		const char *alias = NULL;
		struct dns_answer answer;

		/* An alias exists, wherever it leads (R3.4). */
		if (!find_source(zone, name, source, sizeof(source)))
			return (struct dns_answer){
				.status =
					aliases == 0 ? DNS_NXDOMAIN : DNS_NODATA
			};
		answer = answer_from(zone, source, kind_of(question->type),
				     arena, &alias);
		if (alias == NULL || answer.status == DNS_FAIL)
			return answer;
		name = alias;
	}
	return dns_failure("too many aliases");
}

static void ask(struct resolver *self, const struct dns_question *questions,
		struct dns_answer *answers, size_t n, struct arena *arena)
{
	const struct zone *zone = (const struct zone *)self;
	size_t i;

	for (i = 0; i < n; i++)
		answers[i] = answer(zone, &questions[i], arena);
}

static void free_resolver(struct resolver *self)
{
	struct zone *zone = (struct zone *)self;

	zone_free(&zone);
}

struct resolver *zone_finish(struct zone *zone)
{
	sort(zone);
	zone->resolver.ask = ask;
	zone->resolver.free = free_resolver;
	return &zone->resolver;
}
