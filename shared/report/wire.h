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
#include "base/span.h"
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
 * The other side. It takes bytes as they come, so that one process can listen to
 * several children. Released with wire_reader_free(); NULL inside is fine.
 */
struct wire_reader;

MUST_CHECK struct wire_reader *wire_reader_new(struct err *err);
void wire_reader_free(struct wire_reader **reader);

/* What comes next is about a new mail and goes to sink. */
void wire_reader_start(struct wire_reader *reader, struct report_sink *sink);

/*
 * Take frames from the left of *bytes and hand them to the sink. Returns 1 after
 * the finish frame (what is left of *bytes belongs to the next mail), 0 when all
 * was taken and more has to come, else -1: ERR_INPUT for anything malformed, or
 * what the sink said.
 */
MUST_CHECK int wire_reader_push(struct wire_reader *reader, struct span *bytes,
				struct err *err);

#endif
