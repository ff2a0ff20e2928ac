/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What write_xml writes, read_xml reads: the same values, in both dialects,
 * whatever the texts hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "report/read_xml.h"
#include "report/write_xml.h"
#include "unit/random_report.h"
#include "unit/said.h"

#define REPORTS     10000
#define MAX_ROWS_IN 3
#define MAX_BYTES   ((size_t)16 * 1024 * 1024)

struct sample {
	struct report_head head;
	struct report_row rows[MAX_ROWS_IN];
	size_t n;
};

static void tell(const struct sample *sample, struct report_sink *sink)
{
	const struct report_end end = { .status = REPORT_OK,
					.reason = { "", 0 },
					.warnings = { "", 0 } };
	struct err err = ERR_INIT;
	size_t i;

	if (sink->begin(sink, SPAN("a.xml"), &err) < 0 ||
	    sink->head(sink, &sample->head, &err) < 0)
		fail_msg("%s", err.text);
	for (i = 0; i < sample->n; i++)
		if (sink->row(sink, &sample->rows[i], &err) < 0)
			fail_msg("%s", err.text);
	if (sink->end(sink, &end, &err) < 0)
		fail_msg("%s", err.text);
}

static void
write_document(const struct sample *sample, int fd, struct buf *document)
{
	struct err err = ERR_INIT;
	struct report_sink *writer;

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	writer = xml_writer_new(fd, false, MAX_BYTES, &err);
	assert_non_null(writer);
	tell(sample, writer);
	xml_writer_free(&writer);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	buf_reset(document);
	assert_int_equal(file_read_fd(fd, "document", document, &err), 0);
}

static void read_document(struct span document, struct said *said)
{
	struct err err = ERR_INIT;
	struct xml_reader *reader =
		xml_reader_new(SPAN("a.xml"), &said->sink, &err);

	assert_non_null(reader);
	if (xml_reader_push(reader, document, &err) < 0 ||
	    xml_reader_finish(reader, SPAN(""), &err) < 0)
		fail_msg("%s", err.text);
	xml_reader_free(&reader);
}

/* One document of random size, written and read. */
static void
go_round(struct test_random *random, enum report_dialect dialect, int fd)
{
	static struct sample sample; /* too large for the stack */
	struct buf document = BUF_INIT(MAX_BYTES);
	struct arena *arena = arena_new(MAX_BYTES);
	struct said told, read;
	size_t i;

	random_head(random, dialect, arena, &sample.head);
	sample.n = 1 + random_below(random, MAX_ROWS_IN);
	for (i = 0; i < sample.n; i++)
		random_row(random, dialect, arena, &sample.rows[i]);
	said_start(&told);
	said_start(&read);
	tell(&sample, &told.sink);
	write_document(&sample, fd, &document);
	read_document(buf_span(&document), &read);
	if (strcmp(buf_string(&told.text), buf_string(&read.text)) != 0) {
		fprintf(stderr, "written:\n%s\ntold:\n%s\nread:\n%s\n",
			buf_string(&document), buf_string(&told.text),
			buf_string(&read.text));
		fail();
	}
	said_release(&told);
	said_release(&read);
	buf_release(&document);
	arena_free(&arena);
}

static void many(enum report_dialect dialect)
{
	struct test_random random = { 1123581321 };
	FILE *file = tmpfile();
	int i;

	assert_non_null(file);
	for (i = 0; i < REPORTS; i++)
		go_round(&random, dialect, fileno(file));
	fclose(file);
}

static void rfc9990(void **state)
{
	(void)state;
	many(DIALECT_RFC9990);
}

static void rfc7489(void **state)
{
	(void)state;
	many(DIALECT_RFC7489);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc9990),
		cmocka_unit_test(rfc7489),
	};

	xml_reader_prepare();
	return cmocka_run_group_tests_name("round_trip", tests, NULL, NULL);
}
