/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verdicts.h - the verdict journal as a directory of files
 *
 *	open.jsonl               written to by all Exim processes of this host
 *	TIME.RANDOM.HOST.jsonl   a closed segment, waiting for ingest
 *	bad/                     lines that could not be read, with the reason
 *
 * Owner is Exim's user, group is edmarc, mode 2770: Exim writes, ingest reads
 * and removes. Writers hold an exclusive flock(2) for one write; ingest takes
 * the same lock to rename open.jsonl into a segment, so a line is either in the
 * segment before it is read or in the next file. A short write (disk full) is
 * cut off again, and a line without its end left by a crash is ended by the next
 * writer.
 *
 * A segment's name is never used twice, on no machine: the store remembers the
 * names it has loaded. Nothing is synced to disk: a machine that loses power
 * may lose the verdicts of its last seconds, and no message waits for a disk.
 */
#ifndef EDMARC_JOURNAL_VERDICTS_H
#define EDMARC_JOURNAL_VERDICTS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

#define MAX_VERDICT_SEGMENTS 10000 /* listed at once; the rest next time */
#define MAX_SEGMENT_NAME     160   /* fits a column of the store */

/*
 * Append one line (with its newline). Never waits longer than about 200 ms: if
 * the lock cannot be had by then, because somebody who holds it was stopped, the
 * line becomes a segment of its own. -1 (ERR_TEMP) means that this verdict is
 * lost and must be logged.
 */
MUST_CHECK int
verdicts_append(const char *directory, struct span line, struct err *err);

/*
 * Close open.jsonl into a segment if it holds anything. host makes names of
 * several machines differ, now their age visible. Waits for the lock as long as
 * writers do; -1 (ERR_TEMP) then means: later. Segments that are there already
 * can be read all the same.
 */
MUST_CHECK int verdicts_rotate(const char *directory, const char *host,
			       int64_t now, struct err *err);

/*
 * The names of the closed segments, oldest first, in the arena; at most
 * MAX_VERDICT_SEGMENTS.
 */
MUST_CHECK int verdicts_segments(const char *directory, struct arena *arena,
				 struct span **names, size_t *n,
				 struct err *err);

/*
 * Keep a line that could not be read, with its reason, in bad/SEGMENT: a line
 * "# REASON" and then the line as it was. On disk when it returns 0, since the
 * segment is removed next.
 */
MUST_CHECK int verdicts_set_aside(const char *directory, const char *segment,
				  struct span line, const char *reason,
				  struct err *err);

#endif
