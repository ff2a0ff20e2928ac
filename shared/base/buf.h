/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * buf.h - bytes that are ours and grow up to a limit
 *
 * The limit is given at birth. What does not fit, or finds no memory, is not
 * added, and the buffer remembers it: many buf_add() without checks, then one
 * buf_ok().
 */
#ifndef EDMARC_BASE_BUF_H
#define EDMARC_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/span.h"

struct buf {
	char *p;
	size_t n;
	size_t room;
	size_t max;
	bool failed;
};

#define BUF_INIT(limit)                                                       \
	{                                                                     \
		.p = NULL, .n = 0, .room = 0, .max = (limit), .failed = false \
	}

/* bytes must not be the buffer's own: they may move. */
void buf_add(struct buf *buf, struct span bytes);
void buf_add_char(struct buf *buf, char c);
void buf_add_string(struct buf *buf, const char *string);
void buf_addf(struct buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* n bytes more, which the caller fills in at once; NULL when there is no room. */
MUST_CHECK char *buf_more(struct buf *buf, size_t n);

/* Was everything added? */
MUST_CHECK bool buf_ok(const struct buf *buf);

/* What is inside; valid until the next change. */
struct span buf_span(const struct buf *buf);

/* The same as a C string; "" when empty. */
const char *buf_string(struct buf *buf);

/* Empty again, and free of failure; the memory is kept. */
void buf_reset(struct buf *buf);

/* Drop the first n bytes (at most all). */
void buf_drop(struct buf *buf, size_t n);

/* Gives the memory back; the buffer is empty and can be used again. */
void buf_release(struct buf *buf);

#endif
