/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/wire.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "report/bounce.h"
#include "report/failure.h"
#include "report/limits.h"
#include "report/tls.h"

/*
 * A frame: one octet of type, four of length, then the fields. Numbers are
 * eight octets, truth values one, texts a length of four and their octets; all
 * in network order.
 */
enum frame {
	FRAME_BEGIN = 'B',
	FRAME_HEAD = 'H',
	FRAME_ROW = 'R',
	FRAME_FAILURE = 'A',
	FRAME_TLS_HEAD = 'T',
	FRAME_TLS_POLICY = 'P',
	FRAME_TLS_FAILURE = 'D',
	FRAME_BOUNCE = 'U',
	FRAME_END = 'E',
	FRAME_FINISH = 'F',
};

#define FRAME_HEADER 5
#define TEXT_ABSENT  UINT32_C(0xffffffff)

/* Frames are sent when this many octets have come together. */
#define SEND_AT ((size_t)32 * 1024)

/* What a reader keeps from one mail to the next. */
#define KEEP_BYTES ((size_t)64 * 1024)

/*
 * Fields in one direction or the other. With out, they are written from the
 * values; without, they are taken from in and checked. One function describes a
 * struct for both, so the two sides cannot differ.
 */
struct codec {
	struct buf *out;
	struct span in;
	bool bad;
};

/* A number of n octets, at most eight, to bytes. */
static inline void set_bytes(char *bytes, uint64_t value, size_t n)
{
	uint64_t all = htobe64(value);

	memcpy(bytes, (const char *)&all + sizeof(all) - n, n);
}

static inline void put_bytes(struct buf *out, uint64_t value, size_t n)
{
	char *bytes = buf_more(out, n);

	if (bytes != NULL)
		set_bytes(bytes, value, n);
}

static inline uint64_t take_bytes(struct codec *codec, size_t n)
{
	uint64_t value = 0;

	if (codec->bad || codec->in.n < n) {
		codec->bad = true;
		return 0;
	}
	memcpy((char *)&value + sizeof(value) - n, codec->in.p, n);
	codec->in.p += n;
	codec->in.n -= n;
	return be64toh(value);
}

/* A number of n octets, at most max. */
static inline void
code_bytes(struct codec *codec, uint64_t *value, size_t n, uint64_t max)
{
	if (codec->out != NULL) {
		put_bytes(codec->out, *value, n);
		return;
	}
	*value = take_bytes(codec, n);
	if (*value > max) {
		codec->bad = true;
		*value = 0;
	}
}

static void code_number(struct codec *codec, uint64_t *value, uint64_t max)
{
	code_bytes(codec, value, 8, max);
}

static void code_size(struct codec *codec, size_t *value, size_t max)
{
	uint64_t number = *value;

	code_bytes(codec, &number, 8, max);
	*value = (size_t)number;
}

static void code_time(struct codec *codec, int64_t *value)
{
	uint64_t number = (uint64_t)*value;

	code_bytes(codec, &number, 8, MAX_TIME);
	*value = (int64_t)number;
}

static void code_bool(struct codec *codec, bool *value)
{
	uint64_t number = *value ? 1 : 0;

	code_bytes(codec, &number, 1, 1);
	*value = number == 1;
}

/* An enum of one octet whose values are dense up to last. */
#define CODE_ENUM(codec, value, type, last)                              \
	do {                                                             \
		uint64_t code_number_ = (uint64_t)(value);               \
                                                                         \
		code_bytes((codec), &code_number_, 1, (uint64_t)(last)); \
		(value) = (type)code_number_;                            \
	} while (0)

static void put_text(struct buf *out, struct span text)
{
	char *bytes;

	if (text.p == NULL) {
		put_bytes(out, TEXT_ABSENT, 4);
		return;
	}
	bytes = buf_more(out, 4 + text.n);
	if (bytes == NULL)
		return;
	set_bytes(bytes, text.n, 4);
	memcpy(bytes + 4, text.p, text.n);
}

static void code_long_text(struct codec *codec, struct span *text, size_t max)
{
	uint64_t n;

	if (codec->out != NULL) {
		put_text(codec->out, *text);
		return;
	}
	*text = (struct span){ .p = NULL, .n = 0 };
	n = take_bytes(codec, 4);
	if (codec->bad || n == TEXT_ABSENT)
		return;
	if (n > max || n > codec->in.n) {
		codec->bad = true;
		return;
	}
	*text = (struct span){ codec->in.p, (size_t)n };
	codec->in.p += n;
	codec->in.n -= (size_t)n;
}

static void code_text(struct codec *codec, struct span *text)
{
	code_long_text(codec, text, MAX_TEXT_BYTES);
}

static void code_head(struct codec *codec, struct report_head *head)
{
	size_t i;

	CODE_ENUM(codec, head->dialect, enum report_dialect, DIALECT_RFC9990);
	code_text(codec, &head->version);
	code_text(codec, &head->org_name);
	code_text(codec, &head->email);
	code_text(codec, &head->extra_contact);
	code_text(codec, &head->report_id);
	code_time(codec, &head->begin);
	code_time(codec, &head->end);
	code_size(codec, &head->n_errors, MAX_REPORT_ERRORS);
	for (i = 0; i < head->n_errors; i++)
		code_text(codec, &head->errors[i]);
	code_text(codec, &head->generator);
	code_text(codec, &head->policy_domain);
	code_bool(codec, &head->have_method);
	CODE_ENUM(codec, head->method, enum discovery_method, DISCOVERY_PSL);
	CODE_ENUM(codec, head->p, enum dmarc_policy, DMARC_POLICY_REJECT);
	CODE_ENUM(codec, head->sp, enum dmarc_policy, DMARC_POLICY_REJECT);
	CODE_ENUM(codec, head->np, enum dmarc_policy, DMARC_POLICY_REJECT);
	code_text(codec, &head->adkim);
	code_text(codec, &head->aspf);
	code_text(codec, &head->pct);
	code_text(codec, &head->fo);
	code_text(codec, &head->testing);
}

static void code_row(struct codec *codec, struct report_row *row)
{
	size_t i;

	code_text(codec, &row->source_ip);
	code_number(codec, &row->count, MAX_MESSAGES);
	CODE_ENUM(codec, row->disposition, enum disposition,
		  DISPOSITION_REJECT);
	code_bool(codec, &row->dkim_aligned);
	code_bool(codec, &row->spf_aligned);
	code_size(codec, &row->n_reasons, MAX_ROW_REASONS);
	for (i = 0; i < row->n_reasons; i++) {
		CODE_ENUM(codec, row->reasons[i].type, enum reason_type,
			  REASON_SAMPLED_OUT);
		code_text(codec, &row->reasons[i].comment);
	}
	code_text(codec, &row->header_from);
	code_text(codec, &row->envelope_from);
	code_text(codec, &row->envelope_to);
	code_size(codec, &row->n_dkim, MAX_ROW_SIGNATURES);
	for (i = 0; i < row->n_dkim; i++) {
		code_text(codec, &row->dkim[i].domain);
		code_text(codec, &row->dkim[i].selector);
		CODE_ENUM(codec, row->dkim[i].result, enum auth_result,
			  AUTH_PERMERROR);
		code_text(codec, &row->dkim[i].human);
	}
	code_size(codec, &row->n_spf, MAX_ROW_SPF);
	for (i = 0; i < row->n_spf; i++) {
		code_text(codec, &row->spf[i].domain);
		CODE_ENUM(codec, row->spf[i].scope, enum spf_scope,
			  SPF_SCOPE_HELO);
		CODE_ENUM(codec, row->spf[i].result, enum auth_result,
			  AUTH_PERMERROR);
		code_text(codec, &row->spf[i].human);
	}
}

static void code_failure(struct codec *codec, struct failure_report *report)
{
	struct span *const texts[] = {
		&report->feedback_type,
		&report->user_agent,
		&report->auth_failure,
		&report->delivery_result,
		&report->identity_alignment,
		&report->source_ip,
		&report->reported_domain,
		&report->mail_from,
		&report->rcpt_to,
		&report->dkim_domain,
		&report->dkim_identity,
		&report->dkim_selector,
		&report->spf_dns,
		&report->authentication_results,
		&report->header_from,
		&report->subject,
		&report->message_id,
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		code_text(codec, texts[i]);
	code_time(codec, &report->arrival);
	code_number(codec, &report->incidents, MAX_MESSAGES);
	code_long_text(codec, &report->header, MAX_FAILURE_HEADER_BYTES);
}

static void code_tls_head(struct codec *codec, struct tls_head *head)
{
	code_text(codec, &head->org_name);
	code_text(codec, &head->contact);
	code_text(codec, &head->report_id);
	code_time(codec, &head->begin);
	code_time(codec, &head->end);
}

static void code_tls_policy(struct codec *codec, struct tls_policy *policy)
{
	code_text(codec, &policy->type);
	code_text(codec, &policy->domain);
	code_text(codec, &policy->mx_host);
	code_number(codec, &policy->successes, MAX_MESSAGES);
	code_number(codec, &policy->failures, MAX_MESSAGES);
}

static void code_tls_failure(struct codec *codec, struct tls_failure *failure)
{
	code_text(codec, &failure->result);
	code_text(codec, &failure->sending_ip);
	code_text(codec, &failure->receiving_mx);
	code_text(codec, &failure->receiving_helo);
	code_text(codec, &failure->receiving_ip);
	code_text(codec, &failure->reason_code);
	code_text(codec, &failure->additional);
	code_number(codec, &failure->sessions, MAX_MESSAGES);
}

static void code_bounce(struct codec *codec, struct bounce *bounce)
{
	CODE_ENUM(codec, bounce->kind, enum bounce_kind, BOUNCE_HARD);
	code_text(codec, &bounce->status);
	code_text(codec, &bounce->recipient);
	code_text(codec, &bounce->diagnostic);
	code_text(codec, &bounce->reporter);
}

static void code_end(struct codec *codec, struct report_end *end)
{
	CODE_ENUM(codec, end->kind, enum report_kind, REPORT_BOUNCE);
	CODE_ENUM(codec, end->status, enum report_status, REPORT_REJECTED);
	code_text(codec, &end->reason);
	code_number(codec, &end->skipped_rows, MAX_UNPACKED_BYTES);
	code_text(codec, &end->warnings);
}

static int no_memory(struct err *err)
{
	return err_set(err, ERR_TEMP, "out of memory");
}

/* ------------------------------------------------------------- writing */

struct wire_writer {
	struct report_sink sink; /* first: the sink is the writer */
	int fd;
	struct buf out;
	struct report_row row; /* too large for the stack of each call */
};

static struct wire_writer *writer_of(struct report_sink *sink)
{
	return (struct wire_writer *)sink;
}

static int send_all(struct wire_writer *writer, struct err *err)
{
	if (!buf_ok(&writer->out))
		return no_memory(err);
	if (write_all(writer->fd, buf_span(&writer->out)) < 0)
		return err_errno(err, ERR_TEMP, "pipe");
	buf_reset(&writer->out);
	return 0;
}

/* Start a frame; returns where its length will stand. */
static size_t open_frame(struct wire_writer *writer, enum frame type)
{
	buf_add_char(&writer->out, (char)type);
	put_bytes(&writer->out, 0, 4);
	return writer->out.n - 4;
}

static int close_frame(struct wire_writer *writer, size_t at, struct err *err)
{
	size_t i, n;

	if (!buf_ok(&writer->out))
		return no_memory(err);
	n = writer->out.n - at - 4;
	if (n > MAX_FRAME_BYTES)
		return err_set(err, ERR_LIMIT, "a row of %zu octets", n);
	for (i = 0; i < 4; i++)
		writer->out.p[at + i] = (char)(n >> (8 * (3 - i)));
	return writer->out.n < SEND_AT ? 0 : send_all(writer, err);
}

static int
write_begin(struct report_sink *self, struct span entry, struct err *err)
{
	struct wire_writer *writer = writer_of(self);
	struct codec codec = { .out = &writer->out };
	size_t at = open_frame(writer, FRAME_BEGIN);

	code_text(&codec, &entry);
	return close_frame(writer, at, err);
}

static int write_head(struct report_sink *self, const struct report_head *head,
		      struct err *err)
{
	struct wire_writer *writer = writer_of(self);
	struct codec codec = { .out = &writer->out };
	size_t at = open_frame(writer, FRAME_HEAD);
	struct report_head copy = *head;

	code_head(&codec, &copy);
	return close_frame(writer, at, err);
}

static void copy_row(struct report_row *to, const struct report_row *from)
{
	memcpy(to, from, offsetof(struct report_row, reasons));
	memcpy(to->reasons, from->reasons,
	       from->n_reasons * sizeof(from->reasons[0]));
	memcpy(to->dkim, from->dkim, from->n_dkim * sizeof(from->dkim[0]));
	memcpy(to->spf, from->spf, from->n_spf * sizeof(from->spf[0]));
}

static int write_row(struct report_sink *self, const struct report_row *row,
		     struct err *err)
{
	struct wire_writer *writer = writer_of(self);
	struct codec codec = { .out = &writer->out };
	size_t at = open_frame(writer, FRAME_ROW);

	copy_row(&writer->row, row);
	code_row(&codec, &writer->row);
	return close_frame(writer, at, err);
}

static int write_failure(struct report_sink *self,
			 const struct failure_report *value, struct err *err)
{
	struct wire_writer *writer = writer_of(self);
	struct codec codec = { .out = &writer->out };
	size_t at = open_frame(writer, FRAME_FAILURE);
	struct failure_report copy = *value;

	code_failure(&codec, &copy);
	return close_frame(writer, at, err);
}

static int write_tls_head(struct report_sink *self,
			  const struct tls_head *value, struct err *err)
{
	struct wire_writer *writer = writer_of(self);
	struct codec codec = { .out = &writer->out };
	size_t at = open_frame(writer, FRAME_TLS_HEAD);
	struct tls_head copy = *value;

	code_tls_head(&codec, &copy);
	return close_frame(writer, at, err);
}

static int write_tls_policy(struct report_sink *self,
			    const struct tls_policy *value, struct err *err)
{
	struct wire_writer *writer = writer_of(self);
	struct codec codec = { .out = &writer->out };
	size_t at = open_frame(writer, FRAME_TLS_POLICY);
	struct tls_policy copy = *value;

	code_tls_policy(&codec, &copy);
	return close_frame(writer, at, err);
}

static int write_tls_failure(struct report_sink *self,
			     const struct tls_failure *value, struct err *err)
{
	struct wire_writer *writer = writer_of(self);
	struct codec codec = { .out = &writer->out };
	size_t at = open_frame(writer, FRAME_TLS_FAILURE);
	struct tls_failure copy = *value;

	code_tls_failure(&codec, &copy);
	return close_frame(writer, at, err);
}

static int write_bounce(struct report_sink *self, const struct bounce *value,
			struct err *err)
{
	struct wire_writer *writer = writer_of(self);
	struct codec codec = { .out = &writer->out };
	size_t at = open_frame(writer, FRAME_BOUNCE);
	struct bounce copy = *value;

	code_bounce(&codec, &copy);
	return close_frame(writer, at, err);
}

static int write_end(struct report_sink *self, const struct report_end *end,
		     struct err *err)
{
	struct wire_writer *writer = writer_of(self);
	struct codec codec = { .out = &writer->out };
	size_t at = open_frame(writer, FRAME_END);
	struct report_end copy = *end;

	code_end(&codec, &copy);
	return close_frame(writer, at, err);
}

struct report_sink *wire_writer_new(int fd, struct err *err)
{
	struct wire_writer *writer = calloc(1, sizeof(*writer));

	if (writer == NULL) {
		no_memory(err);
		return NULL;
	}
	*writer = (struct wire_writer){
		.sink = { .begin = write_begin,
			  .head = write_head,
			  .row = write_row,
			  .end = write_end,
			  .failure = write_failure,
			  .tls_head = write_tls_head,
			  .tls_policy = write_tls_policy,
			  .tls_failure = write_tls_failure,
			  .bounce = write_bounce },
		.fd = fd,
		.out = BUF_INIT(SEND_AT + 2 * MAX_FRAME_BYTES),
	};
	return &writer->sink;
}

int wire_writer_finish(struct report_sink *sink, struct err *err)
{
	struct wire_writer *writer = writer_of(sink);
	size_t at = open_frame(writer, FRAME_FINISH);

	if (close_frame(writer, at, err) < 0)
		return -1;
	return send_all(writer, err);
}

void wire_writer_free(struct report_sink **sink)
{
	struct wire_writer *writer;

	if (*sink == NULL)
		return;
	writer = writer_of(*sink);
	buf_release(&writer->out);
	free(writer);
	*sink = NULL;
}

/* ------------------------------------------------------------- reading */

/* What was said last about the report at hand. */
enum state {
	STATE_BETWEEN, /* no report */
	STATE_BEGUN,
	STATE_HEAD,
	STATE_ROWS,
	STATE_FAILURE, /* a failure report: only the end is left */
	STATE_BOUNCE,  /* the same of a bounce */
	STATE_TLS,     /* the head of a TLS report */
	STATE_TLS_POLICY,
	STATE_FINISHED,
};

struct wire_reader {
	struct buf part; /* a frame of which not all has come */
	unsigned long long taken;
	struct report_sink *sink;
	struct report_row row; /* too large for the stack of each call */
	enum state state;
	size_t reports;
	size_t rows;
	uint64_t messages;
	size_t tls_policies; /* of the report at hand */
	size_t tls_failures;
};

static int malformed(struct err *err, const char *what)
{
	return err_set(err, ERR_INPUT, "the parser spoke nonsense: %s", what);
}

static int
take_begin(struct wire_reader *reader, struct codec *codec, struct err *err)
{
	struct span entry = { .p = NULL, .n = 0 };

	code_text(codec, &entry);
	if (codec->bad || codec->in.n > 0)
		return malformed(err, "bad begin");
	if (reader->state != STATE_BETWEEN)
		return malformed(err, "begin inside a report");
	if (++reader->reports > MAX_MAIL_REPORTS + 2)
		return malformed(err, "too many reports");
	reader->state = STATE_BEGUN;
	reader->messages = 0;
	reader->tls_policies = reader->tls_failures = 0;
	return reader->sink->begin(reader->sink, entry, err);
}

static int
take_head(struct wire_reader *reader, struct codec *codec, struct err *err)
{
	struct report_head head = { .dialect = DIALECT_RFC7489 };

	code_head(codec, &head);
	if (codec->bad || codec->in.n > 0)
		return malformed(err, "bad metadata");
	if (reader->state != STATE_BEGUN)
		return malformed(err, "metadata out of order");
	if (head.report_id.n == 0 || head.policy_domain.n == 0)
		return malformed(err, "metadata without its key");
	reader->state = STATE_HEAD;
	return reader->sink->head(reader->sink, &head, err);
}

/* The text of an address as inet_ntop(3) writes it? */
static bool is_canonical(struct span text)
{
	char copy[INET6_ADDRSTRLEN];
	char again[INET6_ADDRSTRLEN];
	unsigned char address[16];

	if (text.n == 0 || text.n >= sizeof(copy))
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	/* Of IPv4, it reads nothing else. */
	if (inet_pton(AF_INET, copy, address) == 1)
		return strlen(copy) == text.n;
	if (inet_pton(AF_INET6, copy, address) != 1 ||
	    inet_ntop(AF_INET6, address, again, sizeof(again)) == NULL)
		return false;
	return strlen(again) == text.n && memcmp(again, copy, text.n) == 0;
}

static int
take_row(struct wire_reader *reader, struct codec *codec, struct err *err)
{
	struct report_row *row = &reader->row;

	report_row_clear(row);
	code_row(codec, row);
	if (codec->bad || codec->in.n > 0)
		return malformed(err, "bad row");
	if (reader->state != STATE_HEAD && reader->state != STATE_ROWS)
		return malformed(err, "row out of order");
	if (!is_canonical(row->source_ip))
		return malformed(err, "bad address");
	if (++reader->rows > MAX_ROWS)
		return malformed(err, "too many rows");
	if (row->count > MAX_MESSAGES - reader->messages)
		return malformed(err, "too many messages");
	reader->messages += row->count;
	reader->state = STATE_ROWS;
	return reader->sink->row(reader->sink, row, err);
}

static int
take_failure(struct wire_reader *reader, struct codec *codec, struct err *err)
{
	struct failure_report report = { .incidents = 0 };

	code_failure(codec, &report);
	if (codec->bad || codec->in.n > 0 || report.incidents == 0)
		return malformed(err, "bad failure report");
	if (reader->state != STATE_BEGUN)
		return malformed(err, "failure report out of order");
	if (report.source_ip.p != NULL && !is_canonical(report.source_ip))
		return malformed(err, "bad address");
	reader->state = STATE_FAILURE;
	return reader->sink->failure == NULL ?
		       0 :
		       reader->sink->failure(reader->sink, &report, err);
}

static int
take_bounce(struct wire_reader *reader, struct codec *codec, struct err *err)
{
	struct bounce bounce = { .kind = BOUNCE_NONE };

	code_bounce(codec, &bounce);
	if (codec->bad || codec->in.n > 0)
		return malformed(err, "bad bounce");
	if (reader->state != STATE_BEGUN)
		return malformed(err, "bounce out of order");
	reader->state = STATE_BOUNCE;
	return reader->sink->bounce == NULL ?
		       0 :
		       reader->sink->bounce(reader->sink, &bounce, err);
}

static int
take_tls_head(struct wire_reader *reader, struct codec *codec, struct err *err)
{
	struct tls_head head = { .begin = 0 };

	code_tls_head(codec, &head);
	if (codec->bad || codec->in.n > 0 || head.report_id.n == 0 ||
	    head.begin > head.end)
		return malformed(err, "bad TLS report");
	if (reader->state != STATE_BEGUN)
		return malformed(err, "TLS report out of order");
	reader->state = STATE_TLS;
	return reader->sink->tls_head == NULL ?
		       0 :
		       reader->sink->tls_head(reader->sink, &head, err);
}

static int take_tls_policy(struct wire_reader *reader, struct codec *codec,
			   struct err *err)
{
	struct tls_policy policy = { .successes = 0 };

	code_tls_policy(codec, &policy);
	if (codec->bad || codec->in.n > 0)
		return malformed(err, "bad TLS policy");
	if (reader->state != STATE_TLS && reader->state != STATE_TLS_POLICY)
		return malformed(err, "TLS policy out of order");
	if (++reader->tls_policies > MAX_TLS_POLICIES)
		return malformed(err, "too many TLS policies");
	reader->state = STATE_TLS_POLICY;
	return reader->sink->tls_policy == NULL ?
		       0 :
		       reader->sink->tls_policy(reader->sink, &policy, err);
}

static int take_tls_failure(struct wire_reader *reader, struct codec *codec,
			    struct err *err)
{
	struct tls_failure failure = { .sessions = 0 };

	code_tls_failure(codec, &failure);
	if (codec->bad || codec->in.n > 0)
		return malformed(err, "bad TLS failure");
	if (reader->state != STATE_TLS_POLICY)
		return malformed(err, "TLS failure out of order");
	if (++reader->tls_failures > MAX_TLS_FAILURES)
		return malformed(err, "too many TLS failures");
	return reader->sink->tls_failure == NULL ?
		       0 :
		       reader->sink->tls_failure(reader->sink, &failure, err);
}

/* Was everything said that a good report of this kind has? */
static bool is_complete(const struct wire_reader *reader, enum report_kind kind)
{
	switch (kind) {
	case REPORT_AGGREGATE:
		return reader->state == STATE_ROWS;
	case REPORT_FAILURE:
		return reader->state == STATE_FAILURE;
	case REPORT_TLS:
		return reader->state == STATE_TLS ||
		       reader->state == STATE_TLS_POLICY;
	case REPORT_BOUNCE:
		return reader->state == STATE_BOUNCE;
	}
	return false;
}

static int
take_end(struct wire_reader *reader, struct codec *codec, struct err *err)
{
	struct report_end end = { .kind = REPORT_AGGREGATE };

	code_end(codec, &end);
	if (codec->bad || codec->in.n > 0)
		return malformed(err, "bad end");
	if (reader->state == STATE_BETWEEN)
		return malformed(err, "end without begin");
	if ((end.status == REPORT_REJECTED) != (end.reason.n > 0))
		return malformed(err, "a reason without refusal, or none");
	if (end.status != REPORT_REJECTED && !is_complete(reader, end.kind))
		return malformed(err, "good report without its parts");
	if (end.kind == REPORT_BOUNCE && reader->sink->bounce == NULL) {
		end.status = REPORT_REJECTED;
		end.reason = SPAN(NO_REPORT_BUT_BOUNCE);
	}
	reader->state = STATE_BETWEEN;
	return reader->sink->end(reader->sink, &end, err);
}

static int
take_finish(struct wire_reader *reader, struct codec *codec, struct err *err)
{
	if (codec->in.n > 0 || reader->state != STATE_BETWEEN)
		return malformed(err, "finish inside a report");
	if (reader->reports == 0)
		return malformed(err, "nothing was said about the mail");
	reader->state = STATE_FINISHED;
	return 0;
}

static int take_frame(struct wire_reader *reader, char type, struct span fields,
		      struct err *err)
{
	struct codec codec = { .in = fields };

	switch (type) {
	case FRAME_BEGIN:
		return take_begin(reader, &codec, err);
	case FRAME_HEAD:
		return take_head(reader, &codec, err);
	case FRAME_ROW:
		return take_row(reader, &codec, err);
	case FRAME_FAILURE:
		return take_failure(reader, &codec, err);
	case FRAME_TLS_HEAD:
		return take_tls_head(reader, &codec, err);
	case FRAME_TLS_POLICY:
		return take_tls_policy(reader, &codec, err);
	case FRAME_TLS_FAILURE:
		return take_tls_failure(reader, &codec, err);
	case FRAME_BOUNCE:
		return take_bounce(reader, &codec, err);
	case FRAME_END:
		return take_end(reader, &codec, err);
	case FRAME_FINISH:
		return take_finish(reader, &codec, err);
	default:
		return malformed(err, "unknown frame");
	}
}

/* How long is the frame that begins here? 0 while that cannot be told. */
static int frame_length(struct span bytes, size_t *n, struct err *err)
{
	struct codec length = { .in = bytes };

	*n = 0;
	if (bytes.n < FRAME_HEADER)
		return 0;
	(void)take_bytes(&length, 1);
	*n = (size_t)take_bytes(&length, 4);
	if (*n > MAX_FRAME_BYTES)
		return malformed(err, "frame too long");
	*n += FRAME_HEADER;
	return 0;
}

static int
take_whole(struct wire_reader *reader, struct span frame, struct err *err)
{
	struct span fields = { frame.p + FRAME_HEADER, frame.n - FRAME_HEADER };

	return take_frame(reader, frame.p[0], fields, err);
}

/* Move what is missing of a frame of n octets, or what there is of it. */
static int fill_part(struct wire_reader *reader, struct span *bytes, size_t n,
		     struct err *err)
{
	struct span more = *bytes;

	if (more.n > n - reader->part.n)
		more.n = n - reader->part.n;
	buf_add(&reader->part, more);
	bytes->p += more.n;
	bytes->n -= more.n;
	return buf_ok(&reader->part) ? 0 : no_memory(err);
}

/* The frame that began in earlier bytes. */
static int
go_on_part(struct wire_reader *reader, struct span *bytes, struct err *err)
{
	size_t n;
	int result;

	if (reader->part.n < FRAME_HEADER &&
	    fill_part(reader, bytes, FRAME_HEADER, err) < 0)
		return -1;
	if (frame_length(buf_span(&reader->part), &n, err) < 0)
		return -1;
	if (n == 0)
		return 0;
	if (fill_part(reader, bytes, n, err) < 0)
		return -1;
	if (reader->part.n < n)
		return 0;
	result = take_whole(reader, buf_span(&reader->part), err);
	/* One long frame should not be paid for as long as the process lives. */
	if (reader->part.room > KEEP_BYTES)
		buf_release(&reader->part);
	else
		buf_reset(&reader->part);
	return result;
}

static int
take_frames(struct wire_reader *reader, struct span *bytes, struct err *err)
{
	while (reader->state != STATE_FINISHED && bytes->n > 0) {
		size_t n = 0;

		if (reader->part.n > 0) {
			if (go_on_part(reader, bytes, err) < 0)
				return -1;
			continue;
		}
		if (frame_length(*bytes, &n, err) < 0)
			return -1;
		if (n == 0 || n > bytes->n) {
			if (fill_part(reader, bytes, bytes->n, err) < 0)
				return -1;
			continue;
		}
		if (take_whole(reader, (struct span){ bytes->p, n }, err) < 0)
			return -1;
		bytes->p += n;
		bytes->n -= n;
	}
	return 0;
}

int wire_reader_push(struct wire_reader *reader, struct span *bytes,
		     struct err *err)
{
	size_t before = bytes->n;

	if (take_frames(reader, bytes, err) < 0)
		return -1;
	reader->taken += before - bytes->n;
	if (reader->taken > MAX_WIRE_BYTES)
		return malformed(err, "no end");
	return reader->state == STATE_FINISHED;
}

struct wire_reader *wire_reader_new(struct err *err)
{
	struct wire_reader *reader = calloc(1, sizeof(*reader));

	if (reader == NULL) {
		no_memory(err);
		return NULL;
	}
	reader->part = (struct buf)BUF_INIT(MAX_FRAME_BYTES + FRAME_HEADER);
	return reader;
}

void wire_reader_start(struct wire_reader *reader, struct report_sink *sink)
{
	buf_reset(&reader->part);
	reader->taken = 0;
	reader->sink = sink;
	reader->state = STATE_BETWEEN;
	reader->reports = 0;
	reader->rows = 0;
	reader->messages = 0;
}

void wire_reader_free(struct wire_reader **reader)
{
	if (*reader == NULL)
		return;
	buf_release(&(*reader)->part);
	free(*reader);
	*reader = NULL;
}
