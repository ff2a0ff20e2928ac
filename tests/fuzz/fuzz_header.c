/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fuzz.h"
#include "mail/header.h"

static void check_field(struct span all, const struct header_field *field)
{
	MUST_HOLD(field->name.n > 0);
	MUST_HOLD(field->name.p >= all.p);
	MUST_HOLD(!span_has(field->name, ':') && !span_has(field->name, '\n'));
	MUST_HOLD(field->body.p > field->name.p + field->name.n - 1);
	MUST_HOLD(field->body.p + field->body.n <= all.p + all.n);
	MUST_HOLD(field->body.n == 0 ||
		  field->body.p[field->body.n - 1] != '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span all = { (const char *)data, size };
	struct span rest = all;
	struct span first = { .p = NULL };
	struct span body;
	struct header_field field;
	size_t before = rest.n;
	int more;

	while ((more = header_next(&rest, &field)) != 0) {
		MUST_HOLD(more == 1 || more == -1);
		MUST_HOLD(rest.n < before);
		before = rest.n;
		if (more < 0)
			continue;
		check_field(all, &field);
		if (first.p == NULL && span_is(field.name, "from"))
			first = field.body;
	}
	/* What is found is the first that is met. */
	if (header_find(all, "From", &body))
		MUST_HOLD(body.p == first.p && body.n == first.n);
	else
		MUST_HOLD(first.p == NULL);
	return 0;
}
