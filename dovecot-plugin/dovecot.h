/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dovecot.h - all of Dovecot that the plugin uses
 *
 * The only file that includes Dovecot's headers. It comes before everything:
 * lib.h decides about sizes of system types and must see them first.
 */
#ifndef EDMARC_DOVECOT_H
#define EDMARC_DOVECOT_H

#include <lib.h>

#include <hostpid.h>
#include <istream.h>
#include <lda-settings.h>
#include <mail-deliver.h>
#include <mail-storage-hooks.h>
#include <mail-storage.h>
#include <mail-user.h>
#include <module-dir.h>
#include <smtp-address.h>

#if DOVECOT_PREREQ(2, 4, 0)
#error "This plugin is for Dovecot 2.3: 2.4 reads settings in another way."
#endif

#endif
