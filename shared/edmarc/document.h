/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * document.h - the compressed document of one report, by the settings
 */
#ifndef EDMARC_EDMARC_DOCUMENT_H
#define EDMARC_EDMARC_DOCUMENT_H

#include "base/attributes.h"
#include "base/err.h"
#include "edmarc/send.h"
#include "store/outgoing.h"
#include "store/outgoing_write.h"

/*
 * Write it to fd, an empty file that can be read and written. What it tells, and
 * what max_rows and max_report_size kept out of it, is in *told.
 */
MUST_CHECK int document_write(const struct send_job *job,
			      const struct outgoing *report, int fd,
			      struct outgoing_told *told, struct err *err);

#endif
