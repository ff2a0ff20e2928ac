/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_scan.c - a whole message, from its octets to what Exim does with it
 *
 * The input has five parts with the octet 0x1e between: settings, the envelope,
 * Exim's ${authresults}, answers of the DNS (script.h), and the message. Of the
 * envelope, each line is one thing, in this order: address of the client, its
 * name, HELO, MAIL FROM, $spf_result, base_score, its fault, "auth", and then all
 * recipients.
 *
 * Each message is judged twice by the same scanner, with another in between: what
 * the first one left behind makes no difference to the second. Nor does it to a
 * third one that an ACL has asked everything before. What would be looked up for a
 * domain is taken for what was found.
 */
#include <arpa/inet.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "dmarc/settings.h"
#include "fuzz.h"
#include "fuzz/script.h"
#include "journal/entry.h"
#include "mail/authres.h"
#include "mail/header.h"
#include "scan.h"

#define SEPARATOR      0x1e
#define MAX_FIELDS     1000
#define MAX_RECIPIENTS 300
#define BODY_OFFSET    19  /* the first line of Exim's file is its name */
#define MAX_LINE       998 /* RFC 5322 2.1.1, without the line end */

static const char hostname[] = "mx.test";

/* ------------------------------------------------- what stays for all inputs */

struct place {
	char folder[256]; /* of the journal */
	char journal[300];
	char config[64]; /* memory files, by name */
	char suffixes[64];
	int config_fd;
	int body_fd;
};

static struct place place;

static void remove_place(void)
{
	unlink(place.journal);
	rmdir(place.folder);
}

static int memory_file(char *name, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	MUST_HOLD(fd >= 0);
	snprintf(name, size, "/proc/self/fd/%d", fd);
	return fd;
}

static void fill(int fd, struct span text, off_t offset)
{
	MUST_HOLD(ftruncate(fd, 0) == 0);
	MUST_HOLD(lseek(fd, offset, SEEK_SET) == offset);
	MUST_HOLD(write_all(fd, text) == 0);
}

static void make_place(void)
{
	static const char list[] =
		"// ===BEGIN ICANN DOMAINS===\ntest\nexample\nco.test\n"
		"*.wild.test\n!city.wild.test\n// ===END ICANN DOMAINS===\n";
	const char *temp = getenv("TMPDIR");
	char unused[64];

	if (place.config_fd > 0)
		return;
	snprintf(place.folder, sizeof(place.folder), "%s/fuzz-scan-XXXXXX",
		 temp == NULL ? "/tmp" : temp);
	MUST_HOLD(mkdtemp(place.folder) != NULL);
	snprintf(place.journal, sizeof(place.journal), "%s/open.jsonl",
		 place.folder);
	atexit(remove_place);
	place.config_fd = memory_file(place.config, sizeof(place.config));
	place.body_fd = memory_file(unused, sizeof(unused));
	fill(memory_file(place.suffixes, sizeof(place.suffixes)), span_of(list),
	     0);
}

/* ------------------------------------------------------------------ the input */

struct input {
	struct span settings, envelope, authres, answers, message;
};

static struct span take_part(struct span *rest)
{
	struct span part;

	if (!span_take_until(rest, SEPARATOR, &part)) {
		part = *rest;
		*rest = SPAN("");
	}
	return part;
}

static struct input split(struct span rest)
{
	struct input input;

	input.settings = take_part(&rest);
	input.envelope = take_part(&rest);
	input.authres = take_part(&rest);
	input.answers = take_part(&rest);
	input.message = rest;
	return input;
}

static bool mentions(struct span line, const char *word)
{
	for (; line.n > 0; line.p++, line.n--)
		if (span_starts(line, word))
			return true;
	return false;
}

/* Any settings but those that name a file of this machine. */
static void write_settings(struct span text)
{
	struct buf config = BUF_INIT((size_t)1024 * 1024);
	struct span line;

	buf_addf(&config,
		 "[journal]\ndirectory = %s\n"
		 "[evaluate]\npublic_suffix_list = %s\n",
		 place.folder, place.suffixes);
	while (span_take_line(&text, &line)) {
		if (mentions(line, "directory") || mentions(line, "suffix"))
			continue;
		buf_add(&config, line);
		buf_add_char(&config, '\n');
	}
	MUST_HOLD(buf_ok(&config));
	fill(place.config_fd, buf_span(&config), 0);
	buf_release(&config);
}

static const char *text_of(struct span text, struct arena *arena)
{
	const char *copy = arena_copy(arena, text).p;

	MUST_HOLD(copy != NULL);
	return copy;
}

static const char *take_text(struct span *rest, struct arena *arena)
{
	struct span line;

	return span_take_line(rest, &line) ? text_of(line, arena) : "";
}

/* Exim knows the address from the kernel. */
static const char *client_address(const char *text)
{
	unsigned char octets[16];

	if (*text == '\0' || inet_pton(AF_INET, text, octets) == 1 ||
	    inet_pton(AF_INET6, text, octets) == 1)
		return text;
	return "192.0.2.1";
}

static void read_envelope(struct span envelope, struct scan_message *message,
			  struct arena *arena)
{
	message->client_ip = client_address(take_text(&envelope, arena));
	message->client_name = take_text(&envelope, arena);
	message->helo = take_text(&envelope, arena);
	message->mail_from = take_text(&envelope, arena);
	message->spf_result = take_text(&envelope, arena);
	message->base_score = take_text(&envelope, arena);
	message->base_fault = take_text(&envelope, arena);
	message->authenticated =
		strcmp(take_text(&envelope, arena), "auth") == 0;
	message->recipients = arena_array(arena, MAX_RECIPIENTS,
					  sizeof(*message->recipients));
	MUST_HOLD(message->recipients != NULL);
	while (envelope.n > 0 && message->n_recipients < MAX_RECIPIENTS)
		message->recipients[message->n_recipients++] =
			take_text(&envelope, arena);
}

/* As Exim has them: a body begins at the colon, and has its line end. */
static void
read_mail(struct span mail, struct scan_message *message, struct arena *arena)
{
	struct header_field field;
	int more;

	message->fields =
		arena_array(arena, MAX_FIELDS, sizeof(*message->fields));
	MUST_HOLD(message->fields != NULL);
	while ((more = header_next(&mail, &field)) != 0) {
		struct span body = field.body;

		if (more < 0 || message->n_fields == MAX_FIELDS)
			continue;
		body.n = (size_t)(mail.p - body.p);
		message->fields[message->n_fields++] =
			(struct scan_field){ .name = field.name, .body = body };
	}
	fill(place.body_fd, mail, BODY_OFFSET);
	message->body = place.body_fd;
	message->body_offset = BODY_OFFSET;
}

static struct scan_message
read_message(const struct input *input, struct arena *arena)
{
	struct scan_message message = {
		.time = 1795453509,
		.size = (int64_t)input->message.n,
		.id = "1wNxyz-000000-00",
		.hostname = hostname,
		.authres = text_of(input->authres, arena),
	};

	read_envelope(input->envelope, &message, arena);
	read_mail(input->message, &message, arena);
	return message;
}

/* ----------------------------------------------------------------- promises */

static void check_printable(struct span text, char begin)
{
	size_t i;

	MUST_HOLD(text.n == 0 || begin == '\0' || text.p[0] == begin);
	for (i = 0; i < text.n; i++)
		MUST_HOLD(text.p[i] >= ' ' && text.p[i] <= '~');
}

/* Each line can stand in a log, and says who speaks. */
static size_t check_lines(struct span text)
{
	struct span line;
	size_t n = 0;

	MUST_HOLD(text.n == 0 || text.p[text.n - 1] == '\n');
	while (span_take_line(&text, &line)) {
		MUST_HOLD(span_starts(line, "dmarc: "));
		check_printable(line, 'd');
		n++;
	}
	return n;
}

/* No line of a field can be taken for the end of it, or of the header. */
static void check_folding(struct span text)
{
	struct span line;
	size_t i;

	MUST_HOLD(text.p[text.n - 1] == '\n');
	while (span_take_until(&text, '\n', &line)) {
		MUST_HOLD(span_trim(line).n > 0);
		MUST_HOLD(line.n <= MAX_LINE);
		for (i = 0; i < line.n; i++)
			MUST_HOLD((unsigned char)line.p[i] >= ' ' ||
				  line.p[i] == '\t');
	}
	MUST_HOLD(text.n == 0);
}

static struct span take_field(struct span *rest, const char *name)
{
	struct header_field field = { .name = SPAN("") };

	MUST_HOLD(header_next(rest, &field) == 1);
	MUST_HOLD(span_is(field.name, name));
	return field.body;
}

/* The value of a key of the log line. */
static struct span logged(struct span log, const char *key)
{
	struct span word, name;

	while (span_take_item(&log, ' ', &word))
		if (span_take_until(&word, '=', &name) && span_is(name, key))
			return span_trim(word);
	MUST_HOLD(false);
	return log;
}

/* "dmarc: fail policy=..." */
static enum dmarc_result logged_result(struct span log)
{
	enum dmarc_result result = DMARC_NONE;
	struct span word;

	MUST_HOLD(span_take_until(&log, ' ', &word));
	MUST_HOLD(span_is(word, "dmarc:"));
	MUST_HOLD(span_take_until(&log, ' ', &word));
	MUST_HOLD(dmarc_result_parse(word, &result));
	return result;
}

/* "-4.50" into -450 */
static int64_t read_score(struct span text)
{
	bool negative = text.n > 0 && text.p[0] == '-';
	uint64_t units, hundredths;
	struct span whole;

	if (negative)
		text = (struct span){ text.p + 1, text.n - 1 };
	MUST_HOLD(span_take_until(&text, '.', &whole) && text.n == 2);
	MUST_HOLD(span_to_uint(whole, INT32_MAX, &units));
	MUST_HOLD(span_to_uint(text, 99, &hundredths));
	units = units * 100 + hundredths;
	return negative ? -(int64_t)units : (int64_t)units;
}

static const char *our_name(const struct settings *settings)
{
	return *settings->authserv_id == '\0' ? hostname :
						settings->authserv_id;
}

/* Ours is the first result, and says what the log says. */
static void check_authres(struct span body, const char *id, struct span log,
			  struct arena *arena)
{
	struct authres authres;

	MUST_HOLD(authres_claims(body, span_of(id)));
	MUST_HOLD(authres_parse(body, arena, &authres));
	MUST_HOLD(span_is(authres.authserv_id, id));
	MUST_HOLD(authres.n > 0 && span_is(authres.results[0].method, "dmarc"));
	/* Of a record that cannot be used only this one speaks (R6.2). */
	MUST_HOLD(span_is(authres.results[0].result,
			  dmarc_result_name(logged_result(log))) ||
		  span_is(authres.results[0].result, "permerror"));
}

/* "reject", or "reject (a.test), accept (b.test)" */
static void check_action(struct span body)
{
	struct span item, word;
	enum action action;

	body = span_trim(body);
	while (span_take_item(&body, ',', &item)) {
		if (!span_take_until(&item, ' ', &word))
			word = item;
		MUST_HOLD(action_parse(word, &action));
	}
}

static void check_added(struct span add, const struct settings *settings,
			struct span log, struct arena *arena)
{
	struct span rest = add;
	struct span score, action;

	check_folding(add);
	check_authres(take_field(&rest, "Authentication-Results"),
		      our_name(settings), log, arena);
	score = span_trim(take_field(&rest, settings->score_header));
	MUST_HOLD(span_equal(score, logged(log, "score")));
	action = span_trim(take_field(&rest, settings->action_header));
	check_action(action);
	MUST_HOLD(settings->domains.n > 0 ||
		  *settings->domain_settings != '\0' ||
		  span_equal(action, logged(log, "action")));
	MUST_HOLD(rest.n == 0);
}

/* Written once more, from the thresholds of edmarc.conf(5). */
static enum action expected_action(enum dmarc_result result, int64_t score,
				   const struct settings *s)
{
	if (s->monitor_only)
		return ACTION_ACCEPT;
	if (s->reject_at != 0 && score >= s->reject_at)
		return ACTION_REJECT;
	if (result == DMARC_TEMPERROR && s->defer_on_temperror)
		return ACTION_DEFER;
	if (s->quarantine_at != 0 && score >= s->quarantine_at)
		return ACTION_QUARANTINE;
	if (s->tag_at != 0 && score >= s->tag_at)
		return ACTION_TAG;
	return ACTION_ACCEPT;
}

static void check_reply(const struct scan_outcome *outcome, enum action action)
{
	struct span reply = buf_span(&outcome->reply);

	MUST_HOLD((outcome->action == SCAN_REJECT) ==
		  (action == ACTION_REJECT));
	MUST_HOLD((outcome->action == SCAN_DEFER) == (action == ACTION_DEFER));
	MUST_HOLD((reply.n > 0) == (outcome->action != SCAN_ACCEPT));
	MUST_HOLD(buf_ok(&outcome->reply) && reply.n <= 512);
	check_printable(reply, outcome->action == SCAN_DEFER ? '4' : '5');
}

static bool is_same_text(const char *a, const char *b)
{
	return a == b || strcmp(a, b) == 0;
}

static bool is_plain(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

/* The line is read back, and tells of this message. */
static void check_journal(struct span line, const struct scan_message *message,
			  struct span log, struct arena *arena)
{
	struct buf again = BUF_INIT(8 * MAX_ENTRY_BYTES);
	struct err err = ERR_INIT;
	struct entry entry;

	MUST_HOLD(line.n <= MAX_ENTRY_BYTES && line.p[line.n - 1] == '\n');
	line.n--;
	MUST_HOLD(!span_has(line, '\n'));
	if (entry_parse(line, arena, &entry, &err) < 0)
		fprintf(stderr, "%s\n", err.text);
	MUST_HOLD(err.kind == ERR_NONE);
	entry_format(&again, &entry);
	MUST_HOLD(buf_ok(&again) && again.n == line.n + 1 &&
		  memcmp(again.p, line.p, line.n) == 0);
	buf_release(&again);

	MUST_HOLD(entry.time == message->time && entry.size == message->size);
	MUST_HOLD(is_same_text(entry.id, message->id));
	MUST_HOLD(is_same_text(entry.mta, message->hostname));
	MUST_HOLD(is_same_text(entry.facts.client_ip, message->client_ip));
	MUST_HOLD(!is_plain(message->mail_from) ||
		  is_same_text(entry.facts.mail_from, message->mail_from));
	MUST_HOLD(!is_plain(message->helo) ||
		  is_same_text(entry.facts.helo, message->helo));
	MUST_HOLD(span_is(logged(log, "action"),
			  action_name(entry.verdict.action)));
	MUST_HOLD(logged_result(log) == entry.verdict.result);
	MUST_HOLD(read_score(logged(log, "score")) == entry.verdict.score);
}

/* Fields that are ours, and no others, go; of A-R those that claim to be. */
static void check_removed(const struct scan_message *message,
			  const struct settings *settings)
{
	size_t i;

	for (i = 0; i < message->n_fields; i++) {
		const struct scan_field *field = &message->fields[i];
		bool forged = span_is(field->name, settings->score_header) ||
			      span_is(field->name, settings->action_header) ||
			      (span_is(field->name, "Authentication-Results") &&
			       authres_claims(field->body,
					      span_of(our_name(settings))));

		MUST_HOLD(field->remove == forged);
	}
}

static void check_judged(const struct scan_message *message,
			 const struct scan_outcome *outcome,
			 const struct settings *settings, struct span journal,
			 struct arena *arena)
{
	struct span log = buf_span(&outcome->log);
	enum action action = ACTION_ACCEPT;

	MUST_HOLD(check_lines(log) == 1 && log.n <= MAX_LOG_BYTES);
	MUST_HOLD(action_parse(logged(log, "action"), &action));
	/* Settings of recipients' domains may ask for something else. */
	MUST_HOLD(settings->domains.n > 0 ||
		  *settings->domain_settings != '\0' ||
		  settings->reject_several_from != REFUSE_SEVERAL_NO ||
		  action == expected_action(logged_result(log),
					    read_score(logged(log, "score")),
					    settings));
	check_reply(outcome, action);
	if (outcome->add.n > 0)
		check_added(buf_span(&outcome->add), settings, log, arena);
	if (journal.n > 0)
		check_journal(journal, message, log, arena);
	MUST_HOLD(outcome->add.n > 0 || outcome->trouble.n > 0);
	MUST_HOLD(journal.n > 0 || action == ACTION_DEFER ||
		  outcome->trouble.n > 0);
	MUST_HOLD(journal.n == 0 || action != ACTION_DEFER);
}

static void check_outcome(const struct scan_message *message,
			  const struct scan_outcome *outcome,
			  const struct settings *settings, struct span journal,
			  struct arena *arena)
{
	check_lines(buf_span(&outcome->trouble));
	if (outcome->log.n > 0) {
		check_removed(message, settings);
		check_judged(message, outcome, settings, journal, arena);
		return;
	}
	/* Not judged: nothing is said, and nobody is refused. */
	MUST_HOLD(outcome->action == SCAN_ACCEPT && outcome->add.n == 0);
	MUST_HOLD(outcome->reply.n == 0 && journal.n == 0);
	MUST_HOLD(*message->client_ip == '\0' || message->authenticated ||
		  *settings->trusted_hosts != '\0' || outcome->trouble.n > 0);
}

/* --------------------------------------------------------------- one message */

static void read_journal(struct buf *journal)
{
	struct err err = ERR_INIT;

	if (access(place.journal, F_OK) != 0)
		return;
	MUST_HOLD(file_read(place.journal, journal, &err) == 0);
	MUST_HOLD(truncate(place.journal, 0) == 0);
}

struct run {
	struct scan_outcome outcome;
	struct buf journal;
};

static void take_lookups(struct scanner *scanner)
{
	const char *lookup;

	while ((lookup = scan_next_lookup(scanner)) != NULL)
		scan_take_lookup(scanner, lookup, "");
}

/* Every question but the one that has an effect; each twice. */
static void ask(struct scanner *scanner, struct scan_message *message,
		struct scan_outcome *outcome)
{
	static const char *const words[] = {
		"",       "result",        "policy", "applied",
		"domain", "policy_domain", "spf",    "dkim",
		"score",  "action",        "reason", "authres",
		"reply"
	};
	struct buf answer = BUF_INIT(MAX_ANSWER_BYTES);
	struct buf again = BUF_INIT(MAX_ANSWER_BYTES);
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const struct scan_question *question =
			scan_question_find(span_of(words[i]));

		MUST_HOLD(question != NULL);
		if (scan_judge(scanner, message, outcome))
			take_lookups(scanner);
		scan_answer(scanner, message, outcome, question, &answer);
		check_printable(buf_span(&answer), '\0');
		(void)scan_judge(scanner, message, outcome);
		scan_answer(scanner, message, outcome, question, &again);
		MUST_HOLD(span_equal(buf_span(&answer), buf_span(&again)));
		buf_reset(&answer);
		buf_reset(&again);
	}
	buf_release(&answer);
	buf_release(&again);
}

static void judge(struct run *run, struct scanner *scanner,
		  struct scan_message *message, struct span answers,
		  bool is_asked)
{
	static struct script script;

	*run = (struct run){ .outcome = SCAN_OUTCOME_INIT,
			     .journal = BUF_INIT(2 * MAX_ENTRY_BYTES) };
	script_start(&script, answers);
	scanner_use(scanner, &script.resolver, NULL);
	if (is_asked)
		ask(scanner, message, &run->outcome);
	if (scan_judge(scanner, message, &run->outcome))
		take_lookups(scanner);
	scan(scanner, message, &run->outcome);
	read_journal(&run->journal);
}

static void release(struct run *run)
{
	scan_outcome_release(&run->outcome);
	buf_release(&run->journal);
}

static bool same(const struct buf *a, const struct buf *b)
{
	return span_equal(buf_span(a), buf_span(b));
}

static void check_same(const struct run *a, const struct run *b)
{
	MUST_HOLD(a->outcome.action == b->outcome.action);
	MUST_HOLD(same(&a->outcome.add, &b->outcome.add));
	MUST_HOLD(same(&a->outcome.log, &b->outcome.log));
	MUST_HOLD(same(&a->outcome.trouble, &b->outcome.trouble));
	MUST_HOLD(same(&a->outcome.reply, &b->outcome.reply));
	MUST_HOLD(same(&a->journal, &b->journal));
}

static void judge_often(struct scanner *scanner, const struct input *input,
			struct arena *arena)
{
	struct settings settings;
	struct scan_message message = read_message(input, arena);
	struct err err = ERR_INIT;
	struct scan_message other = message;
	struct run first, between, second, third;

	settings_defaults(&settings);
	(void)settings_read(&settings, place.config, arena, NULL, &err);
	judge(&first, scanner, &message, input->answers, false);
	check_outcome(&message, &first.outcome, &settings,
		      buf_span(&first.journal), arena);
	other.id = "1wNxyz-000000-01";
	judge(&between, scanner, &other, input->answers, false);
	judge(&second, scanner, &message, input->answers, false);
	check_same(&first, &second);
	release(&between);
	judge(&between, scanner, &other, input->answers, false);
	judge(&third, scanner, &message, input->answers, true);
	check_same(&first, &third);
	release(&first);
	release(&between);
	release(&second);
	release(&third);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = split((struct span){ (const char *)data, size });
	struct arena *arena = arena_new((size_t)32 * 1024 * 1024);
	struct buf trouble = BUF_INIT(4 * MAX_LOG_BYTES);
	struct scanner *scanner;

	MUST_HOLD(arena != NULL);
	make_place();
	write_settings(input.settings);
	scanner = scanner_new(place.config, &trouble);
	MUST_HOLD(scanner != NULL);
	check_lines(buf_span(&trouble));
	/* Without settings nothing is judged, and the log has the reason. */
	if (trouble.n == 0)
		judge_often(scanner, &input, arena);
	scanner_free(&scanner);
	buf_release(&trouble);
	arena_free(&arena);
	return 0;
}
