/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/write_xml.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include <libxml/xmlwriter.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/quote.h"
#include "base/utf8.h"
#include "report/gzip.h"

#define NAMESPACE_RFC9990 "urn:ietf:params:xml:ns:dmarc-2.0"
/*
 * Of one element, cleaned: what our own reader takes. A selector or a comment may
 * be a stranger's, who must not keep a report from being written by a long one.
 */
#define MAX_ELEMENT_BYTES 4096
/* Before it is cut: a few of them joined, each as long as the journal has it. */
#define MAX_JOINED_BYTES  ((size_t)4 * 1024 * 1024)

enum stage {
	STAGE_NEW,
	STAGE_BEGUN,
	STAGE_HEAD, /* rows may follow */
	STAGE_DONE,
};

struct xml_writer {
	struct report_sink sink; /* first: what the caller holds */
	enum stage stage;
	enum report_dialect dialect;
	uint64_t rows;

	xmlTextWriterPtr xml;
	bool failed;     /* a call of libxml2 did not work */
	struct buf text; /* of the element at hand */

	int fd;
	struct gzip *gzip; /* NULL: not compressed */
	size_t left;       /* bytes that may still go to fd */
	struct err err;    /* why output failed */
};

/* ------------------------------------------------------------------ output */

static void note(struct xml_writer *w, int result)
{
	if (result < 0)
		w->failed = true;
}

static int write_plain(struct xml_writer *w, struct span bytes)
{
	if (bytes.n > w->left)
		return err_set(&w->err, ERR_LIMIT, "the report is too large");
	w->left -= bytes.n;
	if (write_all(w->fd, bytes) < 0)
		return err_errno(&w->err, ERR_TEMP, "report");
	return 0;
}

/*
 * libxml2 is told that all went well: it would print a line of its own. The
 * first reason counts, and nothing is written behind a gap.
 */
static int on_write(void *context, const char *bytes, int n)
{
	struct xml_writer *w = context;
	struct span span = { bytes, (size_t)n };

	if (w->err.kind != ERR_NONE)
		return n;
	if (w->gzip != NULL ? gzip_add(w->gzip, span, &w->err) < 0 :
			      write_plain(w, span) < 0)
		note(w, -1);
	return n;
}

/* ---------------------------------------------------------------- elements */

/* BAD_CAST without its cast to a pointer that may be written through. */
static const xmlChar *xml(const char *string)
{
	return (const xmlChar *)string;
}

static void open_element(struct xml_writer *w, const char *name)
{
	note(w, xmlTextWriterStartElement(w->xml, xml(name)));
}

static void close_element(struct xml_writer *w)
{
	note(w, xmlTextWriterEndElement(w->xml));
}

/* XML 1.0 2.2: what is UTF-8 and still no character of a document. */
static bool is_forbidden(struct span c)
{
	if (c.n == 1)
		return (unsigned char)c.p[0] < 0x20 && c.p[0] != '\t' &&
		       c.p[0] != '\n' && c.p[0] != '\r';
	return c.n == 3 && (memcmp(c.p, "\xef\xbf\xbe", 3) == 0 ||
			    memcmp(c.p, "\xef\xbf\xbf", 3) == 0);
}

/* As many whole characters as fit. */
static void clean(struct buf *out, struct span text)
{
	while (text.n > 0) {
		size_t length = utf8_length(text);
		struct span c = { text.p, length == 0 ? 1 : length };

		text.p += c.n;
		text.n -= c.n;
		if (length == 0 || is_forbidden(c))
			c = SPAN(UTF8_REPLACEMENT);
		if (out->n + c.n > MAX_ELEMENT_BYTES)
			return;
		buf_add(out, c);
	}
}

/*
 * xmlTextWriterWriteString() drops the text without a word when it has no
 * memory to escape it, hence in two steps.
 */
static void add_text(struct xml_writer *w, const char *name, struct span text)
{
	xmlChar *escaped;

	buf_reset(&w->text);
	clean(&w->text, text);
	escaped = xmlEncodeSpecialChars(NULL, xml(buf_string(&w->text)));
	if (escaped == NULL || !buf_ok(&w->text)) {
		xmlFree(escaped);
		w->failed = true;
		return;
	}
	open_element(w, name);
	note(w, xmlTextWriterWriteRaw(w->xml, escaped));
	close_element(w);
	xmlFree(escaped);
}

static void add_word(struct xml_writer *w, const char *name, const char *word)
{
	add_text(w, name, span_of(word));
}

static void add_maybe(struct xml_writer *w, const char *name, struct span text)
{
	if (text.p != NULL)
		add_text(w, name, text);
}

static void
add_policy(struct xml_writer *w, const char *name, enum dmarc_policy policy)
{
	if (policy != DMARC_POLICY_UNSET)
		add_word(w, name, dmarc_policy_name(policy));
}

static void add_time(struct xml_writer *w, const char *name, int64_t time)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, time);
	add_word(w, name, text);
}

/* -------------------------------------------------------------------- head */

static void add_errors(struct xml_writer *w, const struct report_head *head)
{
	struct buf all = BUF_INIT(MAX_JOINED_BYTES);
	size_t i;

	for (i = 0; i < head->n_errors; i++) {
		if (w->dialect == DIALECT_RFC7489) {
			add_text(w, "error", head->errors[i]);
			continue;
		}
		if (i > 0)
			buf_add_string(&all, "; ");
		buf_add(&all, head->errors[i]);
	}
	if (all.failed)
		w->failed = true;
	else if (all.n > 0)
		add_text(w, "error", buf_span(&all));
	buf_release(&all);
}

static void add_metadata(struct xml_writer *w, const struct report_head *head)
{
	open_element(w, "report_metadata");
	add_text(w, "org_name", head->org_name);
	add_text(w, "email", head->email);
	add_maybe(w, "extra_contact_info", head->extra_contact);
	add_text(w, "report_id", head->report_id);
	open_element(w, "date_range");
	add_time(w, "begin", head->begin);
	add_time(w, "end", head->end);
	close_element(w);
	add_errors(w, head);
	if (w->dialect == DIALECT_RFC9990)
		add_maybe(w, "generator", head->generator);
	close_element(w);
}

/* A value that the schema knows, or nothing. */
static void add_one_of(struct xml_writer *w, const char *name,
		       struct span value, const char *one, const char *other)
{
	if (span_is(value, one))
		add_word(w, name, one);
	else if (span_is(value, other))
		add_word(w, name, other);
}

static enum dmarc_policy
policy_or(enum dmarc_policy policy, enum dmarc_policy instead)
{
	return policy != DMARC_POLICY_UNSET ? policy : instead;
}

static void
add_policy_rfc7489(struct xml_writer *w, const struct report_head *head)
{
	enum dmarc_policy p = policy_or(head->p, DMARC_POLICY_NONE);
	uint64_t pct = 100;

	add_one_of(w, "adkim", head->adkim, "r", "s");
	add_one_of(w, "aspf", head->aspf, "r", "s");
	add_policy(w, "p", p);
	add_policy(w, "sp", policy_or(head->sp, p));
	if (!span_to_uint(head->pct, 100, &pct))
		pct = 100;
	add_time(w, "pct", (int64_t)pct);
	add_text(w, "fo", head->fo.p != NULL ? head->fo : SPAN("0"));
}

static void
add_policy_rfc9990(struct xml_writer *w, const struct report_head *head)
{
	add_policy(w, "p", policy_or(head->p, DMARC_POLICY_NONE));
	add_policy(w, "sp", head->sp);
	add_policy(w, "np", head->np);
	add_one_of(w, "adkim", head->adkim, "r", "s");
	add_one_of(w, "aspf", head->aspf, "r", "s");
	add_maybe(w, "fo", head->fo);
	add_one_of(w, "testing", head->testing, "y", "n");
	if (head->have_method)
		add_word(w, "discovery_method",
			 discovery_method_name(head->method));
}

/* -------------------------------------------------------------------- rows */

static const char *
row_disposition(const struct xml_writer *w, enum disposition disposition)
{
	if (w->dialect == DIALECT_RFC7489 && disposition == DISPOSITION_PASS)
		disposition = DISPOSITION_NONE;
	return disposition_name(disposition);
}

static bool is_known_reason(const struct xml_writer *w, enum reason_type type)
{
	switch (type) {
	case REASON_OTHER:
	case REASON_LOCAL_POLICY:
	case REASON_MAILING_LIST:
	case REASON_TRUSTED_FORWARDER:
		return true;
	case REASON_POLICY_TEST_MODE:
		return w->dialect == DIALECT_RFC9990;
	case REASON_FORWARDED:
	case REASON_SAMPLED_OUT:
		return w->dialect == DIALECT_RFC7489;
	}
	return false;
}

/* "forwarded", "forwarded: what the comment said" */
static void
add_unknown_reason(struct xml_writer *w, const struct report_reason *reason)
{
	struct buf comment = BUF_INIT(MAX_JOINED_BYTES);

	buf_add_string(&comment, reason_type_name(reason->type));
	if (reason->comment.n > 0) {
		buf_add_string(&comment, ": ");
		buf_add(&comment, reason->comment);
	}
	add_word(w, "type", reason_type_name(REASON_OTHER));
	add_text(w, "comment", buf_span(&comment));
	if (!buf_ok(&comment))
		w->failed = true;
	buf_release(&comment);
}

static void add_reason(struct xml_writer *w, const struct report_reason *reason)
{
	open_element(w, "reason");
	if (is_known_reason(w, reason->type)) {
		add_word(w, "type", reason_type_name(reason->type));
		add_maybe(w, "comment", reason->comment);
	} else {
		add_unknown_reason(w, reason);
	}
	close_element(w);
}

static void add_evaluated(struct xml_writer *w, const struct report_row *row)
{
	size_t i;

	open_element(w, "policy_evaluated");
	add_word(w, "disposition", row_disposition(w, row->disposition));
	add_word(w, "dkim", row->dkim_aligned ? "pass" : "fail");
	add_word(w, "spf", row->spf_aligned ? "pass" : "fail");
	for (i = 0; i < row->n_reasons; i++)
		add_reason(w, &row->reasons[i]);
	close_element(w);
}

static void add_identifiers(struct xml_writer *w, const struct report_row *row)
{
	open_element(w, "identifiers");
	add_maybe(w, "envelope_to", row->envelope_to);
	if (w->dialect == DIALECT_RFC7489)
		add_text(w, "envelope_from", row->envelope_from);
	else
		add_maybe(w, "envelope_from", row->envelope_from);
	add_text(w, "header_from", row->header_from);
	close_element(w);
}

static void add_dkim(struct xml_writer *w, const struct report_dkim *dkim)
{
	enum auth_result result = dkim->result;

	/* A word of SPF alone; whoever said it did not mean a pass. */
	if (result == AUTH_SOFTFAIL)
		result = AUTH_FAIL;
	open_element(w, "dkim");
	add_text(w, "domain", dkim->domain);
	if (w->dialect == DIALECT_RFC9990)
		add_text(w, "selector", dkim->selector);
	else
		add_maybe(w, "selector", dkim->selector);
	add_word(w, "result", auth_result_name(result));
	add_maybe(w, "human_result", dkim->human);
	close_element(w);
}

static void add_spf_rfc7489(struct xml_writer *w, const struct report_spf *spf)
{
	enum auth_result result = spf->result;

	/* "policy" is RFC 8601's, and came later. */
	if (result == AUTH_POLICY)
		result = AUTH_NEUTRAL;
	open_element(w, "spf");
	add_text(w, "domain", spf->domain);
	add_word(w, "scope", spf_scope_name(spf->scope));
	add_word(w, "result", auth_result_name(result));
	close_element(w);
}

static void add_spf_rfc9990(struct xml_writer *w, const struct report_spf *spf)
{
	open_element(w, "spf");
	add_text(w, "domain", spf->domain);
	if (spf->scope == SPF_SCOPE_MFROM)
		add_word(w, "scope", spf_scope_name(spf->scope));
	add_word(w, "result", auth_result_name(spf->result));
	add_maybe(w, "human_result", spf->human);
	close_element(w);
}

/* The MAIL FROM identity is the one that counts (R5.1). */
static const struct report_spf *one_spf(const struct report_row *row)
{
	size_t i;

	for (i = 0; i < row->n_spf; i++)
		if (row->spf[i].scope == SPF_SCOPE_MFROM)
			return &row->spf[i];
	return row->n_spf > 0 ? &row->spf[0] : NULL;
}

static void add_spf(struct xml_writer *w, const struct report_row *row)
{
	const struct report_spf none = {
		.domain = row->envelope_from.n > 0 ? row->envelope_from :
						     row->header_from,
		.scope = SPF_SCOPE_MFROM,
		.result = AUTH_NONE,
	};
	const struct report_spf *one = one_spf(row);
	size_t i;

	if (w->dialect == DIALECT_RFC9990) {
		if (one != NULL)
			add_spf_rfc9990(w, one);
		return;
	}
	if (row->n_spf == 0)
		add_spf_rfc7489(w, &none);
	for (i = 0; i < row->n_spf; i++)
		add_spf_rfc7489(w, &row->spf[i]);
}

static void add_record(struct xml_writer *w, const struct report_row *row)
{
	char count[24];
	size_t i;

	snprintf(count, sizeof(count), "%" PRIu64, row->count);
	open_element(w, "record");
	open_element(w, "row");
	add_text(w, "source_ip", row->source_ip);
	add_word(w, "count", count);
	add_evaluated(w, row);
	close_element(w);
	add_identifiers(w, row);
	open_element(w, "auth_results");
	for (i = 0; i < row->n_dkim; i++)
		add_dkim(w, &row->dkim[i]);
	add_spf(w, row);
	close_element(w);
	close_element(w);
}

/* ---------------------------------------------------------------- the sink */

static int finish_call(struct xml_writer *w, struct err *err)
{
	if (w->err.kind != ERR_NONE) {
		*err = w->err;
		return -1;
	}
	if (w->failed)
		return err_set(err, ERR_LIMIT, "report: out of memory");
	return 0;
}

static int
expect_stage(const struct xml_writer *w, enum stage stage, struct err *err)
{
	if (w->stage != stage)
		return err_set(err, ERR_INPUT,
			       "report: head, rows and end out of order");
	return 0;
}

static int
on_begin(struct report_sink *self, struct span entry, struct err *err)
{
	struct xml_writer *w = (struct xml_writer *)self;

	(void)entry;
	if (expect_stage(w, STAGE_NEW, err) < 0)
		return -1;
	w->stage = STAGE_BEGUN;
	return 0;
}

static int on_head(struct report_sink *self, const struct report_head *head,
		   struct err *err)
{
	struct xml_writer *w = (struct xml_writer *)self;

	if (expect_stage(w, STAGE_BEGUN, err) < 0)
		return -1;
	if (head->report_id.n == 0 || head->policy_domain.n == 0)
		return err_set(err, ERR_INPUT, "report: no %s",
			       head->report_id.n == 0 ? "report id" :
							"policy domain");
	w->stage = STAGE_HEAD;
	w->dialect = head->dialect;
	note(w, xmlTextWriterStartDocument(w->xml, "1.0", "UTF-8", NULL));
	open_element(w, "feedback");
	if (w->dialect == DIALECT_RFC9990)
		note(w, xmlTextWriterWriteAttribute(w->xml, xml("xmlns"),
						    xml(NAMESPACE_RFC9990)));
	add_word(w, "version", "1.0");
	add_metadata(w, head);
	open_element(w, "policy_published");
	add_text(w, "domain", head->policy_domain);
	if (w->dialect == DIALECT_RFC9990)
		add_policy_rfc9990(w, head);
	else
		add_policy_rfc7489(w, head);
	close_element(w);
	return finish_call(w, err);
}

static bool is_ip_address(struct span text)
{
	char string[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (text.n == 0 || text.n >= sizeof(string) || span_has(text, '\0'))
		return false;
	memcpy(string, text.p, text.n);
	string[text.n] = '\0';
	return inet_pton(AF_INET, string, &address) == 1 ||
	       inet_pton(AF_INET6, string, &address) == 1;
}

static int
on_row(struct report_sink *self, const struct report_row *row, struct err *err)
{
	struct xml_writer *w = (struct xml_writer *)self;

	if (expect_stage(w, STAGE_HEAD, err) < 0)
		return -1;
	if (!is_ip_address(row->source_ip))
		return err_set(err, ERR_INPUT, "report: no IP address: %s",
			       quote(row->source_ip).text);
	add_record(w, row);
	w->rows++;
	return finish_call(w, err);
}

static int
on_end(struct report_sink *self, const struct report_end *end, struct err *err)
{
	struct xml_writer *w = (struct xml_writer *)self;

	if (end->status == REPORT_REJECTED)
		return err_set(err, ERR_INPUT, "report: rejected: %s",
			       quote(end->reason).text);
	if (expect_stage(w, STAGE_HEAD, err) < 0)
		return -1;
	if (w->rows == 0)
		return err_set(err, ERR_INPUT, "report: no rows");
	w->stage = STAGE_DONE;
	note(w, xmlTextWriterEndDocument(w->xml));
	note(w, xmlTextWriterFlush(w->xml));
	if (finish_call(w, err) < 0)
		return -1;
	return w->gzip != NULL ? gzip_finish(w->gzip, err) : 0;
}

static int start_output(struct xml_writer *w, bool gzip, struct err *err)
{
	xmlOutputBufferPtr out;

	if (gzip) {
		w->gzip = gzip_new(w->fd, w->left, err);
		if (w->gzip == NULL)
			return -1;
	}
	out = xmlOutputBufferCreateIO(on_write, NULL, w, NULL);
	if (out == NULL)
		return err_set(err, ERR_LIMIT, "report: out of memory");
	w->xml = xmlNewTextWriter(out);
	if (w->xml == NULL) {
		(void)xmlOutputBufferClose(out);
		return err_set(err, ERR_LIMIT, "report: out of memory");
	}
	/* For the person who looks inside; gzip makes next to nothing of it. */
	note(w, xmlTextWriterSetIndent(w->xml, 1));
	return 0;
}

struct report_sink *
xml_writer_new(int fd, bool gzip, size_t max, struct err *err)
{
	const struct xml_writer start = {
		.sink = { .begin = on_begin,
			  .head = on_head,
			  .row = on_row,
			  .end = on_end },
		.text = BUF_INIT(MAX_JOINED_BYTES),
		.fd = fd,
		.left = max,
	};
	struct xml_writer *w = malloc(sizeof(*w));
	struct report_sink *sink;

	if (w == NULL) {
		err_set(err, ERR_LIMIT, "report: out of memory");
		return NULL;
	}
	*w = start;
	sink = &w->sink;
	if (start_output(w, gzip, err) < 0)
		xml_writer_free(&sink);
	return sink;
}

void xml_writer_free(struct report_sink **writer)
{
	struct xml_writer *w = (struct xml_writer *)*writer;

	if (w == NULL)
		return;
	/* What libxml2 still holds of a broken document is not for fd. */
	if (w->stage != STAGE_DONE)
		err_set(&w->err, ERR_INPUT, "report: not finished");
	if (w->xml != NULL)
		xmlFreeTextWriter(w->xml);
	gzip_free(&w->gzip);
	buf_release(&w->text);
	free(w);
	*writer = NULL;
}
