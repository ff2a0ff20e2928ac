/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verdicts.h - the verdict journal as a directory of files
 *
 *	open.jsonl               written to by all Exim processes of this host
 *	HOST.TIME.PID.jsonl      a closed segment, waiting for ingest
 *	bad/                     lines that could not be read, with the reason
 *
 * Owner is Exim's user, group is edmarc, mode 2770: Exim writes, ingest reads
 * and removes. Writers hold an exclusive flock(2) for one write(2); ingest takes
 * the same lock to rename open.jsonl into a segment, so a line is either in the
 * segment before it is read or in the next file. A short write (disk full) is
 * cut off again, and a line without its end left by a crash is ended by the next
 * writer.
 */
#ifndef EDMARC_JOURNAL_VERDICTS_H
#define EDMARC_JOURNAL_VERDICTS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

/*
 * Append one line (with its newline). Never waits longer than about 200 ms: if
 * the lock cannot be had by then, the line becomes a segment of its own. -1
 * (ERR_TEMP) means that this verdict is lost and must be logged.
 */
MUST_CHECK int verdicts_append(const char *directory, struct span line,
			       struct err *err);

/*
 * Close open.jsonl into a segment if it holds anything. host makes names of
 * several machines differ, now their age visible.
 */
MUST_CHECK int verdicts_rotate(const char *directory, const char *host,
			       int64_t now, struct err *err);

/* The names of the closed segments, oldest first, in the arena. */
MUST_CHECK int verdicts_segments(const char *directory, struct arena *arena,
				 struct span **names, size_t *n,
				 struct err *err);

/* Keep a line that could not be read, with its reason, in bad/. */
MUST_CHECK int verdicts_set_aside(const char *directory, const char *segment,
				  struct span line, const char *reason,
				  struct err *err);

#endif
