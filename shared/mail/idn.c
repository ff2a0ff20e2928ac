/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mail/idn.h"

#include <string.h>

#include <idn2.h>

/* 253 characters of up to four octets each: nothing longer can be a name. */
#define MAX_IDN_OCTETS 1012

#define MAX_LABEL_OCTETS 63

static bool is_ascii(struct span text)
{
	size_t i;

	for (i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] > 127)
			return false;
	return true;
}

static bool is_name_octet(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || c == '-' || c == '_';
}

/*
 * Labels of the octets that names of hosts and of DNS records have, as
 * dns/domain.h takes them.
 */
static enum idn_result take_ascii(struct span text, struct idn_name *name)
{
	struct idn_name lower = { .text = "" };
	size_t label = 0;
	size_t i;

	if (text.n > 0 && text.p[text.n - 1] == '.')
		text.n--;
	if (text.n >= sizeof(lower.text))
		return IDN_NOT_A_NAME;
	for (i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c != '.' && !is_name_octet(c))
			return IDN_NOT_A_NAME;
		if (c == '.' && label == 0)
			return IDN_NOT_A_NAME;
		label = c == '.' ? 0 : label + 1;
		if (label > MAX_LABEL_OCTETS)
			return IDN_NOT_A_NAME;
		lower.text[i] = ascii_lower(c);
	}
	if (label == 0)
		return IDN_NOT_A_NAME;
	*name = lower;
	return IDN_OK;
}

static enum idn_result convert_utf8(struct span text, struct idn_name *name)
{
	char copy[MAX_IDN_OCTETS + 1];
	char *ascii = NULL;
	enum idn_result result;
	int code;

	if (text.n > MAX_IDN_OCTETS || span_has(text, '\0'))
		return IDN_NOT_A_NAME;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	code = idn2_to_ascii_8z(copy, &ascii,
				IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (code == IDN2_MALLOC)
		return IDN_NO_MEMORY;
	if (code != IDN2_OK)
		return IDN_NOT_A_NAME;
	result = take_ascii(span_of(ascii), name);
	idn2_free(ascii);
	return result;
}

enum idn_result idn_convert(struct span text, struct idn_name *name)
{
	return is_ascii(text) ? take_ascii(text, name) :
				convert_utf8(text, name);
}

char *idn_to_ascii(struct arena *arena, struct span name)
{
	struct idn_name ascii;
	struct span copy;

	if (idn_convert(name, &ascii) != IDN_OK)
		return NULL;
	copy = arena_copy(arena, span_of(ascii.text));
	/* The arena's memory is ours to hand on. */
	return (char *)(uintptr_t)copy.p;
}
