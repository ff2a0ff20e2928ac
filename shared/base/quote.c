/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/quote.h"

#include <string.h>

struct quoted quote(struct span bytes)
{
	static const char digits[] = "0123456789abcdef";
	struct quoted quoted;
	const size_t room = sizeof(quoted.text) - sizeof("...");
	size_t n = 0;
	size_t i;

	for (i = 0; i < bytes.n; i++) {
		unsigned char c = (unsigned char)bytes.p[i];
		char piece[4] = { (char)c, (char)c };
		size_t length = 1;

		if (c == '\\') {
			length = 2;
		} else if (c < ' ' || c > '~') {
			piece[0] = '\\';
			piece[1] = 'x';
			piece[2] = digits[c >> 4];
			piece[3] = digits[c & 15];
			length = 4;
		}
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
