/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * parser_child.h - reading a stranger's mail where it can do no harm
 *
 * A forked child without network, file system, exec and with hard limits of
 * memory and time unpacks and parses; what it found comes over a pipe as frames
 * (report/wire.h) of which nothing is believed. A child that dies costs its own
 * mail and nothing else.
 */
#ifndef EDMARC_EDMARC_PARSER_CHILD_H
#define EDMARC_EDMARC_PARSER_CHILD_H

#include <sys/types.h>

#include "base/attributes.h"
#include "base/err.h"
#include "report/aggregate.h"

/*
 * Read all reports in the file behind fd, from offset on, in a sandboxed child,
 * and hand them to sink. fd may also be a pipe; offset is then 0. Call
 * report_read_prepare() once before the first time.
 *
 * Returns 0 when the child finished properly. Else -1: ERR_INPUT when the child
 * died or spoke nonsense (the text says how: "parser killed by signal 9"),
 * ERR_LIMIT past the deadline or for a mail that is too long, ERR_TEMP when
 * there is no child to be had, or the sink's own error.
 */
MUST_CHECK int parser_child_read(int fd, off_t offset, struct report_sink *sink,
				 struct err *err);

#endif
