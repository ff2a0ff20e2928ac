/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The collection of Authentication-Results fields in the folder of shared
 * samples: what other parsers' tests expect, one JSON object for each line.
 */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "base/buf.h"
#include "base/file.h"
#include "mail/authres.h"
#include "unit/cases.h"

#define SKIPPED 77

/* Where we mean to differ. */
static const struct {
	const char *id;
	const char *why;
} differs[] = {
	{ "authres/15", "that library gives tls another name" },
	{ "dkim_verifier/disabled-by-default-3", "UTF-8 is no error" },
	{ "dkim_verifier/unknown-results-for-dkim-4", "words are not judged" },
	{ "dkim_verifier/unknown-results-for-dmarc-1", "words are not judged" },
	{ "dkim_verifier/unknown-results-for-dmarc-2", "words are not judged" },
	{ "dkim_verifier/unknown-results-for-spf-1", "words are not judged" },
};

static bool is_known_difference(const char *id)
{
	size_t i;

	for (i = 0; i < sizeof(differs) / sizeof(differs[0]); i++)
		if (strcmp(differs[i].id, id) == 0)
			return true;
	return false;
}

static const char *text_of(json_object *object, const char *key)
{
	json_object *value;

	if (!json_object_object_get_ex(object, key, &value))
		return NULL;
	return json_object_get_string(value);
}

/* Is it as wanted, or does nobody care? */
static bool matches(struct span got, const char *want)
{
	return want == NULL || span_equal(got, span_of(want));
}

static bool
matches_properties(const struct authres_result *result, json_object *want)
{
	json_object_object_foreach(want, key, value)
	{
		char type[64];
		const char *dot = strchr(key, '.');

		snprintf(type, sizeof(type), "%.*s", (int)(dot - key), key);
		if (!matches(authres_property_get(result, type, dot + 1),
			     json_object_get_string(value)))
			return false;
	}
	return true;
}

static bool
matches_result(const struct authres_result *result, json_object *want)
{
	json_object *props;

	if (!matches(result->method, text_of(want, "method")) ||
	    !matches(result->result, text_of(want, "result")) ||
	    !matches(result->reason, text_of(want, "reason")))
		return false;
	return !json_object_object_get_ex(want, "props", &props) ||
	       matches_properties(result, props);
}

/* The expected results occur in this order, others may stand between. */
static bool matches_results(const struct authres *authres, json_object *want)
{
	size_t n = json_object_array_length(want);
	size_t at = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		json_object *one = json_object_array_get_idx(want, i);

		while (at < authres->n &&
		       !matches_result(&authres->results[at], one))
			at++;
		if (at++ >= authres->n)
			return false;
	}
	return true;
}

static bool matches_case(json_object *sample)
{
	struct span header = span_of(text_of(sample, "header"));
	struct arena *arena = arena_new(1024 * 1024);
	struct authres authres = { .n = 0 };
	json_object *expected, *value;
	bool read = authres_parse(header, arena, &authres);
	bool same = true;

	json_object_object_get_ex(sample, "expect", &expected);
	if (json_object_object_get_ex(expected, "valid", &value) &&
	    !json_object_get_boolean(value)) {
		/* We return what could be read before the error. */
		same = !read || authres.n == 0;
	} else {
		same = read &&
		       matches(authres.authserv_id,
			       text_of(expected, "authserv_id")) &&
		       matches(authres.version, text_of(expected, "version"));
		if (json_object_object_get_ex(expected, "n_results", &value))
			same = same &&
			       (size_t)json_object_get_int(value) == authres.n;
		if (json_object_object_get_ex(expected, "results", &value))
			same = same && matches_results(&authres, value);
	}
	arena_free(&arena);
	return same;
}

int main(void)
{
	const char *path = shared_path("vectors/authres/parse.jsonl");
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
		const char *id;
		bool same;

		buf_add(&copy, line);
		sample = json_tokener_parse(buf_string(&copy));
		id = text_of(sample, "id");
		same = matches_case(sample);
		if (same == is_known_difference(id)) {
			wrong++;
			printf("%s: %s: %.*s\n", id,
			       same ? "no longer differs" : "differs",
			       SPAN_ARGS(line));
		}
		n++;
		json_object_put(sample);
		buf_release(&copy);
	}
	buf_release(&file);
	printf("%d samples, %d wrong\n", n, wrong);
	return n == 0 || wrong > 0;
}
