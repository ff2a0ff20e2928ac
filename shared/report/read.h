/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read.h - whatever a reporter sent, into reports
 *
 * A mail, an XML document, a gzip stream, a zip or tar.gz: what it is decides
 * its content, never its name or media type (R8.2). Runs inside the sandbox: no
 * files are opened, no names are looked up, memory and time are bounded by
 * limits.h.
 */
#ifndef EDMARC_REPORT_READ_H
#define EDMARC_REPORT_READ_H

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"
#include "report/aggregate.h"

/*
 * Whatever has to be opened or allocated once (GMime, libxml2, the charsets of
 * iconv, which loads its tables from files at first use) is, so that reading
 * works in a process that may open nothing any more.
 */
MUST_CHECK int report_read_prepare(struct err *err);

/*
 * Read everything in bytes and hand it to sink. At least one begin/end pair is
 * given for any input: what holds no report ends REPORT_REJECTED with a reason
 * a person understands. -1 only when the sink refused or there is no memory.
 */
MUST_CHECK int
report_read(struct span bytes, struct report_sink *sink, struct err *err);

/*
 * The same for bytes that nobody needs afterwards: a mail is decoded where it
 * stands, so that it is in memory once. The buf may be empty in the end.
 */
MUST_CHECK int
report_read_own(struct buf *bytes, struct report_sink *sink, struct err *err);

#endif
