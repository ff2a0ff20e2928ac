/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * idn.h - U-labels into A-labels (R4.1, R4.7; libidn2)
 */
#ifndef EDMARC_MAIL_IDN_H
#define EDMARC_MAIL_IDN_H

#include "base/arena.h"
#include "base/span.h"

/*
 * The name in A-labels (IDNA2008, non-transitional UTS 46), lower case, without
 * a trailing dot, as a C string in the arena; ASCII names are only lowered.
 * NULL when it is no domain name or not UTF-8.
 */
MUST_CHECK char *idn_to_ascii(struct arena *arena, struct span name);

#endif
