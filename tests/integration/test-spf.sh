#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# SPF where Exim has not checked it: in the real exim4-daemon-light, which
# cannot, and in a heavy one that nobody told to. In time, and without a trace
# of the thread that does it.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/netns.sh"
. "$INTEGRATION/nsd.sh"
. "$INTEGRATION/dkim.sh"
. "$INTEGRATION/exim.sh"
exim_light
netns_enter "$@"
need_programs nsd exim4 openssl perl
begin

# Sources: 192.0.2.7 and 2001:db8::7 may send, 203.0.113.9 may not.
{
	dkim_key signed.test s1
	for name in good soft neutral none bad pointer; do
		echo "_dmarc.$name.test. IN TXT \"v=DMARC1; p=reject\""
	done
	cat <<-'ZONE'
	_dmarc.signed.test. IN TXT "v=DMARC1; p=reject"
	good.test. IN TXT "v=spf1 ip4:192.0.2.7 ip6:2001:db8::7 -all"
	soft.test. IN TXT "v=spf1 ip4:192.0.2.7 ~all"
	neutral.test. IN TXT "v=spf1 ip4:192.0.2.7 ?all"
	none.test. IN A 192.0.2.7
	bad.test. IN TXT "v=spf1 bogus -all"
	mail.good.test. IN TXT "v=spf1 ip4:192.0.2.7 -all"
	users.test. IN TXT "v=spf1 exists:%{l}.users.test -all"
	joe.users.test. IN A 127.0.0.2
	pointer.test. IN TXT "v=spf1 ptr -all"
	sub.good.test. IN TXT "v=spf1 include:silent.test -all"
	ZONE
} >"$T/records"
# As the C library's defaults have it: five seconds, twice.
printf 'nameserver 192.0.2.54\n' | netns_put /etc/resolv.conf
nsd_start "$T/records"
start dns "$INTEGRATION/slow-dns" 192.0.2.54 "$NSD_ADDRESS" 0 silent in-addr
wait_for 5 'the name server between' grep -q ready "$T/dns.log"

# --------------------------------------------------------------- the servers

configure() { # lines for [exim]
	{
		printf '[journal]\ndirectory = %s/verdicts\n' "$T"
		printf '[evaluate]\ndns_timeout = 1500ms\n'
		printf '%s\n' '[exim]' 'authserv_id = mx.test' "$@"
	} >"$T/edmarc.conf"
}

configure
export EDMARC_CONFIG=$T/edmarc.conf
mkdir "$T/verdicts"
chown "$EXIM_USER" "$T/verdicts"
chmod 2770 "$T/verdicts"

# What has become of the process, told by it at the end of DATA.
exim_tell() { # NAME
	sed -i '/^acl_check_data:/a\
  warn\
    logwrite = :main: state: library=${if match{${readfile{/proc/self/maps}}}{libopendmarc}{yes}{no}} \\\
      ${if match{${readfile{/proc/self/status}}}{\\N(Threads:)\\s+(\\d+)\\N}{threads=$2}} \\\
      files=${run{/bin/ls /proc/$pid/fd}{${sg{$value}{\\n}{,}}}}' \
		"$T/$1/acl"
}

is_light=$("$EXIM" -bV 2>/dev/null | grep -c '^Support for:.* SPF')
is 'the light daemon has no SPF' "$is_light" 0
exim_new light
exim_module light
exim_tell light
exim_start light 192.0.2.25 2001:db8::2

# ------------------------------------------------------------------ helpers

mail() { # FROM-DOMAIN
	printf '%s\r\n' "From: a@$1" 'To: <b@here.test>' 'Subject: a message' \
		'' 'Some text.' >"$T/$1"
}

for name in good soft neutral none bad signed users silent pointer; do
	mail "$name.test"
done
dkim_sign signed.test s1 <"$T/signed.test" >"$T/signed"

# take SERVER SOURCE ENVELOPE-FROM FILE [ARGUMENT...]: sets $header, $verdict
# (the journal line), $log (our line in the log) and $seconds
take() {
	local name=$1 source=$2 from=$3 file=$4 server=192.0.2.25 begun

	shift 4
	case $name,$source in
	*,*:*) server=2001:db8::2 ;;
	jumps,*) server=192.0.2.28 ;;
	asked,*) server=192.0.2.26 ;;
	unasked,*) server=192.0.2.27 ;;
	esac
	header='' verdict='' log=''
	begun=${EPOCHREALTIME/./}
	smtp_send "$source" --server "$server" --from "$from" \
		--to b@here.test "$@" "$T/$file"
	seconds=$(((${EPOCHREALTIME/./} - begun) / 1000000))
	smtp_id=$(tail -n 1 <<<"$smtp_id")
	wait_for 10 'delivery' test -s "$T/$name/mail/$smtp_id" || return 1
	header=$(sed -e '/^\r*$/,$d' "$T/$name/mail/$smtp_id" |
		sed -e ':a' -e '$!N;s/\n[ \t]\+/ /;ta' -e 'P;D' |
		sed -n 's/^Authentication-Results: //p')
	verdict=$(grep -F "\"id\":\"$smtp_id\"" "$T/verdicts/open.jsonl")
	log=$(sed -n "s/^.* $smtp_id dmarc: //p" "$T/$name/log/mainlog")
}

# expect_spf NAME DMARC-RESULT SPF-WORD PROPERTY [ALIGNMENT]
expect_spf() {
	like "$1: Authentication-Results" "$header" \
		"^mx\.test; dmarc=$2 .*; spf=$3 $4(;|\$)"
	is "$1: told once" "$(grep -o 'spf=' <<<"$header" | wc -l)" 1
	like "$1: log" "$log" "^$2 .* spf=$3${5:-} "
	is "$1: journal" "$(jq -r '.spf.result' <<<"$verdict")" "$3"
}

state() { # NAME: of the last message
	sed -n 's/^.* state: //p' "$T/$1/log/mainlog" | tail -n 1
}

# ------------------------------------------------------------------ results

take light 192.0.2.7 a@good.test good.test
expect_spf 'pass' pass pass smtp.mailfrom=good.test
take light 2001:db8::7 a@good.test good.test
expect_spf 'pass by IPv6' pass pass smtp.mailfrom=good.test
take light 203.0.113.9 a@good.test good.test
expect_spf 'fail' fail fail smtp.mailfrom=good.test
take light 2001:db8::9 a@good.test good.test
expect_spf 'fail by IPv6' fail fail smtp.mailfrom=good.test
take light 203.0.113.9 a@soft.test soft.test
expect_spf 'softfail' fail softfail smtp.mailfrom=soft.test
take light 203.0.113.9 a@neutral.test neutral.test
expect_spf 'neutral' fail neutral smtp.mailfrom=neutral.test
take light 192.0.2.7 a@none.test none.test
expect_spf 'none' fail none smtp.mailfrom=none.test
take light 192.0.2.7 a@bad.test bad.test
expect_spf 'permerror' fail permerror smtp.mailfrom=bad.test
take light 192.0.2.7 joe@users.test good.test
expect_spf 'a macro of the local part' fail pass smtp.mailfrom=users.test \
	'\(unaligned\)'
take light 192.0.2.7 jim@users.test good.test
expect_spf 'another local part' fail fail smtp.mailfrom=users.test
take light 192.0.2.7 '' good.test --helo mail.good.test
expect_spf 'null sender' pass pass smtp.helo=mail.good.test
is 'null sender: scope' "$(jq -r '.spf.scope' <<<"$verdict")" helo
take light 203.0.113.9 '' good.test --helo mail.good.test
expect_spf 'null sender from elsewhere' fail fail smtp.helo=mail.good.test
take light 192.0.2.7 '' good.test --helo '[192.0.2.7]'
like 'null sender, HELO an address: none' "$log" '^fail .* spf=none '
take light 203.0.113.9 a@none.test signed
like 'DKIM alone' "$header" \
	'^mx\.test; dmarc=pass .*; spf=none smtp.mailfrom=none.test; dkim=pass '

take light 192.0.2.7 a@good.test soft.test "$T/good.test" "$T/good.test"
expect_spf 'the third message of a session' fail pass smtp.mailfrom=good.test \
	'\(unaligned\)'
like 'the library is loaded, no thread is left' "$(state light)" \
	'^library=yes threads=1 '
usual=$(state light)

# ---------------------------------------------------------------- in time

# The sender's name servers are silent: that costs the whole deadline, but not
# the verdict about somebody else's domain.
take light 203.0.113.9 a@silent.test good.test "$T/good.test" "$T/good.test"
expect_spf 'silent name servers' fail temperror smtp.mailfrom=silent.test
is 'silent: all three messages taken' "$(wc -l <<<"$smtp_reply")" 3
check "silent: in time ($seconds s for three)" \
	test "$seconds" -ge 4 -a "$seconds" -le 14
is 'silent: neither thread nor socket is left' \
	"$(sed 's/yes/no/' <<<"$(state light)")" "$(sed 's/yes/no/' <<<"$usual")"
take light 203.0.113.9 a@sub.good.test good.test
expect_spf 'an include that is silent: nobody knows' temperror temperror \
	smtp.mailfrom=sub.good.test
check "a silent include: in time ($seconds s)" test "$seconds" -le 9
take light 203.0.113.9 a@silent.test silent.test "$T/silent.test"
expect_spf 'a silent Author Domain' temperror temperror \
	smtp.mailfrom=silent.test
check "a silent Author Domain: in time ($seconds s for two)" \
	test "$seconds" -le 9

printf '%s\r\n' 'From: a@silent.test, b@good.test' 'Subject: two' '' 'Some text.' \
	>"$T/two"
take light 203.0.113.9 a@none.test two
like 'a silent author beside another' "$log" \
	'^fail policy=reject applied=reject from=good.test several=domains '
take light 203.0.113.9 a@pointer.test pointer.test
like 'the name servers of the client are silent' "$log" \
	'^fail policy=reject applied=reject from=pointer.test spf=permerror '

pause nsd
take light 192.0.2.7 a@good.test good.test "$T/soft.test"
like 'no DNS at all' "$log" '^temperror .* spf=temperror .* action=accept$'
check "no DNS: in time ($seconds s for two)" test "$seconds" -le 9
resume nsd
stop dns
take light 192.0.2.7 a@good.test good.test
like 'nothing listens: temperror, not permerror' "$log" \
	'^temperror .* spf=temperror '
check "nothing listens: at once ($seconds s)" test "$seconds" -le 9
start dns "$INTEGRATION/slow-dns" 192.0.2.54 "$NSD_ADDRESS" 0 silent in-addr
wait_for 5 'the name server' nsd_answers 192.0.2.54
unlike 'light: nothing in the panic log' \
	"$(cat "$T/light/log/paniclog" 2>/dev/null)" .

# local_scan_timeout: Exim jumps out of us while the thread is at work.
exim_new jumps
exim_module jumps
echo 'local_scan_timeout = 1s' >>"$T/jumps/main"
exim_start jumps 192.0.2.28
take jumps 203.0.113.9 a@good.test good.test
like 'local_scan_timeout strikes not' "$log" '^fail .* spf=fail '
smtp_send 203.0.113.9 --server 192.0.2.28 --from a@silent.test \
	--to b@here.test "$T/good.test" "$T/good.test"
is 'jumped out of: Exim ends the session' "$(cut -c 1-3 <<<"$smtp_reply")" 421
take jumps 192.0.2.7 a@good.test good.test
expect_spf 'after the jump' pass pass smtp.mailfrom=good.test
unlike 'jumped out of: nothing in the panic log' \
	"$(cat "$T/jumps/log/paniclog" 2>/dev/null)" .

# -------------------------------------------------------- as Exim has it

configure 'spf = exim'
take light 192.0.2.7 a@good.test good.test "$T/good.test"
like 'spf = exim: unknown' "$log" '^fail .* spf=unknown '
unlike 'spf = exim: not told' "$header" 'spf='
like 'spf = exim: no library is loaded' "$(state light)" '^library=no '
configure

EXIM=exim4
exim_new asked
exim_module asked
exim_tell asked
exim_start asked 192.0.2.26
take asked 192.0.2.7 a@good.test good.test "$T/good.test"
expect_spf 'Exim was asked to check SPF' pass pass smtp.mailfrom=good.test
take asked 203.0.113.9 a@soft.test soft.test "$T/good.test"
expect_spf 'Exim was asked, softfail' fail softfail smtp.mailfrom=soft.test
like 'Exim was asked: no library is loaded' "$(state asked)" \
	'^library=no threads=1 '

exim_new unasked
exim_module unasked
printf 'acl_check_rcpt:\n  accept\nacl_check_data:\n  accept\n' \
	>"$T/unasked/acl"
exim_tell unasked
exim_start unasked 192.0.2.27
take unasked 192.0.2.7 a@good.test good.test "$T/good.test"
expect_spf 'nobody asked Exim' pass pass smtp.mailfrom=good.test
like 'nobody asked Exim: the library is loaded' "$(state unasked)" \
	'^library=yes threads=1 '

finish
