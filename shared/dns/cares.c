/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "dns/cares.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* ares_query() and its like are there to stay, but marked since 1.28. */
#define CARES_NO_DEPRECATED
#include <ares.h>

#include "base/quote.h"
#include "dns/message.h"

/* resolv.conf(5) knows three; each needs one socket for UDP, one for TCP. */
#define MAX_SERVERS 8
#define MAX_SOCKETS 32

/* What fits into one packet everywhere (dnsflagday.net, RFC 9715). */
#define UDP_OCTETS 1232

/* Each server is asked so often, if there is time. */
#define TRIES 3

/*
 * What happens at the moment. Exim ends a local_scan() that takes too long by a
 * jump out of a signal handler, past all of this. While we sleep in poll(),
 * that is nearly always, c-ares is at rest and can be cleaned up the next time;
 * in the middle of its work it must never be touched again.
 */
enum state {
	IDLE,
	WORKING,
	SLEEPING,
};

struct cares;

struct slot {
	struct cares *self;
	size_t i;
};

struct cares {
	struct resolver resolver; /* first: what others see of us */
	ares_channel channel;
	struct ares_addr_port_node server[MAX_SERVERS];
	size_t servers; /* 0: those of resolv.conf */
	int deadline_ms;
	int64_t started_at;
	int64_t give_up_at;
	volatile sig_atomic_t state;

	/* The batch; what c-ares points to is only our own heap. */
	const struct dns_question *questions;
	struct dns_answer *answers; /* NULL: nobody waits any more */
	struct arena *arena;
	size_t pending;
	struct slot *slots;
	size_t room;

	int socket[MAX_SOCKETS]; /* open ones */
	size_t sockets;
};

/* Milliseconds of a clock that nobody sets. */
static int64_t now_ms(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---------------------------------------------------------------- sockets */

/*
 * Our own, because the library's would let a server that hangs up kill us with
 * SIGPIPE, and because a channel that was jumped out of cannot close them.
 */
static ares_socket_t open_socket(int family, int type, int protocol, void *data)
{
	struct cares *self = data;
	int fd;

	if (self->sockets == MAX_SOCKETS) {
		errno = EMFILE;
		return -1;
	}
	fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	if (fd >= 0)
		self->socket[self->sockets++] = fd;
	return fd;
}

static int close_socket(ares_socket_t fd, void *data)
{
	struct cares *self = data;
	size_t i;

	for (i = 0; i < self->sockets; i++)
		if (self->socket[i] == fd)
			self->socket[i] = self->socket[--self->sockets];
	return close(fd);
}

static int connect_socket(ares_socket_t fd, const struct sockaddr *to,
			  ares_socklen_t n, void *data)
{
	(void)data;
	return connect(fd, to, n);
}

static ares_ssize_t receive(ares_socket_t fd, void *octets, size_t n, int flags,
			    struct sockaddr *from, ares_socklen_t *from_n,
			    void *data)
{
	(void)data;
	return recvfrom(fd, octets, n, flags, from, from_n);
}

static ares_ssize_t
send_octets(ares_socket_t fd, const struct iovec *parts, int n, void *data)
{
	/* sendmsg() does not write to the parts. */
	struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)parts,
				  .msg_iovlen = (size_t)n };

	ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);

	(void)data;
	/*
	 * This is what became of an earlier packet, and is told only once. Were
	 * it told here, the question in that packet would wait for its timeout;
	 * what becomes of this one is told to who reads, for all questions.
	 */
	if (sent < 0 && errno == ECONNREFUSED)
		sent = sendmsg(fd, &message, MSG_NOSIGNAL);
	return sent;
}

static const struct ares_socket_functions socket_functions = {
	.asocket = open_socket,
	.aclose = close_socket,
	.aconnect = connect_socket,
	.arecvfrom = receive,
	.asendv = send_octets,
};

/* ---------------------------------------------------------------- channel */

/*
 * A server that does not answer must leave time for the others, and for asking
 * again: c-ares doubles the time with each round.
 */
static int timeout_for(int deadline_ms)
{
	int timeout = deadline_ms / 5;

	return timeout < 100 ? 100 : timeout;
}

static int start_channel(struct cares *self, struct err *err)
{
	char lookups[] = "b"; /* spares reading nsswitch.conf */
	struct ares_options options = {
		.flags = ARES_FLAG_EDNS,
		.timeout = timeout_for(self->deadline_ms),
		.tries = TRIES,
		.lookups = lookups,
		.ednspsz = UDP_OCTETS,
	};
	int code;

	code = ares_init_options(&self->channel, &options,
				 ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS |
					 ARES_OPT_TRIES | ARES_OPT_LOOKUPS |
					 ARES_OPT_EDNSPSZ);
	if (code != ARES_SUCCESS) {
		self->channel = NULL;
		return err_set(err, ERR_TEMP, "c-ares: %s",
			       ares_strerror(code));
	}
	ares_set_socket_functions(self->channel, &socket_functions, self);
	if (self->servers > 0)
		code = ares_set_servers_ports(self->channel, self->server);
	if (code != ARES_SUCCESS) {
		ares_destroy(self->channel);
		self->channel = NULL;
		return err_set(err, ERR_TEMP, "c-ares: %s",
			       ares_strerror(code));
	}
	return 0;
}

/* If somebody jumped out of ask(), bring us back into order. */
static void settle(struct cares *self)
{
	enum state was = (enum state)self->state;

	if (was == IDLE)
		return;
	self->answers = NULL;
	if (was == SLEEPING) {
		ares_cancel(self->channel);
	} else {
		/* Its memory is lost; its sockets need not be. */
		while (self->sockets > 0)
			close(self->socket[--self->sockets]);
		self->channel = NULL;
		self->slots = NULL;
		self->room = 0;
	}
	self->pending = 0;
	self->state = IDLE;
}

/* ----------------------------------------------------------------- asking */

static const char *why_failed(int status)
{
	switch (status) {
	case ARES_ETIMEOUT:
	case ARES_ECANCELLED: /* by us, when the time is over */
		return "timeout";
	case ARES_ECONNREFUSED: /* c-ares 1.18 says so after SERVFAIL, too */
		return "no name server could answer";
	case ARES_ENOMEM:
		return "out of memory";
	default:
		return ares_strerror(status);
	}
}

static void
on_reply(void *data, int status, int timeouts, unsigned char *reply, int n)
{
	const struct slot *slot = data;
	struct cares *self = slot->self;
	struct dns_answer answer;

	(void)timeouts;
	if (self->pending > 0)
		self->pending--;
	if (self->answers == NULL)
		return;
	if (reply != NULL && n > 0)
		answer = dns_message_read(
			(struct span){ (const char *)reply, (size_t)n },
			&self->questions[slot->i], self->arena);
	else
		answer = dns_failure(why_failed(status));
	self->answers[slot->i] = answer;
}

static bool make_slots(struct cares *self, size_t n)
{
	struct slot *slots;
	size_t i;

	if (n <= self->room)
		return true;
	if (n > SIZE_MAX / sizeof(*slots))
		return false;
	slots = realloc(self->slots, n * sizeof(*slots));
	if (slots == NULL)
		return false;
	for (i = 0; i < n; i++)
		slots[i] = (struct slot){ .self = self, .i = i };
	self->slots = slots;
	self->room = n;
	return true;
}

/* How long to sleep: until the deadline, or until c-ares wants to act. */
static int sleep_ms(struct cares *self, int64_t left)
{
	struct timeval most = { .tv_sec = (time_t)(left / 1000),
				.tv_usec = (suseconds_t)(left % 1000) * 1000 };
	struct timeval wait;
	const struct timeval *time;

	time = ares_timeout(self->channel, &most, &wait);
	return (int)(time->tv_sec * 1000 + (time->tv_usec + 999) / 1000);
}

/* Wait for what comes next, and let c-ares handle it. */
static void run_once(struct cares *self, int64_t left)
{
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	struct pollfd fds[ARES_GETSOCK_MAXNUM];
	unsigned int bits = (unsigned int)ares_getsock(self->channel, sockets,
						       ARES_GETSOCK_MAXNUM);
	int wait = sleep_ms(self, left);
	nfds_t n = 0;
	int ready;
	nfds_t i;

	for (i = 0; i < ARES_GETSOCK_MAXNUM; i++) {
		short events = 0;

		/* The library's macros shift a signed 1 into the sign. */
		if ((bits >> i & 1) != 0)
			events |= POLLIN;
		if ((bits >> (i + ARES_GETSOCK_MAXNUM) & 1) != 0)
			events |= POLLOUT;
		if (events != 0)
			fds[n++] = (struct pollfd){ .fd = sockets[i],
						    .events = events };
	}
	self->state = SLEEPING;
	ready = poll(fds, n, wait);
	self->state = WORKING;
	for (i = 0; ready > 0 && i < n; i++) {
		bool in = (fds[i].revents & ~POLLOUT) != 0;
		bool out = (fds[i].revents & POLLOUT) != 0;

		if (in || out)
			ares_process_fd(self->channel,
					in ? fds[i].fd : ARES_SOCKET_BAD,
					out ? fds[i].fd : ARES_SOCKET_BAD);
	}
	ares_process_fd(self->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static void run(struct cares *self)
{
	while (self->pending > 0) {
		int64_t left = self->give_up_at - now_ms();

		if (left <= 0)
			break;
		run_once(self, left);
	}
	if (self->pending > 0)
		ares_cancel(self->channel);
}

static void ask(struct resolver *resolver, const struct dns_question *questions,
		struct dns_answer *answers, size_t n, struct arena *arena)
{
	struct cares *self = (struct cares *)resolver;
	struct err err = ERR_INIT;
	const char *why = NULL;
	size_t i;

	settle(self);
	self->state = WORKING;
	if (self->give_up_at <= now_ms())
		why = "timeout";
	else if (self->channel == NULL && start_channel(self, &err) < 0)
		why = err.text;
	else if (!make_slots(self, n))
		why = "out of memory";
	for (i = 0; why != NULL && i < n; i++)
		answers[i] = dns_failure(why);
	if (why == NULL) {
		self->questions = questions;
		self->answers = answers;
		self->arena = arena;
		self->pending = n;
		for (i = 0; i < n; i++)
			ares_query(self->channel, questions[i].name, 1,
				   (int)dns_type_number(questions[i].type),
				   on_reply, &self->slots[i]);
		run(self);
		self->answers = NULL;
	}
	self->state = IDLE;
}

void cares_began(struct resolver *resolver, int64_t ago_ms)
{
	struct cares *self = (struct cares *)resolver;

	self->started_at = now_ms() - ago_ms;
	self->give_up_at = self->started_at + self->deadline_ms;
}

void cares_restart(struct resolver *resolver)
{
	cares_began(resolver, 0);
}

static void allow(struct resolver *resolver, size_t part, size_t parts)
{
	struct cares *self = (struct cares *)resolver;

	self->give_up_at = self->started_at +
			   self->deadline_ms * (int64_t)part / (int64_t)parts;
}

static void free_resolver(struct resolver *resolver)
{
	struct cares *self = (struct cares *)resolver;

	settle(self);
	if (self->channel != NULL)
		ares_destroy(self->channel);
	ares_library_cleanup();
	free(self->slots);
	free(self);
}

/* ---------------------------------------------------------------- servers */

static bool read_ip(struct span text, struct ares_addr_port_node *server)
{
	char word[INET6_ADDRSTRLEN];

	if (text.n >= sizeof(word) || span_has(text, '\0'))
		return false;
	memcpy(word, text.p, text.n);
	word[text.n] = '\0';
	server->family = span_has(text, ':') ? AF_INET6 : AF_INET;
	return inet_pton(server->family, word, &server->addr) == 1;
}

static bool read_port(struct span text, struct ares_addr_port_node *server)
{
	uint64_t port;

	if (text.n == 0)
		return true;
	if (text.p[0] != ':')
		return false;
	text.p++;
	text.n--;
	if (!span_to_uint(text, 65535, &port) || port == 0)
		return false;
	server->udp_port = server->tcp_port = (int)port;
	return true;
}

/* 192.0.2.1, 192.0.2.1:53, 2001:db8::1, [2001:db8::1], [2001:db8::1]:53 */
static bool read_server(struct span item, struct ares_addr_port_node *server)
{
	struct span rest = item;
	struct span ip;

	*server =
		(struct ares_addr_port_node){ .udp_port = 53, .tcp_port = 53 };
	if (item.p[0] == '[') {
		rest.p++;
		rest.n--;
		return span_take_until(&rest, ']', &ip) && span_has(ip, ':') &&
		       read_ip(ip, server) && read_port(rest, server);
	}
	if (read_ip(item, server))
		return true;
	return span_take_until(&rest, ':', &ip) && read_ip(ip, server) &&
	       rest.n > 0 &&
	       read_port((struct span){ rest.p - 1, rest.n + 1 }, server);
}

static int
read_servers(struct cares *self, const char *servers, struct err *err)
{
	struct span rest = span_of(servers);
	struct span item;

	while (span_take_item(&rest, ',', &item)) {
		size_t n = self->servers;

		if (n == MAX_SERVERS)
			return err_set(err, ERR_CONFIG,
				       "more than %d name servers",
				       MAX_SERVERS);
		if (!read_server(item, &self->server[n]))
			return err_set(err, ERR_CONFIG,
				       "bad name server address %s",
				       quote(item).text);
		if (n > 0)
			self->server[n - 1].next = &self->server[n];
		self->servers++;
	}
	if (servers != NULL && self->servers == 0)
		return err_set(err, ERR_CONFIG, "no name server");
	return 0;
}

struct resolver *
cares_new(const char *servers, int deadline_ms, struct err *err)
{
	struct cares *self = calloc(1, sizeof(*self));
	int code;

	if (self == NULL) {
		err_set(err, ERR_TEMP, "out of memory");
		return NULL;
	}
	/* On Unix this only counts, and sets malloc() and its like as such. */
	code = ares_library_init(ARES_LIB_INIT_ALL);
	if (code != ARES_SUCCESS) {
		err_set(err, ERR_TEMP, "c-ares: %s", ares_strerror(code));
		free(self);
		return NULL;
	}
	self->resolver.ask = ask;
	self->resolver.free = free_resolver;
	self->resolver.allow = allow;
	self->deadline_ms = deadline_ms;
	if (read_servers(self, servers, err) < 0 ||
	    start_channel(self, err) < 0) {
		free_resolver(&self->resolver);
		return NULL;
	}
	cares_restart(&self->resolver);
	return &self->resolver;
}
