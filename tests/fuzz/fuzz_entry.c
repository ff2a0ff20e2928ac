/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_entry.c - a line of the verdict journal
 *
 * What can be read is written again, that is read, and both are the same line.
 * What cannot be read leaves the caller's entry alone.
 */
#include "fuzz.h"
#include "journal/entry.h"

static void read_write_read(struct span line, struct arena *arena)
{
	struct buf first = BUF_INIT(8 * MAX_ENTRY_BYTES);
	struct buf second = BUF_INIT(8 * MAX_ENTRY_BYTES);
	struct entry entry = { .size = 12345 };
	struct err err = ERR_INIT;

	if (entry_parse(line, arena, &entry, &err) < 0) {
		MUST_HOLD(entry.size == 12345);
		MUST_HOLD(err.kind != ERR_NONE && err.text[0] != '\0');
		return;
	}
	entry_format(&first, &entry);
	MUST_HOLD(buf_ok(&first));
	/* Escapes may have made it longer than a line may be. */
	if (first.n <= MAX_ENTRY_BYTES) {
		MUST_HOLD(entry_parse(buf_span(&first), arena, &entry, &err) ==
			  0);
		entry_format(&second, &entry);
		MUST_HOLD(span_equal(buf_span(&first), buf_span(&second)));
	}
	buf_release(&first);
	buf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(8 * 1024 * 1024);

	MUST_HOLD(arena != NULL);
	read_write_read((struct span){ (const char *)data, size }, arena);
	arena_free(&arena);
	return 0;
}
