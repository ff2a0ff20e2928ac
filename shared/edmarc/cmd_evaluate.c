/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_evaluate.c - edmarc evaluate: one message, its verdict, and why
 *
 * The same code as in the Exim module, on a message in a file; with --zone also
 * with the same answers from the DNS, as often as one likes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
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
#include "mail/from.h"
#include "mail/header.h"
#include "mail/idn.h"

#define MAX_HEADER_BYTES ((size_t)1024 * 1024) /* Exim's header_maxsize */
#define MAX_FROM_FIELDS  100
#define MAX_OUTPUT_BYTES ((size_t)1024 * 1024)
#define TEXT_COLUMNS     78

static const char usage[] =
	"usage: edmarc evaluate [OPTION...] [FILE|-]\n\n"
	"Judge the message in FILE (or on standard input) and say why.\n\n"
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
	"  --spf RESULT         result of SPF for MAIL FROM\n"
	"  --dkim RESULT,d=DOMAIN[,s=SELECTOR]\n"
	"                       result for a signature; can be given again\n"
	"  --draw NUMBER        0 (the default) to 99; where pct counts, the\n"
	"                       policy applies if this is below it\n"
	"  --format FORMAT      text or json\n"
	"  -h, --help           this text\n";

struct request {
	bool have_method;
	enum discovery_method method;
	bool compare;
	const char *zone;
	const char *auth_results;
	const char *spf;
	enum format format;
	const char *message;
	bool have_mail_from;
	struct message_facts facts;
};

static int complain(const char *what, const char *text)
{
	log_error("%s: %s; see edmarc evaluate --help", what,
		  quote(span_of(text)).text);
	return EX_USAGE;
}

/* "pass,d=example.com,s=selector" */
static int
add_dkim(struct request *request, const char *text, struct arena *arena)
{
	struct message_facts *facts = &request->facts;
	struct dkim_fact dkim = { .selector = "", .human = "" };
	struct span rest = span_of(text), item;

	if (facts->n_dkim == MAX_DKIM_RESULTS)
		return complain("--dkim: too many signatures", text);
	if (!span_take_item(&rest, ',', &item) ||
	    !auth_result_parse(item, &dkim.result))
		return complain("--dkim: not a result of DKIM", text);
	while (span_take_item(&rest, ',', &item)) {
		struct span value = { item.p + 2, item.n - 2 };

		if (span_starts(item, "d="))
			dkim.domain = idn_to_ascii(arena, value);
		else if (span_starts(item, "s="))
			dkim.selector = arena_copy(arena, value).p;
		else
			return complain("--dkim: expected d= and s=", text);
	}
	if (dkim.domain == NULL || dkim.selector == NULL)
		return complain("--dkim: no d=DOMAIN", text);
	facts->dkim[facts->n_dkim++] = dkim;
	return 0;
}

static int set_ip(struct request *request, const char *text)
{
	unsigned char address[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, text, address) != 1 &&
	    inet_pton(AF_INET6, text, address) != 1)
		return complain("--ip: not an address", text);
	request->facts.client_ip = text;
	return 0;
}

static int set_draw(struct request *request, const char *text)
{
	uint64_t draw;

	if (!span_to_uint(span_of(text), 99, &draw))
		return complain("--draw: no number from 0 to 99", text);
	request->facts.draw = (unsigned)draw;
	return 0;
}

static void
set_mail_from(struct request *request, const char *text, struct arena *arena)
{
	struct span sender = span_trim(span_of(text));

	request->have_mail_from = true;
	if (span_starts(sender, "<") && span_ends(sender, ">"))
		sender = (struct span){ sender.p + 1, sender.n - 2 };
	request->facts.mail_from = arena_copy(arena, sender).p;
}

static int set_option(struct request *request, int option, const char *value,
		      struct arena *arena)
{
	switch (option) {
	case 'm':
		request->have_method = true;
		if (!discovery_method_parse(span_of(value), &request->method))
			return complain("--method: not a method", value);
		return 0;
	case 'c':
		request->compare = true;
		return 0;
	case 'z':
		request->zone = value;
		return 0;
	case 'i':
		return set_ip(request, value);
	case 'n':
		request->facts.client_name = value;
		return 0;
	case 'e':
		request->facts.helo = value;
		return 0;
	case 'f':
		set_mail_from(request, value, arena);
		return 0;
	case 'a':
		request->auth_results = value;
		return 0;
	case 's':
		request->spf = value;
		return 0;
	case 'd':
		return add_dkim(request, value, arena);
	case 'r':
		return set_draw(request, value);
	case 'o':
		if (!format_parse(value, &request->format) ||
		    request->format == FORMAT_CSV)
			return complain("--format: not a format", value);
		return 0;
	default:
		return EX_USAGE;
	}
}

/* Returns an exit status to stop with, or -1 to go on. */
static int read_options(struct request *request, int argc, char **argv,
			struct arena *arena)
{
	static const struct option options[] = {
		{ "method", required_argument, NULL, 'm' },
		{ "compare", no_argument, NULL, 'c' },
		{ "zone", required_argument, NULL, 'z' },
		{ "ip", required_argument, NULL, 'i' },
		{ "client-name", required_argument, NULL, 'n' },
		{ "helo", required_argument, NULL, 'e' },
		{ "mail-from", required_argument, NULL, 'f' },
		{ "auth-results", required_argument, NULL, 'a' },
		{ "spf", required_argument, NULL, 's' },
		{ "dkim", required_argument, NULL, 'd' },
		{ "draw", required_argument, NULL, 'r' },
		{ "format", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option, status;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return EX_OK;
		}
		status = set_option(request, option, optarg, arena);
		if (status != 0)
			return status;
	}
	if (argc - optind > 1) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	if (optind < argc)
		request->message = argv[optind];
	if (request->auth_results != NULL &&
	    (request->spf != NULL || request->facts.n_dkim > 0))
		return complain("--auth-results goes without --spf and --dkim",
				request->auth_results);
	if (request->compare && request->have_method)
		return complain("--compare goes without --method",
				discovery_method_name(request->method));
	return -1;
}

/* How SPF and DKIM went, as far as the command line tells. */
static int take_results(struct request *request, struct arena *arena)
{
	struct message_facts *facts = &request->facts;
	struct err err = ERR_INIT;
	enum auth_result result;

	if (facts->mail_from == NULL) {
		log_error("out of memory");
		return EX_OSERR;
	}
	if (request->auth_results != NULL &&
	    facts_from_authres(facts, span_of(request->auth_results), arena,
			       &err) < 0) {
		err_while(&err, "--auth-results");
		return command_fail(&err);
	}
	if (request->spf == NULL)
		return 0;
	if (!auth_result_parse(span_of(request->spf), &result))
		return complain("--spf: not a result of SPF", request->spf);
	if (spf_fact_make(&facts->spf, result, facts->mail_from, facts->helo,
			  arena, &err) < 0)
		return command_fail(&err);
	return 0;
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

/* The header, and as much of the body as came with it. */
static int read_header(const char *path, struct buf *text, struct err *err)
{
	bool input = strcmp(path, "-") == 0;
	int fd = input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	char room[65536];
	ssize_t n = 1;

	if (fd < 0)
		return err_errno(err, ERR_INPUT, "%s", path);
	while (n > 0 && buf_ok(text) && !header_is_complete(buf_span(text))) {
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
static struct span
copy_field(struct span message, const char *name, struct arena *arena)
{
	struct span body;

	if (!header_find(message, name, &body))
		return (struct span){ .p = NULL, .n = 0 };
	return arena_copy(arena, body);
}

static int read_message(struct request *request, struct arena *arena)
{
	struct buf text = BUF_INIT(MAX_HEADER_BYTES + 65536);
	struct message_facts *facts = &request->facts;
	struct err err = ERR_INIT;
	int result = read_header(request->message, &text, &err);

	if (result == 0) {
		struct span header = buf_span(&text);

		facts->from = read_from(header, arena);
		facts->list_id = copy_field(header, "List-Id", arena);
		facts->list_post = copy_field(header, "List-Post", arena);
	}
	buf_release(&text);
	return result < 0 ? command_fail(&err) : 0;
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

static void open_json(struct json *json, const struct request *request)
{
	const struct message_facts *facts = &request->facts;

	json_open(json, '{');
	json_key_string(json, "client_ip",
			*facts->client_ip == '\0' ? NULL : facts->client_ip);
	json_key_string(json, "helo",
			*facts->helo == '\0' ? NULL : facts->helo);
	json_key_string(json, "mail_from",
			request->have_mail_from ? facts->mail_from : NULL);
}

static void key_queries(struct json *json, const struct resolver *cache)
{
	size_t n, i;
	const struct dns_question *asked = dns_cache_asked(cache, &n);

	json_key(json, "queries");
	json_open(json, '[');
	for (i = 0; i < n; i++)
		json_string(json, asked[i].name);
	json_close(json, ']');
}

static void print_json(struct buf *out, const struct request *request,
		       const struct judged *judged,
		       const struct resolver *cache)
{
	struct json json = JSON_INIT(out);

	open_json(&json, request);
	verdict_json(&json, &judged->facts, &judged->verdict);
	key_queries(&json, cache);
	json_key_string(&json, "explanation", judged->verdict.explanation);
	json_close(&json, '}');
	buf_add_char(out, '\n');
}

static void print_line(struct buf *out, const char *label, const char *text)
{
	buf_addf(out, "%-14s%s\n", label, *text == '\0' ? "-" : text);
}

static void
print_identifiers(struct buf *out, const struct message_facts *facts)
{
	size_t i;

	if (!facts->spf.known)
		print_line(out, "SPF", "not checked");
	else
		buf_addf(out, "%-14s%s %s (%s)%s\n", "SPF",
			 auth_result_name(facts->spf.result),
			 *facts->spf.domain == '\0' ? "-" : facts->spf.domain,
			 spf_scope_name(facts->spf.scope),
			 facts->spf.aligned ? ", aligned" : "");
	for (i = 0; i < facts->n_dkim; i++)
		buf_addf(out, "%-14s%s %s (%s)%s\n", "DKIM",
			 auth_result_name(facts->dkim[i].result),
			 facts->dkim[i].domain,
			 *facts->dkim[i].selector == '\0' ?
				 "-" :
				 quote(span_of(facts->dkim[i].selector)).text,
			 facts->dkim[i].aligned ? ", aligned" : "");
}

static void print_policy(struct buf *out, const struct dmarc_verdict *verdict)
{
	print_line(out, "organization", verdict->organizational_domain);
	print_line(out, "record at", verdict->policy_domain);
	if (!verdict->have_record)
		return;
	print_line(out, "record", quote(verdict->record.text).text);
	buf_addf(out, "%-14s%s=%s", "policy",
		 policy_source_name(verdict->policy_source),
		 dmarc_policy_name(verdict->policy_selected));
	if (verdict->policy_applied != verdict->policy_selected)
		buf_addf(out, ", applied as %s",
			 dmarc_policy_name(verdict->policy_applied));
	if (verdict->sampled_out)
		buf_addf(out, " (not in the sample of pct=%u)",
			 verdict->record.pct);
	buf_add_char(out, '\n');
}

static void print_outcome(struct buf *out, const struct dmarc_verdict *verdict)
{
	size_t i;

	buf_addf(out, "%-14s", "score");
	score_format(out, verdict->score);
	buf_addf(out, "\n%-14s%s\n%-14s%s\n", "action",
		 action_name(verdict->action), "disposition",
		 disposition_name(verdict->disposition));
	for (i = 0; i < verdict->n_reasons; i++)
		buf_addf(out, "%-14s%s%s%s\n", "reason",
			 reason_type_name(verdict->reasons[i].type),
			 *verdict->reasons[i].comment == '\0' ? "" : ": ",
			 verdict->reasons[i].comment);
}

/* Words of text, in lines that a terminal has room for. */
static void print_wrapped(struct buf *out, const char *text)
{
	struct span rest = span_of(text), word;
	size_t column = 0;

	while (span_take_item(&rest, ' ', &word)) {
		if (column > 0 && column + 1 + word.n > TEXT_COLUMNS) {
			buf_add_char(out, '\n');
			column = 0;
		}
		if (column > 0)
			buf_add_char(out, ' ');
		buf_add(out, word);
		column += word.n + (column > 0);
	}
	buf_add_char(out, '\n');
}

static void print_queries(struct buf *out, const struct resolver *cache)
{
	size_t n, i;
	const struct dns_question *asked = dns_cache_asked(cache, &n);

	for (i = 0; i < n; i++)
		print_line(out, "asked for", asked[i].name);
}

static void print_text(struct buf *out, const struct judged *judged,
		       const struct resolver *cache)
{
	const struct dmarc_verdict *verdict = &judged->verdict;

	print_line(out, "result", dmarc_result_name(verdict->result));
	print_line(out, "from", verdict->from_domain);
	print_line(out, "method", discovery_method_name(verdict->method));
	print_policy(out, verdict);
	print_identifiers(out, &judged->facts);
	print_outcome(out, verdict);
	print_queries(out, cache);
	buf_add_char(out, '\n');
	print_wrapped(out, verdict->explanation);
}

static int print_compared_text(struct buf *out, const struct judged *rfc9989,
			       const struct judged *rfc7489,
			       const struct resolver *cache)
{
	int result = compare_text(out, rfc9989, rfc7489);

	print_queries(out, cache);
	buf_add_string(out, "\nRFC 9989:\n");
	print_wrapped(out, rfc9989->verdict.explanation);
	buf_add_string(out, "\nRFC 7489:\n");
	print_wrapped(out, rfc7489->verdict.explanation);
	return result;
}

static int print_compared_json(struct buf *out, const struct request *request,
			       const struct judged *rfc9989,
			       const struct judged *rfc7489,
			       const struct resolver *cache)
{
	struct json json = JSON_INIT(out);
	int result;

	open_json(&json, request);
	result = compare_json(&json, rfc9989, rfc7489);
	key_queries(&json, cache);
	json_close(&json, '}');
	buf_add_char(out, '\n');
	return result;
}

static int out_of_memory(void)
{
	log_error("out of memory");
	return EX_OSERR;
}

/* The verdict by one standard; the facts of the request stay as they were. */
static int judge(const struct request *request, const struct settings *settings,
		 struct resolver *cache, struct arena *arena,
		 struct judged *judged)
{
	const struct message_facts *facts = &request->facts;
	struct psl *psl = NULL;
	struct err err = ERR_INIT;
	int result;

	judged->facts = *facts;
	judged->facts.dkim =
		arena_array(arena, MAX_DKIM_RESULTS, sizeof(*facts->dkim));
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
	result = verdict_make(&judged->facts, settings, psl, cache, arena,
			      &judged->verdict, &err);
	psl_free(&psl);
	if (result < 0)
		return command_fail(&err);
	if (*judged->verdict.override_fault != '\0')
		log_warning("list of overrides not used: %s",
			    judged->verdict.override_fault);
	return 0;
}

static int judge_once(const struct request *request,
		      const struct settings *settings, struct resolver *cache,
		      struct arena *arena, struct buf *out)
{
	struct judged judged;
	int status = judge(request, settings, cache, arena, &judged);

	if (status != 0)
		return status;
	if (request->format == FORMAT_JSON)
		print_json(out, request, &judged, cache);
	else
		print_text(out, &judged, cache);
	return 0;
}

/* The same answers for both, as they come through the same cache. */
static int judge_twice(const struct request *request, struct settings settings,
		       struct resolver *cache, struct arena *arena,
		       struct buf *out)
{
	struct judged rfc9989, rfc7489;
	int status, result;

	settings.standard = STANDARD_RFC9989;
	status = judge(request, &settings, cache, arena, &rfc9989);
	settings.standard = STANDARD_RFC7489;
	if (status == 0)
		status = judge(request, &settings, cache, arena, &rfc7489);
	if (status != 0)
		return status;
	result = request->format == FORMAT_JSON ?
			 print_compared_json(out, request, &rfc9989, &rfc7489,
					     cache) :
			 print_compared_text(out, &rfc9989, &rfc7489, cache);
	return result < 0 ? out_of_memory() : 0;
}

static int evaluate(const struct request *request,
		    const struct settings *settings, struct resolver *resolver,
		    struct arena *arena)
{
	struct resolver *cache = dns_cache_new(resolver, arena);
	struct buf out = BUF_INIT(MAX_OUTPUT_BYTES);
	int status;

	if (cache == NULL)
		return out_of_memory();
	status = request->compare ?
			 judge_twice(request, *settings, cache, arena, &out) :
			 judge_once(request, settings, cache, arena, &out);
	if (status == 0)
		status = command_output(&out);
	buf_release(&out);
	return status;
}

int cmd_evaluate(struct command_context *context, int argc, char **argv)
{
	struct request request = { .message = "-" };
	struct message_facts *facts = &request.facts;
	struct err err = ERR_INIT;
	struct settings settings;
	struct resolver *resolver;
	int status;

	facts->client_ip = facts->client_name = facts->helo = facts->mail_from =
		"";
	facts->spf.domain = "";
	facts->dkim = arena_array(context->arena, MAX_DKIM_RESULTS,
				  sizeof(*facts->dkim));
	if (facts->dkim == NULL) {
		log_error("out of memory");
		return EX_OSERR;
	}
	status = read_options(&request, argc, argv, context->arena);
	if (status >= 0)
		return status;
	if (command_settings_or_defaults(context, &settings) < 0)
		return EX_CONFIG;
	if (request.have_method)
		settings.standard = request.method == DISCOVERY_PSL ?
					    STANDARD_RFC7489 :
					    STANDARD_RFC9989;
	status = take_results(&request, context->arena);
	if (status == 0)
		status = read_message(&request, context->arena);
	if (status != 0)
		return status;
	resolver = open_resolver(&request, &settings, &err);
	if (resolver == NULL)
		return command_fail(&err);
	status = evaluate(&request, &settings, resolver, context->arena);
	resolver_free(&resolver);
	return status;
}
