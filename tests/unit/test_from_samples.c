/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The collection of From fields in the folder of shared samples. A domain that
 * is expected has to be the first we find; "null" means none or several.
 */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "base/buf.h"
#include "base/file.h"
#include "mail/from.h"
#include "mail/header.h"
#include "unit/cases.h"

#define SKIPPED 77

static bool matches(json_object *sample)
{
	struct arena *arena = arena_new(65536);
	json_object *header, *expected;
	struct header_field field;
	struct span bodies[10];
	struct from_result from;
	struct span message;
	const char *want;
	size_t n = 0;
	bool same;

	json_object_object_get_ex(sample, "header", &header);
	json_object_object_get_ex(sample, "expect", &expected);
	want = json_object_get_string(expected);
	message = span_of(json_object_get_string(header));
	while (n < 10 && header_next(&message, &field) > 0)
		if (span_is(field.name, "From"))
			bodies[n++] = field.body;
	from = from_read(bodies, n, arena);
	if (want == NULL)
		same = from.status != FROM_ONE || from.fields > 1 ||
		       span_has(bodies[0], ',');
	else
		same = from.n > 0 && strcmp(from.domain[0], want) == 0;
	if (!same)
		printf("%s: %s, %s\n", json_object_get_string(header),
		       from_status_name(from.status),
		       from.n == 0 ? "no domain" : from.domain[0]);
	arena_free(&arena);
	return same;
}

int main(void)
{
	const char *path = shared_path("vectors/dmarc/from-header.jsonl");
	struct buf file = BUF_INIT((size_t)1024 * 1024);
	struct err err = ERR_INIT;
	struct span rest, line;
	int n = 0;
	int wrong = 0;

	if (path == NULL) {
		puts("no shared samples here");
		return SKIPPED;
	}
	if (file_read(path, &file, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	rest = buf_span(&file);
	while (span_take_line(&rest, &line)) {
		struct buf copy = BUF_INIT(65536);
		json_object *sample;

		buf_add(&copy, line);
		sample = json_tokener_parse(buf_string(&copy));
		wrong += !matches(sample);
		n++;
		json_object_put(sample);
		buf_release(&copy);
	}
	buf_release(&file);
	printf("%d samples, %d wrong\n", n, wrong);
	return n == 0 || wrong > 0;
}
