/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/parser_child.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/span.h"
#include "journal/report_spool.h"
#include "report/read.h"
#include "report/wire.h"

/*
 * The mail (60 MiB), GMime's copy of it, one decoded part, an inner archive
 * (64 MiB, for a moment twice), and the parser's own needs.
 */
#define PARSER_DATA_BYTES ((rlim_t)512 * 1024 * 1024)

/* The same with the program and its libraries. */
#define PARSER_ADDRESS_BYTES ((rlim_t)2 * 1024 * 1024 * 1024)

/*
 * Where the child has its descriptors: mails come over the first, frames go into
 * the second, and the one mail that is open is the next free number.
 */
#define CHILD_MAILS  0
#define CHILD_FRAMES 1
#define CHILD_MAIL   CHILD_FIRST_CLOSED

/* Of the memory for a mail, what is kept for the next one. */
#define KEEP_BYTES      (1024 * 1024)
#define KEEP_HEAP_BYTES (8 * 1024 * 1024)

/* How the child says what it cannot say in frames. */
enum child_exit {
	CHILD_FINISHED = 0,
	CHILD_NO_SANDBOX = 100,
	CHILD_UNREADABLE,
	CHILD_TOO_LONG,
	CHILD_NO_MEMORY,
};

/* ---------------------------------------------------------------- the sandbox */

#ifdef EDMARC_WITHOUT_SECCOMP
/*
 * A build with sanitizers (configure --with-sanitizer, --enable-fuzzing): their
 * runtime needs many more system calls and terabytes of addresses, so such a
 * build, which is for tests, has neither filter nor memory limits.
 */
static int limit_memory(void)
{
	return 0;
}

static int filter_calls(void)
{
	return 0;
}

/* Their messages go to standard error. */
#define CHILD_FIRST_CLOSED 3

#else

#include <seccomp.h>

#define CHILD_FIRST_CLOSED 2

static int set_limit(__rlimit_resource_t what, rlim_t value)
{
	const struct rlimit limit = { .rlim_cur = value, .rlim_max = value };

	return setrlimit(what, &limit);
}

static int limit_memory(void)
{
	if (set_limit(RLIMIT_DATA, PARSER_DATA_BYTES) < 0)
		return -1;
	return set_limit(RLIMIT_AS, PARSER_ADDRESS_BYTES);
}

/*
 * What is left when everything is loaded and open: reading the mail, writing
 * frames, memory that is never executable, and ending. Whatever else is called
 * kills the process.
 */
static int allow_calls(scmp_filter_ctx filter)
{
	static const int calls[] = {
		SCMP_SYS(brk),
		SCMP_SYS(munmap),
		SCMP_SYS(mremap),
		SCMP_SYS(exit_group),
		SCMP_SYS(madvise),
		SCMP_SYS(futex),
		SCMP_SYS(clock_gettime),
		SCMP_SYS(gettimeofday),
		SCMP_SYS(time),
		SCMP_SYS(getrandom),
		SCMP_SYS(sched_yield),
		SCMP_SYS(restart_syscall),
		SCMP_SYS(rt_sigprocmask),
		SCMP_SYS(rt_sigreturn),
		SCMP_SYS(getpid),
		SCMP_SYS(gettid),
		SCMP_SYS(exit),
	};
	static const struct {
		int call;
		scmp_datum_t fd;
	} with_fd[] = {
		{ SCMP_SYS(recvmsg), CHILD_MAILS },
		{ SCMP_SYS(write), CHILD_FRAMES },
		{ SCMP_SYS(read), CHILD_MAIL },
		{ SCMP_SYS(pread64), CHILD_MAIL },
		{ SCMP_SYS(lseek), CHILD_MAIL },
		{ SCMP_SYS(close), CHILD_MAIL },
	};
	const struct scmp_arg_cmp no_code =
		SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp itself =
		SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0);
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0) < 0)
			return -1;
	for (i = 0; i < sizeof(with_fd) / sizeof(with_fd[0]); i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, with_fd[i].call, 1,
				     SCMP_A0(SCMP_CMP_EQ, with_fd[i].fd, 0)) <
		    0)
			return -1;
	if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
			     no_code) < 0 ||
	    seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
			     no_code) < 0)
		return -1;
	/* abort(3), so that its signal is seen and not the filter's */
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				itself);
}

static int filter_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int result = -1;

	if (filter == NULL)
		return -1;
	if (allow_calls(filter) == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	return result < 0 ? -1 : 0;
}
#endif

static int limit_rest(void)
{
	static const struct {
		__rlimit_resource_t what;
		rlim_t soft;
		rlim_t hard;
	} limits[] = {
		/* the soft limit's signal tells it from other deaths */
		{ RLIMIT_CPU, PARSER_LIFE_CPU_SECONDS,
		  PARSER_LIFE_CPU_SECONDS + 1 },
		{ RLIMIT_NOFILE, CHILD_MAIL + 1, CHILD_MAIL + 1 },
		{ RLIMIT_FSIZE, 0, 0 },
		{ RLIMIT_CORE, 0, 0 },
		{ RLIMIT_NPROC, 0, 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const struct rlimit limit = { .rlim_cur = limits[i].soft,
					      .rlim_max = limits[i].hard };

		if (setrlimit(limits[i].what, &limit) < 0)
			return -1;
	}
	return 0;
}

/*
 * The parent's handlers and masks are not for us. What asks a whole service or
 * terminal to end is ignored: the parent decides whether this mail is still read,
 * and takes us with it. A mail must not be refused because of a restart.
 */
static int reset_signals(void)
{
	static const struct {
		int number;
		void (*action)(int);
	} signals[] = {
		{ SIGHUP, SIG_IGN },  { SIGINT, SIG_IGN },
		{ SIGTERM, SIG_IGN }, { SIGQUIT, SIG_IGN },
		{ SIGALRM, SIG_IGN }, { SIGUSR1, SIG_IGN },
		{ SIGUSR2, SIG_IGN }, { SIGPIPE, SIG_IGN },
		{ SIGCHLD, SIG_DFL }, { SIGXCPU, SIG_DFL },
		{ SIGSEGV, SIG_DFL }, { SIGBUS, SIG_DFL },
		{ SIGFPE, SIG_DFL },  { SIGILL, SIG_DFL },
		{ SIGABRT, SIG_DFL }, { SIGSYS, SIG_DFL },
	};
	sigset_t none;
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		const struct sigaction action = { .sa_handler =
							  signals[i].action };

		if (sigaction(signals[i].number, &action, NULL) < 0)
			return -1;
	}
	sigemptyset(&none);
	return sigprocmask(SIG_SETMASK, &none, NULL);
}

/* These two where they belong, nothing else open. */
static int keep_two(int mails, int frames)
{
	int high_mails = fcntl(mails, F_DUPFD, 10);
	int high_frames = fcntl(frames, F_DUPFD, 10);

	if (high_mails < 0 || high_frames < 0)
		return -1;
	if (dup2(high_mails, CHILD_MAILS) < 0 ||
	    dup2(high_frames, CHILD_FRAMES) < 0)
		return -1;
	return close_range(CHILD_FIRST_CLOSED, ~0U, 0);
}

/*
 * mktime(3), which libarchive calls for the times in a zip, looks at
 * /etc/localtime each time unless the zone is spelled out.
 */
static int fix_time_zone(void)
{
	if (setenv("TZ", "UTC0", 1) < 0)
		return -1;
	tzset();
	return 0;
}

static int enter_sandbox(int mails, int frames, bool filtered)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	if (keep_two(mails, frames) < 0 || reset_signals() < 0 ||
	    fix_time_zone() < 0)
		return -1;
	if (limit_rest() < 0 || limit_memory() < 0)
		return -1;
	return filtered ? filter_calls() : 0;
}

/* ------------------------------------------------------------------- the child */

/* A mail that was handed over: 1 (open as CHILD_MAIL), 0 at the end, -1. */
static int next_mail(off_t *offset)
{
	union {
		struct cmsghdr header; /* for its alignment */
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	off_t at = 0;
	struct iovec bytes = { .iov_base = &at, .iov_len = sizeof(at) };
	struct msghdr message = { .msg_iov = &bytes,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	const struct cmsghdr *header;
	ssize_t n;
	int fd;

	do {
		n = recvmsg(CHILD_MAILS, &message, 0);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return 0;
	header = n == (ssize_t)sizeof(at) ? CMSG_FIRSTHDR(&message) : NULL;
	if (header == NULL || header->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	*offset = at;
	return fd == CHILD_MAIL ? 1 : -1;
}

/* read(2) from the place where we are, whatever the descriptor is. */
static ssize_t read_some(bool seekable, void *to, size_t n, off_t at)
{
	return seekable ? pread(CHILD_MAIL, to, n, at) :
			  read(CHILD_MAIL, to, n);
}

/* All of the mail; offsets are our own, as the parent shares the descriptor. */
static enum child_exit read_mail(off_t offset, struct buf *mail)
{
	bool seekable = lseek(CHILD_MAIL, 0, SEEK_CUR) >= 0;
	char piece[64 * 1024];
	off_t at = offset;

	for (;;) {
		ssize_t n = read_some(seekable, piece, sizeof(piece), at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return CHILD_UNREADABLE;
		if (n == 0)
			return CHILD_FINISHED;
		at += n;
		if ((size_t)n > mail->max - mail->n)
			return CHILD_TOO_LONG;
		buf_add(mail, (struct span){ piece, (size_t)n });
		if (!buf_ok(mail))
			return CHILD_NO_MEMORY;
	}
}

/* What is kept from mail to mail is only memory. */
struct child {
	struct report_sink *writer;
	struct buf mail;
};

static enum child_exit parse_mail(struct child *child, off_t offset)
{
	enum child_exit result = read_mail(offset, &child->mail);
	struct err err = ERR_INIT;

	if (result != CHILD_FINISHED)
		return result;
	if (report_read_own(&child->mail, child->writer, &err) < 0 ||
	    wire_writer_finish(child->writer, &err) < 0)
		return CHILD_NO_MEMORY;
	if (child->mail.room > KEEP_BYTES)
		buf_release(&child->mail);
	else
		buf_reset(&child->mail);
	return close(CHILD_MAIL) < 0 ? CHILD_UNREADABLE : CHILD_FINISHED;
}

static enum child_exit parse_mails(struct child *child)
{
	enum child_exit result = CHILD_FINISHED;
	off_t offset = 0;
	int more;

	while (result == CHILD_FINISHED && (more = next_mail(&offset)) != 0)
		result =
			more > 0 ? parse_mail(child, offset) : CHILD_UNREADABLE;
	return result;
}

/*
 * Ordinary mails need less than this, one like the other: to give the memory back
 * to the kernel after each costs more than to use it again.
 */
static void keep_memory(void)
{
	(void)mallopt(M_TRIM_THRESHOLD, KEEP_HEAP_BYTES);
	(void)mallopt(M_MMAP_THRESHOLD, KEEP_BYTES);
}

int parser_child_run(int mails, int frames, bool filtered)
{
	struct child child = { .mail = BUF_INIT(MAX_REPORT_MAIL_BYTES) };
	struct err err = ERR_INIT;
	enum child_exit result;

	keep_memory();
	if (enter_sandbox(mails, frames, filtered) < 0)
		return CHILD_NO_SANDBOX;
	child.writer = wire_writer_new(CHILD_FRAMES, &err);
	result = child.writer == NULL ? CHILD_NO_MEMORY : parse_mails(&child);
	wire_writer_free(&child.writer);
	buf_release(&child.mail);
	return (int)result;
}

/* ------------------------------------------------------------- how it ended */

static int explain_signal(int number, struct err *err)
{
	if (number == SIGXCPU)
		return err_set(err, ERR_INPUT,
			       "CPU limit: parser killed after %d s",
			       PARSER_LIFE_CPU_SECONDS);
	if (number == SIGSYS)
		return err_set(err, ERR_INPUT,
			       "parser killed by signal %d: it asked for what "
			       "the sandbox forbids",
			       number);
	return err_set(err, ERR_INPUT, "parser killed by signal %d (%s)",
		       number, strsignal(number));
}

static int explain_exit(int status, struct err *err)
{
	switch (status) {
	case CHILD_NO_SANDBOX:
		return err_set(err, ERR_CONFIG,
			       "the parser's sandbox cannot be built (the "
			       "kernel must allow seccomp filters); see "
			       "--no-sandbox in edmarc(8)");
	case CHILD_UNREADABLE:
		return err_set(err, ERR_TEMP, "the mail cannot be read");
	case CHILD_TOO_LONG:
		return err_set(err, ERR_LIMIT, "longer than %d MiB",
			       MAX_REPORT_MAIL_BYTES / (1024 * 1024));
	case CHILD_NO_MEMORY:
		return err_set(err, ERR_LIMIT, "the parser's memory is full");
	case CHILD_FINISHED:
		return err_set(err, ERR_INPUT, "the parser ended too early");
	default:
		return err_set(err, ERR_INPUT, "parser ended with status %d",
			       status);
	}
}

int parser_child_explain(int status, struct err *err)
{
	if (WIFSIGNALED(status))
		return explain_signal(WTERMSIG(status), err);
	return explain_exit(WEXITSTATUS(status), err);
}
