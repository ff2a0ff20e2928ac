/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/address.h"

#include <string.h>

#include "base/quote.h"
#include "dns/domain.h"
#include "report/field_text.h"

static bool is_atext(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool is_dot_atom(struct span text)
{
	size_t i;

	for (i = 0; i < text.n; i++) {
		bool dot = text.p[i] == '.';

		if (!dot && !is_atext(text.p[i]))
			return false;
		if (dot && (i == 0 || i + 1 == text.n || text.p[i - 1] == '.'))
			return false;
	}
	return text.n > 0;
}

/* "a,b": the only reason for quotes that is met with. */
static bool is_quoted_list(struct span text)
{
	struct span atom;

	if (text.n < 2 || text.p[0] != '"' || text.p[text.n - 1] != '"')
		return false;
	text.p++;
	text.n -= 2;
	while (span_take_until(&text, ',', &atom))
		if (!is_dot_atom(atom))
			return false;
	return is_dot_atom(text);
}

/* Labels of letters, digits, "-" and "_", none empty, at least two. */
static bool is_domain(struct span text)
{
	size_t i;

	for (i = 0; i < text.n; i++)
		if (!ascii_is_alpha(text.p[i]) && !ascii_is_digit(text.p[i]) &&
		    strchr("-_.", text.p[i]) == NULL)
			return false;
	return is_dot_atom(text) && span_has(text, '.') &&
	       text.n <= DOMAIN_MAX_OCTETS;
}

bool address_is_plain(struct span address, struct span *domain)
{
	struct span rest = address, local;

	if (!span_take_until(&rest, '@', &local) || !is_domain(rest) ||
	    local.n > MAX_ADDRESS_LOCAL_PART ||
	    (!is_dot_atom(local) && !is_quoted_list(local)))
		return false;
	if (domain != NULL)
		*domain = rest;
	return true;
}

/* ----------------------------------------------------------------- patterns */

static int no_pattern(struct span text, struct err *err)
{
	return err_set(err, ERR_INPUT,
		       "%s: expected an address, *@example.org or "
		       "@.example.org",
		       quote(text).text);
}

static int join(const char *before, struct span name, struct arena *arena,
		struct span *pattern, struct err *err)
{
	const char *domain = domain_normalize(arena, name);

	if (domain == NULL || domain_labels(domain) < 1)
		return -1;
	*pattern = span_of(arena_printf(arena, "%s%s", before, domain));
	return pattern->p == NULL ? err_set(err, ERR_TEMP, "out of memory") : 0;
}

int address_pattern(struct span text, struct arena *arena, struct span *pattern,
		    struct err *err)
{
	static const struct {
		const char *written;
		const char *stored;
	} forms[] = {
		{ "@.", "@." },
		{ "*@", "*@" },
		{ "@", "*@" },
	};
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		size_t n = strlen(forms[i].written);

		if (!span_starts(text, forms[i].written))
			continue;
		if (join(forms[i].stored,
			 (struct span){ text.p + n, text.n - n }, arena,
			 pattern, err) == 0)
			return 0;
		return err->kind == ERR_TEMP ? -1 : no_pattern(text, err);
	}
	/* Nobody has a star in an address who does not mean a pattern. */
	if (!address_is_plain(text, NULL) || span_has(text, '*'))
		return no_pattern(text, err);
	*pattern = arena_copy(arena, text);
	if (pattern->p == NULL)
		return err_set(err, ERR_TEMP, "out of memory");
	*pattern = field_lower(*pattern);
	return 0;
}
