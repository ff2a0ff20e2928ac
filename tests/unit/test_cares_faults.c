/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * c-ares does not start, there is no memory, or the host jumps out of us in the
 * middle of its work: then questions fail with the reason, and nothing else does.
 */
#include "dns/cares.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CARES_NO_DEPRECATED
#include <ares.h>
#include <cmocka.h>

#include "unit/faults.h"

/* Nobody listens there, which the host tells at once. */
#define SERVER "127.0.0.1:9"

static struct {
	int library; /* what these functions return, if not success */
	int init;
	int servers;
	bool jump; /* out of the next question */
	sigjmp_buf out;
	ares_channel channel; /* reachable, so nobody calls them lost */
	void *data;
} fault;

/* The program is linked with --wrap of these. */
int __real_ares_library_init(int flags);
int __wrap_ares_library_init(int flags);
int __real_ares_init_options(ares_channel *channel,
			     struct ares_options *options, int mask);
int __wrap_ares_init_options(ares_channel *channel,
			     struct ares_options *options, int mask);
int __real_ares_set_servers_ports(ares_channel channel,
				  struct ares_addr_port_node *servers);
int __wrap_ares_set_servers_ports(ares_channel channel,
				  struct ares_addr_port_node *servers);
void __real_ares_query(ares_channel channel, const char *name, int class,
		       int type, ares_callback callback, void *data);
void __wrap_ares_query(ares_channel channel, const char *name, int class,
		       int type, ares_callback callback, void *data);

int __wrap_ares_library_init(int flags)
{
	return fault.library != ARES_SUCCESS ? fault.library :
					       __real_ares_library_init(flags);
}

int __wrap_ares_init_options(ares_channel *channel,
			     struct ares_options *options, int mask)
{
	return fault.init != ARES_SUCCESS ?
		       fault.init :
		       __real_ares_init_options(channel, options, mask);
}

int __wrap_ares_set_servers_ports(ares_channel channel,
				  struct ares_addr_port_node *servers)
{
	return fault.servers != ARES_SUCCESS ?
		       fault.servers :
		       __real_ares_set_servers_ports(channel, servers);
}

/* As Exim does when local_scan_timeout strikes there. */
void __wrap_ares_query(ares_channel channel, const char *name, int class,
		       int type, ares_callback callback, void *data)
{
	if (fault.jump) {
		fault.jump = false;
		fault.channel = channel;
		fault.data = data;
		siglongjmp(fault.out, 1);
	}
	__real_ares_query(channel, name, class, type, callback, data);
}

static int setup(void **state)
{
	(void)state;
	memset(&fault, 0, sizeof(fault));
	return 0;
}

static struct dns_answer ask(struct resolver *resolver)
{
	struct dns_question question = { .name = "a.example", .type = DNS_MX };
	struct arena *arena = arena_new(65536);
	struct dns_answer answer = { .status = DNS_FOUND };

	assert_non_null(arena);
	resolver->ask(resolver, &question, &answer, 1, arena);
	arena_free(&arena);
	return answer;
}

static void expect_no_start(void)
{
	struct err err = ERR_INIT;

	assert_null(cares_new(SERVER, 1000, &err));
	assert_int_equal(err.kind, ERR_TEMP);
	assert_non_null(strstr(err.text, "c-ares: "));
}

static void test_no_start(void **state)
{
	(void)state;
	fault.library = ARES_ENOTINITIALIZED;
	expect_no_start();
	fault.library = ARES_SUCCESS;
	fault.init = ARES_EFILE;
	expect_no_start();
	fault.init = ARES_SUCCESS;
	fault.servers = ARES_ENOMEM;
	expect_no_start();
}

/* Neither a resolver nor an answer is half made. */
static void test_no_memory(void **state)
{
	bool failed = true;
	size_t n;

	(void)state;
	for (n = 1; failed && faults_begin(n); n++) {
		struct err err = ERR_INIT;
		struct resolver *resolver = cares_new(SERVER, 1000, &err);
		struct dns_answer answer = { .status = DNS_FAIL };
		struct dns_question question = { .name = "a.example" };
		struct arena *arena = NULL;

		if (resolver != NULL) {
			resolver->ask(resolver, &question, &answer, 1, arena);
			failed = faults_end();
			assert_int_equal(answer.status, DNS_FAIL);
			assert_string_equal(
				answer.why,
				failed ? "out of memory" :
					 "no name server could answer");
		} else {
			failed = faults_end();
			assert_true(failed);
			assert_int_equal(err.kind, ERR_TEMP);
		}
		resolver_free(&resolver);
	}
	assert_true(n > 2);
}

static int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static void jump_out_of(struct resolver *resolver)
{
	struct dns_question question = { .name = "a.example", .type = DNS_MX };
	struct dns_answer answer;

	if (sigsetjmp(fault.out, 1) != 0)
		return;
	fault.jump = true;
	resolver->ask(resolver, &question, &answer, 1, NULL);
	fail_msg("nobody jumped");
}

/* The channel must not be touched again; the next message has another. */
static void test_jumped_out_of_work(void **state)
{
	struct err err = ERR_INIT;
	int descriptors = open_descriptors();
	struct resolver *resolver = cares_new(SERVER, 5000, &err);
	struct dns_answer answer;

	(void)state;
	assert_non_null(resolver);
	/* Its socket is open then. */
	answer = ask(resolver);
	assert_string_equal(answer.why, "no name server could answer");
	jump_out_of(resolver);
	cares_restart(resolver);
	fault.init = ARES_EFILE;
	answer = ask(resolver);
	assert_int_equal(answer.status, DNS_FAIL);
	assert_non_null(strstr(answer.why, "c-ares: "));
	fault.init = ARES_SUCCESS;
	answer = ask(resolver);
	assert_string_equal(answer.why, "no name server could answer");
	resolver_free(&resolver);
	assert_int_equal(open_descriptors(), descriptors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_no_start, setup),
		cmocka_unit_test_setup(test_no_memory, setup),
		cmocka_unit_test_setup(test_jumped_out_of_work, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
