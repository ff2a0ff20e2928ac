/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool grow(struct buf *buf, size_t more)
{
	/* A limit of SIZE_MAX still leaves room for the NUL. */
	size_t max = buf->max < SIZE_MAX ? buf->max : SIZE_MAX - 1;
	size_t room = buf->room;
	char *p;

	if (buf->failed)
		return false;
	if (more > max - buf->n) {
		buf->failed = true;
		return false;
	}
	if (room < 64)
		room = 64;
	while (room - buf->n <= more)
		room = room < max / 2 ? room * 2 : max + 1;
	p = realloc(buf->p, room);
	if (p == NULL) {
		buf->failed = true;
		return false;
	}
	buf->p = p;
	buf->room = room;
	return true;
}

/* Room for more bytes and the NUL behind them. */
static inline bool make_room(struct buf *buf, size_t more)
{
	if (!buf->failed && buf->room - buf->n > more &&
	    more <= buf->max - buf->n)
		return true;
	return grow(buf, more);
}

char *buf_more(struct buf *buf, size_t n)
{
	if (!make_room(buf, n))
		return NULL;
	buf->n += n;
	buf->p[buf->n] = '\0';
	return buf->p + buf->n - n;
}

void buf_add(struct buf *buf, struct span bytes)
{
	char *p = buf_more(buf, bytes.n);

	if (p != NULL && bytes.n > 0)
		memcpy(p, bytes.p, bytes.n);
}

void buf_add_char(struct buf *buf, char c)
{
	char *p = buf_more(buf, 1);

	if (p != NULL)
		*p = c;
}

void buf_add_string(struct buf *buf, const char *string)
{
	buf_add(buf, span_of(string));
}

/* Into the room that is there, if that is enough: most texts are short. */
void buf_addf(struct buf *buf, const char *fmt, ...)
{
	size_t room = buf->failed ? 0 : buf->room - buf->n;
	va_list args, again;
	int n;

	va_start(args, fmt);
	va_copy(again, args);
	n = vsnprintf(room == 0 ? NULL : buf->p + buf->n, room, fmt, args);
	va_end(args);
	if (n < 0) {
		buf->failed = true;
	} else if (make_room(buf, (size_t)n)) {
		if ((size_t)n >= room)
			vsnprintf(buf->p + buf->n, (size_t)n + 1, fmt, again);
		buf->n += (size_t)n;
	}
	va_end(again);
	/* What did not fit is not there in part either. */
	if (room > 0)
		buf->p[buf->n] = '\0';
}

bool buf_ok(const struct buf *buf)
{
	return !buf->failed;
}

struct span buf_span(const struct buf *buf)
{
	return (struct span){ .p = buf->p, .n = buf->n };
}

const char *buf_string(struct buf *buf)
{
	return buf->p == NULL ? "" : buf->p;
}

void buf_reset(struct buf *buf)
{
	buf->n = 0;
	buf->failed = false;
	if (buf->p != NULL)
		buf->p[0] = '\0';
}

void buf_drop(struct buf *buf, size_t n)
{
	if (n >= buf->n)
		n = buf->n;
	if (n == 0)
		return;
	memmove(buf->p, buf->p + n, buf->n - n);
	buf->n -= n;
	buf->p[buf->n] = '\0';
}

void buf_release(struct buf *buf)
{
	free(buf->p);
	buf->p = NULL;
	buf->n = 0;
	buf->room = 0;
	buf->failed = false;
}
