/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What needs no name server that answers; tests/integration/test-dns.sh asks
 * real ones. Here is a server that never says anything.
 */
#include "dns/cares.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct silent {
	int fd;
	char address[32];
};

static void begin_silent(struct silent *server)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t n = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(server->fd >= 0);
	assert_int_equal(bind(server->fd, (struct sockaddr *)&address, n), 0);
	assert_int_equal(
		getsockname(server->fd, (struct sockaddr *)&address, &n), 0);
	snprintf(server->address, sizeof(server->address), "127.0.0.1:%d",
		 ntohs(address.sin_port));
}

/* How many have come since the last time. */
static int take_questions(const struct silent *server)
{
	char question[512];
	int n = 0;

	while (recv(server->fd, question, sizeof(question), MSG_DONTWAIT) > 0)
		n++;
	return n;
}

static int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	if (dir == NULL)
		return -1;
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
ask(struct resolver *resolver, const char *name, struct dns_answer *answer)
{
	struct dns_question question = { .name = name, .type = DNS_TXT };
	struct arena *arena = arena_new(65536);

	resolver->ask(resolver, &question, answer, 1, arena);
	arena_free(&arena);
}

static void test_deadline(void **state)
{
	struct err err = ERR_INIT;
	struct dns_answer answer;
	struct silent server;
	struct resolver *resolver;
	int descriptors = open_descriptors();
	int64_t start;

	(void)state;
	begin_silent(&server);
	start = now_ms();
	resolver = cares_new(server.address, 400, &err);
	assert_non_null(resolver);
	ask(resolver, "a.example", &answer);
	assert_int_equal(answer.status, DNS_FAIL);
	assert_string_equal(answer.why, "timeout");
	assert_in_range(now_ms() - start, 390, 30000);

	/* The time is over for all that follows, too... */
	assert_true(take_questions(&server) > 0);
	ask(resolver, "b.example", &answer);
	assert_string_equal(answer.why, "timeout");
	assert_int_equal(take_questions(&server), 0);

	/* ...until the next message. */
	cares_restart(resolver);
	start = now_ms();
	ask(resolver, "c.example", &answer);
	assert_string_equal(answer.why, "timeout");
	assert_in_range(now_ms() - start, 390, 30000);
	resolver_free(&resolver);
	close(server.fd);
	assert_int_equal(open_descriptors(), descriptors);
}

/* A silent server takes the part of the time that is allowed, and no more. */
static void test_part_of_the_deadline(void **state)
{
	const int deadline = 60000;
	struct err err = ERR_INIT;
	struct dns_answer answer;
	struct silent server;
	struct resolver *resolver;
	int64_t start;

	(void)state;
	begin_silent(&server);
	start = now_ms();
	resolver = cares_new(server.address, deadline, &err);
	assert_non_null(resolver);
	resolver_allow(resolver, 1, 200);
	ask(resolver, "a.example", &answer);
	assert_string_equal(answer.why, "timeout");
	assert_in_range(now_ms() - start, deadline / 200 - 10, deadline / 2);
	ask(resolver, "b.example", &answer);
	assert_string_equal(answer.why, "timeout");

	/* There is time again, and somebody who says that nobody is there. */
	close(server.fd);
	resolver_allow(resolver, 200, 200);
	ask(resolver, "c.example", &answer);
	assert_string_equal(answer.why, "no name server could answer");
	resolver_free(&resolver);
}

static void test_batch_shares_the_deadline(void **state)
{
	struct dns_question question[20];
	struct dns_answer answer[20];
	struct arena *arena = arena_new(65536);
	struct err err = ERR_INIT;
	struct silent server;
	struct resolver *resolver;
	int64_t start;
	size_t i;

	(void)state;
	begin_silent(&server);
	resolver = cares_new(server.address, 400, &err);
	assert_non_null(resolver);
	for (i = 0; i < 20; i++)
		question[i] = (struct dns_question){
			.name = arena_printf(arena, "n%zu.example", i),
			.type = DNS_A
		};
	start = now_ms();
	resolver->ask(resolver, question, answer, 20, arena);
	assert_in_range(now_ms() - start, 390, 30000);
	for (i = 0; i < 20; i++)
		assert_string_equal(answer[i].why, "timeout");
	resolver_free(&resolver);
	arena_free(&arena);
	close(server.fd);
}

/* Nobody is there: the host says so at once. */
static void test_refused(void **state)
{
	struct err err = ERR_INIT;
	struct dns_answer answer;
	struct silent server;
	struct resolver *resolver;
	int64_t start;

	(void)state;
	begin_silent(&server);
	close(server.fd);
	resolver = cares_new(server.address, 5000, &err);
	assert_non_null(resolver);
	start = now_ms();
	ask(resolver, "a.example", &answer);
	assert_int_equal(answer.status, DNS_FAIL);
	assert_string_equal(answer.why, "no name server could answer");
	assert_in_range(now_ms() - start, 0, 4000);
	resolver_free(&resolver);
}

/*
 * A server that answers every question with this code and no record, after a
 * while. Names that begin with "b" always exist.
 */
static pid_t
begin_answering(struct silent *server, unsigned char rcode, int delay_ms)
{
	struct sockaddr_storage from;
	unsigned char packet[1500];
	pid_t pid;

	begin_silent(server);
	pid = fork();
	assert_true(pid >= 0);
	/* A test that fails does not come to end_answering(). */
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (pid == 0) {
		socklen_t from_n = sizeof(from);
		ssize_t n = recvfrom(server->fd, packet, sizeof(packet), 0,
				     (struct sockaddr *)&from, &from_n);

		if (n < 14)
			_exit(1);
		poll(NULL, 0, delay_ms);
		packet[2] |= 0x80;
		packet[3] = 0x80 | (packet[13] == 'b' ? 0 : rcode);
		sendto(server->fd, packet, (size_t)n, 0,
		       (struct sockaddr *)&from, from_n);
	}
	return pid;
}

static void end_answering(struct silent *server, pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(server->fd);
}

static void
ask_two(struct silent *first, struct silent *second, struct dns_answer *answer)
{
	char servers[80];
	struct err err = ERR_INIT;
	struct resolver *resolver;

	snprintf(servers, sizeof(servers), "%s,%s", first->address,
		 second->address);
	resolver = cares_new(servers, 3000, &err);
	assert_non_null(resolver);
	ask(resolver, "a.example", answer);
	resolver_free(&resolver);
}

/* What one server cannot say the next one may know. */
static void test_servfail(void **state)
{
	struct silent broken, knowing;
	pid_t broken_pid = begin_answering(&broken, 2, 0);
	pid_t knowing_pid = begin_answering(&knowing, 3, 0);
	struct dns_answer answer;

	(void)state;
	ask_two(&broken, &knowing, &answer);
	assert_int_equal(answer.status, DNS_NXDOMAIN);
	ask_two(&broken, &broken, &answer);
	assert_int_equal(answer.status, DNS_FAIL);
	assert_true(answer.why[0] != '\0');
	end_answering(&broken, broken_pid);
	end_answering(&knowing, knowing_pid);
}

static sigjmp_buf jump;

static void on_alarm(int signal)
{
	siglongjmp(jump, signal);
}

/* As Exim does when local_scan_timeout is over. */
static void ask_until_alarm(struct resolver *resolver,
			    struct dns_answer *answer, struct arena *arena)
{
	struct itimerval timer = { .it_value = { .tv_usec = 100000 } };
	struct dns_question question = { .name = "a.example", .type = DNS_TXT };

	if (sigsetjmp(jump, 1) != 0)
		return;
	setitimer(ITIMER_REAL, &timer, NULL);
	resolver->ask(resolver, &question, answer, 1, arena);
	fail_msg("the alarm did not come");
}

static void test_jumped_out_of(void **state)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct sigaction before;
	struct dns_answer *answer = test_calloc(1, sizeof(*answer));
	struct arena *arena = arena_new(65536);
	struct err err = ERR_INIT;
	struct dns_answer next;
	struct silent server;
	struct resolver *resolver;
	int descriptors = open_descriptors();
	pid_t pid;

	(void)state;
	pid = begin_answering(&server, 3, 300);
	resolver = cares_new(server.address, 3000, &err);
	assert_non_null(resolver);
	sigaction(SIGALRM, &action, &before);
	ask_until_alarm(resolver, answer, arena);
	sigaction(SIGALRM, &before, NULL);
	/*
	 * All of the message is gone when the resolver is used next, and the
	 * answer to its question, which comes first, is nobody's any more.
	 */
	test_free(answer);
	arena_free(&arena);
	cares_restart(resolver);
	ask(resolver, "b.example", &next);
	assert_int_equal(next.status, DNS_NODATA);
	resolver_free(&resolver);
	end_answering(&server, pid);
	assert_int_equal(open_descriptors(), descriptors);
}

static void
expect_servers(const char *servers, enum err_kind kind, const char *why)
{
	struct err err = ERR_INIT;
	struct resolver *resolver = cares_new(servers, 1000, &err);

	assert_int_equal(resolver == NULL, kind != ERR_NONE);
	assert_int_equal(err.kind, kind);
	assert_string_equal(err.text, why);
	resolver_free(&resolver);
}

static void test_servers(void **state)
{
	(void)state;
	expect_servers(NULL, ERR_NONE, "");
	expect_servers("192.0.2.1", ERR_NONE, "");
	expect_servers("192.0.2.1, [2001:db8::1]:5353", ERR_NONE, "");
	expect_servers("192.0.2.1:53,2001:db8::1,[2001:db8::2],", ERR_NONE, "");
	expect_servers("::1,::1,::1,::1,::1,::1,::1,::1", ERR_NONE, "");
	expect_servers("::1,::1,::1,::1,::1,::1,::1,::1,::1", ERR_CONFIG,
		       "more than 8 name servers");
	expect_servers("", ERR_CONFIG, "no name server");
	expect_servers(" , ", ERR_CONFIG, "no name server");
	expect_servers("ns.example", ERR_CONFIG,
		       "bad name server address ns.example");
	expect_servers("192.0.2.256", ERR_CONFIG,
		       "bad name server address 192.0.2.256");
	expect_servers("192.0.2.1:", ERR_CONFIG,
		       "bad name server address 192.0.2.1:");
	expect_servers("192.0.2.1:0", ERR_CONFIG,
		       "bad name server address 192.0.2.1:0");
	expect_servers("192.0.2.1:65536", ERR_CONFIG,
		       "bad name server address 192.0.2.1:65536");
	expect_servers("[192.0.2.1]", ERR_CONFIG,
		       "bad name server address [192.0.2.1]");
	expect_servers("[2001:db8::1", ERR_CONFIG,
		       "bad name server address [2001:db8::1");
	expect_servers("[2001:db8::1]53", ERR_CONFIG,
		       "bad name server address [2001:db8::1]53");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_part_of_the_deadline),
		cmocka_unit_test(test_batch_shares_the_deadline),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_servfail),
		cmocka_unit_test(test_jumped_out_of),
		cmocka_unit_test(test_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
