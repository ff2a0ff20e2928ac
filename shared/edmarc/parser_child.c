/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/parser_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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
 * A report of a million rows takes some ten seconds of a slow machine. The
 * tests are built with smaller numbers.
 */
#ifndef PARSER_CPU_SECONDS
#define PARSER_CPU_SECONDS 60
#endif
#ifndef PARSER_WAIT_MS
#define PARSER_WAIT_MS (120 * 1000)
#endif

/*
 * The mail (60 MiB), GMime's copy of it, one decoded part, an inner archive
 * (64 MiB, for a moment twice), and the parser's own needs.
 */
#define PARSER_DATA_BYTES ((rlim_t)512 * 1024 * 1024)

/* The same with the program and its libraries. */
#define PARSER_ADDRESS_BYTES ((rlim_t)2 * 1024 * 1024 * 1024)

/* Where the child has its two descriptors. */
#define CHILD_MAIL 0
#define CHILD_PIPE 1

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
		SCMP_SYS(write),          SCMP_SYS(brk),
		SCMP_SYS(munmap),         SCMP_SYS(mremap),
		SCMP_SYS(madvise),        SCMP_SYS(futex),
		SCMP_SYS(clock_gettime),  SCMP_SYS(gettimeofday),
		SCMP_SYS(time),           SCMP_SYS(getrandom),
		SCMP_SYS(sched_yield),    SCMP_SYS(restart_syscall),
		SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
		SCMP_SYS(getpid),         SCMP_SYS(gettid),
		SCMP_SYS(exit),           SCMP_SYS(exit_group),
	};
	static const int of_mail[] = { SCMP_SYS(read), SCMP_SYS(pread64),
				       SCMP_SYS(lseek) };
	const struct scmp_arg_cmp mail = SCMP_A0(SCMP_CMP_EQ, CHILD_MAIL, 0);
	const struct scmp_arg_cmp no_code =
		SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	const struct scmp_arg_cmp itself =
		SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0);
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0) < 0)
			return -1;
	for (i = 0; i < sizeof(of_mail) / sizeof(of_mail[0]); i++)
		if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, of_mail[i], 1,
				     mail) < 0)
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
		{ RLIMIT_CPU, PARSER_CPU_SECONDS, PARSER_CPU_SECONDS + 1 },
		{ RLIMIT_NOFILE, 0, 0 },
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

/* The mail at 0, the pipe at 1, nothing else open. */
static int keep_two(int mail, int pipe_end)
{
	int high_mail = fcntl(mail, F_DUPFD, 10);
	int high_pipe = fcntl(pipe_end, F_DUPFD, 10);

	if (high_mail < 0 || high_pipe < 0)
		return -1;
	if (dup2(high_mail, CHILD_MAIL) < 0 || dup2(high_pipe, CHILD_PIPE) < 0)
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

static int enter_sandbox(int mail, int pipe_end)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	if (keep_two(mail, pipe_end) < 0 || reset_signals() < 0 ||
	    fix_time_zone() < 0)
		return -1;
	if (limit_rest() < 0 || limit_memory() < 0)
		return -1;
	return filter_calls();
}

/* ------------------------------------------------------------------- the child */

/* read(2) from the place where we are, whatever the descriptor is. */
static ssize_t read_some(bool seekable, void *to, size_t n, off_t at)
{
	return seekable ? pread(CHILD_MAIL, to, n, at) :
			  read(CHILD_MAIL, to, n);
}

/* All of the mail; offsets are our own, as the parent shares the descriptor. */
static enum child_exit read_mail(bool seekable, off_t offset, struct buf *mail)
{
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

static enum child_exit parse(struct span mail)
{
	struct err err = ERR_INIT;
	struct report_sink *writer = wire_writer_new(CHILD_PIPE, &err);
	enum child_exit result = CHILD_FINISHED;

	if (writer == NULL)
		return CHILD_NO_MEMORY;
	if (report_read(mail, writer, &err) < 0 ||
	    wire_writer_finish(writer, &err) < 0)
		result = CHILD_NO_MEMORY;
	wire_writer_free(&writer);
	return result;
}

static enum child_exit child(int fd, off_t offset, int pipe_end)
{
	struct buf mail = BUF_INIT(MAX_REPORT_MAIL_BYTES);
	bool seekable = lseek(fd, 0, SEEK_CUR) >= 0;
	enum child_exit result;

	if (enter_sandbox(fd, pipe_end) < 0)
		return CHILD_NO_SANDBOX;
	result = read_mail(seekable, offset, &mail);
	if (result == CHILD_FINISHED)
		result = parse(buf_span(&mail));
	buf_release(&mail);
	return result;
}

/* ------------------------------------------------------------------ the parent */

/* Did the child close its end? Then it is ending, or has ended, by itself. */
static bool is_gone(int pipe_end)
{
	struct pollfd poller = { .fd = pipe_end, .events = POLLIN };

	return poll(&poller, 1, 0) > 0 && (poller.revents & POLLHUP) != 0;
}

static int explain_signal(int number, struct err *err)
{
	if (number == SIGXCPU)
		return err_set(err, ERR_INPUT,
			       "CPU limit: parser killed after %d s",
			       PARSER_CPU_SECONDS);
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
		return err_set(err, ERR_TEMP,
			       "the parser's sandbox cannot be built");
	case CHILD_UNREADABLE:
		return err_set(err, ERR_TEMP, "the mail cannot be read");
	case CHILD_TOO_LONG:
		return err_set(err, ERR_LIMIT, "longer than %d MiB",
			       MAX_REPORT_MAIL_BYTES / (1024 * 1024));
	case CHILD_NO_MEMORY:
		return err_set(err, ERR_LIMIT, "the parser's memory is full");
	default:
		return err_set(err, ERR_INPUT, "parser ended with status %d",
			       status);
	}
}

static int wait_for(pid_t pid, int *status)
{
	pid_t ended;

	do {
		ended = waitpid(pid, status, 0);
	} while (ended < 0 && errno == EINTR);
	return ended == pid ? 0 : -1;
}

/* Read what the child says, and see it end. */
static int
listen_to(pid_t pid, int pipe_end, struct report_sink *sink, struct err *err)
{
	int result = wire_read(pipe_end, PARSER_WAIT_MS, sink, err);
	bool gone = result < 0 && is_gone(pipe_end);
	int status = 0;

	/* It has nothing more to say to us; if it is dead, this is idle. */
	kill(pid, SIGKILL);
	if (wait_for(pid, &status) < 0)
		return err_errno(err, ERR_TEMP, "waitpid");
	/* Why it stopped in the middle is told by how it ended. */
	if (!gone || err->kind != ERR_INPUT)
		return result;
	if (WIFSIGNALED(status))
		return explain_signal(WTERMSIG(status), err);
	if (WIFEXITED(status) && WEXITSTATUS(status) != CHILD_FINISHED)
		return explain_exit(WEXITSTATUS(status), err);
	return result;
}

int parser_child_read(int fd, off_t offset, struct report_sink *sink,
		      struct err *err)
{
	int ends[2];
	pid_t pid;
	int result;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, ERR_TEMP, "pipe");
	pid = fork();
	if (pid < 0) {
		result = err_errno(err, ERR_TEMP, "fork");
		close(ends[0]);
		close(ends[1]);
		return result;
	}
	if (pid == 0)
		_exit((int)child(fd, offset, ends[1]));
	close(ends[1]);
	result = listen_to(pid, ends[0], sink, err);
	close(ends[0]);
	return result;
}
