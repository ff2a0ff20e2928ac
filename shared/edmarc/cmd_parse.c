/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cmd_parse.c - edmarc parse FILE...: what is in a report, without storing it
 *
 * The same code, in the same sandboxed child, as when ingest takes reports in.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/quote.h"
#include "base/utc.h"
#include "edmarc/command.h"
#include "edmarc/csv.h"
#include "edmarc/options.h"
#include "edmarc/parsers.h"
#include "report/aggregate.h"
#include "report/failure.h"
#include "report/read.h"
#include "report/tls.h"

/* One report as it is printed. */
#define MAX_OUTPUT_BYTES ((size_t)32 * 1024 * 1024)

#define N_DISPOSITIONS (DISPOSITION_REJECT + 1)

static const char usage[] =
	"usage: edmarc parse [--format text|json|csv] [--no-sandbox] FILE...\n\n"
	"  Each FILE is a mail, or a report as XML, gzip, zip or tar.gz; - is\n"
	"  standard input. Nothing is stored.\n\n"
	"  -f, --format FORMAT  text (default), json (one object in each line)\n"
	"                       or csv\n"
	"  --no-sandbox         parse without a seccomp filter\n"
	"  -h, --help           this text\n\n"
	"Exit status: 0 when all reports are good or partly good, 65 when one was\n"
	"rejected.\n";

struct totals {
	uint64_t rows;
	uint64_t messages;
	uint64_t disposition[N_DISPOSITIONS];
	uint64_t dkim_aligned;
	uint64_t spf_aligned;
	uint64_t compliant;
};

/* A sink that adds up and prints. */
struct printer {
	struct report_sink sink; /* first: the sink is the printer */
	enum format format;
	bool unfiltered; /* parse without a seccomp filter */
	const char *file;
	struct arena *arena; /* of one report */
	struct span entry;
	bool have_head;
	struct report_head head;
	struct totals totals;
	struct buf details; /* JSON of a failure or TLS report, or empty */
	struct json json;   /* writes them */
	size_t tls_policies;
	struct buf lines; /* the same as text */
	size_t printed;
	bool rejected; /* any */
	int status;    /* of the output */
};

static struct printer *printer_of(struct report_sink *self)
{
	return (struct printer *)self;
}

/* --------------------------------------------------------------------- formats */

static struct span head_text(const struct printer *p, struct span text)
{
	return p->have_head ? text : (struct span){ .p = NULL, .n = 0 };
}

static void format_warnings(struct json *json, struct span warnings)
{
	json_key(json, "warnings");
	json_open(json, '[');
	while (warnings.n > 0) {
		const char *found = memmem(warnings.p, warnings.n, "; ", 2);
		size_t n = found == NULL ? warnings.n :
					   (size_t)(found - warnings.p);

		json_text(json, (struct span){ warnings.p, n });
		n += found == NULL ? 0 : 2;
		warnings.p += n;
		warnings.n -= n;
	}
	json_close(json, ']');
}

static void format_totals(struct json *json, const struct totals *totals)
{
	enum disposition d;

	json_key_uint(json, "rows", totals->rows);
	json_key_uint(json, "messages", totals->messages);
	json_key(json, "disposition");
	json_open(json, '{');
	for (d = DISPOSITION_NONE; d < N_DISPOSITIONS; d++)
		json_key_uint(json, disposition_name(d),
			      totals->disposition[d]);
	json_close(json, '}');
	json_key_uint(json, "dkim_aligned", totals->dkim_aligned);
	json_key_uint(json, "spf_aligned", totals->spf_aligned);
	json_key_uint(json, "compliant", totals->compliant);
}

static void format_head(struct json *json, const struct printer *p)
{
	const struct report_head *head = &p->head;

	json_key_text(json, "org_name", head_text(p, head->org_name));
	json_key_text(json, "email", head_text(p, head->email));
	json_key_text(json, "report_id", head_text(p, head->report_id));
	json_key(json, "begin");
	if (p->have_head)
		json_int(json, head->begin);
	else
		json_null(json);
	json_key(json, "end");
	if (p->have_head)
		json_int(json, head->end);
	else
		json_null(json);
	json_key_text(json, "policy_domain", head_text(p, head->policy_domain));
	json_key_string(json, "dialect",
			p->have_head ? report_dialect_name(head->dialect) :
				       NULL);
}

static void print_json(const struct printer *p, const struct report_end *end,
		       struct buf *out)
{
	const struct span none = { .p = NULL, .n = 0 };
	struct json json = JSON_INIT(out);

	json_open(&json, '{');
	json_key_string(&json, "file", p->file);
	json_key_text(&json, "entry", p->entry.n > 0 ? p->entry : none);
	json_key_string(&json, "kind", report_kind_name(end->kind));
	json_key_string(&json, "status", report_status_name(end->status));
	json_key_text(&json, "reason", end->reason.n > 0 ? end->reason : none);
	format_head(&json, p);
	format_totals(&json, &p->totals);
	if (p->details.n > 0) {
		json_key(&json, report_kind_name(end->kind));
		buf_add(out, buf_span(&p->details));
		json.comma = true;
	}
	json_key_uint(&json, "skipped_rows", end->skipped_rows);
	format_warnings(&json, end->warnings);
	json_close(&json, '}');
	buf_add_char(out, '\n');
}

static const char csv_header[] =
	"file,entry,kind,status,reason,org_name,email,report_id,begin,end,"
	"policy_domain,dialect,rows,messages,disposition_none,disposition_pass,"
	"disposition_quarantine,disposition_reject,dkim_aligned,spf_aligned,"
	"compliant,skipped_rows,warnings\r\n";

static void print_csv(const struct printer *p, const struct report_end *end,
		      struct buf *out)
{
	const struct totals *t = &p->totals;
	const struct report_head *head = &p->head;
	const struct span texts[] = {
		span_of(p->file),
		p->entry,
		span_of(report_kind_name(end->kind)),
		span_of(report_status_name(end->status)),
		end->reason,
		head_text(p, head->org_name),
		head_text(p, head->email),
		head_text(p, head->report_id),
	};
	size_t i;

	if (p->printed == 0)
		buf_add_string(out, csv_header);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		csv_text(out, texts[i]);
		buf_add_char(out, ',');
	}
	if (p->have_head)
		buf_addf(out, "%" PRId64 ",%" PRId64 ",", head->begin,
			 head->end);
	else
		buf_add_string(out, ",,");
	csv_text(out, head_text(p, head->policy_domain));
	buf_addf(out, ",%s,%" PRIu64 ",%" PRIu64,
		 p->have_head ? report_dialect_name(head->dialect) : "",
		 t->rows, t->messages);
	for (i = 0; i < N_DISPOSITIONS; i++)
		buf_addf(out, ",%" PRIu64, t->disposition[i]);
	buf_addf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",",
		 t->dkim_aligned, t->spf_aligned, t->compliant,
		 end->skipped_rows);
	csv_text(out, end->warnings);
	buf_add_string(out, "\r\n");
}

static void text_line(struct buf *out, const char *name, struct span text)
{
	if (text.n > 0)
		buf_addf(out, "  %-13s %s\n", name, quote(text).text);
}

static void text_report(const struct printer *p, struct buf *out)
{
	const struct report_head *head = &p->head;
	const struct totals *t = &p->totals;

	text_line(out, "reporter", head->org_name);
	text_line(out, "email", head->email);
	text_line(out, "report id", head->report_id);
	buf_addf(out, "  %-13s %s to %s\n", "period",
		 utc_stamp(head->begin).text, utc_stamp(head->end).text);
	text_line(out, "policy domain", head->policy_domain);
	buf_addf(out, "  %-13s %" PRIu64 " in %" PRIu64 " rows (%s)\n",
		 "messages", t->messages, t->rows,
		 report_dialect_name(head->dialect));
	buf_addf(out,
		 "  %-13s %" PRIu64 " (DKIM aligned %" PRIu64
		 ", SPF aligned %" PRIu64 ")\n",
		 "compliant", t->compliant, t->dkim_aligned, t->spf_aligned);
	buf_addf(out,
		 "  %-13s none %" PRIu64 ", pass %" PRIu64
		 ", quarantine %" PRIu64 ", reject %" PRIu64 "\n",
		 "disposition", t->disposition[DISPOSITION_NONE],
		 t->disposition[DISPOSITION_PASS],
		 t->disposition[DISPOSITION_QUARANTINE],
		 t->disposition[DISPOSITION_REJECT]);
}

static void print_text(const struct printer *p, const struct report_end *end,
		       struct buf *out)
{
	if (p->printed > 0)
		buf_add_char(out, '\n');
	buf_addf(out, "%s%s%s: %s report, %s\n", quote(span_of(p->file)).text,
		 p->entry.n > 0 ? ": " : "", quote(p->entry).text,
		 report_kind_name(end->kind), report_status_name(end->status));
	text_line(out, "reason", end->reason);
	if (p->have_head)
		text_report(p, out);
	buf_add(out, buf_span(&p->lines));
	if (end->skipped_rows > 0)
		buf_addf(out, "  %-13s %" PRIu64 "\n", "rows left out",
			 end->skipped_rows);
	text_line(out, "warnings", end->warnings);
}

static void print(struct printer *p, const struct report_end *end)
{
	struct buf out = BUF_INIT(MAX_OUTPUT_BYTES);
	int status;

	switch (p->format) {
	case FORMAT_TEXT:
		print_text(p, end, &out);
		break;
	case FORMAT_JSON:
		print_json(p, end, &out);
		break;
	case FORMAT_CSV:
		print_csv(p, end, &out);
		break;
	}
	p->printed++;
	p->rejected = p->rejected || end->status == REPORT_REJECTED;
	status = command_output(&out);
	if (status != EX_OK)
		p->status = status;
	buf_release(&out);
}

/* -------------------------------------------------------------------- the sink */

static void start_report(struct printer *p)
{
	arena_reset(p->arena);
	p->entry = SPAN("");
	p->have_head = false;
	p->tls_policies = 0;
	buf_reset(&p->details);
	buf_reset(&p->lines);
	memset(&p->totals, 0, sizeof(p->totals));
}

static int
on_begin(struct report_sink *self, struct span entry, struct err *err)
{
	struct printer *p = printer_of(self);

	start_report(p);
	p->entry = arena_copy(p->arena, entry);
	if (p->entry.p == NULL)
		return err_set(err, ERR_TEMP, "out of memory");
	return 0;
}

static int keep(struct printer *p, struct span *text, struct err *err)
{
	if (text->p == NULL)
		return 0;
	*text = arena_copy(p->arena, *text);
	return text->p == NULL ? err_set(err, ERR_TEMP, "out of memory") : 0;
}

static int on_head(struct report_sink *self, const struct report_head *head,
		   struct err *err)
{
	struct printer *p = printer_of(self);

	p->head = *head;
	p->have_head = true;
	if (keep(p, &p->head.org_name, err) < 0 ||
	    keep(p, &p->head.email, err) < 0 ||
	    keep(p, &p->head.report_id, err) < 0)
		return -1;
	return keep(p, &p->head.policy_domain, err);
}

static int
on_row(struct report_sink *self, const struct report_row *row, struct err *err)
{
	struct totals *totals = &printer_of(self)->totals;

	(void)err;
	totals->rows++;
	totals->messages += row->count;
	totals->disposition[row->disposition] += row->count;
	totals->dkim_aligned += row->dkim_aligned ? row->count : 0;
	totals->spf_aligned += row->spf_aligned ? row->count : 0;
	totals->compliant +=
		row->dkim_aligned || row->spf_aligned ? row->count : 0;
	return 0;
}

/* ---------------------------------------------------- failure and TLS reports */

static void
add_text(struct printer *p, const char *key, const char *name, struct span text)
{
	json_key_text(&p->json, key, text);
	text_line(&p->lines, name, text);
}

static int on_failure(struct report_sink *self,
		      const struct failure_report *report, struct err *err)
{
	struct printer *p = printer_of(self);

	(void)err;
	p->json = (struct json)JSON_INIT(&p->details);
	json_open(&p->json, '{');
	add_text(p, "feedback_type", "type", report->feedback_type);
	add_text(p, "auth_failure", "failed", report->auth_failure);
	add_text(p, "reported_domain", "domain", report->reported_domain);
	add_text(p, "source_ip", "source", report->source_ip);
	json_key_int(&p->json, "arrival", report->arrival);
	if (report->arrival != 0)
		text_line(&p->lines, "arrival",
			  span_of(utc_stamp(report->arrival).text));
	json_key_uint(&p->json, "incidents", report->incidents);
	add_text(p, "header_from", "from", report->header_from);
	add_text(p, "mail_from", "mail from", report->mail_from);
	add_text(p, "rcpt_to", "recipient", report->rcpt_to);
	add_text(p, "delivery_result", "delivery", report->delivery_result);
	add_text(p, "identity_alignment", "alignment",
		 report->identity_alignment);
	add_text(p, "authentication_results", "results",
		 report->authentication_results);
	add_text(p, "dkim_domain", "dkim domain", report->dkim_domain);
	add_text(p, "dkim_identity", "dkim identity", report->dkim_identity);
	add_text(p, "dkim_selector", "dkim selector", report->dkim_selector);
	add_text(p, "spf_dns", "spf record", report->spf_dns);
	add_text(p, "subject", "subject", report->subject);
	add_text(p, "message_id", "message-id", report->message_id);
	add_text(p, "user_agent", "reporter", report->user_agent);
	json_key_uint(&p->json, "header_bytes", report->header.n);
	json_close(&p->json, '}');
	return 0;
}

static int on_tls_head(struct report_sink *self, const struct tls_head *head,
		       struct err *err)
{
	struct printer *p = printer_of(self);

	(void)err;
	p->json = (struct json)JSON_INIT(&p->details);
	json_open(&p->json, '{');
	add_text(p, "org_name", "reporter", head->org_name);
	add_text(p, "contact", "contact", head->contact);
	add_text(p, "report_id", "report id", head->report_id);
	json_key_int(&p->json, "begin", head->begin);
	json_key_int(&p->json, "end", head->end);
	buf_addf(&p->lines, "  %-13s %s to %s\n", "period",
		 utc_stamp(head->begin).text, utc_stamp(head->end).text);
	json_key(&p->json, "policies");
	json_open(&p->json, '[');
	return 0;
}

/* The one before is open, for its failures. */
static void close_tls_policy(struct printer *p)
{
	if (p->tls_policies == 0)
		return;
	json_close(&p->json, ']');
	json_close(&p->json, '}');
}

static int on_tls_policy(struct report_sink *self,
			 const struct tls_policy *policy, struct err *err)
{
	struct printer *p = printer_of(self);

	(void)err;
	close_tls_policy(p);
	p->tls_policies++;
	json_open(&p->json, '{');
	add_text(p, "policy_type", "policy", policy->type);
	add_text(p, "policy_domain", "domain", policy->domain);
	json_key_text(&p->json, "mx_host", policy->mx_host);
	json_key_uint(&p->json, "successes", policy->successes);
	json_key_uint(&p->json, "failures", policy->failures);
	buf_addf(&p->lines,
		 "  %-13s %" PRIu64 " succeeded, %" PRIu64 " failed\n",
		 "sessions", policy->successes, policy->failures);
	json_key(&p->json, "details");
	json_open(&p->json, '[');
	return 0;
}

static int on_tls_failure(struct report_sink *self,
			  const struct tls_failure *failure, struct err *err)
{
	struct printer *p = printer_of(self);
	struct json *json = &p->json;

	(void)err;
	json_open(json, '{');
	json_key_text(json, "result", failure->result);
	json_key_text(json, "sending_ip", failure->sending_ip);
	json_key_text(json, "receiving_mx", failure->receiving_mx);
	json_key_text(json, "receiving_helo", failure->receiving_helo);
	json_key_text(json, "receiving_ip", failure->receiving_ip);
	json_key_text(json, "reason_code", failure->reason_code);
	json_key_text(json, "additional", failure->additional);
	json_key_uint(json, "sessions", failure->sessions);
	json_close(json, '}');
	buf_addf(&p->lines, "    %-11s %" PRIu64 " times",
		 quote(failure->result).text, failure->sessions);
	if (failure->receiving_mx.n > 0)
		buf_addf(&p->lines, ", to %s",
			 quote(failure->receiving_mx).text);
	buf_addf(&p->lines, "\n");
	return 0;
}

static void close_details(struct printer *p, const struct report_end *end)
{
	if (end->status == REPORT_REJECTED) {
		buf_reset(&p->details);
		buf_reset(&p->lines);
	} else if (end->kind == REPORT_TLS && p->details.n > 0) {
		close_tls_policy(p);
		json_close(&p->json, ']');
		json_close(&p->json, '}');
	}
	if (!buf_ok(&p->details) || !buf_ok(&p->lines)) {
		log_warning("%s: too long to show", p->file);
		buf_reset(&p->details);
		buf_reset(&p->lines);
	}
}

static int
on_end(struct report_sink *self, const struct report_end *end, struct err *err)
{
	struct printer *p = printer_of(self);

	(void)err;
	/* Of what is rejected nothing counts, but who sent it is shown. */
	if (end->status == REPORT_REJECTED)
		memset(&p->totals, 0, sizeof(p->totals));
	close_details(p, end);
	print(p, end);
	start_report(p);
	return 0;
}

/* ------------------------------------------------------------------ the command */

/* The parser did not come back from this file: it is refused as a whole. */
static void print_fault(struct printer *p, const struct err *err)
{
	struct report_end end = { .kind = REPORT_AGGREGATE,
				  .status = REPORT_REJECTED,
				  .reason = span_of(err->text),
				  .warnings = SPAN("") };

	start_report(p);
	print(p, &end);
}

/* A descriptor, or -1 after having said why not. */
static int open_input(const char *path)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
		close(fd);
		fd = -1;
		errno = EISDIR;
	}
	if (fd < 0)
		log_error("%s: %s", path, strerror(errno));
	return fd;
}

/* Returns the exit status for this file. */
static int parse_file(struct printer *p, const char *path)
{
	bool standard = strcmp(path, "-") == 0;
	struct err err = ERR_INIT;
	int fd = standard ? STDIN_FILENO : open_input(path);
	int result;

	if (fd < 0)
		return EX_DATAERR;
	p->file = path;
	result = parser_read(fd, 0, !p->unfiltered, &p->sink, &err);
	if (!standard)
		close(fd);
	if (result == 0)
		return EX_OK;
	if (err.kind != ERR_INPUT && err.kind != ERR_LIMIT) {
		err_while(&err, "%s", path);
		return command_fail(&err);
	}
	print_fault(p, &err);
	return EX_DATAERR;
}

static int parse_files(enum format format, bool unfiltered, struct arena *arena,
		       char **paths)
{
	struct printer printer = {
		.sink = { .begin = on_begin,
			  .head = on_head,
			  .row = on_row,
			  .end = on_end,
			  .failure = on_failure,
			  .tls_head = on_tls_head,
			  .tls_policy = on_tls_policy,
			  .tls_failure = on_tls_failure },
		.format = format,
		.unfiltered = unfiltered,
		.arena = arena,
		.details = BUF_INIT(MAX_OUTPUT_BYTES / 2),
		.lines = BUF_INIT(MAX_OUTPUT_BYTES / 4),
	};
	struct err err = ERR_INIT;
	int status = EX_OK;

	if (report_read_prepare(&err) < 0)
		return command_fail(&err);
	for (; *paths != NULL; paths++) {
		int result = parse_file(&printer, *paths);

		/* Trouble of ours says more than a bad file. */
		if (result != EX_OK &&
		    (status == EX_OK || status == EX_DATAERR))
			status = result;
	}
	buf_release(&printer.details);
	buf_release(&printer.lines);
	if (printer.status != EX_OK)
		return printer.status;
	return status == EX_OK && printer.rejected ? EX_DATAERR : status;
}

int cmd_parse(struct command_context *context, int argc, char **argv)
{
	enum format format = FORMAT_TEXT;
	bool unfiltered = false;
	const struct option_rule rules[] = {
		{ .name = "format", .letter = 'f', .format = &format },
		{ .name = "no-sandbox", .given = &unfiltered },
		{ .name = NULL },
	};
	struct arguments arguments;
	struct arena *arena;
	int status = options_read(argc, argv, rules, usage, &arguments);

	(void)context;
	if (status >= 0)
		return status;
	if (arguments.n == 0)
		return options_usage(&arguments);
	arena = arena_new(MAX_OUTPUT_BYTES);
	if (arena == NULL) {
		log_error("out of memory");
		return EX_OSERR;
	}
	status = parse_files(format, unfiltered, arena, arguments.words);
	arena_free(&arena);
	return status;
}
