/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/xml_report.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/quote.h"
#include "base/utc.h"
#include "report/limits.h"

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

/* ---------------------------------------------------------------------- life */

bool xml_report_init(struct xml_report *r, struct span entry,
		     struct report_sink *sink)
{
	r->sink = sink;
	r->entry = entry;
	r->last_held = &r->first_held;
	r->head_arena = arena_new(MAX_ROW_BYTES);
	r->row_arena = arena_new(MAX_ROW_BYTES);
	r->held_arena = arena_new(MAX_HELD_BACK_BYTES);
	return r->head_arena != NULL && r->row_arena != NULL &&
	       r->held_arena != NULL;
}

void xml_report_release(struct xml_report *r)
{
	arena_free(&r->head_arena);
	arena_free(&r->row_arena);
	arena_free(&r->held_arena);
}

/* ------------------------------------------------------------------ verdicts */

void xml_report_reject(struct xml_report *r, const char *fmt, ...)
{
	va_list args;

	if (!r->rejected) {
		va_start(args, fmt);
		vsnprintf(r->reason, sizeof(r->reason), fmt, args);
		va_end(args);
	}
	r->rejected = true;
}

void xml_report_fail_memory(struct xml_report *r)
{
	err_set(r->err, ERR_TEMP, "out of memory");
	r->failed = true;
}

void xml_report_note(struct xml_report *r, enum oddity oddity, struct span word)
{
	struct odd *odd = &r->odd[oddity];

	if (odd->count++ > 0)
		return;
	odd->line = r->line;
	snprintf(odd->word, sizeof(odd->word), "%s", quote(word).text);
}

/* The row at hand says nothing that could be counted. */
static void skip_row(struct xml_report *r, const char *why, struct span word)
{
	char text[80];

	snprintf(text, sizeof(text), "%s%s%s", why, word.n > 0 ? " " : "",
		 quote(word).text);
	xml_report_note(r, ODD_ROW, span_of(text));
	r->skipped++;
}

static void format_warnings(const struct xml_report *r, struct buf *out)
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

struct span
xml_report_copy(struct xml_report *r, struct arena *arena, struct span text)
{
	struct span kept = arena_copy(arena, text);

	if (kept.p == NULL)
		xml_report_fail_memory(r);
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
parse_address(struct xml_report *r, struct span text, struct span *address)
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
	*address = xml_report_copy(r, r->row_arena, span_of(canonical));
	return true;
}

static enum dmarc_policy policy_word(struct xml_report *r, struct span text)
{
	enum dmarc_policy policy = DMARC_POLICY_UNSET;

	if (text.n > 0 && !dmarc_policy_parse(text, &policy))
		xml_report_note(r, ODD_POLICY, text);
	return policy;
}

/* One of two letters, or absent. */
static struct span
letter_word(struct xml_report *r, struct span text, char a, char b)
{
	text = domain_text(text);
	if (text.n == 1 && (text.p[0] == a || text.p[0] == b))
		return text;
	if (text.n > 0)
		xml_report_note(r, ODD_POLICY, text);
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
static void find_dialect(struct xml_report *r)
{
	const struct raw_report *raw = &r->raw;

	if (raw->method.n > 0 || raw->testing.n > 0 || raw->generator.n > 0)
		r->head.dialect = DIALECT_RFC9990;
}

static void build_policy(struct xml_report *r)
{
	struct raw_report *raw = &r->raw;
	struct report_head *head = &r->head;

	head->policy_domain = domain_text(raw->domain);
	head->have_method = discovery_method_parse(raw->method, &head->method);
	if (raw->method.n > 0 && !head->have_method)
		xml_report_note(r, ODD_POLICY, raw->method);
	head->p = policy_word(r, raw->p);
	head->sp = policy_word(r, raw->sp);
	head->np = policy_word(r, raw->np);
	head->adkim = letter_word(r, raw->adkim, 'r', 's');
	head->aspf = letter_word(r, raw->aspf, 'r', 's');
	head->testing = letter_word(r, raw->testing, 'y', 'n');
	head->pct = filled(raw->pct);
	head->fo = filled(raw->fo);
}

static void build_metadata(struct xml_report *r)
{
	struct raw_report *raw = &r->raw;
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
static bool check_head(struct xml_report *r)
{
	struct report_head *head = &r->head;
	const struct raw_report *raw = &r->raw;

	if (head->report_id.n == 0)
		xml_report_reject(r, "no report_id");
	else if (head->org_name.n == 0 && head->email.n == 0)
		xml_report_reject(r, "neither org_name nor email");
	else if (!parse_time(raw->begin, &head->begin))
		xml_report_reject(r, "no time in begin: %s",
				  quote(raw->begin).text);
	else if (!parse_time(raw->end, &head->end))
		xml_report_reject(r, "no time in end: %s",
				  quote(raw->end).text);
	else if (head->policy_domain.n == 0)
		xml_report_reject(r, "no domain in policy_published");
	else if (!is_domain(head->policy_domain))
		xml_report_reject(r,
				  "domain in policy_published is no domain: %s",
				  quote(head->policy_domain).text);
	return !xml_report_stopped(r);
}

static void check_period(struct xml_report *r)
{
	const struct report_head *head = &r->head;

	if (head->begin > head->end)
		xml_report_note(r, ODD_TIME, SPAN("end before begin"));
	else if (head->begin < UTC_DAY)
		xml_report_note(r, ODD_TIME, SPAN("in 1970"));
	else if (head->end - head->begin > (int64_t)366 * UTC_DAY)
		xml_report_note(r, ODD_TIME, SPAN("over a year"));
}

/* Begin the report at the sink, once. */
static bool tell_begin(struct xml_report *r)
{
	if (r->told)
		return true;
	r->told = true;
	if (r->sink->begin(r->sink, r->entry, r->err) < 0)
		r->failed = true;
	return !r->failed;
}

static void give_held(struct xml_report *r, const struct held_row *held)
{
	struct report_row *row = &r->held_row;

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
		r->failed = true;
}

/* Everything that stands in front of the first row is known now. */
static bool tell_head(struct xml_report *r)
{
	struct held_row *held;

	find_dialect(r);
	build_metadata(r);
	build_policy(r);
	if (xml_report_stopped(r) || !check_head(r))
		return false;
	check_period(r);
	r->head_told = true;
	if (!tell_begin(r))
		return false;
	if (r->sink->head(r->sink, &r->head, r->err) < 0)
		r->failed = true;
	for (held = r->first_held; held != NULL && !xml_report_stopped(r);
	     held = held->next)
		give_held(r, held);
	return !xml_report_stopped(r);
}

/* ------------------------------------------------------------------ one row */

static bool build_identity(struct xml_report *r)
{
	const struct raw_row *raw = &r->raw_row;
	struct report_row *row = &r->row;

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
static bool build_numbers(struct xml_report *r)
{
	const struct raw_row *raw = &r->raw_row;
	struct report_row *row = &r->row;

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
static bool add_messages(struct xml_report *r)
{
	if (r->row.count > MAX_MESSAGES - r->messages) {
		xml_report_reject(
			r, "line %d: impossible number of messages: %" PRIu64,
			r->line, r->row.count);
		return false;
	}
	r->messages += r->row.count;
	return true;
}

static bool aligned(struct xml_report *r, struct span word)
{
	if (span_is(word, "pass"))
		return true;
	if (!span_is(word, "fail"))
		xml_report_note(r, ODD_ALIGNMENT, word);
	return false;
}

static enum auth_result result_word(struct xml_report *r, struct span word)
{
	enum auth_result result = AUTH_NONE;

	if (!auth_result_parse(word, &result))
		xml_report_note(r, ODD_RESULT, word);
	return result;
}

static void build_evaluation(struct xml_report *r)
{
	const struct raw_row *raw = &r->raw_row;
	struct report_row *row = &r->row;
	size_t i;

	row->disposition = DISPOSITION_NONE;
	if (!disposition_parse(raw->disposition, &row->disposition))
		xml_report_note(r, ODD_DISPOSITION, raw->disposition);
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
			xml_report_note(r, ODD_REASON, raw->reasons[i].result);
	}
}

static void build_results(struct xml_report *r)
{
	const struct raw_row *raw = &r->raw_row;
	struct report_row *row = &r->row;
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
			xml_report_note(r, ODD_SCOPE, item->scope);
	}
}

/* A copy among the rows that are held back; *full when there is no room. */
static struct span hold_text(struct xml_report *r, struct span text, bool *full)
{
	struct span kept;

	if (text.p == NULL)
		return text;
	kept = arena_copy(r->held_arena, text);
	*full = *full || kept.p == NULL;
	return kept;
}

static void *hold_array(struct xml_report *r, const void *items, size_t n,
			size_t size, bool *full)
{
	void *kept = arena_array(r->held_arena, n, size);

	*full = *full || kept == NULL;
	if (kept != NULL && n > 0)
		memcpy(kept, items, n * size);
	return kept;
}

static void hold_items(struct xml_report *r, struct held_row *held, bool *full)
{
	const struct report_row *row = &r->row;
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
static void hold_row(struct xml_report *r)
{
	struct held_row *held = arena_alloc(r->held_arena, sizeof(*held));
	const struct report_row *row = &r->row;
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
		xml_report_reject(
			r, "line %d: too many rows in front of report_metadata",
			r->line);
}

void xml_report_open_row(struct xml_report *r)
{
	arena_reset(r->row_arena);
	memset(&r->raw_row, 0, offsetof(struct raw_row, reasons));
}

static void give_row(struct xml_report *r)
{
	if (!r->head_told && (!r->have_metadata || !r->have_policy)) {
		hold_row(r);
		return;
	}
	if (!r->head_told && !tell_head(r))
		return;
	if (r->sink->row(r->sink, &r->row, r->err) < 0)
		r->failed = true;
}

void xml_report_close_row(struct xml_report *r)
{
	report_row_clear(&r->row);
	if (!build_numbers(r) || !build_identity(r) || xml_report_stopped(r))
		return;
	if (!add_messages(r))
		return;
	if (++r->rows > MAX_ROWS) {
		xml_report_reject(r, "more than %d rows", MAX_ROWS);
		return;
	}
	build_evaluation(r);
	build_results(r);
	give_row(r);
}

/* --------------------------------------------------------------------- end */

/* All bytes are read; is it a report? */
static void judge(struct xml_report *r)
{
	if (!r->complete) {
		xml_report_reject(r, "line %d: ends before </feedback>%s%s",
				  r->line,
				  r->odd[ODD_XML].count > 0 ? ": " : "",
				  r->odd[ODD_XML].word);
		return;
	}
	if (!r->head_told && !tell_head(r))
		return;
	if (r->rows == 0 && r->skipped > 0)
		xml_report_reject(r, "no row can be used; line %d: %s",
				  r->odd[ODD_ROW].line, r->odd[ODD_ROW].word);
	else if (r->rows == 0)
		xml_report_reject(r, "no record");
}

static int tell_end(struct xml_report *r)
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
	result = r->sink->end(r->sink, &end, r->err);
	buf_release(&warnings);
	return result;
}

int xml_report_end(struct xml_report *r, struct span fault)
{
	if (fault.n > 0)
		xml_report_reject(r, "%s", quote(fault).text);
	else if (!r->rejected)
		judge(r);
	if (r->failed || !tell_begin(r))
		return -1;
	return tell_end(r);
}
