/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/document.h"

#include <unistd.h>

#include "report/write_xml.h"

static int write_once(const struct send_job *job, const struct outgoing *report,
		      int fd, uint64_t max_rows, struct outgoing_told *told,
		      struct err *err)
{
	const struct settings *settings = job->settings;
	const struct outgoing_sender sender = {
		.dialect = settings->report_format == FORMAT_RFC7489 ?
				   DIALECT_RFC7489 :
				   DIALECT_RFC9990,
		.org_name = settings->org_name,
		.email = settings->report_email,
		.extra_contact = settings->extra_contact,
		.generator = "edmarc " EDMARC_VERSION,
		.max_rows = max_rows,
	};
	struct report_sink *sink = xml_writer_new(
		fd, true, (size_t)settings->max_report_size, err);
	int result;

	if (sink == NULL)
		return -1;
	result = outgoing_write(job->db, report, report->report_id, &sender,
				sink, told, err);
	xml_writer_free(&sink);
	return result;
}

/*
 * A report is never split (R8.9). One that is too large, because somebody sent
 * messages with a hundred signatures, is made again of half as many rows: with
 * that he could keep the owner from hearing of all the others.
 */
int document_write(const struct send_job *job, const struct outgoing *report,
		   int fd, struct outgoing_told *told, struct err *err)
{
	uint64_t max_rows = (uint64_t)job->settings->max_rows;

	while (write_once(job, report, fd, max_rows, told, err) < 0) {
		if (err->kind != ERR_LIMIT || max_rows == 1)
			return -1;
		if (told->rows < max_rows)
			max_rows = told->rows;
		max_rows = max_rows > 1 ? max_rows / 2 : 1;
		*err = (struct err)ERR_INIT;
		if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
			return err_errno(err, ERR_TEMP, "report");
	}
	return 0;
}
