/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/tls.h"

#include <stdlib.h>
#include <string.h>

/* json-c has a type of the name of one of our functions. */
#define json_bool json_c_bool
#include <json-c/json.h>
#undef json_bool

#include "base/arena.h"
#include "base/buf.h"
#include "base/utc.h"
#include "dns/domain.h"
#include "report/limits.h"

#define MAX_READER_MEMORY ((size_t)4 * 1024 * 1024) /* of one policy */

struct reader {
	struct report_sink *sink;
	struct err *err; /* of the sink */
	struct arena *arena;
	struct buf warnings;
	struct err fault; /* why the report is refused */
	size_t n_failures;
};

bool tls_is_report(struct span beginning)
{
	static const char *const members[] = { "\"organization-name\"",
					       "\"report-id\"",
					       "\"policies\"" };
	size_t i;

	for (i = 0; beginning.n > 0 && i < sizeof(members) / sizeof(members[0]);
	     i++)
		if (memmem(beginning.p, beginning.n, members[i],
			   strlen(members[i])) != NULL)
			return true;
	return false;
}

static int refuse(struct reader *r, const char *why)
{
	return err_set(&r->fault, ERR_INPUT, "%s", why);
}

static void warn(struct reader *r, const char *what)
{
	if (r->warnings.n > 0)
		buf_add_string(&r->warnings, "; ");
	buf_add_string(&r->warnings, what);
}

/* ------------------------------------------------------------------- values */

/* The value of a member, or NULL when it is null or not there. */
static struct json_object *member(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	if (object == NULL || !json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, key, &value))
		return NULL;
	return value;
}

static struct span string_of(struct json_object *value)
{
	struct span text = { .p = NULL, .n = 0 };

	if (value == NULL || !json_object_is_type(value, json_type_string))
		return text;
	text.p = json_object_get_string(value);
	text.n = (size_t)json_object_get_string_len(value);
	text = span_trim(text);
	if (text.n > MAX_TEXT_BYTES)
		text.n = MAX_TEXT_BYTES;
	return text;
}

static struct span text_of(struct json_object *object, const char *key)
{
	return string_of(member(object, key));
}

static struct span lower(struct reader *r, struct span text)
{
	struct span copy = text;
	char *p;
	size_t i;

	if (text.p == NULL)
		return text;
	copy = arena_copy(r->arena, text);
	if (copy.p == NULL)
		return text;
	p = (char *)(uintptr_t)copy.p;
	for (i = 0; i < copy.n; i++)
		p[i] = ascii_lower(p[i]);
	return copy;
}

static struct span domain_of(struct reader *r, struct span text)
{
	const char *name = domain_normalize(r->arena, text);

	if (name != NULL)
		return span_of(name);
	return text.p == NULL ? SPAN("") : lower(r, text);
}

/* A list of words, or one word (mx-host was both in its time). */
static struct span words_of(struct reader *r, struct json_object *value)
{
	struct buf words = BUF_INIT(MAX_TEXT_BYTES);
	struct span all = string_of(value);
	size_t n, i;

	if (value == NULL || !json_object_is_type(value, json_type_array))
		return all;
	n = json_object_array_length(value);
	for (i = 0; i < n && i < MAX_TEXT_BYTES; i++) {
		struct span word =
			string_of(json_object_array_get_idx(value, i));

		if (word.n == 0)
			continue;
		if (words.n > 0)
			buf_add_char(&words, ' ');
		buf_add(&words, word);
	}
	all = arena_copy(r->arena, buf_span(&words));
	buf_release(&words);
	return all;
}

/* A number of sessions, also as a text; false when it is none. */
static bool count_of(struct json_object *value, uint64_t *count)
{
	int64_t number;

	*count = 0;
	if (value == NULL)
		return false;
	if (json_object_is_type(value, json_type_string))
		return span_to_uint(string_of(value), MAX_MESSAGES, count);
	if (!json_object_is_type(value, json_type_int))
		return false;
	number = json_object_get_int64(value);
	if (number < 0 || (uint64_t)number > MAX_MESSAGES)
		return false;
	*count = (uint64_t)number;
	return true;
}

/* ------------------------------------------------------------------- report */

static int read_head(struct reader *r, struct json_object *root)
{
	struct json_object *range = member(root, "date-range");
	struct tls_head head = {
		.org_name = text_of(root, "organization-name"),
		.contact = text_of(root, "contact-info"),
		.report_id = text_of(root, "report-id"),
	};

	if (head.report_id.n == 0)
		return refuse(r, "no report-id");
	if (head.org_name.n == 0 && head.contact.n == 0)
		return refuse(r, "no organization-name and no contact-info");
	if (!utc_parse_stamp(text_of(range, "start-datetime"), &head.begin) ||
	    !utc_parse_stamp(text_of(range, "end-datetime"), &head.end))
		return refuse(r, "no date-range, or not a time in it");
	if (head.end < head.begin)
		return refuse(r, "the date-range ends before it begins");
	if (r->sink->tls_head == NULL)
		return 0;
	return r->sink->tls_head(r->sink, &head, r->err);
}

static int read_failure(struct reader *r, struct json_object *detail)
{
	struct tls_failure failure = {
		.result = lower(r, text_of(detail, "result-type")),
		.sending_ip = text_of(detail, "sending-mta-ip"),
		.receiving_mx = text_of(detail, "receiving-mx-hostname"),
		.receiving_helo = text_of(detail, "receiving-mx-helo"),
		.receiving_ip = text_of(detail, "receiving-ip"),
		.reason_code = text_of(detail, "failure-reason-code"),
		.additional = text_of(detail, "additional-information"),
	};

	if (++r->n_failures > MAX_TLS_FAILURES)
		return refuse(r, "more failure-details than a report may have");
	if (failure.additional.p == NULL)
		failure.additional =
			text_of(detail, "additional-info-uri"); /* drafts */
	if (!count_of(member(detail, "failed-session-count"),
		      &failure.sessions))
		warn(r, "failure-details without failed-session-count");
	if (r->sink->tls_failure == NULL)
		return 0;
	return r->sink->tls_failure(r->sink, &failure, r->err);
}

static int read_failures(struct reader *r, struct json_object *details)
{
	size_t n, i;

	if (details == NULL || !json_object_is_type(details, json_type_array))
		return 0;
	n = json_object_array_length(details);
	for (i = 0; i < n; i++)
		if (read_failure(r, json_object_array_get_idx(details, i)) < 0)
			return -1;
	return 0;
}

static int read_policy(struct reader *r, struct json_object *item)
{
	struct json_object *policy = member(item, "policy");
	struct json_object *summary = member(item, "summary");
	struct json_object *mx = member(policy, "mx-host");
	struct tls_policy found;

	arena_reset(r->arena);
	if (mx == NULL)
		mx = member(policy, "mx-host-pattern"); /* drafts */
	found = (struct tls_policy){
		.type = lower(r, text_of(policy, "policy-type")),
		.domain = domain_of(r, text_of(policy, "policy-domain")),
		.mx_host = words_of(r, mx),
	};
	if (!count_of(member(summary, "total-successful-session-count"),
		      &found.successes))
		warn(r, "no total-successful-session-count");
	if (!count_of(member(summary, "total-failure-session-count"),
		      &found.failures))
		warn(r, "no total-failure-session-count");
	if (r->sink->tls_policy != NULL &&
	    r->sink->tls_policy(r->sink, &found, r->err) < 0)
		return -1;
	return read_failures(r, member(item, "failure-details"));
}

static int read_report(struct reader *r, struct json_object *root)
{
	struct json_object *policies = member(root, "policies");
	size_t n, i;

	if (!json_object_is_type(root, json_type_object))
		return refuse(r, "not a JSON object");
	if (policies == NULL || !json_object_is_type(policies, json_type_array))
		return refuse(r, "no policies");
	n = json_object_array_length(policies);
	if (n > MAX_TLS_POLICIES)
		return refuse(r, "more policies than a report may have");
	if (read_head(r, root) < 0)
		return -1;
	if (n == 0)
		warn(r, "no policy in it");
	for (i = 0; i < n; i++)
		if (read_policy(r, json_object_array_get_idx(policies, i)) < 0)
			return -1;
	return 0;
}

/* NULL with r->fault. */
static struct json_object *parse(struct reader *r, struct span text)
{
	struct json_tokener *tokener;
	struct json_object *root;
	enum json_tokener_error why;

	if (text.n > MAX_TLS_BYTES) {
		err_set(&r->fault, ERR_LIMIT, "JSON of more than %zu MiB",
			MAX_TLS_BYTES >> 20);
		return NULL;
	}
	tokener = json_tokener_new_ex(MAX_TLS_DEPTH);
	if (tokener == NULL) {
		err_set(&r->fault, ERR_TEMP, "out of memory");
		return NULL;
	}
	root = json_tokener_parse_ex(tokener, text.p, (int)text.n);
	why = json_tokener_get_error(tokener);
	if (root == NULL)
		err_set(&r->fault, ERR_INPUT, "not JSON: octet %zu: %s",
			json_tokener_get_parse_end(tokener),
			why == json_tokener_continue ?
				"the end is missing" :
				json_tokener_error_desc(why));
	json_tokener_free(tokener);
	return root;
}

static int tell_end(struct reader *r)
{
	struct report_end end = { .kind = REPORT_TLS };

	if (r->fault.kind != ERR_NONE) {
		end.status = REPORT_REJECTED;
		end.reason = span_of(r->fault.text);
		end.warnings = SPAN("");
	} else {
		end.status = REPORT_OK;
		end.reason = SPAN("");
		/* Cut when there were too many: they are all alike. */
		end.warnings = buf_span(&r->warnings);
	}
	return r->sink->end(r->sink, &end, r->err);
}

int tls_read(struct span entry, struct span text, struct report_sink *sink,
	     struct err *err)
{
	struct reader r = { .sink = sink,
			    .err = err,
			    .warnings = BUF_INIT(MAX_WARNINGS_BYTES) };
	struct json_object *root = NULL;
	int result;

	r.arena = arena_new(MAX_READER_MEMORY);
	if (r.arena == NULL)
		return err_set(err, ERR_TEMP, "out of memory");
	buf_add_string(&r.warnings, "");
	result = sink->begin(sink, entry, err);
	if (result == 0)
		root = parse(&r, text);
	if (root != NULL)
		result = read_report(&r, root);
	if (r.fault.kind == ERR_TEMP) {
		*err = r.fault;
		result = -1;
	} else if (result == 0 || r.fault.kind != ERR_NONE) {
		result = tell_end(&r);
	}
	json_object_put(root);
	buf_release(&r.warnings);
	arena_free(&r.arena);
	return result;
}
