/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chain-plugin.c - somebody else's delivery plugin, one that asks the next hook
 *
 * test-dovecot.sh builds and loads it beside ours: a hook that was taken twice
 * and a plugin in between that comes back to it must not go round for ever.
 */
#include <lib.h>

#include <mail-deliver.h>

struct module;

const char *chain_plugin_version = DOVECOT_ABI_VERSION;
void chain_plugin_init(struct module *module);
void chain_plugin_deinit(void);

static deliver_mail_func_t *next;

static int
on_deliver(struct mail_deliver_context *ctx, struct mail_storage **storage_r)
{
	e_info(ctx->event, "chain: asked");
	return next == NULL ? 0 : next(ctx, storage_r);
}

void chain_plugin_init(struct module *module ATTR_UNUSED)
{
	next = mail_deliver_hook_set(on_deliver);
}

void chain_plugin_deinit(void)
{
}
