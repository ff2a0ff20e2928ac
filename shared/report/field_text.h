/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * field_text.h - what stands in the fields of machine-readable reports
 *
 * ARF (RFC 5965) and DSNs (RFC 3464) are written as header fields are. Nothing of
 * it is believed, so it is made fit to be shown: one line, bounded, no controls.
 */
#ifndef EDMARC_REPORT_FIELD_TEXT_H
#define EDMARC_REPORT_FIELD_TEXT_H

#include "base/arena.h"
#include "base/span.h"

/*
 * Folded lines as one, a copy in the arena, cut: a field is no place for more than
 * MAX_TEXT_BYTES. NULs and other controls become "?", since nobody expects them
 * here. p is NULL without memory.
 */
struct span field_line(struct span body, struct arena *arena);

/* A text of field_line(), its letters made lower where it stands. */
struct span field_lower(struct span text);

/* "<a@b>" and "rfc822;a@b" are a@b. */
struct span field_address(struct span text);

#endif
