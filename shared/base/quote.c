/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/quote.h"

#include <stdio.h>
#include <string.h>

struct quoted quote(struct span bytes)
{
	struct quoted quoted;
	const size_t room = sizeof(quoted.text) - sizeof("...");
	size_t n = 0;
	size_t i;

	for (i = 0; i < bytes.n; i++) {
		unsigned char c = (unsigned char)bytes.p[i];
		char piece[5];
		size_t length;

		if (c == '\\')
			memcpy(piece, "\\\\", 3);
		else if (c >= ' ' && c <= '~')
			snprintf(piece, sizeof(piece), "%c", c);
		else
			snprintf(piece, sizeof(piece), "\\x%02x", c);
		length = strlen(piece);
		if (length > room - n) {
			memcpy(quoted.text + n, "...", 3);
			n += 3;
			break;
		}
		memcpy(quoted.text + n, piece, length);
		n += length;
	}
	quoted.text[n] = '\0';
	return quoted;
}
