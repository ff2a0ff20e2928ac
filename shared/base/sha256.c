/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/sha256.h"

#include <nettle/hmac.h>
#include <nettle/sha2.h>

struct sha256 sha256(struct span message)
{
	struct sha256_ctx state;
	struct sha256 hash;

	sha256_init(&state);
	if (message.n > 0)
		sha256_update(&state, message.n, (const uint8_t *)message.p);
	sha256_digest(&state, sizeof(hash.bytes), hash.bytes);
	return hash;
}

struct sha256 sha256_keyed(struct span key, struct span message)
{
	struct hmac_sha256_ctx state;
	struct sha256 hash;

	hmac_sha256_set_key(&state, key.n, (const uint8_t *)key.p);
	hmac_sha256_update(&state, message.n, (const uint8_t *)message.p);
	hmac_sha256_digest(&state, sizeof(hash.bytes), hash.bytes);
	return hash;
}
