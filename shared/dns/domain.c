/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/domain.h"

#include <string.h>

static bool is_name_octet(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || c == '-' || c == '_';
}

/* Labels of 1 to 63 octets with one dot between. */
bool domain_is_name(struct span name)
{
	size_t label = 0;
	size_t i;

	if (name.n > DOMAIN_MAX_OCTETS)
		return false;
	for (i = 0; i < name.n; i++) {
		if (name.p[i] == '.') {
			if (label == 0)
				return false;
			label = 0;
		} else if (!is_name_octet(name.p[i]) ||
			   ++label > DOMAIN_MAX_LABEL) {
			return false;
		}
	}
	return label > 0;
}

char *domain_normalize(struct arena *arena, struct span name)
{
	char *copy;
	size_t i;

	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	if (!domain_is_name(name))
		return NULL;
	copy = arena_alloc(arena, name.n + 1);
	if (copy == NULL)
		return NULL;
	for (i = 0; i < name.n; i++)
		copy[i] = ascii_lower(name.p[i]);
	return copy;
}

size_t domain_labels(const char *name)
{
	size_t n = *name != '\0';

	for (; *name != '\0'; name++)
		n += *name == '.';
	return n;
}

const char *domain_without(const char *name, size_t n)
{
	while (n-- > 0) {
		const char *dot = strchr(name, '.');

		if (dot == NULL)
			return name + strlen(name);
		name = dot + 1;
	}
	return name;
}

const char *domain_last(const char *name, size_t n)
{
	size_t labels = domain_labels(name);

	return n >= labels ? name : domain_without(name, labels - n);
}

bool domain_is_within(const char *name, const char *ancestor)
{
	size_t long_n = strlen(name);
	size_t short_n = strlen(ancestor);

	if (short_n == 0)
		return true;
	if (long_n < short_n ||
	    strcmp(name + (long_n - short_n), ancestor) != 0)
		return false;
	return long_n == short_n || name[long_n - short_n - 1] == '.';
}

bool domain_equal(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}
