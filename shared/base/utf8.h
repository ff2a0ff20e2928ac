/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * utf8.h - is this UTF-8? (RFC 3629)
 */
#ifndef EDMARC_BASE_UTF8_H
#define EDMARC_BASE_UTF8_H

#include <stddef.h>

#include "base/span.h"

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/*
 * The length of the UTF-8 sequence at the start of text, or 0 when there is
 * none: overlong forms, surrogates and what lies above U+10FFFF are not UTF-8.
 * text must not be empty.
 */
size_t utf8_length(struct span text);

#endif
