#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The module in a real Exim against those who mean it harm: name servers that lie
# or stall, and messages that are too much of something. Whatever comes, the
# message is accepted (or refused by Exim itself), soon, with bounded memory and
# one line in the log.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/netns.sh"
. "$INTEGRATION/nsd.sh"
. "$INTEGRATION/exim.sh"
netns_enter "$@"
need_programs nsd exim4 socat perl
begin

DEADLINE_MS=1500   # dns_timeout of this test
MAX_MS=4000        # for a message: that, and a busy machine
MAX_PEAK_KB=24576  # of the child of Exim, which has 11 MB for a small message

LIAR=192.0.2.66
cat >"$T/records" <<'ZONE'
fwd.test. IN TXT "v=spf1 ip4:203.0.113.9 -all"
rej.test. IN A 192.0.2.8
_dmarc.rej.test. IN TXT "v=DMARC1; p=reject"
ZONE
netns_resolv "$NSD_ADDRESS"
nsd_start "$T/records"
start liar perl "$INTEGRATION/lying-dns" "$LIAR"
wait_for 5 'the lying name server' test -s "$T/liar.log"

configure() { # SERVERS [LINE...]
	{
		printf '[journal]\ndirectory = %s/verdicts\n' "$T"
		printf '[evaluate]\ndns_timeout = %sms\n' "$DEADLINE_MS"
		printf 'dns_servers = %s\n' "$1"
		shift
		printf '%s\n' '[exim]' 'authserv_id = mx.test' "$@"
	} >"$T/edmarc.conf"
}

configure "$LIAR"
export EDMARC_CONFIG=$T/edmarc.conf
mkdir "$T/verdicts"
chown "$EXIM_USER" "$T/verdicts"
exim_new mx
exim_module mx
# The child for a connection says how much memory it had at most.
cat >>"$T/mx/main" <<'CONF'
acl_smtp_quit = acl_check_quit
recipients_max = 0
helo_accept_junk_hosts = *
CONF
cat >>"$T/mx/acl" <<'CONF'
acl_check_quit:
  warn
    logwrite = :main: peak ${sg{${readfile{/proc/self/status}{ }}}\
      {\N^.*VmHWM:\s*(\d+) kB.*$\N}{\$1}} kB
  accept
CONF
# All mail is thrown away but for what the transport keeps: nothing looks at it.
cat >"$T/mx/routers" <<'CONF'
drop:
  driver = redirect
  data = :blackhole:
CONF
exim_start mx 192.0.2.25

# give FILE [ARGUMENT...]: one message; $took in ms, $peak in kB, $log its lines
give() {
	local file=$1 lines begun

	shift
	lines=$(wc -l <"$T/mx/log/mainlog")
	begun=$(date +%s%N)
	smtp_send 203.0.113.9 --from x@fwd.test --to b@here.test "$@" "$file"
	took=$((($(date +%s%N) - begun) / 1000000))
	wait_for 10 'QUIT' sh -c "tail -n +$((lines + 1)) '$T/mx/log/mainlog' |
		grep -q ' peak '"
	log=$(tail -n "+$((lines + 1))" "$T/mx/log/mainlog")
	peak=$(sed -n 's/.* peak \([0-9]*\) kB/\1/p' <<<"$log")
	log=$(grep ' dmarc: ' <<<"$log")
}

# bounded NAME [MS [PEAK]]: what must be true of whatever was given
bounded() {
	local ms=${2:-$MAX_MS} kb=${3:-$MAX_PEAK_KB}

	# What valgrind or a sanitizer needs is not ours.
	[ -z "${EXIM_UNDER:-}" ] || return 0
	if [ "$took" -le "$ms" ] && [ "${peak:-999999999}" -le "$kb" ]; then
		ok "$1: $took ms, $peak kB"
	else
		not_ok "$1: in $ms ms and $kb kB" "$took ms, $peak kB"
	fi
}

# judged NAME RESULT [TROUBLE...]: accepted; one line about the message, and these
judged() {
	local name=$1 result=$2 want

	shift 2
	is "$name: accepted" "${smtp_reply:0:7}" '250 OK '
	like "$name: $result" "$log" " dmarc: $result policy="
	want=$(printf '%s\n' "$@" | grep -c .)
	is "$name: one line, and $want of trouble" "$(wc -l <<<"$log")" \
		$((want + 1))
	for want; do
		like "$name: trouble" "$log" "$want"
	done
}

# ------------------------------------------------------------- name servers

# LABEL RESULT: what the server does is in lying-dns. Where nothing is believed
# the message is neither pass nor fail (R5.5).
while read -r label result; do
	printf 'From: a@%s.lie.test\r\n\r\nSome text.\r\n' "$label" >"$T/message"
	give "$T/message"
	judged "DNS: $label" "$result"
	bounded "DNS: $label"
done <<'TABLE'
honest       fail
big          fail
many         fail
manyrecords  none
loop         temperror
chain16      fail
chain17      temperror
chain400     temperror
hop          none
cut          temperror
cutagain     temperror
id           temperror
flood        temperror
question     temperror
source       temperror
garbage      temperror
idgarbage    temperror
empty        temperror
short        temperror
torn         temperror
echo         temperror
formerr      temperror
servfail     temperror
notimp       temperror
refused      temperror
rcode11      temperror
late         temperror
self         temperror
pointers     temperror
drip         temperror
hangup       temperror
silence      temperror
TABLE

# Dead ones: nobody there (the host says so), and nobody anywhere.
printf 'From: a@rej.test\r\n\r\nSome text.\r\n' >"$T/plain"
configure 192.0.2.99
give "$T/plain"
judged 'DNS: nobody there' temperror
bounded 'DNS: nobody there' 2000
ip route add unreachable 10.0.0.0/8
configure 10.1.2.3
give "$T/plain"
judged 'DNS: no way there' temperror
bounded 'DNS: no way there' 2000
configure "192.0.2.99,10.1.2.3,$LIAR"
printf 'From: a@honest.lie.test\r\n\r\nSome text.\r\n' >"$T/message"
give "$T/message"
judged 'DNS: the third is alive' fail
bounded 'DNS: the third is alive' 2000

# ----------------------------------------------------------------- messages

configure "$NSD_ADDRESS"

# repeat COUNT TEXT: with "#" replaced by the number
repeat() {
	perl -e 'for my $i (1 .. $ARGV[0]) {
		print $ARGV[1] =~ s/#/$i/gr =~ s/\\r\\n/\r\n/gr }' -- "$@"
}

# message [FIELDS-FILE...]: From: and these
message() {
	printf 'From: a@rej.test\r\n'
	cat "$@" </dev/null
	printf '\r\nSome text.\r\n'
}

signature='DKIM-Signature: v=1; a=rsa-sha256; d=d#.rej.test; s=s#; h=from; bh=eA==; b=eA==\r\n'
for n in 19 100 1000; do
	repeat $n "$signature" >"$T/fields"
	message "$T/fields" >"$T/message"
	give "$T/message"
	judged "$n signatures" fail
	bounded "$n signatures"
done

{
	printf 'From: '
	repeat 5000 'a#@x.rej.test, '
	printf 'a@rej.test\r\n\r\nSome text.\r\n'
} >"$T/message"
give "$T/message"
judged 'a From: of 100 kB' fail
bounded 'a From: of 100 kB'
printf 'From: "%0100000d" <a@rej.test>\r\n\r\nSome text.\r\n' 7 >"$T/message"
give "$T/message"
judged 'a name of 100 kB' fail
bounded 'a name of 100 kB'
repeat 10000 'From: a@d#.rej.test\r\n' >"$T/fields"
message "$T/fields" >"$T/message"
give "$T/message"
judged '10,000 From: fields' fail
bounded '10,000 From: fields'
repeat 25000 'Authentication-Results: mx.test; dmarc=pass\r\n' |
	head -c 1000000 >"$T/fields"
message "$T/fields" >"$T/message"
give "$T/message"
judged 'a megabyte of forged results' fail
bounded 'a megabyte of forged results'
for field in $'\xc3\xbc 2 3 4;' $'\xc3\xbc;'; do
	repeat 40000 "Authentication-Results: $field\r\n" |
		head -c 1000000 >"$T/fields"
	message "$T/fields" >"$T/message"
	give "$T/message"
	judged "a megabyte of results of $field" fail
	bounded "a megabyte of results of $field"
done
{
	printf 'Authentication-Results: \xc3\xbc'
	repeat 400000 '""'
	printf '; dmarc=pass\r\n'
} >"$T/fields"
message "$T/fields" >"$T/message"
give "$T/message"
judged 'an id of 400,000 pieces' fail
bounded 'an id of 400,000 pieces'
perl -e 'my $all = join "", map { $_ == 10 || $_ == 13 ? "" : chr } 0 .. 255;
	print "From: $all <a\xfc$all\@rej.test>\r\n";
	print "$_: $all\r\n" for "Authentication-Results", "Subject", "To",
		"DKIM-Signature", "X-DMARC-Action", "Received", "List-Id";
	print "\r\n$all\r\n"' >"$T/message"
give "$T/message" --helo $'\xfc.test'
judged '8-bit everything' '(none|fail)'
bounded '8-bit everything'


# recipients COUNT DOMAIN: of one message, all asked for at once
recipients() {
	repeat "$1" "RCPT TO:<b@$2>\r\n" >"$T/rcpt"
	{
		printf 'EHLO client.test\r\nMAIL FROM:<x@fwd.test>\r\n'
		cat "$T/rcpt"
		printf 'DATA\r\n'
		cat "$T/plain"
		printf '.\r\nQUIT\r\n'
	} >"$T/session"
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(PeerAddr => "192.0.2.25:25",
			LocalAddr => "203.0.113.9") or die;
		fork or do { print $s $_ while <STDIN>; exit };
		print while <$s>' <"$T/session"
}

give_recipients() { # COUNT DOMAIN
	local lines begun

	lines=$(wc -l <"$T/mx/log/mainlog")
	begun=$(date +%s%N)
	smtp_reply=$(recipients "$@" | tail -n 2 | head -n 1 | tr -d '\r')
	took=$((($(date +%s%N) - begun) / 1000000))
	wait_for 10 'QUIT' sh -c "tail -n +$((lines + 1)) '$T/mx/log/mainlog' |
		grep -q ' peak '"
	log=$(tail -n "+$((lines + 1))" "$T/mx/log/mainlog")
	peak=$(sed -n 's/.* peak \([0-9]*\) kB/\1/p' <<<"$log")
	log=$(grep ' dmarc: ' <<<"$log")
}

long=$(printf '%060d.%060d.%060d.%060d' 1 2 3 4)
configure "$NSD_ADDRESS" '[score]' 'reject_at = 8' '[domain:d7.test]' 'tag_at = 1'
give_recipients 50000 'd#.test'
judged '50,000 recipients, each of another domain' fail
like 'their number saves them from rejection' "$log" 'action=quarantine$'
bounded '50,000 recipients' 60000 131072
give_recipients 40000 "$long"
like '40,000 of the same, with a long name: rejected' "$smtp_reply" '^550 5.7.1 '
like '40,000 of the same, with a long name' "$log" ' dmarc: fail .*action=reject$'
bounded '40,000 of the same, with a long name' 60000 131072
configure "$NSD_ADDRESS"

# ------------------------------------------------------------- the log line

# Hostile text in whatever the line shows: still key=value, printable, one line.
configure "$NSD_ADDRESS" 'base_score = $h_x-points:'
line='dmarc: (none|fail) policy=[a-z-]+ applied=[a-z-]+ from=[!-~]+ spf=pass\(unaligned\) dkim=none base=0\.00 score=[0-9.]+ action=[a-z]+'
while IFS= read -r text; do
	# shellcheck disable=SC2059
	{
		printf 'From: '
		printf -- "${text//%/%%}"
		printf '\r\nX-Points: '
		printf -- "${text//%/%%}"
		printf '\r\n\r\nSome text.\r\n'
	} >"$T/message"
	give "$T/message"
	is "log: ${text:0:60}: accepted" "${smtp_reply:0:7}" '250 OK '
	like "log: ${text:0:60}: the line" "$log" "[0-9A-Za-z-]{16} $line\$"
	is "log: ${text:0:60}: and one about the points" \
		"$(grep -c 'dmarc: base_score is not a number: ' <<<"$log")" 1
	is "log: ${text:0:60}: no more" "$(wc -l <<<"$log")" 2
	unlike "log: ${text:0:60}: all is printable" "$log" '[^ -~]'
done <<TABLE
a@x.rej.test score=-99 action=accept
a@rej.test\r\n dmarc: pass policy=none applied=none from=rej.test spf=pass dkim=pass score=0.00 action=accept
a@rej.test\rdmarc: pass
"a\"b'"@rej.test
a@"rej.test"
a@rej.test\x1b[2J\x1b]0;x\x07
a@\x1b[31m.test
a@r\xc3\xa9j.test
a@r\xe9j.test
a@\x80\xff.test
a@\x00.rej.test
<a@rej.test>; from=good.test
a@from=good.test
a@[192.0.2.1]
a@%s%n%d.test
a@\${run{/bin/true}}.test
a@$(printf '%0250d' 7)
a@$(printf '%060d.' 1 2 3 4)rej.test
a@$long$long
a@x..test
a@-
TABLE
like 'log: what it shows of a long name' "$(exim_log mx)" \
	'dmarc: base_score is not a number: a@0000.*\.\.\.$'
configure "$NSD_ADDRESS"

# 10 MB of header: too much for Exim, unless its configuration says otherwise.
repeat 1000000 'X: 45678\r\n' >"$T/fields"
message "$T/fields" >"$T/message"
smtp_send 203.0.113.9 --from x@fwd.test --to b@here.test "$T/message"
like 'a header of 10 MB: Exim refuses it' "$smtp_reply" '^552 '
exim_new large
cp "$T/mx/main" "$T/mx/acl" "$T/mx/routers" "$T/large"
printf '%s\n' 'header_maxsize = 20M' 'header_line_maxsize = 20M' \
	>>"$T/large/main"
exim_start large 192.0.2.26
large() { # FILE: as give
	local mx=$T/mx

	[ -e "$T/mx-small" ] || { mv "$mx" "$T/mx-small" && ln -s large "$mx"; }
	give "$1" --server 192.0.2.26
}
large "$T/message"
judged 'a header of 10 MB in a million fields' fail
bounded 'a header of 10 MB in a million fields' 8000 262144
repeat 2500000 'a:\r\n' >"$T/fields"
message "$T/fields" >"$T/message"
large "$T/message"
is 'a header of millions of fields: accepted' "${smtp_reply:0:7}" '250 OK '
like 'a header of millions of fields: told' "$log" \
	' dmarc: accepted unscored: no memory$'
is 'a header of millions of fields: in one line' "$(wc -l <<<"$log")" 1
bounded 'a header of millions of fields' 15000 1048576
{
	printf 'From: a@rej.test\r\nSubject: '
	head -c 10000000 /dev/zero | tr '\0' x
	printf '\r\n\r\nSome text.\r\n'
} >"$T/message"
large "$T/message"
judged 'a field of 10 MB' fail
bounded 'a field of 10 MB' 8000 131072
{
	printf 'From: '
	repeat 700000 'a@rej.test, '
	printf 'a@rej.test\r\n\r\nSome text.\r\n'
} >"$T/message"
large "$T/message"
judged 'a From: of 8 MB' '(fail|none)'
bounded 'a From: of 8 MB' 8000 131072
unlike 'Exim did not crash' "$(exim_log mx)" 'crash|panic|signal 11'
finish
