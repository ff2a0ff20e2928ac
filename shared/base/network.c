/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/network.h"

#include <string.h>

#include <arpa/inet.h>

#include "base/quote.h"

static bool parse_address(struct span text, struct network *network)
{
	unsigned char v4[4];
	char string[INET6_ADDRSTRLEN];

	if (text.n == 0 || text.n >= sizeof(string) || span_has(text, '\0'))
		return false;
	memcpy(string, text.p, text.n);
	string[text.n] = '\0';
	if (inet_pton(AF_INET, string, v4) == 1) {
		memset(network->address, 0, 10);
		memset(network->address + 10, 0xff, 2);
		memcpy(network->address + 12, v4, 4);
		network->prefix = 32;
		return true;
	}
	network->prefix = 128;
	return inet_pton(AF_INET6, string, network->address) == 1;
}

bool network_parse(struct span text, struct network *network)
{
	struct span address = text;
	struct network parsed;
	uint64_t prefix;
	bool whole = !span_take_until(&text, '/', &address);

	if (!parse_address(address, &parsed))
		return false;
	prefix = parsed.prefix;
	if (!whole && !span_to_uint(text, parsed.prefix, &prefix))
		return false;
	if (parsed.prefix == 32)
		prefix += 96;
	parsed.prefix = (unsigned)prefix;
	*network = parsed;
	return true;
}

bool network_holds(const struct network *outer, const struct network *inner)
{
	size_t bytes = outer->prefix / 8;
	unsigned bits = outer->prefix % 8;
	unsigned mask = 0xff00u >> bits & 0xffu;

	if (inner->prefix < outer->prefix ||
	    memcmp(outer->address, inner->address, bytes) != 0)
		return false;
	return bits == 0 ||
	       (outer->address[bytes] & mask) == (inner->address[bytes] & mask);
}

int network_listed(struct span list, struct span address, struct err *err)
{
	struct network network, client;
	bool have_client = network_parse(address, &client);
	int result = 0;
	struct span item;

	while (span_take_item(&list, ',', &item)) {
		if (!network_parse(item, &network))
			return err_set(err, ERR_CONFIG,
				       "%s: not an address or network",
				       quote(item).text);
		if (have_client && network_holds(&network, &client))
			result = 1;
	}
	return result;
}
