/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dovecot.h"

#include "edmarc-plugin.h"

#include <time.h>

#include "base/attributes.h"
#include "base/err.h"
#include "base/span.h"
#include "journal/report_spool.h"

/* Aggregate, failure and TLS reports, and bounces of our own. */
#define DEFAULT_LOCALPARTS "dmarc.rua dmarc.ruf tls.rpt dmarc.report+"
#define DEFAULT_SPOOL      "/var/spool/edmarc/reports"

/* What a sender's log shows; the whole reason is in ours. */
#define REPLY_TEMP  "Report spool is not available, try again later"
#define REPLY_LIMIT "Report is larger than this server takes"

/* ---------------------------------------------------------------- settings */

struct settings {
	const char *localparts; /* separated by blanks */
	const char *spool;
};

static const char *
setting(struct mail_user *user, const char *name, const char *otherwise)
{
	const char *value = mail_user_plugin_getenv(user, name);

	return value == NULL || *value == '\0' ? otherwise : value;
}

static struct settings settings_of(struct mail_user *user)
{
	return (struct settings){
		.localparts =
			setting(user, "edmarc_localpart", DEFAULT_LOCALPARTS),
		.spool = setting(user, "edmarc_spool", DEFAULT_SPOOL),
	};
}

/* ------------------------------------------------------------ is it for us? */

/*
 * name, name+detail, name@domain, in any letter case. "+" stands for any
 * character of recipient_delimiter, which name itself may hold. A name that ends
 * in "+" is one with detail only: bounces of our reports (shared/report/verp.h)
 * are ours, while what people write to that address is not.
 */
static bool
is_name(const char *address, struct span name, const char *delimiters)
{
	bool with_detail = name.n > 0 && name.p[name.n - 1] == '+';
	struct span start = { address, name.n -= with_detail };

	if (strlen(address) < name.n || !span_equal_nocase(start, name))
		return FALSE;
	if (with_detail)
		return address[name.n] != '\0' &&
		       strchr(delimiters, address[name.n]) != NULL;
	return address[name.n] == '\0' || address[name.n] == '@' ||
	       strchr(delimiters, address[name.n]) != NULL;
}

/* One of the names? Commas do for blanks. */
static bool
is_report_name(const char *address, const char *names, const char *delimiters)
{
	struct span rest = span_of(names);
	struct span name;

	if (address == NULL)
		return FALSE;
	while (span_take_item(&rest, ' ', &name)) {
		struct span item;

		while (span_take_item(&name, ',', &item))
			if (is_name(address, item, delimiters))
				return TRUE;
	}
	return FALSE;
}

/*
 * The recipient is what RCPT said, but with dovecot-lda often the address before
 * an alias was followed (-a), while the user is who it is delivered to. ORCPT and
 * the header are the sender's to write and decide nothing.
 */
static bool is_report(const struct mail_deliver_context *ctx, const char *names)
{
	const char *delimiters = ctx->set->recipient_delimiter;

	return (ctx->rcpt_to != NULL &&
		is_report_name(ctx->rcpt_to->localpart, names, delimiters)) ||
	       is_report_name(ctx->rcpt_user->username, names, delimiters);
}

/* ----------------------------------------------------------------- keep it */

/*
 * Where dovecot-lda was not told the sender (-f), the Return-Path field holds it,
 * written by the mail server in front.
 */
static struct report_envelope envelope_of(struct mail_deliver_context *ctx)
{
	const struct smtp_address *sender =
		mail_deliver_get_return_address(ctx);
	const char *recipient = ctx->rcpt_user->username;
	const char *session = ctx->session_id;

	if (!smtp_address_isnull(ctx->rcpt_to))
		recipient = smtp_address_encode(ctx->rcpt_to);
	if (session == NULL) /* dovecot-lda */
		session = ctx->rcpt_user->session_id;
	return (struct report_envelope){
		.received = time(NULL),
		.recipient = span_of(recipient),
		.sender = span_of(smtp_address_encode(sender)),
		.session = span_of(session),
	};
}

/* Piece by piece: a report may be larger than we want to hold. */
static int
copy_mail(struct mail *mail, struct report_draft *draft, struct err *err)
{
	struct istream *input;
	const unsigned char *p;
	size_t n;

	if (mail_get_stream(mail, NULL, NULL, &input) < 0)
		return err_set(
			err, ERR_TEMP, "reading the mail: %s",
			mailbox_get_last_internal_error(mail->box, NULL));
	i_stream_seek(input, 0);
	while (i_stream_read_more(input, &p, &n) > 0) {
		if (report_draft_add(draft, (struct span){ (const char *)p, n },
				     err) < 0)
			return -1;
		i_stream_skip(input, n);
	}
	if (input->stream_errno != 0 || !input->eof)
		return err_set(err, ERR_TEMP, "reading the mail: %s",
			       i_stream_get_error(input));
	return 0;
}

static int
keep(struct mail_deliver_context *ctx, const char *spool, struct err *err)
{
	const struct report_envelope envelope = envelope_of(ctx);
	struct report_draft draft;
	const char *name;

	if (report_draft_start(&draft, spool, my_hostname, &envelope, err) < 0)
		return -1;
	name = t_strdup(draft.name);
	if (copy_mail(ctx->src_mail, &draft, err) < 0) {
		report_draft_drop(&draft);
		return -1;
	}
	if (report_draft_commit(&draft, err) < 0)
		return -1;
	e_info(ctx->event, "edmarc: report mail kept as %s/new/%s", spool,
	       name);
	return 0;
}

/*
 * 1: it is in the spool. -1: it is not, and the reason must be in ctx, or Dovecot
 * would put the mail into the INBOX of a user that nobody reads.
 */
static int capture(struct mail_deliver_context *ctx,
		   struct mail_storage **storage_r, const char *spool)
{
	struct err err = ERR_INIT;

	*storage_r = NULL;
	if (keep(ctx, spool, &err) == 0)
		return 1;
	e_error(ctx->event, "edmarc: report mail not kept: %s", err.text);
	ctx->tempfail_error = err.kind == ERR_LIMIT ? REPLY_LIMIT : REPLY_TEMP;
	return -1;
}

/* -------------------------------------------------------------------- hook */

#define MAX_HOOKS 8 /* delivery plugins in one process */

/*
 * There is one hook for all users of the process, and who takes it last is asked
 * first. Sieve asks nobody after itself, so when Sieve is loaded for a later
 * user, we take the hook again. A plugin between that does ask on comes back to
 * us then; next[] holds what was there each time, and depth says whose turn it is.
 */
static struct {
	struct module *module;
	deliver_mail_func_t *next[MAX_HOOKS];
	unsigned int n;
	unsigned int depth;
} hook;

static int
ask_next(struct mail_deliver_context *ctx, struct mail_storage **storage_r)
{
	deliver_mail_func_t *next;
	int result;

	if (hook.depth >= hook.n)
		return 0; /* the default: save to INBOX */
	next = hook.next[hook.n - 1 - hook.depth];
	if (next == NULL)
		return 0;
	hook.depth++;
	result = next(ctx, storage_r);
	hook.depth--;
	return result;
}

static int
on_deliver(struct mail_deliver_context *ctx, struct mail_storage **storage_r)
{
	struct settings settings;
	int result;

	if (hook.depth > 0 ||
	    !mail_user_is_plugin_loaded(ctx->rcpt_user, hook.module))
		return ask_next(ctx, storage_r);
	settings = settings_of(ctx->rcpt_user);
	if (!is_report(ctx, settings.localparts))
		return ask_next(ctx, storage_r);
	T_BEGIN
	{
		result = capture(ctx, storage_r, settings.spool);
	}
	T_END;
	return result;
}

static void take_hook(void)
{
	deliver_mail_func_t *before;
	unsigned int i;

	if (deliver_mail == on_deliver)
		return;
	before = mail_deliver_hook_set(on_deliver);
	for (i = 0; i < hook.n; i++) {
		if (hook.next[i] == before)
			return;
	}
	if (hook.n < MAX_HOOKS)
		hook.next[hook.n++] = before;
	else
		hook.next[MAX_HOOKS - 1] = before;
}

static void on_user_created(struct mail_user *user)
{
	(void)user;
	take_hook();
}

static const struct mail_storage_hooks storage_hooks = {
	.mail_user_created = on_user_created,
};

EXPORTED const char *edmarc_plugin_version = DOVECOT_ABI_VERSION;

EXPORTED void edmarc_plugin_init(struct module *module)
{
	hook.module = module;
	hook.n = 0;
	hook.depth = 0;
	take_hook();
	mail_storage_hooks_add(module, &storage_hooks);
}

EXPORTED void edmarc_plugin_deinit(void)
{
	mail_storage_hooks_remove(&storage_hooks);
	/* Somebody hooked in above us and will not be asked again either. */
	if (deliver_mail == on_deliver && hook.n > 0)
		mail_deliver_hook_set(hook.next[hook.n - 1]);
}
