/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * err.h - why a job was not done
 *
 * A result is an answer, even an unpleasant one, and has an enum of its own. An
 * error is a job not done: the function returns -1 and fills in a struct err,
 * which lives on the caller's stack and allocates nothing, so that "no memory"
 * is reported like everything else.
 */
#ifndef EDMARC_BASE_ERR_H
#define EDMARC_BASE_ERR_H

#include "base/attributes.h"

enum err_kind {
	ERR_NONE,
	ERR_TEMP,   /* may work later: DNS timeout, database down, disk full */
	ERR_INPUT,  /* the input is at fault; trying again will not help */
	ERR_LIMIT,  /* the input asks for more than we are willing to spend */
	ERR_CONFIG, /* the administrator has to change something */
};

struct err {
	enum err_kind kind;
	char text[512];
};

#define ERR_INIT                 \
	{                        \
		.kind = ERR_NONE \
	}

/*
 * Record a failure. Always returns -1, so callers can `return err_set(...)`. A
 * text that is too long is cut. NULL for err is allowed where the reason does
 * not matter.
 */
int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* Put what we were doing in front: "import x.zip: line 7: no <policy>". */
int err_while(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The same failure as errno tells it: "path: No space left on device". */
int err_errno(struct err *err, enum err_kind kind, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* The sysexits(3) code for a kind: 0, 75, 65, 65, 78. */
int err_exit_code(enum err_kind kind);

#endif
