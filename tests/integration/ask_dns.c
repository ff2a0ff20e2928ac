/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ask_dns [-s SERVERS] [-d DEADLINE_MS] NAME/TYPE... - one batch of questions
 * ask_dns -1 [-j MS] ... - one after the other, as dns/stub.h has it
 *
 * For test-dns.sh: prints "NAME/TYPE STATUS RECORD|..." for each, where a
 * record over 100 octets is only its length, then "took N ms", and with -1 before
 * that, who was asked: "library N, c-ares N". With -j the first question is
 * jumped out of after MS, as Exim may do it, and has no answer.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "dns/cares.h"
#include "dns/stub.h"

#define MAX_QUESTIONS 100

static const char *const types[] = {
	[DNS_TXT] = "TXT",
	[DNS_A] = "A",
	[DNS_AAAA] = "AAAA",
	[DNS_MX] = "MX",
};

static const char *const statuses[] = {
	[DNS_FAIL] = "fail",
	[DNS_NXDOMAIN] = "nxdomain",
	[DNS_NODATA] = "nodata",
	[DNS_FOUND] = "found",
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* "a.example/MX"; the "/" is overwritten. */
static void read_question(char *word, struct dns_question *question)
{
	char *type = strchr(word, '/');
	size_t i;

	*question = (struct dns_question){ .name = word, .type = DNS_TXT };
	if (type == NULL)
		return;
	*type++ = '\0';
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i], type) == 0)
			question->type = (enum dns_type)i;
}

static void
print(const struct dns_question *question, const struct dns_answer *answer)
{
	size_t i;

	printf("%s/%s %s", question->name, types[question->type],
	       statuses[answer->status]);
	if (answer->status == DNS_FAIL)
		printf(" %s", answer->why);
	for (i = 0; i < answer->n; i++) {
		struct span record = answer->records[i];

		putchar(i == 0 ? ' ' : '|');
		if (record.n > 100)
			printf("(%zu octets)", record.n);
		else
			printf("%.*s", SPAN_ARGS(record));
	}
	putchar('\n');
}

static sigjmp_buf out;

static void on_alarm(int signal)
{
	siglongjmp(out, signal);
}

static bool jump_out(struct resolver *resolver,
		     const struct dns_question *question, long ms)
{
	struct itimerval timer = { .it_value = { .tv_usec = ms * 1000 } };
	struct arena *arena = arena_new(65536);
	struct dns_answer answer;

	signal(SIGALRM, on_alarm);
	if (arena == NULL || sigsetjmp(out, 1) != 0) {
		arena_free(&arena);
		stub_restart(resolver);
		return true;
	}
	setitimer(ITIMER_REAL, &timer, NULL);
	resolver->ask(resolver, question, &answer, 1, arena);
	return false;
}

/* Each question by itself; the first may be jumped out of. */
static int ask_one_by_one(struct resolver *resolver, long jump_ms,
			  const struct dns_question *questions,
			  struct dns_answer *answers, size_t n,
			  struct arena *arena)
{
	unsigned alone, by_cares;
	size_t i = 0;

	if (jump_ms > 0 && !jump_out(resolver, &questions[i++], jump_ms))
		return 1;
	for (; i < n; i++) {
		resolver->ask(resolver, &questions[i], &answers[i], 1, arena);
		print(&questions[i], &answers[i]);
	}
	stub_counts(resolver, &alone, &by_cares);
	printf("library %u, c-ares %u\n", alone, by_cares);
	return 0;
}

int main(int argc, char **argv)
{
	struct dns_question questions[MAX_QUESTIONS];
	struct dns_answer answers[MAX_QUESTIONS];
	struct arena *arena = arena_new((size_t)16 * 1024 * 1024);
	struct err err = ERR_INIT;
	const char *servers = NULL;
	int deadline_ms = 5000;
	bool by_stub = false;
	long jump_ms = 0;
	int result = 0;
	struct resolver *resolver;
	int64_t start;
	size_t n = 0;
	size_t i;
	int option;

	while ((option = getopt(argc, argv, "s:d:1j:")) >= 0) {
		if (option == 's')
			servers = optarg;
		else if (option == 'd')
			deadline_ms = (int)strtol(optarg, NULL, 10);
		else if (option == 'j')
			jump_ms = strtol(optarg, NULL, 10);
		else if (option == '1')
			by_stub = true;
		else
			return 64;
	}
	while (optind < argc && n < MAX_QUESTIONS)
		read_question(argv[optind++], &questions[n++]);
	resolver = by_stub ? stub_new(servers, deadline_ms, &err) :
			     cares_new(servers, deadline_ms, &err);
	if (resolver == NULL || arena == NULL) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	start = now_ms();
	if (by_stub)
		result = ask_one_by_one(resolver, jump_ms, questions, answers,
					n, arena);
	else
		resolver->ask(resolver, questions, answers, n, arena);
	start = now_ms() - start;
	for (i = 0; i < n && !by_stub; i++)
		print(&questions[i], &answers[i]);
	printf("took %lld ms\n", (long long)start);
	resolver_free(&resolver);
	arena_free(&arena);
	return result;
}
