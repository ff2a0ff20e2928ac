/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * parser_child.h - the process that reads strangers' mail
 *
 * A forked child without network, file system, exec and with hard limits of
 * memory and time unpacks and parses one mail after the other. A mail comes as
 * an open descriptor over a socket; what was found goes as frames (report/wire.h)
 * into a pipe. edmarc/parsers.h is the parent's side.
 */
#ifndef EDMARC_EDMARC_PARSER_CHILD_H
#define EDMARC_EDMARC_PARSER_CHILD_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/err.h"

/*
 * CPU time of one mail: a report of a million rows takes some ten seconds of a
 * slow machine. The parent watches it. The tests are built with smaller numbers.
 */
#ifndef PARSER_CPU_SECONDS
#define PARSER_CPU_SECONDS 60
#endif

/*
 * CPU time of the whole life of a child, which the kernel watches: what is left
 * when the parent waits for the database and cannot look. A child that has used
 * PARSER_CPU_SECONDS gets no more mails, so no good one comes near this.
 */
#define PARSER_LIFE_CPU_SECONDS (10 * PARSER_CPU_SECONDS)

/*
 * To be called in the child, which is to _exit() with the result. mails is a
 * SOCK_SEQPACKET socket; each message is an off_t, where the mail begins, with
 * the descriptor. Ends when the other side closes it. Without filtered there is
 * no seccomp filter.
 */
MUST_CHECK int parser_child_run(int mails, int frames, bool filtered);

/*
 * How a child ended that should have gone on; status is waitpid(2)'s. Always
 * -1: ERR_INPUT or ERR_LIMIT when its mail is to blame ("parser killed by signal
 * 9"), ERR_TEMP when the mail cannot be read, ERR_CONFIG when there is no
 * sandbox to be had.
 */
int parser_child_explain(int status, struct err *err);

#endif
