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
	struct arena *arena; /* for what Exim says, of one call */
	struct scan_outcome outcome;
	char expanding_for[64]; /* the message, while a setting is expanded */
};

/* Fields that are not deleted, and signatures, with Exim's line of each. */
struct fields {
	struct scan_field *field;
	header_line **line;
	size_t n;
};

/* Is this mail that a client of the network gave us by SMTP? */
bool is_from_network(void);

/* uschar * and char * are the same bytes; "" for NULL. */
const char *text_of(const uschar *text);

/* For a call of Exim's. Its scanner or arena is NULL without memory. */
struct connection *connection_begin_call(void);

/*
 * Fill in *message, but for the body. Of one that has been judged only the fields
 * are read again, if they are wanted. Returns -1 without memory.
 */
MUST_CHECK int read_message(const struct scanner *scanner,
			    struct scan_message *message, struct fields *fields,
			    bool want_fields, struct arena *arena);

/*
 * Expand base_score, and domain_settings for each domain of the recipients, after
 * scan_judge() said yes.
 */
void expand_settings(struct scan_message *message);

/*
 * Are we called by an expansion of that kind? Our answer would depend on itself.
 * (When Exim has jumped out of one, the next message has another id.)
 */
bool is_expanding(void);

/* Take those out that are marked. */
void remove_fields(const struct fields *fields);

/* Write each line to Exim's main log. */
void log_lines(const struct buf *lines);

#endif
