/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scan.h - what happens to a message, without Exim
 *
 * Facts in, decisions out: local_scan.c and dlfunc.c tell what Exim knows about
 * the message and do what comes back. Whatever goes wrong here ends in accepting
 * the message with a line in `trouble`; it never waits longer than the deadline
 * of the DNS questions, and the 200 ms of the journal.
 *
 * An ACL can ask about a message before local_scan() does, and more than once:
 *
 *	scan_judge()        From:, SPF, DKIM, DNS: done once for each message
 *	scan_next_lookup()  settings of domains: once for each domain of a message
 *	scan_answer()       for an ACL, as often as it asks
 *	scan()              for local_scan()
 *
 * The verdict of the first call is that of all others. Points of other checks
 * and recipients can change between them, so the score and the action are
 * those of each call.
 */
#ifndef EDMARC_EXIM_SCAN_H
#define EDMARC_EXIM_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/attributes.h"
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
#define MAX_CALL_MEMORY     ((size_t)8 * 1024 * 1024)
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
	int64_t size;            /* or ENTRY_SIZE_UNKNOWN */
	const char *id;          /* a new one for each transaction; or "" */
	const char *hostname;    /* $primary_hostname */
	const char *client_ip;   /* "" for mail that did not come by SMTP */
	const char *client_name; /* by the DNS */
	const char *helo;
	const char *mail_from;
	bool authenticated;
	struct scan_field *fields; /* for scan_judge(), scan(), and "clean" */
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
struct job;

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
 * Has the message with this id been judged, knowing as much of SPF as now? Then
 * fields, authres and body of it are not looked at again.
 */
bool scan_is_judged(const struct scanner *scanner,
		    const struct scan_message *message);

/*
 * Judge the message, unless that is done. Returns false when it is not to be
 * judged, or cannot be: then trouble says why. Texts of the message may go away
 * afterwards.
 */
bool scan_judge(struct scanner *scanner, struct scan_message *message,
		struct scan_outcome *outcome);

/*
 * After scan_judge() said true: what Exim shall expand next to learn the
 * settings of a domain, or NULL when there is no more to ask. Each is answered
 * by scan_take_lookup(): fault is "", or why it could not be expanded. After a
 * fault nothing more is asked for this message, since a database that is down
 * can cost seconds each time.
 */
const char *scan_next_lookup(struct scanner *scanner);
void scan_take_lookup(struct scanner *scanner, const char *text,
		      const char *fault);

/*
 * Decide about a message; judges it if that is not done. Of the outcome, which
 * begins empty, and the remove marks of the fields, everything can be carried
 * out in any order.
 */
void scan(struct scanner *scanner, struct scan_message *message,
	  struct scan_outcome *outcome);

/* Of a field or of a line for a log: what an ACL can be told at once. */
#define MAX_ANSWER_BYTES MAX_ADDED_BYTES

/* What an ACL can ask; see edmarc-exim(8). */
struct scan_question {
	const char *word;
	const char *unjudged; /* the answer when there is no verdict */
	bool hostile;         /* the sender has a say in the answer */
	bool in_line;         /* the question "" has it, too */
	bool reads_fields;    /* needs the fields, judged or not */
	bool folded;          /* the answer has several lines */
	void (*say)(struct job *job, struct buf *answer);
};

/* NULL for a word that is no question. */
const struct scan_question *scan_question_find(struct span word);

/*
 * Answer it, after scan_judge(): one line of printable ASCII, but for "header",
 * which is for add_header. "record" writes the journal and the log, and "clean"
 * marks forged fields.
 */
void scan_answer(struct scanner *scanner, struct scan_message *message,
		 struct scan_outcome *outcome,
		 const struct scan_question *question, struct buf *answer);

#endif
