/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sha256.h - the hash of FIPS 180-4
 *
 * For keys that name a value by its content; nothing here is secret. By libnettle,
 * which Exim has loaded anyway. Not in libbase.la, so that the Dovecot plugin
 * does without.
 */
#ifndef EDMARC_BASE_SHA256_H
#define EDMARC_BASE_SHA256_H

#include <stdint.h>

#include "base/span.h"

#define SHA256_BYTES 32

struct sha256 {
	unsigned char bytes[SHA256_BYTES];
};

struct sha256 sha256(struct span message);

/* The hash of a message that comes in pieces: begin, add..., end. */
struct sha256_run {
	uint64_t state[16]; /* libnettle's, whose header stays in sha256.c */
};

void sha256_begin(struct sha256_run *run);
void sha256_add(struct sha256_run *run, struct span piece);
struct sha256 sha256_end(struct sha256_run *run);

/* HMAC-SHA-256 (RFC 2104). */
struct sha256 sha256_keyed(struct span key, struct span message);

#endif
