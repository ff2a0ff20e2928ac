/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * edmarc-plugin.h - what Dovecot asks lib99_edmarc_plugin.so for
 *
 * Takes report mail at delivery, by LMTP and by dovecot-lda, and keeps it in the
 * report spool. It opens nothing of the mail and decides nothing about it.
 *
 * The file is named 99 so that it is loaded, and hooks in, after Sieve (90).
 * There is no edmarc_plugin_binary_dependency: the plugin is named in a field of
 * the report user, which all of Dovecot's programs read, and with it doveadm
 * would refuse that user.
 */
#ifndef EDMARC_PLUGIN_H
#define EDMARC_PLUGIN_H

struct module;

/* Dovecot refuses to load us when its ABI is another. */
extern const char *edmarc_plugin_version;

void edmarc_plugin_init(struct module *module);
void edmarc_plugin_deinit(void);

#endif
