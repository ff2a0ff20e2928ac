/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Other people's cases (vectors/dmarc, vectors/psl in the folder of shared
 * samples), with what an evaluator written from each RFC alone makes of them.
 * Where we differ on purpose, the case stands in a table here, with the reason;
 * a row that is not needed any more is an error as well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* json-c has a type of the name of one of our functions. */
#define json_bool json_c_bool
#include <json-c/json.h>
#undef json_bool

#include "base/file.h"
#include "dmarc/discovery.h"
#include "dmarc/verdict.h"
#include "dns/cache.h"
#include "dns/domain.h"
#include "dns/zonefile.h"
#include "mail/idn.h"
#include "unit/cases.h"
#include "unit/library.h"

#define MAX_VECTOR_BYTES ((size_t)64 * 1024 * 1024)
#define LIST             "vectors/psl/public_suffix_list.dat"

#define LEADING_SPACE "R1.4: white space before v is taken, as DKIM has it"
#define LAST_ONE      "R1.9: open; the last of repeated tags counts"
#define BLANK_IN_SIZE "R1.14: white space inside a size is in no grammar"
#define NOT_NEEDED    "R2.19: the walk that fails cannot lead to alignment"
#define ZERO_AND_ONE  "R1.13: 0 and 1 exclude each other in RFC 9989"

/* Where libopendmarc reads a record or judges a message otherwise. */
#define LIB_VERSION  "R1.3: it takes v=DMARC1 anywhere in a record"
#define LIB_DROPS    "R1.7: it drops a record for a bad value of any tag"
#define LIB_PREFIX   "R1.7: it looks only at the beginning of a value"
#define LIB_IODEF    "R1.7: rf=iodef leaves aspf without its default"
#define LIB_NO_P     "R1.11, R1.12: it wants a good p, rua or not"
#define LIB_LIST     "R2.2: it reads the public suffix list wrongly"
#define LIB_STRICT   "R2.16: in strict mode it takes subdomains, too"
#define LIB_HELO     "R5.1: it takes a HELO pass beside a MAIL FROM"
#define LIB_TEMPFAIL "R5.5: it has no temporary errors"

static const struct deviation {
	const char *id;
	const char *field; /* "rfc9989/dmarc" */
	const char *reason;
} deviations[] = {
	{ "checkdmarc/leading-space", "rfc9989/dmarc", LEADING_SPACE },
	{ "checkdmarc/leading-space", "rfc7489/dmarc", LEADING_SPACE },
	{ "checkdmarc/duplicate", "rfc9989/p", LAST_ONE },
	{ "checkdmarc/duplicate", "rfc9989/sp", LAST_ONE },
	{ "checkdmarc/duplicate", "rfc9989/np", LAST_ONE },
	{ "checkdmarc/duplicate", "rfc7489/p", LAST_ONE },
	{ "checkdmarc/duplicate", "rfc7489/sp", LAST_ONE },
	{ "checkdmarc/duplicate", "rfc7489/np", LAST_ONE },
	{ "email-auth-rs/dup-p", "rfc9989/p", LAST_ONE },
	{ "email-auth-rs/dup-p", "rfc9989/sp", LAST_ONE },
	{ "email-auth-rs/dup-p", "rfc9989/np", LAST_ONE },
	{ "email-auth-rs/dup-p", "rfc7489/p", LAST_ONE },
	{ "email-auth-rs/dup-p", "rfc7489/sp", LAST_ONE },
	{ "email-auth-rs/dup-p", "rfc7489/np", LAST_ONE },
	{ "mox/bad-10", "rfc9989/p", LAST_ONE },
	{ "mox/bad-10", "rfc9989/sp", LAST_ONE },
	{ "mox/bad-10", "rfc9989/np", LAST_ONE },
	{ "mox/bad-10", "rfc7489/p", LAST_ONE },
	{ "mox/bad-10", "rfc7489/sp", LAST_ONE },
	{ "mox/bad-10", "rfc7489/np", LAST_ONE },
	{ "mail-auth/parse-5", "rfc9989/rua", BLANK_IN_SIZE },
	{ "mail-auth/parse-5", "rfc7489/rua", BLANK_IN_SIZE },
	{ "own/random-043", "rfc9989/dmarc", NOT_NEEDED },
	{ "own/random-043", "rfc9989/disposition", NOT_NEEDED },
	{ "mox/valid-4", "rfc9989/fo", ZERO_AND_ONE },
	{ "email-auth-rs/v-not-first", "library/usable", LIB_VERSION },
	{ "MailCheck.Public.Dmarc/tag-aspf-25", "library/usable", LIB_DROPS },
	{ "MailCheck.Public.Dmarc/tag-aspf-abc", "library/usable", LIB_DROPS },
	{ "MailCheck.Public.Dmarc/tag-pct-101", "library/usable", LIB_DROPS },
	{ "MailCheck.Public.Dmarc/tag-ri-asdf", "library/usable", LIB_DROPS },
	{ "OpenDMARC/parse-10", "library/usable", LIB_DROPS },
	{ "OpenDMARC/parse-11", "library/usable", LIB_DROPS },
	{ "OpenDMARC/parse-12", "library/usable", LIB_DROPS },
	{ "OpenDMARC/parse-13", "library/usable", LIB_DROPS },
	{ "checkdmarc/fo-x", "library/usable", LIB_DROPS },
	{ "checkdmarc/rf-invalid", "library/usable", LIB_DROPS },
	{ "email-auth-rs/pct--5", "library/usable", LIB_DROPS },
	{ "email-auth-rs/ri-abc", "library/usable", LIB_DROPS },
	{ "mail-dmarc/bad-value-rf-rfrf", "library/usable", LIB_DROPS },
	{ "mail-dmarc/bad-value-ri--1", "library/usable", LIB_DROPS },
	{ "mox/valid-4", "library/usable", LIB_DROPS },
	{ "mail-dmarc/bad-value-adkim-strict", "library/adkim", LIB_PREFIX },
	{ "checkdmarc/pct-abc", "library/pct", LIB_PREFIX },
	{ "mail-dmarc/bad-value-pct-1.0", "library/pct", LIB_PREFIX },
	{ "mail-dmarc/bad-value-pct-1.1", "library/pct", LIB_PREFIX },
	{ "mail-dmarc/bad-value-pct-5.f1", "library/pct", LIB_PREFIX },
	{ "email-auth-rs/rf-unknown", "library/aspf", LIB_IODEF },
	{ "mail-dmarc/good-value-rf-IODEF", "library/aspf", LIB_IODEF },
	{ "mail-dmarc/good-value-rf-iodef", "library/aspf", LIB_IODEF },
	{ "mail-auth/discovery-rua-no-p", "library/result", LIB_NO_P },
	{ "own/combo-nop-nosp-nonp-rua", "library/result", LIB_NO_P },
	{ "own/combo-nop-nosp-np=bad-rua", "library/result", LIB_NO_P },
	{ "own/combo-nop-sp=bad-nonp-rua", "library/result", LIB_NO_P },
	{ "own/combo-p=bad-nosp-nonp-rua", "library/result", LIB_NO_P },
	{ "own/random-330", "library/result", LIB_NO_P },
	{ "own/random-134", "library/result", LIB_NO_P },
	{ "own/random-364", "library/result", LIB_NO_P },
	{ "checkdmarc/bad-p", "library/usable", LIB_NO_P },
	{ "checkdmarc/no-p", "library/usable", LIB_NO_P },
	{ "mail-dmarc/bad-rua-only", "library/usable", LIB_NO_P },
	{ "mox/valid-1", "library/usable", LIB_NO_P },
	{ "own/random-043", "library/result", LIB_LIST },
	{ "own/random-381", "library/result", LIB_LIST },
	{ "own/random-019", "library/result", LIB_LIST },
	{ "own/random-021", "library/result", LIB_LIST },
	{ "own/random-162", "library/result", LIB_LIST },
	{ "own/random-293", "library/result", LIB_LIST },
	{ "maddy/align-06", "library/result", LIB_STRICT },
	{ "maddy/align-15", "library/result", LIB_STRICT },
	{ "own/split-txt", "library/result", LIB_STRICT },
	{ "mail-dmarc/validate-helo-does-not-count", "library/result",
	  LIB_HELO },
	{ "maddy/align-17", "library/result", LIB_TEMPFAIL },
	{ "maddy/align-21", "library/result", LIB_TEMPFAIL },
	{ "mox/verify-dkim-temperror", "library/result", LIB_TEMPFAIL },
	{ "mox/verify-spf-temperror", "library/result", LIB_TEMPFAIL },
};

#define N_DEVIATIONS (sizeof(deviations) / sizeof(deviations[0]))

static bool used[N_DEVIATIONS];
static size_t wrong;

/* ---------------------------------------------------------------- reading */

static const char *text_of(struct json_object *object, const char *key)
{
	struct json_object *value;

	if (!json_object_object_get_ex(object, key, &value) || value == NULL)
		return NULL;
	return json_object_get_string(value);
}

static struct json_object *get(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;

	(void)json_object_object_get_ex(object, key, &value);
	return value;
}

/* Give each line of a vector file to check. */
static void
for_each(const char *name, void (*check)(struct json_object *vector))
{
	struct buf text = BUF_INIT(MAX_VECTOR_BYTES);
	const char *path = shared_path(name);
	struct err err = ERR_INIT;
	struct span rest, line;
	size_t before = wrong;

	if (path == NULL)
		skip();
	if (file_read(path, &text, &err) < 0)
		fail_msg("%s", err.text);
	rest = buf_span(&text);
	while (span_take_line(&rest, &line)) {
		char *copy = strndup(line.p, line.n);
		struct json_object *vector = json_tokener_parse(copy);

		assert_non_null(vector);
		check(vector);
		json_object_put(vector);
		free(copy);
	}
	buf_release(&text);
	if (wrong > before)
		fail_msg("%s: %zu differences", name, wrong - before);
}

static void compare(struct json_object *vector, const char *field,
		    const char *got, const char *want)
{
	const char *id = text_of(vector, "id");
	size_t i;

	if (got == NULL || *got == '\0')
		got = "-";
	if (want == NULL)
		want = "-";
	if (strcmp(got, want) == 0)
		return;
	for (i = 0; i < N_DEVIATIONS; i++) {
		if (strcmp(deviations[i].id, id) == 0 &&
		    strcmp(deviations[i].field, field) == 0) {
			used[i] = true;
			return;
		}
	}
	print_error("%s: %s: got %s, want %s\n", id, field, got, want);
	wrong++;
}

static void compare_bool(struct json_object *vector, const char *field,
			 bool got, struct json_object *want)
{
	compare(vector, field, got ? "true" : "false",
		json_object_get_string(want));
}

/* ------------------------------------------------------------------ zones */

static void add_string(struct buf *zone, const char *text)
{
	buf_add_char(zone, '"');
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\' || c < ' ' || c > '~')
			buf_addf(zone, "\\%03u", c);
		else
			buf_add_char(zone, *text);
	}
	buf_add_string(zone, "\" ");
}

/* A text of one record: a string, or a list of character-strings. */
static void add_txt(struct buf *zone, struct json_object *record)
{
	size_t i, n;

	if (json_object_get_type(record) != json_type_array) {
		add_string(zone, json_object_get_string(record));
		return;
	}
	n = json_object_array_length(record);
	for (i = 0; i < n; i++)
		add_string(zone, json_object_get_string(
					 json_object_array_get_idx(record, i)));
}

static void add_records(struct buf *zone, const char *name, const char *type,
			struct json_object *records)
{
	size_t n = json_object_array_length(records), i;

	for (i = 0; i < n; i++) {
		struct json_object *record =
			json_object_array_get_idx(records, i);

		buf_addf(zone, "%s %s ", name, type);
		if (strcmp(type, "TXT") == 0)
			add_txt(zone, record);
		else
			buf_add_string(zone, json_object_get_string(record));
		buf_add_char(zone, '\n');
	}
}

/* The zone of a vector as a master file. */
static struct resolver *make_zone(struct json_object *vector)
{
	struct json_object *names = get(vector, "zone");
	struct buf zone = BUF_INIT(MAX_VECTOR_BYTES);
	struct resolver *resolver;
	struct err err = ERR_INIT;

	if (names != NULL) {
		json_object_object_foreach(names, name, sets)
		{
			const char *code = text_of(sets, "RCODE");

			/* It exists, whatever else there is. */
			buf_addf(&zone, "%s HINFO a b\n", name);
			if (code != NULL)
				buf_addf(&zone, ";!%s %s\n",
					 strcmp(code, "TIMEOUT") == 0 ?
						 "timeout" :
						 "servfail",
					 name);
			json_object_object_foreach(sets, type, records)
			{
				if (strcmp(type, "RCODE") != 0)
					add_records(&zone, name, type, records);
			}
		}
	}
	resolver = zonefile_parse(buf_span(&zone), &err);
	if (resolver == NULL)
		fail_msg("%s: %s\n%s", text_of(vector, "id"), err.text,
			 buf_string(&zone));
	buf_release(&zone);
	return resolver;
}

/* Read once for all tests. */
static struct psl *the_list;

static const struct psl *open_list(void)
{
	const char *path = shared_path(LIST);
	struct err err = ERR_INIT;

	if (path == NULL)
		skip();
	if (the_list == NULL)
		the_list = psl_open(path, &err);
	if (the_list == NULL)
		fail_msg("%s", err.text);
	return the_list;
}

/* ------------------------------------------------------------- eval.jsonl */

/* As the readers of messages give names; "" when it is no name. */
static const char *
normalized(struct json_object *object, const char *key, struct arena *arena)
{
	const char *name = idn_to_ascii(arena, span_of(text_of(object, key)));

	return name == NULL ? "" : name;
}

static void read_spf(struct json_object *vector, struct message_facts *facts,
		     struct arena *arena)
{
	struct json_object *spf = get(vector, "spf");
	const char *scope, *domain;

	facts->spf.domain = "";
	if (spf == NULL)
		return;
	scope = text_of(spf, "scope");
	domain = normalized(spf, "domain", arena);
	assert_true(auth_result_parse(span_of(text_of(spf, "result")),
				      &facts->spf.result));
	facts->spf.known = true;
	facts->spf.domain = domain;
	if (strcmp(scope, "mfrom") != 0)
		facts->spf.scope = SPF_SCOPE_HELO;
	if (strcmp(scope, "helo-null") != 0)
		facts->mail_from = arena_printf(arena, "x@%s", domain);
}

static struct message_facts
make_facts(struct json_object *vector, struct arena *arena)
{
	struct message_facts facts = { .client_ip = "", .helo = "" };
	struct json_object *dkim = get(vector, "dkim");
	size_t n = json_object_array_length(dkim), i;

	facts.mail_from = "";
	facts.from.status = FROM_ONE;
	facts.from.fields = facts.from.n = 1;
	facts.from.domain[0] = normalized(vector, "from_domain", arena);
	read_spf(vector, &facts, arena);
	facts.dkim = arena_array(arena, n, sizeof(*facts.dkim));
	assert_non_null(facts.dkim);
	for (i = 0; i < n; i++) {
		struct json_object *one = json_object_array_get_idx(dkim, i);
		struct dkim_fact *fact = &facts.dkim[facts.n_dkim];

		/* Without a domain it is no fact (facts.c). */
		if (text_of(one, "domain") == NULL)
			continue;
		facts.n_dkim++;
		*fact = (struct dkim_fact){
			.domain = normalized(one, "domain", arena),
			.selector = "s",
			.human = "",
		};
		assert_true(auth_result_parse(span_of(text_of(one, "result")),
					      &fact->result));
	}
	return facts;
}

/* "rfc9989" and "dmarc" */
static const char *field_name(const char *standard, const char *name)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s/%s", standard, name);
	return text;
}

/*
 * The domain where the record was found, also without a verdict; the rest is
 * computed only where a record applies and nothing failed.
 */
static void compare_verdict(struct json_object *vector, const char *standard,
			    const struct dmarc_verdict *verdict)
{
	struct json_object *want = get(vector, standard);
	const char *asked = dmarc_policy_name(verdict->policy_applied);

	compare(vector, field_name(standard, "dmarc"),
		dmarc_result_name(verdict->result), text_of(want, "dmarc"));
	if (get(want, "policy_domain") != NULL)
		compare(vector, field_name(standard, "policy_domain"),
			verdict->policy_domain, text_of(want, "policy_domain"));
	if (text_of(want, "policy") == NULL)
		return;
	compare(vector, field_name(standard, "policy"),
		dmarc_policy_name(verdict->policy_selected),
		text_of(want, "policy"));
	compare(vector, field_name(standard, "org_domain"),
		verdict->organizational_domain, text_of(want, "org_domain"));
	compare_bool(vector, field_name(standard, "spf_aligned"),
		     verdict->spf_aligned, get(want, "spf_aligned"));
	compare_bool(vector, field_name(standard, "dkim_aligned"),
		     verdict->dkim_aligned, get(want, "dkim_aligned"));
	compare(vector, field_name(standard, "disposition"),
		verdict->result == DMARC_FAIL ? asked : "none",
		text_of(want, "disposition"));
}

/*
 * libopendmarc knows neither temporary errors nor pct, and no message is judged
 * by it that has no record.
 */
static void compare_library(struct json_object *vector,
			    const struct message_facts *facts,
			    const struct dmarc_verdict *verdict)
{
	const char *ours = dmarc_result_name(verdict->result);
	char text[64];

	if (!verdict->have_record)
		return;
	if (verdict->result == DMARC_FAIL) {
		snprintf(text, sizeof(text), "fail %s",
			 dmarc_policy_name(verdict->policy_selected));
		ours = text;
	}
	compare(vector, "library/result", library_judge(facts, verdict), ours);
}

static void judge(struct json_object *vector, enum standard standard,
		  const char *name, const struct psl *psl)
{
	struct arena *arena = arena_new((size_t)16 * 1024 * 1024);
	struct resolver *zone = make_zone(vector);
	struct message_facts facts = make_facts(vector, arena);
	/* The library depends on the order of signatures, which we change. */
	struct message_facts as_given = make_facts(vector, arena);
	struct err err = ERR_INIT;
	struct dmarc_verdict verdict;
	struct settings settings;

	settings_defaults(&settings);
	settings.standard = standard;
	if (verdict_make(&facts, &settings, psl, zone, arena, &verdict, &err) <
	    0)
		fail_msg("%s", err.text);
	compare_verdict(vector, name, &verdict);
	if (standard == STANDARD_RFC7489)
		compare_library(vector, &as_given, &verdict);
	/* With all corrections, it always agrees. */
	if (verdict.disagreement != NULL)
		fail_msg("%s: %s", text_of(vector, "id"), verdict.disagreement);
	resolver_free(&zone);
	arena_free(&arena);
}

static void check_eval(struct json_object *vector)
{
	judge(vector, STANDARD_RFC9989, "rfc9989", NULL);
	judge(vector, STANDARD_RFC7489, "rfc7489", open_list());
}

static void test_eval(void **state)
{
	(void)state;
	for_each("vectors/dmarc/eval.jsonl", check_eval);
}

/* ----------------------------------------------------------- record.jsonl */

static void compare_fo(struct json_object *vector, const char *standard,
		       unsigned fo, const char *want)
{
	static const char letters[] = "01ds";
	char text[10] = "";
	size_t i, n = 0;

	for (i = 0; i < sizeof(letters) - 1; i++) {
		if ((fo & (1U << i)) == 0)
			continue;
		if (n > 0)
			text[n++] = ':';
		text[n++] = letters[i];
	}
	compare(vector, field_name(standard, "fo"), text, want);
}

static void compare_tags(struct json_object *vector, const char *standard,
			 const struct dmarc_record *record,
			 struct json_object *want)
{
	enum policy_source sp = POLICY_SOURCE_SP, np = POLICY_SOURCE_NP;
	struct json_object *rua = get(want, "rua");
	char pct[16];

	compare(vector, field_name(standard, "p"), dmarc_policy_name(record->p),
		text_of(want, "p"));
	compare(vector, field_name(standard, "sp"),
		dmarc_policy_name(dmarc_record_word(record, &sp)),
		text_of(want, "sp"));
	compare(vector, field_name(standard, "np"),
		dmarc_policy_name(dmarc_record_word(record, &np)),
		text_of(want, "np"));
	compare(vector, field_name(standard, "adkim"),
		alignment_mode_name(record->adkim), text_of(want, "adkim"));
	compare(vector, field_name(standard, "aspf"),
		alignment_mode_name(record->aspf), text_of(want, "aspf"));
	compare(vector, field_name(standard, "psd"),
		dmarc_psd_name(record->psd), text_of(want, "psd"));
	compare(vector, field_name(standard, "t"), record->testing ? "y" : "n",
		text_of(want, "t"));
	compare_fo(vector, standard, record->fo, text_of(want, "fo"));
	/* RFC 9989 has no pct; we keep it to show it. */
	snprintf(pct, sizeof(pct), "%u", record->pct);
	if (strcmp(standard, "rfc7489") == 0)
		compare(vector, field_name(standard, "pct"), pct,
			text_of(want, "pct"));
	assert_non_null(rua);
}

/* How many of the list are mailto: URIs, and how many we can use. */
static void compare_uris(struct json_object *vector, const char *standard,
			 const char *name, struct span list,
			 struct json_object *want, struct arena *arena)
{
	size_t n = json_object_array_length(want), i;
	char got_text[32], want_text[32];
	int got = 0, expected = 0;
	struct span address;

	for (i = 0; i < n; i++)
		expected += span_starts(
			span_of(json_object_get_string(
				json_object_array_get_idx(want, i))),
			"mailto:");
	while (dmarc_uri_next(&list, arena, &address) == 1)
		got++;
	snprintf(got_text, sizeof(got_text), "%d", got);
	snprintf(want_text, sizeof(want_text), "%d", expected);
	compare(vector, field_name(standard, name), got_text, want_text);
}

static void check_record_as(struct json_object *vector, const char *standard,
			    enum record_dialect dialect)
{
	struct arena *arena = arena_new(1024 * 1024);
	struct json_object *want = get(vector, standard);
	struct dmarc_record record = { .p = DMARC_POLICY_UNSET };
	enum dmarc_record_result result;
	struct json_object *usable = get(want, "usable");

	result = dmarc_record_parse_as(
		dialect, span_of(text_of(vector, "record")), arena, &record);
	compare_bool(vector, field_name(standard, "is_dmarc"),
		     result != DMARC_RECORD_NOT_DMARC, get(want, "is_dmarc"));
	if (usable != NULL && result != DMARC_RECORD_NOT_DMARC)
		compare_bool(vector, field_name(standard, "usable"),
			     result == DMARC_RECORD_OK, usable);
	if (result == DMARC_RECORD_OK && text_of(want, "p") != NULL) {
		compare_tags(vector, standard, &record, want);
		compare_uris(vector, standard, "rua", record.rua,
			     get(want, "rua"), arena);
		compare_uris(vector, standard, "ruf", record.ruf,
			     get(want, "ruf"), arena);
	}
	arena_free(&arena);
}

/* libopendmarc's reading beside ours. */
static void check_library_record(struct json_object *vector)
{
	struct arena *arena = arena_new(1024 * 1024);
	const char *text = text_of(vector, "record");
	struct dmarc_record ours = { .p = DMARC_POLICY_UNSET };
	enum policy_source sp = POLICY_SOURCE_SP;
	struct library_record theirs = library_read(text);
	char pct[2][16];
	bool usable = dmarc_record_parse_as(RECORD_RFC7489, span_of(text),
					    arena, &ours) == DMARC_RECORD_OK;

	compare(vector, "library/usable", theirs.usable ? "true" : "false",
		usable ? "true" : "false");
	if (usable && theirs.usable) {
		snprintf(pct[0], sizeof(pct[0]), "%d", theirs.pct);
		snprintf(pct[1], sizeof(pct[1]), "%u", ours.pct);
		compare(vector, "library/p", theirs.p,
			dmarc_policy_name(ours.p));
		compare(vector, "library/sp", theirs.sp,
			dmarc_policy_name(dmarc_record_word(&ours, &sp)));
		compare(vector, "library/adkim", theirs.adkim,
			alignment_mode_name(ours.adkim));
		compare(vector, "library/aspf", theirs.aspf,
			alignment_mode_name(ours.aspf));
		compare(vector, "library/pct", pct[0], pct[1]);
	}
	arena_free(&arena);
}

static void check_record(struct json_object *vector)
{
	check_record_as(vector, "rfc9989", RECORD_RFC9989);
	check_record_as(vector, "rfc7489", RECORD_RFC7489);
	check_library_record(vector);
}

static void test_record(void **state)
{
	(void)state;
	for_each("vectors/dmarc/record.jsonl", check_record);
}

/* -------------------------------------------------------- orgdomain.jsonl */

/* A list of its own, while no other is open (psl.h). */
static void check_rules(struct json_object *vector)
{
	struct arena *arena = arena_new(65536);
	char path[] = "/tmp/edmarc-test-XXXXXX";
	struct json_object *rules = get(vector, "rules");
	struct buf text = BUF_INIT(65536);
	size_t n = json_object_array_length(rules), i;
	int fd = mkstemp(path);
	struct err err = ERR_INIT;
	struct psl *psl;

	assert_true(fd >= 0);
	for (i = 0; i < n; i++)
		buf_addf(&text, "%s\n",
			 json_object_get_string(
				 json_object_array_get_idx(rules, i)));
	assert_int_equal(write_all(fd, buf_span(&text)), 0);
	close(fd);
	buf_release(&text);
	psl = psl_open(path, &err);
	unlink(path);
	if (psl == NULL)
		fail_msg("%s", err.text);
	compare(vector, "expect",
		psl_organizational_domain(psl, text_of(vector, "domain"),
					  arena),
		text_of(vector, "expect"));
	psl_free(&psl);
	arena_free(&arena);
}

static void
compare_queries(struct json_object *vector, const struct resolver *cache)
{
	struct json_object *want = get(vector, "expect");
	size_t n, i;
	const struct dns_question *asked = dns_cache_asked(cache, &n);
	char field[32];

	for (i = 0; i < n || i < json_object_array_length(want); i++) {
		snprintf(field, sizeof(field), "query %zu", i);
		compare(vector, field, i < n ? asked[i].name : NULL,
			json_object_get_string(
				json_object_array_get_idx(want, i)));
	}
}

static void check_walk(struct json_object *vector, bool queries)
{
	struct arena *arena = arena_new(1024 * 1024);
	struct resolver *zone = make_zone(vector);
	struct resolver *cache = dns_cache_new(zone, arena);
	const char *got;

	assert_non_null(cache);
	got = discover_organization(text_of(vector, "domain"), NULL, cache,
				    arena);
	if (queries)
		compare_queries(vector, cache);
	else
		compare(vector, "expect", got, text_of(vector, "expect"));
	resolver_free(&zone);
	arena_free(&arena);
}

/* A name is a public suffix when what is below it is an organization. */
static void check_suffix(struct json_object *vector, const struct psl *psl)
{
	struct arena *arena = arena_new(65536);
	char *below = arena_printf(arena, "x.%s", text_of(vector, "domain"));

	compare_bool(vector, "expect",
		     strcmp(psl_organizational_domain(psl, below, arena),
			    below) == 0,
		     get(vector, "expect"));
	arena_free(&arena);
}

static void check_listed(struct json_object *vector, const struct psl *psl)
{
	struct arena *arena = arena_new(65536);

	compare(vector, "expect",
		psl_organizational_domain(psl, text_of(vector, "domain"),
					  arena),
		text_of(vector, "expect"));
	arena_free(&arena);
}

static void check_orgdomain(struct json_object *vector)
{
	const char *method = text_of(vector, "method");

	if (get(vector, "rules") != NULL)
		return;
	if (strcmp(method, "psl") == 0)
		check_listed(vector, open_list());
	else if (strcmp(method, "is-public-suffix") == 0)
		check_suffix(vector, open_list());
	else
		check_walk(vector, strcmp(method, "treewalk-queries") == 0);
}

static void check_own_rules(struct json_object *vector)
{
	if (get(vector, "rules") != NULL)
		check_rules(vector);
}

/* Before all others: no list may be open yet. */
static void test_own_rules(void **state)
{
	(void)state;
	for_each("vectors/dmarc/orgdomain.jsonl", check_own_rules);
}

static void test_orgdomain(void **state)
{
	(void)state;
	for_each("vectors/dmarc/orgdomain.jsonl", check_orgdomain);
}

/* -------------------------------------------------------- alignment.jsonl */

static void check_alignment_by(struct json_object *vector, const char *method,
			       const struct psl *psl)
{
	struct arena *arena = arena_new(1024 * 1024);
	struct resolver *zone = make_zone(vector);
	const char *a = normalized(vector, "a", arena);
	const char *b = normalized(vector, "b", arena);
	bool aligned = *a != '\0' && strcmp(a, b) == 0;

	if (strcmp(text_of(vector, "mode"), "r") == 0 && *a != '\0' &&
	    *b != '\0')
		aligned = domain_equal(
			discover_organization(a, psl, zone, arena),
			discover_organization(b, psl, zone, arena));
	compare_bool(vector, method, aligned, get(vector, "expect"));
	resolver_free(&zone);
	arena_free(&arena);
}

static void check_alignment(struct json_object *vector)
{
	const char *method = text_of(vector, "method");

	if (strstr(method, "psl") != NULL)
		check_alignment_by(vector, "psl", open_list());
	if (strstr(method, "treewalk") != NULL)
		check_alignment_by(vector, "treewalk", NULL);
}

static void test_alignment(void **state)
{
	(void)state;
	for_each("vectors/dmarc/alignment.jsonl", check_alignment);
}

/* ----------------------------------------------- report-destination.jsonl */

/* Only the lists of URIs; permissions are asked for by report/. */
static void check_destination(struct json_object *vector)
{
	struct json_object *kept;
	struct span list, address;
	struct arena *arena;
	size_t i = 0;

	if (text_of(vector, "rua") == NULL)
		return;
	arena = arena_new(65536);
	list = span_of(text_of(vector, "rua"));
	kept = get(get(vector, "expect"), "kept");
	while (dmarc_uri_next(&list, arena, &address) == 1)
		compare(vector, "kept",
			arena_printf(arena, "mailto:%s", address.p),
			json_object_get_string(
				json_object_array_get_idx(kept, i++)));
	assert_int_equal(i, json_object_array_length(kept));
	arena_free(&arena);
}

static void test_destination(void **state)
{
	(void)state;
	for_each("vectors/dmarc/report-destination.jsonl", check_destination);
}

/* -------------------------------------------------------------------- psl */

/* "NAME ORG"; null for a name that is itself a suffix, or no name. */
static void check_official(const struct psl *psl, struct span line)
{
	struct arena *arena = arena_new(65536);
	struct span name, want;
	const char *got, *ascii;

	assert_true(span_take_item(&line, ' ', &name));
	assert_true(span_take_item(&line, ' ', &want));
	ascii = idn_to_ascii(arena, name);
	if (ascii == NULL)
		ascii = arena_copy(arena, name).p;
	got = psl_organizational_domain(psl, ascii, arena);
	if (span_is(want, "null"))
		want = span_of(ascii);
	else
		want = span_of(idn_to_ascii(arena, want));
	if (!span_equal(want, span_of(got))) {
		print_error("%.*s: got %s, want %.*s\n", SPAN_ARGS(name), got,
			    SPAN_ARGS(want));
		wrong++;
	}
	arena_free(&arena);
}

static void test_official(void **state)
{
	const struct psl *psl = open_list();
	struct buf text = BUF_INIT(MAX_VECTOR_BYTES);
	struct err err = ERR_INIT;
	size_t before = wrong, n = 0;
	struct span rest, line;

	(void)state;
	if (file_read(shared_path("vectors/psl/tests.txt"), &text, &err) < 0)
		fail_msg("%s", err.text);
	rest = buf_span(&text);
	while (span_take_line(&rest, &line)) {
		if (line.n == 0 || span_starts(line, "//"))
			continue;
		check_official(psl, line);
		n++;
	}
	buf_release(&text);
	assert_true(n > 50);
	if (wrong > before)
		fail_msg("%zu differences", wrong - before);
}

/* After all others: the table has nothing that is not needed. */
static void test_deviations(void **state)
{
	size_t i;

	(void)state;
	if (shared_path("vectors/dmarc/eval.jsonl") == NULL)
		skip();
	for (i = 0; i < N_DEVIATIONS; i++)
		if (!used[i])
			fail_msg("%s %s does not differ any more",
				 deviations[i].id, deviations[i].field);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_rules),
		cmocka_unit_test(test_eval),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_orgdomain),
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_destination),
		cmocka_unit_test(test_official),
		cmocka_unit_test(test_deviations),
	};

	if (shared_path("vectors/dmarc/eval.jsonl") == NULL) {
		printf("no vectors beside the project: skipped\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
