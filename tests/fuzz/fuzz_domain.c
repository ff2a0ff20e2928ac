/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "dns/domain.h"
#include "fuzz.h"
#include "mail/idn.h"

static void check_name(const char *name, struct arena *arena)
{
	size_t labels = domain_labels(name);
	const char *again = domain_normalize(arena, span_of(name));
	size_t i;

	MUST_HOLD(strlen(name) <= DOMAIN_MAX_OCTETS);
	MUST_HOLD(again != NULL && domain_equal(again, name));
	MUST_HOLD(labels > 0);
	MUST_HOLD(*domain_without(name, labels) == '\0');
	MUST_HOLD(domain_last(name, labels) == name);
	for (i = 0; i <= labels; i++) {
		const char *ancestor = domain_without(name, i);

		MUST_HOLD(domain_labels(ancestor) == labels - i);
		MUST_HOLD(domain_last(name, labels - i) == ancestor);
		MUST_HOLD(domain_is_within(name, ancestor));
		MUST_HOLD(i == 0 || !domain_is_within(ancestor, name));
	}
}

/* Letter case and a dot at the end do not matter. */
static void check_spelling(const char *name, struct arena *arena)
{
	char *other = arena_printf(arena, "%s.", name);
	const char *again;
	size_t n, i;

	MUST_HOLD(other != NULL);
	n = strlen(other);
	for (i = 0; i < n; i += 2)
		if (other[i] >= 'a' && other[i] <= 'z')
			other[i] = (char)(other[i] - ('a' - 'A'));
	again = domain_normalize(arena, span_of(other));
	MUST_HOLD(again != NULL && domain_equal(again, name));
}

static bool is_ascii(struct span text)
{
	size_t i;

	for (i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] > 127)
			return false;
	return true;
}

/*
 * idn.c and domain.c agree on what a name is; and what libidn2 makes of U-labels
 * is a name, too.
 */
static void check_idn(struct span text, const char *name, struct arena *arena)
{
	struct idn_name ascii, again;
	bool is_name = idn_convert(text, &ascii) == IDN_OK;

	if (is_ascii(text)) {
		MUST_HOLD(is_name == (name != NULL));
		MUST_HOLD(!is_name || domain_equal(ascii.text, name));
	} else {
		MUST_HOLD(name == NULL);
	}
	if (!is_name)
		return;
	check_name(ascii.text, arena);
	MUST_HOLD(idn_convert(span_of(ascii.text), &again) == IDN_OK);
	MUST_HOLD(domain_equal(again.text, ascii.text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new(65536);
	struct span text = { (const char *)data, size };
	const char *name;

	MUST_HOLD(arena != NULL);
	name = domain_normalize(arena, text);
	if (name != NULL) {
		check_name(name, arena);
		check_spelling(name, arena);
	}
	check_idn(text, name, arena);
	arena_free(&arena);
	return 0;
}
