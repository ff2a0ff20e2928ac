/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * csv.h - texts of strangers in a table (RFC 4180)
 *
 * Such a table is opened with a spreadsheet, which runs a cell that begins like a
 * formula, and shown on a terminal, which obeys control characters: the first
 * gets an apostrophe in front, the others but for tab, CR and LF become U+FFFD,
 * as do bytes that are not UTF-8.
 */
#ifndef EDMARC_EDMARC_CSV_H
#define EDMARC_EDMARC_CSV_H

#include "base/buf.h"
#include "base/span.h"

/* A cell, in quotation marks. */
void csv_text(struct buf *out, struct span text);

#endif
