/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/hand_over.h"

#include <unistd.h>

#include "base/utc.h"
#include "edmarc/sendmail.h"
#include "edmarc/temp.h"
#include "report/mail_out.h"

int parcel_write(const struct parcel *parcel, const char *address, int fd,
		 struct err *err)
{
	const struct settings *settings = parcel->settings;
	const struct outgoing *report = parcel->report;
	const struct report_mail mail = {
		.names = parcel->names,
		.org_name = settings->org_name,
		.from = settings->report_email,
		.to = address,
		.extra_contact = settings->extra_contact,
		.date = parcel->now,
		.policy_domain = report->policy_domain,
		.begin = report->day,
		.end = report->day + UTC_DAY - 1,
		.messages = parcel->messages,
		.attachment = parcel->document,
	};

	return report_mail_write(&mail, fd, err);
}

int parcel_hand_over(const struct parcel *parcel, const char *address,
		     struct err *err)
{
	const struct settings *settings = parcel->settings;
	int fd = temp_open(err);
	int result = -1;

	if (fd < 0)
		return -1;
	if (parcel_write(parcel, address, fd, err) == 0)
		result =
			sendmail_run(settings->sendmail, settings->report_email,
				     address, fd, SENDMAIL_SECONDS, err);
	close(fd);
	return result;
}
