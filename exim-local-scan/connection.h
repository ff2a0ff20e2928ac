/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * connection.h - what Exim says about a message of this connection
 *
 * The process is the connection: one scanner for all its messages. It ends with
 * the process, which Exim ends without telling us. (Exim can also jump out of
 * us, when local_scan_timeout strikes: what is reachable from here is then used
 * again or lost with the process.)
 */
#ifndef EDMARC_EXIM_CONNECTION_H
#define EDMARC_EXIM_CONNECTION_H

#include "exim.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "scan.h"

struct connection {
	struct scanner *scanner;
	struct arena *arena;
	struct scan_outcome outcome;
};

/* Fields that are not deleted, and signatures, with Exim's line of each. */
struct fields {
	struct scan_field *field;
	header_line **line;
	size_t n;
};

/* Is this mail that a client of the network gave us by SMTP? */
bool is_from_network(void);

/* Its scanner or arena is NULL without memory. */
struct connection *connection_begin_message(void);

/* Fill in *message, but for the body. Returns -1 without memory. */
MUST_CHECK int read_message(const struct scanner *scanner,
			    struct scan_message *message, struct fields *fields,
			    struct arena *arena);

/* Write each line to Exim's main log. */
void log_lines(const struct buf *lines);

#endif
