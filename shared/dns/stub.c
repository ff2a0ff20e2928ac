/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/stub.h"

#include <resolv.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "dns/cares.h"
#include "dns/message.h"

/* RFC 1035 4.2.1; what says that there is more goes to c-ares, with EDNS. */
#define UDP_OCTETS 512

/* A header, a name, type and class. */
#define QUERY_OCTETS (12 + 256 + 4)

/* A reply, for as long as it may be used again. */
struct kept {
	int64_t until; /* now_ms() */
	enum dns_type type;
	size_t n;
	char name[256];
	char reply[];
};

struct stub {
	struct resolver resolver; /* first: what others see of us */
	int deadline_ms;
	int64_t started_at;
	size_t part, parts; /* of the deadline, as allow() has it */
	struct resolver *cares;

	/*
	 * When Exim has jumped out of the C library, all of this is left alone
	 * from then on: nobody knows what is going on in there. At most one
	 * socket is lost.
	 */
	volatile sig_atomic_t asking;
	bool opened;
	bool usable;
	struct __res_state state;

	struct kept *kept[MAX_KEPT_ANSWERS];
	size_t next; /* to be replaced */
	unsigned alone, by_cares;
};

/* Milliseconds of a clock that nobody sets. */
static int64_t now_ms(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ------------------------------------------------------------ kept answers */

static const struct kept *
find_kept(const struct stub *self, const struct dns_question *question)
{
	size_t i;

	for (i = 0; i < MAX_KEPT_ANSWERS && self->kept[i] != NULL; i++)
		if (self->kept[i]->type == question->type &&
		    strcmp(self->kept[i]->name, question->name) == 0 &&
		    self->kept[i]->until > now_ms())
			return self->kept[i];
	return NULL;
}

/* Only a gain of time is lost when there is no memory. */
static void keep(struct stub *self, const struct dns_question *question,
		 struct span reply, const struct dns_answer *answer)
{
	uint32_t seconds = dns_message_ttl(reply, answer);
	size_t name = strlen(question->name);
	struct kept *kept;

	if (seconds == 0 || name >= sizeof(kept->name))
		return;
	if (seconds > MAX_KEPT_SECONDS)
		seconds = MAX_KEPT_SECONDS;
	kept = malloc(sizeof(*kept) + reply.n);
	if (kept == NULL)
		return;
	kept->until = now_ms() + (int64_t)seconds * 1000;
	kept->type = question->type;
	kept->n = reply.n;
	memcpy(kept->name, question->name, name + 1);
	memcpy(kept->reply, reply.p, reply.n);
	free(self->kept[self->next]);
	self->kept[self->next] = kept;
	self->next = (self->next + 1) % MAX_KEPT_ANSWERS;
}

/* ---------------------------------------------------------- the C library */

static bool open_library(struct stub *self)
{
	if (res_ninit(&self->state) != 0)
		return false;
	/* One try of a server; and its TCP knows no deadline. */
	if ((self->state.options & RES_USEVC) != 0) {
		res_nclose(&self->state);
		return false;
	}
	self->state.nscount = 1;
	self->state.retrans = STUB_MS / 1000;
	self->state.retry = 1;
	self->state.options |= RES_IGNTC;
	self->state.options &= ~(unsigned long)RES_ROTATE;
	return true;
}

/* Only an answer that is certain counts; c-ares finds out about all others. */
static bool ask_library(struct stub *self, const struct dns_question *question,
			struct dns_answer *answer, struct arena *arena)
{
	unsigned char query[QUERY_OCTETS], reply[UDP_OCTETS];
	struct span text = { .p = (const char *)reply };
	int n = res_nmkquery(&self->state, ns_o_query, question->name, ns_c_in,
			     (int)dns_type_number(question->type), NULL, 0,
			     NULL, query, sizeof(query));

	/* The C library takes the number of a question from the clock. */
	if (n > 0 && getrandom(query, 2, 0) != 2)
		n = -1;
	if (n > 0)
		n = res_nsend(&self->state, query, n, reply, sizeof(reply));
	/* A server that did not help now will hardly do so the next time. */
	self->usable = n > 0;
	if (n <= 0 || (size_t)n > sizeof(reply))
		return false;
	text.n = (size_t)n;
	*answer = dns_message_read(text, question, arena);
	if (answer->status == DNS_FAIL)
		return false;
	keep(self, question, text, answer);
	return true;
}

/* Of the time that we are allowed to take by now, which is over? */
static int64_t time_left(const struct stub *self)
{
	return self->started_at +
	       self->deadline_ms * (int64_t)self->part / (int64_t)self->parts -
	       now_ms();
}

static bool ask_alone(struct stub *self, const struct dns_question *question,
		      struct dns_answer *answer, struct arena *arena)
{
	const struct kept *kept = find_kept(self, question);
	bool answered;

	if (kept != NULL) {
		*answer = dns_message_read(
			(struct span){ kept->reply, kept->n }, question, arena);
		return true;
	}
	if (!self->usable || time_left(self) < STUB_MS)
		return false;
	self->alone++;
	self->asking = 1;
	answered = ask_library(self, question, answer, arena);
	self->asking = 0;
	return answered;
}

/* ----------------------------------------------------------------- asking */

static void ask_cares(struct stub *self, const struct dns_question *questions,
		      struct dns_answer *answers, size_t n, struct arena *arena)
{
	struct err err = ERR_INIT;
	size_t i;

	if (self->cares == NULL) {
		self->cares = cares_new(NULL, self->deadline_ms, &err);
		for (i = 0; self->cares == NULL && i < n; i++)
			answers[i] = dns_failure(err.text);
		if (self->cares == NULL)
			return;
		cares_began(self->cares, now_ms() - self->started_at);
		resolver_allow(self->cares, self->part, self->parts);
	}
	self->by_cares += (unsigned)n;
	self->cares->ask(self->cares, questions, answers, n, arena);
}

static void ask(struct resolver *resolver, const struct dns_question *questions,
		struct dns_answer *answers, size_t n, struct arena *arena)
{
	struct stub *self = (struct stub *)resolver;

	if (n != 1 || self->asking ||
	    !ask_alone(self, questions, answers, arena))
		ask_cares(self, questions, answers, n, arena);
}

void stub_restart(struct resolver *resolver)
{
	struct stub *self = (struct stub *)resolver;

	self->started_at = now_ms();
	self->part = self->parts = 1;
	if (self->cares != NULL)
		cares_restart(self->cares);
}

static void allow(struct resolver *resolver, size_t part, size_t parts)
{
	struct stub *self = (struct stub *)resolver;

	self->part = part;
	self->parts = parts;
	if (self->cares != NULL)
		resolver_allow(self->cares, part, parts);
}

static void free_resolver(struct resolver *resolver)
{
	struct stub *self = (struct stub *)resolver;
	size_t i;

	resolver_free(&self->cares);
	if (self->opened && !self->asking)
		res_nclose(&self->state);
	for (i = 0; i < MAX_KEPT_ANSWERS && !self->asking; i++)
		free(self->kept[i]);
	free(self);
}

struct resolver *stub_new(const char *servers, int deadline_ms, struct err *err)
{
	struct stub *self = calloc(1, sizeof(*self));

	if (self == NULL) {
		err_set(err, ERR_TEMP, "out of memory");
		return NULL;
	}
	self->resolver.ask = ask;
	self->resolver.free = free_resolver;
	self->resolver.allow = allow;
	self->deadline_ms = deadline_ms;
	if (servers != NULL)
		self->cares = cares_new(servers, deadline_ms, err);
	else
		self->opened = self->usable = open_library(self);
	if (servers != NULL && self->cares == NULL) {
		free(self);
		return NULL;
	}
	stub_restart(&self->resolver);
	return &self->resolver;
}

void stub_counts(const struct resolver *resolver, unsigned *alone,
		 unsigned *by_cares)
{
	const struct stub *self = (const struct stub *)resolver;

	*alone = self->alone;
	*by_cares = self->by_cares;
}
