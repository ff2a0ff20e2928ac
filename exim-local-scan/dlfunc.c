/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dlfunc.c - ${dlfunc{.../edmarc.so}{edmarc}{QUESTION}} in an ACL
 *
 * The message at hand is judged when the first question about it comes, and
 * what is then found is what local_scan() works with, too.
 */
#include "exim.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/quote.h"
#include "base/span.h"
#include "connection.h"
#include "journal/entry.h"
#include "scan.h"

EXPORTED int edmarc(uschar **yield, int argc, uschar *argv[]);

/* Exim has opened a handful of files by then. */
#define MAX_DESCRIPTOR 255

#define MAX_FIRST_LINE 64

/*
 * Exim does not tell an ACL where the body is, but has the file open, and its
 * first line is the id of the message. (To open it by name and close it again
 * would take away Exim's lock on it.) No such file means that no message is at
 * hand: Exim is not that far, or that message is done with.
 */
static bool is_body(int fd, struct span first_line)
{
	char got[MAX_FIRST_LINE];
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
	       pread(fd, got, first_line.n, 0) == (ssize_t)first_line.n &&
	       memcmp(got, first_line.p, first_line.n) == 0;
}

static bool find_body(struct scan_message *message)
{
	char line[MAX_FIRST_LINE];
	int n = snprintf(line, sizeof(line), "%s-D\n", text_of(message_id));
	int fd;

	if (*text_of(message_id) == '\0' || n >= (int)sizeof(line))
		return false;
	for (fd = 0; fd <= MAX_DESCRIPTOR; fd++) {
		if (!is_body(fd, (struct span){ line, (size_t)n }))
			continue;
		message->body = fd;
		message->body_offset = n;
		return true;
	}
	return false;
}

/* A message from the network whose header and body have been received? */
static bool is_at_hand(struct scan_message *message)
{
	return is_from_network() && !host_checking && header_list != NULL &&
	       find_body(message);
}

static void answer(const struct scan_question *question, struct buf *text)
{
	struct scan_message message = {
		.size = ENTRY_SIZE_UNKNOWN,
		.id = "",
		.hostname = "",
		.client_ip = "",
		.spf_result = "",
	};
	struct fields fields = { .n = 0 };
	bool at_hand = is_at_hand(&message);
	struct connection *connection = connection_begin_call();
	struct scanner *scanner = connection->scanner;
	struct scan_outcome *outcome = &connection->outcome;

	if (scanner == NULL || connection->arena == NULL ||
	    (at_hand &&
	     read_message(scanner, &message, &fields, question->reads_fields,
			  connection->arena) < 0)) {
		buf_add_string(&outcome->trouble,
			       "dmarc: no answer for an ACL: no memory\n");
		if (question->unjudged != NULL)
			buf_add_string(text, question->unjudged);
	} else {
		if (scan_judge(scanner, &message, outcome))
			expand_settings(&message);
		scan_answer(scanner, &message, outcome, question, text);
		remove_fields(&fields);
	}
	log_lines(&outcome->trouble);
	log_lines(&outcome->log);
}

/* Exim then says why its expansion failed. */
static int refuse(uschar **yield, const char *why)
{
	*yield = string_copy((const uschar *)why);
	return FAIL;
}

/*
 * What a sender has a say in is marked as tainted, so that Exim does not use it
 * as a file name or a command.
 */
int edmarc(uschar **yield, int argc, uschar *argv[])
{
	struct span word = span_of(argc > 0 ? text_of(argv[0]) : "");
	const struct scan_question *question = scan_question_find(word);
	struct buf text = BUF_INIT(MAX_ANSWER_BYTES);
	char why[512];

	if (argc > 1)
		return refuse(yield, "edmarc takes one argument at most");
	if (question == NULL) {
		snprintf(why, sizeof(why), "edmarc does not know \"%s\"",
			 quote(word).text);
		return refuse(yield, why);
	}
	if (is_expanding())
		return refuse(yield, "edmarc is asked by its own base_score or "
				     "domain_settings");
	answer(question, &text);
	*yield = string_copy_taint((const uschar *)buf_string(&text),
				   question->hostile ? GET_TAINTED :
						       GET_UNTAINTED);
	buf_release(&text);
	return OK;
}
