/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"
#include "report/limits.h"
#include "report/unpack.h"

/* All of one file inside; how many octets. */
static size_t read_entry(struct unpack *unpack, int *more)
{
	struct err err = ERR_INIT;
	struct span piece;
	size_t n = 0;

	while ((*more = unpack_read(unpack, &piece, &err)) == 1) {
		MUST_HOLD(piece.n > 0);
		n += piece.n;
	}
	MUST_HOLD(*more == 0 || err.kind != ERR_NONE);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = { (const char *)data, size };
	enum content content = content_of(bytes);
	struct unpack_budget budget = { 0 };
	struct err err = ERR_INIT;
	struct unpack *unpack;
	struct span name;
	size_t entries = 0, octets = 0;
	int more, rest = 0;

	MUST_HOLD(content_name(content)[0] != '\0');
	MUST_HOLD(content != CONTENT_EMPTY || span_trim(bytes).n <= 3 ||
		  size > CONTENT_BYTES);
	if (!content_is_archive(content))
		return 0;
	unpack = unpack_new(content, bytes, &budget, &err);
	if (unpack == NULL) {
		MUST_HOLD(err.kind != ERR_NONE);
		return 0;
	}
	while (rest == 0 && (more = unpack_next(unpack, &name, &err)) == 1) {
		entries++;
		MUST_HOLD(name.p != NULL);
		octets += read_entry(unpack, &rest);
	}
	MUST_HOLD(entries <= MAX_ENTRIES);
	MUST_HOLD(octets <= MAX_UNPACKED_BYTES);
	/* A small input gives a small output. */
	MUST_HOLD(octets <= UNPACK_RATIO_FROM + 64 * 1024 ||
		  octets / (MAX_UNPACK_RATIO + 1) <= size);
	MUST_HOLD(budget.entries >= entries && budget.unpacked >= octets);
	unpack_free(&unpack);
	MUST_HOLD(unpack == NULL);
	return 0;
}
