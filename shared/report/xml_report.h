/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xml_report.h - the texts of a document, made into a report at a sink
 *
 * One of three files that read XML: read_xml.c runs libxml2, xml_elements.c knows
 * which element holds what and puts its text into the raw_... below, and this one
 * knows what the texts mean, remembers what is odd about them, and decides what
 * becomes of the report. Only these include it.
 */
#ifndef EDMARC_REPORT_XML_REPORT_H
#define EDMARC_REPORT_XML_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"
#include "report/aggregate.h"

/* The metadata and the policy as they stand in the document, trimmed. */
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

struct odd {
	uint64_t count;
	int line; /* of the first */
	char word[80];
};

struct held_row;

/* Zero, but for what xml_report_init() sets. */
struct xml_report {
	struct report_sink *sink;
	struct span entry;
	struct err *err; /* of the call in progress; set by who calls */
	int line;        /* where we are in the document; the same */

	bool complete; /* </feedback> was seen */
	bool have_metadata;
	bool have_policy;
	bool not_well_formed;
	bool told; /* sink->begin() was called */
	bool head_told;
	bool rejected; /* nothing of it counts: reason says why */
	bool failed;   /* the sink refused, or no memory: *err says it */

	struct arena *head_arena;
	struct arena *row_arena;
	struct arena *held_arena;
	struct raw_report raw;
	struct raw_row raw_row;
	struct report_head head;
	struct report_row row;
	struct report_row held_row;
	struct held_row *first_held;
	struct held_row **last_held;

	uint64_t rows; /* read, held back ones included */
	uint64_t skipped;
	uint64_t messages;
	struct odd odd[N_ODDITIES];
	char reason[600];
};

/* False when there is no memory; to be released all the same. */
MUST_CHECK bool xml_report_init(struct xml_report *report, struct span entry,
				struct report_sink *sink);
void xml_report_release(struct xml_report *report);

/* Is it over, rejected or failed? Nothing more is wanted then. */
static inline bool xml_report_stopped(const struct xml_report *report)
{
	return report->rejected || report->failed;
}

/* Nothing of this document counts. The first reason is the answer. */
void xml_report_reject(struct xml_report *report, const char *fmt, ...)
	PRINTF_LIKE(2, 3);

void xml_report_fail_memory(struct xml_report *report);

void xml_report_note(struct xml_report *report, enum oddity oddity,
		     struct span word);

/* A copy in one of the arenas; p is NULL only together with failed. */
struct span xml_report_copy(struct xml_report *report, struct arena *arena,
			    struct span text);

/* Around the texts of a row. A row that can be counted goes to the sink. */
void xml_report_open_row(struct xml_report *report);
void xml_report_close_row(struct xml_report *report);

/*
 * The document has ended; with fault, because the bytes did. Tells the sink how,
 * and returns -1 when that, or something before, has failed.
 */
MUST_CHECK int xml_report_end(struct xml_report *report, struct span fault);

#endif
