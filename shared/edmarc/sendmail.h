/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sendmail.h - hand a mail to the local mail server, as sendmail(1)
 */
#ifndef EDMARC_EDMARC_SENDMAIL_H
#define EDMARC_EDMARC_SENDMAIL_H

#include "base/attributes.h"
#include "base/err.h"

/*
 * Run "PROGRAM -i -f FROM -- TO" without a shell, with the file message, from
 * its start, as standard input, and no descriptor of ours besides. Returns 0
 * when it ended with status 0. Everything else is ERR_TEMP with the status and
 * the beginning of what it said; after timeout seconds it is ended.
 */
MUST_CHECK int sendmail_run(const char *program, const char *from,
			    const char *to, int message, int timeout,
			    struct err *err);

#endif
