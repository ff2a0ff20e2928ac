# SPDX-License-Identifier: GPL-2.0-or-later
#
# Mail that edmarc wants quarantined goes to the folder Junk. For all users of
# Dovecot's Pigeonhole, in 90-sieve.conf:
#
#	plugin {
#	  sieve_before = /etc/dovecot/sieve/junk.sieve
#	}
#
# then: sievec /etc/dovecot/sieve/junk.sieve
#
# The field can be believed: edmarc removes what a message from outside brings.
# If edmarc.conf has another action_header, put that name here.
require ["fileinto", "mailbox"];

if header :is "X-DMARC-Action" "quarantine" {
	fileinto :create "Junk";
	stop;
}
