/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * entry_read.c - the reading half of entry.h, apart because the Exim module
 * must not load a JSON parser
 */
#include <stdio.h>
#include <string.h>

/* json-c has a type of the name of one of our functions. */
#define json_bool json_c_bool
#include <json-c/json.h>
#undef json_bool

#include "base/quote.h"
#include "journal/entry.h"
#include "journal/results.h"

#define MAX_DEPTH 8 /* ours has 3 */

/* The first fault is the answer; after it, everything reads as empty. */
struct reader {
	struct arena *arena;
	struct err *err;
	bool failed;
};

static void refuse(struct reader *reader, enum err_kind kind, const char *key,
		   const char *why)
{
	if (!reader->failed)
		err_set(reader->err, kind, "%s: %s", key, why);
	reader->failed = true;
}

static void
refuse_type(struct reader *reader, const char *key, enum json_type expected)
{
	char why[40];

	snprintf(why, sizeof(why), "expected %s", json_type_to_name(expected));
	refuse(reader, ERR_INPUT, key, why);
}

/* The value of a key, or NULL when it is null or not there. */
static struct json_object *get(struct reader *reader,
			       struct json_object *object, const char *key,
			       enum json_type type)
{
	struct json_object *value = NULL;

	if (reader->failed || object == NULL ||
	    !json_object_object_get_ex(object, key, &value) || value == NULL)
		return NULL;
	if (!json_object_is_type(value, type)) {
		refuse_type(reader, key, type);
		return NULL;
	}
	return value;
}

/* A string in the arena; p is NULL for no value. */
static struct span
text_of(struct reader *reader, struct json_object *value, const char *key)
{
	struct span text = { .p = NULL };

	if (value == NULL)
		return text;
	text.p = json_object_get_string(value);
	text.n = (size_t)json_object_get_string_len(value);
	if (span_has(text, '\0')) {
		refuse(reader, ERR_INPUT, key, "holds a NUL");
		return (struct span){ .p = NULL };
	}
	text = arena_copy(reader->arena, text);
	if (text.p == NULL)
		refuse(reader, ERR_LIMIT, key, "no memory");
	return text;
}

static struct span
read_text(struct reader *reader, struct json_object *object, const char *key)
{
	return text_of(reader, get(reader, object, key, json_type_string), key);
}

static const char *
read_string(struct reader *reader, struct json_object *object, const char *key)
{
	struct span text = read_text(reader, object, key);

	return text.p == NULL ? "" : text.p;
}

static int64_t read_int(struct reader *reader, struct json_object *object,
			const char *key, int64_t min, int64_t max,
			int64_t otherwise)
{
	struct json_object *value = get(reader, object, key, json_type_int);
	int64_t number;

	if (value == NULL)
		return otherwise;
	number = json_object_get_int64(value);
	if (number < min || number > max) {
		refuse(reader, ERR_INPUT, key, "number out of range");
		return otherwise;
	}
	return number;
}

static bool
read_bool(struct reader *reader, struct json_object *object, const char *key)
{
	return json_object_get_boolean(
		get(reader, object, key, json_type_boolean));
}

/* "4.50" is a number in JSON; a whole one may come without its point. */
static int read_hundredths(struct reader *reader, struct json_object *object,
			   const char *key)
{
	struct json_object *value = NULL;
	double number;

	if (reader->failed || !json_object_object_get_ex(object, key, &value))
		return 0;
	number = json_object_get_double(value);
	if ((!json_object_is_type(value, json_type_double) &&
	     !json_object_is_type(value, json_type_int)) ||
	    !(number > -1e6 && number < 1e6)) {
		refuse(reader, ERR_INPUT, key, "not a number of points");
		return 0;
	}
	return (int)(number * 100 + (number < 0 ? -0.5 : 0.5));
}

/* A word of words.h; none leaves *word alone. */
#define READ_WORD(reader, object, key, parse, word)                        \
	do {                                                               \
		struct span text_ = read_text(reader, object, key);        \
                                                                           \
		if (text_.p != NULL && !parse(text_, word))                \
			refuse(reader, ERR_INPUT, key, quote(text_).text); \
	} while (0)

/* The elements of an array, at most max; NULL when there is none. */
static struct json_object *get_array(struct reader *reader,
				     struct json_object *object,
				     const char *key, size_t max, size_t *n)
{
	struct json_object *array = get(reader, object, key, json_type_array);

	*n = array == NULL ? 0 : json_object_array_length(array);
	if (*n > max) {
		refuse(reader, ERR_LIMIT, key, "too many");
		*n = 0;
	}
	return array;
}

static struct json_object *element(struct reader *reader,
				   struct json_object *array, size_t i,
				   const char *key, enum json_type type)
{
	struct json_object *value = json_object_array_get_idx(array, i);

	if (json_object_is_type(value, type))
		return value;
	refuse_type(reader, key, type);
	return NULL;
}

static void read_strings(struct reader *reader, struct json_object *object,
			 const char *key, const char **strings, size_t max,
			 size_t *n)
{
	struct json_object *array = get_array(reader, object, key, max, n);
	size_t i;

	for (i = 0; i < *n && !reader->failed; i++)
		strings[i] = text_of(reader,
				     element(reader, array, i, key,
					     json_type_string),
				     key)
				     .p;
}

static void read_from(struct reader *reader, struct json_object *root,
		      struct from_result *from)
{
	read_strings(reader, root, "from_domains", from->domain,
		     MAX_FROM_DOMAINS, &from->n);
	from->status = from->n == 0 ? FROM_NONE :
		       from->n == 1 ? FROM_ONE :
				      FROM_SEVERAL;
}

static void
read_spf(struct reader *reader, struct json_object *root, struct spf_fact *spf)
{
	struct json_object *object = get(reader, root, "spf", json_type_object);

	spf->domain = "";
	if (object == NULL)
		return;
	spf->known = true;
	READ_WORD(reader, object, "result", auth_result_parse, &spf->result);
	READ_WORD(reader, object, "scope", spf_scope_parse, &spf->scope);
	spf->domain = read_string(reader, object, "domain");
	spf->aligned = read_bool(reader, object, "aligned");
}

static void read_dkim(struct reader *reader, struct json_object *root,
		      struct message_facts *facts)
{
	struct json_object *array = get_array(
		reader, root, "dkim", MAX_DKIM_SIGNATURES, &facts->n_dkim);
	size_t i;

	facts->dkim =
		arena_array(reader->arena, facts->n_dkim, sizeof(*facts->dkim));
	if (facts->dkim == NULL)
		refuse(reader, ERR_LIMIT, "dkim", "no memory");
	for (i = 0; i < facts->n_dkim && !reader->failed; i++) {
		struct json_object *object =
			element(reader, array, i, "dkim", json_type_object);
		struct dkim_fact *dkim = &facts->dkim[i];

		READ_WORD(reader, object, "result", auth_result_parse,
			  &dkim->result);
		dkim->domain = read_string(reader, object, "domain");
		dkim->selector = read_string(reader, object, "selector");
		dkim->human = read_string(reader, object, "human");
		dkim->aligned = read_bool(reader, object, "aligned");
	}
}

static void read_reasons(struct reader *reader, struct json_object *root,
			 struct dmarc_verdict *verdict)
{
	struct json_object *array = get_array(reader, root, "reasons",
					      MAX_REASONS, &verdict->n_reasons);
	size_t i;

	for (i = 0; i < verdict->n_reasons && !reader->failed; i++) {
		struct json_object *object =
			element(reader, array, i, "reasons", json_type_object);

		READ_WORD(reader, object, "type", reason_type_parse,
			  &verdict->reasons[i].type);
		verdict->reasons[i].comment =
			read_string(reader, object, "comment");
	}
}

static unsigned read_fo(struct reader *reader, struct json_object *object)
{
	static const char letters[] = "01ds"; /* in the order of DMARC_FO_... */
	struct span list = read_text(reader, object, "fo");
	struct span item;
	unsigned fo = 0;

	while (span_take_item(&list, ':', &item)) {
		const char *at =
			item.n != 1 ? NULL : memchr(letters, item.p[0], 4);

		if (at == NULL)
			refuse(reader, ERR_INPUT, "fo", quote(item).text);
		else
			fo |= 1U << (at - letters);
	}
	return fo;
}

static bool parse_testing(struct span word, bool *testing)
{
	*testing = span_is(word, "y");
	return *testing || span_is(word, "n");
}

static void read_published(struct reader *reader, struct json_object *root,
			   struct dmarc_verdict *verdict)
{
	struct json_object *object =
		get(reader, root, "policy_published", json_type_object);
	struct dmarc_record *record = &verdict->record;

	if (object == NULL)
		return;
	verdict->have_record = true;
	READ_WORD(reader, object, "p", dmarc_policy_parse, &record->p);
	READ_WORD(reader, object, "sp", dmarc_policy_parse, &record->sp);
	READ_WORD(reader, object, "np", dmarc_policy_parse, &record->np);
	READ_WORD(reader, object, "adkim", alignment_mode_parse,
		  &record->adkim);
	READ_WORD(reader, object, "aspf", alignment_mode_parse, &record->aspf);
	READ_WORD(reader, object, "psd", dmarc_psd_parse, &record->psd);
	READ_WORD(reader, object, "t", parse_testing, &record->testing);
	record->fo = read_fo(reader, object);
	record->pct = (unsigned)read_int(reader, object, "pct", 0, 100, 100);
	record->rua = read_text(reader, object, "rua");
	record->ruf = read_text(reader, object, "ruf");
}

/* An identifier passed aligned: what the report rows call dkim and spf. */
static void summarize_alignment(struct entry *entry)
{
	size_t i;

	entry->verdict.spf_aligned = entry->facts.spf.aligned &&
				     entry->facts.spf.result == AUTH_PASS;
	for (i = 0; i < entry->facts.n_dkim; i++)
		if (entry->facts.dkim[i].aligned &&
		    entry->facts.dkim[i].result == AUTH_PASS)
			entry->verdict.dkim_aligned = true;
}

static void read_verdict(struct reader *reader, struct json_object *root,
			 struct dmarc_verdict *verdict)
{
	READ_WORD(reader, root, "result", dmarc_result_parse, &verdict->result);
	verdict->from_domain = read_string(reader, root, "from_domain");
	verdict->policy_domain = read_string(reader, root, "policy_domain");
	verdict->organizational_domain =
		read_string(reader, root, "organizational_domain");
	READ_WORD(reader, root, "discovery_method", discovery_method_parse,
		  &verdict->method);
	read_published(reader, root, verdict);
	READ_WORD(reader, root, "policy_source", policy_source_parse,
		  &verdict->policy_source);
	READ_WORD(reader, root, "policy_selected", dmarc_policy_parse,
		  &verdict->policy_selected);
	READ_WORD(reader, root, "policy_applied", dmarc_policy_parse,
		  &verdict->policy_applied);
	READ_WORD(reader, root, "disposition", disposition_parse,
		  &verdict->disposition);
	read_reasons(reader, root, verdict);
	verdict->faults = read_text(reader, root, "faults");
	verdict->score = read_hundredths(reader, root, "score");
	READ_WORD(reader, root, "action", action_parse, &verdict->action);
	verdict->explanation = "";
}

static void require_keys(struct reader *reader, struct json_object *root)
{
	static const char *const keys[] = { "v",           "time",   "id",
					    "mta",         "client", "result",
					    "from_domains" };
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (json_object_object_get(root, keys[i]) == NULL)
			refuse(reader, ERR_INPUT, keys[i], "missing");
	if (read_int(reader, root, "v", 0, INT64_MAX, 0) != 1)
		refuse(reader, ERR_INPUT, "v",
		       "not 1: written by another release?");
}

static void
read_entry(struct reader *reader, struct json_object *root, struct entry *entry)
{
	require_keys(reader, root);
	entry->time = read_int(reader, root, "time", 0, INT64_MAX, 0);
	entry->id = read_string(reader, root, "id");
	entry->mta = read_string(reader, root, "mta");
	entry->facts.client_ip = read_string(reader, root, "client");
	entry->facts.helo = read_string(reader, root, "helo");
	entry->facts.mail_from = read_string(reader, root, "mail_from");
	read_strings(reader, root, "rcpt_domains", entry->rcpt_domains,
		     MAX_ENTRY_RCPT_DOMAINS, &entry->n_rcpt_domains);
	entry->size = read_int(reader, root, "size", 0, INT64_MAX,
			       ENTRY_SIZE_UNKNOWN);
	read_from(reader, root, &entry->facts.from);
	read_spf(reader, root, &entry->facts.spf);
	read_dkim(reader, root, &entry->facts);
	read_verdict(reader, root, &entry->verdict);
	if (!reader->failed)
		summarize_alignment(entry);
}

/* The object that the line is; NULL with *err set. */
static struct json_object *parse_line(struct span line, struct err *err)
{
	struct json_tokener *tokener = json_tokener_new_ex(MAX_DEPTH);
	struct json_object *root = NULL;

	if (tokener == NULL) {
		err_set(err, ERR_LIMIT, "no memory");
		return NULL;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
						JSON_TOKENER_VALIDATE_UTF8);
	root = json_tokener_parse_ex(tokener, line.p, (int)line.n);
	if (json_tokener_get_error(tokener) != json_tokener_success)
		err_set(err, ERR_INPUT, "octet %zu: %s",
			json_tokener_get_parse_end(tokener),
			json_tokener_error_desc(
				json_tokener_get_error(tokener)));
	else if (json_tokener_get_parse_end(tokener) != line.n ||
		 !json_object_is_type(root, json_type_object))
		err_set(err, ERR_INPUT, "not one JSON object");
	else
		goto out;
	json_object_put(root);
	root = NULL;
out:
	json_tokener_free(tokener);
	return root;
}

int entry_parse(struct span line, struct arena *arena, struct entry *entry,
		struct err *err)
{
	struct entry *read = arena_alloc(arena, sizeof(*read));
	struct reader reader = { .arena = arena, .err = err };
	struct json_object *root;

	line = span_trim(line);
	if (read == NULL)
		return err_set(err, ERR_LIMIT, "no memory");
	if (line.n > MAX_ENTRY_BYTES)
		return err_set(err, ERR_LIMIT, "line of more than %d octets",
			       MAX_ENTRY_BYTES);
	root = parse_line(line, err);
	if (root == NULL)
		return -1;
	read_entry(&reader, root, read);
	json_object_put(root);
	if (reader.failed)
		return -1;
	*entry = *read;
	return 0;
}

/* One object of both columns, so that it reads as an entry does. */
static char *join_columns(struct span reasons, struct span auth_results,
			  struct arena *arena, size_t *n)
{
	static const char before[] = "{\"reasons\":", between[] = ",\"auth\":";
	size_t room = sizeof(before) + reasons.n + sizeof(between) +
		      auth_results.n + 1;
	char *text = arena_alloc(arena, room);
	char *at = text;

	if (text == NULL)
		return NULL;
	at = mempcpy(at, before, sizeof(before) - 1);
	at = mempcpy(at, reasons.p, reasons.n);
	at = mempcpy(at, between, sizeof(between) - 1);
	at = mempcpy(at, auth_results.p, auth_results.n);
	*at++ = '}';
	*n = (size_t)(at - text);
	return text;
}

int results_parse(struct span reasons, struct span auth_results,
		  struct arena *arena, struct results *results, struct err *err)
{
	struct reader reader = { .arena = arena, .err = err };
	struct dmarc_verdict *verdict = arena_alloc(arena, sizeof(*verdict));
	struct message_facts facts = { .dkim = NULL };
	struct json_object *root, *auth;
	struct span text;

	text.p = join_columns(reasons, auth_results, arena, &text.n);
	if (verdict == NULL || text.p == NULL)
		return err_set(err, ERR_LIMIT, "no memory");
	root = parse_line(text, err);
	if (root == NULL)
		return -1;
	read_reasons(&reader, root, verdict);
	auth = get(&reader, root, "auth", json_type_object);
	read_spf(&reader, auth, &facts.spf);
	read_dkim(&reader, auth, &facts);
	json_object_put(root);
	if (reader.failed)
		return -1;
	memcpy(results->reasons, verdict->reasons, sizeof(results->reasons));
	results->n_reasons = verdict->n_reasons;
	results->dkim = facts.dkim;
	results->n_dkim = facts.n_dkim;
	results->spf = facts.spf;
	return 0;
}
