/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/cache.h"

#include <stdbool.h>
#include <string.h>

/*
 * questions[i] and answers[i] belong together, in the order in which they were
 * passed on, so the tail of both arrays is what one batch passes on.
 */
struct cache {
	struct resolver resolver; /* first: what others see of us */
	struct resolver *behind;
	struct arena *arena;
	struct dns_question *questions;
	struct dns_answer *answers;
	size_t n;
	struct dns_question *wanted; /* those not only asked ahead */
	size_t n_wanted;
	size_t room;     /* of all three */
	size_t share_of; /* octets that resolver_allow() divides */
};

/* A linear search: a message asks some dozens of questions (R2.21). */
static bool
find(const struct cache *cache, const struct dns_question *question, size_t *at)
{
	size_t i;

	for (i = 0; i < cache->n; i++) {
		if (cache->questions[i].type == question->type &&
		    strcmp(cache->questions[i].name, question->name) == 0) {
			*at = i;
			return true;
		}
	}
	return false;
}

static bool grow(struct cache *cache)
{
	size_t room = cache->room == 0 ? 16 : cache->room * 2;
	struct dns_question *questions, *wanted;
	struct dns_answer *answers;

	questions = arena_array(cache->arena, room, sizeof(*questions));
	wanted = arena_array(cache->arena, room, sizeof(*wanted));
	answers = arena_array(cache->arena, room, sizeof(*answers));
	if (questions == NULL || wanted == NULL || answers == NULL)
		return false;
	if (cache->n > 0) {
		memcpy(questions, cache->questions,
		       cache->n * sizeof(*questions));
		memcpy(wanted, cache->wanted,
		       cache->n_wanted * sizeof(*wanted));
		memcpy(answers, cache->answers, cache->n * sizeof(*answers));
	}
	cache->questions = questions;
	cache->wanted = wanted;
	cache->answers = answers;
	cache->room = room;
	return true;
}

static bool add(struct cache *cache, const struct dns_question *question)
{
	struct span name = arena_copy(cache->arena, span_of(question->name));

	if (name.p == NULL || (cache->n == cache->room && !grow(cache)))
		return false;
	cache->questions[cache->n] = *question;
	cache->questions[cache->n].name = name.p;
	if (!question->ahead)
		cache->wanted[cache->n_wanted++] = cache->questions[cache->n];
	cache->n++;
	return true;
}

/* What was asked ahead is now asked for. */
static void want(struct cache *cache, size_t at)
{
	cache->questions[at].ahead = false;
	cache->wanted[cache->n_wanted++] = cache->questions[at];
}

static void ask(struct resolver *self, const struct dns_question *questions,
		struct dns_answer *answers, size_t n, struct arena *arena)
{
	struct cache *cache = (struct cache *)self;
	size_t known = cache->n;
	size_t at = 0;
	size_t i;

	/* Answers must live as long as we do, not only as the asker's. */
	(void)arena;
	for (i = 0; i < n; i++)
		if (!find(cache, &questions[i], &at) &&
		    !add(cache, &questions[i]))
			break;
	if (cache->n > known)
		cache->behind->ask(cache->behind, cache->questions + known,
				   cache->answers + known, cache->n - known,
				   cache->arena);
	for (i = 0; i < n; i++) {
		if (!find(cache, &questions[i], &at)) {
			answers[i] =
				(struct dns_answer){ .status = DNS_FAIL,
						     .why = "out of memory" };
			continue;
		}
		answers[i] = cache->answers[at];
		if (cache->questions[at].ahead && !questions[i].ahead)
			want(cache, at);
	}
}

static void allow(struct resolver *self, size_t part, size_t parts)
{
	struct cache *cache = (struct cache *)self;

	if (part == 1)
		cache->share_of = arena_left(cache->arena);
	arena_keep_back(cache->arena, cache->share_of / parts * (parts - part));
	resolver_allow(cache->behind, part, parts);
}

/* The arena has everything; what is behind us belongs to our maker. */
static void free_nothing(struct resolver *self)
{
	(void)self;
}

struct resolver *dns_cache_new(struct resolver *behind, struct arena *arena)
{
	struct cache *cache;

	if (behind->ask == ask)
		return behind;
	cache = arena_alloc(arena, sizeof(*cache));
	if (cache == NULL)
		return NULL;
	cache->resolver.ask = ask;
	cache->resolver.free = free_nothing;
	cache->resolver.allow = allow;
	cache->behind = behind;
	cache->arena = arena;
	return &cache->resolver;
}

const struct dns_question *
dns_cache_asked(const struct resolver *cache, size_t *n)
{
	const struct cache *self = (const struct cache *)cache;

	*n = self->n_wanted;
	return self->wanted;
}
