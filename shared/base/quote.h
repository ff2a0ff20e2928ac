/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quote.h - hostile text made fit for a log line or a terminal
 *
 * Printable ASCII stays, everything else becomes \xNN, a backslash is doubled,
 * and what is too long ends in "...". The result is a value: no buffer to pass
 * and nothing to free.
 */
#ifndef EDMARC_BASE_QUOTE_H
#define EDMARC_BASE_QUOTE_H

#include "base/span.h"

struct quoted {
	char text[260];
};

struct quoted quote(struct span bytes);

#endif
