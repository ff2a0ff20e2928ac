/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/mail_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <gmime/gmime.h>

#include "base/buf.h"
#include "base/quote.h"
#include "base/utc.h"
#include "report/address.h"

#define MAX_TEXT_BYTES   ((size_t)16 * 1024) /* of the text part */
#define MAX_HEADER_BYTES 1000 /* names of two domains and an id fit well */

void report_mail_prepare(void)
{
	g_mime_init();
}

static int check_address(const char *address, struct err *err)
{
	if (!address_is_plain(span_of(address), NULL))
		return err_set(err, ERR_INPUT, "not an address: %s",
			       quote(span_of(address)).text);
	return 0;
}

/*
 * GMime would cut file names and domains above one line into pieces (RFC 2231,
 * RFC 2047), which many readers of reports do not put together again. A header
 * line may be 998 octets long; value is ASCII and ends in LF.
 */
static void add_raw(GMimeObject *object, const char *name, const char *value)
{
	GMimeHeaderList *headers = g_mime_object_get_header_list(object);

	g_mime_header_list_set(headers, name, "", NULL);
	g_mime_header_set_raw_value(
		g_mime_header_list_get_header(headers, name), value);
}

/* ------------------------------------------------------------------- parts */

static int
format_text(struct buf *text, const struct report_mail *mail, struct err *err)
{
	buf_addf(text,
		 "This is a DMARC aggregate report from %s.\n\n"
		 "It covers %" PRIu64 " message%s with a From: address in the "
		 "domain\n  %s\nor below it that arrived here from\n"
		 "  %s to %s (UTC).\n\n",
		 mail->org_name, mail->messages, mail->messages == 1 ? "" : "s",
		 mail->policy_domain, utc_stamp(mail->begin).text,
		 utc_stamp(mail->end).text);
	buf_add_string(
		text, "You get it because the DMARC record of that domain "
		      "names this address\n(tag \"rua\"). The attached file is "
		      "the report, as XML compressed by gzip\n(RFC 9990). To "
		      "get no more of them, take the address out of the "
		      "record.\n");
	if (mail->extra_contact[0] != '\0')
		buf_addf(text, "\nContact: %s\n", mail->extra_contact);
	if (!buf_ok(text))
		return err_set(err, ERR_LIMIT, "mail: the text is too long");
	return 0;
}

/* Takes the stream over. */
static GMimePart *part_of(const char *type, const char *subtype,
			  GMimeStream *stream, GMimeContentEncoding encoding)
{
	GMimeDataWrapper *content = g_mime_data_wrapper_new_with_stream(
		stream, GMIME_CONTENT_ENCODING_BINARY);
	GMimePart *part = g_mime_part_new_with_type(type, subtype);

	g_mime_part_set_content(part, content);
	g_mime_part_set_content_encoding(part, encoding);
	g_object_unref(content);
	g_object_unref(stream);
	return part;
}

/* Not a GMimeTextPart, which would choose a charset by itself. */
static GMimeObject *text_part(const struct report_mail *mail, struct err *err)
{
	struct buf text = BUF_INIT(MAX_TEXT_BYTES);
	GMimePart *part = NULL;

	if (format_text(&text, mail, err) == 0) {
		part = part_of(
			"text", "plain",
			g_mime_stream_mem_new_with_buffer(text.p, text.n),
			GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
		g_mime_object_set_content_type_parameter(GMIME_OBJECT(part),
							 "charset", "utf-8");
	}
	buf_release(&text);
	return part == NULL ? NULL : GMIME_OBJECT(part);
}

static GMimeObject *attachment(const struct report_mail *mail, struct err *err)
{
	char type[MAX_HEADER_BYTES], disposition[MAX_HEADER_BYTES];
	int copy = dup(mail->attachment);
	GMimePart *part;

	if (copy < 0 || lseek(copy, 0, SEEK_SET) < 0) {
		err_errno(err, ERR_TEMP, "mail: attachment");
		if (copy >= 0)
			close(copy);
		return NULL;
	}
	/* The stream closes copy at its end. */
	part = part_of("application", "gzip", g_mime_stream_fs_new(copy),
		       GMIME_CONTENT_ENCODING_BASE64);
	snprintf(type, sizeof(type), " application/gzip;\n\tname=\"%s\"\n",
		 mail->names->file);
	snprintf(disposition, sizeof(disposition),
		 " attachment;\n\tfilename=\"%s\"\n", mail->names->file);
	add_raw(GMIME_OBJECT(part), "Content-Type", type);
	add_raw(GMIME_OBJECT(part), "Content-Disposition", disposition);
	return GMIME_OBJECT(part);
}

static GMimeObject *body(const struct report_mail *mail, struct err *err)
{
	GMimeObject *text = text_part(mail, err);
	GMimeObject *file = text == NULL ? NULL : attachment(mail, err);
	GMimeMultipart *both = NULL;
	char boundary[70]; /* RFC 2046 5.1.1 */

	if (file != NULL) {
		both = g_mime_multipart_new_with_subtype("mixed");
		/* "=_" stands in neither base64 nor quoted-printable. */
		snprintf(boundary, sizeof(boundary), "=_%s",
			 mail->names->message_id);
		boundary[strcspn(boundary, "@")] = '\0';
		g_mime_multipart_set_boundary(both, boundary);
		g_mime_multipart_add(both, text);
		g_mime_multipart_add(both, file);
	}
	g_clear_object(&text);
	g_clear_object(&file);
	return both == NULL ? NULL : GMIME_OBJECT(both);
}

/* ----------------------------------------------------------------- message */

static void add_mailbox(GMimeMessage *message, GMimeAddressType type,
			const char *name, const char *address)
{
	InternetAddress *mailbox = internet_address_mailbox_new(name, address);

	internet_address_set_charset(mailbox, "utf-8");
	internet_address_list_add(g_mime_message_get_addresses(message, type),
				  mailbox);
	g_object_unref(mailbox);
}

/* "Submitter:" and "Report-ID:" begin lines of their own (R8.4 has FWS there). */
static void add_subject(GMimeMessage *message, const char *subject)
{
	struct buf raw = BUF_INIT(MAX_HEADER_BYTES);
	const char *submitter = strstr(subject, " Submitter:");
	const char *report_id = strstr(subject, " Report-ID:");
	const char *c;

	buf_add_char(&raw, ' ');
	for (c = subject; *c != '\0'; c++) {
		if (c == submitter || c == report_id)
			buf_add_char(&raw, '\n');
		buf_add_char(&raw, *c);
	}
	buf_add_char(&raw, '\n');
	add_raw(GMIME_OBJECT(message), "Subject", buf_string(&raw));
	buf_release(&raw);
}

static GMimeMessage *message(const struct report_mail *mail, struct err *err)
{
	GMimeObject *parts = body(mail, err);
	char line[MAX_HEADER_BYTES];
	GMimeMessage *message;

	if (parts == NULL)
		return NULL;
	message = g_mime_message_new(FALSE);
	add_mailbox(message, GMIME_ADDRESS_TYPE_FROM, mail->org_name,
		    mail->from);
	add_mailbox(message, GMIME_ADDRESS_TYPE_TO, NULL, mail->to);
	add_subject(message, mail->names->subject);
	snprintf(line, sizeof(line), " %s\n", utc_mail(mail->date).text);
	add_raw(GMIME_OBJECT(message), "Date", line);
	snprintf(line, sizeof(line), " <%s>\n", mail->names->message_id);
	add_raw(GMIME_OBJECT(message), "Message-ID", line);
	add_raw(GMIME_OBJECT(message), "Auto-Submitted", " auto-generated\n");
	g_mime_message_set_mime_part(message, parts);
	g_object_unref(parts);
	return message;
}

static int write_message(GMimeMessage *message, int fd, struct err *err)
{
	int copy = dup(fd);
	GMimeStream *stream;
	int result = 0;

	if (copy < 0)
		return err_errno(err, ERR_TEMP, "mail");
	/* Of all streams the one that does not seek; closes copy at its end. */
	stream = g_mime_stream_pipe_new(copy);
	if (g_mime_object_write_to_stream(GMIME_OBJECT(message), NULL, stream) <
		    0 ||
	    g_mime_stream_flush(stream) < 0)
		result = err_errno(err, ERR_TEMP, "mail");
	g_object_unref(stream);
	return result;
}

int report_mail_write(const struct report_mail *mail, int fd, struct err *err)
{
	GMimeMessage *made;
	int result;

	if (check_address(mail->from, err) < 0 ||
	    check_address(mail->to, err) < 0)
		return -1;
	made = message(mail, err);
	if (made == NULL)
		return -1;
	result = write_message(made, fd, err);
	g_object_unref(made);
	return result;
}
