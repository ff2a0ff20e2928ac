/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xml_elements.h - which element holds which, and whose text goes where
 *
 * Between libxml2 (read_xml.c) and the meaning (xml_report.h): follows the tags,
 * skips what is unknown, and collects the texts of the elements of a report. It
 * keeps its own list of what is open, so that a document whose tags do not match
 * can be read as its author meant it.
 */
#ifndef EDMARC_REPORT_XML_ELEMENTS_H
#define EDMARC_REPORT_XML_ELEMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/buf.h"
#include "base/span.h"
#include "report/xml_report.h"

/* The deepest known element is a reason's type, with room for wrappers. */
#define MAX_OPEN 16

struct xml_rule;

/* Zero, but for what xml_elements_init() sets. */
struct xml_elements {
	struct xml_report report;

	const struct xml_rule *open[MAX_OPEN]; /* known ones */
	size_t n_open;
	size_t skipping; /* depth below an unknown element */
	size_t depth;
	bool begun;        /* <feedback> was seen */
	bool closed;       /* the root element has ended */
	bool misnested;    /* end tags count by their names */
	char end_name[40]; /* of the end tag that does not match, or "" */
	bool may_be_text;  /* the last start tag, which stands in a leaf */

	const struct xml_rule *leaf; /* the leaf we are in, or NULL */
	size_t next_rule;            /* where the next is looked for first */
	struct buf text;
	struct raw_item *item;
	struct raw_item unused_item;
	char other[200]; /* what there is in place of a report, or "" */
};

/* False when there is no memory; to be released all the same. */
MUST_CHECK bool xml_elements_init(struct xml_elements *elements,
				  struct span entry, struct report_sink *sink);
void xml_elements_release(struct xml_elements *elements);

/* A tag, by its local name; uri is its namespace or NULL. */
void xml_elements_start(struct xml_elements *elements, const char *name,
			const char *uri);
void xml_elements_end(struct xml_elements *elements, const char *name);

/*
 * Is text of any use where we are? Half of what a report has is white space
 * between its elements.
 */
static inline bool xml_elements_want_text(const struct xml_elements *elements)
{
	return elements->leaf != NULL && elements->skipping == 0;
}

void xml_elements_text(struct xml_elements *elements, struct span text);

/* A document type declaration for this root element (or NULL): no report. */
void xml_elements_doctype(struct xml_elements *elements, const char *name);

/*
 * The tag that just began was none: "<dmarc" of "<dmarc@reporter.example>" is
 * text of the leaf.
 */
void xml_elements_take_back(struct xml_elements *elements, const char *name);

/*
 * The end tag that follows does not match: this is its name, with its prefix.
 * From now on elements end by their names.
 */
void xml_elements_mismatch(struct xml_elements *elements, struct span name);

#endif
