# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# scenario.sh - a small world with mail in it (after netns.sh, dkim.sh, exim.sh)
#
# One mail server, mx, hosts acme.example, bank.example and shop.example for its
# customers and relays relay.example to another server. All four have a DMARC
# record that asks for reports to dmarc.rua@ themselves. Mail in their name
# comes from their own hosts, from a mailing service, and from a spoofer.
#
#	scenario_records >FILE      the DNS, for nsd_start; makes the DKIM keys
#	scenario_table              the messages, one a line, without a heading:
#	                            NAME SOURCE HELO SENDER FROM SIGNED-BY TIMES
#	                            EXPECT ACTION WHY
#	scenario_send NAME ...      send one of them (fields of its line) through
#	                            SMTP to mx; $smtp_id and $smtp_reply are set
#
# "-" stands for an empty sender and for no signature. EXPECT is the DMARC
# result, ACTION what the default thresholds make of it.

SCENARIO_MX=192.0.2.25
SCENARIO_RCPT=alice@bank.example

scenario_records() {
	cat <<-'ZONE'
	mx.hoster.example.        IN A    192.0.2.25
	hoster.example.           IN A    192.0.2.25
	hoster.example.           IN MX   10 mx.hoster.example.
	hoster.example.           IN TXT  "v=spf1 ip4:192.0.2.25 -all"
	_dmarc.hoster.example.    IN TXT  "v=DMARC1; p=reject; aspf=s"

	acme.example.             IN A    192.0.2.10
	acme.example.             IN MX   10 mx.hoster.example.
	acme.example.             IN TXT  "v=spf1 ip4:192.0.2.10 ip6:2001:db8::5 -all"
	_dmarc.acme.example.      IN TXT  "v=DMARC1; p=quarantine; rua=mailto:dmarc.rua@acme.example"
	mail.acme.example.        IN A    192.0.2.10
	mail.acme.example.        IN AAAA 2001:db8::5

	bank.example.             IN A    192.0.2.11
	bank.example.             IN MX   10 mx.hoster.example.
	bank.example.             IN TXT  "v=spf1 ip4:192.0.2.11 -all"
	_dmarc.bank.example.      IN TXT  "v=DMARC1; p=reject; sp=quarantine; np=reject; rua=mailto:dmarc.rua@bank.example"
	online.bank.example.      IN A    192.0.2.11

	shop.example.             IN A    192.0.2.12
	shop.example.             IN MX   10 mx.hoster.example.
	shop.example.             IN TXT  "v=spf1 ip4:192.0.2.12 -all"
	_dmarc.shop.example.      IN TXT  "v=DMARC1; p=none; rua=mailto:dmarc.rua@shop.example"

	relay.example.            IN A    192.0.2.13
	relay.example.            IN MX   10 mx.hoster.example.
	relay.example.            IN TXT  "v=spf1 ip4:192.0.2.13 -all"
	_dmarc.relay.example.     IN TXT  "v=DMARC1; p=reject; t=y; rua=mailto:dmarc.rua@relay.example"

	norecord.example.         IN A    198.51.100.9
	norecord.example.         IN TXT  "v=spf1 ip4:198.51.100.9 -all"

	esp.example.              IN A    198.51.100.7
	esp.example.              IN TXT  "v=spf1 ip4:198.51.100.7 -all"
	spoof.example.            IN A    203.0.113.66
	spoof.example.            IN TXT  "v=spf1 ip4:203.0.113.66 -all"
	ZONE
	dkim_key acme.example s1
	dkim_key shop.example s1
}

scenario_table() {
	cat <<-'TABLE'
	both          192.0.2.10   mail.acme.example   news@acme.example     acme.example          acme.example 3 pass accept its own host: SPF and DKIM aligned
	spf-only      192.0.2.11   mail.bank.example   info@bank.example     bank.example          -            4 pass accept SPF passes, aligned; not signed
	dkim-only     198.51.100.7 out.esp.example     bounce@esp.example    acme.example          acme.example 2 pass accept mailing service; signed by the author
	ipv6          2001:db8::5  mail.acme.example   news@acme.example     acme.example          -            1 pass accept SPF passes over IPv6
	null-sender   192.0.2.12   shop.example        -                     shop.example          -            1 pass accept a bounce: SPF of the HELO name
	spoof-none    203.0.113.66 spoof.example       evil@spoof.example    shop.example          -            2 fail accept nothing aligned; p=none
	spoof-quar    203.0.113.66 spoof.example       evil@spoof.example    acme.example          -            3 fail quarantine nothing aligned; p=quarantine
	spoof-reject  203.0.113.66 spoof.example       evil@spoof.example    bank.example          -            5 fail quarantine p=reject alone does not reject
	spoof-sub     203.0.113.66 spoof.example       evil@spoof.example    online.bank.example   -            2 fail quarantine existing subdomain: sp=quarantine
	spoof-ghost   203.0.113.66 spoof.example       evil@spoof.example    ghost.bank.example    -            1 fail quarantine no such subdomain: np=reject
	spoof-test    203.0.113.66 spoof.example       evil@spoof.example    relay.example         -            2 fail quarantine t=y turns reject into quarantine
	broken-sig    203.0.113.66 spoof.example       evil@spoof.example    shop.example          shop.example/broken 1 fail accept a signature that does not verify
	no-record     198.51.100.9 norecord.example    a@norecord.example    norecord.example      -            1 none accept no DMARC record
	TABLE
}

# The message of a line, signed if it says so, on standard output.
scenario_message() {
	local name=$1 from=$5 signer=$6 text

	printf -v text '%s\r\n' "From: \"$name\" <sender@$from>" \
		"To: $SCENARIO_RCPT" "Subject: $name" \
		"Date: $(date -R)" "Message-ID: <$name.$RANDOM.$RANDOM@$from>" \
		'' "This is the message $name."
	case $signer in
	-) printf '%s' "$text" ;;
	*/broken)
		printf '%s' "$text" | dkim_sign "${signer%/broken}" s1 |
			sed 's/This is/This was/'
		;;
	*) printf '%s' "$text" | dkim_sign "$signer" s1 ;;
	esac
}

scenario_send() {
	local name=$1 source=$2 helo=$3 sender=$4 server=$SCENARIO_MX

	[ "$sender" != - ] || sender=
	case $source in
	*:*) server=2001:db8::1 ;;
	esac
	scenario_message "$@" >"$T/message.$name" || return 1
	smtp_send "$source" --server "$server" --helo "$helo" \
		--from "$sender" --to "$SCENARIO_RCPT" "$T/message.$name"
}
