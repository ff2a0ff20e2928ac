/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * places.h - may everybody do with files and folders what he has to?
 *
 * For `edmarc config check`. Root looks with the eyes of others: a child process
 * becomes Exim's user (the owner of the verdict journal) or that of ingest (named
 * edmarc, else the owner of the report spool), and asks the kernel, which knows of
 * groups and ACLs.
 */
#ifndef EDMARC_EDMARC_PLACES_H
#define EDMARC_EDMARC_PLACES_H

#include <stdbool.h>

#include "dmarc/settings.h"

/*
 * Log each thing that somebody cannot do, with owner, mode and what for. What is
 * not there yet is a warning. Who is not root looks for himself only.
 */
bool places_good(const struct settings *settings, const char *config_path);

#endif
