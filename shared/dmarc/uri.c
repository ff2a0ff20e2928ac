/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dmarc/uri.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "mail/idn.h"

#define MAX_MAILTO_BYTES 1024 /* local part and U-label domain, decoded */

struct span uri_without_size(struct span uri)
{
	size_t n = uri.n;

	if (n > 0 && !ascii_is_digit(uri.p[n - 1]) &&
	    memchr("kmgtKMGT", uri.p[n - 1], 8) != NULL)
		n--;
	if (n == 0 || !ascii_is_digit(uri.p[n - 1]))
		return uri;
	while (n > 0 && ascii_is_digit(uri.p[n - 1]))
		n--;
	if (n > 0 && uri.p[n - 1] == '!')
		uri.n = n - 1;
	return uri;
}

uint64_t uri_size_limit(struct span uri)
{
	static const char units[] = "kmgt";
	struct span without = uri_without_size(uri), digits;
	const char *unit;
	uint64_t number;
	unsigned shift;

	if (without.n == uri.n)
		return 0;
	digits = (struct span){ uri.p + without.n + 1, uri.n - without.n - 1 };
	unit = strchr(units, ascii_lower(digits.p[digits.n - 1]));
	shift = unit == NULL ? 0 : 10 * (unsigned)(unit - units + 1);
	if (unit != NULL)
		digits.n--;
	if (!span_to_uint(digits, UINT64_MAX >> shift, &number))
		return UINT64_MAX;
	return number << shift;
}

static int hex_value(char c)
{
	if (ascii_is_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The octet at the start of *rest, which may be %XX; -1 when it is malformed. */
static int take_octet(struct span *rest)
{
	size_t taken = 1;
	int octet = (unsigned char)rest->p[0];

	if (rest->p[0] == '%') {
		int high = rest->n < 3 ? -1 : hex_value(rest->p[1]);
		int low = rest->n < 3 ? -1 : hex_value(rest->p[2]);

		if (high < 0 || low < 0)
			return -1;
		octet = high * 16 + low;
		taken = 3;
	}
	rest->p += taken;
	rest->n -= taken;
	return octet;
}

/* RFC 3986 3.1 */
static bool take_scheme(struct span *uri, struct span *scheme)
{
	size_t i;

	if (!span_take_until(uri, ':', scheme) || scheme->n == 0 ||
	    !ascii_is_alpha(scheme->p[0]))
		return false;
	for (i = 1; i < scheme->n; i++) {
		char c = scheme->p[i];

		if (!ascii_is_alpha(c) && !ascii_is_digit(c) && c != '+' &&
		    c != '-' && c != '.')
			return false;
	}
	return true;
}

/* RFC 3986 2.2, 2.3; "%" has to be followed by two hexadecimal digits. */
static bool is_uri_text(struct span text)
{
	static const char others[] = "-._~:/?#[]@!$&'()*+;=%";

	while (text.n > 0) {
		char c = text.p[0];

		if (!ascii_is_alpha(c) && !ascii_is_digit(c) &&
		    memchr(others, c, sizeof(others) - 1) == NULL)
			return false;
		if (take_octet(&text) < 0)
			return false;
	}
	return true;
}

static bool is_atext(char c)
{
	static const char others[] = "!#$%&'*+-/=?^_`{|}~";

	return ascii_is_alpha(c) || ascii_is_digit(c) ||
	       memchr(others, c, sizeof(others) - 1) != NULL;
}

/* RFC 5322 3.2.3, but for the commas that are not there by the letter. */
static bool is_dot_atom(struct span text)
{
	char before = '.';
	size_t i;

	for (i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '.' ? before == '.' : !is_atext(c) && c != ',')
			return false;
		before = c;
	}
	return before != '.';
}

/* RFC 5322 3.2.4, of printable ASCII only */
static bool is_quoted_string(struct span text)
{
	size_t i;

	if (text.n < 2 || text.p[0] != '"' || text.p[text.n - 1] != '"')
		return false;
	for (i = 1; i < text.n - 1; i++) {
		if (text.p[i] == '\\')
			i++;
		else if (text.p[i] == '"')
			return false;
		if (i >= text.n - 1 || text.p[i] < ' ' || text.p[i] > '~')
			return false;
	}
	return true;
}

/* Decode what stands before "?" into room; n is 0 when it does not fit. */
static struct span decode(struct span uri, char *room, size_t size)
{
	struct span decoded = { room, 0 };
	struct span before;

	if (span_take_until(&uri, '?', &before))
		uri = before;
	while (uri.n > 0) {
		int octet = take_octet(&uri);

		if (octet < 0 || decoded.n == size)
			return (struct span){ room, 0 };
		room[decoded.n++] = (char)octet;
	}
	return decoded;
}

/* At the last "@": a quoted local part may hold others. */
static bool
split_address(struct span address, struct span *local, struct span *domain)
{
	size_t at = address.n;

	while (at > 0 && address.p[at - 1] != '@')
		at--;
	if (at == 0)
		return false;
	*local = (struct span){ address.p, at - 1 };
	*domain = (struct span){ address.p + at, address.n - at };
	return local->n > 0 && domain->n > 0 &&
	       local->n <= MAX_LOCAL_PART_OCTETS;
}

enum uri_result uri_mailto(struct span uri, struct uri_address *address)
{
	struct span scheme, local, domain;
	char room[MAX_MAILTO_BYTES];
	struct idn_name host;
	const char *quotes;

	if (!take_scheme(&uri, &scheme) || !span_is(scheme, "mailto") ||
	    !is_uri_text(uri) ||
	    !split_address(decode(uri, room, sizeof(room)), &local, &domain) ||
	    (!is_dot_atom(local) && !is_quoted_string(local)))
		return URI_INVALID;
	switch (idn_convert(domain, &host)) {
	case IDN_NOT_A_NAME:
		return URI_INVALID;
	case IDN_NO_MEMORY:
		return URI_NO_MEMORY;
	case IDN_OK:
		break;
	}
	quotes = local.p[0] != '"' && span_has(local, ',') ? "\"" : "";
	/* The quotes count, as they do where the report is mailed. */
	if (local.n + 2 * strlen(quotes) > MAX_LOCAL_PART_OCTETS)
		return URI_INVALID;
	snprintf(address->text, sizeof(address->text), "%s%.*s%s@%s", quotes,
		 SPAN_ARGS(local), quotes, host.text);
	return URI_OK;
}

enum uri_result uri_check(struct span uri)
{
	struct span rest = uri, scheme;
	struct uri_address address;

	if (!take_scheme(&rest, &scheme) || rest.n == 0 || !is_uri_text(rest))
		return URI_INVALID;
	return span_is(scheme, "mailto") ? uri_mailto(uri, &address) : URI_OK;
}
