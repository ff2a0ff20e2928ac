/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dmarc/spf_check.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <opendmarc/dmarc.h>

#include "base/network.h"
#include "dns/domain.h"

/* Of a local part (RFC 5321 4.5.3.1.1), which counts in macros only. */
#define MAX_LOCAL_OCTETS 64

/* libopendmarc cuts what is longer than 511. */
#define MAX_IDENTITY (MAX_LOCAL_OCTETS + 1 + DOMAIN_MAX_OCTETS)

/* Ten nested includes, and the resolver below them, take 26 kB. */
#define STACK_BYTES ((size_t)1024 * 1024)

/* RFC 7208 4.6.4: a record may lead to ten others. */
#define MAX_RECORDS 11

/* From a cancellation to the end of the thread, which takes 0.1 ms. */
#define GRACE_MS 100

/*
 * pthread_cancel() unwinds the thread's stack with it, and ends the process if
 * it cannot be loaded.
 */
#define UNWINDER "libgcc_s.so.1"

typedef __typeof__(opendmarc_spf2_test) test_function;

/*
 * What the thread works on. It is read by nobody before the thread has ended; of
 * the two, the one that leaves last frees it.
 */
struct check {
	test_function *test;
	atomic_flag left;
	char client_ip[INET6_ADDRSTRLEN];
	char no_mail_from[1];
	char identity[MAX_IDENTITY + 1];
	int used_mail_from;
	int outcome; /* DMARC_POLICY_SPF_OUTCOME_x */
	char word[64];
};

struct spf_checker {
	test_function *test;
	struct check *check; /* under way, or NULL */
	pthread_t thread;
	bool ended; /* and joined */
	struct timespec half_time;
	struct timespec give_up_at;
	bool lost; /* a thread was left behind */
};

struct spf_checker *spf_checker_new(const char *library, struct err *err)
{
	struct spf_checker *checker = calloc(1, sizeof(*checker));
	void *handle;

	if (checker == NULL) {
		err_set(err, ERR_CONFIG, "out of memory");
		return NULL;
	}
	/* A thread that was left behind runs in it. */
	handle = dlopen(library, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (handle == NULL) {
		err_set(err, ERR_CONFIG, "%s", dlerror());
		free(checker);
		return NULL;
	}
	/* ISO C knows no way from void * to a function; POSIX says this one. */
	*(void **)&checker->test = dlsym(handle, "opendmarc_spf2_test");
	dlclose(handle);
	if (checker->test == NULL) {
		err_set(err, ERR_CONFIG, "%s was built without libspf2",
			library);
		free(checker);
		return NULL;
	}
	return checker;
}

/* ------------------------------------------------------------- the thread */

/*
 * The library takes from a MAIL FROM the domain only, and then forgets HELO: the
 * macros %{l} and %{s} get a wrong local part, and a record with %{h} is a
 * temporary error. What it gets as HELO, with no MAIL FROM, it hands on as it
 * is, and libspf2 takes an address there.
 */
static void *run(void *data)
{
	struct check *check = data;

	check->outcome = check->test(
		check->client_ip, check->no_mail_from, check->identity, NULL, 0,
		check->word, sizeof(check->word), &check->used_mail_from);
	if (atomic_flag_test_and_set(&check->left))
		free(check);
	return NULL;
}

/*
 * No signal of the host's is handled in the thread: a handler may jump to the
 * stack of another one.
 */
static int start_thread(struct spf_checker *checker, struct check *check)
{
	pthread_attr_t attributes;
	sigset_t all;
	int code = pthread_attr_init(&attributes);

	if (code != 0)
		return code;
	atomic_flag_clear(&check->left);
	check->outcome = DMARC_POLICY_SPF_OUTCOME_TMPFAIL;
	sigfillset(&all);
	code = pthread_attr_setsigmask_np(&attributes, &all);
	if (code == 0)
		code = pthread_attr_setstacksize(&attributes, STACK_BYTES);
	if (code == 0)
		code = pthread_create(&checker->thread, &attributes, run,
				      check);
	pthread_attr_destroy(&attributes);
	if (code == 0) {
		checker->check = check;
		checker->ended = false;
	}
	return code;
}

static struct timespec later(struct timespec time, int ms)
{
	time.tv_sec += ms / 1000;
	time.tv_nsec += (long)(ms % 1000) * 1000000;
	if (time.tv_nsec >= 1000000000) {
		time.tv_sec++;
		time.tv_nsec -= 1000000000;
	}
	return time;
}

static bool has_ended(struct spf_checker *checker, struct timespec when)
{
	if (!checker->ended)
		checker->ended =
			pthread_clockjoin_np(checker->thread, NULL,
					     CLOCK_MONOTONIC, &when) == 0;
	return checker->ended;
}

/*
 * Cancellation is not at any time: only in calls where the thread may sleep, and
 * nearly always it does, for an answer. The C library is in order then, and
 * closes its sockets; what libspf2 has allocated is lost, about 7 kB.
 */
static bool cancel(struct spf_checker *checker)
{
	void *unwinder = dlopen(UNWINDER, RTLD_NOW | RTLD_NODELETE);
	struct timespec now;

	if (unwinder == NULL)
		return false;
	dlclose(unwinder); /* it stays: RTLD_NODELETE */
	if (pthread_cancel(checker->thread) != 0)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return has_ended(checker, later(now, GRACE_MS));
}

/* Returns what the thread has found, for the caller to free, or NULL. */
static struct check *wait_for_thread(struct spf_checker *checker)
{
	struct check *check = checker->check;

	if (!has_ended(checker, checker->give_up_at) && !cancel(checker)) {
		pthread_detach(checker->thread);
		checker->lost = true;
		if (atomic_flag_test_and_set(&check->left))
			free(check);
		check = NULL;
	}
	checker->check = NULL;
	return check;
}

void spf_checker_free(struct spf_checker **checker)
{
	if (*checker == NULL)
		return;
	if ((*checker)->check != NULL) {
		clock_gettime(CLOCK_MONOTONIC, &(*checker)->give_up_at);
		free(wait_for_thread(*checker));
	}
	free(*checker);
	*checker = NULL;
}

/* --------------------------------------------------------------- starting */

/* As RFC 7208 5 wants it: IPv4 stays IPv4 where a host writes ::ffff:. */
static bool write_address(const char *client_ip, char *text)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct network client;

	if (!network_parse(span_of(client_ip), &client) || client.prefix != 128)
		return false;
	if (memcmp(client.address, mapped, sizeof(mapped)) == 0)
		return inet_ntop(AF_INET, client.address + 12, text,
				 INET6_ADDRSTRLEN) != NULL;
	return inet_ntop(AF_INET6, client.address, text, INET6_ADDRSTRLEN) !=
	       NULL;
}

/* RFC 7208 4.3: without a local part it is "postmaster", says libspf2. */
static void write_identity(const struct spf_fact *spf, const char *mail_from,
			   char identity[MAX_IDENTITY + 1])
{
	const char *at = strrchr(mail_from, '@');
	size_t local = at == NULL ? 0 : (size_t)(at - mail_from);

	if (local > MAX_LOCAL_OCTETS)
		local = MAX_LOCAL_OCTETS;
	snprintf(identity, MAX_IDENTITY + 1, "%.*s%s%s", (int)local, mail_from,
		 local > 0 ? "@" : "", spf->domain);
}

int spf_check_start(struct spf_checker *checker, const char *client_ip,
		    const char *helo, const char *mail_from, int deadline_ms,
		    struct spf_fact *spf, struct arena *arena, struct err *err)
{
	char address[INET6_ADDRSTRLEN];
	struct check *check;
	struct timespec now;
	int code;

	if (spf_fact_make(spf, AUTH_TEMPERROR, mail_from, helo, arena, err) < 0)
		return -1;
	if (spf->result == AUTH_NONE)
		return 0;
	if (!write_address(client_ip, address) ||
	    network_listed(SPAN("127.0.0.0/8, ::1"), span_of(client_ip),
			   NULL) != 0) {
		spf->result = AUTH_NONE;
		return 0;
	}
	/* Somebody jumped out of us: nobody knows about that thread any more. */
	checker->lost |= checker->check != NULL;
	if (checker->lost)
		return 0;
	check = calloc(1, sizeof(*check));
	if (check == NULL)
		return err_set(err, ERR_LIMIT, "out of memory");
	check->test = checker->test;
	memcpy(check->client_ip, address, sizeof(address));
	write_identity(spf, mail_from, check->identity);
	clock_gettime(CLOCK_MONOTONIC, &now);
	checker->half_time = later(now, deadline_ms / 2);
	checker->give_up_at = later(now, deadline_ms);
	code = start_thread(checker, check);
	if (code == 0)
		return 1;
	free(check);
	return err_set(err, ERR_TEMP, "no thread: %s", strerror(code));
}

/* -------------------------------------------------------------- finishing */

/* The outcome has one number for four results; the word is libspf2's. */
static bool read_answer(const struct check *check, enum auth_result *result)
{
	struct span word = span_of(check->word);

	switch (check->outcome) {
	case DMARC_POLICY_SPF_OUTCOME_PASS:
		*result = AUTH_PASS;
		return true;
	case DMARC_POLICY_SPF_OUTCOME_NONE:
		*result = AUTH_NONE;
		return true;
	case DMARC_POLICY_SPF_OUTCOME_TMPFAIL:
		*result = AUTH_TEMPERROR;
		return true;
	}
	return (span_is(word, "fail") || span_is(word, "softfail") ||
		span_is(word, "neutral") || span_is(word, "permerror")) &&
	       auth_result_parse(word, result);
}

static bool
can_fetch(const char *domain, struct resolver *resolver, struct arena *arena)
{
	struct dns_question question = { .name = domain, .type = DNS_TXT };
	struct dns_answer answer;

	resolver->ask(resolver, &question, &answer, 1, arena);
	return answer.status != DNS_FAIL;
}

/*
 * The record cannot be read, or could not be fetched. When we can fetch it, the
 * name servers may have needed a second question, so libspf2 asks again.
 */
static enum auth_result
ask_again(struct spf_checker *checker, struct check **check,
	  const struct spf_fact *spf, struct resolver *resolver,
	  struct arena *arena)
{
	enum auth_result result = AUTH_PERMERROR;

	if (!can_fetch(spf->domain, resolver, arena) ||
	    start_thread(checker, *check) != 0)
		return AUTH_TEMPERROR;
	*check = wait_for_thread(checker);
	if (*check == NULL)
		return AUTH_TEMPERROR;
	(void)read_answer(*check, &result);
	return result;
}

/* Names whose records libspf2 reads, each once for every time it is named. */
struct trail {
	const char *domain[MAX_RECORDS];
	size_t n;
};

/* "ptr", "ptr:example.org", "exists:%{p}.example.org" */
static bool is_about_client(struct span term)
{
	struct span before;

	if (span_is(term, "ptr") || span_starts(term, "ptr:") ||
	    span_starts(term, "ptr/"))
		return true;
	while (span_take_until(&term, '%', &before))
		if (span_starts(term, "{p"))
			return true;
	return false;
}

static void follow(struct trail *trail, struct span term, struct arena *arena)
{
	const char *name;
	struct span tag;

	if (trail->n == MAX_RECORDS ||
	    (!span_starts(term, "include:") && !span_starts(term, "redirect=")))
		return;
	if (!span_take_until(&term, ':', &tag))
		(void)span_take_until(&term, '=', &tag);
	name = domain_normalize(arena, term);
	if (name != NULL)
		trail->domain[trail->n++] = name;
}

static bool
names_client(struct span record, struct trail *trail, struct arena *arena)
{
	struct span term;

	if (!span_starts(record, "v=spf1"))
		return false;
	while (span_take_item(&record, ' ', &term)) {
		if (span_has(SPAN("+-?~"), term.p[0]))
			term = (struct span){ term.p + 1, term.n - 1 };
		if (is_about_client(term))
			return true;
		follow(trail, term, arena);
	}
	return false;
}

/*
 * RFC 7208 5.5: "ptr" makes us ask the client's own name servers. When they are
 * silent, it does not match, and is no temporary error: the client would bring
 * that about for any domain with such a record. libspf2 waits for them longer than
 * we do for it.
 */
static bool depends_on_client(const char *domain, struct resolver *resolver,
			      struct arena *arena)
{
	struct trail trail = { .domain = { domain }, .n = 1 };
	struct dns_question question = { .type = DNS_TXT };
	struct dns_answer answer;
	size_t at, i;

	for (at = 0; at < trail.n; at++) {
		question.name = trail.domain[at];
		resolver->ask(resolver, &question, &answer, 1, arena);
		if (answer.status != DNS_FOUND)
			continue;
		for (i = 0; i < answer.n; i++)
			if (names_client(answer.records[i], &trail, arena))
				return true;
	}
	return false;
}

void spf_check_finish(struct spf_checker *checker, struct resolver *resolver,
		      struct spf_fact *spf, struct arena *arena)
{
	bool is_slow = !has_ended(checker, checker->half_time);
	bool by_client =
		is_slow && depends_on_client(spf->domain, resolver, arena);
	struct check *check = wait_for_thread(checker);

	if (by_client && (check == NULL ||
			  check->outcome == DMARC_POLICY_SPF_OUTCOME_TMPFAIL))
		spf->result = AUTH_PERMERROR;
	else if (check != NULL && !read_answer(check, &spf->result))
		spf->result = ask_again(checker, &check, spf, resolver, arena);
	free(check);
}
