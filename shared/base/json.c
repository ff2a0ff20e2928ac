/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"

#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"

static void before_value(struct json *json)
{
	if (json->comma)
		buf_add_char(json->out, ',');
	json->comma = true;
}

/* How much of it stands for itself? */
static size_t plain_length(struct span text)
{
	size_t n = 0;

	while (n < text.n && text.p[n] >= ' ' && text.p[n] <= '~' &&
	       text.p[n] != '"' && text.p[n] != '\\')
		n++;
	return n;
}

/* Nearly all texts: at once. */
static bool add_plain(struct buf *out, struct span text)
{
	char *p = NULL;

	if (text.n > 0 && plain_length(text) == text.n)
		p = buf_more(out, text.n + 2);
	if (p == NULL)
		return false;
	p[0] = '"';
	memcpy(p + 1, text.p, text.n);
	p[text.n + 1] = '"';
	return true;
}

static void add_quoted(struct buf *out, struct span text)
{
	if (add_plain(out, text))
		return;
	buf_add_char(out, '"');
	while (text.n > 0) {
		unsigned char c = (unsigned char)text.p[0];
		size_t length = plain_length(text);

		if (length > 0) {
			buf_add(out, (struct span){ text.p, length });
			text.p += length;
			text.n -= length;
			continue;
		}
		length = utf8_length(text);
		if (length == 0 || c == '\0') {
			buf_add_string(out, UTF8_REPLACEMENT);
			length = 1;
		} else if (c == '"' || c == '\\') {
			buf_add_char(out, '\\');
			buf_add_char(out, (char)c);
		} else if (c == '\n') {
			buf_add_string(out, "\\n");
		} else if (c == '\t') {
			buf_add_string(out, "\\t");
		} else if (c < 0x20 || c == 0x7f) {
			buf_addf(out, "\\u%04x", c);
		} else if (c == 0xc2 && (unsigned char)text.p[1] < 0xa0) {
			/* U+0080 to U+009F: some terminals obey them. */
			buf_addf(out, "\\u%04x", (unsigned char)text.p[1]);
		} else {
			buf_add(out, (struct span){ text.p, length });
		}
		text.p += length;
		text.n -= length;
	}
	buf_add_char(out, '"');
}

void json_open(struct json *json, char bracket)
{
	before_value(json);
	buf_add_char(json->out, bracket);
	json->comma = false;
}

void json_close(struct json *json, char bracket)
{
	buf_add_char(json->out, bracket);
	json->comma = true;
}

void json_key(struct json *json, const char *key)
{
	before_value(json);
	add_quoted(json->out, span_of(key));
	buf_add_char(json->out, ':');
	json->comma = false;
}

void json_text(struct json *json, struct span text)
{
	if (text.p == NULL) {
		json_null(json);
		return;
	}
	before_value(json);
	add_quoted(json->out, text);
}

void json_string(struct json *json, const char *text)
{
	json_text(json, span_of(text));
}

void json_int(struct json *json, int64_t number)
{
	before_value(json);
	buf_addf(json->out, "%" PRId64, number);
}

void json_uint(struct json *json, uint64_t number)
{
	before_value(json);
	buf_addf(json->out, "%" PRIu64, number);
}

void json_hundredths(struct json *json, int64_t number)
{
	uint64_t size = number < 0 ? -(uint64_t)number : (uint64_t)number;

	before_value(json);
	buf_addf(json->out, "%s%" PRIu64 ".%02" PRIu64, number < 0 ? "-" : "",
		 size / 100, size % 100);
}

void json_bool(struct json *json, bool value)
{
	before_value(json);
	buf_add_string(json->out, value ? "true" : "false");
}

void json_null(struct json *json)
{
	before_value(json);
	buf_add_string(json->out, "null");
}

void json_key_text(struct json *json, const char *key, struct span text)
{
	json_key(json, key);
	json_text(json, text);
}

void json_key_string(struct json *json, const char *key, const char *text)
{
	json_key(json, key);
	json_string(json, text);
}

void json_key_int(struct json *json, const char *key, int64_t number)
{
	json_key(json, key);
	json_int(json, number);
}

void json_key_uint(struct json *json, const char *key, uint64_t number)
{
	json_key(json, key);
	json_uint(json, number);
}

void json_key_bool(struct json *json, const char *key, bool value)
{
	json_key(json, key);
	json_bool(json, value);
}
