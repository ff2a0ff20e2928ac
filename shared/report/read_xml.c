/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/read_xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/xmlerror.h>

#include "base/buf.h"
#include "report/charset.h"
#include "report/limits.h"
#include "report/xml_elements.h"
#include "report/xml_report.h"

/* Bytes that are decoded and parsed at a time. */
#define PUSH_BYTES ((size_t)32 * 1024)

struct xml_reader {
	xmlParserCtxtPtr xml;
	struct charset_decoder decoder;
	struct buf decoded;
	bool started;                 /* something but white space was seen */
	size_t tag_bytes;             /* since "<", 0 outside of tags */
	struct xml_elements elements; /* and the report in them */
};

static bool stopped(const struct xml_reader *r)
{
	return xml_report_stopped(&r->elements.report);
}

/* For what is about to be said about the document. */
static void look_at_line(struct xml_reader *r)
{
	const xmlParserInput *input = r->xml == NULL ? NULL : r->xml->input;

	r->elements.report.line = input == NULL ? 0 : input->line;
}

/* At the end of each handler: libxml2 goes on only where we do. */
static void stop_if_over(struct xml_reader *r)
{
	if (stopped(r) && r->xml != NULL)
		xmlStopParser(r->xml);
}

/* ------------------------------------------------------------------ handlers */

static void on_start(void *data, const xmlChar *name, const xmlChar *prefix,
		     const xmlChar *uri, int n_namespaces,
		     const xmlChar **namespaces, int n_attributes,
		     int n_defaulted, const xmlChar **attributes)
{
	struct xml_reader *r = data;

	(void)prefix, (void)n_namespaces, (void)namespaces;
	(void)n_attributes, (void)n_defaulted, (void)attributes;
	if (stopped(r))
		return;
	look_at_line(r);
	xml_elements_start(&r->elements, (const char *)name, (const char *)uri);
	stop_if_over(r);
}

static void on_end(void *data, const xmlChar *name, const xmlChar *prefix,
		   const xmlChar *uri)
{
	struct xml_reader *r = data;

	(void)prefix, (void)uri;
	if (stopped(r))
		return;
	look_at_line(r);
	xml_elements_end(&r->elements, (const char *)name);
	stop_if_over(r);
}

static void on_text(void *data, const xmlChar *text, int n)
{
	struct xml_reader *r = data;

	if (stopped(r) || !xml_elements_want_text(&r->elements))
		return;
	xml_elements_text(&r->elements,
			  (struct span){ (const char *)text, (size_t)n });
	stop_if_over(r);
}

static void on_doctype(void *data, const xmlChar *name,
		       const xmlChar *public_id, const xmlChar *system_id)
{
	struct xml_reader *r = data;

	(void)public_id, (void)system_id;
	look_at_line(r);
	xml_elements_doctype(&r->elements, (const char *)name);
	stop_if_over(r);
}

/* What libxml2 makes of a broken tag, and what we make of it. */
static void look_at_tag(struct xml_reader *r, const xmlError *error)
{
	if (error->code == XML_ERR_GT_REQUIRED && error->str1 != NULL)
		xml_elements_take_back(&r->elements, error->str1);
	else if (error->code == XML_ERR_TAG_NAME_MISMATCH &&
		 error->str2 != NULL)
		xml_elements_mismatch(&r->elements, span_of(error->str2));
}

/* Is there another tag where libxml2 stands? White space and NULs are none. */
static bool another_document(const xmlParserCtxt *xml)
{
	return xml->input != NULL && xml->input->cur != NULL &&
	       xml->input->cur[0] == '<';
}

static void use_error(struct xml_reader *r, const xmlError *error)
{
	struct xml_report *report = &r->elements.report;

	if (error->code == XML_ERR_NO_MEMORY) {
		xml_report_fail_memory(report);
		return;
	}
	if (error->domain == XML_FROM_NAMESPACE)
		return; /* an unbound prefix: seen, and harmless to us */
	if (error->code == XML_ERR_DOCUMENT_END && r->elements.closed &&
	    report->complete && another_document(r->xml)) {
		xml_report_reject(report,
				  "line %d: a second document behind the first",
				  report->line);
		return;
	}
	look_at_tag(r, error);
	report->not_well_formed = true;
	xml_report_note(report, ODD_XML, span_trim(span_of(error->message)));
}

static void on_error(void *data, const xmlError *error)
{
	struct xml_reader *r = data;

	/* What we stopped ourselves has its reason. */
	if (stopped(r) || error == NULL || error->level == XML_ERR_WARNING)
		return;
	look_at_line(r);
	use_error(r, error);
	stop_if_over(r);
}

/* libxml2 2.12 made the argument const. */
#if LIBXML_VERSION >= 21200
#define ERROR_HANDLER on_error
#else
static void on_mutable_error(void *data, xmlError *error)
{
	on_error(data, error);
}
#define ERROR_HANDLER on_mutable_error
#endif

/* ---------------------------------------------------------------- life, push */

void xml_reader_prepare(void)
{
	xmlInitParser();
}

/* A parser of ours; the first bytes are needed by libxml2 to begin at all. */
static bool start_parser(struct xml_reader *r)
{
	xmlSAXHandler sax = {
		.internalSubset = on_doctype,
		.characters = on_text,
		.cdataBlock = on_text,
		.ignorableWhitespace = on_text,
		.startElementNs = on_start,
		.endElementNs = on_end,
		.serror = ERROR_HANDLER,
		.initialized = XML_SAX2_MAGIC,
	};

	r->xml = xmlCreatePushParserCtxt(&sax, r, NULL, 0, NULL);
	if (r->xml == NULL)
		return false;
	/* We decode ourselves: the encoding in the declaration is history. */
	xmlCtxtUseOptions(r->xml, XML_PARSE_RECOVER | XML_PARSE_NONET |
					  XML_PARSE_IGNORE_ENC);
	return true;
}

struct xml_reader *
xml_reader_new(struct span entry, struct report_sink *sink, struct err *err)
{
	struct xml_reader *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		err_set(err, ERR_TEMP, "out of memory");
		return NULL;
	}
	r->decoder = (struct charset_decoder)CHARSET_DECODER_INIT;
	r->decoded = (struct buf)BUF_INIT(PUSH_BYTES * 4);
	if (!xml_elements_init(&r->elements, entry, sink) || !start_parser(r)) {
		xml_reader_free(&r);
		err_set(err, ERR_TEMP, "out of memory");
		return NULL;
	}
	return r;
}

void xml_reader_free(struct xml_reader **reader)
{
	struct xml_reader *r = *reader;

	if (r == NULL)
		return;
	if (r->xml != NULL)
		xmlFreeParserCtxt(r->xml);
	xml_elements_release(&r->elements);
	buf_release(&r->decoded);
	free(r);
	*reader = NULL;
}

/* Tags that begin and end in so little text are short: what is behind them. */
static struct span behind_whole_tags(struct span text)
{
	const char *last = memrchr(text.p, '>', text.n);

	if (last != NULL && text.n <= MAX_XML_TAG_BYTES) {
		text.n -= (size_t)(last + 1 - text.p);
		text.p = last + 1;
	}
	return text;
}

/*
 * Are all tags short? libxml2 compares the attributes of a tag with each other
 * before it tells us of any. Text of a comment or of CDATA that looks like a
 * long tag is refused with them.
 */
static bool tags_are_short(struct xml_reader *r, struct span text)
{
	while (text.n > 0) {
		char looked_for = r->tag_bytes > 0 ? '>' : '<';
		const char *found;
		size_t n;

		if (r->tag_bytes == 0)
			text = behind_whole_tags(text);
		found = memchr(text.p, looked_for, text.n);
		n = found == NULL ? text.n : (size_t)(found - text.p) + 1;
		if (r->tag_bytes > 0 && n > MAX_XML_TAG_BYTES - r->tag_bytes)
			return false;
		if (looked_for == '<')
			r->tag_bytes = found == NULL ? 0 : 1;
		else
			r->tag_bytes = found == NULL ? r->tag_bytes + n : 0;
		text.p += n;
		text.n -= n;
	}
	return true;
}

static void parse(struct xml_reader *r, struct span text)
{
	while (!r->started && text.n > 0 && ascii_is_space(text.p[0])) {
		text.p++;
		text.n--;
	}
	if (text.n == 0)
		return;
	r->started = true;
	look_at_line(r);
	if (!tags_are_short(r, text))
		xml_report_reject(&r->elements.report,
				  "line %d: a tag of more than %zu octets",
				  r->elements.report.line, MAX_XML_TAG_BYTES);
	else
		(void)xmlParseChunk(r->xml, text.p, (int)text.n, 0);
}

static void parse_decoded(struct xml_reader *r)
{
	struct span text = buf_span(&r->decoded);
	size_t nul_at = r->decoder.nul_at;

	if (!buf_ok(&r->decoded)) {
		xml_report_fail_memory(&r->elements.report);
		return;
	}
	if (nul_at == SIZE_MAX) {
		parse(r, text);
		return;
	}
	parse(r, (struct span){ text.p, nul_at });
	/* Behind the end, NULs are the padding of some disk block. */
	if (!r->elements.closed) {
		look_at_line(r);
		xml_report_reject(&r->elements.report, "line %d: a NUL octet",
				  r->elements.report.line);
	}
	if (!stopped(r))
		parse(r, (struct span){ text.p + nul_at, text.n - nul_at });
}

static void push(struct xml_reader *r, struct span bytes, bool last)
{
	do {
		struct span piece = bytes;

		if (piece.n > PUSH_BYTES)
			piece.n = PUSH_BYTES;
		buf_reset(&r->decoded);
		charset_decode(&r->decoder, piece, last && piece.n == bytes.n,
			       &r->decoded);
		parse_decoded(r);
		bytes.p += piece.n;
		bytes.n -= piece.n;
	} while (bytes.n > 0 && !stopped(r));
}

int xml_reader_push(struct xml_reader *r, struct span bytes, struct err *err)
{
	r->elements.report.err = err;
	if (!stopped(r) && bytes.n > 0)
		push(r, bytes, false);
	if (r->elements.report.failed)
		return -1;
	return r->elements.report.rejected ? 0 : 1;
}

/* ----------------------------------------------------------------------- end */

static void note_decoding(struct xml_reader *r)
{
	struct xml_report *report = &r->elements.report;

	if (r->decoder.blanks)
		xml_report_note(report, ODD_BLANKS, SPAN(""));
	if (r->decoder.unsupported)
		xml_report_note(report, ODD_CHARSET, SPAN(""));
	if (r->decoder.repaired) {
		xml_report_note(report, ODD_BYTES, SPAN(""));
		report->not_well_formed = true;
	}
}

int xml_reader_finish(struct xml_reader *r, struct span fault, struct err *err)
{
	struct xml_report *report = &r->elements.report;
	char *other = r->elements.other;
	size_t room = sizeof(r->elements.other);

	report->err = err;
	if (!stopped(r) && fault.n == 0) {
		push(r, (struct span){ "", 0 }, true);
		if (!stopped(r) && r->started)
			(void)xmlParseChunk(r->xml, "", 0, 1);
	}
	if (report->failed)
		return -1;
	if (!r->elements.begun) {
		if (other[0] == '\0')
			snprintf(other, room, "%.*s", (int)room - 1,
				 report->rejected ? report->reason :
				 r->started       ? "no element" :
						    "nothing");
		return 0;
	}
	look_at_line(r);
	note_decoding(r);
	return xml_report_end(report, fault) < 0 ? -1 : 1;
}

struct span xml_reader_other(const struct xml_reader *r)
{
	return span_of(r->elements.other);
}
