/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cares_late.c - c-ares, loaded by the first message that needs it
 *
 * Exim loads us anew for each connection, and a library that we were linked with
 * along with us. Most connections do without this one (dns/stub.h). dns/cares.c
 * calls c-ares as everywhere else; in the module these are the functions it gets.
 * It begins with ares_library_init(), and calls no other when that has failed, but
 * for ares_strerror().
 */
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#define CARES_NO_DEPRECATED
#define CARES_STATICLIB /* ours are not to be exported */
#include <ares.h>

#define LIBRARY "libcares.so.2"

static struct {
	__typeof__(ares_library_init) *library_init;
	__typeof__(ares_library_cleanup) *library_cleanup;
	__typeof__(ares_init_options) *init_options;
	__typeof__(ares_set_socket_functions) *set_socket_functions;
	__typeof__(ares_set_servers_ports) *set_servers_ports;
	__typeof__(ares_destroy) *destroy;
	__typeof__(ares_cancel) *cancel;
	__typeof__(ares_query) *query;
	__typeof__(ares_getsock) *getsock;
	__typeof__(ares_timeout) *timeout;
	__typeof__(ares_process_fd) *process_fd;
	__typeof__(ares_strerror) *strerror;
} real;

#define AT(member)                            \
	{                                     \
		"ares_" #member, &real.member \
	}

static const struct {
	const char *name;
	void *place;
} functions[] = {
	AT(library_init),
	AT(library_cleanup),
	AT(init_options),
	AT(set_socket_functions),
	AT(set_servers_ports),
	AT(destroy),
	AT(cancel),
	AT(query),
	AT(getsock),
	AT(timeout),
	AT(process_fd),
	AT(strerror),
};

/* It stays until Exim's process ends, as anything it is linked with does. */
static int load(void)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	size_t i;

	if (library == NULL)
		return ARES_ENOTINITIALIZED;
	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		/* ISO C knows no way from void * to a function; POSIX does. */
		void *function = dlsym(library, functions[i].name);

		if (function == NULL) {
			dlclose(library);
			return ARES_ENOTINITIALIZED;
		}
		memcpy(functions[i].place, &function, sizeof(function));
	}
	return ARES_SUCCESS;
}

int ares_library_init(int flags)
{
	static int loaded = ARES_ENOTINITIALIZED;

	if (loaded != ARES_SUCCESS)
		loaded = load();
	return loaded == ARES_SUCCESS ? real.library_init(flags) : loaded;
}

const char *ares_strerror(int code)
{
	/* Said of ares_library_init() only. */
	if (code == ARES_ENOTINITIALIZED)
		return LIBRARY " cannot be loaded";
	return real.strerror(code);
}

void ares_library_cleanup(void)
{
	real.library_cleanup();
}

int ares_init_options(ares_channel *channel, struct ares_options *options,
		      int mask)
{
	return real.init_options(channel, options, mask);
}

void ares_set_socket_functions(ares_channel channel,
			       const struct ares_socket_functions *functions_,
			       void *data)
{
	real.set_socket_functions(channel, functions_, data);
}

int ares_set_servers_ports(ares_channel channel,
			   struct ares_addr_port_node *servers)
{
	return real.set_servers_ports(channel, servers);
}

void ares_destroy(ares_channel channel)
{
	real.destroy(channel);
}

void ares_cancel(ares_channel channel)
{
	real.cancel(channel);
}

void ares_query(ares_channel channel, const char *name, int class, int type,
		ares_callback callback, void *data)
{
	real.query(channel, name, class, type, callback, data);
}

int ares_getsock(ares_channel channel, ares_socket_t *sockets, int n)
{
	return real.getsock(channel, sockets, n);
}

struct timeval *
ares_timeout(ares_channel channel, struct timeval *most, struct timeval *result)
{
	return real.timeout(channel, most, result);
}

void ares_process_fd(ares_channel channel, ares_socket_t in, ares_socket_t out)
{
	real.process_fd(channel, in, out);
}
