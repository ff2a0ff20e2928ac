/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES     4096u  /* a small message fits into one or two */
#define MAX_BLOCK_BYTES 16384u /* each is twice the one before, up to this */

struct block {
	struct block *next;
	size_t size;
	size_t used;
	_Alignas(max_align_t) char bytes[];
};

struct arena {
	struct block *first;
	struct block *last;
	size_t limit;
	size_t used;
	size_t kept_back;
};

struct arena *arena_new(size_t limit)
{
	struct arena *arena = calloc(1, sizeof(*arena));

	if (arena == NULL)
		return NULL;
	arena->limit = limit;
	return arena;
}

static void free_blocks(struct block *block)
{
	while (block != NULL) {
		struct block *next = block->next;

		free(block);
		block = next;
	}
}

void arena_free(struct arena **arena)
{
	if (*arena == NULL)
		return;
	free_blocks((*arena)->first);
	free(*arena);
	*arena = NULL;
}

/* Take out the block that is worth keeping: the largest of ordinary size. */
static struct block *take_best(struct arena *arena)
{
	struct block **best = &arena->first;
	struct block **at, *kept;

	for (at = &arena->first; *at != NULL; at = &(*at)->next)
		if ((*at)->size > (*best)->size &&
		    (*at)->size <= MAX_BLOCK_BYTES)
			best = at;
	kept = *best;
	*best = kept->next;
	return kept;
}

void arena_reset(struct arena *arena)
{
	struct block *kept;

	arena->used = 0;
	arena->kept_back = 0;
	if (arena->first == NULL)
		return;
	kept = take_best(arena);
	free_blocks(arena->first);
	kept->next = NULL;
	kept->used = 0;
	arena->first = kept;
	arena->last = kept;
}

static struct block *add_block(struct arena *arena, size_t size)
{
	size_t least = BLOCK_BYTES;
	struct block *block;

	if (arena->last != NULL && arena->last->size < MAX_BLOCK_BYTES)
		least = 2 * arena->last->size;
	else if (arena->last != NULL)
		least = MAX_BLOCK_BYTES;
	if (least > MAX_BLOCK_BYTES)
		least = MAX_BLOCK_BYTES;
	if (size < least)
		size = least;
	if (size > SIZE_MAX - sizeof(*block))
		return NULL;
	block = malloc(sizeof(*block) + size);
	if (block == NULL)
		return NULL;
	block->next = NULL;
	block->size = size;
	block->used = 0;
	if (arena->last == NULL)
		arena->first = block;
	else
		arena->last->next = block;
	arena->last = block;
	return block;
}

/* Not zeroed. */
static void *take(struct arena *arena, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	struct block *block = arena->last;
	void *memory;
	size_t left;

	if (size == 0)
		size = 1;
	if (size > SIZE_MAX - align)
		return NULL;
	size = (size + align - 1) / align * align;
	left = arena_left(arena);
	if (left < arena->kept_back || size > left - arena->kept_back)
		return NULL;
	if (block == NULL || block->size - block->used < size) {
		block = add_block(arena, size);
		if (block == NULL)
			return NULL;
	}
	memory = block->bytes + block->used;
	block->used += size;
	arena->used += size;
	return memory;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	void *memory = take(arena, size);

	return memory == NULL ? NULL : memset(memory, 0, size);
}

void *arena_array(struct arena *arena, size_t n, size_t size)
{
	if (size > 0 && n > SIZE_MAX / size)
		return NULL;
	return arena_alloc(arena, n * size);
}

struct span arena_copy(struct arena *arena, struct span bytes)
{
	char *copy = NULL;

	if (bytes.n < SIZE_MAX)
		copy = take(arena, bytes.n + 1);
	if (copy == NULL)
		return (struct span){ .p = NULL, .n = 0 };
	if (bytes.n > 0)
		memcpy(copy, bytes.p, bytes.n);
	copy[bytes.n] = '\0';
	return (struct span){ .p = copy, .n = bytes.n };
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	va_list args, again;
	char *text = NULL;
	int n;

	va_start(args, fmt);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n >= 0)
		text = arena_alloc(arena, (size_t)n + 1);
	if (text != NULL)
		vsnprintf(text, (size_t)n + 1, fmt, again);
	va_end(again);
	return text;
}

size_t arena_used(const struct arena *arena)
{
	return arena->used;
}

size_t arena_left(const struct arena *arena)
{
	return arena->limit - arena->used;
}

void arena_keep_back(struct arena *arena, size_t bytes)
{
	arena->kept_back = bytes;
}
