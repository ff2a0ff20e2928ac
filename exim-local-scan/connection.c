/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * connection.c - Exim's words become a struct scan_message
 */
#include "connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/span.h"
#include "dmarc/settings.h"
#include "journal/entry.h"

static struct connection connection = { .outcome = SCAN_OUTCOME_INIT };

const char *text_of(const uschar *text)
{
	return text == NULL ? "" : (const char *)text;
}

/* Exim's answer to "$name" and its like; "" when it has none. */
static const char *expand(const char *question)
{
	return text_of(expand_string(string_copy((const uschar *)question)));
}

static int64_t message_size(void)
{
	uint64_t size;

	if (!span_to_uint(span_of(expand("$message_size")), INT64_MAX, &size))
		return ENTRY_SIZE_UNKNOWN;
	return (int64_t)size;
}

/* ------------------------------------------------------------ from Exim */

/*
 * Exim takes 1 MB of header (header_maxsize), which can be 350,000 fields of
 * three octets, and we need 48 for each. Running out would let a message through
 * unscored.
 */
#define MAX_HEADER_MEMORY ((size_t)64 * 1024 * 1024)

static bool read_field(const header_line *line, struct scan_field *field)
{
	struct span text = { text_of(line->text), (size_t)line->slen };

	if (!span_take_until(&text, ':', &field->name))
		return false;
	field->name = span_trim(field->name);
	/* Exim's results also tell of signatures that an ACL took away. */
	if (line->type == '*' && !span_is(field->name, "DKIM-Signature"))
		return false;
	field->body = text;
	return true;
}

static int read_fields(struct fields *fields, struct arena *arena)
{
	header_line *line;
	size_t n = 0;

	for (line = header_list; line != NULL; line = line->next)
		n++;
	fields->field = arena_array(arena, n, sizeof(*fields->field));
	fields->line = arena_array(arena, n, sizeof(*fields->line));
	if (fields->field == NULL || fields->line == NULL)
		return -1;
	for (line = header_list; line != NULL; line = line->next) {
		if (!read_field(line, &fields->field[fields->n]))
			continue;
		fields->line[fields->n++] = line;
	}
	return 0;
}

static int read_recipients(struct scan_message *message, struct arena *arena)
{
	int i;

	message->recipients = arena_array(arena, (size_t)recipients_count,
					  sizeof(*message->recipients));
	if (message->recipients == NULL)
		return -1;
	for (i = 0; i < recipients_count; i++)
		message->recipients[i] = text_of(recipients_list[i].address);
	message->n_recipients = (size_t)recipients_count;
	return 0;
}

bool is_from_network(void)
{
	return smtp_input && !smtp_batched_input && sender_host_address != NULL;
}

/* What is known of any message, judged or not. */
static int read_envelope(struct scan_message *message, struct arena *arena)
{
	if (read_recipients(message, arena) < 0)
		return -1;
	message->time = time(NULL);
	message->size = message_size();
	message->id = text_of(message_id);
	message->hostname = expand("$primary_hostname");
	message->client_ip = text_of(sender_host_address);
	message->client_name = text_of(sender_host_name);
	message->helo = expand("$sender_helo_name");
	message->mail_from = text_of(sender_address);
	message->authenticated = sender_host_authenticated != NULL;
	message->spf_result = expand("$spf_result");
	message->authres = message->base_score = message->base_fault = "";
	return 0;
}

int read_message(const struct scanner *scanner, struct scan_message *message,
		 struct fields *fields, bool want_fields, struct arena *arena)
{
	const char *question;
	bool judged;

	if (read_envelope(message, arena) < 0)
		return -1;
	judged = scan_is_judged(scanner, message);
	if ((want_fields || !judged) && read_fields(fields, arena) < 0)
		return -1;
	message->fields = fields->field;
	message->n_fields = fields->n;
	if (judged)
		return 0;
	/* The setting holds letters, digits, "-", "." and "_" only. */
	question =
		arena_printf(arena, "${authresults {%s}}",
			     scanner_authserv_id(scanner, message->hostname));
	if (question == NULL)
		return -1;
	message->authres = expand(question);
	return 0;
}

/*
 * The administrator's expansion. A fault in it, or a lookup that fails, is told
 * by what Exim says about it; *fault is "" without one.
 */
static const char *expand_setting(const char *question, const char **fault)
{
	const uschar *answer =
		expand_string(string_copy((const uschar *)question));

	*fault = "";
	if (answer != NULL)
		return text_of(answer);
	*fault = "cannot be expanded";
	if (expand_string_message != NULL)
		*fault = text_of(string_copy(expand_string_message));
	/*
	 * Exim remembers that a failure was forced by "fail", and would take one
	 * of the expansion around ${dlfunc} for it. A success makes it forget.
	 */
	(void)expand("$primary_hostname");
	return "";
}

void expand_settings(struct scan_message *message)
{
	struct scanner *scanner = connection.scanner;
	const char *question = scanner_base_score(scanner);
	const char *answer, *fault;

	snprintf(connection.expanding_for, sizeof(connection.expanding_for),
		 "%s", message->id);
	if (*question != '\0')
		message->base_score =
			expand_setting(question, &message->base_fault);
	while ((question = scan_next_lookup(scanner)) != NULL) {
		answer = expand_setting(question, &fault);
		scan_take_lookup(scanner, answer, fault);
	}
	connection.expanding_for[0] = '\0';
}

bool is_expanding(void)
{
	return connection.expanding_for[0] != '\0' &&
	       strcmp(connection.expanding_for, text_of(message_id)) == 0;
}

void remove_fields(const struct fields *fields)
{
	size_t i;

	for (i = 0; i < fields->n; i++)
		if (fields->field[i].remove)
			fields->line[i]->type = '*';
}

/* --------------------------------------------------------------- to Exim */

void log_lines(const struct buf *lines)
{
	struct span rest = buf_span(lines);
	char text[MAX_LOG_BYTES + 1];
	struct span line;

	while (span_take_line(&rest, &line)) {
		snprintf(text, sizeof(text), "%.*s", SPAN_ARGS(line));
		exim_log(text);
	}
}

/* --------------------------------------------------------- the connection */

/*
 * Another configuration, for tests: only when the environment is that of the
 * user Exim runs for. It is not when a user starts the set-uid program, which
 * is what secure_getenv() looks at. Exim itself clears what keep_environment
 * does not name.
 */
static const char *config_path(void)
{
	const char *path = secure_getenv("EDMARC_CONFIG");

	return path == NULL || *path == '\0' ? SETTINGS_PATH : path;
}

struct connection *connection_begin_call(void)
{
	struct scan_outcome *outcome = &connection.outcome;

	outcome->action = SCAN_ACCEPT;
	buf_reset(&outcome->add);
	buf_reset(&outcome->log);
	buf_reset(&outcome->trouble);
	buf_reset(&outcome->reply);
	if (connection.arena == NULL)
		connection.arena = arena_new(MAX_HEADER_MEMORY);
	else
		arena_reset(connection.arena);
	if (connection.scanner == NULL)
		connection.scanner =
			scanner_new(config_path(), &outcome->trouble);
	return &connection;
}
