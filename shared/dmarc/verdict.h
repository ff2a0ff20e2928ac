/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verdict.h - is the Author Domain authenticated, and what follows from it?
 *
 * One function of its arguments: facts about the message, the administrator's
 * settings, a resolver. It does not log, does not look at the clock and keeps
 * nothing; asking again gives the same verdict. The Exim module, `edmarc
 * evaluate` and the tests all come through here.
 */
#ifndef EDMARC_DMARC_VERDICT_H
#define EDMARC_DMARC_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/span.h"
#include "dmarc/psl.h"
#include "dmarc/record.h"
#include "dmarc/settings.h"
#include "dmarc/words.h"
#include "dns/resolver.h"
#include "mail/authres.h"
#include "mail/from.h"

#define MAX_DKIM_SIGNATURES 100 /* R7.6: no more belong into a report row */
#define MAX_DKIM_RESULTS    MAX_AUTHRES_RESULTS /* before the best are chosen */
#define MAX_REASONS         8
#define MAX_AUTHOR_DOMAINS  5 /* R4.5 */

/*
 * Different identifiers that get a tree walk of their own (R2.21), and DKIM keys
 * that are asked for, for each Author Domain; more are not believed. Honest mail
 * has two or three. The public suffix list asks nobody, so with it there is no
 * such limit.
 */
#define MAX_WALKED_IDENTIFIERS 10
#define MAX_KEY_QUESTIONS      10

struct spf_fact {
	bool known; /* false: nobody checked SPF */
	enum auth_result result;
	enum spf_scope scope;
	const char *domain; /* "" when there was none to check */
	bool aligned;       /* filled in by verdict_make(): pass and aligned */
};

struct dkim_fact {
	const char *domain;   /* d=, normalized */
	const char *selector; /* s=, as written */
	enum auth_result result;
	const char *human;    /* text of the verifier, or "" */
	bool key_unavailable; /* see facts_from_authres() */
	bool aligned;         /* filled in by verdict_make() */
};

/* What is known about the message. Texts live in the caller's arena. */
struct message_facts {
	const char *client_ip; /* "" when unknown */
	/*
	 * That is a relay of ours, and from whom it had the message is not known:
	 * the address says nothing about the sender.
	 */
	bool client_is_relay;
	/*
	 * The name of that address, which must lead back to it in the DNS; ""
	 * when there is none.
	 */
	const char *client_name;
	const char *helo;
	const char *mail_from; /* reverse-path without <>; "" for null */
	struct from_result from;
	struct spf_fact spf;
	struct span list_id; /* bodies of these fields, or empty */
	struct span list_post;
	struct dkim_fact *dkim;
	size_t n_dkim;    /* up to MAX_DKIM_RESULTS */
	size_t unchecked; /* signatures without a result, to explain */
	/*
	 * 0 to 99, drawn for this message by whoever received it (message_draw()
	 * makes it of the message's id): where pct counts, the policy applies to
	 * messages with a draw below pct (R6.7). 0 is in every sample but that of
	 * pct=0.
	 */
	unsigned draw;
	/*
	 * Nobody will look at more than the decision: questions whose answers
	 * cannot change it are not asked, so that the verdict may lack
	 * organizational_domain and faults of names above the Author Domain.
	 */
	bool brief;
};

struct verdict_reason {
	enum reason_type type;
	const char *comment; /* or "" */
};

struct dmarc_verdict {
	enum dmarc_result result;
	const char *from_domain;   /* Author Domain, or "" */
	const char *policy_domain; /* or "" */
	/* Of the Author Domain; or "", also when brief and not needed. */
	const char *organizational_domain;
	enum discovery_method method;
	bool have_record; /* a record applies */
	/*
	 * A record was found, but a bad p, sp or np makes it useless (R1.11).
	 * The result is none, because DMARC is then not processed at all (RFC
	 * 9989 4.10.1, E19b); policy_domain says where it is. Only
	 * Authentication-Results says permerror (R6.2), and its points are
	 * those of permerror.
	 */
	bool record_unusable;
	struct dmarc_record record; /* when have_record */
	enum policy_source policy_source;
	enum dmarc_policy policy_selected; /* before t=y */
	/*
	 * One step down for t=y (R6.6) or when sampled out, not for both; none
	 * when [override] exempts the message.
	 */
	enum dmarc_policy policy_applied;
	size_t from_fields;  /* how many From: fields (R4.3) ... */
	size_t from_domains; /* ... and Author Domains there were (R4.4) */
	bool overridden;     /* only when it failed */
	struct verdict_reason override; /* then */
	const char *override_fault;     /* a list that cannot be read, or "" */
	bool sampled_out;  /* pct counts, and draw is not below it */
	bool dkim_aligned; /* an aligned pass */
	bool spf_aligned;
	enum disposition disposition; /* for reports (R7.3) */
	struct verdict_reason reasons[MAX_REASONS];
	size_t n_reasons;
	int score; /* hundredths of a point */
	enum action action;
	struct span faults;      /* record faults for R7.7, or "" */
	const char *explanation; /* sentences for a person */
	/*
	 * With rfc7489, libopendmarc judges as well (engine.h). NULL when it says
	 * the same, else what it says instead, which is a fault to be reported:
	 * this verdict is then our own alone.
	 */
	const char *disagreement;
};

/*
 * A draw for a message, of the id that the mail server gave to it: always the same
 * for the same id, and even over many ids, however alike they are. A sender has
 * no say in the id.
 */
unsigned message_draw(struct span id);

/*
 * SPF and DKIM out of the text of ${authresults} or of an A-R field: fills in
 * spf and dkim of *facts (helo and mail_from must be there for R5.2), where room
 * for MAX_DKIM_RESULTS is made in the arena. A DKIM
 * "tmperror (pubkey unavailable)" is marked key_unavailable: Exim says so also
 * when the key does not exist, and verdict_make() asks for it before it believes
 * in a temporary error; otherwise an attacker would turn fail into temperror by
 * adding a signature. Returns -1 when text cannot be read (ERR_INPUT) or there
 * is no memory (ERR_LIMIT); spf and dkim are then empty.
 */
int facts_from_authres(struct message_facts *facts, struct span text,
		       struct arena *arena, struct err *err);

/*
 * The SPF result for the domain that counts (R5.1, R5.2): that of mail_from (an
 * address or a domain), or the HELO name when mail_from is "". Where there is no
 * domain that can be checked, the result is none. Returns -1 (ERR_LIMIT) when
 * there is no memory.
 */
int spf_fact_make(struct spf_fact *spf, enum auth_result result,
		  const char *mail_from, const char *helo, struct arena *arena,
		  struct err *err);

/* R5.1: does SPF say something about the sender? Whether it passed aside. */
bool spf_counts(const struct message_facts *facts);

/*
 * Judge. facts->spf.aligned and facts->dkim[].aligned are filled in, and a
 * key_unavailable result may be corrected. Then the signatures are put into the
 * order of R7.6 - passes for the Author Domain itself, other aligned passes,
 * other passes, the rest, each in the order of the message -, and those beyond
 * MAX_DKIM_SIGNATURES are dropped. No question is asked twice. psl is only needed
 * for the standard rfc7489. Returns -1 when there is no memory (ERR_LIMIT), or no
 * psl where one is needed (ERR_CONFIG).
 *
 * Of several Author Domains the one that fares worst is the verdict's; then
 * "pass" means that all of them pass. A message with several From: fields
 * cannot pass (R4.3). A malformed field counts by the domains found in it: a missing
 * bracket is no way round a policy. Without any domain the result is none.
 */
int verdict_make(struct message_facts *facts, const struct settings *settings,
		 const struct psl *psl, struct resolver *resolver,
		 struct arena *arena, struct dmarc_verdict *verdict,
		 struct err *err);

/* The points of a result, by the settings in [score]. */
int verdict_score(const struct message_facts *facts,
		  const struct dmarc_verdict *verdict,
		  const struct settings *settings);

/*
 * The action for verdict->score, and the disposition and reasons that follow
 * from it (R6.9, R7.5, R12.4); earlier reasons are replaced. Called by
 * verdict_make(); the Exim module calls it again after it has added base_score.
 *
 * Disposition tells what DMARC led to (R7.3), not what else happened to the
 * message: one that passes is "pass" (or "none" where p=none) even if its score
 * has it rejected, and one to which no record applies is "none". Only for "fail"
 * and "temperror" it follows the action; where it is then not what the record
 * asks for, a reason says why.
 */
void verdict_act(struct dmarc_verdict *verdict,
		 const struct settings *settings);

/*
 * The keys of the verdict as they stand in the output of `edmarc evaluate` and
 * in the verdict journal, into an object the caller has opened: from_domains,
 * from_domain, result, policy_domain, organizational_domain, discovery_method,
 * policy_published, policy_source, policy_selected, policy_applied,
 * disposition, reasons, spf, dkim, faults (when there are), score (a number of
 * points such as 4.50), action. policy_published has effective values (R7.4):
 * sp and np are what applies when they are not published. What is not known is
 * null.
 */
void verdict_json(struct json *json, const struct message_facts *facts,
		  const struct dmarc_verdict *verdict);

/* "several From: fields", "several Author Domains", or NULL for one author. */
const char *verdict_several(const struct dmarc_verdict *verdict);

/* Is a message of that many authors refused, whatever its score (R4.5)? */
bool verdict_refuses_several(const struct dmarc_verdict *verdict,
			     const struct settings *settings);

/* "4.50" for 450. */
void score_format(struct buf *buf, int score);

/*
 * R11.2 - R11.4:
 * "dmarc=fail (p=reject sp=none) header.from=a.example policy.dmarc=reject",
 * with reason="several From: fields" or that of an override in the middle.
 */
void verdict_authres(struct buf *buf, const struct dmarc_verdict *verdict);

#endif
