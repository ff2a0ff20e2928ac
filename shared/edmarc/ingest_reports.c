/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ingest_reports.c - report mail from its spool into the store
 *
 * Children read (edmarc/parsers.h) while the mails that are read already are
 * stored, many in one transaction (store/reports.h). A file is removed after the
 * transaction that holds its reports and its name; one that comes back (we
 * crashed in between) is recognized by the name. A mail of which something was
 * refused goes to bad/ with the reason, and what could be read of it counts all
 * the same.
 *
 * When a transaction fails, each mail of it is read and stored again by itself,
 * after all others, so that one that cannot be stored keeps nobody waiting.
 */
#include "edmarc/ingest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/quote.h"
#include "base/utc.h"
#include "edmarc/original.h"
#include "edmarc/parsers.h"
#include "edmarc/report_gate.h"
#include "journal/report_spool.h"
#include "store/originals.h"
#include "store/other_reports.h"
#include "store/reports.h"
#include "store/secret.h"
#include "store/suppressions.h"

#define LIST_BYTES ((size_t)16 * 1024 * 1024)
#define MAIL_BYTES ((size_t)64 * 1024) /* for an envelope */

/*
 * When the mails that were read are stored: a transaction then takes a few
 * hundredths of a second, of which the sync of the server's log is the smaller
 * part, and Galera is content with its size. A mail that is read waits no longer
 * than BATCH_MS for others, and not at all when there are none.
 */
#define BATCH_ROWS  1000
#define BATCH_BYTES ((size_t)8 * 1024 * 1024)
#define BATCH_MAILS 256
#define BATCH_MS    200

#define EXPIRE_SECS 3600

/* Mails to be tried alone; when there are so many, they come first. */
#define MAX_LATER 10000

/* So many that fail alone, one after the other: it is not the mails. */
#define MAX_FAILURES_IN_A_ROW 20

struct mail {
	struct mail *next;        /* of all */
	struct mail *next_unused; /* of those that are not on their way */
	struct source_mail *from;
	struct arena *arena; /* of the envelope */
	int fd;
	off_t offset;
	struct mail_envelope envelope;
	struct carrier carrier;
	enum verp_result bounced; /* by the address it came to */
	struct verp verp;
	char not_passed[320]; /* why no report of it counts, or "" */
	struct mail_store *store;
	struct report_gate gate; /* in front of the store */
	struct buf original;     /* compressed, when it is kept */
};

/* The mails of a source on their way through children and transactions. */
struct work {
	struct ingest *ingest;
	struct mail_source *source;
	struct parsers *parsers;
	struct verp_key key; /* of the addresses that bounces come to */
	struct suppress_steps steps;
	uint64_t taken; /* from the source */
	bool ended;     /* it has no more */
	struct mail *all;
	struct mail *unused;
	bool alone; /* one mail at a time */
	unsigned failed_in_a_row;

	/* Mails to be tried alone, later. */
	struct source_mail *later;
	struct source_mail **later_end;
	size_t n_later;

	/* Read, and waiting to be stored. */
	struct mail *batch[BATCH_MAILS];
	size_t n_batch;
	size_t rows;
	size_t bytes;
	int64_t since; /* milliseconds: when the first of them was read */
};

/* Would the same mail fail in the same way next time? */
static bool is_mails_fault(const struct err *err)
{
	return err->kind == ERR_INPUT || err->kind == ERR_LIMIT;
}

static int64_t now_ms(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* -------------------------------------------------------------- mails in memory */

static void close_file(struct mail *mail)
{
	if (mail->fd >= 0)
		close(mail->fd);
	mail->fd = -1;
}

static void free_mail(struct mail **mail)
{
	if (*mail == NULL)
		return;
	close_file(*mail);
	mail_store_free(&(*mail)->store);
	buf_release(&(*mail)->original);
	arena_free(&(*mail)->arena);
	free(*mail);
	*mail = NULL;
}

static struct mail *new_mail(struct work *work, struct err *err)
{
	struct mail *mail = work->unused;

	if (mail != NULL) {
		work->unused = mail->next_unused;
		return mail;
	}
	mail = calloc(1, sizeof(*mail));
	if (mail != NULL) {
		mail->fd = -1;
		mail->original = (struct buf)BUF_INIT(MAX_ORIGINAL_BYTES);
		mail->arena = arena_new(MAIL_BYTES);
	}
	if (mail != NULL && mail->arena != NULL &&
	    mail_store_new(work->ingest->db, &mail->store, err) == 0) {
		mail_store_keep_headers(
			mail->store, work->ingest->settings->failure_headers);
		mail->next = work->all;
		work->all = mail;
		return mail;
	}
	free_mail(&mail);
	err_set(err, ERR_TEMP, "out of memory");
	return NULL;
}

static void put_back(struct work *work, struct mail *mail)
{
	close_file(mail);
	buf_release(&mail->original);
	mail->next_unused = work->unused;
	work->unused = mail;
}

/* Where a child puts what it finds in the mail, from its beginning. */
static struct report_sink *start_reading(struct work *work, struct mail *mail)
{
	int64_t now = (int64_t)time(NULL);

	mail_store_start(mail->store, mail->from->name, now);
	mail_store_carried(mail->store, &mail->carrier);
	report_gate_start(&mail->gate, mail_store_sink(mail->store),
			  trust_hosted(work->ingest->trust), now);
	if (mail->bounced == VERP_OK)
		mail_store_bounce_of(mail->store, &mail->verp, &work->steps);
	if (mail->not_passed[0] != '\0')
		report_gate_close(&mail->gate, mail->not_passed);
	return &mail->gate.sink;
}

/* -------------------------------------------------------------------- failures */

/*
 * This mail could not be done. Returns 0 to go on with the others, or -1 when
 * nobody can.
 */
static int
postpone(struct work *work, struct source_mail *mail, struct err *err)
{
	struct err gone = ERR_INIT;

	if (err->kind == ERR_CONFIG ||
	    database_ping(work->ingest->db, &gone) < 0)
		return -1;
	if (!work->alone) {
		mail->next = NULL;
		*work->later_end = mail;
		work->later_end = &mail->next;
		work->n_later++;
		return 0;
	}
	err_while(err, "%s", mail->label);
	if (ingest_failed(work->ingest, err) < 0)
		return -1;
	return ++work->failed_in_a_row < MAX_FAILURES_IN_A_ROW ? 0 : -1;
}

/* --------------------------------------------------------------------- the end */

enum mail_fate ingest_fate(const struct mail_outcome *outcome)
{
	if (outcome->stored_before)
		return FATE_DUPLICATE;
	if (outcome->status == MAIL_REJECTED)
		return FATE_REJECTED;
	if (outcome->status == MAIL_PARTIAL)
		return FATE_PARTIAL;
	return outcome->reports > 0 ? FATE_STORED : FATE_DUPLICATE;
}

static void
count_mail(struct ingest *ingest, const struct mail_outcome *outcome)
{
	ingest->metrics.mails[ingest_fate(outcome)]++;
	ingest->count.mails++;
	ingest->count.reports += (uint64_t)outcome->reports;
	ingest->count.duplicates += (uint64_t)outcome->duplicates;
	ingest->count.refused += outcome->set_aside;
}

/* It is in the tables: count it, and give it back. */
static int clear_mail(struct work *work, struct mail *mail, struct err *err)
{
	const struct mail_outcome *outcome = mail_store_outcome(mail->store);

	if (!outcome->stored_before)
		count_mail(work->ingest, outcome);
	return work->source->done(work->source, mail->from, &mail->envelope,
				  outcome, err);
}

/* In the order of the source: the first one of two equal ones counts. */
static int by_number(const void *a, const void *b)
{
	const struct mail *const *left = a, *const *right = b;
	uint64_t first = (*left)->from->number, second = (*right)->from->number;

	return first < second ? -1 : first > second;
}

static int commit(struct work *work, struct err *err)
{
	struct mail_store *stores[BATCH_MAILS];
	size_t i;

	qsort(work->batch, work->n_batch, sizeof(work->batch[0]), by_number);
	for (i = 0; i < work->n_batch; i++)
		stores[i] = work->batch[i]->store;
	return mail_stores_commit(work->ingest->db, stores, work->n_batch, err);
}

/* The one mail of the batch cannot be stored: say so, where it was to stand. */
static int commit_refusal(struct work *work, struct err *err)
{
	struct mail *mail = work->batch[0];
	struct err why = *err;

	*err = (struct err)ERR_INIT;
	if (mail_leftovers_drop(work->ingest->db, &mail->from->name, 1,
				time(NULL), err) < 0)
		return -1;
	(void)start_reading(work, mail);
	if (mail_store_refuse(mail->store, why.text, err) < 0 ||
	    mail_store_end(mail->store, &mail->envelope, err) < 0)
		return -1;
	return commit(work, err);
}

static int store_batch(struct work *work, struct err *err)
{
	int result = commit(work, err);
	bool stored;
	size_t i;

	if (result < 0 && work->alone && is_mails_fault(err))
		result = commit_refusal(work, err);
	stored = result == 0;
	if (stored)
		work->failed_in_a_row = 0;
	result = 0;
	for (i = 0; i < work->n_batch; i++) {
		struct mail *mail = work->batch[i];
		struct err why = *err;

		if (result == 0 && stored && clear_mail(work, mail, &why) < 0)
			result = ingest_failed(work->ingest, &why);
		else if (result == 0 && !stored)
			result = postpone(work, mail->from, &why);
		if (result < 0)
			*err = why;
		put_back(work, mail);
	}
	work->n_batch = 0;
	work->rows = 0;
	work->bytes = 0;
	return result;
}

static bool is_batch_full(const struct work *work)
{
	return work->rows >= BATCH_ROWS || work->bytes >= BATCH_BYTES ||
	       work->n_batch == BATCH_MAILS ||
	       (work->alone && work->n_batch > 0);
}

/* Compress it while it is open, if it is one to be kept. */
static int keep_original(struct work *work, struct mail *mail, struct err *err)
{
	struct err why = ERR_INIT;
	uint64_t bytes;

	if (work->ingest->settings->keep_original == 0 || mail->fd < 0 ||
	    !mail_store_may_keep(mail->store))
		return 0;
	if (original_compress(mail->fd, mail->offset, &mail->original, &bytes,
			      &why) == 0) {
		mail_store_keep(mail->store, buf_span(&mail->original), bytes);
		return 0;
	}
	if (why.kind != ERR_LIMIT) {
		*err = why;
		return -1;
	}
	log_info("%s: original not kept, more than %zu MiB compressed",
		 mail->from->label, MAX_ORIGINAL_BYTES / (1024 * 1024));
	return 0;
}

/* What was read of a mail waits for the next transaction. */
static int add_to_batch(struct work *work, struct mail *mail, struct err *err)
{
	int kept = keep_original(work, mail, err);

	close_file(mail);
	if (kept < 0 || mail_store_end(mail->store, &mail->envelope, err) < 0) {
		int result = postpone(work, mail->from, err);

		put_back(work, mail);
		return result;
	}
	if (work->n_batch == 0)
		work->since = now_ms();
	work->batch[work->n_batch++] = mail;
	work->rows += mail_store_rows(mail->store);
	work->bytes += mail_store_bytes(mail->store);
	return is_batch_full(work) ? store_batch(work, err) : 0;
}

/* --------------------------------------------------------------------- reading */

/* It was read, or why not. */
static int take_result(struct work *work, struct mail *mail, int result,
		       struct err *why, struct err *err)
{
	if (result < 0 && is_mails_fault(why)) {
		result = mail_store_refuse(mail->store, why->text, err);
		if (result < 0)
			*why = *err;
	}
	if (result == 0)
		return add_to_batch(work, mail, err);
	result = postpone(work, mail->from, why);
	if (result < 0)
		*err = *why;
	put_back(work, mail);
	return result;
}

/*
 * Whom does the mail come from? Only one that is known not to have passed is
 * refused: mail that never went through our Exim, such as that of this machine,
 * has done nothing wrong. It is read all the same, for what is no report has
 * another reason to be refused.
 */
static void check_carrier(struct work *work, struct mail *mail)
{
	const struct carrier *carrier = &mail->carrier;

	trust_read(work->ingest->trust, mail->fd, mail->offset, mail->arena,
		   &mail->carrier);
	mail->not_passed[0] = '\0';
	if (work->ingest->settings->unauthenticated !=
		    UNAUTHENTICATED_SET_ASIDE ||
	    carrier->result != AUTHENTICATED_NO)
		return;
	(void)snprintf(mail->not_passed, sizeof(mail->not_passed),
		       "the mail did not pass DMARC (Author Domain %s)",
		       *carrier->domain == '\0' ?
			       "unknown" :
			       quote(span_of(carrier->domain)).text);
}

/*
 * Did it come to an address that only a mail of ours had? One of that form that is
 * none of ours was made up, and nothing of it is read.
 */
static int check_bounce(struct work *work, struct mail *mail, struct err *err)
{
	struct ingest *ingest = work->ingest;

	if (*ingest->settings->report_email == '\0')
		return 0;
	mail->bounced = verp_parse(mail->envelope.recipient,
				   ingest->settings->report_email, &work->key,
				   &mail->verp);
	if (mail->bounced != VERP_FORGED)
		return 0;
	ingest->metrics.forged_bounces++;
	return err_set(err, ERR_INPUT,
		       "a bounce of no report of ours: its address is forged");
}

/* Only where reports are sent. */
static int prepare_for_bounces(struct work *work, struct err *err)
{
	const struct settings *settings = work->ingest->settings;

	if (!suppress_steps_parse(span_of(settings->suppress_days),
				  &work->steps))
		return err_set(err, ERR_CONFIG, "suppress_days: %s",
			       settings->suppress_days);
	if (*settings->report_email == '\0')
		return 0;
	return secret_verp(work->ingest->db, (int64_t)time(NULL), &work->key,
			   err);
}

/* A child died that had read other mails before. Is it this one's fault? */
static int read_again(struct work *work, struct mail *mail, struct err *err)
{
	struct err why = ERR_INIT;
	int result;

	if (mail_leftovers_drop(work->ingest->db, &mail->from->name, 1,
				time(NULL), err) < 0)
		return take_result(work, mail, -1, err, err);
	result = parser_read(mail->fd, mail->offset, !work->ingest->unfiltered,
			     start_reading(work, mail), &why);
	return take_result(work, mail, result, &why, err);
}

/* Open a mail and hand it to a child. */
static int
start_mail(struct work *work, struct source_mail *from, struct err *err)
{
	struct mail *mail = new_mail(work, err);
	struct parser_mail job;
	struct err why = ERR_INIT;

	if (mail == NULL)
		return -1;
	arena_reset(mail->arena);
	mail->from = from;
	mail->offset = 0;
	mail->envelope = (struct mail_envelope){ .name = from->name };
	mail->carrier = (struct carrier){ .domain = "" };
	mail->not_passed[0] = '\0';
	mail->bounced = VERP_NONE;
	(void)start_reading(work, mail);
	mail->fd = work->source->open(work->source, from, mail->arena,
				      &mail->envelope, &mail->offset, &why);
	if (mail->fd < 0)
		return take_result(work, mail, -1, &why, err);
	check_carrier(work, mail);
	if (check_bounce(work, mail, &why) < 0)
		return take_result(work, mail, -1, &why, err);
	job = (struct parser_mail){ .fd = mail->fd,
				    .offset = mail->offset,
				    .sink = start_reading(work, mail),
				    .owner = mail };
	if (parsers_give(work->parsers, &job, err) == 1)
		return 0;
	put_back(work, mail);
	return -1;
}

static bool has_room(const struct work *work)
{
	if (work->alone)
		return parsers_busy(work->parsers) == 0;
	return parsers_have_room(work->parsers);
}

/* How long may we listen? Not at all when a batch is due. */
static int wait_ms(const struct work *work)
{
	int64_t left;

	if (work->n_batch == 0)
		return BATCH_MS;
	left = work->since + BATCH_MS - now_ms();
	return left < 0 ? 0 : (int)left;
}

static int listen(struct work *work, struct err *err)
{
	struct parser_result result;
	struct err why = ERR_INIT;
	int done = parsers_wait(work->parsers, wait_ms(work), &result, &why);

	if (done < 0) {
		*err = why;
		return -1;
	}
	if (done > 0 && result.again)
		return read_again(work, result.owner, err);
	if (done > 0)
		return take_result(work, result.owner, result.result,
				   &result.err, err);
	if (work->n_batch > 0 && wait_ms(work) == 0)
		return store_batch(work, err);
	return 0;
}

/* 1 with a mail of those to be read now, 0 when there are no more, -1. */
static int
next_mail(struct work *work, struct source_mail **mail, struct err *err)
{
	int more;

	if (work->alone) {
		*mail = work->later;
		if (*mail == NULL)
			return 0;
		work->later = (*mail)->next;
		work->n_later--;
		return mail_leftovers_drop(work->ingest->db, &(*mail)->name, 1,
					   time(NULL), err) < 0 ?
			       -1 :
			       1;
	}
	if (work->ended || work->n_later >= MAX_LATER)
		return 0;
	more = work->source->next(work->source, mail, err);
	if (more > 0)
		(*mail)->number = work->taken++;
	work->ended = more == 0;
	return more;
}

/* Until there is nothing more to be read in this way, or we shall stop. */
static int run(struct work *work, struct err *err)
{
	struct source_mail *mail;
	int more = 1;

	while ((more > 0 || parsers_busy(work->parsers) > 0) &&
	       !ingest_stopping(work->ingest)) {
		if (more > 0 && has_room(work)) {
			more = next_mail(work, &mail, err);
			if (more < 0 ||
			    (more > 0 && start_mail(work, mail, err) < 0))
				return -1;
		} else if (listen(work, err) < 0) {
			return -1;
		}
	}
	return work->n_batch > 0 ? store_batch(work, err) : 0;
}

/* Together, and then those that could not be stored so, each by itself. */
static int run_twice(struct work *work, struct err *err)
{
	work->alone = false;
	if (run(work, err) < 0)
		return -1;
	work->alone = true;
	return run(work, err);
}

static void release(struct work *work)
{
	while (work->all != NULL) {
		struct mail *mail = work->all;

		work->all = mail->next;
		free_mail(&mail);
	}
}

/* Without it, what is ours could be set aside, or what is not be counted. */
static int find_out_whats_ours(struct ingest *ingest, struct err *err)
{
	ingest->held[0] = '\0';
	if (trust_load(&ingest->trust, ingest->settings, ingest->host,
		       ingest->db, (int64_t)time(NULL), err) == 0)
		return 0;
	(void)snprintf(ingest->held, sizeof(ingest->held), "%s", err->text);
	return err_while(err, "report mail has to wait");
}

int ingest_mails(struct ingest *ingest, struct parsers *parsers,
		 struct mail_source *source, struct err *err)
{
	struct work work = { .ingest = ingest,
			     .source = source,
			     .parsers = parsers };
	int result;

	if (find_out_whats_ours(ingest, err) < 0 ||
	    prepare_for_bounces(&work, err) < 0)
		return -1;
	do {
		work.later = NULL;
		work.later_end = &work.later;
		work.n_later = 0;
		result = run_twice(&work, err);
	} while (result == 0 && !work.ended && !ingest_stopping(ingest));
	release(&work);
	return result;
}

/* ------------------------------------------------------------------- the spool */

struct spool {
	struct mail_source source;
	const char *directory;
	int new_fd; /* its new/ */
	struct source_mail *mails;
	size_t n;
	size_t at;
};

static struct spool *spool_of(struct mail_source *source)
{
	/* source is the first member */
	return (struct spool *)(void *)source;
}

static int spool_next(struct mail_source *source, struct source_mail **mail,
		      struct err *err)
{
	struct spool *spool = spool_of(source);

	(void)err;
	if (spool->at == spool->n)
		return 0;
	*mail = &spool->mails[spool->at++];
	return 1;
}

/* The names are not our last chance: a file may be gone. */
static int spool_open(struct mail_source *source, struct source_mail *mail,
		      struct arena *arena, struct mail_envelope *envelope,
		      off_t *offset, struct err *err)
{
	struct report_envelope told = { 0 };
	const struct spool *spool = spool_of(source);
	int fd = report_spool_open(spool->new_fd, spool->directory, mail->name,
				   arena, &told, offset, err);

	if (fd < 0)
		return -1;
	envelope->received = told.received;
	envelope->recipient = told.recipient;
	envelope->sender = told.sender;
	return fd;
}

static void log_mail(const struct source_mail *mail,
		     const struct mail_envelope *envelope,
		     const struct mail_outcome *outcome)
{
	if (outcome->overlaps > 0)
		log_warning("mail=%s sender=%s overlaps=%d: periods that other "
			    "reports of the same reporter cover",
			    mail->name.p, quote(envelope->sender).text,
			    outcome->overlaps);
	if (outcome->displaced > 0)
		log_warning("mail=%s sender=%s displaced=%d: the same reports "
			    "had come by mail that did not pass DMARC as the "
			    "reporter; they count no more",
			    mail->name.p, quote(envelope->sender).text,
			    outcome->displaced);
	if (!outcome->set_aside) {
		log_debug("mail=%s status=%s reports=%d duplicates=%d",
			  mail->name.p, mail_status_name(outcome),
			  outcome->reports, outcome->duplicates);
		return;
	}
	log_warning("mail=%s status=%s reports=%d duplicates=%d sender=%s "
		    "reason=%s",
		    mail->name.p, mail_status_name(outcome), outcome->reports,
		    outcome->duplicates, quote(envelope->sender).text,
		    quote(span_of(outcome->reason)).text);
}

static int spool_done(struct mail_source *source, struct source_mail *mail,
		      const struct mail_envelope *envelope,
		      const struct mail_outcome *outcome, struct err *err)
{
	const struct spool *spool = spool_of(source);

	if (!outcome->stored_before) {
		log_mail(mail, envelope, outcome);
		if (outcome->set_aside)
			return report_spool_set_aside(spool->directory,
						      mail->name,
						      outcome->reason, err);
	}
	return report_spool_remove(spool->new_fd, spool->directory, mail->name,
				   err);
}

/* Listed; how many is in spool->n. */
static int load_listed(struct ingest *ingest, struct parsers *parsers,
		       struct spool *spool, const struct span *names,
		       struct err *err)
{
	int result = -1;

	spool->new_fd = report_spool_new(spool->directory, err);
	if (spool->new_fd < 0)
		return -1;
	if (mail_leftovers_drop(ingest->db, names, spool->n, time(NULL), err) ==
	    0)
		result = ingest_mails(ingest, parsers, &spool->source, err);
	close(spool->new_fd);
	return result;
}

/* 1 when there may be more than could be listed, 0, -1. */
static int take_mails(struct ingest *ingest, struct parsers *parsers,
		      struct arena *list, struct err *err)
{
	struct spool spool = { .source = { .next = spool_next,
					   .open = spool_open,
					   .done = spool_done },
			       .directory = ingest->settings->report_spool };
	struct span *names;
	size_t i;

	if (report_spool_names(spool.directory, list, &names, &spool.n, err) <
	    0)
		return -1;
	if (spool.n == 0)
		return 0;
	spool.mails = arena_array(list, spool.n, sizeof(*spool.mails));
	if (spool.mails == NULL)
		return err_set(err, ERR_TEMP, "out of memory");
	for (i = 0; i < spool.n; i++)
		spool.mails[i] = (struct source_mail){ .name = names[i],
						       .label = names[i].p };
	if (load_listed(ingest, parsers, &spool, names, err) < 0)
		return -1;
	return spool.n == MAX_REPORT_NAMES && ingest->failures == 0 &&
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

/* All that are older than so many days, some at a time. */
static void expire_rows(struct ingest *ingest, const char *what, int days,
			int (*remove_some)(struct database *db, int64_t before,
					   uint64_t *removed, struct err *err))
{
	int64_t before = ingest->expired_at - (int64_t)days * UTC_DAY;
	struct err err = ERR_INIT;
	uint64_t removed, all = 0;

	do {
		if (remove_some(ingest->db, before, &removed, &err) < 0) {
			log_warning("old %s: %s", what, err.text);
			return;
		}
		all += removed;
	} while (removed > 0 && !ingest_stopping(ingest));
	if (all > 0)
		log_info("%" PRIu64 " old %s removed", all, what);
}

/*
 * Rows that have to go after a time, once an hour. What cannot be done now is
 * done then; it keeps nothing from being loaded. Where originals are not kept any
 * more, those that are there go.
 */
static void expire(struct ingest *ingest)
{
	const struct settings *settings = ingest->settings;
	int64_t now = (int64_t)time(NULL);

	if (now - ingest->expired_at < EXPIRE_SECS)
		return;
	ingest->expired_at = now;
	expire_rows(ingest, "failure reports", settings->failure_days,
		    failure_reports_expire);
	expire_rows(ingest, "originals", settings->keep_original,
		    originals_expire);
	expire_rows(ingest, "bounces", BOUNCE_KEEP_DAYS, bounces_expire);
	expire_rows(ingest, "suppressed addresses", 0, suppressions_expire);
}

int ingest_reports(struct ingest *ingest, struct err *err)
{
	struct arena *list = arena_new(LIST_BYTES);
	struct parsers *parsers = NULL;
	int more = -1;

	if (list == NULL) {
		err_set(err, ERR_TEMP, "out of memory");
		return -1;
	}
	clean_spool(ingest);
	expire(ingest);
	if (parsers_new(ingest->jobs, !ingest->unfiltered, &parsers, err) == 0)
		do {
			arena_reset(list);
			more = take_mails(ingest, parsers, list, err);
		} while (more > 0);
	parsers_free(&parsers);
	arena_free(&list);
	return more;
}
