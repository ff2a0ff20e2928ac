/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire.h - reports over a pipe, from the sandboxed child to its parent
 *
 * Length-prefixed frames, each with a type and fields in fixed order. The
 * parent believes nothing: lengths, numbers, enums, addresses and the order of
 * the calls are checked, and the first thing that is wrong ends the child's
 * mail. A text longer than MAX_TEXT_BYTES is wrong too, since the child cuts
 * what it reads; the store cuts to its columns.
 */
#ifndef EDMARC_REPORT_WIRE_H
#define EDMARC_REPORT_WIRE_H

#include "base/attributes.h"
#include "base/err.h"
#include "report/aggregate.h"

/*
 * A sink that writes frames to fd, many at a time. Released with
 * wire_writer_free().
 */
MUST_CHECK struct report_sink *wire_writer_new(int fd, struct err *err);
/* Says that everything was said; a reader that misses it knows of the crash. */
MUST_CHECK int wire_writer_finish(struct report_sink *writer, struct err *err);
void wire_writer_free(struct report_sink **writer);

/*
 * Read frames from fd until the finish frame and hand them to sink. deadline_ms
 * bounds the time spent waiting for the other side, all waits together; what
 * the sink takes does not count. Returns 0 after the finish frame, else -1:
 * ERR_INPUT for anything malformed or an early end, ERR_LIMIT past the
 * deadline, or what the sink said.
 */
MUST_CHECK int
wire_read(int fd, int deadline_ms, struct report_sink *sink, struct err *err);

#endif
