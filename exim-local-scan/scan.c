/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/network.h"
#include "base/quote.h"
#include "dmarc/spf_check.h"
#include "dns/cache.h"
#include "dns/stub.h"
#include "job.h"
#include "mail/authres.h"

void trouble(struct buf *buf, const char *what, const char *why)
{
	buf_addf(buf, "dmarc: %s: %s\n", what, quote(span_of(why)).text);
}

struct span domain_of(const char *address)
{
	struct span rest = span_of(address);
	struct span local;

	while (span_take_until(&rest, '@', &local))
		continue;
	return rest;
}

/* ---------------------------------------------------------- a connection */

struct scanner *scanner_new(const char *config_path, struct buf *log)
{
	struct scanner *scanner = calloc(1, sizeof(*scanner));
	struct err err = ERR_INIT;

	if (scanner == NULL)
		return NULL;
	scanner->memory = arena_new(MAX_SETTINGS_MEMORY);
	scanner->arena = arena_new(MAX_MESSAGE_MEMORY);
	scanner->call = arena_new(MAX_CALL_MEMORY);
	scanner->answers = arena_new(MAX_ANSWERS_MEMORY);
	if (scanner->memory == NULL || scanner->arena == NULL ||
	    scanner->call == NULL || scanner->answers == NULL) {
		scanner_free(&scanner);
		return NULL;
	}
	settings_defaults(&scanner->settings);
	scanner->path = config_path;
	scanner->spf_library = SPF_LIBRARY;
	scanner->ready = settings_read(&scanner->settings, config_path,
				       scanner->memory, NULL, &err) == 0;
	if (!scanner->ready)
		trouble(log, "accepting mail unscored", err.text);
	return scanner;
}

void scanner_free(struct scanner **scanner)
{
	if (*scanner == NULL)
		return;
	spf_checker_free(&(*scanner)->spf);
	psl_free(&(*scanner)->psl);
	resolver_free(&(*scanner)->dns);
	arena_free(&(*scanner)->answers);
	arena_free(&(*scanner)->call);
	arena_free(&(*scanner)->arena);
	arena_free(&(*scanner)->memory);
	free(*scanner);
	*scanner = NULL;
}

void scanner_use(struct scanner *scanner, struct resolver *resolver,
		 const char *spf_library)
{
	scanner->resolver = resolver;
	scanner->spf_library = spf_library;
}

const char *
scanner_authserv_id(const struct scanner *scanner, const char *hostname)
{
	const char *id = scanner->settings.authserv_id;

	return *id == '\0' ? hostname : id;
}

const char *scanner_base_score(const struct scanner *scanner)
{
	return scanner->ready ? scanner->settings.base_score : "";
}

void scan_outcome_release(struct scan_outcome *outcome)
{
	buf_release(&outcome->add);
	buf_release(&outcome->log);
	buf_release(&outcome->trouble);
	buf_release(&outcome->reply);
}

/* ------------------------------------------------------------ the message */

/* 1: yes. The list was read without error before. */
static bool is_trusted(const struct scanner *scanner, const char *client)
{
	return scanner->ready &&
	       network_listed(span_of(scanner->settings.trusted_hosts),
			      span_of(client), NULL) == 1;
}

/* The client, or the host that a relay of ours has had the message from. */
static bool is_from_trusted(const struct job *job)
{
	return is_trusted(job->scanner, job->message->client_ip) ||
	       (job->way == RECEIVED_BY_RELAY &&
		is_trusted(job->scanner, job->source.address));
}

void job_mark_forged(struct job *job)
{
	const struct settings *settings = &job->scanner->settings;
	size_t i;

	if (*job->message->client_ip == '\0' || is_from_trusted(job))
		return;
	for (i = 0; i < job->message->n_fields; i++) {
		struct scan_field *field = &job->message->fields[i];

		if (span_is(field->name, settings->score_header) ||
		    span_is(field->name, settings->action_header) ||
		    (span_is(field->name, AUTHRES_NAME) &&
		     authres_claims(field->body, job->authserv_id)))
			field->remove = true;
	}
}

/* The resolver of this message: ours or the caller's, with a memory. */
static struct resolver *message_resolver(struct job *job, struct err *err)
{
	struct scanner *scanner = job->scanner;
	const struct settings *settings = &scanner->settings;
	struct resolver *behind = scanner->resolver;
	struct resolver *cache;

	if (behind == NULL && scanner->dns == NULL)
		scanner->dns = stub_new(*settings->dns_servers == '\0' ?
						NULL :
						settings->dns_servers,
					settings->dns_timeout_ms, err);
	else if (behind == NULL)
		stub_restart(scanner->dns);
	if (behind == NULL)
		behind = scanner->dns;
	if (behind == NULL)
		return NULL;
	arena_reset(scanner->answers);
	cache = dns_cache_new(behind, scanner->answers);
	if (cache == NULL)
		err_set(err, ERR_LIMIT, "no memory");
	return cache;
}

/* Some milliseconds, which are spent only where a message is judged by it. */
static int open_list(struct scanner *scanner, struct err *err)
{
	const struct settings *settings = &scanner->settings;

	if (settings->standard != STANDARD_RFC7489 || scanner->psl != NULL)
		return 0;
	scanner->psl = psl_open(settings->public_suffix_list, err);
	return scanner->psl == NULL ? -1 : 0;
}

static int find_verdict(struct job *job, struct err *err)
{
	struct scanner *scanner = job->scanner;
	struct resolver *resolver;
	int result;

	if (job_read_facts(job) < 0)
		return err_set(err, ERR_LIMIT, "no memory");
	resolver = message_resolver(job, err);
	result = resolver == NULL ? -1 : open_list(scanner, err);
	if (result == 0) {
		job_check_spf(job, resolver);
		result = verdict_make(&job->facts, &scanner->settings,
				      scanner->psl, resolver, scanner->arena,
				      &job->found, err);
	}
	/* They are in Exim's memory, and are not needed any more. */
	job->facts.list_id = job->facts.list_post = SPAN("");
	resolver_free(&resolver);
	return result;
}

/* The first call about a message. What is kept is forgotten with the next one. */
static void judge(struct job *job)
{
	struct scanner *scanner = job->scanner;
	const struct scan_message *message = job->message;
	struct err err = ERR_INIT;
	struct span id;

	*job = (struct job){
		.scanner = scanner,
		.id = "",
		.message = job->message,
		.outcome = job->outcome,
		.authserv_id = job->authserv_id,
		.spf_told = *message->spf_result != '\0',
		.way = job->way,
		.source = job->source,
	};
	arena_reset(scanner->arena);
	job->judged = find_verdict(job, &err) == 0;
	if (!job->judged)
		trouble(&job->outcome->trouble, "accepted unscored", err.text);
	else if (*job->found.override_fault != '\0')
		trouble(&job->outcome->trouble, "list of overrides not used",
			job->found.override_fault);
	if (job->judged && job->found.disagreement != NULL)
		trouble(&job->outcome->trouble, "libopendmarc judges otherwise",
			job->found.disagreement);
	id = arena_copy(scanner->arena, span_of(message->id));
	job->id = id.p == NULL ? "" : id.p; /* "": judged anew the next time */
}

/* NULL: it is to be judged. */
static const char *why_not(const struct job *job)
{
	const struct scan_message *message = job->message;

	if (*message->client_ip == '\0')
		return "no message from the network is at hand";
	if (!job->scanner->ready)
		return "the configuration has a mistake";
	if (is_from_trusted(job))
		return "the client is a trusted host";
	if (message->authenticated)
		return "the client is authenticated";
	return NULL;
}

static bool is_same(const struct job *job, const struct scan_message *message)
{
	return job->id != NULL && *job->id != '\0' &&
	       strcmp(job->id, message->id) == 0;
}

bool scan_is_judged(const struct scanner *scanner,
		    const struct scan_message *message)
{
	const struct job *job = &scanner->job;

	return is_same(job, message) &&
	       (job->facts.spf.known || job->spf_told ||
		*message->spf_result == '\0');
}

/* Every call begins with it. */
static struct job *take_up(struct scanner *scanner,
			   struct scan_message *message,
			   struct scan_outcome *outcome)
{
	struct job *job = &scanner->job;

	arena_reset(scanner->call);
	job->scanner = scanner;
	job->message = message;
	job->outcome = outcome;
	job->authserv_id =
		span_of(scanner_authserv_id(scanner, message->hostname));
	/* Of one that has been judged, the fields may not be told again. */
	if (!scan_is_judged(scanner, message))
		job_find_source(job);
	job->why_not = why_not(job);
	job->next_recipient = 0;
	job->looked_up = NULL;
	job->asked = NULL;
	job->n_asked = 0;
	return job;
}

bool scan_judge(struct scanner *scanner, struct scan_message *message,
		struct scan_outcome *outcome)
{
	struct job *job = take_up(scanner, message, outcome);

	if (job->why_not != NULL)
		return false;
	if (!scan_is_judged(scanner, message)) {
		if (is_same(job, message))
			trouble(&outcome->trouble, "judged again",
				"SPF was checked after an ACL had asked");
		judge(job);
	}
	if (!job->judged)
		job->why_not = "it could not be judged; see Exim's main log";
	return job->judged;
}

void scan(struct scanner *scanner, struct scan_message *message,
	  struct scan_outcome *outcome)
{
	bool judged = scan_judge(scanner, message, outcome);
	struct job *job = &scanner->job;

	job_mark_forged(job);
	if (!judged)
		return;
	job_weigh(job);
	job_add_fields(job);
	job_record(job);
	job_decide(job);
}
