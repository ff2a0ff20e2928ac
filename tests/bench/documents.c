/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * documents - write the reports of a day, as `edmarc send` does, and no more
 *
 * usage: documents DATABASE OPTION-FILE YYYY-MM-DD FOLDER
 *
 * From the database to compressed documents in FOLDER: no destinations, no mails,
 * nothing noted. Prints: reports, rows, messages, seconds.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/utc.h"
#include "report/names.h"
#include "report/write_xml.h"
#include "store/outgoing.h"
#include "store/outgoing_write.h"

#define MAX_BYTES  ((size_t)36 * 1024 * 1024)
#define LIST_BYTES ((size_t)256 * 1024 * 1024)

static const struct outgoing_sender sender = {
	.dialect = DIALECT_RFC9990,
	.org_name = "Receiver",
	.email = "dmarc@receiver.example",
	.extra_contact = "",
	.generator = "edmarc",
	.max_rows = 1000000,
};

_Noreturn static void give_up(const char *why)
{
	fprintf(stderr, "documents: %s\n", why);
	exit(1);
}

static void write_one(struct database *db, const struct outgoing *report,
		      const char *folder, struct outgoing_told *sum)
{
	struct report_id id = report_id_make(
		report->day,
		(struct span){ (const char *)report->policy.bytes,
			       sizeof(report->policy.bytes) },
		"receiver.example");
	struct err err = ERR_INIT;
	struct outgoing_told told;
	struct report_sink *sink;
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s.xml.gz", folder, id.text);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		give_up(path);
	sink = xml_writer_new(fd, true, MAX_BYTES, &err);
	if (sink == NULL ||
	    outgoing_write(db, report, id.text, &sender, sink, &told, &err) < 0)
		give_up(err.text);
	xml_writer_free(&sink);
	close(fd);
	sum->rows += told.rows;
	sum->messages += told.messages;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct arena *arena = arena_new(LIST_BYTES);
	struct outgoing_told sum = { 0 };
	struct outgoing_list list;
	struct err err = ERR_INIT;
	struct database *db;
	double begin;
	int64_t day;
	size_t i;

	if (argc != 5 || !utc_parse_date(span_of(argv[3]), &day)) {
		fputs("usage: documents DATABASE OPTION-FILE YYYY-MM-DD "
		      "FOLDER\n",
		      stderr);
		return 2;
	}
	if (database_open(argv[1], argv[2], &db, &err) < 0)
		give_up(err.text);
	begin = seconds();
	if (outgoing_unplanned(db, day, "", "receiver.example", arena, &list,
			       &err) < 0)
		give_up(err.text);
	for (i = 0; i < list.n; i++)
		write_one(db, &list.reports[i], argv[4], &sum);
	printf("%zu %" PRIu64 " %" PRIu64 " %.6f\n", list.n, sum.rows,
	       sum.messages, seconds() - begin);
	database_close(&db);
	arena_free(&arena);
	return 0;
}
