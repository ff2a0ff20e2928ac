/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * limits.h - what reading one mail of a stranger may cost (R7.15)
 *
 * Real reports stay far below each of these; the largest seen have some ten
 * thousand rows. A report that asks for more is rejected with the limit's name
 * in words, never read in part without saying so.
 */
#ifndef EDMARC_REPORT_LIMITS_H
#define EDMARC_REPORT_LIMITS_H

#include <stddef.h>

/* ------------------------------------------------------------ a report */

/* A day of a large receiver, one row for each address of the IPv4 world that
 * sends mail at all, is below this; 650 octets for each row make 650 MB. */
#define MAX_ROWS 1000000

/* The schema needs 6, an extension may have its own structure. libxml2 stops
 * at 256. */
#define MAX_XML_DEPTH 64

/* How deep <feedback> may stand in wrappers that do not belong there. */
#define MAX_XML_WRAPPERS 4

/* One name, comment or error text. The longest seen is a signature's
 * human_result with 300; free text is cut here, a longer name is an error. */
#define MAX_TEXT_BYTES 4096

/* One value before it is trimmed: what is longer than this is not looked at,
 * so that white space cannot fill the memory. */
#define MAX_RAW_TEXT_BYTES ((size_t)64 * 1024)

/* From "<" to ">". libxml2 compares each attribute with all others of its tag,
 * which is quadratic; schema locations and namespaces need some hundred. */
#define MAX_XML_TAG_BYTES ((size_t)64 * 1024)

/* What the values of one row, or of the metadata, may take: more than all
 * MAX_ROW_... of aggregate.h at their longest. */
#define MAX_ROW_BYTES ((size_t)4 * 1024 * 1024)

/* Rows in front of the metadata wait in memory. The schemas forbid that order,
 * so few do it and none with many rows. */
#define MAX_HELD_BACK_BYTES ((size_t)16 * 1024 * 1024)

/* A count above this does not survive a JSON reader, and no receiver sees that
 * many messages. The sum of a report has the same bound: with more the report is
 * refused, with less it is stored, however unlikely; who sent it is stored beside
 * it. A row is not left out for it, since the rest would look like a true sum. */
#define MAX_MESSAGES (UINT64_C(1) << 53)

/* 9999-12-31: the last day our own dates can show. */
#define MAX_TIME INT64_C(253402300799)

/* What a report can be about at the earliest: DMARC was made known in January
 * 2012 (2012-01-01). A begin of 0 or -1 says that the reporter's clock is off. */
#define FIRST_REPORT_TIME INT64_C(1325376000)

/* A period is a day (R8.1); some have sent weeks and months, nobody a year. */
#define MAX_REPORT_DAYS 400

/* How far the clock of a reporter may be ahead, or its time zone: the end of a
 * period that is later than this is none that anybody can have seen. */
#define MAX_CLOCK_AHEAD (24 * 3600)

/* The sum of all warnings of one report, as text. */
#define MAX_WARNINGS_BYTES 2048

/* ---------------------------------------------------------- containers */

/* What comes out of all compressed entries of one mail together: MAX_ROWS rows
 * as Google writes them, and half as much again. */
#define MAX_UNPACKED_BYTES ((size_t)1024 * 1024 * 1024)

/* XML of reports shrinks to between 1/10 and 1/60; DEFLATE cannot do better
 * than 1/1032, which is what bombs are made of. Small files are not judged. */
#define MAX_UNPACK_RATIO  250
#define UNPACK_RATIO_FROM ((size_t)4 * 1024 * 1024)

/* Entries of all archives of one mail. */
#define MAX_ENTRIES 200

/* An archive inside an archive (tar.gz, zip of gz) is normal, one more is seen
 * with forwarding robots; nobody needs four. */
#define MAX_ARCHIVE_DEPTH 3

/* An inner archive is unpacked into memory before it is looked into. */
#define MAX_INNER_ARCHIVE_BYTES ((size_t)64 * 1024 * 1024)

/* -------------------------------------------------------------- TLS reports */

/* They are held in memory, ten times as large: the longest seen have 100 kB. */
#define MAX_TLS_BYTES ((size_t)8 * 1024 * 1024)

/* The schema has four levels. */
#define MAX_TLS_DEPTH 16

/* Policies of one report: a domain has two at most, a reporter may join some. */
#define MAX_TLS_POLICIES 1000

/* Kinds of failure in one report, over all policies. */
#define MAX_TLS_FAILURES 10000

/* ---------------------------------------------------------------- mail */

/* MIME parts of one mail. Ours have 2 or 3. */
#define MAX_MAIL_PARTS 1000

/* multipart in multipart in message. Forwarding adds two for each hop. */
#define MAX_MAIL_DEPTH 30

/* Reports of one mail, over all its attachments and archives. One more, and the
 * refusal of all that follow, are still told. */
#define MAX_MAIL_REPORTS 200

/* ---------------------------------------------------------------- wire */

/* A row with everything at its longest takes less. */
#define MAX_FRAME_BYTES MAX_ROW_BYTES

/* All frames of one mail: MAX_ROWS ordinary rows, or fewer long ones. */
#define MAX_WIRE_BYTES ((unsigned long long)2 * 1024 * 1024 * 1024)

#endif
