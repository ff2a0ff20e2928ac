/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/hand_over.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utc.h"
#include "edmarc/sendmail.h"
#include "edmarc/smtp.h"
#include "edmarc/temp.h"
#include "report/mail_out.h"
#include "report/verp.h"
#include "store/secret.h"

struct mailer {
	const struct settings *settings;
	struct smtp_server server;
	struct smtp *smtp; /* NULL: by sendmail */
	struct verp_key key;
	struct err broken; /* why the smarthost takes nothing */
};

/* ------------------------------------------------------------------ mailer */

int mailer_open(const struct settings *settings, struct database *db,
		int64_t now, struct mailer **mailer, struct err *err)
{
	struct mailer *made = calloc(1, sizeof(*made));

	if (made == NULL)
		return err_set(err, ERR_TEMP, "out of memory");
	made->settings = settings;
	made->server = (struct smtp_server){
		.url = settings->smarthost,
		.tls = settings->smarthost_tls,
		.ca_file = settings->smarthost_ca_file,
		.login_file = settings->smarthost_login_file,
		.timeout = SMARTHOST_SECONDS,
	};
	*mailer = made;
	if (secret_verp(db, now, &made->key, err) == 0 &&
	    (settings->smarthost[0] == '\0' ||
	     smtp_open(&made->server, &made->smtp, err) == 0))
		return 0;
	mailer_close(mailer);
	return -1;
}

void mailer_close(struct mailer **mailer)
{
	if (*mailer == NULL)
		return;
	smtp_close(&(*mailer)->smtp);
	explicit_bzero(&(*mailer)->key, sizeof((*mailer)->key));
	free(*mailer);
	*mailer = NULL;
}

/* -------------------------------------------------------------------- mail */

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

/* A smarthost that is not there for our fault is not asked for each mail. */
static int post(struct mailer *mailer, const char *from, const char *to, int fd,
		struct err *err)
{
	const struct settings *settings = mailer->settings;
	int result;

	if (mailer->smtp == NULL)
		return sendmail_run(settings->sendmail, from, to, fd,
				    SENDMAIL_SECONDS, err);
	if (mailer->broken.kind != ERR_NONE) {
		*err = mailer->broken;
		return -1;
	}
	result = smtp_send(mailer->smtp, from, to, fd, err);
	if (result < 0 && err->kind == ERR_CONFIG)
		mailer->broken = *err;
	return result;
}

int parcel_hand_over(const struct parcel *parcel, const char *address,
		     struct err *err)
{
	const struct outgoing *report = parcel->report;
	const struct verp verp =
		verp_make(report->day,
			  (struct span){ (const char *)report->policy.bytes,
					 sizeof(report->policy.bytes) },
			  span_of(address));
	struct verp_sender sender;
	int result = -1;
	int fd;

	if (verp_format(&sender, parcel->settings->report_email, &verp,
			&parcel->mailer->key, err) < 0)
		return -1;
	fd = temp_open(err);
	if (fd < 0)
		return -1;
	if (parcel_write(parcel, address, fd, err) == 0)
		result = post(parcel->mailer, sender.text, address, fd, err);
	close(fd);
	return result;
}
