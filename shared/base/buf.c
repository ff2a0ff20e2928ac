/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for more bytes and the NUL behind them. */
static bool make_room(struct buf *buf, size_t more)
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
	if (room > buf->n && room - buf->n > more)
		return true;
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

void buf_add(struct buf *buf, struct span bytes)
{
	if (!make_room(buf, bytes.n))
		return;
	if (bytes.n > 0)
		memcpy(buf->p + buf->n, bytes.p, bytes.n);
	buf->n += bytes.n;
	buf->p[buf->n] = '\0';
}

void buf_add_char(struct buf *buf, char c)
{
	buf_add(buf, (struct span){ &c, 1 });
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
