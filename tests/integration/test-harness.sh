#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The harness itself: processes end, failures are seen, names are answered.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/netns.sh"
. "$INTEGRATION/nsd.sh"
netns_enter "$@"
need_programs nsd getent timeout
begin

# A test inside the test, so that its failure is not ours.
inner() {
	printf '%s\n' '#!/bin/bash' ". '$INTEGRATION/lib.sh'" "$@" >"$T/inner.sh"
	inner_output=$(bash "$T/inner.sh" 2>&1)
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

printf '%s\n' 'here.example IN A 192.0.2.80' >"$T/records"
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
finish
