/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * local_scan.c - Exim's question about a message, and our answer
 *
 * What scan() decides is done with Exim's functions. All text that goes to them
 * as a format is "%s".
 */
#include "exim.h"

#include "base/attributes.h"
#include "base/buf.h"
#include "connection.h"
#include "journal/entry.h"
#include "scan.h"

EXPORTED int local_scan_version_major(void);
EXPORTED int local_scan_version_minor(void);

int local_scan_version_major(void)
{
	return LOCAL_SCAN_ABI_VERSION_MAJOR;
}

int local_scan_version_minor(void)
{
	return LOCAL_SCAN_ABI_VERSION_MINOR;
}

static int carry_out(struct scan_outcome *outcome, const struct fields *fields,
		     uschar **reply)
{
	remove_fields(fields);
	if (outcome->add.n > 0)
		header_add_at_position(FALSE, NULL, FALSE, ' ', "%s",
				       buf_string(&outcome->add));
	if (outcome->reply.n > 0)
		*reply = string_copy(
			(const uschar *)buf_string(&outcome->reply));
	log_lines(&outcome->trouble);
	log_lines(&outcome->log);
	switch (outcome->action) {
	case SCAN_ACCEPT:
		return LOCAL_SCAN_ACCEPT;
	case SCAN_REJECT:
		return LOCAL_SCAN_REJECT;
	case SCAN_DEFER:
		return LOCAL_SCAN_TEMPREJECT;
	}
	return LOCAL_SCAN_ACCEPT;
}

EXPORTED int local_scan(int fd, uschar **return_text)
{
	struct scan_message message = {
		.size = ENTRY_SIZE_UNKNOWN,
		.body = fd,
		.body_offset = SPOOL_DATA_START_OFFSET,
	};
	struct fields fields = { .n = 0 };
	struct connection *connection;

	if (!is_from_network() || host_checking)
		return LOCAL_SCAN_ACCEPT;
	connection = connection_begin_call();
	if (connection->scanner == NULL || connection->arena == NULL ||
	    read_message(connection->scanner, &message, &fields, true,
			 connection->arena) < 0) {
		buf_add_string(&connection->outcome.trouble,
			       "dmarc: accepted unscored: no memory\n");
	} else {
		if (scan_judge(connection->scanner, &message,
			       &connection->outcome))
			expand_settings(&message);
		scan(connection->scanner, &message, &connection->outcome);
	}
	return carry_out(&connection->outcome, &fields, return_text);
}
