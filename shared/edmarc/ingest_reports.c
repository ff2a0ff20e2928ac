/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ingest_reports.c - report mail from its spool into the store
 *
 * A file is removed after the transaction that holds its reports and its name;
 * one that comes back (we crashed in between) is recognized by the name. A mail
 * of which something was refused goes to bad/ with the reason, and what could be
 * read of it counts all the same.
 */
#include "edmarc/ingest.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/quote.h"
#include "edmarc/parser_child.h"
#include "journal/report_spool.h"
#include "store/reports.h"

#define LIST_BYTES ((size_t)16 * 1024 * 1024)
#define MAIL_BYTES ((size_t)1024 * 1024) /* for an envelope */

struct mail {
	struct ingest *ingest;
	const char *directory;
	struct span name;
	struct mail_envelope envelope;
	struct mail_outcome outcome;
};

/* Would the same mail fail in the same way next time? */
static bool is_mails_fault(const struct err *err)
{
	return err->kind == ERR_INPUT || err->kind == ERR_LIMIT;
}

/* Store the mail as one of which nothing could be read. */
static int store_refused(struct mail *mail, const char *reason, struct err *err)
{
	struct mail_store *store;
	int result = -1;

	if (mail_store_open(mail->ingest->db, mail->name, (int64_t)time(NULL),
			    &store, err) < 0)
		return -1;
	if (mail_store_refuse(store, reason, err) == 0)
		result = mail_store_finish(store, &mail->envelope,
					   &mail->outcome, err);
	mail_store_free(&store);
	return result;
}

static int read_mail(struct mail *mail, int fd, off_t offset, struct err *err)
{
	struct mail_store *store;
	int result = 0;

	if (mail_store_open(mail->ingest->db, mail->name, (int64_t)time(NULL),
			    &store, err) < 0)
		return -1;
	if (parser_child_read(fd, offset, mail_store_sink(store), err) < 0)
		result = is_mails_fault(err) ?
				 mail_store_refuse(store, err->text, err) :
				 -1;
	if (result == 0)
		result = mail_store_finish(store, &mail->envelope,
					   &mail->outcome, err);
	mail_store_free(&store);
	return result;
}

static int store_mail(struct mail *mail, struct arena *arena, struct err *err)
{
	struct report_envelope envelope = { 0 };
	struct err why = ERR_INIT;
	int result = -1;
	off_t offset;
	int fd;

	mail->envelope = (struct mail_envelope){ .name = mail->name };
	fd = report_spool_open(mail->directory, mail->name, arena, &envelope,
			       &offset, &why);
	if (fd >= 0) {
		mail->envelope.received = envelope.received;
		mail->envelope.recipient = envelope.recipient;
		mail->envelope.sender = envelope.sender;
		result = read_mail(mail, fd, offset, &why);
		close(fd);
	}
	if (result < 0 && is_mails_fault(&why))
		return store_refused(mail, why.text, err);
	if (result < 0)
		*err = why;
	return result;
}

static void count_mail(struct ingest *ingest, const struct mail *mail)
{
	const struct mail_outcome *outcome = &mail->outcome;

	ingest->count.mails++;
	ingest->count.reports += (uint64_t)outcome->reports;
	ingest->count.duplicates += (uint64_t)outcome->duplicates;
	if (!outcome->set_aside) {
		log_debug("mail=%s status=%s reports=%d duplicates=%d",
			  mail->name.p, mail_status_name(outcome),
			  outcome->reports, outcome->duplicates);
		return;
	}
	ingest->count.refused++;
	log_warning("mail=%s status=%s reports=%d duplicates=%d sender=%s "
		    "reason=%s",
		    mail->name.p, mail_status_name(outcome), outcome->reports,
		    outcome->duplicates, quote(mail->envelope.sender).text,
		    quote(span_of(outcome->reason)).text);
}

static int take_mail(struct mail *mail, struct arena *arena, struct err *err)
{
	bool stored;

	if (mail_is_stored(mail->ingest->db, mail->name, &stored, err) < 0)
		return -1;
	if (stored)
		return report_spool_remove(mail->directory, mail->name, err);
	if (store_mail(mail, arena, err) < 0)
		return err_while(err, "%s", mail->name.p);
	count_mail(mail->ingest, mail);
	if (mail->outcome.set_aside)
		return report_spool_set_aside(mail->directory, mail->name,
					      mail->outcome.reason, err);
	return report_spool_remove(mail->directory, mail->name, err);
}

/* 1 when there may be more than could be listed, 0, -1. */
static int take_mails(struct ingest *ingest, struct arena *list,
		      struct arena *arena, struct err *err)
{
	struct mail mail = {
		.ingest = ingest,
		.directory = ingest->settings->report_spool,
	};
	struct span *names;
	size_t n, i;

	if (report_spool_names(mail.directory, list, &names, &n, err) < 0)
		return -1;
	for (i = 0; i < n && !ingest_stopping(ingest); i++) {
		mail.name = names[i];
		arena_reset(arena);
		if (take_mail(&mail, arena, err) < 0 &&
		    ingest_failed(ingest, err) < 0)
			return -1;
	}
	return n == MAX_REPORT_NAMES && ingest->failures == 0 &&
	       !ingest_stopping(ingest);
}

/* What Dovecot left unfinished a day ago. Keeps nothing from being loaded. */
static void clean_spool(const struct ingest *ingest)
{
	struct err err = ERR_INIT;
	size_t removed;

	if (report_spool_clean(ingest->settings->report_spool,
			       (int64_t)time(NULL), &removed, &err) < 0)
		log_warning("%s", err.text);
	else if (removed > 0)
		log_info("%zu unfinished mails removed", removed);
}

int ingest_reports(struct ingest *ingest, struct err *err)
{
	struct arena *list = arena_new(LIST_BYTES);
	struct arena *arena = arena_new(MAIL_BYTES);
	int more = -1;

	if (list == NULL || arena == NULL) {
		err_set(err, ERR_TEMP, "out of memory");
		goto out;
	}
	clean_spool(ingest);
	do {
		arena_reset(list);
		more = take_mails(ingest, list, arena, err);
	} while (more > 0);
out:
	arena_free(&arena);
	arena_free(&list);
	return more;
}
