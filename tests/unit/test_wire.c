/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "report/failure.h"
#include "report/limits.h"
#include "report/tls.h"
#include "unit/said.h"

#define MANY 300 /* rows: more than one write of the writer */

static struct report_head sample_head(void)
{
	return (struct report_head){
		.dialect = DIALECT_RFC9990,
		.version = SPAN("1.0"),
		.org_name = SPAN("R\xc3\xa9porter"),
		.email = SPAN("r@reporter.example"),
		.report_id = SPAN("id"),
		.begin = 1700006400,
		.end = 1700092799,
		.errors = { SPAN("one"), SPAN("two") },
		.n_errors = 2,
		.policy_domain = SPAN("example.org"),
		.have_method = true,
		.method = DISCOVERY_PSL,
		.p = DMARC_POLICY_REJECT,
		.np = DMARC_POLICY_NONE,
		.adkim = SPAN("s"),
		.testing = SPAN("y"),
	};
}

static struct report_row sample_row(void)
{
	return (struct report_row){
		.source_ip = SPAN("2001:db8::1"),
		.count = 12345678901,
		.disposition = DISPOSITION_REJECT,
		.spf_aligned = true,
		.reasons = { { REASON_SAMPLED_OUT, SPAN("why") } },
		.n_reasons = 1,
		.header_from = SPAN("example.org"),
		.envelope_from = SPAN(""),
		.dkim = { { SPAN("d.example"), SPAN("s"), AUTH_PERMERROR,
			    SPAN("h") },
			  { SPAN("e.example"),
			    { NULL, 0 },
			    AUTH_PASS,
			    { NULL, 0 } } },
		.n_dkim = 2,
		.spf = { { SPAN("m.example"),
			   SPF_SCOPE_HELO,
			   AUTH_SOFTFAIL,
			   { NULL, 0 } } },
		.n_spf = 1,
	};
}

static struct failure_report sample_failure(void)
{
	return (struct failure_report){
		.feedback_type = SPAN("auth-failure"),
		.user_agent = SPAN("agent"),
		.auth_failure = SPAN("dmarc"),
		.delivery_result = SPAN("delivered"),
		.identity_alignment = SPAN("none"),
		.source_ip = SPAN("192.0.2.7"),
		.reported_domain = SPAN("example.org"),
		.mail_from = SPAN(""),
		.rcpt_to = SPAN("a@example.net"),
		.dkim_domain = SPAN("d.example"),
		.dkim_identity = SPAN("@d.example"),
		.dkim_selector = SPAN("s"),
		.spf_dns = SPAN("txt : example.org : v=spf1"),
		.authentication_results = SPAN("mx; dmarc=fail"),
		.arrival = 1700046000,
		.incidents = 3,
		.header_from = SPAN("example.org"),
		.subject = SPAN("subject"),
		.header = SPAN("From: a@example.org\n"),
	};
}

static struct tls_head sample_tls(void)
{
	return (struct tls_head){
		.org_name = SPAN("Reporter"),
		.report_id = SPAN("id"),
		.begin = 1700006400,
		.end = 1700092799,
	};
}

static struct tls_policy sample_policy(void)
{
	return (struct tls_policy){
		.type = SPAN("sts"),
		.domain = SPAN("example.org"),
		.mx_host = SPAN("*.example.org mx.example.net"),
		.successes = 12345678901,
		.failures = 2,
	};
}

static struct tls_failure sample_tls_failure(void)
{
	return (struct tls_failure){
		.result = SPAN("certificate-expired"),
		.sending_ip = SPAN("192.0.2.7"),
		.receiving_mx = SPAN("mx.example.org"),
		.receiving_helo = SPAN("helo.example.org"),
		.receiving_ip = SPAN("2001:db8::7"),
		.reason_code = SPAN("X509"),
		.additional = SPAN("more"),
		.sessions = 2,
	};
}

/* A failure report and a TLS report with two policies. */
static void say_others(struct report_sink *sink)
{
	const struct failure_report failure = sample_failure();
	const struct tls_head tls = sample_tls();
	const struct tls_policy policy = sample_policy();
	const struct tls_failure detail = sample_tls_failure();
	struct report_end end = { .kind = REPORT_FAILURE,
				  .status = REPORT_OK,
				  .reason = SPAN(""),
				  .warnings = SPAN("") };
	struct err err = ERR_INIT;

	assert_int_equal(sink->begin(sink, SPAN("f"), &err), 0);
	assert_int_equal(sink->failure(sink, &failure, &err), 0);
	assert_int_equal(sink->end(sink, &end, &err), 0);
	end.kind = REPORT_TLS;
	assert_int_equal(sink->begin(sink, SPAN("t"), &err), 0);
	assert_int_equal(sink->tls_head(sink, &tls, &err), 0);
	assert_int_equal(sink->tls_policy(sink, &policy, &err), 0);
	assert_int_equal(sink->tls_failure(sink, &detail, &err), 0);
	assert_int_equal(sink->tls_failure(sink, &detail, &err), 0);
	assert_int_equal(sink->tls_policy(sink, &policy, &err), 0);
	assert_int_equal(sink->end(sink, &end, &err), 0);
}

/* Four reports, the second refused, by whatever sink. */
static void say(struct report_sink *sink, size_t rows)
{
	struct report_head head = sample_head();
	struct report_row row = sample_row();
	struct report_end end = { .kind = REPORT_AGGREGATE,
				  .status = REPORT_PARTIAL,
				  .reason = SPAN(""),
				  .skipped_rows = 3,
				  .warnings = SPAN("line 1: odd") };
	struct report_end refused = { .kind = REPORT_TLS,
				      .status = REPORT_REJECTED,
				      .reason = SPAN("not yet"),
				      .warnings = SPAN("") };
	struct err err = ERR_INIT;
	size_t i;

	assert_int_equal(sink->begin(sink, SPAN("a.xml"), &err), 0);
	assert_int_equal(sink->head(sink, &head, &err), 0);
	for (i = 0; i < rows; i++)
		assert_int_equal(sink->row(sink, &row, &err), 0);
	assert_int_equal(sink->end(sink, &end, &err), 0);
	assert_int_equal(sink->begin(sink, SPAN(""), &err), 0);
	assert_int_equal(sink->end(sink, &refused, &err), 0);
	say_others(sink);
}

static int temporary(void)
{
	FILE *file = tmpfile();
	int fd;

	assert_non_null(file);
	fd = dup(fileno(file));
	fclose(file);
	assert_true(fd >= 0);
	return fd;
}

/* The frames of say() as octets. */
static void frames(struct buf *out, size_t rows)
{
	struct err err = ERR_INIT;
	int fd = temporary();
	struct report_sink *writer = wire_writer_new(fd, &err);

	assert_non_null(writer);
	say(writer, rows);
	assert_int_equal(wire_writer_finish(writer, &err), 0);
	wire_writer_free(&writer);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(file_read_fd(fd, "frames", out, &err), 0);
	close(fd);
}

/* In pieces of so many octets. 1 for a finished mail, 0 for too few octets. */
static int
push(struct span bytes, size_t piece, struct said *said, struct err *err)
{
	struct wire_reader *reader = wire_reader_new(err);
	int result = 0;

	assert_non_null(reader);
	wire_reader_start(reader, &said->sink);
	while (result == 0 && bytes.n > 0) {
		struct span next = { bytes.p,
				     bytes.n < piece ? bytes.n : piece };

		bytes.p += next.n;
		bytes.n -= next.n;
		result = wire_reader_push(reader, &next, err);
		if (result >= 0)
			assert_int_equal(next.n, 0);
	}
	wire_reader_free(&reader);
	assert_null(said->broken);
	return result;
}

static int read_frames(struct span bytes, struct said *said, struct err *err)
{
	return push(bytes, bytes.n, said, err);
}

static void test_what_goes_in_comes_out(void **state)
{
	struct buf bytes = BUF_INIT(16 * 1024 * 1024);
	struct err err = ERR_INIT;
	struct said want, got;

	(void)state;
	said_start(&want);
	said_start(&got);
	say(&want.sink, MANY);
	frames(&bytes, MANY);
	assert_int_equal(read_frames(buf_span(&bytes), &got, &err), 1);
	assert_string_equal(buf_string(&got.text), buf_string(&want.text));
	said_release(&want);
	said_release(&got);
	buf_release(&bytes);
}

static void test_pieces_of_any_size(void **state)
{
	struct buf bytes = BUF_INIT(1024 * 1024);
	struct said want;
	size_t piece;

	(void)state;
	said_start(&want);
	say(&want.sink, 3);
	frames(&bytes, 3);
	for (piece = 1; piece <= bytes.n; piece++) {
		struct err err = ERR_INIT;
		struct said got;

		said_start(&got);
		assert_int_equal(push(buf_span(&bytes), piece, &got, &err), 1);
		assert_string_equal(buf_string(&got.text),
				    buf_string(&want.text));
		said_release(&got);
	}
	said_release(&want);
	buf_release(&bytes);
}

/* A child reads many mails, and what it says of them may come at once. */
static void test_mail_after_mail(void **state)
{
	struct buf bytes = BUF_INIT(1024 * 1024);
	struct err err = ERR_INIT;
	struct wire_reader *reader = wire_reader_new(&err);
	struct span rest;
	size_t i;

	(void)state;
	assert_non_null(reader);
	frames(&bytes, 1);
	frames(&bytes, 2);
	rest = buf_span(&bytes);
	for (i = 1; i <= 2; i++) {
		struct said said;

		said_start(&said);
		wire_reader_start(reader, &said.sink);
		assert_int_equal(wire_reader_push(reader, &rest, &err), 1);
		assert_int_equal(said.reports, 4);
		assert_int_equal(said.depth, 0);
		said_release(&said);
	}
	assert_int_equal(rest.n, 0);
	wire_reader_free(&reader);
	buf_release(&bytes);
}

/* A child that dies anywhere has not finished. */
static void test_every_early_end_is_seen(void **state)
{
	struct buf bytes = BUF_INIT(1024 * 1024);
	size_t n;

	(void)state;
	frames(&bytes, 2);
	for (n = 0; n < bytes.n; n++) {
		struct span part = { bytes.p, n };
		struct err err = ERR_INIT;
		struct said said;

		said_start(&said);
		assert_int_equal(read_frames(part, &said, &err), 0);
		said_release(&said);
	}
	buf_release(&bytes);
}

/* Whatever an octet is turned into: no promise to the sink is broken. */
static void test_no_octet_is_believed(void **state)
{
	static const unsigned char values[] = { 0, 1, 2, 0x7f, 0xff };
	struct buf bytes = BUF_INIT(1024 * 1024);
	size_t at, i;

	(void)state;
	frames(&bytes, 1);
	for (at = 0; at < bytes.n; at++) {
		char good = bytes.p[at];

		for (i = 0; i < sizeof(values); i++) {
			struct err err = ERR_INIT;
			struct said said;

			said_start(&said);
			bytes.p[at] = (char)values[i];
			if (read_frames(buf_span(&bytes), &said, &err) < 0)
				assert_int_equal(err.kind, ERR_INPUT);
			said_release(&said);
		}
		bytes.p[at] = good;
	}
	buf_release(&bytes);
}

/* One head and some rows through frames: 1, or -1 for those it refuses. */
static int
pass(const struct report_head *head, const struct report_row *row, size_t times)
{
	struct report_end end = { .status = REPORT_OK, .reason = SPAN("") };
	struct err err = ERR_INIT;
	struct said said;
	struct buf bytes = BUF_INIT(1024 * 1024);
	int fd = temporary();
	struct report_sink *writer = wire_writer_new(fd, &err);
	int result;

	assert_non_null(writer);
	assert_int_equal(writer->begin(writer, SPAN("e"), &err), 0);
	if (head != NULL)
		assert_int_equal(writer->head(writer, head, &err), 0);
	while (times-- > 0)
		assert_int_equal(writer->row(writer, row, &err), 0);
	assert_int_equal(writer->end(writer, &end, &err), 0);
	assert_int_equal(wire_writer_finish(writer, &err), 0);
	wire_writer_free(&writer);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(file_read_fd(fd, "frames", &bytes, &err), 0);
	said_start(&said);
	result = read_frames(buf_span(&bytes), &said, &err);
	said_release(&said);
	buf_release(&bytes);
	close(fd);
	return result;
}

static void test_order(void **state)
{
	struct report_head head = sample_head();
	struct report_row row = sample_row();

	(void)state;
	assert_int_equal(pass(&head, &row, 1), 1);
	assert_int_equal(pass(NULL, &row, 1), -1);
	assert_int_equal(pass(&head, &row, 0), -1); /* good, but no rows */
}

/* One report of another kind: what is said between begin and end. */
static int pass_other(enum report_kind kind,
		      const struct failure_report *failure,
		      const struct tls_head *tls, size_t policies,
		      const struct tls_failure *detail, size_t details)
{
	const struct tls_policy policy = sample_policy();
	struct report_end end = { .kind = kind,
				  .status = REPORT_OK,
				  .reason = SPAN("") };
	struct buf bytes = BUF_INIT(64 * 1024 * 1024);
	struct err err = ERR_INIT;
	struct said said;
	int fd = temporary();
	struct report_sink *writer = wire_writer_new(fd, &err);
	int result;

	assert_non_null(writer);
	assert_int_equal(writer->begin(writer, SPAN("e"), &err), 0);
	if (failure != NULL)
		assert_int_equal(writer->failure(writer, failure, &err), 0);
	if (tls != NULL)
		assert_int_equal(writer->tls_head(writer, tls, &err), 0);
	while (policies-- > 0)
		assert_int_equal(writer->tls_policy(writer, &policy, &err), 0);
	while (details-- > 0)
		assert_int_equal(writer->tls_failure(writer, detail, &err), 0);
	assert_int_equal(writer->end(writer, &end, &err), 0);
	assert_int_equal(wire_writer_finish(writer, &err), 0);
	wire_writer_free(&writer);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(file_read_fd(fd, "frames", &bytes, &err), 0);
	said_start(&said);
	result = read_frames(buf_span(&bytes), &said, &err);
	said_release(&said);
	buf_release(&bytes);
	close(fd);
	return result == 1 ? 0 : result;
}

static void test_other_kinds(void **state)
{
	static char header[MAX_FAILURE_HEADER_BYTES + 1];
	struct failure_report failure = sample_failure();
	struct tls_head tls = sample_tls();
	struct tls_failure detail = sample_tls_failure();

	(void)state;
	assert_int_equal(pass_other(REPORT_FAILURE, &failure, NULL, 0, NULL, 0),
			 0);
	assert_int_equal(pass_other(REPORT_TLS, NULL, &tls, 0, NULL, 0), 0);
	assert_int_equal(pass_other(REPORT_TLS, NULL, &tls, 1, &detail, 1), 0);
	/* out of order, or nothing behind a good end */
	assert_int_equal(pass_other(REPORT_FAILURE, NULL, NULL, 0, NULL, 0),
			 -1);
	assert_int_equal(pass_other(REPORT_TLS, NULL, NULL, 1, NULL, 0), -1);
	assert_int_equal(pass_other(REPORT_TLS, NULL, &tls, 0, &detail, 1), -1);
	assert_int_equal(pass_other(REPORT_TLS, &failure, NULL, 0, NULL, 0),
			 -1);
	assert_int_equal(
		pass_other(REPORT_AGGREGATE, &failure, NULL, 0, NULL, 0), -1);
	assert_int_equal(pass_other(REPORT_TLS, &failure, &tls, 0, NULL, 0),
			 -1);
	/* limits */
	assert_int_equal(pass_other(REPORT_TLS, NULL, &tls, MAX_TLS_POLICIES,
				    &detail, MAX_TLS_FAILURES),
			 0);
	assert_int_equal(pass_other(REPORT_TLS, NULL, &tls,
				    MAX_TLS_POLICIES + 1, NULL, 0),
			 -1);
	assert_int_equal(pass_other(REPORT_TLS, NULL, &tls, 1, &detail,
				    MAX_TLS_FAILURES + 1),
			 -1);
	memset(header, 'x', sizeof(header));
	failure.header = (struct span){ header, sizeof(header) - 1 };
	assert_int_equal(pass_other(REPORT_FAILURE, &failure, NULL, 0, NULL, 0),
			 0);
	failure.header.n++;
	assert_int_equal(pass_other(REPORT_FAILURE, &failure, NULL, 0, NULL, 0),
			 -1);
	/* values */
	failure = sample_failure();
	failure.incidents = 0;
	assert_int_equal(pass_other(REPORT_FAILURE, &failure, NULL, 0, NULL, 0),
			 -1);
	failure = sample_failure();
	failure.source_ip = SPAN("192.0.2.07");
	assert_int_equal(pass_other(REPORT_FAILURE, &failure, NULL, 0, NULL, 0),
			 -1);
	tls.end = tls.begin - 1;
	assert_int_equal(pass_other(REPORT_TLS, NULL, &tls, 0, NULL, 0), -1);
}

static void test_limits(void **state)
{
	static char text[MAX_TEXT_BYTES + 1];
	struct report_head head = sample_head();
	struct report_row row = sample_row();

	(void)state;
	memset(text, 'x', sizeof(text));
	head.org_name = (struct span){ text, MAX_TEXT_BYTES };
	assert_int_equal(pass(&head, &row, 1), 1);
	head.org_name.n++;
	assert_int_equal(pass(&head, &row, 1), -1);

	head = sample_head();
	row.count = MAX_MESSAGES / 2;
	assert_int_equal(pass(&head, &row, 2), 1);
	assert_int_equal(pass(&head, &row, 3), -1);
	head.end = MAX_TIME;
	row.count = 1;
	assert_int_equal(pass(&head, &row, 1), 1);
	head.end = MAX_TIME + 1;
	assert_int_equal(pass(&head, &row, 1), -1);
}

static void test_addresses(void **state)
{
	static const char *const bad[] = { "",           "192.0.2.01",
					   "192.0.2.1 ", "2001:DB8::1",
					   "::1%lo",     "example.org" };
	struct report_head head = sample_head();
	struct report_row row = sample_row();
	size_t i;

	(void)state;
	row.source_ip = SPAN("192.0.2.1");
	assert_int_equal(pass(&head, &row, 1), 1);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		row.source_ip = span_of(bad[i]);
		assert_int_equal(pass(&head, &row, 1), -1);
	}
}

static void test_a_refusing_sink_ends_it(void **state)
{
	struct buf bytes = BUF_INIT(1024 * 1024);
	int calls;

	(void)state;
	frames(&bytes, 2);
	for (calls = 0; calls < 7; calls++) {
		struct err err = ERR_INIT;
		struct said said;

		said_start(&said);
		said.refuse_after = calls;
		assert_int_equal(read_frames(buf_span(&bytes), &said, &err),
				 -1);
		assert_string_equal(err.text, "the sink refused");
		said_release(&said);
	}
	buf_release(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_goes_in_comes_out),
		cmocka_unit_test(test_pieces_of_any_size),
		cmocka_unit_test(test_mail_after_mail),
		cmocka_unit_test(test_every_early_end_is_seen),
		cmocka_unit_test(test_no_octet_is_believed),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_other_kinds),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_a_refusing_sink_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
