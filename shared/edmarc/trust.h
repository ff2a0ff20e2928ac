/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trust.h - what ingest has to know to judge whom a report comes from
 *
 * Which domains are ours (hosted.h), and under which names our Exim writes its
 * Authentication-Results fields: the setting authserv_id, or else the name of
 * this machine, and with its domain when it has none (Exim finds its
 * primary_hostname in the same way). The mail's header is read here, in the
 * process that stores, so that a parser which somebody has taken over cannot say
 * that its mail was authenticated.
 */
#ifndef EDMARC_EDMARC_TRUST_H
#define EDMARC_EDMARC_TRUST_H

#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/err.h"
#include "dmarc/settings.h"
#include "edmarc/hosted.h"
#include "report/carrier.h"
#include "store/database.h"

struct trust;

/*
 * Read the domains, again if *trust is not NULL: lists change. Errors are those
 * of hosted_read(), and ERR_CONFIG when no domain is in any of the sources: a list
 * is empty while somebody writes it, and everything would be set aside. *trust can
 * be used again all the same. host is the name of
 * this machine. Without a list of public suffixes (no libopendmarc), see
 * carrier_of_report().
 */
MUST_CHECK int trust_load(struct trust **trust, const struct settings *settings,
			  const char *host, struct database *db, int64_t now,
			  struct err *err);
void trust_free(struct trust **trust);

const struct hosted *trust_hosted(const struct trust *trust);

/*
 * How was the mail at offset of this file authenticated? What cannot be read is
 * unknown: the reader of the reports will say what is wrong with the file.
 */
void trust_read(struct trust *trust, int fd, off_t offset, struct arena *arena,
		struct carrier *carrier);

#endif
