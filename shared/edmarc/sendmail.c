/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "edmarc/sendmail.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/quote.h"
#include "edmarc/temp.h"

#define GRACE_SECONDS 5   /* between TERM and KILL */
#define MAX_SAID      200 /* bytes of its output that are kept */

/* In the child: never returns. */
static void run(const char *program, const char *from, const char *to,
		int message, int output)
{
	static char i[] = "-i", f[] = "-f", end[] = "--",
		    path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *arguments[] = { strdup(program), i,   f, strdup(from), end,
			      strdup(to),      NULL };
	char *environment[] = { path, NULL };
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* A group of its own, so that all of it can be ended. */
	setpgid(0, 0);
	if (arguments[0] == NULL || arguments[3] == NULL ||
	    arguments[5] == NULL || dup2(message, STDIN_FILENO) < 0 ||
	    dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
		_exit(EX_OSERR);
	close_range(STDERR_FILENO + 1, UINT_MAX, 0);
	execve(program, arguments, environment);
	dprintf(STDERR_FILENO, "%s", strerror(errno));
	_exit(EX_UNAVAILABLE);
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Wait for the child with SIGCHLD blocked, so that none is missed. Not for the
 * end of its output: Exim leaves a process behind that delivers.
 */
static bool wait_until(pid_t child, int64_t deadline, int *status)
{
	sigset_t ended;

	sigemptyset(&ended);
	sigaddset(&ended, SIGCHLD);
	for (;;) {
		int64_t left = deadline - now_ms();
		struct timespec pause;
		pid_t got = waitpid(child, status, WNOHANG);

		if (got == child)
			return true;
		if ((got < 0 && errno != EINTR) || left <= 0)
			return false;
		pause.tv_sec = (time_t)(left / 1000);
		pause.tv_nsec = (long)(left % 1000) * 1000000;
		(void)sigtimedwait(&ended, NULL, &pause);
	}
}

static void end_group(pid_t child)
{
	int status;

	kill(-child, SIGTERM);
	if (wait_until(child, now_ms() + GRACE_SECONDS * 1000, &status))
		return;
	kill(-child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
}

static struct quoted what_it_said(int output)
{
	char said[MAX_SAID];
	ssize_t n = pread(output, said, sizeof(said), 0);

	return quote(span_trim((struct span){ said, n < 0 ? 0 : (size_t)n }));
}

static int judge(const char *program, int status, int output, struct err *err)
{
	struct quoted said = what_it_said(output);
	const char *colon = said.text[0] == '\0' ? "" : ": ";

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		return err_set(err, ERR_TEMP, "%s: exit status %d%s%s", program,
			       WEXITSTATUS(status), colon, said.text);
	return err_set(err, ERR_TEMP, "%s: signal %d%s%s", program,
		       WIFSIGNALED(status) ? WTERMSIG(status) : 0, colon,
		       said.text);
}

static int run_and_wait(const char *program, const char *from, const char *to,
			int message, int output, int timeout, struct err *err)
{
	pid_t child = fork();
	int status = 0;

	if (child < 0)
		return err_errno(err, ERR_TEMP, "%s: fork", program);
	if (child == 0)
		run(program, from, to, message, output);
	/* As the child does: whoever comes first. */
	setpgid(child, child);
	if (!wait_until(child, now_ms() + (int64_t)timeout * 1000, &status)) {
		end_group(child);
		return err_set(err, ERR_TEMP, "%s: no end after %d seconds",
			       program, timeout);
	}
	return judge(program, status, output, err);
}

int sendmail_run(const char *program, const char *from, const char *to,
		 int message, int timeout, struct err *err)
{
	int output = temp_open(err);
	sigset_t ended, before;
	int result;

	if (output < 0)
		return -1;
	if (lseek(message, 0, SEEK_SET) < 0) {
		close(output);
		return err_errno(err, ERR_TEMP, "mail");
	}
	/* Ignored, as some cron leaves it, it would take the status away. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&ended);
	sigaddset(&ended, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ended, &before);
	result = run_and_wait(program, from, to, message, output, timeout, err);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(output);
	return result;
}
