/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * smtp.h - hand mails to a smarthost by SMTP, with TLS (R8.8; libcurl)
 *
 * One connection serves many mails. What can go wrong is told apart by what helps:
 *
 *	ERR_TEMP    try this mail again later: no connection, no answer in time,
 *	            a reply of 4yz, a reply that is none
 *	ERR_INPUT   the server will not take this mail: 5yz to the recipient or
 *	            to the data
 *	ERR_CONFIG  it will take none of ours until the administrator has changed
 *	            something: no TLS, a certificate that does not fit, our
 *	            password or our envelope sender refused
 *
 * The text of the error has the server's reply, or what libcurl says. A mail
 * whose reply to the data was lost may have been taken; it is ERR_TEMP.
 */
#ifndef EDMARC_EDMARC_SMTP_H
#define EDMARC_EDMARC_SMTP_H

#include "base/attributes.h"
#include "base/err.h"
#include "dmarc/settings.h"

struct smtp_server {
	const char *url; /* smtp://HOST[:PORT][/OUR-NAME] or smtps://... */
	/*
	 * REQUIRED: STARTTLS, or smtps://, with a certificate for HOST that a
	 * known authority has signed. OPTIONAL: STARTTLS if the server has it,
	 * whoever it is; the password is not sent then.
	 */
	enum smarthost_tls tls;
	const char *ca_file; /* "": the system's authorities */
	/*
	 * User and password in its first two lines, readable for nobody but
	 * owner and group; "": no authentication.
	 */
	const char *login_file;
	int timeout; /* seconds for one mail, and connecting */
};

struct smtp;

/*
 * Nothing is connected yet. A login file that cannot be used is ERR_CONFIG. The
 * texts of *server have to stay.
 */
MUST_CHECK int smtp_open(const struct smtp_server *server, struct smtp **smtp,
			 struct err *err);

/*
 * Send the file message, from its start, to one recipient. Its lines end in LF;
 * they become CR LF.
 */
MUST_CHECK int smtp_send(struct smtp *smtp, const char *from, const char *to,
			 int message, struct err *err);

/* Says QUIT. NULL inside is fine. */
void smtp_close(struct smtp **smtp);

#endif
