/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * arena.h - the memory of one message, one report, one command
 *
 * Values inside point at each other freely; nothing inside is freed alone. Who
 * creates the arena ends it. The ceiling makes "input too expensive" and "no
 * memory" one path: arena_alloc() returns NULL.
 */
#ifndef EDMARC_BASE_ARENA_H
#define EDMARC_BASE_ARENA_H

#include <stddef.h>

#include "base/attributes.h"
#include "base/span.h"

struct arena;

/*
 * Returns NULL when there is no memory. limit counts every byte handed out,
 * each piece rounded up to the alignment of any type (16 bytes).
 */
MUST_CHECK struct arena *arena_new(size_t limit);

/* Releases all memory and sets *arena to NULL. NULL inside is fine. */
void arena_free(struct arena **arena);

/* Forgets everything handed out but keeps some memory for reuse. */
void arena_reset(struct arena *arena);

/* Zeroed memory aligned for any type, or NULL past the limit. */
MUST_CHECK void *arena_alloc(struct arena *arena, size_t size);

/* The same for n elements; NULL also when n * size does not fit. */
MUST_CHECK void *arena_array(struct arena *arena, size_t n, size_t size);

/*
 * A copy with a NUL behind it, so that copy.p is a C string too (which ends
 * early if the bytes hold a NUL). p is NULL when there is no memory.
 */
struct span arena_copy(struct arena *arena, struct span bytes);

/* Formatted text, or NULL. */
MUST_CHECK char *arena_printf(struct arena *arena, const char *fmt, ...)
	PRINTF_LIKE(2, 3);

/* How many bytes were handed out. */
size_t arena_used(const struct arena *arena);

/* How many are left until the limit, those that are kept back among them. */
size_t arena_left(const struct arena *arena);

/*
 * Keep so many bytes back, so that who comes later finds room: until the next
 * call, or arena_reset(), they count as handed out.
 */
void arena_keep_back(struct arena *arena, size_t bytes);

#endif
