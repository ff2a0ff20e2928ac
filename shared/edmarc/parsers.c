/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/parsers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "edmarc/parser_child.h"
#include "report/wire.h"

/* The time one mail may keep us waiting, whatever its child does. */
#ifndef PARSER_WAIT_MS
#define PARSER_WAIT_MS (120 * 1000)
#endif

/*
 * What a child has before it: enough for the time that the database takes for a
 * transaction, and no mail behind one that takes long by itself.
 */
#define QUEUE_MAILS 48
#define QUEUE_BYTES ((off_t)1024 * 1024)

/*
 * The pipe holds what a child finds while nobody listens. The kernel's own size
 * will do where an ordinary user may not have this much.
 */
#define PIPE_BYTES (1024 * 1024)

#define READ_BYTES ((size_t)64 * 1024)

/* How often a silent child's clock is looked at. */
#define LOOK_MS 100

#define CPU_US  (PARSER_CPU_SECONDS * INT64_C(1000000))
#define WAIT_US (PARSER_WAIT_MS * INT64_C(1000))

struct queued {
	struct parser_mail mail;
	off_t bytes;
};

/*
 * After each fork(2), whatever we write to first has to be copied. Where many mails
 * are read, the children for the next thousands are forked together, and wait.
 */
#define SPARES 7

struct child {
	pid_t pid; /* 0: there is none */
	clockid_t clock;
	bool has_clock;
	int mails;
	int frames;
};

struct parser {
	struct child child;
	unsigned given; /* in the life of this child */
	unsigned done;

	/* The first of these is what it reads. */
	struct queued queue[QUEUE_MAILS];
	size_t first;
	size_t n;
	off_t bytes;

	int64_t waited;     /* microseconds, for the first of the queue */
	int64_t cpu_before; /* the same of its life before that mail */

	struct wire_reader *reader;
	char *read; /* READ_BYTES */
	struct span unread;
};

struct parsers {
	bool filtered;
	struct child spare[SPARES];
	size_t n_spares;
	size_t busy;
	size_t next;    /* whose turn it is to be listened to */
	int64_t looked; /* when the clocks were looked at, in microseconds */
	size_t n;
	struct parser parser[];
};

unsigned parsers_default(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (processors < 1)
		return 1;
	return processors < DEFAULT_PARSERS ? (unsigned)processors :
					      DEFAULT_PARSERS;
}

size_t parsers_busy(const struct parsers *parsers)
{
	return parsers->busy;
}

/* ------------------------------------------------------------------- children */

static int64_t us_of(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000000 + time->tv_nsec / 1000;
}

static int64_t now_us(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return us_of(&now);
}

/* CPU time of the child so far; 0 when nobody knows. */
static int64_t cpu_us(const struct parser *parser)
{
	struct timespec used = { 0 };

	if (!parser->child.has_clock ||
	    clock_gettime(parser->child.clock, &used) < 0)
		return 0;
	return us_of(&used);
}

static void close_pair(const int pair[2])
{
	close(pair[0]);
	close(pair[1]);
}

static int fork_child(struct child *child, bool filtered, struct err *err)
{
	int mails[2], frames[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, mails) < 0)
		return err_errno(err, ERR_TEMP, "socketpair");
	if (pipe2(frames, O_CLOEXEC) < 0) {
		err_errno(err, ERR_TEMP, "pipe");
		close_pair(mails);
		return -1;
	}
	pid = fork();
	if (pid == 0)
		_exit(parser_child_run(mails[1], frames[1], filtered));
	if (pid < 0) {
		err_errno(err, ERR_TEMP, "fork");
		close_pair(mails);
		close_pair(frames);
		return -1;
	}
	close(mails[1]);
	close(frames[1]);
	(void)fcntl(frames[0], F_SETPIPE_SZ, PIPE_BYTES);
	*child = (struct child){ .pid = pid,
				 .mails = mails[0],
				 .frames = frames[0] };
	child->has_clock = clock_getcpuclockid(pid, &child->clock) == 0;
	return 0;
}

/* None of them is needed yet: if there cannot be any now, that is no fault. */
static void fork_spares(struct parsers *parsers)
{
	struct err ignored = ERR_INIT;

	while (parsers->n_spares < SPARES &&
	       fork_child(&parsers->spare[parsers->n_spares], parsers->filtered,
			  &ignored) == 0)
		parsers->n_spares++;
}

static int
start_child(struct parsers *parsers, struct parser *parser, struct err *err)
{
	if (parsers->n_spares > 0)
		parser->child = parsers->spare[--parsers->n_spares];
	else if (fork_child(&parser->child, parsers->filtered, err) < 0)
		return -1;
	parser->given = 0;
	parser->done = 0;
	parser->waited = 0;
	parser->cpu_before = 0;
	parser->unread.n = 0;
	return 0;
}

/* The status of waitpid(2). It has nothing more to say to us. */
static int end_child(struct child *child)
{
	int status = 0;
	pid_t ended;

	kill(child->pid, SIGKILL);
	do {
		ended = waitpid(child->pid, &status, 0);
	} while (ended < 0 && errno == EINTR);
	close(child->mails);
	close(child->frames);
	child->pid = 0;
	return status;
}

/* ---------------------------------------------------------------------- queues */

static struct queued *queued_at(struct parser *parser, size_t i)
{
	return &parser->queue[(parser->first + i) % QUEUE_MAILS];
}

/* Hand over what the child is to read; it has been taken when it is read. */
static int send_mail(const struct parser *parser,
		     const struct parser_mail *mail, struct err *err)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	off_t offset = mail->offset;
	struct iovec bytes = { .iov_base = &offset, .iov_len = sizeof(offset) };
	struct msghdr message = { .msg_iov = &bytes,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &mail->fd, sizeof(int));
	if (sendmsg(parser->child.mails, &message,
		    MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return 0;
	/* It has died, and will be found dead; the mail stays in its queue. */
	if (errno == EPIPE || errno == ECONNRESET)
		return 0;
	return err_errno(err, ERR_TEMP, "a mail for the parser");
}

/* What was in the queue of a child that ended goes to the next one. */
static int
send_again(struct parsers *parsers, struct parser *parser, struct err *err)
{
	size_t i;

	if (parser->n == 0)
		return 0;
	if (start_child(parsers, parser, err) < 0)
		return -1;
	parser->given = (unsigned)parser->n;
	wire_reader_start(parser->reader, queued_at(parser, 0)->mail.sink);
	for (i = 0; i < parser->n; i++)
		if (send_mail(parser, &queued_at(parser, i)->mail, err) < 0)
			return -1;
	return 0;
}

/* May this child have one more mail? */
static bool takes_more(const struct parser *parser)
{
	if (parser->n == QUEUE_MAILS || parser->bytes >= QUEUE_BYTES)
		return false;
	if (parser->child.pid == 0 || parser->n == 0)
		return true;
	return parser->given < PARSER_LIFE_MAILS && parser->cpu_before < CPU_US;
}

/* Who has the least to do; a child that is not there yet only if all have. */
static struct parser *choose(struct parsers *parsers)
{
	struct parser *best = NULL;
	size_t i;

	for (i = 0; i < parsers->n; i++) {
		struct parser *parser = &parsers->parser[i];

		if (!takes_more(parser))
			continue;
		if (best == NULL || parser->n < best->n ||
		    (parser->n == best->n && best->child.pid == 0 &&
		     parser->child.pid != 0))
			best = parser;
	}
	return best;
}

bool parsers_have_room(const struct parsers *parsers)
{
	size_t i;

	for (i = 0; i < parsers->n; i++)
		if (takes_more(&parsers->parser[i]))
			return true;
	return false;
}

/* One that has lived long enough makes room; its queue is empty. */
static int
renew(struct parsers *parsers, struct parser *parser, struct err *err)
{
	bool lives = parser->child.pid != 0;
	bool old = lives && parser->given >= PARSER_LIFE_MAILS;

	if (lives && !old && parser->cpu_before < CPU_US)
		return 0;
	if (lives)
		(void)end_child(&parser->child);
	if (start_child(parsers, parser, err) < 0)
		return -1;
	/* Where one has read so many mails, there are more of them. */
	if (old && parsers->n_spares == 0)
		fork_spares(parsers);
	return 0;
}

int parsers_give(struct parsers *parsers, const struct parser_mail *mail,
		 struct err *err)
{
	struct parser *parser = choose(parsers);
	struct stat status = { .st_size = 0 };
	struct queued *queued;

	if (parser == NULL)
		return 0;
	if (parser->n == 0 && renew(parsers, parser, err) < 0)
		return -1;
	if (send_mail(parser, mail, err) < 0)
		return -1;
	if (parser->n == 0)
		wire_reader_start(parser->reader, mail->sink);
	(void)fstat(mail->fd, &status);
	queued = queued_at(parser, parser->n++);
	*queued = (struct queued){ .mail = *mail, .bytes = status.st_size };
	parser->bytes += queued->bytes;
	parser->given++;
	parsers->busy++;
	return 1;
}

/* ------------------------------------------------------------------- listening */

/* The first mail of the queue is done. */
static void take_out(struct parsers *parsers, struct parser *parser,
		     struct parser_result *result)
{
	struct queued *queued = queued_at(parser, 0);

	result->owner = queued->mail.owner;
	parser->bytes -= queued->bytes;
	parser->first = (parser->first + 1) % QUEUE_MAILS;
	parser->n--;
	parser->waited = 0;
	parsers->busy--;
}

static void finish_mail(struct parsers *parsers, struct parser *parser,
			struct parser_result *result)
{
	take_out(parsers, parser, result);
	result->result = 0;
	result->again = false;
	result->err = (struct err)ERR_INIT;
	parser->done++;
	parser->cpu_before = cpu_us(parser);
	if (parser->n > 0)
		wire_reader_start(parser->reader,
				  queued_at(parser, 0)->mail.sink);
}

/* *err is why the mail that is being read will not be. Returns 1, or -1. */
static int give_up_mail(struct parsers *parsers, struct parser *parser,
			bool died, struct parser_result *result,
			struct err *err)
{
	bool used = parser->done > 0;

	take_out(parsers, parser, result);
	result->result = -1;
	result->again = died && used && err->kind != ERR_TEMP;
	result->err = *err;
	return send_again(parsers, parser, err) < 0 ? -1 : 1;
}

static int bury(struct parsers *parsers, struct parser *parser,
		struct parser_result *result, struct err *err)
{
	int status = end_child(&parser->child);
	int done;

	parser_child_explain(status, err);
	if (err->kind == ERR_CONFIG)
		return -1;
	done = give_up_mail(parsers, parser, true, result, err);
	/* By the administrator, or by a kernel without memory: not by a mail. */
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		result->again = true;
	return done;
}

/* 1 when a mail is done, 0 to go on, -1. */
static int take_unread(struct parsers *parsers, struct parser *parser,
		       struct parser_result *result, struct err *err)
{
	struct err fault = ERR_INIT;
	bool nonsense;
	int done;

	if (parser->n == 0) {
		/* Nobody asked it anything. */
		(void)end_child(&parser->child);
		return 0;
	}
	done = wire_reader_push(parser->reader, &parser->unread, &fault);
	if (done == 0)
		return 0;
	if (done > 0) {
		finish_mail(parsers, parser, result);
		return 1;
	}
	nonsense = fault.kind == ERR_INPUT;
	(void)end_child(&parser->child);
	*err = fault;
	return give_up_mail(parsers, parser, nonsense, result, err);
}

static int read_frames(struct parsers *parsers, struct parser *parser,
		       struct parser_result *result, struct err *err)
{
	ssize_t n = read(parser->child.frames, parser->read, READ_BYTES);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n < 0)
		return err_errno(err, ERR_TEMP, "pipe");
	if (n == 0 && parser->n == 0) {
		(void)end_child(&parser->child);
		return 0;
	}
	if (n == 0)
		return bury(parsers, parser, result, err);
	parser->unread = (struct span){ parser->read, (size_t)n };
	return take_unread(parsers, parser, result, err);
}

/* Has the mail that is being read had its time? There is nothing unread. */
static int check_limits(struct parsers *parsers, struct parser *parser,
			struct parser_result *result, struct err *err)
{
	if (cpu_us(parser) - parser->cpu_before > CPU_US)
		err_set(err, ERR_INPUT, "CPU limit: parser killed after %d s",
			PARSER_CPU_SECONDS);
	else if (parser->waited > WAIT_US)
		err_set(err, ERR_LIMIT, "the parser took longer than %d ms",
			PARSER_WAIT_MS);
	else
		return 0;
	(void)end_child(&parser->child);
	return give_up_mail(parsers, parser, false, result, err);
}

/* What was read already but not looked at. */
static int take_left_over(struct parsers *parsers, struct parser_result *result,
			  struct err *err)
{
	size_t i;

	for (i = 0; i < parsers->n; i++) {
		size_t at = (parsers->next + i) % parsers->n;
		struct parser *parser = &parsers->parser[at];
		int done;

		if (parser->child.pid == 0 || parser->unread.n == 0)
			continue;
		done = take_unread(parsers, parser, result, err);
		if (done != 0) {
			parsers->next = at + 1;
			return done;
		}
	}
	return 0;
}

/* Wait until a child speaks, and add the time to what each has used. */
static int poll_children(struct parsers *parsers, struct pollfd *pollers,
			 int ms, struct err *err)
{
	int64_t before = now_us();
	int64_t waited;
	size_t i;

	for (i = 0; i < parsers->n; i++) {
		const struct parser *parser = &parsers->parser[i];

		pollers[i] = (struct pollfd){
			.fd = parser->child.pid == 0 ? -1 :
						       parser->child.frames,
			.events = POLLIN,
		};
	}
	if (poll(pollers, parsers->n, ms) < 0) {
		if (errno != EINTR)
			return err_errno(err, ERR_TEMP, "poll");
		for (i = 0; i < parsers->n; i++)
			pollers[i].revents = 0;
	}
	waited = now_us() - before;
	for (i = 0; i < parsers->n; i++)
		if (parsers->parser[i].n > 0)
			parsers->parser[i].waited += waited;
	return 0;
}

/* The silent ones, now and then. 1 when a mail is done, 0, -1. */
static int look_at_clocks(struct parsers *parsers, const struct pollfd *pollers,
			  struct parser_result *result, struct err *err)
{
	int64_t now = now_us();
	int done = 0;
	size_t i;

	if (now - parsers->looked < LOOK_MS * INT64_C(1000))
		return 0;
	for (i = 0; i < parsers->n && done == 0; i++)
		if (pollers[i].fd >= 0 && pollers[i].revents == 0 &&
		    parsers->parser[i].n > 0)
			done = check_limits(parsers, &parsers->parser[i],
					    result, err);
	if (done == 0)
		parsers->looked = now;
	return done;
}

/* 1 when a mail is done, 0, -1. */
static int listen_once(struct parsers *parsers, int ms,
		       struct parser_result *result, struct err *err)
{
	struct pollfd pollers[MAX_PARSERS];
	int done = poll_children(parsers, pollers, ms, err);
	size_t i;

	if (done == 0)
		done = look_at_clocks(parsers, pollers, result, err);
	for (i = 0; i < parsers->n && done == 0; i++) {
		size_t at = (parsers->next + i) % parsers->n;

		if (pollers[at].fd < 0 || pollers[at].revents == 0)
			continue;
		done = read_frames(parsers, &parsers->parser[at], result, err);
		if (done != 0)
			parsers->next = at + 1;
	}
	return done;
}

int parsers_wait(struct parsers *parsers, int ms, struct parser_result *result,
		 struct err *err)
{
	int64_t until = now_us() + ms * INT64_C(1000);
	int done = take_left_over(parsers, result, err);

	while (done == 0 && parsers->busy > 0) {
		int64_t left = (until - now_us() + 999) / 1000;

		if (left < 0)
			left = 0;
		done = listen_once(parsers,
				   left < LOOK_MS ? (int)left : LOOK_MS, result,
				   err);
		if (left == 0)
			break;
	}
	return done;
}

/* --------------------------------------------------------------- begin and end */

int parsers_new(unsigned children, bool filtered, struct parsers **parsers,
		struct err *err)
{
	size_t n = children < 1           ? 1 :
		   children > MAX_PARSERS ? MAX_PARSERS :
					    children;
	struct parsers *new =
		calloc(1, sizeof(*new) + n * sizeof(new->parser[0]));
	size_t i;

	*parsers = new;
	if (new == NULL)
		return err_set(err, ERR_TEMP, "out of memory");
	new->filtered = filtered;
	new->n = n;
	for (i = 0; i < n; i++) {
		struct parser *parser = &new->parser[i];

		parser->read = malloc(READ_BYTES);
		parser->reader = wire_reader_new(err);
		if (parser->reader != NULL && parser->read != NULL)
			continue;
		err_set(err, ERR_TEMP, "out of memory");
		parsers_free(parsers);
		return -1;
	}
	return 0;
}

void parsers_free(struct parsers **parsers)
{
	size_t i;

	if (*parsers == NULL)
		return;
	for (i = 0; i < (*parsers)->n; i++) {
		struct parser *parser = &(*parsers)->parser[i];

		if (parser->child.pid != 0)
			(void)end_child(&parser->child);
		wire_reader_free(&parser->reader);
		free(parser->read);
	}
	for (i = 0; i < (*parsers)->n_spares; i++)
		(void)end_child(&(*parsers)->spare[i]);
	free(*parsers);
	*parsers = NULL;
}

int parser_read(int fd, off_t offset, bool filtered, struct report_sink *sink,
		struct err *err)
{
	const struct parser_mail mail = { .fd = fd,
					  .offset = offset,
					  .sink = sink };
	struct parser_result result = { .result = -1 };
	struct parsers *parsers;
	int done = -1;

	if (parsers_new(1, filtered, &parsers, err) < 0)
		return -1;
	if (parsers_give(parsers, &mail, err) == 1)
		do {
			done = parsers_wait(parsers, LOOK_MS, &result, err);
		} while (done == 0);
	parsers_free(&parsers);
	if (done < 0)
		return -1;
	if (result.result < 0)
		*err = result.err;
	return result.result;
}
