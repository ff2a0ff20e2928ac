/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * evidence.c - what a message and Exim say about who sent it
 */
#include "job.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "bodyhash.h"
#include "mail/from.h"
#include "signatures.h"

void job_find_source(struct job *job)
{
	const struct settings *settings = &job->scanner->settings;
	const struct scan_message *message = job->message;
	struct span bodies[MAX_RECEIVED_HOPS];
	size_t n = 0, i;

	job->way = RECEIVED_DIRECT;
	if (*settings->trusted_relays == '\0')
		return;
	for (i = 0; i < message->n_fields && n < MAX_RECEIVED_HOPS; i++)
		if (span_is(message->fields[i].name, "Received"))
			bodies[n++] = message->fields[i].body;
	job->way = received_source(span_of(settings->trusted_relays),
				   message->client_ip, bodies, n, &job->source);
}

static int read_from(struct job *job)
{
	const struct scan_message *message = job->message;
	struct arena *arena = job->scanner->arena;
	struct span *bodies;
	size_t n = 0;
	size_t i;

	for (i = 0; i < message->n_fields; i++)
		n += span_is(message->fields[i].name, "From");
	bodies = arena_array(arena, n, sizeof(*bodies));
	if (bodies == NULL)
		return -1;
	for (i = 0, n = 0; i < message->n_fields; i++)
		if (span_is(message->fields[i].name, "From"))
			bodies[n++] = message->fields[i].body;
	job->facts.from = from_read(bodies, n, arena);
	return 0;
}

/* Who could have written more into Exim's text than a name? NULL: nobody. */
static const char *who_is_not_plain(const struct scan_message *message)
{
	size_t i;

	if (!name_is_plain(domain_of(message->mail_from)))
		return "MAIL FROM";
	if (*message->mail_from == '\0' &&
	    !name_is_plain(span_of(message->helo)))
		return "HELO";
	if (!name_is_plain(span_of(message->client_name)))
		return "the name of the client";
	for (i = 0; i < message->n_fields; i++)
		if (!field_is_plain(message->fields[i].name,
				    message->fields[i].body))
			return "a DKIM-Signature";
	return NULL;
}

/* As Exim's DKIM code sees it: no white space in front of the colon. */
static bool is_signature_field(const struct scan_field *field)
{
	return span_is(field->name, "DKIM-Signature") &&
	       field->name.p + field->name.n + 1 == field->body.p;
}

/* An honest message of that size has two or three signatures. */
#define MAX_HASHED_OCTETS (16 * MAX_HASHED_BODY)

/* Was text put between the header and the body, which no signature covers? */
static bool
has_unsigned_text(const struct scan_message *message, struct span body)
{
	size_t budget = MAX_HASHED_OCTETS;
	bool found = false;
	size_t i;

	if (body_may_begin_early(body))
		for (i = 0; i < message->n_fields && !found; i++)
			found = is_signature_field(&message->fields[i]) &&
				is_signed_behind_empty_line(
					body, message->fields[i].body, &budget);
	return found;
}

/*
 * Exim has a result for each signature that its DKIM code saw. More of them than
 * fields in the header means that one stands where nobody else sees a field.
 */
static bool has_hidden_signature(const struct scan_message *message)
{
	const char *at = message->authres;
	size_t results = 0, fields = 0;
	size_t i;

	while ((at = strstr(at, "\tdkim=")) != NULL) {
		results++;
		at++;
	}
	for (i = 0; i < message->n_fields; i++)
		fields += is_signature_field(&message->fields[i]);
	return results > fields;
}

#define FORGES " holds characters that would forge results"

/* The body, up to MAX_HASHED_BODY. What a larger one begins with is not known. */
static const char *
why_not_signed(const struct scan_message *message, const struct span *body)
{
	if (strstr(message->authres, "dkim=pass") == NULL)
		return NULL;
	if (has_hidden_signature(message))
		return "a signature stands behind the header";
	if (body != NULL && has_unsigned_text(message, *body))
		return "text that is not signed stands in front of the body";
	return NULL;
}

static const char *look_at_large_body(const struct scan_message *message)
{
	int plain = body_is_plain(message->body, message->body_offset);

	if (plain < 0)
		return "the body cannot be read";
	return plain ? why_not_signed(message, NULL) :
		       "a DKIM-Signature behind the header" FORGES;
}

/* text has room for it. */
static const char *
look_at_body(const struct scan_message *message, char *text, size_t size)
{
	ssize_t n = read_at(message->body, text, size, message->body_offset);
	struct span body = { .p = text };

	if (n < 0)
		return "the body cannot be read";
	body.n = (size_t)n;
	return text_is_plain(body) ?
		       why_not_signed(message, &body) :
		       "a DKIM-Signature behind the header" FORGES;
}

/*
 * Why do the results not say that what we deliver was signed? NULL: they do. The
 * body is read once, for all that may be wrong with it, and not when there is no
 * pass to forge.
 */
static const char *why_not_used(const struct scan_message *message)
{
	const char *why = NULL;
	struct stat st;
	off_t size;
	char *text;

	if (strstr(message->authres, "pass") == NULL)
		return NULL;
	if (fstat(message->body, &st) < 0)
		return "the body cannot be read";
	size = st.st_size - message->body_offset;
	if (size > (off_t)MAX_HASHED_BODY)
		return look_at_large_body(message);
	text = size > 0 ? malloc((size_t)size) : NULL;
	if (size <= 0)
		why = why_not_signed(message, NULL);
	else if (text == NULL)
		why = "no memory for the body";
	else
		why = look_at_body(message, text, (size_t)size);
	free(text);
	return why;
}

/* SPF and DKIM. $spf_result is a word of Exim's own, whatever else is amiss. */
static void read_results(struct job *job)
{
	const struct scan_message *message = job->message;
	struct arena *arena = job->scanner->arena;
	const char *suspect = who_is_not_plain(message);
	const char *why = suspect == NULL ? why_not_used(message) : NULL;
	struct err err = ERR_INIT;
	enum auth_result word;

	job->authres_plain =
		suspect == NULL && why == NULL && *message->authres != '\0';
	if (why != NULL)
		trouble(&job->outcome->trouble, "DKIM results not used", why);
	else if (suspect != NULL)
		trouble(&job->outcome->trouble, "DKIM results not used",
			arena_printf(arena, "%s" FORGES, suspect));
	else if (job->authres_plain &&
		 facts_from_authres(&job->facts, span_of(job->authres), arena,
				    &err) < 0)
		trouble(&job->outcome->trouble, "${authresults}", err.text);
	/* Exim has checked whether the relay may send for the sender. */
	if (job->way != RECEIVED_DIRECT)
		job->facts.spf = (struct spf_fact){ .domain = "" };
	else if (!job->facts.spf.known &&
		 auth_result_parse(span_of(message->spf_result), &word) &&
		 spf_fact_make(&job->facts.spf, word, job->facts.mail_from,
			       job->facts.helo, arena, &err) < 0)
		trouble(&job->outcome->trouble, "$spf_result", err.text);
}

/* The first field of that name, or nothing. */
static struct span
find_field(const struct scan_message *message, const char *name)
{
	size_t i;

	for (i = 0; i < message->n_fields; i++)
		if (span_is(message->fields[i].name, name))
			return message->fields[i].body;
	return (struct span){ .p = NULL, .n = 0 };
}

/* Texts of a message are gone with the next expansion of Exim's. */
static int keep_texts(struct job *job)
{
	struct arena *arena = job->scanner->arena;
	const struct scan_message *message = job->message;
	struct message_facts *facts = &job->facts;
	struct span ip = span_of(message->client_ip);
	struct span name = span_of(message->client_name);
	struct span helo = span_of(message->helo);

	if (job->way != RECEIVED_DIRECT) {
		ip = span_of(job->source.address);
		name = SPAN("");
		helo = job->source.helo;
	}
	facts->client_ip = arena_copy(arena, ip).p;
	facts->client_name = arena_copy(arena, name).p;
	facts->helo = arena_copy(arena, helo).p;
	facts->mail_from = arena_copy(arena, span_of(message->mail_from)).p;
	job->authres = arena_copy(arena, span_of(message->authres)).p;
	if (facts->client_ip == NULL || facts->client_name == NULL ||
	    facts->helo == NULL || facts->mail_from == NULL ||
	    job->authres == NULL)
		return -1;
	return 0;
}

int job_read_facts(struct job *job)
{
	job->facts = (struct message_facts){
		.spf = { .domain = "" },
		.client_is_relay = job->way == RECEIVED_LOST,
		.list_id = find_field(job->message, "List-Id"),
		.list_post = find_field(job->message, "List-Post"),
		.draw = message_draw(span_of(job->message->id)),
		.brief = true,
	};
	if (keep_texts(job) < 0)
		return -1;
	if (read_from(job) < 0)
		return -1;
	read_results(job);
	return 0;
}
