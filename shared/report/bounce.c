/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/bounce.h"

#include <string.h>

#include "mail/header.h"
#include "report/field_text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *bounce_kind_name(enum bounce_kind kind)
{
	static const char *const names[] = {
		[BOUNCE_NONE] = "none",
		[BOUNCE_SOFT] = "soft",
		[BOUNCE_HARD] = "hard",
	};

	return names[kind];
}

/* -------------------------------------------------------------------- codes */

static size_t count_digits(struct span text, size_t at)
{
	size_t n = 0;

	while (at + n < text.n && ascii_is_digit(text.p[at + n]))
		n++;
	return n;
}

/* A number or a name that goes on is no code: 5.1.1.7 is an address. */
static bool is_edge(struct span text, size_t at)
{
	if (at >= text.n)
		return true;
	if (text.p[at] == '.')
		return at + 1 >= text.n || !ascii_is_digit(text.p[at + 1]);
	return !ascii_is_digit(text.p[at]) && !ascii_is_alpha(text.p[at]);
}

static bool starts_code(struct span text, size_t at)
{
	char before = at == 0 ? ' ' : text.p[at - 1];

	return (text.p[at] == '4' || text.p[at] == '5') &&
	       !ascii_is_digit(before) && !ascii_is_alpha(before) &&
	       before != '.' && before != '-';
}

/* "5.1.1" at this place (RFC 3463 2); 0 when there is none. */
static size_t status_at(struct span text, size_t at)
{
	size_t subject, detail;

	if (!starts_code(text, at) || at + 1 >= text.n || text.p[at + 1] != '.')
		return 0;
	subject = count_digits(text, at + 2);
	if (subject == 0 || subject > 3 || at + 2 + subject >= text.n ||
	    text.p[at + 2 + subject] != '.')
		return 0;
	detail = count_digits(text, at + 3 + subject);
	if (detail == 0 || detail > 3 ||
	    !is_edge(text, at + 3 + subject + detail))
		return 0;
	return 3 + subject + detail;
}

/* "550" of a reply line (RFC 5321 4.2). */
static bool is_reply_at(struct span text, size_t at)
{
	return starts_code(text, at) && count_digits(text, at) == 3 &&
	       text.p[at + 1] < '6' &&
	       (at + 3 >= text.n || strchr(" -#", text.p[at + 3]) != NULL);
}

/* The first enhanced code of a text; p is NULL when there is none. */
static struct span find_status(struct span text)
{
	size_t at, n;

	for (at = 0; at < text.n; at++) {
		n = status_at(text, at);
		if (n > 0)
			return (struct span){ text.p + at, n };
	}
	return (struct span){ .p = NULL, .n = 0 };
}

/* '4' or '5' by the first reply code of a text, or '\0'. */
static char find_reply(struct span text)
{
	size_t at;

	for (at = 0; at < text.n; at++)
		if (is_reply_at(text, at))
			return text.p[at];
	return '\0';
}

/* "5.0.0" says no more than that it failed. */
static bool is_vague(struct span status)
{
	return status.n == 0 || span_ends(status, ".0.0");
}

/*
 * Exim writes 5.0.0 for whatever failed, and others write nothing: what the
 * other server replied is more exact. *class is '\0' when nobody says it.
 */
static void refine(struct span *status, struct span diagnostic, char *class)
{
	struct span better = find_status(diagnostic);
	char reply = find_reply(diagnostic);

	if (is_vague(*status) && better.p != NULL && !is_vague(better))
		*status = better;
	else if (is_vague(*status) && reply != '\0') {
		*class = reply;
		return;
	}
	*class = status->n == 0 ? '\0' : status->p[0];
}

/* ------------------------------------------------------------------- a DSN */

/* What a DSN says about one recipient, as it stands there. */
struct fate {
	struct span recipient;
	struct span original;
	struct span action;
	struct span status;
	struct span diagnostic;
	struct span remote;
};

static void take(struct span *value, struct span body)
{
	if (value->p == NULL)
		*value = span_trim(body);
}

/* Behind "smtp;" and the like. */
static struct span without_type(struct span value)
{
	struct span type;

	if (value.p == NULL || !span_take_until(&value, ';', &type))
		return value;
	return span_trim(value);
}

/* RFC 3464 2.3.3: with 4.x.x, somebody gave up who might try again. */
static enum bounce_kind judge(const struct fate *fate, struct span *status)
{
	struct span action = fate->action;
	char class;

	*status = find_status(fate->status);
	refine(status, without_type(fate->diagnostic), &class);
	if (span_is(action, "delayed"))
		return BOUNCE_SOFT;
	if (action.n > 0 && !span_is(action, "failed"))
		return BOUNCE_NONE;
	if (class == '4')
		return BOUNCE_SOFT;
	if (class == '5' || action.n > 0)
		return BOUNCE_HARD;
	return BOUNCE_NONE;
}

/* The best fate so far. */
struct best {
	bool known;
	struct fate fate;
	struct bounce bounce; /* kind and status */
};

static void end_fate(struct best *best, struct fate *fate)
{
	struct bounce bounce = { .kind = BOUNCE_NONE };

	if (fate->recipient.p != NULL || fate->original.p != NULL ||
	    fate->action.p != NULL) {
		bounce.kind = judge(fate, &bounce.status);
		if (!best->known || bounce.kind < best->bounce.kind) {
			best->fate = *fate;
			best->bounce = bounce;
		}
		best->known = true;
	}
	*fate = (struct fate){ .recipient = { .p = NULL } };
}

static void take_field(struct best *best, struct fate *fate,
		       struct span *reporter, const struct header_field *field)
{
	/* Some leave out the empty line between recipients. */
	if (span_is(field->name, "Final-Recipient")) {
		if (fate->recipient.p != NULL)
			end_fate(best, fate);
		take(&fate->recipient, field->body);
	} else if (span_is(field->name, "Original-Recipient")) {
		take(&fate->original, field->body);
	} else if (span_is(field->name, "Action")) {
		take(&fate->action, field->body);
	} else if (span_is(field->name, "Status")) {
		take(&fate->status, field->body);
	} else if (span_is(field->name, "Diagnostic-Code")) {
		take(&fate->diagnostic, field->body);
	} else if (span_is(field->name, "Remote-MTA")) {
		take(&fate->remote, field->body);
	} else if (span_is(field->name, "Reporting-MTA")) {
		take(reporter, field->body);
	}
}

/* A copy as one line; absent stays absent. */
static struct span line_of(struct span text, struct arena *arena)
{
	return text.p == NULL ? text : field_line(text, arena);
}

/* An absent text is not one for which there was no memory. */
static bool is_copied(struct span was, struct span is)
{
	return was.p == NULL || is.p != NULL;
}

static bool copy_fate(const struct best *best, struct span reporter,
		      struct arena *arena, struct bounce *bounce)
{
	const struct fate *fate = &best->fate;
	struct span recipient =
		fate->recipient.p == NULL ? fate->original : fate->recipient;
	struct bounce b = {
		.kind = best->bounce.kind,
		.status = line_of(best->bounce.status, arena),
		.recipient = line_of(recipient, arena),
		.diagnostic = line_of(without_type(fate->diagnostic), arena),
	};

	if (fate->remote.p != NULL)
		reporter = fate->remote;
	b.reporter = line_of(without_type(reporter), arena);
	if (!is_copied(best->bounce.status, b.status) ||
	    !is_copied(recipient, b.recipient) ||
	    !is_copied(fate->diagnostic, b.diagnostic) ||
	    !is_copied(reporter, b.reporter))
		return false;
	if (b.recipient.p != NULL)
		b.recipient = field_address(b.recipient);
	*bounce = b;
	return true;
}

bool bounce_read(struct span text, struct arena *arena, struct bounce *bounce)
{
	struct span reporter = { .p = NULL };
	struct best best = { .known = false };
	struct fate fate = { .recipient = { .p = NULL } };
	struct header_field field;

	if (text.n > MAX_BOUNCE_BYTES)
		return false;
	while (text.n > 0) {
		int more = header_next(&text, &field);

		if (more > 0)
			take_field(&best, &fate, &reporter, &field);
		else if (more == 0)
			end_fate(&best, &fate);
	}
	end_fate(&best, &fate);
	return best.known && copy_fate(&best, reporter, arena, bounce);
}

/* ----------------------------------------------------------------- in words */

/*
 * What mail servers write who write no DSN, or a part that no reader gets: by
 * words of their own that nobody else has. The first one found decides; those
 * that say "not yet" stand first, since their texts hold the others' words, too.
 */
static const struct {
	const char *words;
	enum bounce_kind kind;
} phrases[] = {
	/* Exim, Sendmail, Postfix and Exchange about what they still try */
	{ "has not yet been delivered", BOUNCE_SOFT },
	{ "this is a warning message only", BOUNCE_SOFT },
	{ "you do not need to resend your message", BOUNCE_SOFT },
	{ "your message has been delayed", BOUNCE_SOFT },
	/* Exim */
	{ "could not be delivered to one or more of its recipients",
	  BOUNCE_HARD },
	/* qmail; also for what it gave up after days, which is no better */
	{ "wasn't able to deliver your message to the following addresses",
	  BOUNCE_HARD },
	/* Exchange, old and new, and the SMTP server of Windows */
	{ "did not reach the following recipient", BOUNCE_HARD },
	{ "delivery has failed to these recipients", BOUNCE_HARD },
	{ "delivery to the following recipients failed", BOUNCE_HARD },
	{ "couldn't be delivered", BOUNCE_HARD },
	/* Gmail, Yahoo, Postfix, Sendmail */
	{ "delivery to the following recipient failed permanently",
	  BOUNCE_HARD },
	{ "unable to deliver your message to the following addresses",
	  BOUNCE_HARD },
	{ "your message could not be delivered to one or more recipients",
	  BOUNCE_HARD },
	{ "the following addresses had permanent fatal errors", BOUNCE_HARD },
};

/* Behind one of these is what we had sent. */
static const char *const copies[] = {
	"this is a copy of the message",
	"this is a copy of your message",
	"below this line is a copy of the message",
	"-----original message-----",
	"original message headers",
	"original message follows",
	"unsent message below",
};

static const char *find_words(struct span text, const char *words)
{
	return memmem(text.p, text.n, words, strlen(words));
}

/* Up to the message that is returned. */
static struct span without_copy(struct span text)
{
	size_t i;

	for (i = 0; i < COUNT(copies); i++) {
		const char *at = find_words(text, copies[i]);

		if (at != NULL)
			text.n = (size_t)(at - text.p);
	}
	return text;
}

static enum bounce_kind find_phrase(struct span text)
{
	size_t i;

	for (i = 0; i < COUNT(phrases); i++)
		if (find_words(text, phrases[i].words) != NULL)
			return phrases[i].kind;
	return BOUNCE_NONE;
}

bool bounce_read_text(struct span text, struct arena *arena,
		      struct bounce *bounce)
{
	struct bounce b = { .kind = BOUNCE_NONE };
	struct span line, words;
	char class;

	if (text.n > MAX_BOUNCE_BYTES)
		return false;
	line = field_line(text, arena);
	words = arena_copy(arena, line);
	if (line.p == NULL || words.p == NULL)
		return false;
	words = without_copy(field_lower(words));
	b.kind = find_phrase(words);
	if (b.kind == BOUNCE_NONE)
		return false;
	line.n = words.n;
	b.status = find_status(line);
	refine(&b.status, line, &class);
	if (class == '4')
		b.kind = BOUNCE_SOFT;
	b.diagnostic = span_trim(line);
	*bounce = b;
	return true;
}
