#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Fields that pretend to be ours, in every spelling, through a real Exim
# (R11.5, R11.7, R11.9): tests/data/forged-fields.txt says what must be gone.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/netns.sh"
. "$INTEGRATION/nsd.sh"
. "$INTEGRATION/exim.sh"
netns_enter "$@"
need_programs nsd exim4 socat perl
begin

cat >"$T/records" <<'ZONE'
rej.test. IN A 192.0.2.8
_dmarc.rej.test. IN TXT "v=DMARC1; p=reject"
fwd.test. IN TXT "v=spf1 ip4:203.0.113.9 -all"
ZONE
netns_resolv "$NSD_ADDRESS"
nsd_start "$T/records"
mkdir "$T/verdicts"
chown "$EXIM_USER" "$T/verdicts"
export EDMARC_CONFIG=$T/edmarc.conf
exim_new mx
exim_module mx
exim_start mx 192.0.2.25

configure() { # AUTHSERV-ID
	printf '%s\n' '[journal]' "directory = $T/verdicts" '[exim]' \
		"authserv_id = $1" >"$T/edmarc.conf"
}

# rows FIRST-LINE,LAST-LINE: what is to be tested there as WHAT TEXT in $rows,
# with "TITLE: TEXT" in $names
rows() {
	local line title=

	rows=() names=()
	while IFS= read -r line; do
		case $line in
		'# '*) title=${line#\# } ;;
		'gone '* | 'stays '* | 'body '*)
			rows+=("$line")
			names+=("$title: ${line#* }")
			;;
		'' | '#'* | id) ;;
		*) bail 'the cases can be read' "$line" ;;
		esac
	done < <(sed -n "$1p" "$srcdir/tests/data/forged-fields.txt")
}

# The fields of $1 as a file, between From: and To:.
write_message() {
	printf 'From: a@rej.test\r\n'
	# shellcheck disable=SC2059
	printf -- "${1//%/%%}"
	printf '\r\n%s\r\n' 'To: <b@here.test>' 'Subject: x' '' 'Some text.'
}

# What Exim makes of line ends and zeros, before us and without us.
as_delivered() {
	# shellcheck disable=SC2059
	printf -- "${1//%/%%}" | tr -d '\r'
}

# Ours is the first field below what the transport adds, and is whole.
expect_ours() { # NAME FILE AUTHSERV-ID
	local top

	top=$(sed '/^Return-path:\|^Envelope-to:/d' "$2" | tr -d '\0' |
		head -n 5)
	is "$1: ours on top, complete" "$top" "Authentication-Results: $3;
	dmarc=fail (p=reject) header.from=rej.test policy.dmarc=reject;
	spf=pass smtp.mailfrom=fwd.test
X-DMARC-Score: 8.00
X-DMARC-Action: quarantine"
}

check_row() { # WHAT TEXT NAME FILE
	local between header

	header=$(tr -d '\0' <"$4" | sed '/^$/,$d')
	between=$(sed -n '/^From: /,/^To: /p' <<<"$header" | sed '1d;$d')
	case $1 in
	gone) is "gone: $3" "$between" '' ;;
	stays) is "stays: $3" "$between" "$(as_delivered "$2")" ;;
	body)
		is "body: $3" "$(tail -n 1 <<<"$header")" 'From: a@rej.test'
		;;
	esac
}

# All of $rows in one session.
run_rows() { # AUTHSERV-ID
	local i files=() ids

	configure "$1"
	for i in "${!rows[@]}"; do
		write_message "${rows[i]#* }" >"$T/message.$i"
		files+=("$T/message.$i")
	done
	smtp_send 203.0.113.9 --from x@fwd.test --to b@here.test "${files[@]}" ||
		bail 'Exim takes them' "$(tail -n 5 <<<"$smtp_dialogue")"
	mapfile -t ids <<<"$smtp_id"
	wait_for 60 'delivery' exim_idle mx
	for i in "${!rows[@]}"; do
		[ -s "$T/mx/mail/${ids[i]}" ] || bail "${names[i]} is delivered"
		check_row "${rows[i]%% *}" "${rows[i]#* }" "${names[i]}" \
			"$T/mx/mail/${ids[i]}"
		[ "${rows[i]%% *}" = body ] ||
			expect_ours "${names[i]}" "$T/mx/mail/${ids[i]}" "$1"
	done
}

rows '1,/^id$/'
check 'there are cases' test "${#rows[@]}" -gt 80
run_rows mx.test
rows '/^id$/,$'
check 'there are cases for an international name' test "${#rows[@]}" -gt 8
run_rows mx.xn--bcher-kva.test

# All at once: what stays, stays in its order.
rows '1,/^id$/'
all='' kept=''
for i in "${!rows[@]}"; do
	case ${rows[i]} in
	gone*\\n* | gone*\\r*) ;; # the next field would belong to some of them
	gone*) all+="${rows[i]#* }\\r\\n" ;;
	stays*)
		all+="${rows[i]#* }\\r\\n"
		kept+="${rows[i]#* }\\n"
		;;
	esac
done
write_message "${all%\\r\\n}" >"$T/all"
configure mx.test
smtp_send 203.0.113.9 --from x@fwd.test --to b@here.test "$T/all"
wait_for 10 'delivery' test -s "$T/mx/mail/$smtp_id"
check_row stays "${kept%\\n}" 'all of them together' "$T/mx/mail/$smtp_id"
expect_ours 'all of them together' "$T/mx/mail/$smtp_id" mx.test

is 'one log line for each message, no trouble' \
	"$(grep -c ' dmarc: ' "$T/mx/log/mainlog")" \
	"$(grep -c ' <= ' "$T/mx/log/mainlog")"
unlike 'Exim did not crash' "$(exim_log mx)" 'crash|panic|signal 11'
finish
