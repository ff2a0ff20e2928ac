/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dmarc/settings.h"

#include <stdint.h>
#include <string.h>

#include "base/conf.h"
#include "base/file.h"
#include "base/network.h"
#include "base/quote.h"
#include "dmarc/lists.h"
#include "dns/domain.h"

#define MAX_SETTINGS_BYTES (1024 * 1024) /* a panel may write many sections */

#define MAX_DAYS        36500
#define MAX_SIZE        (36 * 1024 * 1024) /* 49 MB in base64: what we take in */
#define MAX_COUNT       1000000
#define MAX_REPORT_ROWS 1000000 /* what our own reader takes (limits.h) */

#define DOMAIN_SECTION "domain:"

enum kind {
	KIND_TEXT,
	KIND_NAME,     /* a header field name */
	KIND_ID,       /* ours in Authentication-Results */
	KIND_NETWORKS, /* addresses and networks */
	KIND_HOSTS,    /* a list of hosts (lists.h) */
	KIND_DOMAINS,  /* a list of domains */
	KIND_POINTS,   /* 4.5 -> 450 */
	KIND_DURATION, /* 5, 5s, 500ms -> milliseconds */
	KIND_HOURS,    /* 4h, 90m, 30s -> seconds, at most a day */
	KIND_COUNT,    /* 0 to 1000000 */
	KIND_DAYS,     /* 1 to 36500 */
	KIND_KEEP,     /* the same, or 0 */
	KIND_ROWS,     /* 1 to 1000000 */
	KIND_SIZE,     /* 25M, 500K -> bytes */
	KIND_STEPS,    /* 1, 3, 10: days */
	KIND_MAIL,     /* a list of mail addresses and domains */
	KIND_REPORT_TO,
	KIND_YES_NO,
	KIND_STANDARD,
	KIND_PCT,
	KIND_SPF,
	KIND_SEVERAL,
	KIND_UNAUTHENTICATED,
	KIND_FORMAT,
	KIND_SMARTHOST_TLS,
	KIND_SMARTHOST,   /* smtp://host:port/name */
	KIND_REJECT_CODE, /* 5.7.1 */
	KIND_DEFER_CODE,  /* 4.7.0 */
	KIND_REPLY,       /* text for the client */
};

struct setting {
	const char *section;
	const char *key;
	enum kind kind;
	size_t offset;
	const char *value; /* the default, as it would stand in the file */
	const char *meaning;
};

#define AT(field) offsetof(struct settings, field)

static const struct setting table[] = {
	{ "evaluate", "standard", KIND_STANDARD, AT(standard), "rfc9989",
	  "rfc9989 (DNS tree walk) or rfc7489 (public suffix list)" },
	{ "evaluate", "pct", KIND_PCT, AT(pct), "ignore",
	  "the tag pct under rfc9989: ignore or honour; rfc7489 applies it" },
	{ "evaluate", "dns_timeout", KIND_DURATION, AT(dns_timeout_ms), "5s",
	  "deadline for all DNS questions of one message" },
	{ "evaluate", "dns_servers", KIND_TEXT, AT(dns_servers), "",
	  "name servers; empty: those of /etc/resolv.conf" },
	{ "evaluate", "public_suffix_list", KIND_TEXT, AT(public_suffix_list),
	  "/usr/share/publicsuffix/public_suffix_list.dat",
	  "the list for rfc7489" },

	{ "score", "pass", KIND_POINTS, AT(score_pass), "0",
	  "points for an aligned pass" },
	{ "score", "none", KIND_POINTS, AT(score_none), "0",
	  "points when the domain has no record" },
	{ "score", "fail_none", KIND_POINTS, AT(score_fail_none), "0",
	  "points for a fail under p=none" },
	{ "score", "fail_quarantine", KIND_POINTS, AT(score_fail_quarantine),
	  "5", "points for a fail under p=quarantine" },
	{ "score", "fail_reject", KIND_POINTS, AT(score_fail_reject), "8",
	  "points for a fail under p=reject" },
	{ "score", "temperror", KIND_POINTS, AT(score_temperror), "0",
	  "points when the DNS did not answer" },
	{ "score", "permerror", KIND_POINTS, AT(score_permerror), "0",
	  "points for a record that cannot be used" },
	{ "score", "no_from", KIND_POINTS, AT(score_no_from), "3",
	  "points for a message without an Author Domain" },
	{ "score", "several_from", KIND_POINTS, AT(score_several_from), "5",
	  "points for several From: fields or Author Domains" },
	{ "score", "tag_at", KIND_POINTS, AT(tag_at), "3",
	  "mark as doubtful from this score on; 0: never" },
	{ "score", "quarantine_at", KIND_POINTS, AT(quarantine_at), "5",
	  "quarantine from this score on; 0: never" },
	{ "score", "reject_at", KIND_POINTS, AT(reject_at), "0",
	  "reject from this score on; 0: never" },
	{ "score", "monitor_only", KIND_YES_NO, AT(monitor_only), "no",
	  "score and log, but deliver everything" },
	{ "score", "defer_on_temperror", KIND_YES_NO, AT(defer_on_temperror),
	  "no", "have the client try again when the DNS did not answer" },
	{ "score", "reject_several_from", KIND_SEVERAL, AT(reject_several_from),
	  "no",
	  "reject several From: fields, or also Author Domains: "
	  "no, fields or domains" },
	{ "score", "reject_code", KIND_REJECT_CODE, AT(reject_code), "5.7.1",
	  "enhanced status code of a rejection" },
	{ "score", "reject_text", KIND_REPLY, AT(reject_text),
	  "Email rejected per DMARC policy for %d",
	  "what a client is told; %d: the Author Domain" },
	{ "score", "several_from_text", KIND_REPLY, AT(several_from_text),
	  "Email rejected: it names more than one author",
	  "what a client is told by reject_several_from" },
	{ "score", "defer_code", KIND_DEFER_CODE, AT(defer_code), "4.7.0",
	  "enhanced status code of a deferral" },
	{ "score", "defer_text", KIND_REPLY, AT(defer_text),
	  "DMARC cannot be checked now, try again later",
	  "what a client is told; %d: the Author Domain" },

	{ "override", "trusted_forwarder_hosts", KIND_HOSTS,
	  AT(trusted_forwarder_hosts), "",
	  "hosts and networks that forward mail of others" },
	{ "override", "trusted_forwarder_domains", KIND_DOMAINS,
	  AT(trusted_forwarder_domains), "",
	  "domains that do, as authenticated by SPF or DKIM" },
	{ "override", "mailing_lists", KIND_DOMAINS, AT(mailing_lists), "",
	  "mailing lists by their List-Id, when authenticated" },
	{ "override", "any_mailing_list", KIND_YES_NO, AT(any_mailing_list),
	  "no", "any mailing list that authenticates as its own domain" },
	{ "override", "allowed_authors", KIND_DOMAINS, AT(allowed_authors), "",
	  "Author Domains, whoever wrote the message" },
	{ "override", "allowed_signers", KIND_DOMAINS, AT(allowed_signers), "",
	  "domains whose valid DKIM signature is enough" },

	{ "exim", "spf", KIND_SPF, AT(spf), "auto",
	  "who checks SPF: auto (we do where Exim does not) or exim" },
	{ "exim", "authserv_id", KIND_ID, AT(authserv_id), "",
	  "our name in Authentication-Results; empty: $primary_hostname" },
	{ "exim", "score_header", KIND_NAME, AT(score_header), "X-DMARC-Score",
	  "name of the field with the score" },
	{ "exim", "action_header", KIND_NAME, AT(action_header),
	  "X-DMARC-Action", "name of the field with the action" },
	{ "exim", "trusted_hosts", KIND_NETWORKS, AT(trusted_hosts), "",
	  "addresses and networks whose mail is not judged" },
	{ "exim", "trusted_relays", KIND_NETWORKS, AT(trusted_relays), "",
	  "our relays, whose mail is judged by where they had it from" },
	{ "exim", "base_score", KIND_TEXT, AT(base_score), "",
	  "points of other checks, for Exim to expand, such as $spam_score" },
	{ "exim", "domain_settings", KIND_TEXT, AT(domain_settings), "",
	  "settings of a domain, for Exim to look up; %d: the domain" },

	{ "journal", "directory", KIND_TEXT, AT(verdict_spool),
	  "/var/spool/edmarc/verdicts", "where the Exim module logs verdicts" },

	{ "reports", "spool", KIND_TEXT, AT(report_spool),
	  "/var/spool/edmarc/reports", "where captured report mail waits" },
	{ "reports", "failure_days", KIND_DAYS, AT(failure_days), "30",
	  "days that failure reports, which hold personal data, are kept" },
	{ "reports", "failure_headers", KIND_YES_NO, AT(failure_headers), "no",
	  "keep the header of the message with a failure report" },
	{ "reports", "unauthenticated", KIND_UNAUTHENTICATED,
	  AT(unauthenticated), "mark",
	  "reports by mail that did not pass DMARC: "
	  "count, mark or set-aside" },
	{ "reports", "keep_original", KIND_KEEP, AT(keep_original), "0",
	  "days that the mails of reports are kept as they came; 0: not" },

	{ "ingest", "metrics", KIND_TEXT, AT(metrics), "",
	  "file with numbers for Prometheus; empty: none" },

	{ "database", "name", KIND_TEXT, AT(database_name), "edmarc",
	  "name of the MariaDB database" },
	{ "database", "option_file", KIND_TEXT, AT(database_option_file), "",
	  "MariaDB option file, group [edmarc]; empty: MariaDB's usual ones" },

	{ "domains", "hosted", KIND_TEXT, AT(hosted_domains), "",
	  "files and folders with our domains" },
	{ "domains", "hosted_query", KIND_TEXT, AT(hosted_query), "",
	  "SELECT with our domains in its first column" },
	{ "domains", "hosted_accepted", KIND_YES_NO, AT(hosted_accepted), "no",
	  "domains that Exim accepted mail for in the last 90 days are ours" },

	{ "send", "reporting", KIND_YES_NO, AT(reporting), "no",
	  "send aggregate reports" },
	{ "send", "org_name", KIND_TEXT, AT(org_name), "",
	  "who we are, in reports" },
	{ "send", "email", KIND_TEXT, AT(report_email), "",
	  "From: address of reports; must pass DMARC" },
	{ "send", "domain", KIND_TEXT, AT(report_domain), "",
	  "our domain in subjects and file names; empty: of email" },
	{ "send", "extra_contact", KIND_TEXT, AT(extra_contact), "",
	  "extra_contact_info in reports" },
	{ "send", "report_format", KIND_FORMAT, AT(report_format), "rfc9990",
	  "form of the reports: rfc9990, or rfc7489 for who reads no other" },
	{ "send", "envelope_to", KIND_YES_NO, AT(envelope_to), "no",
	  "tell the domains of recipients in reports" },
	{ "send", "max_rows", KIND_ROWS, AT(max_rows), "100000",
	  "rows of one report, those with the most messages" },
	{ "send", "max_report_size", KIND_SIZE, AT(max_report_size), "25M",
	  "bytes of one report, compressed; half as many rows of a larger one" },
	{ "send", "sendmail", KIND_TEXT, AT(sendmail), "/usr/sbin/sendmail",
	  "program that takes our mail" },
	{ "send", "smarthost", KIND_SMARTHOST, AT(smarthost), "",
	  "server that takes our mail instead, as smtp://HOST:PORT" },
	{ "send", "smarthost_tls", KIND_SMARTHOST_TLS, AT(smarthost_tls),
	  "required", "TLS on the way there: required, optional or no" },
	{ "send", "smarthost_ca_file", KIND_TEXT, AT(smarthost_ca_file), "",
	  "authorities for its certificate; empty: the system's" },
	{ "send", "smarthost_login_file", KIND_TEXT, AT(smarthost_login_file),
	  "", "file with our user and password there, a line each" },
	{ "send", "report_to", KIND_REPORT_TO, AT(report_to), "all",
	  "who gets reports: all who ask, or good-history" },
	{ "send", "history_days", KIND_DAYS, AT(history_days), "30",
	  "how far good-history looks back" },
	{ "send", "min_messages", KIND_COUNT, AT(min_messages), "1",
	  "no report about fewer messages" },
	{ "send", "no_reports_about", KIND_DOMAINS, AT(no_reports_about), "",
	  "policy domains that no report is made about" },
	{ "send", "no_reports_to", KIND_MAIL, AT(no_reports_to), "",
	  "addresses, or domains of addresses, that get none" },
	{ "send", "suppress_days", KIND_STEPS, AT(suppress_days),
	  "1, 3, 10, 30",
	  "days without reports to an address after each bounce in a row" },
	{ "send", "send_after", KIND_HOURS, AT(send_after), "2h",
	  "time after a day (UTC) for its verdicts to be loaded" },
	{ "send", "send_over", KIND_HOURS, AT(send_over), "4h",
	  "the reports of a day are spread over so much time" },
	{ "send", "catch_up_days", KIND_KEEP, AT(catch_up_days), "6",
	  "days before yesterday that are made up for" },
	{ "send", "max_per_minute", KIND_COUNT, AT(max_per_minute), "120",
	  "mails a minute from all machines; 0: any number" },
	{ "send", "max_per_host", KIND_COUNT, AT(max_per_host), "30",
	  "mails a minute to one domain; 0: any number" },
};

#define TABLE_SIZE (sizeof(table) / sizeof(table[0]))

int points_parse(struct span value, int *points)
{
	struct span whole = value, fraction = SPAN("0");
	bool negative = value.n > 0 && value.p[0] == '-';
	uint64_t units, hundredths;

	if (negative) {
		value.p++;
		value.n--;
		whole = value;
	}
	if (span_take_until(&value, '.', &whole))
		fraction = value;
	if (fraction.n == 0 || fraction.n > 2 ||
	    !span_to_uint(whole, 10000, &units) ||
	    !span_to_uint(fraction, 99, &hundredths))
		return -1;
	if (fraction.n == 1)
		hundredths *= 10;
	*points = (int)(units * 100 + hundredths);
	if (negative)
		*points = -*points;
	return 0;
}

static int read_duration(struct span value, int *milliseconds)
{
	uint64_t unit = 1000, number;

	if (span_ends(value, "ms")) {
		unit = 1;
		value.n -= 2;
	} else if (span_ends(value, "s")) {
		value.n -= 1;
	}
	if (!span_to_uint(span_trim(value), 60000 / unit, &number) ||
	    number == 0)
		return -1;
	*milliseconds = (int)(number * unit);
	return 0;
}

/* A time in hours, minutes or seconds, at most a day; 0 needs no unit. */
static int read_hours(struct span value, int *seconds)
{
	unsigned unit = 0;
	uint64_t number;

	if (span_is(value, "0"))
		unit = 1;
	else if (span_ends(value, "h"))
		unit = 3600;
	else if (span_ends(value, "m"))
		unit = 60;
	else if (span_ends(value, "s"))
		unit = 1;
	else
		return -1;
	if (!span_is(value, "0"))
		value.n--;
	if (!span_to_uint(value, 86400 / unit, &number))
		return -1;
	*seconds = (int)(number * unit);
	return 0;
}

static void add_hours(struct buf *buf, int seconds)
{
	if (seconds == 0)
		buf_add_char(buf, '0');
	else if (seconds % 3600 == 0)
		buf_addf(buf, "%dh", seconds / 3600);
	else if (seconds % 60 == 0)
		buf_addf(buf, "%dm", seconds / 60);
	else
		buf_addf(buf, "%ds", seconds);
}

static int
read_number(struct span value, unsigned least, unsigned most, int *number)
{
	uint64_t n;

	if (!span_to_uint(value, most, &n) || n < least)
		return -1;
	*number = (int)n;
	return 0;
}

/* With a unit, as in Exim's message_size_limit. */
static int read_size(struct span value, int *bytes)
{
	unsigned unit = 1024;
	uint64_t number;

	if (span_ends(value, "M"))
		unit = 1024 * 1024;
	else if (!span_ends(value, "K"))
		return -1;
	value.n--;
	if (!span_to_uint(value, MAX_SIZE / unit, &number) || number == 0)
		return -1;
	*bytes = (int)(number * unit);
	return 0;
}

static void add_size(struct buf *buf, int bytes)
{
	bool whole = bytes % (1024 * 1024) == 0;

	buf_addf(buf, "%d%c", whole ? bytes / (1024 * 1024) : bytes / 1024,
		 whole ? 'M' : 'K');
}

static int read_yes_no(struct span value, bool *yes)
{
	if (!span_is(value, "yes") && !span_is(value, "no"))
		return -1;
	*yes = span_is(value, "yes");
	return 0;
}

/* The words of an enum, in its order, and as a sentence for who wrote another. */
struct choice {
	const char *expected;
	const char *words[3];
};

static const struct choice choices[] = {
	[KIND_STANDARD] = { "rfc9989 or rfc7489",
			    { [STANDARD_RFC9989] = "rfc9989",
			      [STANDARD_RFC7489] = "rfc7489" } },
	[KIND_PCT] = { "ignore or honour",
		       { [PCT_IGNORE] = "ignore", [PCT_HONOUR] = "honour" } },
	[KIND_SPF] = { "auto or exim",
		       { [SPF_USE_AUTO] = "auto", [SPF_USE_EXIM] = "exim" } },
	[KIND_SEVERAL] = { "no, fields or domains",
			   { [REFUSE_SEVERAL_NO] = "no",
			     [REFUSE_SEVERAL_FIELDS] = "fields",
			     [REFUSE_SEVERAL_DOMAINS] = "domains" } },
	[KIND_UNAUTHENTICATED] = { "count, mark or set-aside",
				   { [UNAUTHENTICATED_COUNT] = "count",
				     [UNAUTHENTICATED_MARK] = "mark",
				     [UNAUTHENTICATED_SET_ASIDE] =
					     "set-aside" } },
	[KIND_FORMAT] = { "rfc9990 or rfc7489",
			  { [FORMAT_RFC9990] = "rfc9990",
			    [FORMAT_RFC7489] = "rfc7489" } },
	[KIND_REPORT_TO] = { "all or good-history",
			     { [REPORT_TO_ALL] = "all",
			       [REPORT_TO_GOOD_HISTORY] = "good-history" } },
	[KIND_SMARTHOST_TLS] = { "required, optional or no",
				 { [SMARTHOST_TLS_REQUIRED] = "required",
				   [SMARTHOST_TLS_OPTIONAL] = "optional",
				   [SMARTHOST_TLS_NO] = "no" } },
};

/* All our enums are of this size, and begin at 0. */
_Static_assert(sizeof(enum standard) == sizeof(unsigned) &&
		       sizeof(enum pct_use) == sizeof(unsigned) &&
		       sizeof(enum spf_use) == sizeof(unsigned) &&
		       sizeof(enum refuse_several) == sizeof(unsigned) &&
		       sizeof(enum unauthenticated) == sizeof(unsigned) &&
		       sizeof(enum report_format) == sizeof(unsigned) &&
		       sizeof(enum report_to) == sizeof(unsigned) &&
		       sizeof(enum smarthost_tls) == sizeof(unsigned),
	       "a setting that is an enum is read as an unsigned");

/* Returns what was expected, or NULL. */
static const char *
read_choice(struct span value, const struct choice *choice, void *field)
{
	const size_t n = sizeof(choice->words) / sizeof(choice->words[0]);
	unsigned i;

	for (i = 0; i < n && choice->words[i] != NULL; i++) {
		if (!span_is(value, choice->words[i]))
			continue;
		memcpy(field, &i, sizeof(i));
		return NULL;
	}
	return choice->expected;
}

static bool is_field_name(struct span value)
{
	size_t i;

	for (i = 0; i < value.n; i++)
		if (value.p[i] <= ' ' || value.p[i] > '~' || value.p[i] == ':')
			return false;
	return value.n > 0 && value.n < 80;
}

/*
 * Letters, digits, "-", "." and "_": what needs no quoting in a header field,
 * and what Exim, which gets it as part of an expansion, takes as it is.
 */
static bool is_plain_id(struct span value)
{
	size_t i;

	for (i = 0; i < value.n; i++)
		if (!ascii_is_alpha(value.p[i]) &&
		    !ascii_is_digit(value.p[i]) && value.p[i] != '-' &&
		    value.p[i] != '.' && value.p[i] != '_')
			return false;
	return value.n <= 255;
}

/* "5.7.1": class "." subject "." detail (RFC 3463 2). */
static bool is_enhanced_code(struct span value, char class)
{
	struct span part;
	uint64_t number;

	if (!span_take_until(&value, '.', &part) || part.n != 1 ||
	    part.p[0] != class)
		return false;
	return span_take_until(&value, '.', &part) && part.n <= 3 &&
	       value.n <= 3 && span_to_uint(part, 999, &number) &&
	       span_to_uint(value, 999, &number);
}

/*
 * No line break and nothing else that a client, or a log, could take for
 * something it is not; and not so many domains that the reply gets too long.
 */
static bool is_reply(struct span value)
{
	unsigned domains = 0;
	size_t i;

	for (i = 0; i < value.n; i++) {
		if (value.p[i] < ' ' || value.p[i] > '~')
			return false;
		domains += i > 0 && value.p[i - 1] == '%' && value.p[i] == 'd';
	}
	return value.n > 0 && value.n <= MAX_REPLY_TEXT && domains <= 1;
}

/* Up to ten numbers of days, 1 to 3650 each; none is good, too. */
static bool is_steps(struct span value)
{
	struct span item;
	uint64_t days;
	size_t n = 0;

	while (span_take_item(&value, ',', &item))
		if (++n > 10 || !span_to_uint(item, 3650, &days) || days == 0)
			return false;
	return true;
}

/* Letters, digits, "-", "." and ":", the last inside of [] only. */
static bool is_host(struct span value)
{
	bool literal =
		value.n > 2 && value.p[0] == '[' && value.p[value.n - 1] == ']';
	size_t i;

	if (literal)
		value = (struct span){ value.p + 1, value.n - 2 };
	for (i = 0; i < value.n; i++)
		if (!ascii_is_alpha(value.p[i]) &&
		    !ascii_is_digit(value.p[i]) && value.p[i] != '-' &&
		    value.p[i] != '.' && !(literal && value.p[i] == ':'))
			return false;
	return value.n > 0 && value.n <= DOMAIN_MAX_OCTETS;
}

/*
 * smtp://HOST:PORT/OUR-NAME, the last two not needed. No user and password: the
 * file can be read by all.
 */
static bool is_smarthost(struct span value)
{
	struct span rest = value, host, port = SPAN("25");
	uint64_t number;

	if (!span_starts(value, "smtp://") && !span_starts(value, "smtps://"))
		return false;
	(void)span_take_until(&rest, ':', &host);
	rest = (struct span){ rest.p + 2, rest.n - 2 };
	if (!span_take_until(&rest, '/', &host)) {
		host = rest;
		rest = SPAN("x");
	}
	if (host.n > 0 && host.p[host.n - 1] != ']') {
		size_t i = host.n;

		while (i > 0 && ascii_is_digit(host.p[i - 1]))
			i--;
		if (i > 0 && host.p[i - 1] == ':') {
			port = (struct span){ host.p + i, host.n - i };
			host.n = i - 1;
		}
	}
	return is_host(host) && is_host(rest) &&
	       span_to_uint(port, 65535, &number) && number > 0;
}

/* A text as it stands, when it is good; returns what was expected otherwise. */
static const char *
keep_text(void *field, const char *text, bool good, const char *expected)
{
	if (!good)
		return expected;
	memcpy(field, &text, sizeof(text));
	return NULL;
}

/* Returns what was expected, or NULL when the value is good. */
static const char *read_value(struct settings *settings,
			      const struct setting *setting, struct span value,
			      const char *text)
{
	void *field = (char *)settings + setting->offset;
	struct err err = ERR_INIT;

	switch (setting->kind) {
	case KIND_NAME:
		return keep_text(field, text, is_field_name(value),
				 "the name of a header field");
	case KIND_TEXT:
		return keep_text(field, text, !span_has(value, '\0'),
				 "text without NUL");
	case KIND_ID:
		return keep_text(field, text, is_plain_id(value),
				 "a host name");
	case KIND_NETWORKS:
		return keep_text(field, text,
				 network_listed(value, SPAN(""), &err) >= 0,
				 "addresses and networks, separated by commas");
	case KIND_HOSTS:
		return keep_text(field, text,
				 list_check(value, LIST_HOSTS, &err) == 0,
				 "addresses, networks, domains and files");
	case KIND_DOMAINS:
		return keep_text(field, text,
				 list_check(value, LIST_DOMAINS, &err) == 0,
				 "domains and files, separated by commas");
	case KIND_REJECT_CODE:
		return keep_text(field, text, is_enhanced_code(value, '5'),
				 "a code such as 5.7.1");
	case KIND_DEFER_CODE:
		return keep_text(field, text, is_enhanced_code(value, '4'),
				 "a code such as 4.7.0");
	case KIND_REPLY:
		return keep_text(field, text, is_reply(value),
				 "1 to 200 ASCII characters, %d at most once");
	case KIND_SMARTHOST:
		return keep_text(field, text,
				 value.n == 0 || is_smarthost(value),
				 "smtp://HOST:PORT or smtps://HOST:PORT");
	case KIND_MAIL:
		return keep_text(field, text,
				 list_check(value, LIST_MAIL, &err) == 0,
				 "mail addresses, domains and files");
	case KIND_STEPS:
		return keep_text(field, text, is_steps(value),
				 "up to 10 numbers of days from 1 to 3650");
	case KIND_POINTS:
		return points_parse(value, field) < 0 ?
			       "a number of points such as 4 or -2.5" :
			       NULL;
	case KIND_DURATION:
		return read_duration(value, field) < 0 ?
			       "a time such as 5s or 500ms, at most 60s" :
			       NULL;
	case KIND_HOURS:
		return read_hours(value, field) < 0 ?
			       "a time such as 4h, 90m or 30s, at most 24h" :
			       NULL;
	case KIND_COUNT:
		return read_number(value, 0, MAX_COUNT, field) < 0 ?
			       "a number from 0 to 1000000" :
			       NULL;
	case KIND_YES_NO:
		return read_yes_no(value, field) < 0 ? "yes or no" : NULL;
	case KIND_DAYS:
		return read_number(value, 1, MAX_DAYS, field) < 0 ?
			       "a number of days from 1 to 36500" :
			       NULL;
	case KIND_KEEP:
		return read_number(value, 0, MAX_DAYS, field) < 0 ?
			       "a number of days from 0 to 36500" :
			       NULL;
	case KIND_ROWS:
		return read_number(value, 1, MAX_REPORT_ROWS, field) < 0 ?
			       "a number of rows from 1 to 1000000" :
			       NULL;
	case KIND_SIZE:
		return read_size(value, field) < 0 ?
			       "a size from 1K to 36M, such as 25M" :
			       NULL;
	case KIND_STANDARD:
	case KIND_PCT:
	case KIND_SPF:
	case KIND_SEVERAL:
	case KIND_REPORT_TO:
	case KIND_UNAUTHENTICATED:
	case KIND_FORMAT:
	case KIND_SMARTHOST_TLS:
		return read_choice(value, &choices[setting->kind], field);
	}
	return "something else";
}

void settings_defaults(struct settings *settings)
{
	size_t i;

	memset(settings, 0, sizeof(*settings));
	for (i = 0; i < TABLE_SIZE; i++)
		(void)read_value(settings, &table[i], span_of(table[i].value),
				 table[i].value);
}

static const struct setting *
find_setting(const struct conf_entry *entry, bool *section_known)
{
	size_t i;

	*section_known = false;
	for (i = 0; i < TABLE_SIZE; i++) {
		if (!span_is(entry->section, table[i].section))
			continue;
		*section_known = true;
		if (span_is(entry->key, table[i].key))
			return &table[i];
	}
	return NULL;
}

static int take_entry(struct settings *settings, const struct conf_entry *entry,
		      struct arena *arena, struct err *err)
{
	bool section_known;
	const struct setting *setting = find_setting(entry, &section_known);
	const char *expected;
	struct span text;

	if (!section_known)
		return err_set(err, ERR_CONFIG,
			       "line %d: no section [%s] (key %s)", entry->line,
			       quote(entry->section).text,
			       quote(entry->key).text);
	if (setting == NULL)
		return err_set(err, ERR_CONFIG,
			       "line %d: no key %s in section [%s]",
			       entry->line, quote(entry->key).text,
			       quote(entry->section).text);
	text = arena_copy(arena, entry->value);
	if (text.p == NULL)
		return err_set(err, ERR_LIMIT, "line %d: out of memory",
			       entry->line);
	expected = read_value(settings, setting, entry->value, text.p);
	if (expected != NULL)
		return err_set(err, ERR_CONFIG,
			       "line %d: %s.%s: expected %s, got %s",
			       entry->line, setting->section, setting->key,
			       expected, quote(entry->value).text);
	return 0;
}

/* "[domain:example.org]" at the very start of a line? */
static bool read_header(struct span line, struct span *name)
{
	if (!span_starts(line, "[" DOMAIN_SECTION) || !span_ends(line, "]"))
		return false;
	name->p = line.p + strlen("[" DOMAIN_SECTION);
	name->n = line.n - strlen("[" DOMAIN_SECTION "]");
	return name->n > 0;
}

/* Notes a mistake in *all, if all are wanted, and the first one in *err. */
static int note_error(struct err *mistake, const char *path, struct buf *all,
		      struct err *err, int result)
{
	err_while(mistake, "%s", path);
	if (all != NULL)
		buf_addf(all, "%s\n", mistake->text);
	if (result == 0)
		*err = *mistake;
	return -1;
}

/*
 * Leaves in *text what stands before the sections of domains. Nothing else may
 * stand behind them: it would not be read.
 */
static int split_domains(struct settings *settings, struct span *text,
			 const char *path, struct arena *arena, struct buf *all,
			 struct err *err)
{
	struct span rest = *text, before = *text, line, name;
	struct span domains = { .p = NULL, .n = 0 };
	int number = 0, result = 0;

	for (; span_take_line(&rest, &line); before = rest) {
		struct err mistake = ERR_INIT;

		number++;
		if (line.n == 0 || line.p[0] != '[')
			continue;
		if (read_header(line, &name)) {
			if (domains.p == NULL) {
				domains = before;
				settings->domains_line = number - 1;
			}
		} else if (domains.p != NULL) {
			(void)err_set(&mistake, ERR_CONFIG,
				      "line %d: behind a section "
				      "[domain:example.org] expected another "
				      "one, got %s",
				      number, quote(line).text);
			result = note_error(&mistake, path, all, err, result);
		}
	}
	if (domains.p == NULL)
		return 0;
	text->n -= domains.n;
	settings->domains = arena_copy(arena, domains);
	if (settings->domains.p == NULL) {
		struct err mistake = ERR_INIT;

		(void)err_set(&mistake, ERR_LIMIT, "out of memory");
		return note_error(&mistake, path, all, err, 0);
	}
	return result;
}

/* An entry of a section that is named after a domain changes [score]. */
static int take_domain_entry(struct settings *settings,
			     const struct conf_entry *entry,
			     struct arena *arena, struct err *err)
{
	struct conf_entry general = *entry;
	bool known;

	if (entry->section.n > 0)
		return err_set(err, ERR_CONFIG,
			       "line %d: [%s] cannot stand here", entry->line,
			       quote(entry->section).text);
	general.section = SPAN("score");
	if (find_setting(&general, &known) == NULL)
		return err_set(err, ERR_CONFIG,
			       "line %d: a domain has the keys of [score], "
			       "and %s is none",
			       entry->line, quote(entry->key).text);
	return take_entry(settings, &general, arena, err);
}

typedef int taker(struct settings *settings, const struct conf_entry *entry,
		  struct arena *arena, struct err *err);

/* All entries of a text that begins behind so many lines. */
static int take_all(struct settings *settings, struct span text, int line,
		    taker *take, const char *path, struct arena *arena,
		    struct buf *all, struct err *err)
{
	struct conf conf = conf_start(text, arena);
	struct err line_err = ERR_INIT;
	struct conf_entry entry;
	int result = 0, more;

	conf.line = line;
	while ((more = conf_next(&conf, &entry, &line_err)) != 0) {
		if (more > 0 && take(settings, &entry, arena, &line_err) == 0)
			continue;
		result = note_error(&line_err, path, all, err, result);
	}
	return result;
}

/*
 * The next section of a domain. *line is the number of lines before *rest, where
 * its body begins afterwards.
 */
static bool next_section(struct span *rest, int *line, struct span *name)
{
	struct span at;

	do {
		if (!span_take_line(rest, &at))
			return false;
		++*line;
	} while (!read_header(at, name));
	return true;
}

/* Up to the next section. */
static struct span section_body(struct span rest)
{
	struct span body = rest, at;

	while (span_take_line(&rest, &at))
		if (at.n > 0 && at.p[0] == '[')
			return (struct span){ body.p, (size_t)(at.p - body.p) };
	return body;
}

static int
check_name(struct span name, int line, struct arena *arena, struct err *err)
{
	const char *normal = domain_normalize(arena, name);

	if (normal != NULL && span_is(name, normal))
		return 0;
	return err_set(err, ERR_CONFIG,
		       "line %d: [domain:%s]: expected a domain", line,
		       quote(name).text);
}

/* Every section of a domain, for those who want to know all errors. */
static int check_domains(const struct settings *settings, const char *path,
			 struct arena *arena, struct buf *all, struct err *err)
{
	struct settings changed = *settings;
	struct span rest = settings->domains, name;
	int line = settings->domains_line, result = 0;

	while (next_section(&rest, &line, &name)) {
		struct err section_err = ERR_INIT;
		int good = check_name(name, line, arena, &section_err);

		if (good < 0) {
			err_while(&section_err, "%s", path);
			buf_addf(all, "%s\n", section_err.text);
		} else {
			good = take_all(&changed, section_body(rest), line,
					take_domain_entry, path, arena, all,
					&section_err);
		}
		if (good < 0 && result == 0)
			*err = section_err;
		result = good < 0 ? -1 : result;
	}
	return result;
}

static int take_text(struct settings *settings, struct span text,
		     const char *path, struct arena *arena, struct buf *all,
		     struct err *err)
{
	struct err general_err = ERR_INIT, domain_err = ERR_INIT;
	int result = split_domains(settings, &text, path, arena, all, err);

	if (result < 0 && (all == NULL || err->kind == ERR_LIMIT))
		return -1;
	if (take_all(settings, text, 0, take_entry, path, arena, all,
		     &general_err) < 0) {
		if (result == 0)
			*err = general_err;
		result = -1;
	}
	if (all == NULL ||
	    check_domains(settings, path, arena, all, &domain_err) == 0)
		return result;
	if (result == 0)
		*err = domain_err;
	return -1;
}

int settings_read(struct settings *settings, const char *path,
		  struct arena *arena, struct buf *all, struct err *err)
{
	struct buf text = BUF_INIT(MAX_SETTINGS_BYTES);
	int result;

	settings_defaults(settings);
	if (file_read(path, &text, err) < 0) {
		err->kind = ERR_CONFIG;
		if (all != NULL)
			buf_addf(all, "%s\n", err->text);
		buf_release(&text);
		return -1;
	}
	result = take_text(settings, buf_span(&text), path, arena, all, err);
	buf_release(&text);
	return result;
}

int settings_of_domain(struct settings *settings,
		       const struct settings *general, const char *domain,
		       const char *path, struct arena *arena, struct err *err)
{
	struct settings changed = *general;
	struct span rest = general->domains, name;
	int line = general->domains_line, found = 0;

	while (next_section(&rest, &line, &name)) {
		if (!span_is(name, domain))
			continue;
		if (take_all(&changed, section_body(rest), line,
			     take_domain_entry, path, arena, NULL, err) < 0)
			return -1;
		found = 1;
	}
	if (found == 1)
		*settings = changed;
	return found;
}

/* One item a line, without the white space that would continue the one before. */
static void add_lines(struct buf *lines, struct span text)
{
	struct span line, item;

	while (span_take_line(&text, &line)) {
		while (span_take_until(&line, ';', &item)) {
			buf_add(lines, span_trim(item));
			buf_add_char(lines, '\n');
		}
		buf_add(lines, span_trim(line));
		buf_add_char(lines, '\n');
	}
}

int settings_change(struct settings *settings, struct span text,
		    struct arena *arena, struct err *err)
{
	struct buf lines = BUF_INIT(MAX_CHANGES_BYTES);
	struct settings changed = *settings;
	int result = -1;

	add_lines(&lines, text);
	if (!buf_ok(&lines))
		err_set(err, ERR_LIMIT, "too long, or no memory");
	else
		result = take_all(&changed, buf_span(&lines), 0,
				  take_domain_entry, "domain_settings", arena,
				  NULL, err);
	buf_release(&lines);
	if (result == 0)
		*settings = changed;
	return result;
}

static void add_value(struct buf *buf, const struct settings *settings,
		      const struct setting *setting)
{
	const char *field = (const char *)settings + setting->offset;
	const char *text;
	unsigned choice;
	bool yes;
	int number;

	switch (setting->kind) {
	case KIND_TEXT:
	case KIND_NAME:
	case KIND_ID:
	case KIND_NETWORKS:
	case KIND_HOSTS:
	case KIND_DOMAINS:
	case KIND_REJECT_CODE:
	case KIND_DEFER_CODE:
	case KIND_REPLY:
	case KIND_SMARTHOST:
	case KIND_STEPS:
	case KIND_MAIL:
		memcpy(&text, field, sizeof(text));
		buf_add_string(buf, text);
		return;
	case KIND_POINTS:
		memcpy(&number, field, sizeof(number));
		if (number < 0)
			buf_add_char(buf, '-');
		number = number < 0 ? -number : number;
		buf_addf(buf, "%d.%02d", number / 100, number % 100);
		return;
	case KIND_DURATION:
		memcpy(&number, field, sizeof(number));
		buf_addf(buf, "%dms", number);
		return;
	case KIND_HOURS:
		memcpy(&number, field, sizeof(number));
		add_hours(buf, number);
		return;
	case KIND_YES_NO:
		memcpy(&yes, field, sizeof(yes));
		buf_add_string(buf, yes ? "yes" : "no");
		return;
	case KIND_COUNT:
	case KIND_DAYS:
	case KIND_KEEP:
	case KIND_ROWS:
		memcpy(&number, field, sizeof(number));
		buf_addf(buf, "%d", number);
		return;
	case KIND_SIZE:
		memcpy(&number, field, sizeof(number));
		add_size(buf, number);
		return;
	case KIND_STANDARD:
	case KIND_PCT:
	case KIND_SPF:
	case KIND_SEVERAL:
	case KIND_REPORT_TO:
	case KIND_UNAUTHENTICATED:
	case KIND_FORMAT:
	case KIND_SMARTHOST_TLS:
		memcpy(&choice, field, sizeof(choice));
		buf_add_string(buf, choices[setting->kind].words[choice]);
		return;
	}
}

void settings_format(struct buf *buf, const struct settings *settings)
{
	const char *section = "";
	size_t i;

	for (i = 0; i < TABLE_SIZE; i++) {
		if (strcmp(section, table[i].section) != 0)
			buf_addf(buf, "%s[%s]\n", i == 0 ? "" : "\n",
				 table[i].section);
		section = table[i].section;
		buf_addf(buf, "# %s\n%s = ", table[i].meaning, table[i].key);
		add_value(buf, settings, &table[i]);
		buf_add_char(buf, '\n');
	}
}

const char *settings_section(size_t i)
{
	return i < TABLE_SIZE ? table[i].section : NULL;
}

const char *settings_key(size_t i)
{
	return i < TABLE_SIZE ? table[i].key : NULL;
}
