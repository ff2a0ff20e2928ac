/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz.h - what every fuzz target has
 */
#ifndef EDMARC_TESTS_FUZZ_H
#define EDMARC_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Given any octets, does not return if a promise is broken. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise; not assert(), which can be switched off. */
#define MUST_HOLD(promise)                                               \
	do {                                                             \
		if (!(promise)) {                                        \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, \
				__LINE__, #promise);                     \
			abort();                                         \
		}                                                        \
	} while (0)

#endif
