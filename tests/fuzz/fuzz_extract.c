/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "fuzz.h"
#include "report/extract.h"
#include "report/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span mail = { (const char *)data, size };
	struct err err = ERR_INIT;
	struct extract *extract;
	struct mail_part part;
	size_t parts = 0;
	char *copy;
	int more;

	MUST_HOLD(extract_prepare(&err) == 0);
	(void)extract_is_mail(mail);
	copy = malloc(size > 0 ? size : 1);
	MUST_HOLD(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	extract = extract_new(copy, size, &err);
	MUST_HOLD(extract != NULL);
	while ((more = extract_next(extract, &part, &err)) == 1) {
		parts++;
		MUST_HOLD(part.name.p != NULL && part.type.p != NULL);
		/* No encoding of a part makes it longer than the mail. */
		MUST_HOLD(part.bytes.n <= size);
	}
	MUST_HOLD(more == 0 || err.kind == ERR_LIMIT);
	MUST_HOLD(parts <= MAX_MAIL_PARTS);
	extract_free(&extract);
	MUST_HOLD(extract == NULL);
	return 0;
}
