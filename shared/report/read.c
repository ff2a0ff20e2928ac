/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/read.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/quote.h"
#include "report/bounce.h"
#include "report/extract.h"
#include "report/failure.h"
#include "report/limits.h"
#include "report/read_xml.h"
#include "report/tls.h"
#include "report/unpack.h"

/* Where in the mail we are, for people: "report.zip: a.xml". */
#define MAX_ENTRY_TEXT 1000

/* What the mail holds in place of a report. */
#define MAX_SEEN_TEXT 400

struct job {
	struct report_sink *sink;
	struct err *err;
	struct unpack_budget budget;
	struct buf entry;
	struct buf seen;
	size_t told; /* reports and refusals the sink has heard of */
	bool full;   /* it was told that there are too many */
};

/* --------------------------------------------------------------- the answers */

/* Something that is not read, and why. */
static int refuse(struct job *job, enum report_kind kind, const char *reason)
{
	struct report_end end = { .kind = kind,
				  .status = REPORT_REJECTED,
				  .reason = span_of(reason),
				  .warnings = SPAN("") };
	struct report_sink *sink = job->sink;

	job->told++;
	if (sink->begin(sink, buf_span(&job->entry), job->err) < 0 ||
	    sink->end(sink, &end, job->err) < 0)
		return -1;
	return 0;
}

/* A container could not be read; running out of memory is another matter. */
static int
refuse_fault_of(struct job *job, enum report_kind kind, const struct err *fault)
{
	if (fault->kind == ERR_TEMP) {
		*job->err = *fault;
		return -1;
	}
	return refuse(job, kind, fault->text);
}

static int refuse_fault(struct job *job, const struct err *fault)
{
	return refuse_fault_of(job, REPORT_AGGREGATE, fault);
}

/*
 * Is there room for more reports? The one past the limit is told, then that
 * there are too many, then nothing more.
 */
static bool go_on(struct job *job, int *result)
{
	*result = 0;
	if (job->full || job->told <= MAX_MAIL_REPORTS)
		return !job->full;
	job->full = true;
	*result = refuse(job, REPORT_AGGREGATE,
			 "more reports than one mail may hold");
	return false;
}

/* Remember what was there, in case that there is no report at all. */
static void note_seen(struct job *job, struct span what)
{
	struct span where = buf_span(&job->entry);
	struct buf *seen = &job->seen;

	if (what.n > 200)
		what.n = 200;
	if (seen->n + where.n + what.n + 10 > MAX_SEEN_TEXT)
		return;
	if (seen->n > 0)
		buf_add_string(seen, ", ");
	if (where.n > 0) {
		buf_add(seen, where);
		buf_add_string(seen, ": ");
	}
	buf_add(seen, what);
}

static size_t enter(struct job *job, struct span name)
{
	size_t before = job->entry.n;
	struct quoted shown = quote(name);

	if (name.n == 0 || before + strlen(shown.text) + 2 > MAX_ENTRY_TEXT)
		return before;
	if (before > 0)
		buf_add_string(&job->entry, ": ");
	buf_add_string(&job->entry, shown.text);
	return before;
}

static void leave(struct job *job, size_t before)
{
	job->entry.n = before;
}

/* ------------------------------------------------------------ where bytes come from */

/* The bytes of one file: at hand, or coming out of an archive. */
struct source {
	struct span bytes;
	struct unpack *unpack; /* NULL: bytes are all */
	bool ended;
	struct err fault; /* why there are no more */
};

/* 1 with the next piece, 0 at the end, -1 with source->fault. */
static int next_piece(struct source *source, struct span *piece)
{
	int more;

	if (source->bytes.n > 0) {
		*piece = source->bytes;
		source->bytes.n = 0;
		return 1;
	}
	if (source->unpack == NULL || source->ended)
		return 0;
	more = unpack_read(source->unpack, piece, &source->fault);
	source->ended = more <= 0;
	return more;
}

/* All of the file in one piece, in out. */
static int collect(struct source *source, const char *what, struct buf *out)
{
	struct span piece;
	int more;

	while ((more = next_piece(source, &piece)) == 1) {
		buf_add(out, piece);
		if (buf_ok(out))
			continue;
		if (out->n + piece.n > out->max)
			return err_set(&source->fault, ERR_LIMIT,
				       "%s of more than %zu MiB", what,
				       out->max >> 20);
		return err_set(&source->fault, ERR_TEMP, "out of memory");
	}
	return more;
}

/* ---------------------------------------------------------------- kinds of files */

static int read_file(struct job *job, struct source *source, int depth);

static int read_xml(struct job *job, struct source *source)
{
	struct xml_reader *reader;
	struct span piece;
	int more = 1, wanted = 1, found;

	reader = xml_reader_new(buf_span(&job->entry), job->sink, job->err);
	if (reader == NULL)
		return -1;
	while (wanted == 1 && (more = next_piece(source, &piece)) == 1)
		wanted = xml_reader_push(reader, piece, job->err);
	if (more < 0 && source->fault.kind == ERR_TEMP) {
		*job->err = source->fault;
		wanted = -1;
	}
	found = wanted < 0 ?
			-1 :
			xml_reader_finish(
				reader,
				span_of(more < 0 ? source->fault.text : ""),
				job->err);
	if (found == 0 && more < 0)
		found = refuse_fault(job, &source->fault);
	else if (found == 0)
		note_seen(job, xml_reader_other(reader));
	else if (found > 0)
		job->told++;
	xml_reader_free(&reader);
	return found < 0 ? -1 : 0;
}

/* JSON is read as a whole. */
static int read_json(struct job *job, struct source *source)
{
	struct span piece = source->bytes;
	struct buf all = BUF_INIT(MAX_TLS_BYTES);
	int result;

	if (!tls_is_report(piece)) {
		note_seen(job, SPAN("JSON"));
		return 0;
	}
	if (collect(source, "JSON", &all) < 0) {
		result = refuse_fault_of(job, REPORT_TLS, &source->fault);
	} else {
		job->told++;
		result = tls_read(buf_span(&job->entry), buf_span(&all),
				  job->sink, job->err);
	}
	buf_release(&all);
	return result;
}

static int read_entries(struct job *job, struct unpack *unpack, int depth)
{
	struct err fault = ERR_INIT;
	struct span name;
	int more;

	while ((more = unpack_next(unpack, &name, &fault)) == 1) {
		struct source source = { .unpack = unpack };
		size_t before = enter(job, name);
		int result = read_file(job, &source, depth);

		leave(job, before);
		if (result < 0)
			return -1;
		/* What a broken archive says next is not worth hearing. */
		if (source.fault.kind != ERR_NONE)
			return 0;
		if (!go_on(job, &result))
			return result;
	}
	return more < 0 ? refuse_fault(job, &fault) : 0;
}

static int read_archive(struct job *job, enum content content,
			struct span bytes, int depth)
{
	struct err fault = ERR_INIT;
	struct unpack *unpack;
	int result;

	if (depth > MAX_ARCHIVE_DEPTH)
		return refuse(job, REPORT_AGGREGATE,
			      "too many archives inside each other");
	unpack = unpack_new(content, bytes, &job->budget, &fault);
	if (unpack == NULL)
		return refuse_fault(job, &fault);
	result = read_entries(job, unpack, depth);
	unpack_free(&unpack);
	return result;
}

static int read_inner_archive(struct job *job, enum content content,
			      struct source *source, int depth)
{
	struct buf all = BUF_INIT(MAX_INNER_ARCHIVE_BYTES);
	int result;

	/* What is in memory as a whole need not be copied. */
	if (source->unpack == NULL)
		return read_archive(job, content, source->bytes, depth + 1);
	if (collect(source, "an archive inside", &all) < 0)
		result = refuse_fault(job, &source->fault);
	else
		result = read_archive(job, content, buf_span(&all), depth + 1);
	buf_release(&all);
	return result;
}

/* Of what is no report, at least the checksum is looked at. */
static int
read_other(struct job *job, struct source *source, enum content content)
{
	struct span piece;
	int more;

	do {
		more = next_piece(source, &piece);
	} while (more == 1 && content == CONTENT_EMPTY &&
		 content_of(piece) == CONTENT_EMPTY);
	if (more < 0)
		return refuse_fault(job, &source->fault);
	note_seen(job, span_of(content_name(content)));
	return 0;
}

static int read_file(struct job *job, struct source *source, int depth)
{
	struct span piece = source->bytes;
	enum content content;

	/* The first piece of an archive's file is put back. */
	if (source->unpack != NULL) {
		int more = next_piece(source, &piece);

		if (more < 0)
			return refuse_fault(job, &source->fault);
		if (more == 0)
			piece = SPAN("");
	}
	content = content_of(piece);
	source->bytes = piece;
	switch (content) {
	case CONTENT_XML:
		return read_xml(job, source);
	case CONTENT_JSON:
		return read_json(job, source);
	case CONTENT_GZIP:
	case CONTENT_ZLIB:
	case CONTENT_ZIP:
	case CONTENT_TAR:
		return read_inner_archive(job, content, source, depth);
	case CONTENT_EMPTY:
	case CONTENT_OTHER:
	case CONTENT_COMPOUND:
		break;
	}
	return read_other(job, source, content);
}

/* ---------------------------------------------------------------------- mail */

/* What a failure report is made of, as far as it came by. */
struct failure_parts {
	struct arena *arena;
	struct span feedback; /* message/feedback-report */
	struct span header;   /* of the message that failed */
	bool text;            /* Exim's: *report is read */
	struct failure_report report;
};

/* One part; true when it is of a failure report and nothing else. */
static bool
take_failure_part(struct failure_parts *parts, const struct mail_part *part)
{
	if (part->returned) {
		if (parts->header.p == NULL &&
		    part->bytes.n <= MAX_FAILURE_MEMORY / 4)
			parts->header = arena_copy(parts->arena, part->bytes);
		return true;
	}
	if (span_is(part->type, "message/feedback-report")) {
		if (parts->feedback.p == NULL &&
		    part->bytes.n <= MAX_FAILURE_MEMORY / 4)
			parts->feedback = arena_copy(parts->arena, part->bytes);
		return true;
	}
	if (parts->text || !span_starts(part->type, "text/") ||
	    !failure_is_text(part->bytes))
		return false;
	parts->text = failure_read_text(part->bytes, extract_date, parts->arena,
					&parts->report);
	return parts->text;
}

static bool read_feedback(struct failure_parts *parts)
{
	struct span text = parts->feedback;

	if (text.p == NULL)
		return false;
	if (failure_read(text, extract_date, parts->arena, &parts->report))
		return true;
	text = extract_base64(text, parts->arena);
	return text.p != NULL &&
	       failure_read(text, extract_date, parts->arena, &parts->report);
}

static int tell_failure(struct job *job, const struct failure_report *report)
{
	const struct report_end end = { .kind = REPORT_FAILURE,
					.status = REPORT_OK,
					.reason = SPAN(""),
					.warnings = SPAN("") };
	struct report_sink *sink = job->sink;

	job->told++;
	if (sink->begin(sink, buf_span(&job->entry), job->err) < 0)
		return -1;
	if (sink->failure != NULL && sink->failure(sink, report, job->err) < 0)
		return -1;
	return sink->end(sink, &end, job->err);
}

/* What a bounce is made of; its memory is small, whatever comes. */
struct bounce_parts {
	struct arena *arena;
	bool known;
	bool exact; /* by the part for machines, which goes before words */
	struct bounce bounce;
};

static bool is_delivery_status(struct span type)
{
	return span_is(type, "message/delivery-status") ||
	       span_is(type, "message/global-delivery-status");
}

/* Look at it; it may be something else as well. */
static void
look_for_bounce(struct bounce_parts *parts, const struct mail_part *part)
{
	bool status = is_delivery_status(part->type);

	if (parts->exact || part->returned)
		return;
	if (status && bounce_read(part->bytes, parts->arena, &parts->bounce))
		parts->known = parts->exact = true;
	else if (!status && !parts->known &&
		 (part->type.n == 0 || span_starts(part->type, "text/")))
		parts->known = bounce_read_text(part->bytes, parts->arena,
						&parts->bounce);
}

static int tell_bounce(struct job *job, const struct bounce *bounce)
{
	const struct report_end end = { .kind = REPORT_BOUNCE,
					.status = REPORT_OK,
					.reason = SPAN(""),
					.warnings = SPAN("") };
	struct report_sink *sink = job->sink;

	job->told++;
	if (sink->begin(sink, buf_span(&job->entry), job->err) < 0 ||
	    sink->bounce(sink, bounce, job->err) < 0)
		return -1;
	return sink->end(sink, &end, job->err);
}

/* A mail without another report in it: is it one of a failure, or a bounce? */
static int read_rest(struct job *job, struct failure_parts *parts,
		     const struct bounce_parts *bounce,
		     const struct extract *extract)
{
	if (extract_saw_failure(extract)) {
		if (!read_feedback(parts))
			return refuse(job, REPORT_FAILURE,
				      "no field of a feedback report (RFC "
				      "5965) in message/feedback-report");
		if (parts->header.p != NULL)
			failure_add_header(parts->header, parts->arena,
					   &parts->report);
		return tell_failure(job, &parts->report);
	}
	if (parts->text)
		return tell_failure(job, &parts->report);
	if (bounce->known && job->sink->bounce != NULL)
		return tell_bounce(job, &bounce->bounce);
	if (extract_saw_bounce(extract))
		return refuse(job, REPORT_AGGREGATE, NO_REPORT_BUT_BOUNCE);
	return 0;
}

static int read_part(struct job *job, const struct mail_part *part)
{
	struct source source = { .bytes = part->bytes };
	size_t before = enter(job, part->name.n > 0 ? part->name : part->type);
	int result = read_file(job, &source, 0);

	leave(job, before);
	return result;
}

static int read_parts(struct job *job, struct extract *extract,
		      struct failure_parts *failure,
		      struct bounce_parts *bounce)
{
	struct err fault = ERR_INIT;
	struct mail_part part;
	int more, result;

	while ((more = extract_next(extract, &part, &fault)) == 1) {
		if (take_failure_part(failure, &part))
			continue;
		look_for_bounce(bounce, &part);
		if (read_part(job, &part) < 0)
			return -1;
		if (!go_on(job, &result))
			return result;
	}
	if (more < 0)
		return refuse_fault(job, &fault);
	return job->told == 0 ? read_rest(job, failure, bounce, extract) : 0;
}

/* mail came from malloc(3), and is no longer there afterwards. */
static int read_mail(struct job *job, char *mail, size_t n)
{
	struct failure_parts failure = { .arena = NULL };
	struct bounce_parts bounce = { .arena = NULL };
	struct extract *extract = NULL;
	int result = -1;

	failure.arena = arena_new(MAX_FAILURE_MEMORY);
	bounce.arena = arena_new(MAX_BOUNCE_MEMORY);
	if (failure.arena == NULL || bounce.arena == NULL) {
		free(mail);
		err_set(job->err, ERR_TEMP, "out of memory");
	} else {
		extract = extract_new(mail, n, job->err);
		if (extract != NULL)
			result = read_parts(job, extract, &failure, &bounce);
	}
	extract_free(&extract);
	arena_free(&bounce.arena);
	arena_free(&failure.arena);
	return result;
}

/* own: the buf whose bytes they are, if they may be changed. */
static int read_anything(struct job *job, struct span bytes, struct buf *own)
{
	struct source source = { .bytes = bytes };
	char *mail;

	if (content_of(bytes) != CONTENT_OTHER || !extract_is_mail(bytes))
		return read_file(job, &source, 0);
	if (own != NULL) {
		mail = own->p;
		*own = (struct buf)BUF_INIT(own->max);
		return read_mail(job, mail, bytes.n);
	}
	mail = malloc(bytes.n);
	if (mail == NULL)
		return err_set(job->err, ERR_TEMP, "out of memory");
	memcpy(mail, bytes.p, bytes.n);
	return read_mail(job, mail, bytes.n);
}

static int refuse_empty(struct job *job)
{
	struct buf reason = BUF_INIT(MAX_SEEN_TEXT + 100);
	int result;

	buf_add_string(&reason, "no report found");
	if (job->seen.n > 0) {
		buf_add_string(&reason, ": ");
		buf_add(&reason, buf_span(&job->seen));
	}
	result = refuse(job, REPORT_AGGREGATE, buf_string(&reason));
	buf_release(&reason);
	return result;
}

static int read_all(struct span bytes, struct buf *own,
		    struct report_sink *sink, struct err *err)
{
	struct job job = {
		.sink = sink,
		.err = err,
		.entry = BUF_INIT(MAX_ENTRY_TEXT + 10),
		.seen = BUF_INIT(MAX_SEEN_TEXT + 10),
	};
	int result;

	buf_add_string(&job.entry, "");
	result = read_anything(&job, bytes, own);
	if (result == 0 && job.told == 0)
		result = refuse_empty(&job);
	buf_release(&job.entry);
	buf_release(&job.seen);
	return result;
}

int report_read(struct span bytes, struct report_sink *sink, struct err *err)
{
	return read_all(bytes, NULL, sink, err);
}

int report_read_own(struct buf *bytes, struct report_sink *sink,
		    struct err *err)
{
	return read_all(buf_span(bytes), bytes, sink, err);
}

/* ------------------------------------------------------------------- prepare */

/*
 * What the libraries load only when they first meet it (time zones, charsets of
 * names in archives) they meet here: a mail with an encoded Subject, a date, and
 * a zip with a name in UTF-8. (json-c asks for a random number once.)
 */
static const char sample[] =
	"From: =?utf-8?Q?R=C3=A9porter?= <r@reporter.example>\n"
	"Subject: =?iso-8859-1?Q?R=E9port?=\n"
	"Date: Thu, 16 Nov 2023 00:00:00 +0100\n"
	"Message-ID: <1@reporter.example>\n"
	"MIME-Version: 1.0\n"
	"Content-Type: application/zip; name*=utf-8''%C3%A9.zip\n"
	"Content-Transfer-Encoding: base64\n"
	"\n"
	"UEsDBBQAAAgIAAAAcFeEtwo7DQAAAAsAAAAGAAAAw6kueG1ss0lLTU1JSkzO1rcDAFBLAQIUAxQA\n"
	"AAgIAAAAcFeEtwo7DQAAAAsAAAAGAAAAAAAAAAAAAACAAQAAAADDqS54bWxQSwUGAAAAAAEAAQA0\n"
	"AAAAMQAAAAAA\n";

static int
ignore_begin(struct report_sink *self, struct span entry, struct err *err)
{
	(void)self, (void)entry, (void)err;
	return 0;
}

static int ignore_head(struct report_sink *self, const struct report_head *head,
		       struct err *err)
{
	(void)self, (void)head, (void)err;
	return 0;
}

static int ignore_row(struct report_sink *self, const struct report_row *row,
		      struct err *err)
{
	(void)self, (void)row, (void)err;
	return 0;
}

static int ignore_end(struct report_sink *self, const struct report_end *end,
		      struct err *err)
{
	(void)self, (void)end, (void)err;
	return 0;
}

int report_read_prepare(struct err *err)
{
	struct report_sink ignore = { .begin = ignore_begin,
				      .head = ignore_head,
				      .row = ignore_row,
				      .end = ignore_end };

	xml_reader_prepare();
	if (extract_prepare(err) < 0 ||
	    tls_read(SPAN(""), SPAN("{\"policies\": []}"), &ignore, err) < 0)
		return -1;
	return report_read((struct span){ sample, sizeof(sample) - 1 }, &ignore,
			   err);
}
