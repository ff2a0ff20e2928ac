/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * local_scan.c - Exim's questions and our answers
 *
 * What Exim says about a message becomes a struct scan_message, and what scan()
 * decides is done with Exim's functions. All text that goes to them as a format
 * is "%s".
 */
#include "exim.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "dmarc/settings.h"
#include "journal/entry.h"
#include "scan.h"

EXPORTED int local_scan_version_major(void);
EXPORTED int local_scan_version_minor(void);

int local_scan_version_major(void)
{
	return LOCAL_SCAN_ABI_VERSION_MAJOR;
}

int local_scan_version_minor(void)
{
	return LOCAL_SCAN_ABI_VERSION_MINOR;
}

/* uschar * and char * are the same bytes. */
static const char *text_of(const uschar *text)
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

/* Fields that are not deleted, and signatures, with Exim's line of each. */
struct fields {
	struct scan_field *field;
	header_line **line;
	size_t n;
};

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

/* Mail that a client of the network gave us by SMTP. */
static bool is_from_network(void)
{
	return smtp_input && !smtp_batched_input && sender_host_address != NULL;
}

/*
 * The administrator's expansion. A fault in it, or a lookup that fails, is told
 * by what Exim says about it.
 */
static void
read_base(const struct scanner *scanner, struct scan_message *message)
{
	const uschar *question = (const uschar *)scanner_base_score(scanner);
	const uschar *answer;

	message->base_score = message->base_fault = "";
	if (*question == '\0' || message->authenticated)
		return;
	answer = expand_string(string_copy(question));
	if (answer != NULL)
		message->base_score = text_of(answer);
	else if (expand_string_message != NULL)
		message->base_fault = text_of(expand_string_message);
	else
		message->base_fault = "cannot be expanded";
}

static int read_message(const struct scanner *scanner,
			struct scan_message *message, struct fields *fields,
			struct arena *arena)
{
	const char *question;

	if (read_fields(fields, arena) < 0 ||
	    read_recipients(message, arena) < 0)
		return -1;
	message->fields = fields->field;
	message->n_fields = fields->n;
	message->time = time(NULL);
	message->size = message_size();
	message->id = text_of(message_id);
	message->hostname = expand("$primary_hostname");
	message->client_ip = text_of(sender_host_address);
	message->client_name = text_of(sender_host_name);
	message->helo = expand("$sender_helo_name");
	message->mail_from = text_of(sender_address);
	message->authenticated = sender_host_authenticated != NULL;
	/* The setting holds letters, digits, "-", "." and "_" only. */
	question =
		arena_printf(arena, "${authresults {%s}}",
			     scanner_authserv_id(scanner, message->hostname));
	if (question == NULL)
		return -1;
	message->authres = expand(question);
	message->spf_result = expand("$spf_result");
	read_base(scanner, message);
	return 0;
}

/* --------------------------------------------------------------- to Exim */

static void log_lines(const struct buf *lines)
{
	struct span rest = buf_span(lines);
	char text[MAX_LOG_BYTES + 1];
	struct span line;

	while (span_take_line(&rest, &line)) {
		snprintf(text, sizeof(text), "%.*s", SPAN_ARGS(line));
		exim_log(text);
	}
}

static void remove_fields(const struct fields *fields)
{
	size_t i;

	for (i = 0; i < fields->n; i++)
		if (fields->field[i].remove)
			fields->line[i]->type = '*';
}

static int carry_out(struct scan_outcome *outcome, const struct fields *fields,
		     uschar **reply)
{
	remove_fields(fields);
	if (outcome->add.n > 0)
		header_add_at_position(FALSE, NULL, FALSE, ' ', "%s",
				       buf_string(&outcome->add));
	if (outcome->reply.n > 0)
		*reply = string_copy(
			(const uschar *)buf_string(&outcome->reply));
	log_lines(&outcome->trouble);
	log_lines(&outcome->log);
	switch (outcome->action) {
	case SCAN_ACCEPT:
		return LOCAL_SCAN_ACCEPT;
	case SCAN_REJECT:
		return LOCAL_SCAN_REJECT;
	case SCAN_DEFER:
		return LOCAL_SCAN_TEMPREJECT;
	}
	return LOCAL_SCAN_ACCEPT;
}

/*
 * The process is the connection: one scanner for all its messages. It ends with
 * the process, which Exim ends without telling us. (Exim can also jump out of
 * us, when local_scan_timeout strikes: what is reachable from here is then used
 * again or lost with the process.)
 */
static struct {
	struct scanner *scanner;
	struct arena *arena;
	struct scan_outcome outcome;
} connection = { .outcome = SCAN_OUTCOME_INIT };

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

static void begin_message(void)
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
}

EXPORTED int local_scan(int fd, uschar **return_text)
{
	struct scan_message message = {
		.size = ENTRY_SIZE_UNKNOWN,
		.body = fd,
		.body_offset = SPOOL_DATA_START_OFFSET,
	};
	struct fields fields = { .n = 0 };

	if (!is_from_network() || host_checking)
		return LOCAL_SCAN_ACCEPT;
	begin_message();
	if (connection.scanner == NULL || connection.arena == NULL ||
	    read_message(connection.scanner, &message, &fields,
			 connection.arena) < 0)
		buf_add_string(&connection.outcome.trouble,
			       "dmarc: accepted unscored: no memory\n");
	else
		scan(connection.scanner, &message, &connection.outcome);
	return carry_out(&connection.outcome, &fields, return_text);
}
