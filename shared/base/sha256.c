/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/sha256.h"

#include <nettle/hmac.h>
#include <nettle/sha2.h>

_Static_assert(sizeof(struct sha256_ctx) <= sizeof(struct sha256_run),
	       "the state of libnettle has room in ours");

static struct sha256_ctx *state_of(struct sha256_run *run)
{
	return (struct sha256_ctx *)(void *)run->state;
}

void sha256_begin(struct sha256_run *run)
{
	sha256_init(state_of(run));
}

void sha256_add(struct sha256_run *run, struct span piece)
{
	if (piece.n > 0)
		sha256_update(state_of(run), piece.n, (const uint8_t *)piece.p);
}

struct sha256 sha256_end(struct sha256_run *run)
{
	struct sha256 hash;

	sha256_digest(state_of(run), sizeof(hash.bytes), hash.bytes);
	return hash;
}

struct sha256 sha256(struct span message)
{
	struct sha256_run run;

	sha256_begin(&run);
	sha256_add(&run, message);
	return sha256_end(&run);
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
