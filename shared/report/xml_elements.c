/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/xml_elements.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/quote.h"
#include "report/limits.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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

struct xml_rule {
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

static const struct xml_rule rules[] = {
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

static const struct xml_rule root = CONTAINER(OUTSIDE, "feedback", FEEDBACK);

/* ---------------------------------------------------------------------- life */

bool xml_elements_init(struct xml_elements *e, struct span entry,
		       struct report_sink *sink)
{
	e->text = (struct buf)BUF_INIT(MAX_RAW_TEXT_BYTES);
	return xml_report_init(&e->report, entry, sink);
}

void xml_elements_release(struct xml_elements *e)
{
	buf_release(&e->text);
	xml_report_release(&e->report);
}

/* ----------------------------------------------------------------- elements */

/*
 * The search goes on where the last one ended: reports have their elements more
 * or less in the order of the table.
 */
static const struct xml_rule *
find_rule(struct xml_elements *e, enum element parent, const char *name)
{
	size_t at = e->next_rule;
	size_t i;

	for (i = 0; i < COUNT(rules); i++, at++) {
		if (at == COUNT(rules))
			at = 0;
		if (rules[at].parent != parent ||
		    strcmp(rules[at].name, name) != 0)
			continue;
		e->next_rule = at + 1;
		return &rules[at];
	}
	return NULL;
}

static struct raw_item *
next_item(struct xml_elements *e, struct raw_item *items, size_t *n, size_t max)
{
	struct raw_item *item = &e->unused_item;

	if (*n < max)
		item = &items[(*n)++];
	else
		xml_report_note(&e->report, ODD_MANY, SPAN(""));
	memset(item, 0, sizeof(*item));
	return item;
}

static void open_element(struct xml_elements *e, enum element element)
{
	struct raw_row *row = &e->report.raw_row;

	switch (element) {
	case RECORD:
		xml_report_open_row(&e->report);
		break;
	case REASON:
		e->item = next_item(e, row->reasons, &row->n_reasons,
				    MAX_ROW_REASONS);
		break;
	case DKIM:
		e->item = next_item(e, row->signatures, &row->n_signatures,
				    MAX_ROW_SIGNATURES);
		break;
	case SPF:
		e->item = next_item(e, row->senders, &row->n_senders,
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

static void close_element(struct xml_elements *e, enum element element)
{
	switch (element) {
	case FEEDBACK:
		e->report.complete = true;
		break;
	case METADATA:
		e->report.have_metadata = true;
		break;
	case POLICY:
		e->report.have_policy = true;
		break;
	case RECORD:
		xml_report_close_row(&e->report);
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
static struct span *
leaf_field(struct xml_elements *e, const struct xml_rule *rule)
{
	struct raw_report *report = &e->report.raw;
	char *base = NULL;

	switch (rule->place) {
	case NOWHERE:
		return NULL;
	case IN_ERRORS:
		if (report->n_errors == MAX_REPORT_ERRORS) {
			xml_report_note(&e->report, ODD_MANY, SPAN("error"));
			return NULL;
		}
		return &report->errors[report->n_errors++];
	case IN_REPORT:
		base = (char *)report;
		break;
	case IN_ROW:
		base = (char *)&e->report.raw_row;
		break;
	case IN_ITEM:
		base = (char *)e->item;
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
static void close_leaf(struct xml_elements *e, const struct xml_rule *rule)
{
	struct xml_report *report = &e->report;
	struct span text = span_trim(buf_span(&e->text));
	struct span *field = leaf_field(e, rule);
	bool in_report = rule->place == IN_REPORT || rule->place == IN_ERRORS;

	if (field == NULL)
		return;
	if (field->p != NULL) {
		if (text.n > 0 && !span_equal(*field, text))
			xml_report_note(report, ODD_AGAIN, span_of(rule->name));
		return;
	}
	if (text.n > MAX_TEXT_BYTES && rule->free_text) {
		xml_report_note(report, ODD_CUT, span_of(rule->name));
		text = cut(text, MAX_TEXT_BYTES);
	} else if (text.n > MAX_TEXT_BYTES) {
		if (in_report)
			xml_report_reject(report, "line %d: %s is too long",
					  report->line, rule->name);
		report->raw_row.too_long = true;
		return;
	}
	*field = xml_report_copy(
		report, in_report ? report->head_arena : report->row_arena,
		text);
}

/* The namespace of RFC 9990 tells its dialect on any element. */
static void look_at_namespace(struct xml_elements *e, const char *uri)
{
	if (uri != NULL && strcmp(uri, "urn:ietf:params:xml:ns:dmarc-2.0") == 0)
		e->report.head.dialect = DIALECT_RFC9990;
}

static void close_top(struct xml_elements *e)
{
	const struct xml_rule *rule = e->open[--e->n_open];

	if (rule->element != LEAF) {
		close_element(e, rule->element);
		return;
	}
	e->leaf = NULL;
	close_leaf(e, rule);
}

/*
 * An end tag was lost: "<report_id>1/report_id>" and what else there is. What is
 * left of it at the end of the text is no text.
 */
static void close_without_tag(struct xml_elements *e)
{
	const char *name = e->open[e->n_open - 1]->name;
	struct span text = span_trim(buf_span(&e->text));
	size_t n = strlen(name);

	if (e->leaf != NULL && text.n >= n + 2 &&
	    text.p[text.n - n - 2] == '/' && text.p[text.n - 1] == '>' &&
	    memcmp(text.p + text.n - n - 1, name, n) == 0)
		e->text.n = (size_t)(text.p - e->text.p) + text.n - n - 2;
	close_top(e);
}

/*
 * In a document whose tags do not match, libxml2 takes each end tag for that of
 * the innermost element, and everything behind the first fault would be one
 * level off. So go by its name, and end what is still open inside.
 */
static void close_named(struct xml_elements *e, const char *name)
{
	size_t at = e->n_open;

	while (at > 0 && strcmp(e->open[at - 1]->name, name) != 0)
		at--;
	if (at == 0) {
		e->skipping -= e->skipping > 0 ? 1 : 0;
		return;
	}
	e->skipping = 0;
	while (e->n_open > at && !xml_report_stopped(&e->report))
		close_without_tag(e);
	if (!xml_report_stopped(&e->report))
		close_top(e);
}

/*
 * In a leaf, an element that belongs beside it: the end tag of the leaf was lost.
 */
static void end_lost_leaf(struct xml_elements *e, const char *name)
{
	if (e->leaf == NULL ||
	    find_rule(e, e->open[e->n_open - 2]->element, name) == NULL)
		return;
	xml_report_note(&e->report, ODD_LOST, span_of(e->leaf->name));
	e->report.not_well_formed = true;
	e->misnested = true;
	close_without_tag(e);
}

/* Until <feedback> is found: wrappers around it, or something else. */
static void
start_outside(struct xml_elements *e, const char *name, const char *uri)
{
	if (strcmp(name, "feedback") == 0 && e->depth <= MAX_XML_WRAPPERS) {
		e->begun = true;
		e->open[e->n_open++] = &root;
		look_at_namespace(e, uri);
		return;
	}
	if (e->depth == 1)
		snprintf(e->other, sizeof(e->other), "the root element is <%s>",
			 quote(span_of(name)).text);
}

static void
start_inside(struct xml_elements *e, const char *name, const char *uri)
{
	const struct xml_rule *rule;

	end_lost_leaf(e, name);
	if (xml_report_stopped(&e->report))
		return;
	rule = find_rule(e, e->open[e->n_open - 1]->element, name);
	if (rule == NULL || e->leaf != NULL || e->n_open == MAX_OPEN) {
		e->skipping = 1;
		e->may_be_text = e->leaf != NULL;
		return;
	}
	if ((rule->element == METADATA && e->report.have_metadata) ||
	    (rule->element == POLICY && e->report.have_policy)) {
		xml_report_note(&e->report, ODD_AGAIN, span_of(name));
		e->skipping = 1;
		return;
	}
	if (rule->element == METADATA || rule->element == POLICY)
		look_at_namespace(e, uri);
	e->open[e->n_open++] = rule;
	open_element(e, rule->element);
	if (rule->element == LEAF) {
		e->leaf = rule;
		buf_reset(&e->text);
	}
}

void xml_elements_start(struct xml_elements *e, const char *name,
			const char *uri)
{
	e->may_be_text = false;
	e->depth++;
	if (e->depth > MAX_XML_DEPTH)
		xml_report_reject(&e->report,
				  "line %d: elements nested more than %d deep",
				  e->report.line, MAX_XML_DEPTH);
	else if (e->skipping > 0)
		e->skipping++;
	else if (e->n_open == 0 && e->report.complete)
		xml_report_reject(&e->report,
				  "line %d: more behind </feedback>: <%s>",
				  e->report.line, quote(span_of(name)).text);
	else if (e->n_open == 0)
		start_outside(e, name, uri);
	else
		start_inside(e, name, uri);
}

void xml_elements_end(struct xml_elements *e, const char *name)
{
	e->may_be_text = false;
	e->depth--;
	if (e->depth == 0)
		e->closed = true;
	if (e->misnested) {
		close_named(e, e->end_name[0] != '\0' ? e->end_name : name);
		e->end_name[0] = '\0';
	} else if (e->skipping > 0) {
		e->skipping--;
	} else if (e->n_open > 0) {
		close_top(e);
	}
}

void xml_elements_text(struct xml_elements *e, struct span text)
{
	if (!xml_elements_want_text(e))
		return;
	/* Leading white space is not worth room: it is trimmed anyway. */
	if (e->text.n == 0) {
		while (text.n > 0 && ascii_is_space(text.p[0])) {
			text.p++;
			text.n--;
		}
	}
	if (text.n > MAX_RAW_TEXT_BYTES - e->text.n)
		text = cut(text, MAX_RAW_TEXT_BYTES - e->text.n);
	buf_add(&e->text, text);
	if (!buf_ok(&e->text))
		xml_report_fail_memory(&e->report);
}

void xml_elements_doctype(struct xml_elements *e, const char *name)
{
	snprintf(e->other, sizeof(e->other), "a DOCTYPE, for <%s>",
		 quote(span_of(name)).text);
	if (name != NULL && strcmp(name, "feedback") == 0)
		e->begun = true;
	xml_report_reject(&e->report, "line %d: DOCTYPE not allowed",
			  e->report.line);
}

void xml_elements_take_back(struct xml_elements *e, const char *name)
{
	if (!e->may_be_text)
		return;
	e->may_be_text = false;
	e->skipping = 0;
	xml_elements_text(e, SPAN("<"));
	xml_elements_text(e, span_of(name));
}

void xml_elements_mismatch(struct xml_elements *e, struct span name)
{
	struct span prefix;

	(void)span_take_until(&name, ':', &prefix);
	snprintf(e->end_name, sizeof(e->end_name), "%.*s", SPAN_ARGS(name));
	e->misnested = true;
}
