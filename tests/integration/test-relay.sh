#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Mail that comes over two relays of ours, each a real Exim: judged by the host
# that gave it to the first of them, whatever that host writes and says.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/netns.sh"
. "$INTEGRATION/nsd.sh"
. "$INTEGRATION/exim.sh"
netns_enter "$@"
need_programs nsd exim4 perl
begin

# 203.0.113.9 may send for good.test; for hosted.test only our own servers may,
# as it is with domains that send all their mail by us.
cat >"$T/records" <<'ZONE'
good.test. IN TXT "v=spf1 ip4:203.0.113.9 -all"
_dmarc.good.test. IN TXT "v=DMARC1; p=reject"
hosted.test. IN TXT "v=spf1 ip4:192.0.2.0/24 -all"
_dmarc.hosted.test. IN TXT "v=DMARC1; p=reject"
ZONE
netns_resolv "$NSD_ADDRESS"
nsd_start "$T/records"

# configure LINE...: lines of [exim]
configure() {
	{
		printf '[journal]\ndirectory = %s/verdicts\n' "$T"
		printf '%s\n' '[exim]' 'authserv_id = mx.test' "$@"
	} >"$T/edmarc.conf"
}

export EDMARC_CONFIG=$T/edmarc.conf
mkdir "$T/verdicts"
chown "$EXIM_USER" "$T/verdicts"
chmod 2770 "$T/verdicts"

# relay NAME ITS-ADDRESS NEXT-ADDRESS: gives everything to the next
relay() {
	exim_new "$1"
	cat >"$T/$1/routers" <<-CONF
	next:
	  driver = manualroute
	  route_list = * $3
	  self = send
	  transport = next
	CONF
	cat >"$T/$1/transports" <<-CONF
	next:
	  driver = smtp
	  interface = $2
	  hosts_try_fastopen =
	CONF
	exim_start "$1" "$2"
}

configure 'trusted_relays = 192.0.2.26, 192.0.2.27'
exim_new mx
exim_module mx
exim_start mx 192.0.2.25
relay inner 192.0.2.26 192.0.2.25
relay outer 192.0.2.27 192.0.2.26

journal_lines() {
	[ "$(wc -l 2>/dev/null <"$T/verdicts/open.jsonl")" = "$1" ]
}

# take SOURCE SERVER ENVELOPE-FROM DOMAIN [ARGUMENT...]: sends what is in $more
# and a message of that domain; then sets $verdict, its journal line, $header and
# $log
taken=0
take() {
	local source=$1 server=$2 from=$3 domain=$4 id

	shift 4
	printf '%s\r\n' "${more[@]}" "From: a@$domain" 'To: <b@here.test>' \
		'Subject: a message' '' 'Some text.' >"$T/message"
	verdict='' header='' log=''
	smtp_send "$source" --server "$server" --from "$from" \
		--to b@here.test "$@" "$T/message" || return 1
	taken=$((taken + 1))
	wait_for 20 "message $taken" journal_lines "$taken" || return 1
	verdict=$(tail -n 1 "$T/verdicts/open.jsonl")
	id=$(sed 's/.*"id":"\([^"]*\)".*/\1/' <<<"$verdict")
	wait_for 10 'delivery' test -s "$T/mx/mail/$id" || return 1
	header=$(sed '/^\r*$/,$d' "$T/mx/mail/$id")
	log=$(sed -n "s/^.* $id dmarc: //p" "$T/mx/log/mainlog")
}
more=('X-First: x')

# ----------------------------------------------------------------- two relays

take 203.0.113.9 192.0.2.27 a@good.test good.test --helo mail.good.test
like 'the host behind two relays' "$verdict" '"client":"203.0.113.9","helo":"mail.good.test"'
like 'has SPF checked' "$verdict" '"spf":\{"result":"pass","domain":"good.test"'
like 'and passes' "$log" '^pass .* client=203.0.113.9 spf=pass '
like 'only its SPF is told' "$header" 'spf=pass smtp.mailfrom=good.test'
unlike 'not that of the relay' "$header" 'spf=fail'

take 203.0.113.9 192.0.2.26 a@good.test good.test
like 'the host behind one relay' "$log" '^pass .* client=203.0.113.9 spf=pass '

take 203.0.113.9 192.0.2.25 a@good.test good.test
like 'the host itself' "$log" '^pass .* from=good.test spf=pass '

# ------------------------------------------------------------------- forgers

take 198.51.100.9 192.0.2.27 a@hosted.test hosted.test
like 'our own servers may send, strangers over them may not' "$log" \
	'^fail .* client=198.51.100.9 spf=fail '

more=('Received: from mail.good.test ([203.0.113.9]) by relay.test'
	'Received: from mail.good.test (mail.good.test [192.0.2.26]) by relay.test')
take 198.51.100.9 192.0.2.27 a@good.test good.test
like 'fields that the client wrote' "$log" \
	'^fail .* client=198.51.100.9 spf=fail '
take 198.51.100.9 192.0.2.25 a@good.test good.test
like 'without a relay' "$log" '^fail .* from=good.test spf=fail '
like 'the journal has the client' "$verdict" '"client":"198.51.100.9"'
more=('X-First: x')

take 198.51.100.9 192.0.2.27 a@good.test good.test --helo '[203.0.113.9]'
like 'an address in HELO' "$log" '^fail .* client=198.51.100.9 spf=fail '
take 198.51.100.9 192.0.2.27 a@good.test good.test --helo '[192.0.2.26]'
like 'that of a relay' "$log" '^fail .* client=198.51.100.9 spf=fail '

# ------------------------------------------------------------------ settings

configure 'trusted_relays = 192.0.2.26'
take 203.0.113.9 192.0.2.27 a@good.test good.test
like 'a relay that is not named is where the message comes from' "$log" \
	'^fail .* client=192.0.2.27 spf=fail '

configure 'trusted_relays = 192.0.2.26, 192.0.2.27' 'spf = exim'
take 203.0.113.9 192.0.2.27 a@good.test good.test
like 'with the SPF of Exim alone there is none' "$log" \
	'^fail .* client=203.0.113.9 spf=unknown '

configure
take 203.0.113.9 192.0.2.27 a@good.test good.test
like 'without relays' "$log" '^fail .* from=good.test spf=fail '

finish
