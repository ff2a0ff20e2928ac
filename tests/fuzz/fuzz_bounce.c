/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"

#include "base/buf.h"
#include "report/bounce.h"
#include "report/limits.h"

/* One line of a bounded length, without octets that steer a terminal. */
static void must_be_line(struct span text)
{
	size_t i;

	MUST_HOLD(text.n <= MAX_TEXT_BYTES);
	for (i = 0; i < text.n; i++)
		MUST_HOLD((unsigned char)text.p[i] >= ' ' && text.p[i] != 0x7f);
}

static void check(const struct bounce *bounce)
{
	must_be_line(bounce->status);
	must_be_line(bounce->recipient);
	must_be_line(bounce->diagnostic);
	must_be_line(bounce->reporter);
	MUST_HOLD(bounce->kind <= BOUNCE_HARD);
	if (bounce->status.p == NULL)
		return;
	/* 5.1.1 to 5.999.999 */
	MUST_HOLD(bounce->status.n >= 5 && bounce->status.n <= 9);
	MUST_HOLD(bounce->status.p[0] == '4' || bounce->status.p[0] == '5');
	MUST_HOLD(bounce->status.p[1] == '.');
}

/* Another recipient who got the mail makes it none; who did not, changes nothing. */
static void
add_recipient(struct span input, const char *fate, enum bounce_kind kind)
{
	struct arena *arena = arena_new(MAX_BOUNCE_MEMORY);
	struct buf text = BUF_INIT(MAX_BOUNCE_BYTES);
	struct bounce bounce;

	MUST_HOLD(arena != NULL);
	buf_add(&text, input);
	buf_add_string(&text, fate);
	if (buf_ok(&text)) {
		MUST_HOLD(bounce_read(buf_span(&text), arena, &bounce));
		MUST_HOLD(bounce.kind == kind);
	}
	buf_release(&text);
	arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span input = { (const char *)data, size };
	struct arena *arena = arena_new(MAX_BOUNCE_MEMORY);
	struct bounce bounce = { .kind = BOUNCE_NONE };

	MUST_HOLD(arena != NULL);
	if (bounce_read(input, arena, &bounce)) {
		check(&bounce);
		add_recipient(input,
			      "\n\nFinal-Recipient: rfc822;x@y.example\n"
			      "Action: relayed\n",
			      BOUNCE_NONE);
		add_recipient(input,
			      "\n\nFinal-Recipient: rfc822;x@y.example\n"
			      "Action: failed\nStatus: 5.1.1\n",
			      bounce.kind);
	}
	arena_reset(arena);
	if (bounce_read_text(input, arena, &bounce)) {
		MUST_HOLD(bounce.kind != BOUNCE_NONE);
		check(&bounce);
	}
	arena_free(&arena);
	return 0;
}
