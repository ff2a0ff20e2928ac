/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/extract.h"

#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#include <gmime/gmime.h>

#include "base/buf.h"
#include "report/limits.h"
#include "report/plain.h"
#include "report/unpack.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A multipart that is being walked through. */
struct level {
	GMimeMultipart *multipart;
	int next;
	bool returns; /* it may return a message that was sent */
};

struct extract {
	GMimeMessage *message;
	GMimeObject *root; /* until it was given out; borrowed */
	struct level levels[MAX_MAIL_DEPTH];
	size_t n_levels;
	size_t parts;
	bool failure;
	bool bounce;
	char *text;          /* all of the mail, changed in places; or */
	GByteArray *mail;    /* the same for GMime */
	GByteArray *decoded; /* a part that is not decoded where it stands */
	struct plain_mail plain; /* of text */
	size_t next_plain;
	struct span bytes; /* of the part, in one of these */
	char *type;
	char *name;
};

#define PIECE_BYTES ((size_t)8 * 1024)

/* No name of a charset is longer (RFC 2978 2.3). */
#define MAX_CHARSET_NAME 40

/*
 * Mail names charsets in its Subject, addresses and file names, and GMime
 * decodes those while it parses. These are the ones that mail is written in;
 * words in others are not decoded.
 */
static const char *const charsets[] = {
	"us-ascii",       "utf-8",         "utf-7",        "utf-16",
	"iso-8859-1",     "iso-8859-2",    "iso-8859-3",   "iso-8859-4",
	"iso-8859-5",     "iso-8859-6",    "iso-8859-7",   "iso-8859-8",
	"iso-8859-9",     "iso-8859-10",   "iso-8859-13",  "iso-8859-14",
	"iso-8859-15",    "iso-8859-16",   "windows-1250", "windows-1251",
	"windows-1252",   "windows-1253",  "windows-1254", "windows-1255",
	"windows-1256",   "windows-1257",  "windows-1258", "koi8-r",
	"koi8-u",         "gb2312",        "gbk",          "gb18030",
	"big5",           "big5-hkscs",    "euc-jp",       "shift_jis",
	"cp932",          "iso-2022-jp",   "euc-kr",       "iso-2022-kr",
	"cp949",          "johab",         "euc-tw",       "tis-620",
	"cp437",          "cp850",         "cp866",        "macintosh",
	"hz-gb-2312",     "viscii",        "ascii",        "utf8",
	"latin1",         "cp1250",        "cp1251",       "cp1252",
	"cp1253",         "cp1254",        "cp1255",       "cp1256",
	"cp1257",         "cp1258",        "cp936",        "euc-cn",
	"ks_c_5601-1987", "iso-2022-jp-2", "windows-31j",  "x-sjis",
	"iso-8859-8-i",
};

/*
 * Open converters are what keeps a charset's table loaded; they stay open for
 * the life of the program, which is why they are static.
 */
static iconv_t kept_open[COUNT(charsets)];

int extract_prepare(struct err *err)
{
	size_t i;

	(void)err;
	if (kept_open[0] != NULL)
		return 0;
	g_mime_init();
	/* Some are not installed everywhere; mail in them is read without. */
	for (i = 0; i < COUNT(charsets); i++)
		kept_open[i] = iconv_open("utf-8", charsets[i]);
	return 0;
}

bool extract_is_mail(struct span beginning)
{
	struct span line;
	size_t i;

	if (!span_take_line(&beginning, &line))
		return false;
	if (span_starts(line, "From "))
		return true;
	for (i = 0; i < line.n && line.p[i] != ':'; i++)
		if (line.p[i] <= ' ' || line.p[i] > '~')
			return false;
	return i > 0 && i < line.n;
}

static bool is_open(struct span charset)
{
	size_t i;

	for (i = 0; i < COUNT(charsets); i++)
		if (span_is(charset, charsets[i]))
			return true;
	return false;
}

/*
 * The name of a charset at the start of text, before one of the ends; false
 * when there is none.
 */
static bool charset_name(struct span text, const char *ends, struct span *name)
{
	size_t i;

	for (i = 0; i < text.n && i <= MAX_CHARSET_NAME; i++) {
		if (text.p[i] != '\0' && strchr(ends, text.p[i]) != NULL) {
			*name = span_trim((struct span){ text.p, i });
			return true;
		}
	}
	return false;
}

/*
 * Break encoded words (=?CHARSET?B?...) and extended parameters
 * (name*=CHARSET'...) in charsets that are not open: to decode them, iconv
 * would open a file, which ends the sandboxed parser. What they say is only for
 * show. In a body, the same text is as rare as it is harmless.
 */
static void break_words(char *mail, size_t n)
{
	const char *found;
	size_t at, before;

	for (at = 0; at + 1 < n; at++) {
		struct span rest, name;

		found = memchr(mail + at, '=', n - at - 1);
		if (found == NULL)
			return;
		at = (size_t)(found - mail);
		rest = (struct span){ mail + at + 1, n - at - 1 };
		if (rest.p[0] == '?') {
			rest.p++;
			rest.n--;
			if (charset_name(rest, "?*", &name) && !is_open(name))
				mail[at] = '_';
			continue;
		}
		for (before = at; before > 0; before--)
			if (!ascii_is_space(mail[before - 1]))
				break;
		if (before > 0 && mail[before - 1] == '*' &&
		    charset_name(rest, "'", &name) && !is_open(name))
			mail[before - 1] = '_';
	}
}

/* A mail from an old Mac has no LF at all, which GMime does not expect. */
static void mend_line_ends(char *mail, size_t n)
{
	size_t i;

	if (n == 0 || memchr(mail, '\n', n) != NULL)
		return;
	for (i = 0; i < n; i++)
		if (mail[i] == '\r')
			mail[i] = '\n';
}

/* "Name:" of a field, as it should be. */
static bool is_field(struct span line)
{
	size_t i;

	for (i = 0; i < line.n && line.p[i] != ':'; i++)
		if (line.p[i] <= ' ' || line.p[i] > '~')
			return false;
	return i > 0 && i < line.n;
}

/* A field that says nothing, of n octets, in place of some that are left out. */
static void fill_gap(char *gap, size_t n)
{
	static const char name[] = "X:";

	if (n == 0)
		return;
	memset(gap, 'x', n);
	memcpy(gap, name, n < 2 ? n : 2);
	if (n > 2)
		gap[n - 1] = '\n';
}

/* Trustwave's gateway leaves out the hyphen; a blank behind ":" makes room. */
static void mend_name(char *field, struct span line)
{
	if (span_starts(line, "ContentType: "))
		memcpy(field, "Content-Type:", sizeof("Content-Type:") - 1);
}

/*
 * Of the mail's own header GMime needs what says how the body is to be read; to
 * take apart the addresses, dates and words of all other fields would cost it
 * more than all the rest. So what it needs is moved to the front. Where the header
 * is not as it should be, it is left alone from there on.
 */
static void cut_header(char *mail, size_t n)
{
	struct span rest = { mail, n };
	struct span line;
	size_t at = 0, to = 0;
	bool keep = true;

	while (span_take_line(&rest, &line) && line.n > 0) {
		size_t length = (size_t)(rest.p - mail) - at;

		if (line.p[0] != ' ' && line.p[0] != '\t') {
			if (!is_field(line) &&
			    !(at == 0 && span_starts(line, "From ")))
				break;
			mend_name(mail + at, line);
			keep = at == 0 || span_starts(line, "Content-") ||
			       span_starts(line, "MIME-");
		}
		if (keep) {
			memmove(mail + to, mail + at, length);
			to += length;
		}
		at += length;
	}
	fill_gap(mail + to, at - to);
}

/* ------------------------------------------------------------------- base64 */

#define XX (-1)

static const short base64_values[256] = {
	XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, 62, XX, XX, XX, 63, 52, 53, 54, 55, 56, 57,
	58, 59, 60, 61, XX, XX, XX, XX, XX, XX, XX, 0,  1,  2,  3,  4,  5,  6,
	7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
	25, XX, XX, XX, XX, XX, XX, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36,
	37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
	XX, XX, XX, XX,
};

#undef XX

/*
 * Decode groups of four digits from the start of the n octets at p, until there is
 * anything else but line ends between them. The result takes the place of what it
 * was, *out octets of it. Returns how much was read.
 */
static size_t decode_groups(char *p, size_t n, size_t *out)
{
	const unsigned char *in = (const unsigned char *)p;
	size_t at = 0, to = 0;

	while (n - at >= 4) {
		int a, b, c, d;

		if (in[at] == '\n' || in[at] == '\r') {
			at++;
			continue;
		}
		a = base64_values[in[at]];
		b = base64_values[in[at + 1]];
		c = base64_values[in[at + 2]];
		d = base64_values[in[at + 3]];
		if ((a | b | c | d) < 0)
			break;
		p[to++] = (char)(a << 2 | b >> 4);
		p[to++] = (char)(b << 4 | c >> 2);
		p[to++] = (char)(c << 6 | d);
		at += 4;
	}
	*out = to;
	return at;
}

/* All of it; whatever is unusual is GMime's. */
static size_t decode_base64(char *p, size_t n)
{
	char piece[PIECE_BYTES];
	GMimeEncoding state;
	size_t to;
	size_t at = decode_groups(p, n, &to);

	g_mime_encoding_init_decode(&state, GMIME_CONTENT_ENCODING_BASE64);
	while (at < n) {
		size_t length = n - at < sizeof(piece) ? n - at : sizeof(piece);
		size_t out =
			g_mime_encoding_step(&state, p + at, length, piece);

		memcpy(p + to, piece, out);
		at += length;
		to += out;
	}
	return to;
}

/* Does the beginning decode to something that we know? */
static bool is_good_base64(const char *p, size_t n)
{
	char piece[PIECE_BYTES];
	enum content content;
	size_t out;

	if (n > sizeof(piece))
		n = sizeof(piece);
	memcpy(piece, p, n);
	out = decode_base64(piece, n);
	content = content_of((struct span){ piece, out });
	return content != CONTENT_OTHER && content != CONTENT_EMPTY;
}

/* GLib ends the process when it has no memory: that is for the child. */
static void parse(struct extract *x, char *mail, size_t n)
{
	GMimeParser *parser;
	GMimeStream *stream;

	x->mail = g_byte_array_new_take((guint8 *)mail, n);
	stream = g_mime_stream_mem_new_with_byte_array(x->mail);
	g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
	parser = g_mime_parser_new_with_stream(stream);
	g_mime_parser_set_persist_stream(parser, TRUE);
	if (span_starts((struct span){ mail, n }, "From "))
		g_mime_parser_set_format(parser, GMIME_FORMAT_MBOX);
	x->message = g_mime_parser_construct_message(parser, NULL);
	g_object_unref(parser);
	g_object_unref(stream);
	if (x->message != NULL)
		x->root = g_mime_message_get_mime_part(x->message);
	x->decoded = g_byte_array_new();
}

/* Octets that say base64 but are none take a decision that is made elsewhere. */
static bool is_plain(const char *mail, size_t n, struct plain_mail *plain)
{
	size_t i;

	if (!plain_mail_read((struct span){ mail, n }, plain))
		return false;
	for (i = 0; i < plain->n; i++)
		if (plain->parts[i].base64 &&
		    !is_good_base64(mail + plain->parts[i].at,
				    plain->parts[i].n))
			return false;
	return true;
}

static struct extract *
make_extract(char *mail, size_t n, bool by_gmime, struct err *err)
{
	struct extract *x = calloc(1, sizeof(*x));

	if (x == NULL) {
		free(mail);
		err_set(err, ERR_TEMP, "out of memory");
		return NULL;
	}
	cut_header(mail, n);
	mend_line_ends(mail, n);
	break_words(mail, n);
	if (!by_gmime && is_plain(mail, n, &x->plain))
		x->text = mail;
	else
		parse(x, mail, n);
	return x;
}

struct extract *extract_new(char *mail, size_t n, struct err *err)
{
	return make_extract(mail, n, false, err);
}

struct extract *extract_new_by_gmime(char *mail, size_t n, struct err *err)
{
	return make_extract(mail, n, true, err);
}

bool extract_is_plain(const struct extract *x)
{
	return x->text != NULL;
}

void extract_free(struct extract **extract)
{
	struct extract *x = *extract;

	if (x == NULL)
		return;
	if (x->message != NULL)
		g_object_unref(x->message);
	if (x->decoded != NULL)
		g_byte_array_free(x->decoded, TRUE);
	if (x->mail != NULL)
		g_byte_array_free(x->mail, TRUE);
	g_free(x->type);
	g_free(x->name);
	free(x->text);
	free(x);
	*extract = NULL;
}

bool extract_saw_failure(const struct extract *x)
{
	return x->failure;
}

bool extract_saw_bounce(const struct extract *x)
{
	return x->bounce;
}

/* ------------------------------------------------------------------ walking */

static bool is_type(GMimeObject *object, const char *type, const char *subtype)
{
	GMimeContentType *content = g_mime_object_get_content_type(object);

	return content != NULL &&
	       g_mime_content_type_is_type(content, type, subtype);
}

/* A multipart/report of this type? */
static bool is_report(GMimeObject *object, const char *report_type)
{
	const char *value;

	if (!is_type(object, "multipart", "report"))
		return false;
	value = g_mime_object_get_content_type_parameter(object, "report-type");
	return value != NULL && span_is(span_of(value), report_type);
}

/* Here or further out: what a returned message holds was returned as well. */
static bool returns_a_message(struct extract *x, GMimeMultipart *multipart)
{
	GMimeObject *object = GMIME_OBJECT(multipart);
	int i, n = g_mime_multipart_get_count(multipart);
	bool returns = x->n_levels > 0 && x->levels[x->n_levels - 1].returns;

	if (is_report(object, "delivery-status") ||
	    is_report(object, "disposition-notification")) {
		x->bounce = true;
		returns = true;
	}
	for (i = 0; i < n && i < MAX_MAIL_PARTS; i++) {
		GMimeObject *part = g_mime_multipart_get_part(multipart, i);

		if (is_type(part, "message", "delivery-status"))
			x->bounce = returns = true;
		if (is_type(part, "message", "feedback-report"))
			x->failure = returns = true;
	}
	return returns;
}

static int enter(struct extract *x, GMimeMultipart *multipart, struct err *err)
{
	if (x->n_levels == MAX_MAIL_DEPTH)
		return err_set(err, ERR_LIMIT, "parts nested more than %d deep",
			       MAX_MAIL_DEPTH);
	x->levels[x->n_levels++] = (struct level){
		.multipart = multipart,
		.returns = returns_a_message(x, multipart),
	};
	return 0;
}

/* The next object in the order of the mail, or NULL at the end. */
static GMimeObject *next_object(struct extract *x)
{
	GMimeObject *root = x->root;

	if (root != NULL) {
		x->root = NULL;
		return root;
	}
	while (x->n_levels > 0) {
		struct level *level = &x->levels[x->n_levels - 1];

		if (level->next < g_mime_multipart_get_count(level->multipart))
			return g_mime_multipart_get_part(level->multipart,
							 level->next++);
		x->n_levels--;
	}
	return NULL;
}

/* The message inside a forwarding; NULL when it must not be looked into. */
static GMimeObject *inner_message(const struct extract *x, GMimeObject *object)
{
	GMimeMessage *message;

	if (x->n_levels > 0 && x->levels[x->n_levels - 1].returns)
		return NULL;
	message = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
	return message == NULL ? NULL : g_mime_message_get_mime_part(message);
}

/* ------------------------------------------------------------------ one part */

static struct span bytes_of(const GByteArray *array)
{
	return (struct span){ (const char *)array->data, array->len };
}

static void
write_content(struct extract *x, GMimeDataWrapper *content, bool decode)
{
	GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(x->decoded);

	/* The array is ours and outlives the stream. */
	g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
	g_byte_array_set_size(x->decoded, 0);
	if (decode) {
		g_mime_data_wrapper_write_to_stream(content, stream);
	} else {
		GMimeStream *raw = g_mime_data_wrapper_get_stream(content);

		g_mime_stream_reset(raw);
		g_mime_stream_write_to_stream(raw, stream);
	}
	g_object_unref(stream);
}

/* The octets of a part as they stand in the mail; false when they do not. */
static bool raw_bytes(const struct extract *x, GMimeDataWrapper *content,
		      char **p, size_t *n)
{
	GMimeStream *raw = g_mime_data_wrapper_get_stream(content);
	gint64 end;

	if (raw == NULL || !GMIME_IS_STREAM_MEM(raw) ||
	    g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(raw)) != x->mail)
		return false;
	end = raw->bound_end < 0 ? (gint64)x->mail->len : raw->bound_end;
	if (raw->bound_start < 0 || raw->bound_start > end ||
	    end > (gint64)x->mail->len)
		return false;
	*p = (char *)x->mail->data + raw->bound_start;
	*n = (size_t)(end - raw->bound_start);
	return true;
}

/*
 * The common encodings, without a copy: a report of a million rows has tens of
 * megabytes.
 */
static bool decode_in_place(struct extract *x, GMimeDataWrapper *content)
{
	size_t n;
	char *p;

	if (!raw_bytes(x, content, &p, &n))
		return false;
	switch (g_mime_data_wrapper_get_encoding(content)) {
	case GMIME_CONTENT_ENCODING_BASE64:
		if (!is_good_base64(p, n))
			return false;
		n = decode_base64(p, n);
		break;
	case GMIME_CONTENT_ENCODING_DEFAULT:
	case GMIME_CONTENT_ENCODING_7BIT:
	case GMIME_CONTENT_ENCODING_8BIT:
	case GMIME_CONTENT_ENCODING_BINARY:
		break;
	case GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE:
	case GMIME_CONTENT_ENCODING_UUENCODE:
		return false;
	}
	x->bytes = (struct span){ p, n };
	return true;
}

static void decode_part(struct extract *x, GMimePart *part)
{
	GMimeDataWrapper *content = g_mime_part_get_content(part);
	enum content decoded;

	g_byte_array_set_size(x->decoded, 0);
	x->bytes = bytes_of(x->decoded);
	if (content == NULL || decode_in_place(x, content))
		return;
	write_content(x, content, true);
	decoded = content_of(bytes_of(x->decoded));
	/* XML that claims to be base64, but is not. */
	if (decoded == CONTENT_OTHER || decoded == CONTENT_EMPTY) {
		write_content(x, content, false);
		if (content_of(bytes_of(x->decoded)) != CONTENT_XML)
			write_content(x, content, true);
	}
	x->bytes = bytes_of(x->decoded);
}

/* The header of a message that is not looked into. */
static void describe_returned(struct extract *x, GMimeObject *object,
			      struct mail_part *part)
{
	GMimeMessage *message =
		g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
	char *header =
		message == NULL ?
			NULL :
			g_mime_object_get_headers(GMIME_OBJECT(message), NULL);

	g_byte_array_set_size(x->decoded, 0);
	if (header != NULL)
		g_byte_array_append(x->decoded, (const guint8 *)header,
				    (guint)strlen(header));
	g_free(header);
	*part = (struct mail_part){
		.type = SPAN("message/rfc822"),
		.name = SPAN(""),
		.bytes = bytes_of(x->decoded),
		.returned = true,
	};
}

static void
describe_part(struct extract *x, GMimeObject *object, struct mail_part *part)
{
	GMimeContentType *type = g_mime_object_get_content_type(object);
	const char *name = NULL;

	g_free(x->type);
	g_free(x->name);
	x->type = type == NULL ? NULL : g_mime_content_type_get_mime_type(type);
	if (GMIME_IS_PART(object))
		name = g_mime_part_get_filename(GMIME_PART(object));
	x->name = g_strdup(name == NULL ? "" : name);
	part->type = x->type == NULL ? SPAN("") : span_of(x->type);
	part->name = span_of(x->name);
	part->bytes = x->bytes;
	part->returned = x->n_levels > 0 &&
			 x->levels[x->n_levels - 1].returns &&
			 is_type(object, "text", "rfc822-headers");
}

/* The next part of a plain mail, decoded where it stands. */
static int next_plain(struct extract *x, struct mail_part *part)
{
	const struct plain_part *plain;
	struct span bytes;

	if (x->next_plain == x->plain.n)
		return 0;
	plain = &x->plain.parts[x->next_plain++];
	bytes = (struct span){ x->text + plain->at, plain->n };
	if (plain->base64)
		bytes.n = decode_base64(x->text + plain->at, plain->n);
	*part = (struct mail_part){ .type = plain->type,
				    .name = plain->name,
				    .bytes = bytes };
	return 1;
}

int extract_next(struct extract *x, struct mail_part *part, struct err *err)
{
	GMimeObject *object;

	if (x->text != NULL)
		return next_plain(x, part);
	while ((object = next_object(x)) != NULL) {
		if (++x->parts > MAX_MAIL_PARTS)
			return err_set(err, ERR_LIMIT, "more than %d parts",
				       MAX_MAIL_PARTS);
		if (GMIME_IS_MULTIPART(object)) {
			if (enter(x, GMIME_MULTIPART(object), err) < 0)
				return -1;
		} else if (GMIME_IS_MESSAGE_PART(object)) {
			x->root = inner_message(x, object);
			if (x->root == NULL) {
				describe_returned(x, object, part);
				return 1;
			}
		} else if (GMIME_IS_PART(object)) {
			if (is_type(object, "message", "feedback-report"))
				x->failure = true;
			decode_part(x, GMIME_PART(object));
			describe_part(x, object, part);
			return 1;
		}
	}
	return 0;
}

/* -------------------------------------------------------------------- values */

bool extract_date(struct span text, int64_t *time)
{
	char copy[128];
	GDateTime *date;

	if (text.n == 0 || text.n >= sizeof(copy))
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	date = g_mime_utils_header_decode_date(copy);
	if (date == NULL)
		return false;
	*time = g_date_time_to_unix(date);
	g_date_time_unref(date);
	return *time > 0 && *time <= MAX_TIME;
}

struct span extract_base64(struct span text, struct arena *arena)
{
	struct span out = { .p = NULL, .n = 0 };
	int state = 0;
	guint32 save = 0;
	char *bytes = arena_alloc(arena, text.n + 3);

	if (bytes == NULL)
		return out;
	out.p = bytes;
	out.n = g_mime_encoding_base64_decode_step(
		(const unsigned char *)text.p, text.n, (unsigned char *)bytes,
		&state, &save);
	return out;
}
