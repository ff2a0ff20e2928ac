/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * aggregate.h - an aggregate report as values (RFC 9990 3.1, RFC 7489 app. C)
 *
 * The same structs are what the reader finds, what the store keeps and what the
 * writer writes, so that write and read are each other's inverse. Spans with
 * p == NULL stand for elements that were not there.
 */
#ifndef EDMARC_REPORT_AGGREGATE_H
#define EDMARC_REPORT_AGGREGATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/span.h"
#include "dmarc/words.h"

#define MAX_ROW_SIGNATURES 100 /* R7.6 */
#define MAX_ROW_SPF        10  /* RFC 7489 allows several */
#define MAX_ROW_REASONS    20
#define MAX_REPORT_ERRORS  20

enum report_dialect {
	DIALECT_RFC7489,
	DIALECT_RFC9990,
};

const char *report_dialect_name(enum report_dialect dialect);

struct report_head {
	enum report_dialect dialect;
	struct span version;
	struct span org_name;
	struct span email;
	struct span extra_contact;
	struct span report_id;
	int64_t begin; /* seconds */
	int64_t end;
	struct span errors[MAX_REPORT_ERRORS];
	size_t n_errors;
	struct span generator;

	struct span policy_domain; /* lower case */
	bool have_method;
	enum discovery_method method;
	enum dmarc_policy p;
	enum dmarc_policy sp;
	enum dmarc_policy np;
	struct span adkim; /* "r", "s" or absent */
	struct span aspf;
	struct span pct;
	struct span fo;
	struct span testing; /* "y", "n" or absent */
};

struct report_reason {
	enum reason_type type;
	struct span comment;
};

struct report_dkim {
	struct span domain;
	struct span selector;
	enum auth_result result;
	struct span human;
};

struct report_spf {
	struct span domain;
	enum spf_scope scope;
	enum auth_result result;
	struct span human;
};

struct report_row {
	struct span source_ip; /* canonical text, IPv6 in lower case */
	uint64_t count;
	enum disposition disposition;
	bool dkim_aligned; /* policy_evaluated/dkim is pass */
	bool spf_aligned;
	struct span header_from; /* lower case */
	struct span envelope_from;
	struct span envelope_to;
	size_t n_reasons;
	size_t n_dkim;
	size_t n_spf;
	/* Last, and large: what is behind the n-th of a list means nothing. */
	struct report_reason reasons[MAX_ROW_REASONS];
	struct report_dkim dkim[MAX_ROW_SIGNATURES];
	struct report_spf spf[MAX_ROW_SPF];
};

/* For a million rows it matters that this leaves the lists alone. */
static inline void report_row_clear(struct report_row *row)
{
	memset(row, 0, offsetof(struct report_row, reasons));
}

enum report_kind {
	REPORT_AGGREGATE,
	REPORT_FAILURE, /* RFC 9991 */
	REPORT_TLS,     /* RFC 8460 */
	REPORT_BOUNCE,  /* RFC 3464: a mail of ours that came back */
};

const char *report_kind_name(enum report_kind kind);

enum report_status {
	REPORT_OK,
	REPORT_PARTIAL,  /* some rows could not be read and were left out */
	REPORT_REJECTED, /* nothing of it counts; reason says why */
};

const char *report_status_name(enum report_status status);

/* How the reading of one report, or of a container, ended. */
struct report_end {
	enum report_kind kind;
	enum report_status status;
	/*
	 * REJECTED: why, with the place. PARTIAL: why a part must not count, if
	 * that is so. Else empty.
	 */
	struct span reason;
	uint64_t skipped_rows;
	struct span warnings; /* "; "-separated, or empty */
};

/* Why a bounce is refused where nobody waits for one. */
#define NO_REPORT_BUT_BOUNCE                                      \
	"no report found: a delivery report, what it returns is " \
	"not looked into"

struct bounce;         /* bounce.h */
struct failure_report; /* failure.h */
struct tls_head;       /* tls.h */
struct tls_policy;
struct tls_failure;

/*
 * Where reports go as they are read. For each report (or container that is
 * refused as a whole, without head and rows): begin, then head once, then row
 * for each row, then end. head is complete before the first row: rows that
 * stand in front of the metadata are held back. After REJECTED everything that
 * was said about this report since begin is void. Spans are valid during the
 * call only. A call that returns -1 with *err ends the reading.
 *
 * A failure report is begin, failure, end; a TLS report is begin, tls_head, then
 * for each policy tls_policy and its tls_failures, then end; a bounce is begin,
 * bounce, end, and is told only when the mail holds nothing else. These may be
 * NULL for a sink that does not want them; without bounce, one is refused.
 */
struct report_sink {
	int (*begin)(struct report_sink *self, struct span entry,
		     struct err *err);
	int (*head)(struct report_sink *self, const struct report_head *head,
		    struct err *err);
	int (*row)(struct report_sink *self, const struct report_row *row,
		   struct err *err);
	int (*end)(struct report_sink *self, const struct report_end *end,
		   struct err *err);
	int (*failure)(struct report_sink *self,
		       const struct failure_report *report, struct err *err);
	int (*tls_head)(struct report_sink *self, const struct tls_head *head,
			struct err *err);
	int (*tls_policy)(struct report_sink *self,
			  const struct tls_policy *policy, struct err *err);
	int (*tls_failure)(struct report_sink *self,
			   const struct tls_failure *failure, struct err *err);
	int (*bounce)(struct report_sink *self, const struct bounce *bounce,
		      struct err *err);
};

#endif
