/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Servers of all kinds on a port of 127.0.0.1: a child process plays a script, a
 * line for each step:
 *
 *	>TEXT   say it, with CR LF
 *	<TEXT   hear a line that begins with it, or fail
 *	=       hear the mail, to its ".", into the file body
 *	~       say nothing until the client is gone
 *	*       say "250-x" until the client is gone
 *	o       end the connection and take the next one
 *
 * The connection is ended behind the last step. TLS and logins are tested with a
 * real Exim (tests/integration/test-smarthost.sh).
 */
#include "edmarc/smtp.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "edmarc/temp.h"

#define GREETING ">220 x ready\n<EHLO \n>250 x\n"
#define ENVELOPE "<MAIL FROM:<a@b.example>\n>250 ok\n<RCPT TO:<c@d.example>\n"
#define WHOLE    ENVELOPE ">250 ok\n<DATA\n>354 go\n=\n>250 taken\n"

static int listener = -1;
static int body = -1; /* what servers heard, for all of a test */
static pid_t child;
static char url[64];

/* ------------------------------------------------------------------ server */

static bool hear_line(FILE *in, const char *prefix)
{
	char line[2000];

	return fgets(line, sizeof(line), in) != NULL &&
	       strncasecmp(line, prefix, strlen(prefix)) == 0;
}

static bool hear_mail(FILE *in)
{
	char line[2000];

	while (fgets(line, sizeof(line), in) != NULL) {
		if (strcmp(line, ".\r\n") == 0)
			return true;
		if (write_all(body, span_of(line)) < 0)
			return false;
	}
	return false;
}

static FILE *take_connection(void)
{
	int fd = accept(listener, NULL, NULL);

	return fd < 0 ? NULL : fdopen(fd, "r+e");
}

static void wait_for_end(FILE *client)
{
	while (fgetc(client) != EOF)
		;
}

static void flood(FILE *client)
{
	while (write_all(fileno(client), SPAN("250-x\r\n")) == 0)
		;
}

static bool play(FILE **client, struct span step)
{
	char text[2000];

	snprintf(text, sizeof(text), "%.*s", SPAN_ARGS(step));
	switch (text[0]) {
	case '>':
		dprintf(fileno(*client), "%s\r\n", text + 1);
		return true;
	case '<':
		return hear_line(*client, text + 1);
	case '=':
		return hear_mail(*client);
	case '~':
		wait_for_end(*client);
		return true;
	case '*':
		flood(*client);
		return true;
	case 'o':
		fclose(*client);
		*client = take_connection();
		return *client != NULL;
	default:
		return false;
	}
}

/* In the child. */
static int serve(const char *script)
{
	struct span rest = span_of(script), step;
	FILE *client = take_connection();

	while (client != NULL && span_take_line(&rest, &step))
		if (!play(&client, step))
			return 1;
	return client == NULL ? 1 : 0;
}

static void start(const char *script)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t n = sizeof(address);
	struct err err = ERR_INIT;

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (const struct sockaddr *)&address, n),
			 0);
	assert_int_equal(listen(listener, 5), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &n),
			 0);
	snprintf(url, sizeof(url), "smtp://127.0.0.1:%d/mx.example.org",
		 ntohs(address.sin_port));
	body = temp_open(&err);
	assert_true(body >= 0);
	child = fork();
	if (child == 0) {
		signal(SIGPIPE, SIG_IGN);
		_exit(serve(script));
	}
	close(listener);
}

/* Did the script come to its end? */
static void ended(void)
{
	int status = -1;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(body);
}

/* ------------------------------------------------------------------ client */

static struct smtp_server a_server(void)
{
	return (struct smtp_server){
		.url = url,
		.tls = SMARTHOST_TLS_OPTIONAL,
		.ca_file = "",
		.login_file = "",
		.timeout = 60,
	};
}

static int a_mail(struct span text)
{
	struct err err = ERR_INIT;
	int fd = temp_open(&err);

	assert_true(fd >= 0);
	assert_int_equal(write_all(fd, text), 0);
	return fd;
}

static int send_one(struct smtp *smtp, struct err *err)
{
	int fd = a_mail(SPAN("Subject: x\n\nhello\n"));
	int result = smtp_send(smtp, "a@b.example", "c@d.example", fd, err);

	close(fd);
	return result;
}

/* One mail to a server that plays the script. */
static struct err send_to(const char *script, const struct smtp_server *how)
{
	struct smtp_server server = how == NULL ? a_server() : *how;
	struct err err = ERR_INIT;
	struct smtp *smtp;
	int result;

	start(script);
	assert_int_equal(smtp_open(&server, &smtp, &err), 0);
	result = send_one(smtp, &err);
	assert_int_equal(result, err.kind == ERR_NONE ? 0 : -1);
	smtp_close(&smtp);
	assert_null(smtp);
	ended();
	return err;
}

/* -------------------------------------------------------------------- mail */

static void delivers(void **state)
{
	struct err err = send_to(GREETING WHOLE "<QUIT\n>221 bye", NULL);

	(void)state;
	assert_string_equal(err.text, "");
	assert_int_equal(err.kind, ERR_NONE);
}

static void says_our_name(void **state)
{
	struct err err =
		send_to(">220 x\n<EHLO mx.example.org\r\n>250 x\n" WHOLE, NULL);

	(void)state;
	assert_int_equal(err.kind, ERR_NONE);
}

/* RFC 5321 4.5.2, and LF becomes CR LF. */
static void keeps_every_octet(void **state)
{
	struct smtp_server server = a_server();
	struct buf got = BUF_INIT(1000);
	int fd = a_mail(SPAN("A: b\n\n.\n..x\n.y\nlong\n"));
	struct err err = ERR_INIT;
	struct smtp *smtp;

	(void)state;
	start(GREETING WHOLE);
	assert_int_equal(smtp_open(&server, &smtp, &err), 0);
	assert_int_equal(
		smtp_send(smtp, "a@b.example", "c@d.example", fd, &err), 0);
	assert_int_equal(lseek(body, 0, SEEK_SET), 0);
	assert_int_equal(file_read_fd(body, "body", &got, &err), 0);
	assert_string_equal(buf_string(&got),
			    "A: b\r\n\r\n..\r\n...x\r\n..y\r\nlong\r\n");
	smtp_close(&smtp);
	ended();
	close(fd);
	buf_release(&got);
}

static void uses_a_connection_again(void **state)
{
	struct smtp_server server = a_server();
	struct err err = ERR_INIT;
	struct smtp *smtp;
	int i;

	(void)state;
	start(GREETING WHOLE WHOLE WHOLE "<QUIT");
	assert_int_equal(smtp_open(&server, &smtp, &err), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(send_one(smtp, &err), 0);
	smtp_close(&smtp);
	ended();
}

/* Servers give up on idle clients, and on those with many mails. */
static void connects_again(void **state)
{
	static const char *const scripts[] = {
		GREETING WHOLE "o\n" GREETING WHOLE,
		GREETING WHOLE "<MAIL\no\n" GREETING WHOLE,
		GREETING WHOLE "<MAIL\n>421 enough\no\n" GREETING WHOLE,
		GREETING WHOLE
		"<MAIL\n>250 ok\n<RCPT\n>421 enough\no\n" GREETING WHOLE,
	};
	struct smtp_server server = a_server();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		struct err err = ERR_INIT;
		struct smtp *smtp;

		start(scripts[i]);
		assert_int_equal(smtp_open(&server, &smtp, &err), 0);
		assert_int_equal(send_one(smtp, &err), 0);
		if (send_one(smtp, &err) < 0)
			fail_msg("%zu: %s", i, err.text);
		smtp_close(&smtp);
		ended();
	}
}

/* But not when the mail may have been taken, nor when it was answered. */
static void does_not_send_twice(void **state)
{
	static const char *const scripts[] = {
		GREETING WHOLE
		"<MAIL\n>250 ok\n<RCPT\n>250 ok\n<DATA\n>354 go\n=\no\n" GREETING
			WHOLE,
		GREETING WHOLE
		"<MAIL\n>250 ok\n<RCPT\n>450 later\no\n" GREETING WHOLE,
	};
	struct smtp_server server = a_server();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		struct err err = ERR_INIT;
		struct smtp *smtp;

		start(scripts[i]);
		assert_int_equal(smtp_open(&server, &smtp, &err), 0);
		assert_int_equal(send_one(smtp, &err), 0);
		assert_int_equal(send_one(smtp, &err), -1);
		assert_int_equal(err.kind, ERR_TEMP);
		smtp_close(&smtp);
		/* It still waits for another connection. */
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, NULL, 0), child);
		close(body);
	}
}

/* After a refusal the connection, or another one, takes the next mail. */
static void goes_on_after_a_refusal(void **state)
{
	struct smtp_server server = a_server();
	struct err err = ERR_INIT, other = ERR_INIT;
	struct smtp *smtp;

	(void)state;
	start(GREETING ENVELOPE ">550 no\n<QUIT\no\n" GREETING WHOLE);
	assert_int_equal(smtp_open(&server, &smtp, &err), 0);
	assert_int_equal(send_one(smtp, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_int_equal(send_one(smtp, &other), 0);
	smtp_close(&smtp);
	ended();
}

/* ----------------------------------------------------------------- replies */

struct reply {
	const char *script;
	enum err_kind kind;
	const char *text;
};

static void check_replies(const struct reply *replies, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		struct err err = send_to(replies[i].script, NULL);

		if (err.kind != replies[i].kind ||
		    strstr(err.text, replies[i].text) == NULL)
			fail_msg("%s\n-> %d %s", replies[i].script, err.kind,
				 err.text);
	}
}

static void tells_later_from_never(void **state)
{
	static const struct reply replies[] = {
		{ ">421 busy", ERR_TEMP, ": 421 busy" },
		{ ">554 no mail here", ERR_TEMP, ": 554 no mail here" },
		{ GREETING "<MAIL\n>451 disk", ERR_TEMP, ": 451 disk" },
		{ GREETING "<MAIL\n>550 who?", ERR_CONFIG, ": 550 who?" },
		{ GREETING "<MAIL\n>552 too large", ERR_INPUT, ": 552 too" },
		{ GREETING "<MAIL\n>530 log in", ERR_CONFIG, ": 530 log in" },
		{ GREETING ENVELOPE ">450 grey", ERR_TEMP, ": 450 grey" },
		{ GREETING ENVELOPE ">550 nobody", ERR_INPUT, ": 550 nobody" },
		{ GREETING ENVELOPE ">530 log in", ERR_CONFIG, ": 530 log in" },
		{ GREETING ENVELOPE ">250 ok\n<DATA\n>451 no", ERR_TEMP,
		  ": 451 no" },
		{ GREETING ENVELOPE ">250 ok\n<DATA\n>554 no", ERR_INPUT,
		  ": 554 no" },
		{ GREETING ENVELOPE ">250 ok\n<DATA\n>354 go\n=\n>452 full",
		  ERR_TEMP, ": 452 full" },
		{ GREETING ENVELOPE ">250 ok\n<DATA\n>354 go\n=\n>554 spam",
		  ERR_INPUT, ": 554 spam" },
	};

	(void)state;
	check_replies(replies, sizeof(replies) / sizeof(replies[0]));
}

static void gives_the_whole_reply(void **state)
{
	static const struct reply replies[] = {
		{ GREETING ENVELOPE
		  ">550-5.1.1 one\n>550-5.1.1 two\n>550 5.1.1 "
		  "three",
		  ERR_INPUT, ": 550-5.1.1 one 550-5.1.1 two 550 5.1.1 three" },
		{ GREETING ENVELOPE ">550 a\tb\033[31m", ERR_INPUT,
		  ": 550 a\\x09b\\x1b[31m" },
	};

	(void)state;
	check_replies(replies, sizeof(replies) / sizeof(replies[0]));
}

/* What is no reply is nobody's refusal. */
static void survives_nonsense(void **state)
{
	static const struct reply replies[] = {
		{ ">hello\n~", ERR_TEMP, "127.0.0.1" },
		{ ">\n~", ERR_TEMP, "127.0.0.1" },
		{ ">HTTP/1.1 400 Bad Request\n~", ERR_TEMP, "127.0.0.1" },
		{ ">220 x\n<EHLO\n>999 x\n~", ERR_TEMP, "127.0.0.1" },
		{ GREETING "<MAIL\n>xyz\n~", ERR_TEMP, "127.0.0.1" },
		{ GREETING "<MAIL\n>250 ok\n<RCPT\n>354 ?\n~", ERR_TEMP,
		  "354" },
		{ GREETING ENVELOPE ">250 ok\n<DATA\n>250 what?\n~", ERR_TEMP,
		  "127.0.0.1" },
	};
	struct smtp_server server = a_server();
	size_t i;

	(void)state;
	server.timeout = 1;
	for (i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		struct err err = send_to(replies[i].script, &server);

		if (err.kind != replies[i].kind ||
		    strstr(err.text, replies[i].text) == NULL)
			fail_msg("%s\n-> %d %s", replies[i].script, err.kind,
				 err.text);
	}
}

/* ------------------------------------------------------------- connections */

static void does_not_wait_for_ever(void **state)
{
	static const char *const scripts[] = {
		"~",
		">220-x\n~",
		">220 x\n<EHLO\n~",
		GREETING ENVELOPE "~",
		GREETING ENVELOPE ">250 ok\n<DATA\n>354 go\n=\n~",
		">220 x\n<EHLO\n*",
	};
	struct smtp_server server = a_server();
	size_t i;

	(void)state;
	server.timeout = 1;
	for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		assert_int_equal(send_to(scripts[i], &server).kind, ERR_TEMP);
}

static void tells_a_lost_connection(void **state)
{
	static const char *const scripts[] = {
		"",
		">220 x",
		GREETING "<MAIL",
		GREETING ENVELOPE,
		GREETING ENVELOPE ">250 ok\n<DATA\n>354 go\n=",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		assert_int_equal(send_to(scripts[i], NULL).kind, ERR_TEMP);
}

static void tells_that_nobody_is_there(void **state)
{
	struct smtp_server server = a_server();
	struct err err = ERR_INIT;
	struct smtp *smtp;

	(void)state;
	start("");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_int_equal(smtp_open(&server, &smtp, &err), 0);
	assert_int_equal(send_one(smtp, &err), -1);
	assert_int_equal(err.kind, ERR_TEMP);
	smtp_close(&smtp);
	close(body);
}

/* --------------------------------------------------------------------- TLS */

/* R8.8: where TLS is asked for, nothing leaves without it. */
static void wants_tls(void **state)
{
	struct smtp_server server = a_server();
	struct err err;

	(void)state;
	server.tls = SMARTHOST_TLS_REQUIRED;
	err = send_to(GREETING "~", &server);
	assert_int_equal(err.kind, ERR_CONFIG);
	err = send_to(">220 x\n<EHLO\n>250-x\n>250 STARTTLS\n<STARTTLS\n"
		      ">454 not now\n~",
		      &server);
	assert_int_equal(err.kind, ERR_TEMP);
	err = send_to(">220 x\n<EHLO\n>250-x\n>250 STARTTLS\n<STARTTLS\n"
		      ">220 go\n>this is no TLS\n~",
		      &server);
	assert_int_equal(err.kind, ERR_TEMP);
}

static void does_without_where_it_may(void **state)
{
	struct smtp_server server = a_server();

	(void)state;
	server.tls = SMARTHOST_TLS_NO;
	assert_int_equal(
		send_to(">220 x\n<EHLO\n>250-x\n>250 STARTTLS\n" WHOLE, &server)
			.kind,
		ERR_NONE);
	server.tls = SMARTHOST_TLS_OPTIONAL;
	assert_int_equal(send_to(GREETING WHOLE, &server).kind, ERR_NONE);
}

/* ------------------------------------------------------------------- login */

static void reads_the_login(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		enum smarthost_tls tls;
		int result;
	} logins[] = {
		{ "us\nsecret\n", 0600, SMARTHOST_TLS_REQUIRED, 0 },
		{ "us\nsecret", 0640, SMARTHOST_TLS_REQUIRED, 0 },
		{ "us\nsecret\n", 0644, SMARTHOST_TLS_REQUIRED, -1 },
		{ "us\nsecret\n", 0602, SMARTHOST_TLS_REQUIRED, -1 },
		{ "us\n", 0600, SMARTHOST_TLS_REQUIRED, -1 },
		{ "\nsecret\n", 0600, SMARTHOST_TLS_REQUIRED, -1 },
		{ "", 0600, SMARTHOST_TLS_REQUIRED, -1 },
		/* Nobody else than the smarthost gets the password. */
		{ "us\nsecret\n", 0600, SMARTHOST_TLS_OPTIONAL, -1 },
		{ "us\nsecret\n", 0600, SMARTHOST_TLS_NO, -1 },
	};
	char path[] = "/tmp/edmarc-test-smtp.XXXXXX";
	int fd = mkstemp(path);
	struct smtp_server server = a_server();
	size_t i;

	(void)state;
	assert_true(fd >= 0);
	server.login_file = path;
	for (i = 0; i < sizeof(logins) / sizeof(logins[0]); i++) {
		struct smtp *smtp = NULL;
		struct err err = ERR_INIT;

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		assert_int_equal(write_all(fd, span_of(logins[i].text)), 0);
		assert_int_equal(fchmod(fd, logins[i].mode), 0);
		server.tls = logins[i].tls;
		assert_int_equal(smtp_open(&server, &smtp, &err),
				 logins[i].result);
		assert_int_equal(err.kind,
				 logins[i].result == 0 ? ERR_NONE : ERR_CONFIG);
		assert_null(strstr(err.text, "secret"));
		smtp_close(&smtp);
	}
	unlink(path);
	close(fd);
	server.tls = SMARTHOST_TLS_REQUIRED;
	assert_int_equal(smtp_open(&server, &(struct smtp *){ NULL },
				   &(struct err)ERR_INIT),
			 -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delivers),
		cmocka_unit_test(says_our_name),
		cmocka_unit_test(keeps_every_octet),
		cmocka_unit_test(uses_a_connection_again),
		cmocka_unit_test(connects_again),
		cmocka_unit_test(does_not_send_twice),
		cmocka_unit_test(goes_on_after_a_refusal),
		cmocka_unit_test(tells_later_from_never),
		cmocka_unit_test(gives_the_whole_reply),
		cmocka_unit_test(survives_nonsense),
		cmocka_unit_test(does_not_wait_for_ever),
		cmocka_unit_test(tells_a_lost_connection),
		cmocka_unit_test(tells_that_nobody_is_there),
		cmocka_unit_test(wants_tls),
		cmocka_unit_test(does_without_where_it_may),
		cmocka_unit_test(reads_the_login),
	};

	return cmocka_run_group_tests_name("smtp", tests, NULL, NULL);
}
