/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * idn.h - U-labels into A-labels (R4.1, R4.7; libidn2)
 */
#ifndef EDMARC_MAIL_IDN_H
#define EDMARC_MAIL_IDN_H

#include "base/arena.h"
#include "base/span.h"

struct idn_name {
	char text[254]; /* RFC 1035: at most 253 octets, without last dot */
};

enum idn_result {
	IDN_NOT_A_NAME, /* no domain name, or not UTF-8 */
	IDN_NO_MEMORY,
	IDN_OK,
};

/*
 * The name in A-labels (IDNA2008, non-transitional UTS 46), lower case, without
 * a trailing dot. Names in ASCII are only lowered: an "xn--" label is taken as
 * it is. *name is only written when the result is IDN_OK.
 */
MUST_CHECK enum idn_result idn_convert(struct span text, struct idn_name *name);

/* The same as a C string in the arena; NULL for all but IDN_OK. */
MUST_CHECK char *idn_to_ascii(struct arena *arena, struct span name);

#endif
