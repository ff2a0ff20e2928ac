/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scan.h - what happens to a message, without Exim
 *
 * Facts in, decisions out: exim.c tells what Exim knows about the message and
 * does what comes back. Whatever goes wrong here ends in accepting the message
 * with a line in `trouble`; it never waits longer than the deadline of the DNS
 * questions, and the 200 ms of the journal.
 */
#ifndef EDMARC_EXIM_SCAN_H
#define EDMARC_EXIM_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/span.h"
#include "dns/resolver.h"

/*
 * What one message may cost. A tree walk with 100 signatures takes 100 kB; the
 * 5 * 9 walks that a message can ask for keep 4 MB, if all records have 64 kB.
 * What the DNS says beyond that is counted apart: who fills it up makes his own
 * questions fail, but the verdict still finds room.
 */
#define MAX_MESSAGE_MEMORY  ((size_t)8 * 1024 * 1024)
#define MAX_ANSWERS_MEMORY  ((size_t)8 * 1024 * 1024)
#define MAX_SETTINGS_MEMORY ((size_t)4 * 1024 * 1024)

/*
 * Of all fields we add together. Exim ends itself when it is told to add more
 * than 32 kB at once, and 100 signatures can bring about that much.
 */
#define MAX_ADDED_BYTES 16000

#define MAX_LOG_BYTES 2000 /* of one line; Exim's own limit is 8 kB */

struct scan_field {
	struct span name; /* without ":" */
	struct span body; /* behind ":" */
	bool remove;      /* out: forged, or ours from before */
};

/* Texts are C strings that Exim owns, "" when not known, never NULL. */
struct scan_message {
	int64_t time;
	int64_t size; /* or ENTRY_SIZE_UNKNOWN */
	const char *id;
	const char *hostname;    /* $primary_hostname */
	const char *client_ip;   /* "" for mail that did not come by SMTP */
	const char *client_name; /* by the DNS */
	const char *helo;
	const char *mail_from;
	bool authenticated;
	struct scan_field *fields;
	size_t n_fields;
	const char **recipients; /* addresses */
	size_t n_recipients;
	const char *authres;    /* ${authresults}, or "" if Exim gives none */
	const char *spf_result; /* $spf_result */
	const char *base_score; /* that setting, expanded; "" without points */
	const char *base_fault; /* why it could not be; "" when it could */
	int body;               /* descriptor of the file with the body */
	off_t body_offset;
};

struct scan_outcome {
	enum {
		SCAN_ACCEPT,
		SCAN_REJECT,
		SCAN_DEFER,
	} action;
	struct buf add;     /* fields for the top, each line ended; or empty */
	struct buf log;     /* one line about the message; or empty */
	struct buf trouble; /* lines about our own faults; or empty */
	struct buf reply;   /* to the client, for REJECT and DEFER */
};

#define SCAN_OUTCOME_INIT                                                      \
	{                                                                      \
		.add = BUF_INIT(MAX_ADDED_BYTES),                              \
		.log = BUF_INIT(MAX_LOG_BYTES),                                \
		.trouble = BUF_INIT(4 * MAX_LOG_BYTES), .reply = BUF_INIT(512) \
	}

void scan_outcome_release(struct scan_outcome *outcome);

/* What stays the same for all messages of a connection. */
struct scanner;

/*
 * Reads the configuration at a path that stays, once. Errors in it are added to trouble; then the
 * scanner does nothing but take forged fields away. NULL without memory.
 */
MUST_CHECK struct scanner *
scanner_new(const char *config_path, struct buf *trouble);
void scanner_free(struct scanner **scanner);

/*
 * Ask this resolver, which the caller keeps, instead of the name servers, and
 * this library for SPF; NULL: none.
 */
void scanner_use(struct scanner *scanner, struct resolver *resolver,
		 const char *spf_library);

/* The name under which we write Authentication-Results. */
const char *
scanner_authserv_id(const struct scanner *scanner, const char *hostname);

/* What Exim shall expand for base_score of a message, or "". */
const char *scanner_base_score(const struct scanner *scanner);

/*
 * Judge a message. Of the outcome, which begins empty, and the remove marks of
 * the fields, everything can be carried out in any order.
 */
void scan(struct scanner *scanner, struct scan_message *message,
	  struct scan_outcome *outcome);

#endif
