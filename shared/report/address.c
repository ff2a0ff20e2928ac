/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/address.h"

#include <string.h>

#include "dns/domain.h"

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
