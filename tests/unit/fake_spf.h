/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_spf.h - a library in the place of libopendmarc, told what to say
 *
 * A module that the code under test loads.
 */
#ifndef EDMARC_TESTS_FAKE_SPF_H
#define EDMARC_TESTS_FAKE_SPF_H

#include <stdatomic.h>
#include <stdbool.h>

struct fake_spf {
	int outcome; /* what it returns */
	char word[64];
	int outcome_again; /* from the second call on, if not 0 */
	int sleep_ms;      /* before it does */
	atomic_bool deaf;  /* cannot be cancelled, and waits for this to end */

	int calls;
	char client_ip[64];
	char identity[600];
	bool handles_signals; /* SIGALRM or SIGSEGV could be handled there */
};

/* The module, where libtool puts it. */
const char *fake_spf_path(void);

/* What the module goes by, cleared. Ends the test program when it is not there. */
struct fake_spf *fake_spf_open(void);

#endif
