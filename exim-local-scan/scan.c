/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scan.h"

#include <stdlib.h>

#include "base/network.h"
#include "base/quote.h"
#include "dmarc/spf_check.h"
#include "dns/cache.h"
#include "dns/cares.h"
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
	scanner->answers = arena_new(MAX_ANSWERS_MEMORY);
	if (scanner->memory == NULL || scanner->arena == NULL ||
	    scanner->answers == NULL) {
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
	resolver_free(&(*scanner)->cares);
	arena_free(&(*scanner)->answers);
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

/* R11.7; and a score or an action that somebody else gave. */
static void mark_forged(const struct job *job)
{
	const struct settings *settings = &job->scanner->settings;
	size_t i;

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

	if (behind == NULL && scanner->cares == NULL)
		scanner->cares = cares_new(*settings->dns_servers == '\0' ?
						   NULL :
						   settings->dns_servers,
					   settings->dns_timeout_ms, err);
	else if (behind == NULL)
		cares_restart(scanner->cares);
	if (behind == NULL)
		behind = scanner->cares;
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

static int judge(struct job *job)
{
	struct scanner *scanner = job->scanner;
	struct err err = ERR_INIT;
	struct resolver *resolver;
	int result;

	if (job_read_facts(job) < 0) {
		trouble(&job->outcome->trouble, "accepted unscored",
			"no memory");
		return -1;
	}
	resolver = message_resolver(job, &err);
	result = resolver == NULL ? -1 : open_list(scanner, &err);
	if (result == 0) {
		job_check_spf(job, resolver);
		result = verdict_make(&job->facts, &scanner->settings,
				      scanner->psl, resolver, scanner->arena,
				      &job->verdict, &err);
	}
	if (result < 0)
		trouble(&job->outcome->trouble, "accepted unscored", err.text);
	else if (*job->verdict.override_fault != '\0')
		trouble(&job->outcome->trouble, "list of overrides not used",
			job->verdict.override_fault);
	if (result == 0 && job->verdict.disagreement != NULL)
		trouble(&job->outcome->trouble, "libopendmarc judges otherwise",
			job->verdict.disagreement);
	resolver_free(&resolver);
	return result;
}

/* 1: yes. The list was read without error before. */
static bool is_trusted(const struct scanner *scanner, const char *client)
{
	return scanner->ready &&
	       network_listed(span_of(scanner->settings.trusted_hosts),
			      span_of(client), NULL) == 1;
}

void scan(struct scanner *scanner, struct scan_message *message,
	  struct scan_outcome *outcome)
{
	struct job job = {
		.scanner = scanner,
		.message = message,
		.outcome = outcome,
		.authserv_id = span_of(
			scanner_authserv_id(scanner, message->hostname)),
	};

	if (*message->client_ip == '\0' ||
	    is_trusted(scanner, message->client_ip))
		return;
	arena_reset(scanner->arena);
	mark_forged(&job);
	if (message->authenticated || !scanner->ready)
		return;
	if (judge(&job) < 0)
		return;
	job_add_base(&job);
	job_ask_recipients(&job);
	job_add_fields(&job);
	/* What is deferred comes again, and is counted then. */
	if (job.verdict.action != ACTION_DEFER)
		job_write_journal(&job);
	job_write_log(&job);
	job_decide(&job);
}
