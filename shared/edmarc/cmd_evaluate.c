/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_evaluate.c - edmarc evaluate: one message, its verdict, and why
 *
 * The same code as in the Exim module, on a message in a file; with --zone also
 * with the same answers from the DNS, as often as one likes. What the options do
 * not tell is taken from the message itself (stored.h).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/quote.h"
#include "dmarc/verdict.h"
#include "dns/cache.h"
#include "dns/cares.h"
#include "dns/zonefile.h"
#include "edmarc/command.h"
#include "edmarc/compare.h"
#include "edmarc/evaluate.h"
#include "edmarc/options.h"
#include "edmarc/stored.h"
#include "mail/from.h"
#include "mail/header.h"
#include "mail/idn.h"
#include "mail/received.h"

#define MAX_HEADER_BYTES ((size_t)1024 * 1024) /* Exim's header_maxsize */
#define MAX_FROM_FIELDS  100
#define MAX_OUTPUT_BYTES ((size_t)1024 * 1024)
#define MAX_NOTES_BYTES  4096

/* For a message: its header twice, and what the DNS answers. */
#define MAX_EVALUATE_MEMORY ((size_t)32 * 1024 * 1024)

static const char usage[] =
	"usage: edmarc evaluate [OPTION...] [FILE...|-]\n\n"
	"Judge the message in each FILE (or on standard input) and say why.\n"
	"A message of Exim's queue is its file ID-H. What the options do not\n"
	"tell is taken from the message: its Received, Return-Path and\n"
	"Authentication-Results fields, or Exim's envelope.\n\n"
	"  --method METHOD      treewalk (RFC 9989) or psl (RFC 7489)\n"
	"  --compare            by both, and where they differ\n"
	"  --zone FILE          answer DNS questions from this master file\n"
	"  --ip ADDRESS         address of the client\n"
	"  --client-name NAME   its name, as the DNS has confirmed it\n"
	"  --helo NAME          what it said in HELO or EHLO\n"
	"  --mail-from ADDRESS  MAIL FROM; \"\" or \"<>\" for the null sender\n"
	"  --auth-results TEXT  results of SPF and DKIM as an\n"
	"                       Authentication-Results field:\n"
	"                       \"HOST; spf=pass smtp.mailfrom=...\"\n"
	"  --authserv-id NAME   believe the Authentication-Results field of this\n"
	"                       server only; otherwise as configured\n"
	"  --spf RESULT         result of SPF for MAIL FROM\n"
	"  --dkim RESULT,d=DOMAIN[,s=SELECTOR]\n"
	"                       result for a signature; can be given again\n"
	"  --draw NUMBER        0 (the default) to 99; where pct counts, the\n"
	"                       policy applies if this is below it\n"
	"  --format FORMAT      text or json\n"
	"  -h, --help           this text\n";

/* What the user asks for. */
struct request {
	bool have_method;
	enum discovery_method method;
	bool compare;
	const char *zone;
	const char *authserv_id; /* NULL: not known */
	const char *auth_results;
	bool have_spf;
	enum auth_result spf;
	enum format format;
	char **files;
	int n_files;
	struct message_facts facts; /* NULL: not told */
};

/* One message, and all that is known of it. */
struct evaluation {
	const struct request *request;
	const struct settings *settings;
	struct resolver *cache;
	struct arena *arena;
	struct stored stored;
	struct message_facts facts;
	struct inputs inputs;
};

static int out_of_memory(void)
{
	log_error("out of memory");
	return EX_OSERR;
}

/* What the user asks for, before it is looked at. NULL: not given. */
struct texts {
	const char *method;
	const char *ip;
	const char *mail_from;
	const char *spf;
	struct option_texts dkim;
	uint64_t draw;
};

/* "pass,d=example.com,s=selector" */
static int add_dkim(const struct arguments *arguments, struct request *request,
		    const char *text, struct arena *arena)
{
	struct message_facts *facts = &request->facts;
	struct dkim_fact dkim = { .selector = "", .human = "" };
	struct span rest = span_of(text), item;

	if (!span_take_item(&rest, ',', &item) ||
	    !auth_result_parse(item, &dkim.result))
		return options_wrong(arguments, "--dkim", text,
				     "not a result of DKIM");
	while (span_take_item(&rest, ',', &item)) {
		struct span value = { item.p + 2, item.n - 2 };

		if (span_starts(item, "d="))
			dkim.domain = idn_to_ascii(arena, value);
		else if (span_starts(item, "s="))
			dkim.selector = arena_copy(arena, value).p;
		else
			return options_wrong(arguments, "--dkim", text,
					     "expected d= and s=");
	}
	if (dkim.domain == NULL || dkim.selector == NULL)
		return options_wrong(arguments, "--dkim", text, "no d=DOMAIN");
	facts->dkim[facts->n_dkim++] = dkim;
	return -1;
}

static int set_ip(const struct arguments *arguments, struct request *request,
		  const char *text)
{
	unsigned char address[sizeof(struct in6_addr)];

	if (text != NULL && inet_pton(AF_INET, text, address) != 1 &&
	    inet_pton(AF_INET6, text, address) != 1)
		return options_wrong(arguments, "--ip", text, "not an address");
	request->facts.client_ip = text;
	return -1;
}

static int
set_mail_from(struct request *request, const char *text, struct arena *arena)
{
	struct span sender = span_trim(span_of(text));

	if (text == NULL)
		return -1;
	if (span_starts(sender, "<") && span_ends(sender, ">"))
		sender = (struct span){ sender.p + 1, sender.n - 2 };
	request->facts.mail_from = arena_copy(arena, sender).p;
	return request->facts.mail_from == NULL ? out_of_memory() : -1;
}

static int set_method(const struct arguments *arguments,
		      struct request *request, const char *text)
{
	request->have_method = text != NULL;
	if (text == NULL ||
	    discovery_method_parse(span_of(text), &request->method))
		return -1;
	return options_wrong(arguments, "--method", text, "not a method");
}

static int set_spf(const struct arguments *arguments, struct request *request,
		   const char *text)
{
	request->have_spf = text != NULL;
	if (text == NULL || auth_result_parse(span_of(text), &request->spf))
		return -1;
	return options_wrong(arguments, "--spf", text, "not a result of SPF");
}

/* Returns an exit status to stop with, or -1 to go on. */
static int use_texts(const struct arguments *arguments, struct request *request,
		     const struct texts *texts, struct arena *arena)
{
	int status = set_method(arguments, request, texts->method);
	size_t i;

	if (status < 0)
		status = set_ip(arguments, request, texts->ip);
	if (status < 0)
		status = set_mail_from(request, texts->mail_from, arena);
	if (status < 0)
		status = set_spf(arguments, request, texts->spf);
	for (i = 0; status < 0 && i < texts->dkim.n; i++)
		status = add_dkim(arguments, request, texts->dkim.text[i],
				  arena);
	if (status >= 0)
		return status;
	request->facts.draw = (unsigned)texts->draw;
	if (request->auth_results != NULL &&
	    (request->have_spf || texts->dkim.n > 0))
		return options_wrong(arguments, "--auth-results",
				     request->auth_results,
				     "goes without --spf and --dkim");
	if (request->compare && request->have_method)
		return options_wrong(arguments, "--method", texts->method,
				     "goes without --compare");
	return -1;
}

static int read_options(struct request *request, int argc, char **argv,
			struct arena *arena)
{
	const char *dkim[MAX_DKIM_RESULTS];
	struct texts texts = { .dkim = { .text = dkim,
					 .max = MAX_DKIM_RESULTS } };
	const struct option_rule rules[] = {
		{ .name = "method", .text = &texts.method },
		{ .name = "compare", .given = &request->compare },
		{ .name = "zone", .text = &request->zone },
		{ .name = "ip", .text = &texts.ip },
		{ .name = "client-name", .text = &request->facts.client_name },
		{ .name = "helo", .text = &request->facts.helo },
		{ .name = "mail-from", .text = &texts.mail_from },
		{ .name = "auth-results", .text = &request->auth_results },
		{ .name = "authserv-id", .text = &request->authserv_id },
		{ .name = "spf", .text = &texts.spf },
		{ .name = "dkim", .texts = &texts.dkim },
		{ .name = "draw", .number = &texts.draw, .max = 99 },
		{ .name = "format",
		  .format = &request->format,
		  .no_csv = true },
		{ .name = NULL },
	};
	struct arguments arguments;
	int status = options_read(argc, argv, rules, usage, &arguments);

	if (status >= 0)
		return status;
	if (arguments.n > 0) {
		request->files = arguments.words;
		request->n_files = arguments.n;
	}
	return use_texts(&arguments, request, &texts, arena);
}

/* Is there an empty line, with its end? */
static bool header_is_complete(struct span text)
{
	struct span line;

	while (span_take_line(&text, &line))
		if (line.n == 0 && text.p[-1] == '\n')
			return true;
	return false;
}

/* Of a spool file the header stands behind the first empty line. */
static bool is_enough(struct span text)
{
	return !stored_is_spool(text) && header_is_complete(text);
}

/* The header, and as much of the body as came with it. */
static int read_header(const char *path, struct buf *text, struct err *err)
{
	bool input = strcmp(path, "-") == 0;
	int fd = input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	char room[65536];
	ssize_t n = 1;

	if (fd < 0)
		return err_errno(err, ERR_INPUT, "%s", path);
	while (n > 0 && buf_ok(text) && !is_enough(buf_span(text))) {
		n = read(fd, room, sizeof(room));
		if (n > 0)
			buf_add(text, (struct span){ room, (size_t)n });
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	if (n < 0)
		err_errno(err, ERR_INPUT, "%s", path);
	else if (!buf_ok(text))
		err_set(err, ERR_LIMIT, "%s: header of more than %zu bytes",
			path, text->max);
	if (!input)
		close(fd);
	return n < 0 || !buf_ok(text) ? -1 : 0;
}

static struct from_result read_from(struct span message, struct arena *arena)
{
	struct span bodies[MAX_FROM_FIELDS];
	struct header_field field;
	size_t n = 0;
	int more;

	while ((more = header_next(&message, &field)) != 0)
		if (more > 0 && n < MAX_FROM_FIELDS &&
		    span_is(field.name, "From"))
			bodies[n++] = field.body;
	return from_read(bodies, n, arena);
}

/* Of the first such field; empty without one. */
static struct span find_field(struct span header, const char *name)
{
	struct span body = { .p = NULL, .n = 0 };

	(void)header_find(header, name, &body);
	return body;
}

/* An option comes before what the message tells. */
static const char *choose(const char *option, const char *name,
			  const struct told *told, const char **where)
{
	*where = option != NULL     ? name :
		 told->text != NULL ? told->where :
				      NULL;
	if (option != NULL)
		return option;
	return told->text != NULL ? told->text : "";
}

/* How SPF and DKIM went: by one text, or what the single options tell. */
static int take_results(struct evaluation *e, struct err *err)
{
	const struct request *request = e->request;
	struct message_facts *facts = &e->facts;
	struct span results = e->stored.results;
	const char *where = "--auth-results";

	if (request->auth_results != NULL)
		results = span_of(request->auth_results);
	else if (results.p != NULL)
		where = arena_printf(e->arena, "Authentication-Results of %s",
				     quote(span_of(e->stored.results_id)).text);
	if (where == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	if (results.p != NULL) {
		if (facts_from_authres(facts, results, e->arena, err) < 0)
			return err_while(err, "%s", where);
		e->inputs.dkim = where;
		if (facts->spf.known)
			e->inputs.spf = where;
	}
	if (request->facts.n_dkim > 0) {
		facts->dkim = request->facts.dkim;
		facts->n_dkim = request->facts.n_dkim;
		e->inputs.dkim = "--dkim";
	}
	if (!request->have_spf)
		return 0;
	e->inputs.spf = "--spf";
	return spf_fact_make(&facts->spf, request->spf, facts->mail_from,
			     facts->helo, e->arena, err);
}

/* A message that came over a relay of ours, as the Exim module takes it. */
static int find_source(struct evaluation *e, struct err *err)
{
	struct message_facts *facts = &e->facts;
	struct span header = e->stored.header;
	struct span bodies[MAX_RECEIVED_HOPS];
	struct header_field field;
	struct received source;
	size_t n = 0;
	int more;

	while (n < MAX_RECEIVED_HOPS &&
	       (more = header_next(&header, &field)) != 0)
		if (more > 0 && span_is(field.name, "Received"))
			bodies[n++] = field.body;
	if (received_source(span_of(e->settings->trusted_relays),
			    facts->client_ip, bodies, n,
			    &source) == RECEIVED_DIRECT)
		return 0;
	facts->client_ip = arena_copy(e->arena, span_of(source.address)).p;
	facts->helo = arena_copy(e->arena, source.helo).p;
	if (facts->client_ip == NULL || facts->helo == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	facts->client_name = "";
	e->inputs.client_ip = e->inputs.helo = "behind a relay, Received";
	e->inputs.client_name = NULL;
	return 0;
}

/* What is known of the message; text stays until it has been judged. */
static int take_facts(struct evaluation *e, struct span text, struct err *err)
{
	const struct message_facts *told = &e->request->facts;
	struct message_facts *facts = &e->facts;
	struct stored *stored = &e->stored;
	struct inputs *inputs = &e->inputs;

	if (stored_read(stored, text, e->request->authserv_id, e->arena, err) <
	    0)
		return err_while(err, "%s", inputs->file);
	*facts = (struct message_facts){
		.client_ip = choose(told->client_ip, "--ip", &stored->client_ip,
				    &inputs->client_ip),
		.helo = choose(told->helo, "--helo", &stored->helo,
			       &inputs->helo),
		.mail_from = choose(told->mail_from, "--mail-from",
				    &stored->mail_from, &inputs->mail_from),
		.client_name =
			choose(told->client_name, "--client-name",
			       &stored->client_name, &inputs->client_name),
		.spf = { .domain = "" },
		.from = read_from(stored->header, e->arena),
		.list_id = find_field(stored->header, "List-Id"),
		.list_post = find_field(stored->header, "List-Post"),
		.draw = told->draw,
	};
	inputs->facts = facts;
	inputs->recorded = stored->results_dmarc;
	if (find_source(e, err) < 0 || take_results(e, err) < 0)
		return -1;
	if (facts->n_dkim == 0)
		facts->unchecked = stored->signatures;
	return 0;
}

static struct resolver *open_resolver(const struct request *request,
				      const struct settings *settings,
				      struct err *err)
{
	struct buf text = BUF_INIT(MAX_ZONE_BYTES);
	struct resolver *resolver = NULL;

	if (request->zone == NULL)
		return cares_new(*settings->dns_servers == '\0' ?
					 NULL :
					 settings->dns_servers,
				 settings->dns_timeout_ms, err);
	if (file_read(request->zone, &text, err) == 0) {
		resolver = zonefile_parse(buf_span(&text), err);
		if (resolver == NULL)
			err_while(err, "%s", request->zone);
	}
	buf_release(&text);
	return resolver;
}

/* The verdict by one standard; the facts stay as they were. */
static int judge(const struct evaluation *e, const struct settings *settings,
		 struct judged *judged)
{
	const struct message_facts *facts = &e->facts;
	struct psl *psl = NULL;
	struct err err = ERR_INIT;
	int result;

	judged->facts = *facts;
	judged->facts.dkim =
		arena_array(e->arena, MAX_DKIM_RESULTS, sizeof(*facts->dkim));
	if (judged->facts.dkim == NULL)
		return out_of_memory();
	if (facts->n_dkim > 0)
		memcpy(judged->facts.dkim, facts->dkim,
		       facts->n_dkim * sizeof(*facts->dkim));
	if (settings->standard == STANDARD_RFC7489) {
		psl = psl_open(settings->public_suffix_list, &err);
		if (psl == NULL)
			return command_fail(&err);
	}
	result = verdict_make(&judged->facts, settings, psl, e->cache, e->arena,
			      &judged->verdict, &err);
	psl_free(&psl);
	if (result < 0)
		return command_fail(&err);
	if (*judged->verdict.override_fault != '\0')
		log_warning("list of overrides not used: %s",
			    judged->verdict.override_fault);
	return 0;
}

/* Whose results were believed, or why none are there. */
static void note_results(struct buf *notes, const struct evaluation *e)
{
	const struct request *request = e->request;
	const struct stored *stored = &e->stored;

	if (request->auth_results != NULL ||
	    (request->have_spf && request->facts.n_dkim > 0))
		return;
	if (stored->results.p != NULL && request->authserv_id == NULL)
		buf_addf(notes,
			 "The topmost Authentication-Results field, of %s, was "
			 "believed: neither authserv_id nor --authserv-id says "
			 "whose is ours. ",
			 quote(span_of(stored->results_id)).text);
	if (stored->results.p == NULL && request->authserv_id == NULL)
		buf_add_string(notes, "The message has no "
				      "Authentication-Results field. ");
	if (stored->results.p == NULL && request->authserv_id != NULL)
		buf_addf(notes,
			 "The message has no Authentication-Results field of "
			 "%s%s. ",
			 quote(span_of(request->authserv_id)).text,
			 stored->results_not_used == 0 ?
				 "" :
				 "; those of others are not believed");
}

static const char *note(const struct evaluation *e, const struct judged *judged)
{
	struct buf notes = BUF_INIT(MAX_NOTES_BYTES);
	const char *now = dmarc_result_name(judged->verdict.result);
	const char *then = e->stored.results_dmarc;
	size_t n = e->facts.unchecked;
	const char *text;

	note_results(&notes, e);
	if (n > 0 && !judged->verdict.have_record)
		buf_addf(&notes,
			 "The message has %zu DKIM signature%s of which no "
			 "result is known. ",
			 n, n == 1 ? "" : "s");
	if (then != NULL && !span_is(span_of(then), now))
		buf_addf(
			&notes,
			"The result was %s when the message was received: "
			"since then something has changed in the DNS or in the "
			"settings, or not all is known here. ",
			quote(span_of(then)).text);
	text = arena_copy(e->arena, span_trim(buf_span(&notes))).p;
	buf_release(&notes);
	return text == NULL ? "" : text;
}

static int judge_once(struct evaluation *e, struct buf *out)
{
	struct judged judged;
	int status = judge(e, e->settings, &judged);

	if (status != 0)
		return status;
	e->inputs.notes = note(e, &judged);
	if (e->request->format == FORMAT_JSON)
		evaluate_json(out, &e->inputs, &judged, e->cache);
	else
		evaluate_text(out, &e->inputs, &judged, e->cache);
	return 0;
}

/* The same answers for both, as they come through the same cache. */
static int judge_twice(struct evaluation *e, struct buf *out)
{
	struct settings settings = *e->settings;
	struct judged rfc9989, rfc7489;
	int status, result;

	settings.standard = STANDARD_RFC9989;
	status = judge(e, &settings, &rfc9989);
	settings.standard = STANDARD_RFC7489;
	if (status == 0)
		status = judge(e, &settings, &rfc7489);
	if (status != 0)
		return status;
	e->inputs.notes =
		note(e, e->settings->standard == STANDARD_RFC9989 ? &rfc9989 :
								    &rfc7489);
	result = e->request->format == FORMAT_JSON ?
			 evaluate_compared_json(out, &e->inputs, &rfc9989,
						&rfc7489, e->cache) :
			 evaluate_compared_text(out, &e->inputs, &rfc9989,
						&rfc7489, e->cache);
	return result < 0 ? out_of_memory() : 0;
}

static int evaluate(struct evaluation *e, struct span text)
{
	struct buf out = BUF_INIT(MAX_OUTPUT_BYTES);
	struct err err = ERR_INIT;
	int status;

	if (e->cache == NULL)
		return out_of_memory();
	if (take_facts(e, text, &err) < 0)
		return command_fail(&err);
	if (e->request->n_files > 1 && e->request->format == FORMAT_TEXT)
		buf_addf(&out, "%-14s%s\n", "file",
			 quote(span_of(e->inputs.file)).text);
	status = e->request->compare ? judge_twice(e, &out) :
				       judge_once(e, &out);
	if (e->request->n_files > 1 && e->request->format == FORMAT_TEXT)
		buf_add_char(&out, '\n');
	if (status == 0)
		status = command_output(&out);
	buf_release(&out);
	return status;
}

static int evaluate_file(const struct request *request, const char *file,
			 const struct settings *settings,
			 struct resolver *resolver, struct arena *arena)
{
	struct buf text = BUF_INIT(MAX_HEADER_BYTES + 65536);
	struct evaluation e = {
		.request = request,
		.settings = settings,
		.arena = arena,
		.inputs = { .file = file, .notes = "" },
	};
	struct err err = ERR_INIT;
	int status;

	arena_reset(arena);
	e.cache = dns_cache_new(resolver, arena);
	if (request->zone == NULL)
		cares_restart(resolver);
	status = read_header(file, &text, &err) < 0 ?
			 command_fail(&err) :
			 evaluate(&e, buf_span(&text));
	buf_release(&text);
	return status;
}

/* All of them; the status is that of the first that failed. */
static int evaluate_files(const struct request *request,
			  const struct settings *settings,
			  struct resolver *resolver)
{
	struct arena *arena = arena_new(MAX_EVALUATE_MEMORY);
	int status = 0;
	int i;

	if (arena == NULL)
		return out_of_memory();
	for (i = 0; i < request->n_files; i++) {
		int result = evaluate_file(request, request->files[i], settings,
					   resolver, arena);

		if (status == 0)
			status = result;
	}
	arena_free(&arena);
	return status;
}

int cmd_evaluate(struct command_context *context, int argc, char **argv)
{
	char input[] = "-";
	char *files[] = { input };
	struct request request = { .files = files, .n_files = 1 };
	struct message_facts *facts = &request.facts;
	struct err err = ERR_INIT;
	struct settings settings;
	struct resolver *resolver;
	int status;

	facts->dkim = arena_array(context->arena, MAX_DKIM_RESULTS,
				  sizeof(*facts->dkim));
	if (facts->dkim == NULL)
		return out_of_memory();
	status = read_options(&request, argc, argv, context->arena);
	if (status >= 0)
		return status;
	if (command_settings_or_defaults(context, &settings) < 0)
		return EX_CONFIG;
	if (request.have_method)
		settings.standard = request.method == DISCOVERY_PSL ?
					    STANDARD_RFC7489 :
					    STANDARD_RFC9989;
	if (request.authserv_id == NULL && *settings.authserv_id != '\0')
		request.authserv_id = settings.authserv_id;
	resolver = open_resolver(&request, &settings, &err);
	if (resolver == NULL)
		return command_fail(&err);
	status = evaluate_files(&request, &settings, resolver);
	resolver_free(&resolver);
	return status;
}
