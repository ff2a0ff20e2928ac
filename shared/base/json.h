/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json.h - write JSON into a buf (RFC 8259)
 *
 * Only the writing side, without allocations of its own, because it also runs
 * in the mail path; what reads JSON uses json-c. Calls follow the nesting of
 * the value:
 *
 *	json_open(&json, '{');
 *	json_key(&json, "result");
 *	json_text(&json, SPAN("pass"));
 *	json_close(&json, '}');
 *
 * Output is one line. Bytes that are not UTF-8 become U+FFFD each, and so does
 * NUL, because many who read JSON keep it in C strings, our journal's reader
 * among them. Other control characters (also U+007F to U+009F) are escaped, so a
 * line never holds a raw newline and can be shown on a terminal.
 */
#ifndef EDMARC_BASE_JSON_H
#define EDMARC_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

struct json {
	struct buf *out;
	bool comma; /* something stands before at this level */
};

#define JSON_INIT(buf)                       \
	{                                    \
		.out = (buf), .comma = false \
	}

void json_open(struct json *json, char bracket);  /* '{' or '[' */
void json_close(struct json *json, char bracket); /* '}' or ']' */
void json_key(struct json *json, const char *key);

/* A span with p == NULL is written as null. */
void json_text(struct json *json, struct span text);
void json_string(struct json *json, const char *text);
void json_int(struct json *json, int64_t number);
void json_uint(struct json *json, uint64_t number);
void json_hundredths(struct json *json, int64_t number); /* 450: 4.50 */
void json_bool(struct json *json, bool value);
void json_null(struct json *json);

/* Key and value in one. */
void json_key_text(struct json *json, const char *key, struct span text);
void json_key_string(struct json *json, const char *key, const char *text);
void json_key_int(struct json *json, const char *key, int64_t number);
void json_key_uint(struct json *json, const char *key, uint64_t number);
void json_key_bool(struct json *json, const char *key, bool value);

#endif
