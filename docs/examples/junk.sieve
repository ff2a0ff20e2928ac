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
require ["fileinto", "mailbox", "envelope", "variables"];

if header :is "X-DMARC-Action" "quarantine" {
	fileinto :create "Junk";
	stop;
}

# Mail to several domains, with what each asked for: "quarantine (a.example),
# accept (b.example)". What another domain did not let us reject is junk, too.
if envelope :domain :matches "to" "*" {
	set :lower "domain" "${1}";
	if header :contains "X-DMARC-Action" ["quarantine (${domain})",
					      "reject (${domain})"] {
		fileinto :create "Junk";
		stop;
	}
}
