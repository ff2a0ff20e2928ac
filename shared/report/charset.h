/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * charset.h - the bytes of an XML document into UTF-8
 *
 * Done here and not by iconv under libxml2, because iconv loads a table from a
 * file at the first use of a charset, which the sandbox does not allow, and
 * because what happens to bytes that are not in the charset must not depend on
 * the version of a library. Known are those that reporters use: UTF-8, US-ASCII,
 * ISO-8859-1, ISO-8859-15, windows-1252, UTF-16.
 *
 * Bytes that are not UTF-8 where they should be are taken as windows-1252, which
 * is what they are where they were seen (R7.14).
 */
#ifndef EDMARC_REPORT_CHARSET_H
#define EDMARC_REPORT_CHARSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

enum charset {
	CHARSET_UNKNOWN, /* until the beginning was seen */
	CHARSET_UTF8,
	CHARSET_LATIN1,
	CHARSET_LATIN9,
	CHARSET_WINDOWS_1252,
	CHARSET_UTF16LE,
	CHARSET_UTF16BE,
};

struct charset_decoder {
	enum charset charset;
	bool blanks;      /* there is white space in front of the declaration */
	bool repaired;    /* there were bytes that are not in the charset */
	bool unsupported; /* the declared charset is not known here */
	size_t nul_at; /* where in out U+0000 was left out first, this time */
	char pending[512];
	size_t n_pending; /* not decoded yet: the beginning, or half a character */
};

#define CHARSET_DECODER_INIT               \
	{                                  \
		.charset = CHARSET_UNKNOWN \
	}

/*
 * Decode bytes and add them to out as UTF-8. The beginning of the document is
 * kept until enough is there to see a byte order mark or the XML declaration;
 * last says that nothing follows. A byte order mark is left out, and so is
 * white space in front of the declaration.
 */
void charset_decode(struct charset_decoder *decoder, struct span bytes,
		    bool last, struct buf *out);

#endif
