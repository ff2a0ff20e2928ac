/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit/fake_spf.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include <opendmarc/dmarc.h>

#include "base/attributes.h"

extern struct fake_spf fake_spf;
EXPORTED struct fake_spf fake_spf;

EXPORTED int opendmarc_spf2_test(char *ip_address, char *mail_from_domain,
				 char *helo_domain, char *spf_record,
				 int softfail_okay_flag, char *human_readable,
				 size_t human_readable_len, int *used_mfrom)
{
	/*
	 * Not on the stack, of which AddressSanitizer loses track when it is
	 * left by a cancellation.
	 */
	static sigset_t blocked;
	static int state;

	(void)spf_record, (void)softfail_okay_flag;
	fake_spf.calls++;
	/* As the real one: only what has an "@" is a MAIL FROM. */
	*used_mfrom = mail_from_domain[0] != '\0';
	snprintf(fake_spf.client_ip, sizeof(fake_spf.client_ip), "%s",
		 ip_address);
	snprintf(fake_spf.identity, sizeof(fake_spf.identity), "%s%s",
		 mail_from_domain, helo_domain);
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	fake_spf.handles_signals = sigismember(&blocked, SIGALRM) == 0 ||
				   sigismember(&blocked, SIGSEGV) == 0;
	if (fake_spf.deaf)
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	poll(NULL, 0, fake_spf.sleep_ms);
	while (fake_spf.deaf)
		poll(NULL, 0, 1);
	if (fake_spf.calls > 1 && fake_spf.outcome_again != 0)
		return fake_spf.outcome_again;
	snprintf(human_readable, human_readable_len, "%s", fake_spf.word);
	return fake_spf.outcome;
}
