/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read_xml.h - an aggregate report from XML (RFC 9990 3.1, RFC 7489 app. C)
 *
 * libxml2's push parser with handlers of our own: nothing is built in memory,
 * no entity is expanded, a document type declaration is refused outright.
 * Elements are known by local name and parent, in whatever namespace and order;
 * unknown ones are skipped with what is in them (R7.11, R7.12, R7.14).
 *
 * libxml2 runs in its recovering mode, so that one pass serves both the good
 * and the bad: a document that is not well-formed but of which <feedback>
 * begins and ends is read as far as it can be, and is REPORT_PARTIAL with a
 * warning; one that is cut off is rejected. From the first end tag that does not
 * match, elements end by their names, a lost end tag is made up for where an
 * element of its parent begins, and "<name@domain>" in a text is text.
 */
#ifndef EDMARC_REPORT_READ_XML_H
#define EDMARC_REPORT_READ_XML_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"
#include "report/aggregate.h"

struct xml_reader;

/* What libxml2 allocates once for all documents. */
void xml_reader_prepare(void);

/*
 * entry names the document in sink->begin() and must stay until the end.
 * Returns NULL with *err when there is no memory.
 */
MUST_CHECK struct xml_reader *
xml_reader_new(struct span entry, struct report_sink *sink, struct err *err);

/*
 * The next bytes of the document, in any charset that charset.h knows. Returns
 * 1 when more is wanted, 0 when the outcome is known already (the document is
 * rejected), -1 when the sink refused or there is no memory.
 */
MUST_CHECK int
xml_reader_push(struct xml_reader *reader, struct span bytes, struct err *err);

/*
 * That was all. fault says why the bytes ended too early (a broken archive), or
 * is empty; such a report is rejected. If there was a <feedback>, sink->end()
 * is called and the result is 1. If there was none, the sink heard nothing at
 * all, the result is 0 and xml_reader_other() tells what there was instead.
 * -1 as above.
 */
MUST_CHECK int xml_reader_finish(struct xml_reader *reader, struct span fault,
				 struct err *err);

/* "the root element is <html>"; valid until xml_reader_free(). */
struct span xml_reader_other(const struct xml_reader *reader);

void xml_reader_free(struct xml_reader **reader);

#endif
