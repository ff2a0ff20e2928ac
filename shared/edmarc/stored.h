/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stored.h - what a stored message tells about how it was received
 *
 * A mail as it lies in a folder, with LF or CR LF, an mbox "From " line in front
 * or not; or the -H file of a message in Exim's queue. Whoever stored it is
 * believed: the fields that our own mail server has put on top, and the envelope
 * in Exim's spool file (chapter "Format of spool files" of Exim's
 * specification).
 */
#ifndef EDMARC_EDMARC_STORED_H
#define EDMARC_EDMARC_STORED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"

/* A text, and where it stands; text is NULL when it is not told. */
struct told {
	const char *text;
	const char *where; /* "Received", "Return-Path", "the spool file" ... */
};

struct stored {
	struct span header; /* the fields, without those that Exim deleted */
	struct told client_ip;
	struct told client_name; /* by the DNS, as our server found it */
	struct told helo;
	struct told mail_from;  /* without <>, "" for the null sender */
	struct span results;    /* body of the field used; p is NULL without */
	const char *results_id; /* its authserv-id */
	const char *results_dmarc; /* the word of its dmarc=, or NULL */
	size_t results_not_used;   /* other fields of that name */
	size_t signatures;         /* DKIM-Signature fields */
};

/* Is it the -H file of a message in Exim's queue? */
bool stored_is_spool(struct span text);

/*
 * Read a file's text, which has to hold the whole header. authserv_id is the
 * name of the server whose Authentication-Results count, the topmost field of
 * it; NULL: the topmost of all. The client is that of the first Received field
 * below that one. Everything points into text or the arena. Returns -1 for a
 * spool file that cannot be read (ERR_INPUT), or without memory (ERR_LIMIT).
 */
MUST_CHECK int stored_read(struct stored *stored, struct span text,
			   const char *authserv_id, struct arena *arena,
			   struct err *err);

#endif
