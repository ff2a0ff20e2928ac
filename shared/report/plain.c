/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/plain.h"

#include <string.h>

/* RFC 2046 5.1.1 */
#define MAX_BOUNDARY 70

/* What a header says about the body below it. */
struct header {
	struct span type;
	struct span boundary; /* p is NULL when there is none */
	struct span name;     /* the same */
	bool base64;
};

/* The three fields that matter; p is NULL when one is not there. */
enum field {
	FIELD_TYPE,
	FIELD_DISPOSITION,
	FIELD_ENCODING,
	FIELDS
};

static const char *const field_names[FIELDS] = {
	[FIELD_TYPE] = "Content-Type",
	[FIELD_DISPOSITION] = "Content-Disposition",
	[FIELD_ENCODING] = "Content-Transfer-Encoding",
};

/*
 * Reports come as these, with words as the last two. Others may be containers, or
 * classes of GMime of their own.
 */
static const char *const types[] = {
	"application/gzip",
	"application/zip",
	"application/octet-stream",
	"application/xml",
	"application/x-gzip",
	"application/x-zip",
	"application/x-zip-compressed",
	"application/x-gunzip",
	"application/gzipped",
	"application/x-gzip-compressed",
	"application/tlsrpt+gzip",
	"application/tlsrpt+json",
	"text/xml",
	"text/plain",
	"text/html",
};

/* ------------------------------------------------------------------- values */

static bool is_word_char(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) ||
	       (c != '\0' && strchr("-._+!", c) != NULL);
}

/* What stands between "" and needs no decoding. */
static bool is_quotable(char c)
{
	return c >= ' ' && c <= '~' && c != '"' && c != '\\' && c != '?';
}

/* RFC 2046 5.1.1, but for "?", which looks like an encoded word. */
static bool is_boundary(struct span text)
{
	size_t i;

	for (i = 0; i < text.n; i++)
		if (!ascii_is_alpha(text.p[i]) && !ascii_is_digit(text.p[i]) &&
		    (text.p[i] == '\0' ||
		     strchr("'()+_,-./:=", text.p[i]) == NULL))
			return false;
	return text.n > 0 && text.n <= MAX_BOUNDARY;
}

static void skip(struct span *rest, size_t n)
{
	rest->p += n;
	rest->n -= n;
}

/* Blanks and line ends, which are those of a folded field. */
static void skip_blanks(struct span *rest)
{
	while (rest->n > 0 && ascii_is_space(*rest->p))
		skip(rest, 1);
}

static bool take_char(struct span *rest, char c)
{
	if (rest->n == 0 || *rest->p != c)
		return false;
	skip(rest, 1);
	return true;
}

static bool take_word(struct span *rest, struct span *word)
{
	size_t n = 0;

	while (n < rest->n && is_word_char(rest->p[n]))
		n++;
	*word = (struct span){ rest->p, n };
	skip(rest, n);
	return n > 0;
}

/* A word, or what is between "". */
static bool take_value(struct span *rest, struct span *value)
{
	size_t n = 0;

	if (!take_char(rest, '"'))
		return take_word(rest, value);
	while (n < rest->n && is_quotable(rest->p[n]))
		n++;
	*value = (struct span){ rest->p, n };
	skip(rest, n);
	return n > 0 && value->p[0] != ' ' && value->p[n - 1] != ' ' &&
	       take_char(rest, '"');
}

/* 1 with the next "; name=value", 0 at the end, -1: GMime's. */
static int
take_parameter(struct span *rest, struct span *name, struct span *value)
{
	skip_blanks(rest);
	if (rest->n == 0)
		return 0;
	if (!take_char(rest, ';'))
		return -1;
	skip_blanks(rest);
	if (!take_word(rest, name) || !take_char(rest, '=') ||
	    !take_value(rest, value))
		return -1;
	return 1;
}

/* Twice the same is a matter of taste. */
static bool set_once(struct span *to, struct span value)
{
	if (to->p != NULL)
		return false;
	*to = value;
	return true;
}

/* "application/zip; name=report.zip" */
static bool read_type(struct span rest, struct header *header)
{
	struct span name, value, word;
	int more;

	skip_blanks(&rest);
	header->type = rest;
	if (!take_word(&rest, &word) || !take_char(&rest, '/') ||
	    !take_word(&rest, &word))
		return false;
	header->type.n = (size_t)(rest.p - header->type.p);
	while ((more = take_parameter(&rest, &name, &value)) > 0) {
		if (span_is(name, "name") && !set_once(&header->name, value))
			return false;
		if (span_is(name, "boundary") &&
		    !set_once(&header->boundary, value))
			return false;
	}
	return more == 0;
}

/* "attachment; filename=report.zip"; this name is the better one. */
static bool read_disposition(struct span rest, struct header *header)
{
	struct span filename = { NULL, 0 };
	struct span name, value, word;
	int more;

	skip_blanks(&rest);
	if (!take_word(&rest, &word))
		return false;
	while ((more = take_parameter(&rest, &name, &value)) > 0)
		if (span_is(name, "filename") && !set_once(&filename, value))
			return false;
	if (filename.p != NULL)
		header->name = filename;
	return more == 0;
}

static bool read_encoding(struct span text, struct header *header)
{
	text = span_trim(text);
	header->base64 = span_is(text, "base64");
	return header->base64 || span_is(text, "7bit") ||
	       span_is(text, "8bit") || span_is(text, "binary");
}

/* ------------------------------------------------------------------- fields */

/* "Name: value" begins; *field is where a value that matters stands, or NULL. */
static bool
start_field(struct span line, struct span fields[FIELDS], struct span **field)
{
	struct span value = line, name;
	size_t i;

	if (!span_take_until(&value, ':', &name) || name.n == 0)
		return false;
	for (i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~')
			return false;
	*field = NULL;
	for (i = 0; i < FIELDS; i++)
		if (span_is(name, field_names[i]))
			*field = &fields[i];
	return *field == NULL || set_once(*field, value);
}

/* Find the fields, and leave *rest at what is below the header. */
static bool find_fields(struct span *rest, struct span fields[FIELDS])
{
	struct span *field = NULL;
	struct span line;
	bool first = true;

	while (span_take_line(rest, &line)) {
		if (line.n == 0)
			return !first;
		if (!ascii_is_space(line.p[0])) {
			if (!start_field(line, fields, &field))
				return false;
		} else if (first || span_trim(line).n == 0) {
			return false;
		} else if (field != NULL) {
			field->n = (size_t)(line.p - field->p) + line.n;
		}
		if (field != NULL && span_has(line, '\r'))
			return false;
		first = false;
	}
	return false;
}

static bool read_header(struct span *rest, struct header *header)
{
	struct span fields[FIELDS] = { { NULL, 0 } };

	*header = (struct header){ .base64 = false };
	if (!find_fields(rest, fields) || fields[FIELD_TYPE].p == NULL ||
	    !read_type(fields[FIELD_TYPE], header))
		return false;
	if (fields[FIELD_DISPOSITION].p != NULL &&
	    !read_disposition(fields[FIELD_DISPOSITION], header))
		return false;
	return fields[FIELD_ENCODING].p == NULL ||
	       read_encoding(fields[FIELD_ENCODING], header);
}

/* -------------------------------------------------------------------- parts */

/* What the header is about becomes a part of the mail. */
static bool add_part(struct plain_mail *plain, const struct header *header,
		     struct span mail, struct span body)
{
	size_t i = 0;

	while (i < sizeof(types) / sizeof(types[0]) &&
	       !span_is(header->type, types[i]))
		i++;
	if (i == sizeof(types) / sizeof(types[0]) ||
	    plain->n == MAX_PLAIN_PARTS)
		return false;
	plain->parts[plain->n++] = (struct plain_part){
		.type = header->type,
		.name = header->name.p == NULL ? SPAN("") : header->name,
		.at = (size_t)(body.p - mail.p),
		.n = body.n,
		.base64 = header->base64,
	};
	return true;
}

/* A line that begins with "--" and the boundary. */
struct delimiter {
	bool last; /* and "--" */
	bool crlf; /* its own end */
};

/*
 * Header and body of one part. The line end at its end belongs to the delimiter;
 * how long it is GMime tells from the delimiter's own.
 */
static bool read_part(struct plain_mail *plain, struct span mail,
		      struct span part, struct delimiter delimiter)
{
	struct header header;

	if (!read_header(&part, &header) || part.n == 0)
		return false;
	part.n--;
	if ((part.n > 0 && part.p[part.n - 1] == '\r') != delimiter.crlf)
		return false;
	part.n -= delimiter.crlf;
	return add_part(plain, &header, mail, part);
}

/*
 * Take what is in front of the next line that begins with mark, and that line.
 * False when there is none, or none of the kind that everybody reads alike.
 */
static bool take_delimited(struct span *rest, struct span mark,
			   struct span *part, struct delimiter *delimiter)
{
	struct span line, found = *rest;

	do {
		found.p = memmem(found.p, found.n, mark.p, mark.n);
		if (found.p == NULL)
			return false;
		found.n = rest->n - (size_t)(found.p - rest->p);
		*part = (struct span){ rest->p, (size_t)(found.p - rest->p) };
		line = found;
		skip(&found, mark.n);
	} while (part->n > 0 && line.p[-1] != '\n');
	delimiter->last = span_starts(found, "--");
	if (delimiter->last)
		skip(&found, 2);
	delimiter->crlf = take_char(&found, '\r');
	*rest = found;
	return take_char(rest, '\n');
}

static bool read_parts(struct plain_mail *plain, struct span boundary,
		       struct span mail, struct span rest)
{
	char text[MAX_BOUNDARY + 2] = "--";
	struct span mark = { text, boundary.n + 2 };
	struct delimiter delimiter;
	struct span part;

	if (!is_boundary(boundary))
		return false;
	memcpy(text + 2, boundary.p, boundary.n);
	/* What is in front of the first is for nobody. */
	if (!take_delimited(&rest, mark, &part, &delimiter))
		return false;
	while (!delimiter.last)
		if (!take_delimited(&rest, mark, &part, &delimiter) ||
		    !read_part(plain, mail, part, delimiter))
			return false;
	return plain->n > 0 && span_trim(rest).n == 0;
}

bool plain_mail_read(struct span mail, struct plain_mail *plain)
{
	struct span rest = mail;
	struct header header;

	plain->n = 0;
	if (span_starts(mail, "From ") || !read_header(&rest, &header))
		return false;
	if (!span_is(header.type, "multipart/mixed"))
		return add_part(plain, &header, mail, rest);
	return !header.base64 && read_parts(plain, header.boundary, mail, rest);
}
