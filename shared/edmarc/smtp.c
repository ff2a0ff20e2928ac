/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/smtp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/quote.h"

#define MAX_LOGIN_BYTES 1024
#define MAX_REPLY_BYTES 400 /* of one reply that are kept */
#define MAX_PATH_BYTES  330 /* an address in <> */

/* What the last reply was about. */
enum stage {
	STAGE_GREETING, /* all before the mail */
	STAGE_SENDER,
	STAGE_RECIPIENT,
	STAGE_DATA,
	STAGE_TEXT, /* some of the mail itself has left */
};

struct smtp {
	const struct smtp_server *server;
	CURL *curl;
	struct buf login; /* user NUL password NUL */
	/* of the mail that is on its way */
	int message;
	enum stage stage;
	int code; /* of the last reply; 0: none */
	struct buf reply;
	bool whole;    /* the next line begins another reply */
	bool quitting; /* replies are about nothing any more */
	char said[CURL_ERROR_SIZE];
};

/* ------------------------------------------------------------------- login */

static int read_login(struct smtp *smtp, const char *path, struct err *err)
{
	struct buf text = BUF_INIT(MAX_LOGIN_BYTES);
	struct span rest, user = SPAN(""), password = SPAN("");
	struct stat status;
	int result = -1;

	if (stat(path, &status) < 0)
		err_errno(err, ERR_CONFIG, "%s", path);
	else if ((status.st_mode & 0007) != 0)
		err_set(err, ERR_CONFIG,
			"%s: a password that others can read (chmod o=)", path);
	else if (file_read(path, &text, err) < 0)
		err->kind = ERR_CONFIG;
	else
		result = 0;
	rest = buf_span(&text);
	if (result == 0 && (!span_take_line(&rest, &user) ||
			    !span_take_line(&rest, &password) || user.n == 0 ||
			    password.n == 0))
		result = err_set(err, ERR_CONFIG,
				 "%s: expected the user in line 1 and the "
				 "password in line 2",
				 path);
	buf_add(&smtp->login, user);
	buf_add_char(&smtp->login, '\0');
	buf_add(&smtp->login, password);
	buf_add_char(&smtp->login, '\0');
	buf_release(&text);
	return result;
}

static int check_login(struct smtp *smtp, struct err *err)
{
	if (smtp->server->login_file[0] == '\0')
		return 0;
	if (smtp->server->tls != SMARTHOST_TLS_REQUIRED)
		return err_set(err, ERR_CONFIG,
			       "a password for the smarthost needs "
			       "smarthost_tls = required");
	return read_login(smtp, smtp->server->login_file, err);
}

/* --------------------------------------------------------------- callbacks */

/* Each line of the server; the last whole reply is kept. */
/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's type */
static size_t on_reply(char *bytes, size_t size, size_t n, void *data)
{
	struct span line = { bytes, size * n };
	struct smtp *smtp = data;
	uint64_t code;

	if (smtp->quitting)
		return size * n;
	if (smtp->whole)
		buf_reset(&smtp->reply);
	else
		buf_add_char(&smtp->reply, ' ');
	smtp->whole = line.n < 4 || line.p[3] != '-';
	smtp->code = 0;
	if (line.n >= 3 && span_to_uint((struct span){ line.p, 3 }, 999, &code))
		smtp->code = (int)code;
	/* Of a reply of many lines the beginning will do. */
	buf_add(&smtp->reply, span_trim(line));
	return size * n;
}

/* What we say; libcurl has no other way to tell how far it came. */
static int /* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's type */
on_debug(CURL *curl, curl_infotype type, char *bytes, size_t n, void *data)
{
	struct span text = { bytes, n };
	struct smtp *smtp = data;

	(void)curl;
	if (type == CURLINFO_DATA_OUT)
		smtp->stage = STAGE_TEXT;
	if (type != CURLINFO_HEADER_OUT)
		return 0;
	smtp->quitting = span_starts(text, "QUIT\r");
	if (span_starts(text, "MAIL FROM:"))
		smtp->stage = STAGE_SENDER;
	else if (span_starts(text, "RCPT TO:"))
		smtp->stage = STAGE_RECIPIENT;
	else if (span_starts(text, "DATA\r"))
		smtp->stage = STAGE_DATA;
	return 0;
}

static size_t on_read(char *room, size_t size, size_t n, void *data)
{
	const struct smtp *smtp = data;
	ssize_t got = read(smtp->message, room, size * n);

	return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

/* -------------------------------------------------------------- connection */

static long tls_level(enum smarthost_tls tls)
{
	switch (tls) {
	case SMARTHOST_TLS_REQUIRED:
		return CURLUSESSL_ALL;
	case SMARTHOST_TLS_OPTIONAL:
		return CURLUSESSL_TRY;
	case SMARTHOST_TLS_NO:
		return CURLUSESSL_NONE;
	}
	return CURLUSESSL_ALL;
}

/* false when libcurl does not know one of them, or has no memory. */
static bool set_up(struct smtp *smtp)
{
	const struct smtp_server *server = smtp->server;
	const bool checked = server->tls == SMARTHOST_TLS_REQUIRED;
	CURL *curl = smtp->curl;
	long failed = 0;

	failed |= curl_easy_setopt(curl, CURLOPT_URL, server->url);
	failed |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	/* No proxy of the environment, no signals. */
	failed |= curl_easy_setopt(curl, CURLOPT_PROXY, "");
	failed |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	failed |=
		curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)server->timeout);
	failed |= curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT,
				   (long)server->timeout);
	/* Of QUIT, which the others do not count. */
	failed |= curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT,
				   (long)server->timeout);
	failed |= curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, smtp->said);
	failed |=
		curl_easy_setopt(curl, CURLOPT_USE_SSL, tls_level(server->tls));
	failed |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER,
				   checked ? 1L : 0L);
	failed |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST,
				   checked ? 2L : 0L);
	if (server->ca_file[0] != '\0') {
		failed |=
			curl_easy_setopt(curl, CURLOPT_CAINFO, server->ca_file);
		failed |= curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
	if (smtp->login.n > 0) {
		const char *user = smtp->login.p;

		failed |= curl_easy_setopt(curl, CURLOPT_USERNAME, user);
		failed |= curl_easy_setopt(curl, CURLOPT_PASSWORD,
					   user + strlen(user) + 1);
	}
	failed |= curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	failed |= curl_easy_setopt(curl, CURLOPT_CRLF, 1L);
	failed |= curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
	failed |= curl_easy_setopt(curl, CURLOPT_READDATA, smtp);
	failed |= curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_reply);
	failed |= curl_easy_setopt(curl, CURLOPT_HEADERDATA, smtp);
	failed |= curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, on_debug);
	failed |= curl_easy_setopt(curl, CURLOPT_DEBUGDATA, smtp);
	failed |= curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
	return failed == 0;
}

int smtp_open(const struct smtp_server *server, struct smtp **smtp,
	      struct err *err)
{
	struct smtp *made = calloc(1, sizeof(*made));

	if (made == NULL)
		return err_set(err, ERR_TEMP, "smarthost: out of memory");
	made->server = server;
	made->login = (struct buf)BUF_INIT(2 * MAX_LOGIN_BYTES);
	made->reply = (struct buf)BUF_INIT(MAX_REPLY_BYTES);
	*smtp = made;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == 0)
		made->curl = curl_easy_init();
	if (check_login(made, err) == 0 && made->curl != NULL &&
	    buf_ok(&made->login) && set_up(made))
		return 0;
	if (err->kind == ERR_NONE)
		err_set(err, ERR_CONFIG,
			"smarthost: libcurl cannot be used for SMTP");
	smtp_close(smtp);
	return -1;
}

void smtp_close(struct smtp **smtp)
{
	struct smtp *old = *smtp;

	if (old == NULL)
		return;
	curl_easy_cleanup(old->curl);
	curl_global_cleanup();
	if (old->login.n > 0)
		explicit_bzero(old->login.p, old->login.n);
	buf_release(&old->login);
	buf_release(&old->reply);
	free(old);
	*smtp = NULL;
}

/* ----------------------------------------------------------------- verdict */

/* Replies that are about us, whatever they answer (RFC 4954 6). */
static bool is_about_login(int code)
{
	return code == 530 || code == 534 || code == 535 || code == 538;
}

static enum err_kind kind_of_refusal(enum stage stage, int code)
{
	if (is_about_login(code))
		return ERR_CONFIG;
	switch (stage) {
	case STAGE_GREETING:
		return ERR_TEMP;
	case STAGE_SENDER:
		/* All our senders are alike; too large (552) is this mail. */
		return code == 552 ? ERR_INPUT : ERR_CONFIG;
	case STAGE_RECIPIENT:
	case STAGE_DATA:
	case STAGE_TEXT:
		return ERR_INPUT;
	}
	return ERR_TEMP;
}

/* What is wrong with the connection, before or between replies. */
static enum err_kind kind_of_fault(CURLcode result)
{
	static const CURLcode ours[] = {
		CURLE_LOGIN_DENIED,       CURLE_PEER_FAILED_VERIFICATION,
		CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM,
		CURLE_USE_SSL_FAILED,     CURLE_UNSUPPORTED_PROTOCOL,
		CURLE_URL_MALFORMAT,
	};
	size_t i;

	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (result == ours[i])
			return ERR_CONFIG;
	return ERR_TEMP;
}

static int judge(struct smtp *smtp, CURLcode result, struct err *err)
{
	const int code = smtp->code;
	enum err_kind kind = kind_of_fault(result);

	if (result == CURLE_OK)
		return 0;
	if (code >= 400 && code <= 499)
		kind = ERR_TEMP;
	else if (code >= 500 && code <= 599 && kind != ERR_CONFIG)
		kind = kind_of_refusal(smtp->stage, code);
	if (code >= 400 && code <= 599)
		return err_set(err, kind, "%s: %s", smtp->server->url,
			       quote(buf_span(&smtp->reply)).text);
	return err_set(err, kind, "%s: %s", smtp->server->url,
		       quote(span_of(smtp->said[0] != '\0' ?
					     smtp->said :
					     curl_easy_strerror(result)))
			       .text);
}

/* ---------------------------------------------------------------- one mail */

static CURLcode perform(struct smtp *smtp, bool anew)
{
	(void)curl_easy_setopt(smtp->curl, CURLOPT_FRESH_CONNECT,
			       anew ? 1L : 0L);
	smtp->stage = STAGE_GREETING;
	smtp->code = 0;
	smtp->whole = true;
	smtp->quitting = false;
	smtp->said[0] = '\0';
	buf_reset(&smtp->reply);
	if (lseek(smtp->message, 0, SEEK_SET) < 0)
		return CURLE_READ_ERROR;
	return curl_easy_perform(smtp->curl);
}

/*
 * Servers end connections that were idle, or have had enough mails (421). Then
 * nothing was said about this mail.
 */
static bool is_worn_out(const struct smtp *smtp, CURLcode result)
{
	long connects = 1;

	return result != CURLE_OK && smtp->stage < STAGE_TEXT &&
	       (smtp->code < 400 || smtp->code == 421) &&
	       curl_easy_getinfo(smtp->curl, CURLINFO_NUM_CONNECTS,
				 &connects) == CURLE_OK &&
	       connects == 0;
}

int smtp_send(struct smtp *smtp, const char *from, const char *to, int message,
	      struct err *err)
{
	char sender[MAX_PATH_BYTES], recipient[MAX_PATH_BYTES];
	struct curl_slist *recipients;
	CURLcode result;

	snprintf(sender, sizeof(sender), "<%s>", from);
	snprintf(recipient, sizeof(recipient), "<%s>", to);
	recipients = curl_slist_append(NULL, recipient);
	if (recipients == NULL ||
	    curl_easy_setopt(smtp->curl, CURLOPT_MAIL_FROM, sender) != 0 ||
	    curl_easy_setopt(smtp->curl, CURLOPT_MAIL_RCPT, recipients) != 0) {
		curl_slist_free_all(recipients);
		return err_set(err, ERR_TEMP, "smarthost: out of memory");
	}
	smtp->message = message;
	result = perform(smtp, false);
	if (is_worn_out(smtp, result))
		result = perform(smtp, true);
	(void)curl_easy_setopt(smtp->curl, CURLOPT_MAIL_RCPT, NULL);
	curl_slist_free_all(recipients);
	return judge(smtp, result, err);
}
