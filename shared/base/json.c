/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"

#include <inttypes.h>

static void before_value(struct json *json)
{
	if (json->comma)
		buf_add_char(json->out, ',');
	json->comma = true;
}

/*
 * The length of the UTF-8 sequence at the start of text, or 0 if there is none:
 * no overlong forms, no surrogates, nothing above U+10FFFF (RFC 3629).
 */
static size_t utf8_length(struct span text)
{
	const unsigned char *s = (const unsigned char *)text.p;
	unsigned char low = 0x80, high = 0xbf;
	size_t length, i;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	length = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (text.n < length)
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (i = 2; i < length; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return length;
}

static void add_quoted(struct buf *out, struct span text)
{
	buf_add_char(out, '"');
	while (text.n > 0) {
		unsigned char c = (unsigned char)text.p[0];
		size_t length = utf8_length(text);

		if (length == 0) {
			buf_add_string(out, "\xef\xbf\xbd");
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
