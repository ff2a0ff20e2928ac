/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settings.h - everything the administrator can say (edmarc.conf(5))
 *
 * One table in settings.c holds section, key, type, default and limits of each
 * setting; the manual page is checked against it. Everybody reads the same
 * file: the Exim module needs the first sections, the programs all of them.
 */
#ifndef EDMARC_DMARC_SETTINGS_H
#define EDMARC_DMARC_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "dmarc/words.h"

#define SETTINGS_PATH EDMARC_SYSCONFDIR "/edmarc.conf"

/*
 * Of a text for the client. With the code and one Author Domain it stays below
 * the 512 octets of a reply line (RFC 5321 4.5.3.1.5).
 */
#define MAX_REPLY_TEXT 200

/* Every key of [score] once, with the longest of texts, is a tenth of it. */
#define MAX_CHANGES_BYTES 16384

enum standard {
	STANDARD_RFC9989,
	STANDARD_RFC7489,
};

/* The tag pct, which RFC 9989 no longer knows (R6.8). */
enum pct_use {
	PCT_IGNORE,
	PCT_HONOUR,
};

/* Who checks SPF of a message. */
enum spf_use {
	SPF_USE_AUTO, /* Exim, or we where it did not */
	SPF_USE_EXIM, /* Exim, or nobody */
};

/* Which messages with more than one author are refused (R4.5). */
enum refuse_several {
	REFUSE_SEVERAL_NO,
	REFUSE_SEVERAL_FIELDS,  /* From: fields */
	REFUSE_SEVERAL_DOMAINS, /* or Author Domains */
};

/* Reports by mail that DMARC does not show to be the reporter's. */
enum unauthenticated {
	UNAUTHENTICATED_COUNT,
	UNAUTHENTICATED_MARK,      /* count, but show apart */
	UNAUTHENTICATED_SET_ASIDE, /* when the mail has not passed; else mark */
};

/* The form of the reports we send (R7.10). */
enum report_format {
	FORMAT_RFC9990,
	FORMAT_RFC7489,
};

/* TLS on the way to the smarthost (R8.8). */
enum smarthost_tls {
	SMARTHOST_TLS_REQUIRED, /* and it has to show who it is */
	SMARTHOST_TLS_OPTIONAL, /* where it can, whoever it is */
	SMARTHOST_TLS_NO,
};

/* Who gets reports, of those who ask. */
enum report_to {
	REPORT_TO_ALL,
	REPORT_TO_GOOD_HISTORY, /* whose mail was not only turned away */
};

struct settings {
	/* [evaluate] */
	enum standard standard;
	enum pct_use pct;   /* for RFC 9989; RFC 7489 always applies it */
	int dns_timeout_ms; /* for all questions of one message */
	const char *dns_servers;
	const char *public_suffix_list;

	/* [score]: hundredths of a point */
	int score_pass;
	int score_none;
	int score_fail_none; /* R6.4: 0 unless the administrator asks */
	int score_fail_quarantine;
	int score_fail_reject;
	int score_temperror;
	int score_permerror;
	int score_no_from;
	int score_several_from;
	int tag_at;              /* 0: never */
	int quarantine_at;       /* 0: never */
	int reject_at;           /* 0: never */
	bool monitor_only;       /* score and log, but accept everything */
	bool defer_on_temperror; /* R6.5, R12.9 */
	enum refuse_several reject_several_from;
	/*
	 * What the client is told (R12.2, R12.3): the enhanced code, and one
	 * line of text in which "%d" stands for the Author Domain.
	 */
	const char *reject_code;
	const char *reject_text;
	const char *several_from_text;
	const char *defer_code;
	const char *defer_text;

	/* [override]: lists as in lists.h */
	const char *trusted_forwarder_hosts;
	const char *trusted_forwarder_domains;
	const char *mailing_lists;
	bool any_mailing_list;
	const char *allowed_authors;
	const char *allowed_signers;

	/* [exim] */
	enum spf_use spf;
	const char *authserv_id; /* "": Exim's primary_hostname */
	const char *score_header;
	const char *action_header;
	const char *trusted_hosts;  /* addresses and networks, not scored */
	const char *trusted_relays; /* who give us mail of others */
	const char *base_score; /* for Exim to expand; "": no other points */
	/* The same with a domain for each "%d": see settings_change(). */
	const char *domain_settings;

	/* The sections [domain:...], unread, and how many lines stand before. */
	struct span domains;
	int domains_line;

	/* [journal] */
	const char *verdict_spool;

	/* [reports] */
	const char *report_spool;

	int failure_days;     /* that failure reports are kept */
	bool failure_headers; /* keep the header of messages in them */
	enum unauthenticated unauthenticated;
	int keep_original; /* days; 0: mails of reports are not kept */

	/* [ingest] */
	const char *metrics; /* a file; "": none */

	/* [database] */
	const char *database_name;
	const char *database_option_file; /* "": MariaDB's own places */

	/* [domains] */
	const char *hosted_domains; /* files, patterns and folders */
	const char *hosted_query;   /* SQL; "": none */
	bool hosted_accepted;       /* what Exim accepted mail for */

	/* [send] */
	bool reporting;
	const char *org_name;
	const char *report_email;
	const char *report_domain; /* submitter; "": of report_email */
	const char *extra_contact;
	enum report_format report_format;
	bool envelope_to;    /* tell rows apart by the recipient's domain */
	int max_rows;        /* of one report */
	int max_report_size; /* in bytes, compressed */
	const char *sendmail;
	const char *smarthost; /* a URL; "": sendmail takes our mail */
	enum smarthost_tls smarthost_tls;
	const char *smarthost_ca_file;    /* "": the system's */
	const char *smarthost_login_file; /* "": none */
	enum report_to report_to;
	int history_days;
	int min_messages;
	const char *no_reports_about; /* lists as in lists.h */
	const char *no_reports_to;
	const char *suppress_days; /* "1, 3": after each bounce in a row */
	int send_after;            /* seconds since the end of a day */
	int send_over;             /* seconds */
	int catch_up_days;         /* before yesterday */
	int max_per_minute;        /* mails; 0: any number */
	int max_per_host;          /* the same, to one domain */
};

/* The defaults, without a file. */
void settings_defaults(struct settings *settings);

/*
 * Read path over the defaults. Texts live in the arena. A file that is not
 * there, an unknown section or key and a bad value are errors (ERR_CONFIG)
 * with file, line and key; the first one is in *err, and when all is not NULL
 * each goes there as one line, also those in the sections of domains, which are
 * not read otherwise. *settings holds what could be read, so that the
 * caller decides whether to go on.
 */
int settings_read(struct settings *settings, const char *path,
		  struct arena *arena, struct buf *all, struct err *err);

/*
 * The settings for mail to one domain, by its normalized name: those of
 * *general, with the keys of [score] that its section changes. A panel may write
 * thousands of sections, and a connection needs one or two, so they are read
 * here. Returns 1, 0 when there is no section for it, or -1 when there is a
 * mistake in it (ERR_CONFIG, with file and line) or no memory. *settings is only
 * written when the result is 1.
 */
MUST_CHECK int settings_of_domain(struct settings *settings,
				  const struct settings *general,
				  const char *domain, const char *path,
				  struct arena *arena, struct err *err);

/*
 * Change *settings by "reject_at = 8; monitor_only = yes", keys of [score] that
 * were looked up for a domain. Lines will do instead of ";", so a value can hold
 * neither. Returns -1 when there is a mistake in it (ERR_CONFIG, with the number
 * of the item) or more than MAX_CHANGES_BYTES, or no memory; *settings is then as
 * before.
 */
MUST_CHECK int settings_change(struct settings *settings, struct span text,
			       struct arena *arena, struct err *err);

/* All settings in force but those of domains, in the form of the file, with their meaning. */
void settings_format(struct buf *buf, const struct settings *settings);

/*
 * Points such as "4", "-2.5" or "0.05", at most 10000, into hundredths. Returns
 * -1 for anything else.
 */
MUST_CHECK int points_parse(struct span text, int *points);

/* Section and key of the i-th setting; NULL behind the last. */
const char *settings_section(size_t i);
const char *settings_key(size_t i);

#endif
