# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# lib.sh - what every integration test does (bash)
#
# A test is tests/integration/test-NAME.sh and reads like this:
#
#	#!/bin/bash
#	. "$(dirname "$0")/lib.sh"
#	. "$INTEGRATION/netns.sh"
#	netns_enter "$@"                 # if it needs addresses or name servers
#	need_programs nsd exim4
#	begin                            # makes the folder $T
#	start server some-server -f      # runs until the test ends
#	wait_for 10 'the server' test -S "$T/socket"
#	ok 'it starts'
#	is 'it answers' "$(ask)" 'yes'
#	finish                           # "N passed, N failed", exit status
#
# Exit status: 0 all passed, 1 something failed or the test stopped before its
# finish, 77 skipped because the machine lacks something.
#
# Environment: KEEP=1 keeps $T. srcdir and top_builddir as automake gives them;
# without them the build is looked for in build/ and at the top.
#
# Everything is ended by the pid that was remembered when it was started, never
# by name: other tests may run beside this one.

set -u
umask 022
export LC_ALL=C

INTEGRATION=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
srcdir=$(cd "${srcdir:-$INTEGRATION/../..}" && pwd)

find_build() {
	local folder

	for folder in "${top_builddir:-$srcdir/build}" "$srcdir/build" "$srcdir"
	do
		if [ -x "$folder/libtool" ]; then
			(cd "$folder" && pwd)
			return 0
		fi
	done
	return 1
}

top_builddir=$(find_build) || {
	echo "no build found: set top_builddir or build in $srcdir/build" >&2
	exit 1
}
export srcdir top_builddir INTEGRATION
# What Debian keeps out of a plain user's PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

passed=0
failed=0
patience=1 # so many times as long is waited when a server is made slow
T=
finished=
declare -A pids=()      # name -> pid, which is its process group as well
started=()              # names in order

# --------------------------------------------------------------- conditions

skip() {
	echo "SKIP: $*"
	exit 77
}

need_root() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

need_programs() {
	local program

	for program in "$@"; do
		command -v "$program" >/dev/null || skip "$program is missing"
	done
}

# ------------------------------------------------------------ begin and end

# Makes $T, which other users may enter: servers drop root.
begin() {
	T=$(mktemp -d "${TMPDIR:-/tmp}/edmarc-test.XXXXXX") || exit 1
	chmod 755 "$T"
	trap 'clean_up' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	say "files are in $T"
}

clean_up() {
	local status=$? i

	trap - EXIT INT TERM HUP
	for ((i = ${#started[@]} - 1; i >= 0; i--)); do
		stop "${started[i]}"
	done
	if [ -z "$finished" ] && [ "$status" != 77 ]; then
		echo "stopped before its end (status $status)"
		[ "$status" != 0 ] || status=1
	fi
	if [ "$status" != 0 ] && [ "$status" != 77 ]; then
		show_logs
	fi
	if [ "${KEEP:-0}" = 1 ]; then
		echo "kept: $T"
	else
		awk -v below="$T/" 'index($5, below) == 1 { print $5 }' \
			/proc/self/mountinfo | sort -r | xargs -r umount
		rm -rf "$T"
	fi
	exit "$status"
}

# The ends of all logs of servers, when something went wrong.
show_logs() {
	local log

	for log in "$T"/*.log; do
		[ -s "$log" ] || continue
		echo "--- the end of ${log#"$T"/}"
		tail -n 15 "$log"
	done
}

finish() {
	[ "$(type -t exim_finish)" != function ] || exim_finish
	finished=1
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
	exit
}

# Something without which nothing further makes sense.
bail() {
	not_ok "$@"
	exit 1
}

# ------------------------------------------------------------------ results

say() {
	echo "# $*"
}

ok() {
	passed=$((passed + 1))
	echo "ok - $1"
}

# not_ok NAME [DETAIL...]
not_ok() {
	failed=$((failed + 1))
	echo "not ok - $1"
	shift
	[ $# = 0 ] || printf '%s\n' "$*" | sed 's/^/#   /'
}

# is NAME GOT WANT
is() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "got:  $2"$'\n'"want: $3"
	fi
}

# like NAME TEXT REGEX: an extended regular expression matches a line of it
like() {
	if printf '%s\n' "$2" | grep -Eq -e "$3"; then
		ok "$1"
	else
		not_ok "$1" "got:  $2"$'\n'"want: /$3/"
	fi
}

# unlike NAME TEXT REGEX
unlike() {
	if printf '%s\n' "$2" | grep -Eq -e "$3"; then
		not_ok "$1" "got:  $2"$'\n'"unwanted: /$3/"
	else
		ok "$1"
	fi
}

# check NAME COMMAND...: the command succeeds
check() {
	local name=$1 output

	shift
	if output=$("$@" 2>&1); then
		ok "$name"
	else
		not_ok "$name" "failed ($?): $*"$'\n'"$output"
	fi
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds
wait_for() {
	local until=$((SECONDS + $1 * patience)) what=$2

	shift 2
	until "$@" >/dev/null 2>&1; do
		if [ "$SECONDS" -ge "$until" ]; then
			echo "# waited in vain for $what"
			return 1
		fi
		sleep 0.05
	done
}

# ---------------------------------------------------------------- processes

# start NAME COMMAND...: in the background, output to $T/NAME.log. The command
# must stay in the foreground. It leads a process group of its own, so that
# stop, pause and resume reach its children.
start() {
	local name=$1

	shift
	setsid "$@" </dev/null >>"$T/$name.log" 2>&1 &
	pids[$name]=$!
	started+=("$name")
	# Before setsid has run there is no group that stop could end.
	until kill -0 -- "-$!" 2>/dev/null || ! kill -0 "$!" 2>/dev/null; do
		sleep 0.01
	done
}

# remember NAME PID: a process that was started otherwise, leader of its group
remember() {
	pids[$1]=$2
	started+=("$1")
}

running() {
	[ -n "${pids[$1]:-}" ] && kill -0 -- "-${pids[$1]}" 2>/dev/null
}

# stop NAME [SIGNAL]: ends it and waits; after 5 s with KILL. Not running is fine.
stop() {
	local pid=${pids[$1]:-} i

	[ -n "$pid" ] || return 0
	unset "pids[$1]"
	kill "-${2:-TERM}" -- "-$pid" 2>/dev/null || return 0
	kill -CONT -- "-$pid" 2>/dev/null
	for ((i = 0; i < 100; i++)); do
		kill -0 -- "-$pid" 2>/dev/null || break
		sleep 0.05
	done
	kill -KILL -- "-$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	return 0
}

# A server that is there but does not answer, and back again.
pause() {
	kill -STOP -- "-${pids[$1]}"
}

resume() {
	kill -CONT -- "-${pids[$1]}"
}
