/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/read_xml.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/xmlerror.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/quote.h"
#include "base/utc.h"
#include "report/charset.h"
#include "report/limits.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Bytes that are decoded and parsed at a time. */
#define PUSH_BYTES ((size_t)32 * 1024)

/* The deepest known element is a reason's type, with room for wrappers. */
#define MAX_OPEN 16

/* ------------------------------------------------- the document as it stands */

struct raw_report {
	struct span version;
	struct span org_name;
	struct span email;
	struct span extra_contact;
	struct span report_id;
	struct span begin;
	struct span end;
	struct span generator;
	struct span errors[MAX_REPORT_ERRORS];
	size_t n_errors;
	struct span domain;
	struct span method;
	struct span p;
	struct span sp;
	struct span np;
	struct span adkim;
	struct span aspf;
	struct span pct;
	struct span fo;
	struct span testing;
};

/* Of a reason: result is its type and human its comment. */
struct raw_item {
	struct span domain;
	struct span selector;
	struct span scope;
	struct span result;
	struct span human;
};

struct raw_row {
	struct span source_ip;
	struct span count;
	struct span disposition;
	struct span dkim;
	struct span spf;
	struct span header_from;
	struct span envelope_from;
	struct span envelope_to;
	size_t n_reasons;
	size_t n_signatures;
	size_t n_senders;
	bool too_long; /* a name is longer than MAX_TEXT_BYTES */
	/* Last, since they are large, and cleared one by one. */
	struct raw_item reasons[MAX_ROW_REASONS];
	struct raw_item signatures[MAX_ROW_SIGNATURES];
	struct raw_item senders[MAX_ROW_SPF];
};

enum element {
	OUTSIDE, /* around <feedback> */
	FEEDBACK,
	METADATA,
	DATE_RANGE,
	POLICY,
	RECORD,
	ROW,
	EVALUATED,
	REASON,
	IDENTIFIERS,
	AUTH_RESULTS,
	DKIM,
	SPF,
	LEAF, /* holds text */
};

/* Where the text of a leaf goes. */
enum place {
	NOWHERE,
	IN_REPORT, /* struct raw_report */
	IN_ERRORS, /* the next of its errors */
	IN_ROW,    /* struct raw_row */
	IN_ITEM,   /* struct raw_item */
};

struct rule {
	enum element parent;
	const char *name;
	enum element element;
	enum place place;
	bool free_text; /* may be cut; names may not */
	size_t offset;
};

#define CONTAINER(parent, name, element)                 \
	{                                                \
		parent, name, element, NOWHERE, false, 0 \
	}
#define REPORT(parent, name, field)                        \
	{                                                  \
		parent, name, LEAF, IN_REPORT, false,      \
			offsetof(struct raw_report, field) \
	}
#define FREE(parent, name, field)                          \
	{                                                  \
		parent, name, LEAF, IN_REPORT, true,       \
			offsetof(struct raw_report, field) \
	}
#define ROW_FIELD(parent, name, field)                  \
	{                                               \
		parent, name, LEAF, IN_ROW, false,      \
			offsetof(struct raw_row, field) \
	}
#define ITEM(parent, name, field)                        \
	{                                                \
		parent, name, LEAF, IN_ITEM, false,      \
			offsetof(struct raw_item, field) \
	}
#define FREE_ITEM(parent, name, field)                   \
	{                                                \
		parent, name, LEAF, IN_ITEM, true,       \
			offsetof(struct raw_item, field) \
	}

static const struct rule rules[] = {
	REPORT(FEEDBACK, "version", version),
	CONTAINER(FEEDBACK, "report_metadata", METADATA),
	CONTAINER(FEEDBACK, "policy_published", POLICY),
	CONTAINER(FEEDBACK, "record", RECORD),

	REPORT(METADATA, "org_name", org_name),
	REPORT(METADATA, "email", email),
	FREE(METADATA, "extra_contact_info", extra_contact),
	REPORT(METADATA, "report_id", report_id),
	CONTAINER(METADATA, "date_range", DATE_RANGE),
	{ METADATA, "error", LEAF, IN_ERRORS, true, 0 },
	FREE(METADATA, "generator", generator),
	REPORT(DATE_RANGE, "begin", begin),
	REPORT(DATE_RANGE, "end", end),

	REPORT(POLICY, "domain", domain),
	REPORT(POLICY, "discovery_method", method),
	REPORT(POLICY, "p", p),
	REPORT(POLICY, "sp", sp),
	REPORT(POLICY, "np", np),
	REPORT(POLICY, "adkim", adkim),
	REPORT(POLICY, "aspf", aspf),
	REPORT(POLICY, "pct", pct),
	REPORT(POLICY, "fo", fo),
	REPORT(POLICY, "testing", testing),

	CONTAINER(RECORD, "row", ROW),
	ROW_FIELD(ROW, "source_ip", source_ip),
	ROW_FIELD(ROW, "count", count),
	CONTAINER(ROW, "policy_evaluated", EVALUATED),
	ROW_FIELD(EVALUATED, "disposition", disposition),
	ROW_FIELD(EVALUATED, "dkim", dkim),
	ROW_FIELD(EVALUATED, "spf", spf),
	CONTAINER(EVALUATED, "reason", REASON),
	ITEM(REASON, "type", result),
	FREE_ITEM(REASON, "comment", human),

	CONTAINER(RECORD, "identifiers", IDENTIFIERS),
	CONTAINER(RECORD, "identities", IDENTIFIERS), /* junc.org */
	ROW_FIELD(IDENTIFIERS, "header_from", header_from),
	ROW_FIELD(IDENTIFIERS, "envelope_from", envelope_from),
	ROW_FIELD(IDENTIFIERS, "envelope_to", envelope_to),

	CONTAINER(RECORD, "auth_results", AUTH_RESULTS),
	CONTAINER(AUTH_RESULTS, "dkim", DKIM),
	ITEM(DKIM, "domain", domain),
	ITEM(DKIM, "selector", selector),
	ITEM(DKIM, "result", result),
	FREE_ITEM(DKIM, "human_result", human),
	CONTAINER(AUTH_RESULTS, "spf", SPF),
	ITEM(SPF, "domain", domain),
	ITEM(SPF, "scope", scope),
	ITEM(SPF, "result", result),
	FREE_ITEM(SPF, "human_result", human),
};

/* What is odd but does not stop the reading. Each is told once, with a count. */
enum oddity {
	ODD_XML, /* the text comes from libxml2 */
	ODD_LOST,
	ODD_BLANKS,
	ODD_CHARSET,
	ODD_BYTES,
	ODD_AGAIN,
	ODD_CUT,
	ODD_TIME,
	ODD_POLICY,
	ODD_DISPOSITION,
	ODD_ALIGNMENT,
	ODD_RESULT,
	ODD_SCOPE,
	ODD_REASON,
	ODD_MANY,
	ODD_ROW, /* left out; the text says why */
	N_ODDITIES,
};

static const char *const oddity_texts[N_ODDITIES] = {
	[ODD_XML] = "not well-formed",
	[ODD_LOST] = "no end tag",
	[ODD_BLANKS] = "blanks in front of the XML declaration",
	[ODD_CHARSET] = "unknown charset, taken as UTF-8",
	[ODD_BYTES] = "octets that are not in the charset",
	[ODD_AGAIN] = "given twice, the first counts",
	[ODD_CUT] = "long text cut",
	[ODD_TIME] = "odd period",
	[ODD_POLICY] = "unknown word in policy_published",
	[ODD_DISPOSITION] = "unknown disposition, taken as none",
	[ODD_ALIGNMENT] = "unknown dkim or spf in policy_evaluated, not a pass",
	[ODD_RESULT] = "unknown result, taken as none",
	[ODD_SCOPE] = "unknown scope, taken as mfrom",
	[ODD_REASON] = "unknown type of reason, taken as other",
	[ODD_MANY] = "more results or reasons than are kept",
	[ODD_ROW] = "row left out",
};

struct odd {
	uint64_t count;
	int line; /* of the first */
	char word[80];
};

/*
 * A row that waits for the metadata: a struct report_row whose arrays are only
 * as long as they need to be.
 */
struct held_row {
	struct held_row *next;
	struct span source_ip;
	struct span header_from;
	struct span envelope_from;
	struct span envelope_to;
	uint64_t count;
	enum disposition disposition;
	bool dkim_aligned;
	bool spf_aligned;
	struct report_reason *reasons;
	size_t n_reasons;
	struct report_dkim *dkim;
	size_t n_dkim;
	struct report_spf *spf;
	size_t n_spf;
};

struct xml_reader {
	struct report_sink *sink;
	struct span entry;
	struct err *err; /* of the call in progress */
	xmlParserCtxtPtr xml;
	struct charset_decoder decoder;
	struct buf decoded;

	enum element open[MAX_OPEN];
	const char *open_names[MAX_OPEN];
	size_t n_open;
	size_t skipping; /* depth below an unknown element */
	size_t depth;
	bool misnested;    /* end tags count by their names */
	char end_name[40]; /* of the end tag that does not match, or "" */
	bool may_be_text;  /* the last start tag, which stands in a leaf */
	const struct rule *leaf; /* the leaf we are in, or NULL */
	size_t next_rule;        /* where the next is looked for first */
	struct buf text;
	size_t tag_bytes; /* since "<", 0 outside of tags */

	bool started;  /* something but white space was seen */
	bool begun;    /* <feedback> was seen */
	bool complete; /* </feedback> was seen */
	bool closed;   /* the root element has ended */
	bool told;     /* sink->begin() was called */
	bool head_told;
	bool have_metadata;
	bool have_policy;
	bool rejected;
	bool failed; /* the sink refused, or no memory: *err says it */

	struct arena *head_arena;
	struct arena *row_arena;
	struct arena *held_arena;
	struct raw_report report;
	struct raw_row row;
	struct raw_item *item;
	struct raw_item unused_item;
	struct report_head head;
	struct report_row out;
	struct report_row held_out;
	struct held_row *first_held;
	struct held_row **last_held;

	uint64_t rows; /* read, held back ones included */
	uint64_t skipped;
	uint64_t messages;
	bool not_well_formed;
	struct odd odd[N_ODDITIES];
	char reason[600];
	char other[200];
};

/* ------------------------------------------------------------------ verdicts */

static int line_of(const struct xml_reader *r)
{
	return r->xml == NULL ? 0 : xmlSAX2GetLineNumber(r->xml);
}

static void stop(struct xml_reader *r)
{
	if (r->xml != NULL)
		xmlStopParser(r->xml);
}

/* Nothing of this document counts. The first reason is the answer. */
static void reject(struct xml_reader *r, const char *fmt, ...)
	PRINTF_LIKE(2, 3);

static void reject(struct xml_reader *r, const char *fmt, ...)
{
	va_list args;

	if (!r->rejected) {
		va_start(args, fmt);
		vsnprintf(r->reason, sizeof(r->reason), fmt, args);
		va_end(args);
	}
	r->rejected = true;
	stop(r);
}

static void fail(struct xml_reader *r)
{
	r->failed = true;
	stop(r);
}

static void fail_memory(struct xml_reader *r)
{
	err_set(r->err, ERR_TEMP, "out of memory");
	fail(r);
}

static bool stopped(const struct xml_reader *r)
{
	return r->rejected || r->failed;
}

static void note(struct xml_reader *r, enum oddity oddity, struct span word)
{
	struct odd *odd = &r->odd[oddity];

	if (odd->count++ > 0)
		return;
	odd->line = line_of(r);
	snprintf(odd->word, sizeof(odd->word), "%s", quote(word).text);
}

/* The row at hand says nothing that could be counted. */
static void skip_row(struct xml_reader *r, const char *why, struct span word)
{
	char text[80];

	snprintf(text, sizeof(text), "%s%s%s", why, word.n > 0 ? " " : "",
		 quote(word).text);
	note(r, ODD_ROW, span_of(text));
	r->skipped++;
}

static void format_warnings(const struct xml_reader *r, struct buf *out)
{
	size_t i;

	for (i = 0; i < N_ODDITIES; i++) {
		const struct odd *odd = &r->odd[i];

		if (odd->count == 0)
			continue;
		buf_addf(out, "%sline %d: %s", out->n > 0 ? "; " : "",
			 odd->line, oddity_texts[i]);
		if (odd->word[0] != '\0')
			buf_addf(out, ": %s", odd->word);
		if (odd->count > 1)
			buf_addf(out, " (and %" PRIu64 " more)",
				 odd->count - 1);
	}
}

/* ------------------------------------------------------------------- values */

/* A copy in the arena; NULL inside only together with failed. */
static struct span
copy(struct xml_reader *r, struct arena *arena, struct span text)
{
	struct span kept = arena_copy(arena, text);

	if (kept.p == NULL)
		fail_memory(r);
	return kept;
}

/* What is there, or an absent text in place of an empty one. */
static struct span filled(struct span text)
{
	return text.n == 0 ? (struct span){ .p = NULL, .n = 0 } : text;
}

/*
 * Lower case, without the trailing dot. The text is ours (in an arena), so it is
 * changed where it stands.
 */
static struct span domain_text(struct span text)
{
	char *p = (char *)(uintptr_t)text.p;
	size_t i;

	for (i = 0; i < text.n; i++)
		p[i] = ascii_lower(p[i]);
	if (text.n > 1 && text.p[text.n - 1] == '.')
		text.n--;
	return text;
}

/* Digits with an optional fraction, which is cut: NetEase sends "1337270400.0". */
static bool parse_seconds(struct span text, int64_t *time)
{
	struct span whole, fraction = text;
	uint64_t number, ignored;

	if (!span_take_until(&fraction, '.', &whole))
		whole = text;
	else if (fraction.n > 9 ||
		 !span_to_uint(fraction, UINT64_MAX, &ignored))
		return false;
	if (!span_to_uint(whole, MAX_TIME, &number))
		return false;
	*time = (int64_t)number;
	return true;
}

static bool parse_time(struct span text, int64_t *time)
{
	return parse_seconds(text, time) ||
	       (utc_parse_stamp(text, time) && *time <= MAX_TIME);
}

/*
 * The address as inet_ntop(3) writes it, in the arena. IPv4-mapped IPv6 is the
 * IPv4 it stands for, since both are the same host to whoever reads the report.
 * False when it is no address.
 */
static bool
parse_address(struct xml_reader *r, struct span text, struct span *address)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	char source[INET6_ADDRSTRLEN], canonical[INET6_ADDRSTRLEN];
	unsigned char octets[16];
	struct span rest = text, bare;
	bool good = true;

	/* The zone id of a link-local address means nothing to us. */
	if (span_take_until(&rest, '%', &bare))
		text = bare;
	if (text.n == 0 || text.n >= sizeof(source))
		return false;
	memcpy(source, text.p, text.n);
	source[text.n] = '\0';
	/* Of IPv4, it reads nothing but what inet_ntop(3) would write. */
	if (inet_pton(AF_INET, source, octets) == 1)
		memcpy(canonical, source, text.n + 1);
	else if (inet_pton(AF_INET6, source, octets) != 1)
		return false;
	else if (memcmp(octets, mapped, sizeof(mapped)) == 0)
		good = inet_ntop(AF_INET, octets + 12, canonical,
				 sizeof(canonical)) != NULL;
	else
		good = inet_ntop(AF_INET6, octets, canonical,
				 sizeof(canonical)) != NULL;
	if (!good)
		return false;
	*address = copy(r, r->row_arena, span_of(canonical));
	return true;
}

static enum dmarc_policy policy_word(struct xml_reader *r, struct span text)
{
	enum dmarc_policy policy = DMARC_POLICY_UNSET;

	if (text.n > 0 && !dmarc_policy_parse(text, &policy))
		note(r, ODD_POLICY, text);
	return policy;
}

/* One of two letters, or absent. */
static struct span
letter_word(struct xml_reader *r, struct span text, char a, char b)
{
	text = domain_text(text);
	if (text.n == 1 && (text.p[0] == a || text.p[0] == b))
		return text;
	if (text.n > 0)
		note(r, ODD_POLICY, text);
	return (struct span){ .p = NULL, .n = 0 };
}

/* -------------------------------------------------------------- the metadata */

/* A name that the DNS could hold? Anything else is not a domain but an attack. */
static bool is_domain(struct span domain)
{
	size_t i;

	if (domain.n == 0 || domain.n > 253)
		return false;
	for (i = 0; i < domain.n; i++)
		if ((unsigned char)domain.p[i] <= ' ' || domain.p[i] == 0x7f)
			return false;
	return true;
}

/* RFC 9990 by its namespace, or by what only it has. */
static void find_dialect(struct xml_reader *r)
{
	const struct raw_report *raw = &r->report;

	if (raw->method.n > 0 || raw->testing.n > 0 || raw->generator.n > 0)
		r->head.dialect = DIALECT_RFC9990;
}

static void build_policy(struct xml_reader *r)
{
	struct raw_report *raw = &r->report;
	struct report_head *head = &r->head;

	head->policy_domain = domain_text(raw->domain);
	head->have_method = discovery_method_parse(raw->method, &head->method);
	if (raw->method.n > 0 && !head->have_method)
		note(r, ODD_POLICY, raw->method);
	head->p = policy_word(r, raw->p);
	head->sp = policy_word(r, raw->sp);
	head->np = policy_word(r, raw->np);
	head->adkim = letter_word(r, raw->adkim, 'r', 's');
	head->aspf = letter_word(r, raw->aspf, 'r', 's');
	head->testing = letter_word(r, raw->testing, 'y', 'n');
	head->pct = filled(raw->pct);
	head->fo = filled(raw->fo);
}

static void build_metadata(struct xml_reader *r)
{
	struct raw_report *raw = &r->report;
	struct report_head *head = &r->head;

	head->version = filled(raw->version);
	head->org_name = filled(raw->org_name);
	head->email = filled(raw->email);
	head->extra_contact = filled(raw->extra_contact);
	head->report_id = filled(raw->report_id);
	head->generator = filled(raw->generator);
	memcpy(head->errors, raw->errors, sizeof(head->errors));
	head->n_errors = raw->n_errors;
}

/* R7.11: without these a report cannot be told from another. */
static bool check_head(struct xml_reader *r)
{
	struct report_head *head = &r->head;
	const struct raw_report *raw = &r->report;

	if (head->report_id.n == 0)
		reject(r, "no report_id");
	else if (head->org_name.n == 0 && head->email.n == 0)
		reject(r, "neither org_name nor email");
	else if (!parse_time(raw->begin, &head->begin))
		reject(r, "no time in begin: %s", quote(raw->begin).text);
	else if (!parse_time(raw->end, &head->end))
		reject(r, "no time in end: %s", quote(raw->end).text);
	else if (head->policy_domain.n == 0)
		reject(r, "no domain in policy_published");
	else if (!is_domain(head->policy_domain))
		reject(r, "domain in policy_published is no domain: %s",
		       quote(head->policy_domain).text);
	return !stopped(r);
}

static void check_period(struct xml_reader *r)
{
	const struct report_head *head = &r->head;

	if (head->begin > head->end)
		note(r, ODD_TIME, SPAN("end before begin"));
	else if (head->begin < UTC_DAY)
		note(r, ODD_TIME, SPAN("in 1970"));
	else if (head->end - head->begin > (int64_t)366 * UTC_DAY)
		note(r, ODD_TIME, SPAN("over a year"));
}

/* Begin the report at the sink, once. */
static bool tell_begin(struct xml_reader *r)
{
	if (r->told)
		return true;
	r->told = true;
	if (r->sink->begin(r->sink, r->entry, r->err) < 0)
		fail(r);
	return !r->failed;
}

static void give_held(struct xml_reader *r, const struct held_row *held)
{
	struct report_row *row = &r->held_out;

	row->source_ip = held->source_ip;
	row->header_from = held->header_from;
	row->envelope_from = held->envelope_from;
	row->envelope_to = held->envelope_to;
	row->count = held->count;
	row->disposition = held->disposition;
	row->dkim_aligned = held->dkim_aligned;
	row->spf_aligned = held->spf_aligned;
	row->n_reasons = held->n_reasons;
	memcpy(row->reasons, held->reasons,
	       held->n_reasons * sizeof(row->reasons[0]));
	row->n_dkim = held->n_dkim;
	memcpy(row->dkim, held->dkim, held->n_dkim * sizeof(row->dkim[0]));
	row->n_spf = held->n_spf;
	memcpy(row->spf, held->spf, held->n_spf * sizeof(row->spf[0]));
	if (r->sink->row(r->sink, row, r->err) < 0)
		fail(r);
}

/* Everything that stands in front of the first row is known now. */
static bool tell_head(struct xml_reader *r)
{
	struct held_row *held;

	find_dialect(r);
	build_metadata(r);
	build_policy(r);
	if (stopped(r) || !check_head(r))
		return false;
	check_period(r);
	r->head_told = true;
	if (!tell_begin(r))
		return false;
	if (r->sink->head(r->sink, &r->head, r->err) < 0)
		fail(r);
	for (held = r->first_held; held != NULL && !stopped(r);
	     held = held->next)
		give_held(r, held);
	return !stopped(r);
}

/* ------------------------------------------------------------------ one row */

static bool build_identity(struct xml_reader *r)
{
	const struct raw_row *raw = &r->row;
	struct report_row *row = &r->out;

	row->header_from = filled(domain_text(raw->header_from));
	row->envelope_from = domain_text(raw->envelope_from);
	row->envelope_to = filled(domain_text(raw->envelope_to));
	if (raw->too_long || row->header_from.n > 253) {
		skip_row(r, "a name is too long", SPAN(""));
		return false;
	}
	return true;
}

/* True when the row can be counted at all. */
static bool build_numbers(struct xml_reader *r)
{
	const struct raw_row *raw = &r->row;
	struct report_row *row = &r->out;

	if (raw->source_ip.n == 0) {
		skip_row(r, "no source_ip", SPAN(""));
		return false;
	}
	if (!parse_address(r, raw->source_ip, &row->source_ip)) {
		skip_row(r, "source_ip is no address:", raw->source_ip);
		return false;
	}
	if (!span_to_uint(raw->count, UINT64_MAX, &row->count)) {
		skip_row(r, "count is no number:", raw->count);
		return false;
	}
	return true;
}

/*
 * A count that can be read but cannot be true is no slip in one row: without
 * it, the sums would be wrong and look right. The report is refused.
 */
static bool add_messages(struct xml_reader *r)
{
	if (r->out.count > MAX_MESSAGES - r->messages) {
		reject(r, "line %d: impossible number of messages: %" PRIu64,
		       line_of(r), r->out.count);
		return false;
	}
	r->messages += r->out.count;
	return true;
}

static bool aligned(struct xml_reader *r, struct span word)
{
	if (span_is(word, "pass"))
		return true;
	if (!span_is(word, "fail"))
		note(r, ODD_ALIGNMENT, word);
	return false;
}

static enum auth_result result_word(struct xml_reader *r, struct span word)
{
	enum auth_result result = AUTH_NONE;

	if (!auth_result_parse(word, &result))
		note(r, ODD_RESULT, word);
	return result;
}

static void build_evaluation(struct xml_reader *r)
{
	const struct raw_row *raw = &r->row;
	struct report_row *row = &r->out;
	size_t i;

	row->disposition = DISPOSITION_NONE;
	if (!disposition_parse(raw->disposition, &row->disposition))
		note(r, ODD_DISPOSITION, raw->disposition);
	row->dkim_aligned = aligned(r, raw->dkim);
	row->spf_aligned = aligned(r, raw->spf);
	row->n_reasons = raw->n_reasons;
	for (i = 0; i < raw->n_reasons; i++) {
		row->reasons[i].type = REASON_OTHER;
		row->reasons[i].comment = filled(raw->reasons[i].human);
		/* An empty type is common and means nothing. */
		if (raw->reasons[i].result.n > 0 &&
		    !reason_type_parse(raw->reasons[i].result,
				       &row->reasons[i].type))
			note(r, ODD_REASON, raw->reasons[i].result);
	}
}

static void build_results(struct xml_reader *r)
{
	const struct raw_row *raw = &r->row;
	struct report_row *row = &r->out;
	size_t i;

	row->n_dkim = raw->n_signatures;
	for (i = 0; i < raw->n_signatures; i++) {
		const struct raw_item *item = &raw->signatures[i];

		row->dkim[i] = (struct report_dkim){
			.domain = filled(domain_text(item->domain)),
			.selector = filled(item->selector),
			.result = result_word(r, item->result),
			.human = filled(item->human),
		};
	}
	row->n_spf = raw->n_senders;
	for (i = 0; i < raw->n_senders; i++) {
		const struct raw_item *item = &raw->senders[i];

		row->spf[i] = (struct report_spf){
			.domain = filled(domain_text(item->domain)),
			.scope = SPF_SCOPE_MFROM,
			.result = result_word(r, item->result),
			.human = filled(item->human),
		};
		if (item->scope.n > 0 &&
		    !spf_scope_parse(item->scope, &row->spf[i].scope))
			note(r, ODD_SCOPE, item->scope);
	}
}

/* A copy among the rows that are held back; *full when there is no room. */
static struct span hold_text(struct xml_reader *r, struct span text, bool *full)
{
	struct span kept;

	if (text.p == NULL)
		return text;
	kept = arena_copy(r->held_arena, text);
	*full = *full || kept.p == NULL;
	return kept;
}

static void *hold_array(struct xml_reader *r, const void *items, size_t n,
			size_t size, bool *full)
{
	void *kept = arena_array(r->held_arena, n, size);

	*full = *full || kept == NULL;
	if (kept != NULL && n > 0)
		memcpy(kept, items, n * size);
	return kept;
}

static void hold_items(struct xml_reader *r, struct held_row *held, bool *full)
{
	const struct report_row *row = &r->out;
	size_t i;

	held->n_reasons = row->n_reasons;
	held->reasons = hold_array(r, row->reasons, row->n_reasons,
				   sizeof(row->reasons[0]), full);
	held->n_dkim = row->n_dkim;
	held->dkim = hold_array(r, row->dkim, row->n_dkim, sizeof(row->dkim[0]),
				full);
	held->n_spf = row->n_spf;
	held->spf =
		hold_array(r, row->spf, row->n_spf, sizeof(row->spf[0]), full);
	for (i = 0; i < row->n_reasons && !*full; i++)
		held->reasons[i].comment =
			hold_text(r, row->reasons[i].comment, full);
	for (i = 0; i < row->n_dkim && !*full; i++) {
		struct report_dkim *dkim = &held->dkim[i];

		dkim->domain = hold_text(r, dkim->domain, full);
		dkim->selector = hold_text(r, dkim->selector, full);
		dkim->human = hold_text(r, dkim->human, full);
	}
	for (i = 0; i < row->n_spf && !*full; i++) {
		struct report_spf *spf = &held->spf[i];

		spf->domain = hold_text(r, spf->domain, full);
		spf->human = hold_text(r, spf->human, full);
	}
}

/* Keep the row until the metadata are known. */
static void hold_row(struct xml_reader *r)
{
	struct held_row *held = arena_alloc(r->held_arena, sizeof(*held));
	const struct report_row *row = &r->out;
	bool full = held == NULL;

	if (held != NULL) {
		held->source_ip = hold_text(r, row->source_ip, &full);
		held->header_from = hold_text(r, row->header_from, &full);
		held->envelope_from = hold_text(r, row->envelope_from, &full);
		held->envelope_to = hold_text(r, row->envelope_to, &full);
		held->count = row->count;
		held->disposition = row->disposition;
		held->dkim_aligned = row->dkim_aligned;
		held->spf_aligned = row->spf_aligned;
		hold_items(r, held, &full);
		*r->last_held = held;
		r->last_held = &held->next;
	}
	if (full)
		reject(r, "line %d: too many rows in front of report_metadata",
		       line_of(r));
}

static void give_row(struct xml_reader *r)
{
	if (!r->head_told && (!r->have_metadata || !r->have_policy)) {
		hold_row(r);
		return;
	}
	if (!r->head_told && !tell_head(r))
		return;
	if (r->sink->row(r->sink, &r->out, r->err) < 0)
		fail(r);
}

static void finish_row(struct xml_reader *r)
{
	report_row_clear(&r->out);
	if (!build_numbers(r) || !build_identity(r) || stopped(r))
		return;
	if (!add_messages(r))
		return;
	if (++r->rows > MAX_ROWS) {
		reject(r, "more than %d rows", MAX_ROWS);
		return;
	}
	build_evaluation(r);
	build_results(r);
	give_row(r);
}

/* ----------------------------------------------------------------- elements */

/*
 * The search goes on where the last one ended: reports have their elements more
 * or less in the order of the table.
 */
static const struct rule *
find_rule(struct xml_reader *r, enum element parent, const char *name)
{
	size_t at = r->next_rule;
	size_t i;

	for (i = 0; i < COUNT(rules); i++, at++) {
		if (at == COUNT(rules))
			at = 0;
		if (rules[at].parent != parent ||
		    strcmp(rules[at].name, name) != 0)
			continue;
		r->next_rule = at + 1;
		return &rules[at];
	}
	return NULL;
}

static struct raw_item *
next_item(struct xml_reader *r, struct raw_item *items, size_t *n, size_t max)
{
	struct raw_item *item = &r->unused_item;

	if (*n < max)
		item = &items[(*n)++];
	else
		note(r, ODD_MANY, SPAN(""));
	memset(item, 0, sizeof(*item));
	return item;
}

static void open_element(struct xml_reader *r, enum element element)
{
	struct raw_row *row = &r->row;

	switch (element) {
	case RECORD:
		arena_reset(r->row_arena);
		memset(row, 0, offsetof(struct raw_row, reasons));
		break;
	case REASON:
		r->item = next_item(r, row->reasons, &row->n_reasons,
				    MAX_ROW_REASONS);
		break;
	case DKIM:
		r->item = next_item(r, row->signatures, &row->n_signatures,
				    MAX_ROW_SIGNATURES);
		break;
	case SPF:
		r->item = next_item(r, row->senders, &row->n_senders,
				    MAX_ROW_SPF);
		break;
	case OUTSIDE:
	case FEEDBACK:
	case METADATA:
	case DATE_RANGE:
	case POLICY:
	case ROW:
	case EVALUATED:
	case IDENTIFIERS:
	case AUTH_RESULTS:
	case LEAF:
		break;
	}
}

static void close_element(struct xml_reader *r, enum element element)
{
	switch (element) {
	case FEEDBACK:
		r->complete = true;
		break;
	case METADATA:
		r->have_metadata = true;
		break;
	case POLICY:
		r->have_policy = true;
		break;
	case RECORD:
		finish_row(r);
		break;
	case OUTSIDE:
	case DATE_RANGE:
	case ROW:
	case EVALUATED:
	case REASON:
	case IDENTIFIERS:
	case AUTH_RESULTS:
	case DKIM:
	case SPF:
	case LEAF:
		break;
	}
}

/* Where the text of the leaf goes; NULL: nowhere. */
static struct span *leaf_field(struct xml_reader *r, const struct rule *rule)
{
	struct raw_report *report = &r->report;
	char *base = NULL;

	switch (rule->place) {
	case NOWHERE:
		return NULL;
	case IN_ERRORS:
		if (report->n_errors == MAX_REPORT_ERRORS) {
			note(r, ODD_MANY, SPAN("error"));
			return NULL;
		}
		return &report->errors[report->n_errors++];
	case IN_REPORT:
		base = (char *)report;
		break;
	case IN_ROW:
		base = (char *)&r->row;
		break;
	case IN_ITEM:
		base = (char *)r->item;
		break;
	}
	return (struct span *)(void *)(base + rule->offset);
}

/* Cut at a character, not inside one. */
static struct span cut(struct span text, size_t max)
{
	if (text.n <= max)
		return text;
	text.n = max;
	while (text.n > 0 && ((unsigned char)text.p[text.n] & 0xc0) == 0x80)
		text.n--;
	return text;
}

/* The text of a leaf is complete. */
static void close_leaf(struct xml_reader *r, const struct rule *rule)
{
	struct span text = span_trim(buf_span(&r->text));
	struct span *field = leaf_field(r, rule);
	bool in_report = rule->place == IN_REPORT || rule->place == IN_ERRORS;

	if (field == NULL)
		return;
	if (field->p != NULL) {
		if (text.n > 0 && !span_equal(*field, text))
			note(r, ODD_AGAIN, span_of(rule->name));
		return;
	}
	if (text.n > MAX_TEXT_BYTES && rule->free_text) {
		note(r, ODD_CUT, span_of(rule->name));
		text = cut(text, MAX_TEXT_BYTES);
	} else if (text.n > MAX_TEXT_BYTES) {
		if (in_report)
			reject(r, "line %d: %s is too long", line_of(r),
			       rule->name);
		r->row.too_long = true;
		return;
	}
	*field = copy(r, in_report ? r->head_arena : r->row_arena, text);
}

/* The namespace of RFC 9990 tells its dialect on any element. */
static void look_at_namespace(struct xml_reader *r, const xmlChar *uri)
{
	if (uri != NULL &&
	    strcmp((const char *)uri, "urn:ietf:params:xml:ns:dmarc-2.0") == 0)
		r->head.dialect = DIALECT_RFC9990;
}

static void
push_open(struct xml_reader *r, enum element element, const char *name)
{
	r->open_names[r->n_open] = name;
	r->open[r->n_open++] = element;
}

static void close_top(struct xml_reader *r)
{
	enum element element = r->open[--r->n_open];
	const struct rule *rule = r->leaf;

	if (element != LEAF) {
		close_element(r, element);
		return;
	}
	r->leaf = NULL;
	close_leaf(r, rule);
}

/*
 * An end tag was lost: "<report_id>1/report_id>" and what else there is. What is
 * left of it at the end of the text is no text.
 */
static void close_without_tag(struct xml_reader *r)
{
	const char *name = r->open_names[r->n_open - 1];
	struct span text = span_trim(buf_span(&r->text));
	size_t n = strlen(name);

	if (r->leaf != NULL && text.n >= n + 2 &&
	    text.p[text.n - n - 2] == '/' && text.p[text.n - 1] == '>' &&
	    memcmp(text.p + text.n - n - 1, name, n) == 0)
		r->text.n = (size_t)(text.p - r->text.p) + text.n - n - 2;
	close_top(r);
}

/*
 * In a document whose tags do not match, libxml2 takes each end tag for that of
 * the innermost element, and everything behind the first fault would be one
 * level off. So go by its name, and end what is still open inside.
 */
static void close_named(struct xml_reader *r, const char *name)
{
	size_t at = r->n_open;

	while (at > 0 && strcmp(r->open_names[at - 1], name) != 0)
		at--;
	if (at == 0) {
		r->skipping -= r->skipping > 0 ? 1 : 0;
		return;
	}
	r->skipping = 0;
	while (r->n_open > at && !stopped(r))
		close_without_tag(r);
	if (!stopped(r))
		close_top(r);
}

/*
 * In a leaf, an element that belongs beside it: the end tag of the leaf was lost.
 */
static void end_lost_leaf(struct xml_reader *r, const char *name)
{
	if (r->leaf == NULL ||
	    find_rule(r, r->open[r->n_open - 2], name) == NULL)
		return;
	note(r, ODD_LOST, span_of(r->leaf->name));
	r->not_well_formed = true;
	r->misnested = true;
	close_without_tag(r);
}

/* Until <feedback> is found: wrappers around it, or something else. */
static void
start_outside(struct xml_reader *r, const char *name, const xmlChar *uri)
{
	if (strcmp(name, "feedback") == 0 && r->depth <= MAX_XML_WRAPPERS) {
		r->begun = true;
		push_open(r, FEEDBACK, "feedback");
		look_at_namespace(r, uri);
		return;
	}
	if (r->depth == 1)
		snprintf(r->other, sizeof(r->other), "the root element is <%s>",
			 quote(span_of(name)).text);
}

static void
start_inside(struct xml_reader *r, const char *name, const xmlChar *uri)
{
	const struct rule *rule;

	end_lost_leaf(r, name);
	if (stopped(r))
		return;
	rule = find_rule(r, r->open[r->n_open - 1], name);
	if (rule == NULL || r->leaf != NULL || r->n_open == MAX_OPEN) {
		r->skipping = 1;
		r->may_be_text = r->leaf != NULL;
		return;
	}
	if ((rule->element == METADATA && r->have_metadata) ||
	    (rule->element == POLICY && r->have_policy)) {
		note(r, ODD_AGAIN, span_of(name));
		r->skipping = 1;
		return;
	}
	if (rule->element == METADATA || rule->element == POLICY)
		look_at_namespace(r, uri);
	push_open(r, rule->element, rule->name);
	open_element(r, rule->element);
	if (rule->element == LEAF) {
		r->leaf = rule;
		buf_reset(&r->text);
	}
}

static void on_start(void *data, const xmlChar *name, const xmlChar *prefix,
		     const xmlChar *uri, int n_namespaces,
		     const xmlChar **namespaces, int n_attributes,
		     int n_defaulted, const xmlChar **attributes)
{
	struct xml_reader *r = data;

	(void)prefix, (void)n_namespaces, (void)namespaces;
	(void)n_attributes, (void)n_defaulted, (void)attributes;
	if (stopped(r))
		return;
	r->may_be_text = false;
	r->depth++;
	if (r->depth > MAX_XML_DEPTH)
		reject(r, "line %d: elements nested more than %d deep",
		       line_of(r), MAX_XML_DEPTH);
	else if (r->skipping > 0)
		r->skipping++;
	else if (r->n_open == 0 && r->complete)
		reject(r, "line %d: more behind </feedback>: <%s>", line_of(r),
		       quote(span_of((const char *)name)).text);
	else if (r->n_open == 0)
		start_outside(r, (const char *)name, uri);
	else
		start_inside(r, (const char *)name, uri);
}

static void on_end(void *data, const xmlChar *name, const xmlChar *prefix,
		   const xmlChar *uri)
{
	struct xml_reader *r = data;

	(void)prefix, (void)uri;
	if (stopped(r))
		return;
	r->may_be_text = false;
	r->depth--;
	if (r->depth == 0)
		r->closed = true;
	if (r->misnested) {
		close_named(r, r->end_name[0] != '\0' ? r->end_name :
							(const char *)name);
		r->end_name[0] = '\0';
	} else if (r->skipping > 0) {
		r->skipping--;
	} else if (r->n_open > 0) {
		close_top(r);
	}
}

static void on_text(void *data, const xmlChar *text, int n)
{
	struct xml_reader *r = data;
	struct span bytes = { (const char *)text, (size_t)n };

	if (stopped(r) || r->leaf == NULL || r->skipping > 0)
		return;
	/* Leading white space is not worth room: it is trimmed anyway. */
	if (r->text.n == 0) {
		while (bytes.n > 0 && ascii_is_space(bytes.p[0])) {
			bytes.p++;
			bytes.n--;
		}
	}
	if (bytes.n > MAX_RAW_TEXT_BYTES - r->text.n)
		bytes = cut(bytes, MAX_RAW_TEXT_BYTES - r->text.n);
	buf_add(&r->text, bytes);
	if (!buf_ok(&r->text))
		fail_memory(r);
}

static void on_doctype(void *data, const xmlChar *name,
		       const xmlChar *public_id, const xmlChar *system_id)
{
	struct xml_reader *r = data;

	(void)public_id, (void)system_id;
	snprintf(r->other, sizeof(r->other), "a DOCTYPE, for <%s>",
		 quote(span_of((const char *)name)).text);
	if (name != NULL && strcmp((const char *)name, "feedback") == 0)
		r->begun = true;
	reject(r, "line %d: DOCTYPE not allowed", line_of(r));
}

/*
 * The tag that just began was none: "<dmarc" of "<dmarc@reporter.example>" is
 * text of the leaf.
 */
static void take_back_tag(struct xml_reader *r, const char *name)
{
	r->may_be_text = false;
	r->skipping = 0;
	on_text(r, (const xmlChar *)"<", 1);
	on_text(r, (const xmlChar *)name, (int)strlen(name));
}

/* What libxml2 makes of a broken tag, and what we make of it. */
static void look_at_tag(struct xml_reader *r, const xmlError *error)
{
	if (error->code == XML_ERR_GT_REQUIRED && r->may_be_text &&
	    error->str1 != NULL) {
		take_back_tag(r, error->str1);
	} else if (error->code == XML_ERR_TAG_NAME_MISMATCH &&
		   error->str2 != NULL) {
		struct span name = span_of(error->str2), prefix;

		(void)span_take_until(&name, ':', &prefix);
		snprintf(r->end_name, sizeof(r->end_name), "%.*s",
			 SPAN_ARGS(name));
		r->misnested = true;
	}
}

/* Is there more than white space and NULs where libxml2 stands? */
static bool another_document(const xmlParserCtxt *xml)
{
	return xml->input != NULL && xml->input->cur != NULL &&
	       xml->input->cur[0] == '<';
}

static void on_error(void *data, const xmlError *error)
{
	struct xml_reader *r = data;
	struct span text;

	/* What we stopped ourselves has its reason. */
	if (stopped(r) || error == NULL || error->level == XML_ERR_WARNING)
		return;
	if (error->code == XML_ERR_NO_MEMORY) {
		fail_memory(r);
		return;
	}
	if (error->domain == XML_FROM_NAMESPACE)
		return; /* an unbound prefix: seen, and harmless to us */
	text = span_trim(span_of(error->message));
	if (error->code == XML_ERR_DOCUMENT_END && r->closed && r->complete &&
	    another_document(r->xml)) {
		reject(r, "line %d: a second document behind the first",
		       line_of(r));
		return;
	}
	look_at_tag(r, error);
	r->not_well_formed = true;
	note(r, ODD_XML, text);
}

/* libxml2 2.12 made the argument const. */
#if LIBXML_VERSION >= 21200
#define ERROR_HANDLER on_error
#else
static void on_mutable_error(void *data, xmlError *error)
{
	on_error(data, error);
}
#define ERROR_HANDLER on_mutable_error
#endif

/* ---------------------------------------------------------------- life, push */

void xml_reader_prepare(void)
{
	xmlInitParser();
}

/* A parser of ours; the first bytes are needed by libxml2 to begin at all. */
static bool start_parser(struct xml_reader *r)
{
	xmlSAXHandler sax = {
		.internalSubset = on_doctype,
		.characters = on_text,
		.cdataBlock = on_text,
		.ignorableWhitespace = on_text,
		.startElementNs = on_start,
		.endElementNs = on_end,
		.serror = ERROR_HANDLER,
		.initialized = XML_SAX2_MAGIC,
	};

	r->xml = xmlCreatePushParserCtxt(&sax, r, NULL, 0, NULL);
	if (r->xml == NULL)
		return false;
	/* We decode ourselves: the encoding in the declaration is history. */
	xmlCtxtUseOptions(r->xml, XML_PARSE_RECOVER | XML_PARSE_NONET |
					  XML_PARSE_IGNORE_ENC);
	return true;
}

struct xml_reader *
xml_reader_new(struct span entry, struct report_sink *sink, struct err *err)
{
	struct xml_reader *r = calloc(1, sizeof(*r));

	if (r == NULL) {
		err_set(err, ERR_TEMP, "out of memory");
		return NULL;
	}
	r->sink = sink;
	r->entry = entry;
	r->decoder = (struct charset_decoder)CHARSET_DECODER_INIT;
	r->last_held = &r->first_held;
	r->decoded = (struct buf)BUF_INIT(PUSH_BYTES * 4);
	r->text = (struct buf)BUF_INIT(MAX_RAW_TEXT_BYTES);
	r->head_arena = arena_new(MAX_ROW_BYTES);
	r->row_arena = arena_new(MAX_ROW_BYTES);
	r->held_arena = arena_new(MAX_HELD_BACK_BYTES);
	if (r->head_arena == NULL || r->row_arena == NULL ||
	    r->held_arena == NULL || !start_parser(r)) {
		xml_reader_free(&r);
		err_set(err, ERR_TEMP, "out of memory");
		return NULL;
	}
	return r;
}

void xml_reader_free(struct xml_reader **reader)
{
	struct xml_reader *r = *reader;

	if (r == NULL)
		return;
	if (r->xml != NULL)
		xmlFreeParserCtxt(r->xml);
	arena_free(&r->head_arena);
	arena_free(&r->row_arena);
	arena_free(&r->held_arena);
	buf_release(&r->decoded);
	buf_release(&r->text);
	free(r);
	*reader = NULL;
}

/*
 * Are all tags short? libxml2 compares the attributes of a tag with each other
 * before it tells us of any. Text of a comment or of CDATA that looks like a
 * long tag is refused with them.
 */
static bool tags_are_short(struct xml_reader *r, struct span text)
{
	while (text.n > 0) {
		char looked_for = r->tag_bytes > 0 ? '>' : '<';
		const char *found = memchr(text.p, looked_for, text.n);
		size_t n =
			found == NULL ? text.n : (size_t)(found - text.p) + 1;

		if (r->tag_bytes > 0 && n > MAX_XML_TAG_BYTES - r->tag_bytes)
			return false;
		if (looked_for == '<')
			r->tag_bytes = found == NULL ? 0 : 1;
		else
			r->tag_bytes = found == NULL ? r->tag_bytes + n : 0;
		text.p += n;
		text.n -= n;
	}
	return true;
}

static void parse(struct xml_reader *r, struct span text)
{
	while (!r->started && text.n > 0 && ascii_is_space(text.p[0])) {
		text.p++;
		text.n--;
	}
	if (text.n == 0)
		return;
	r->started = true;
	if (!tags_are_short(r, text))
		reject(r, "line %d: a tag of more than %zu octets", line_of(r),
		       MAX_XML_TAG_BYTES);
	else
		(void)xmlParseChunk(r->xml, text.p, (int)text.n, 0);
}

static void parse_decoded(struct xml_reader *r)
{
	struct span text = buf_span(&r->decoded);
	size_t nul_at = r->decoder.nul_at;

	if (!buf_ok(&r->decoded)) {
		fail_memory(r);
		return;
	}
	if (nul_at == SIZE_MAX) {
		parse(r, text);
		return;
	}
	parse(r, (struct span){ text.p, nul_at });
	/* Behind the end, NULs are the padding of some disk block. */
	if (!r->closed)
		reject(r, "line %d: a NUL octet", line_of(r));
	if (!stopped(r))
		parse(r, (struct span){ text.p + nul_at, text.n - nul_at });
}

static void push(struct xml_reader *r, struct span bytes, bool last)
{
	do {
		struct span piece = bytes;

		if (piece.n > PUSH_BYTES)
			piece.n = PUSH_BYTES;
		buf_reset(&r->decoded);
		charset_decode(&r->decoder, piece, last && piece.n == bytes.n,
			       &r->decoded);
		parse_decoded(r);
		bytes.p += piece.n;
		bytes.n -= piece.n;
	} while (bytes.n > 0 && !stopped(r));
}

int xml_reader_push(struct xml_reader *r, struct span bytes, struct err *err)
{
	r->err = err;
	if (!stopped(r) && bytes.n > 0)
		push(r, bytes, false);
	if (r->failed)
		return -1;
	return r->rejected ? 0 : 1;
}

/* --------------------------------------------------------------------- end */

static void note_decoding(struct xml_reader *r)
{
	if (r->decoder.blanks)
		note(r, ODD_BLANKS, SPAN(""));
	if (r->decoder.unsupported)
		note(r, ODD_CHARSET, SPAN(""));
	if (r->decoder.repaired) {
		note(r, ODD_BYTES, SPAN(""));
		r->not_well_formed = true;
	}
}

/* All bytes are read; is it a report? */
static void judge(struct xml_reader *r)
{
	if (!r->complete) {
		reject(r, "line %d: ends before </feedback>%s%s", line_of(r),
		       r->odd[ODD_XML].count > 0 ? ": " : "",
		       r->odd[ODD_XML].word);
		return;
	}
	if (!r->head_told && !tell_head(r))
		return;
	if (r->rows == 0 && r->skipped > 0)
		reject(r, "no row can be used; line %d: %s",
		       r->odd[ODD_ROW].line, r->odd[ODD_ROW].word);
	else if (r->rows == 0)
		reject(r, "no record");
}

static int tell_end(struct xml_reader *r, struct err *err)
{
	struct buf warnings = BUF_INIT(MAX_WARNINGS_BYTES);
	struct report_end end = { .kind = REPORT_AGGREGATE,
				  .status = REPORT_OK,
				  .reason = SPAN(""),
				  .skipped_rows = r->skipped };
	int result;

	if (r->rejected) {
		end.status = REPORT_REJECTED;
		end.reason = span_of(r->reason);
	} else if (r->skipped > 0 || r->not_well_formed) {
		end.status = REPORT_PARTIAL;
	}
	format_warnings(r, &warnings);
	end.warnings = span_of(buf_string(&warnings));
	result = r->sink->end(r->sink, &end, err);
	buf_release(&warnings);
	return result;
}

int xml_reader_finish(struct xml_reader *r, struct span fault, struct err *err)
{
	r->err = err;
	if (!stopped(r) && fault.n == 0) {
		push(r, (struct span){ "", 0 }, true);
		if (!stopped(r) && r->started)
			(void)xmlParseChunk(r->xml, "", 0, 1);
	}
	if (r->failed)
		return -1;
	if (!r->begun) {
		if (r->other[0] == '\0')
			snprintf(r->other, sizeof(r->other), "%.*s",
				 (int)sizeof(r->other) - 1,
				 r->rejected ? r->reason :
				 r->started  ? "no element" :
					       "nothing");
		return 0;
	}
	note_decoding(r);
	if (fault.n > 0)
		reject(r, "%s", quote(fault).text);
	else if (!r->rejected)
		judge(r);
	if (r->failed || !tell_begin(r))
		return -1;
	if (tell_end(r, err) < 0)
		return -1;
	return 1;
}

struct span xml_reader_other(const struct xml_reader *r)
{
	return span_of(r->other);
}
