#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The harness itself: processes end, failures are seen, names are answered.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/netns.sh"
. "$INTEGRATION/nsd.sh"
. "$INTEGRATION/dkim.sh"
. "$INTEGRATION/exim.sh"
netns_enter "$@"
need_programs nsd getent timeout
begin

# A test inside the test, so that its failure is not ours.
inner() {
	printf '%s\n' '#!/bin/bash' ". '$INTEGRATION/lib.sh'" "$@" >"$T/inner.sh"
	inner_output=$(KEEP=0 bash "$T/inner.sh" 2>&1)
	inner_status=$?
}

inner begin 'ok one' 'is two 2 2' finish
is 'a test that passes' "$inner_status ${inner_output##*$'\n'}" \
	'0 2 passed, 0 failed'
inner begin 'ok one' 'is two 2 3' finish
is 'a failure fails the test' "$inner_status" 1
like 'and is told' "$inner_output" '^not ok - two'
inner begin 'ok one' 'exit 0'
is 'a test that stops early has failed' "$inner_status" 1
inner begin finish
is 'a test that tests nothing has failed' "$inner_status" 1
inner begin 'skip why not'
is 'a test can be skipped' "$inner_status" 77
inner begin 'start sleeper sleep 300' 'echo "pid=${pids[sleeper]}"' 'ok one' \
	'echo "folder=$T"' finish
pid=$(sed -n 's/^pid=//p' <<<"$inner_output")
folder=$(sed -n 's/^folder=//p' <<<"$inner_output")
like 'a process was started' "$pid" '^[0-9]+$'
check 'it is gone with its test' test ! -e "/proc/$pid"
check 'and so is the folder' test ! -e "$folder"

start stubborn bash -c 'trap "" TERM; sleep 300 & wait; sleep 300'
sleep 0.2
stop stubborn
check 'a process that ignores TERM is stopped' test -z "${pids[stubborn]:-}"

{
	printf '%s\n' 'here.example. IN A 192.0.2.80' \
		'there.test. IN MX 10 mx.test.' 'mx.test. IN A 192.0.2.25' \
		'home.test. IN TXT "v=spf1 ip4:198.51.100.7 ip6:2001:db8::7 -all"'
	dkim_key home.test s1
	dkim_key home.test s2
} >"$T/records"
netns_resolv "$NSD_ADDRESS"
nsd_start "$T/records"
like 'a name is found' "$(getent ahostsv4 here.example)" '^192\.0\.2\.80 '
is 'another does not exist' "$(getent ahostsv4 gone.example)" ''
pause nsd
check 'a paused server does not answer' \
	bash -c '! timeout 4 getent ahostsv4 here.example'
resume nsd
wait_for 5 'the server to go on' nsd_answers "$NSD_ADDRESS"
like 'and then it does again' "$(getent ahostsv4 here.example)" '^192\.0\.2\.80 '
unlike 'there is no way out' "$(ip route get 198.18.0.1 2>&1)" ' dev '

# Two Exims: home signs and sends, mx checks and keeps.
authresults() {
	exim_log mx | sed -n 's/.*Warning: seen //p' | tail -n 1
}

message() {
	printf '%s\r\n' 'From: <a@home.test>' 'To: <b@there.test>' \
		'Subject: hello' '' 'Some text.'
}

exim_new mx
cat >"$T/mx/acl" <<'CONF'
acl_check_rcpt:
  warn spf = pass : fail : softfail : neutral : none : permerror : temperror
  accept
acl_check_data:
  accept logwrite = :main: Warning: seen ${sg{${authresults{mx}}}{\N\s+\N}{ }}
CONF
exim_start mx 192.0.2.25 2001:db8::2
exim_new home
exim_remote home 198.51.100.7 home.test home.test s1 "$T/dkim/s1.home.test"
exim_start home 198.51.100.7

message >"$T/plain"
smtp_send 198.51.100.9 --server 198.51.100.7 \
	--from a@home.test --to b@there.test "$T/plain"
like 'Exim takes a message' "$smtp_reply" '^250 OK id='
wait_for 10 'the message to leave' exim_idle home
wait_for 10 'the message to arrive' exim_idle mx
like 'it is signed on its way, and SPF sees its source' "$(authresults)" \
	'spf=pass smtp.mailfrom=home.test; dkim=pass header.d=home.test .*s=s1'
like 'and kept' "$(cat "$T"/mx/mail/*)" '^Envelope-to: b@there.test'

dkim_sign home.test s2 <"$T/plain" >"$T/signed"
smtp_send 2001:db8::7 --server 2001:db8::2 --helo home.test \
	--from a@home.test --to b@there.test "$T/signed"
like 'a message comes from an IPv6 address' "$(exim_log mx)" \
	'H=\(home.test\) \[2001:db8::7\]'
like 'with a signature of our own' "$(authresults)" \
	'spf=pass .* dkim=pass header.d=home.test .*s=s2'
wait_for 10 'the message to be kept' test -s "$T/mx/mail/${smtp_id:-none}"
check 'and is found by its id' grep -q 's=s2' "$T/mx/mail/${smtp_id:-none}"
sed 's/Some text/Other text/' "$T/signed" >"$T/broken"
smtp_send 203.0.113.7 --from a@home.test --to b@there.test "$T/broken"
like 'a changed one fails' "$(authresults)" 'spf=fail .* dkim=fail'
smtp_send 192.0.2.7 --to b@there.test --helo '[192.0.2.7]' \
	"$T/plain" "$T/plain"
is 'two messages in one session' "$(wc -w <<<"$smtp_id")" 2
like 'a null sender can be sent' "$(exim_log mx)" '<= <> '
finish
