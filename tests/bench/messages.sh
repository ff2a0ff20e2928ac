# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# messages.sh - mail to measure with (after lib.sh, dkim.sh)
#
#	own_messages CLIENT      20 messages of 4 kB: three in five pass by SPF
#	                         and DKIM, one by DKIM, one fails
#	shared_messages CLIENT N   N messages of the sizes, domains and verdicts of
#	                         a real server, if the shared samples have their
#	                         generator; false if not
#
# Both write $T/records for nsd_start and $T/list for load. CLIENT is the address
# that may send for the good ones.

own_message() { # NUMBER DOMAIN
	printf '%s\r\n' "From: author@$2" 'To: reader@hosted.example' \
		"Subject: message $1" 'Date: Mon, 23 Nov 2026 12:00:00 +0000' \
		"Message-ID: <$1@$2>" ''
	head -c 3600 /dev/zero | tr '\0' 'x' | fold -w 72 | sed 's/$/\r/'
	printf '\r\n.end\r\n'
}

own_messages() {
	local i domain from

	mkdir "$T/messages"
	for ((i = 0; i < 20; i++)); do
		domain=author$i.example
		{
			echo "$domain. IN MX 10 mx.$domain."
			echo "mx.$domain. IN A 203.0.113.80"
			echo "$domain. IN TXT \"v=spf1 mx ip4:$1 -all\""
			echo "_dmarc.$domain. IN TXT \"v=DMARC1; p=none;" \
				"rua=mailto:dmarc.rua@$domain\""
			dkim_key "$domain" s1
		} >>"$T/records"
		from=bounce@$domain
		[ $((i % 5)) -lt 3 ] || from=bounce@other.example
		if [ $((i % 5)) = 4 ]; then
			own_message $i "$domain" >"$T/messages/$i"
		else
			own_message $i "$domain" |
				dkim_sign "$domain" s1 >"$T/messages/$i"
		fi
		echo "$from $T/messages/$i" >>"$T/list"
	done
	echo "other.example. IN TXT \"v=spf1 ip4:$1 -all\"" >>"$T/records"
}

shared_messages() {
	local generator=${EDMARC_SHARED:-$srcdir/../shared}/bench/gen_messages.py

	[ -r "$generator" ] || return
	python3 "$generator" "$2" --out "$T/shared" --client-ip "$1" \
		--nameserver "$NSD_ADDRESS" >/dev/null || return
	# nsd.sh has its own SOA and NS.
	grep -v '^\$\|^\. ' "$T/shared/zone" >"$T/records"
	awk -F'\t' -v folder="$T/shared/" \
		'NR > 1 { print $2, folder $1 }' "$T/shared/index.tsv" >"$T/list"
}
