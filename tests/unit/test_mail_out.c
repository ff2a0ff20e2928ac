/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What we write is read back with GMime, as receivers of reports do.
 */
#include "report/mail_out.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <gmime/gmime.h>

#include "base/file.h"

#define ID "0123456789abcdef0123456789abcdef"

static const struct report_names names = {
	.file = "mx.example.org!example.com!1795305600!1795391999!" ID
		".xml.gz",
	.subject = "Report Domain: example.com Submitter: mx.example.org "
		   "Report-ID: <" ID ">",
	.message_id = ID "@mx.example.org",
};

static int open_temp(void)
{
	FILE *file = tmpfile();
	int fd;

	assert_non_null(file);
	fd = dup(fileno(file));
	assert_true(fd >= 0);
	fclose(file);
	return fd;
}

static struct report_mail a_mail(int attachment)
{
	return (struct report_mail){
		.names = &names,
		.org_name = "Caf\xc3\xa9, \"Sons\" & Co",
		.from = "dmarc@mx.example.org",
		.to = "rua@example.com",
		.extra_contact = "https://mx.example.org/\xc3\xa9",
		.date = 1795450000,
		.policy_domain = "example.com",
		.begin = 1795305600,
		.end = 1795391999,
		.messages = 12,
		.attachment = attachment,
	};
}

/* Every byte there is, and enough of them for many lines of base64. */
static int some_attachment(struct buf *bytes)
{
	int fd = open_temp();
	size_t i;

	for (i = 0; i < 20000; i++)
		buf_add_char(bytes, (char)(i * 7 / 3));
	assert_int_equal(write_all(fd, buf_span(bytes)), 0);
	return fd;
}

static void written(const struct report_mail *mail, struct buf *text)
{
	struct err err = ERR_INIT;
	int fd = open_temp();

	if (report_mail_write(mail, fd, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(file_read_fd(fd, "mail", text, &err), 0);
	close(fd);
}

static GMimeMessage *parse(const struct buf *text)
{
	GMimeStream *stream =
		g_mime_stream_mem_new_with_buffer(text->p, text->n);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);

	g_object_unref(parser);
	g_object_unref(stream);
	assert_non_null(message);
	return message;
}

static void
check_header(GMimeMessage *message, const char *name, const char *value)
{
	const char *got = g_mime_object_get_header(GMIME_OBJECT(message), name);

	assert_non_null(got);
	assert_string_equal(got, value);
}

static void
check_mailbox(InternetAddressList *list, const char *name, const char *address)
{
	InternetAddress *mailbox;
	const char *got;

	assert_int_equal(internet_address_list_length(list), 1);
	mailbox = internet_address_list_get_address(list, 0);
	got = internet_address_get_name(mailbox);
	assert_string_equal(got == NULL ? "" : got, name);
	assert_string_equal(internet_address_mailbox_get_addr(
				    INTERNET_ADDRESS_MAILBOX(mailbox)),
			    address);
}

static void has_its_headers(void **state)
{
	struct buf text = BUF_INIT(1 << 20), bytes = BUF_INIT(1 << 20);
	int fd = some_attachment(&bytes);
	struct report_mail mail = a_mail(fd);
	GMimeMessage *message;

	(void)state;
	written(&mail, &text);
	message = parse(&text);
	check_mailbox(g_mime_message_get_from(message), mail.org_name,
		      mail.from);
	check_mailbox(g_mime_message_get_to(message), "", mail.to);
	check_header(message, "Subject", names.subject);
	check_header(message, "Date", "Mon, 23 Nov 2026 16:06:40 +0000");
	check_header(message, "Message-ID", "<" ID "@mx.example.org>");
	check_header(message, "Auto-Submitted", "auto-generated");
	check_header(message, "MIME-Version", "1.0");
	assert_null(strstr(buf_string(&text), "\r"));
	/* In one piece, for readers that know no RFC 2231. */
	assert_non_null(strstr(buf_string(&text),
			       "\tfilename=\"mx.example.org!"
			       "example.com!1795305600!"
			       "1795391999!" ID ".xml.gz\"\n"));
	g_object_unref(message);
	close(fd);
	buf_release(&text);
	buf_release(&bytes);
}

static GByteArray *content(GMimeObject *part)
{
	GMimeStream *stream = g_mime_stream_mem_new();
	GByteArray *bytes;

	assert_true(GMIME_IS_PART(part));
	assert_true(g_mime_data_wrapper_write_to_stream(
			    g_mime_part_get_content(GMIME_PART(part)),
			    stream) >= 0);
	g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
	bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
	g_object_unref(stream);
	return bytes;
}

static void check_text(GMimeObject *part)
{
	GMimeContentType *type = g_mime_object_get_content_type(part);
	GByteArray *bytes = content(part);
	char *text = g_strndup((char *)bytes->data, bytes->len);

	assert_true(g_mime_content_type_is_type(type, "text", "plain"));
	assert_string_equal(g_mime_content_type_get_parameter(type, "charset"),
			    "utf-8");
	assert_non_null(strstr(text, "Caf\xc3\xa9, \"Sons\" & Co"));
	assert_non_null(strstr(text, "12 messages"));
	assert_non_null(strstr(text, "  example.com\n"));
	assert_non_null(strstr(text, "2026-11-22T00:00:00Z to "
				     "2026-11-22T23:59:59Z"));
	assert_non_null(strstr(text, "https://mx.example.org/\xc3\xa9"));
	g_free(text);
	g_byte_array_free(bytes, TRUE);
}

static void carries_text_and_report(void **state)
{
	struct buf text = BUF_INIT(1 << 20), bytes = BUF_INIT(1 << 20);
	int fd = some_attachment(&bytes);
	struct report_mail mail = a_mail(fd);
	GMimeMultipart *parts;
	GMimeMessage *message;
	GMimeObject *report;
	GByteArray *got;

	(void)state;
	/* The second mail begins at the start of the file again. */
	written(&mail, &text);
	buf_reset(&text);
	written(&mail, &text);
	message = parse(&text);
	assert_true(GMIME_IS_MULTIPART(g_mime_message_get_mime_part(message)));
	parts = GMIME_MULTIPART(g_mime_message_get_mime_part(message));
	assert_true(g_mime_content_type_is_type(
		g_mime_object_get_content_type(GMIME_OBJECT(parts)),
		"multipart", "mixed"));
	assert_int_equal(g_mime_multipart_get_count(parts), 2);
	check_text(g_mime_multipart_get_part(parts, 0));
	report = g_mime_multipart_get_part(parts, 1);
	assert_true(g_mime_content_type_is_type(
		g_mime_object_get_content_type(report), "application", "gzip"));
	assert_string_equal(g_mime_object_get_disposition(report),
			    "attachment");
	assert_string_equal(g_mime_part_get_filename(GMIME_PART(report)),
			    names.file);
	got = content(report);
	assert_int_equal(got->len, bytes.n);
	assert_memory_equal(got->data, bytes.p, bytes.n);
	g_byte_array_free(got, TRUE);
	g_object_unref(message);
	close(fd);
	buf_release(&text);
	buf_release(&bytes);
}

/* RFC 5322 2.1.1, with the longest names there can be. */
static void keeps_lines_short_enough(void **state)
{
	struct buf text = BUF_INIT(1 << 20), bytes = BUF_INIT(1 << 20);
	char domain[254], file[700], subject[700];
	struct report_names long_names = { file, subject, names.message_id };
	int fd = some_attachment(&bytes);
	struct report_mail mail = a_mail(fd);
	struct span rest, line;
	size_t i;

	(void)state;
	for (i = 0; i < 253; i++)
		domain[i] = i % 50 == 49 ? '.' : 'a';
	domain[253] = '\0';
	snprintf(file, sizeof(file),
		 "%s!%s!1795305600!1795391999!" ID ".xml.gz", domain, domain);
	snprintf(subject, sizeof(subject),
		 "Report Domain: %s Submitter: %s Report-ID: <" ID ">", domain,
		 domain);
	mail.names = &long_names;
	written(&mail, &text);
	assert_non_null(strstr(buf_string(&text), file));
	rest = buf_span(&text);
	while (span_take_line(&rest, &line))
		assert_true(line.n <= 998);
	close(fd);
	buf_release(&text);
	buf_release(&bytes);
}

static void refuses_strange_addresses(void **state)
{
	struct report_mail mail = a_mail(-1);
	struct err err = ERR_INIT;

	(void)state;
	mail.to = "rua@example.com\nBcc: all@example.com";
	assert_int_equal(report_mail_write(&mail, -1, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	mail = a_mail(-1);
	mail.from = "a@example.com, b@example.com";
	assert_int_equal(report_mail_write(&mail, -1, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
}

static void tells_a_full_disk(void **state)
{
	struct buf bytes = BUF_INIT(1 << 20);
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	int fd = some_attachment(&bytes);
	struct report_mail mail = a_mail(fd);
	struct err err = ERR_INIT;

	(void)state;
	if (full < 0)
		skip();
	assert_int_equal(report_mail_write(&mail, full, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	mail.attachment = -1;
	assert_int_equal(report_mail_write(&mail, full, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	close(full);
	close(fd);
	buf_release(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_its_headers),
		cmocka_unit_test(carries_text_and_report),
		cmocka_unit_test(keeps_lines_short_enough),
		cmocka_unit_test(refuses_strange_addresses),
		cmocka_unit_test(tells_a_full_disk),
	};

	report_mail_prepare();
	return cmocka_run_group_tests_name("mail_out", tests, NULL, NULL);
}
