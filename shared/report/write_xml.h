/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * write_xml.h - an aggregate report as an XML document (RFC 9990, RFC 7489)
 *
 * The counterpart of the reader: the writer is a report_sink, so whatever hands
 * out reports (the store, a reader, a test) can be written. It holds one row at
 * a time, a million rows need no more memory than one.
 *
 * The document is valid against the schema of the head's dialect, whatever the
 * values: the dialects are never mixed (R7.10). What only the other one knows is
 * translated or left out, what this one demands and the head does not have gets
 * the standard's default:
 *
 *                      RFC 7489                     RFC 9990
 *   namespace          none                         urn:...:dmarc-2.0
 *   disposition        pass becomes none            as it is
 *   reasons            policy_test_mode becomes     forwarded, sampled_out
 *                      "other" with that comment    become "other"
 *   np, testing        left out                     as they are
 *   discovery_method,  left out                     as they are
 *   generator
 *   pct                100 when absent              left out
 *   sp, fo             p and 0 when absent          as they are
 *   envelope_from      empty when absent            as it is
 *   selector           as it is                     empty when absent
 *   spf                all; none becomes one with   one, that of mfrom first;
 *                      the result none              helo loses its scope
 *   error              each                         one, joined with "; "
 *
 * Texts that are not UTF-8, or characters that XML 1.0 forbids, become U+FFFD.
 */
#ifndef EDMARC_REPORT_WRITE_XML_H
#define EDMARC_REPORT_WRITE_XML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/err.h"
#include "report/aggregate.h"

/*
 * A sink that writes one report to fd, which stays the caller's: at most max
 * bytes, compressed by gzip when asked. Calls go begin, head, row for each row,
 * end; a document is complete when end() has returned 0. They fail with
 *   ERR_TEMP   fd does not take it (disk full)
 *   ERR_LIMIT  more than max bytes, or no memory
 *   ERR_INPUT  no report id, policy domain or row, a source that is no IP
 *              address, a rejected report: no schema allows such a document
 * and what was written until then has to be thrown away. Released with
 * xml_writer_free(). NULL when there is no memory.
 */
MUST_CHECK struct report_sink *
xml_writer_new(int fd, bool gzip, size_t max, struct err *err);
void xml_writer_free(struct report_sink **writer);

#endif
