/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * temp.h - a file without a name, gone when it is closed
 */
#ifndef EDMARC_EDMARC_TEMP_H
#define EDMARC_EDMARC_TEMP_H

#include "base/attributes.h"
#include "base/err.h"

/* In $TMPDIR, or /tmp. A descriptor for reading and writing; -1 (ERR_TEMP). */
MUST_CHECK int temp_open(struct err *err);

#endif
