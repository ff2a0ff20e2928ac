/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "fuzz.h"
#include "report/extract.h"
#include "report/limits.h"

static char *copy_of(const uint8_t *data, size_t size)
{
	char *copy = malloc(size > 0 ? size : 1);

	MUST_HOLD(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

static void check_part(const struct mail_part *part, size_t size)
{
	MUST_HOLD(part->name.p != NULL && part->type.p != NULL);
	/* No encoding of a part makes it longer than the mail. */
	MUST_HOLD(part->bytes.n <= size);
}

/* What needs no GMime says the same as GMime. */
static void compare(struct extract *extract, const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	struct extract *gmime =
		extract_new_by_gmime(copy_of(data, size), size, &err);
	struct mail_part ours, theirs;
	int more;

	MUST_HOLD(gmime != NULL && !extract_is_plain(gmime));
	do {
		more = extract_next(extract, &ours, &err);
		MUST_HOLD(more >= 0);
		MUST_HOLD(extract_next(gmime, &theirs, &err) == more);
		if (more == 0)
			break;
		check_part(&ours, size);
		MUST_HOLD(span_equal(ours.type, theirs.type));
		MUST_HOLD(span_equal(ours.name, theirs.name));
		MUST_HOLD(span_equal(ours.bytes, theirs.bytes));
		MUST_HOLD(!ours.returned && !theirs.returned);
	} while (more == 1);
	MUST_HOLD(!extract_saw_failure(gmime) && !extract_saw_bounce(gmime));
	extract_free(&gmime);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span mail = { (const char *)data, size };
	struct err err = ERR_INIT;
	struct extract *extract;
	struct mail_part part;
	size_t parts = 0;
	int more = 0;

	MUST_HOLD(extract_prepare(&err) == 0);
	(void)extract_is_mail(mail);
	extract = extract_new(copy_of(data, size), size, &err);
	MUST_HOLD(extract != NULL);
	if (extract_is_plain(extract))
		compare(extract, data, size);
	while ((more = extract_next(extract, &part, &err)) == 1) {
		parts++;
		check_part(&part, size);
	}
	MUST_HOLD(more == 0 || err.kind == ERR_LIMIT);
	MUST_HOLD(parts <= MAX_MAIL_PARTS);
	extract_free(&extract);
	MUST_HOLD(extract == NULL);
	return 0;
}
