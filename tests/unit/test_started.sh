#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The program does its work however it was started: with standard descriptors
# closed, and with SIGCHLD ignored, as some cron and some shells do.
edmarc=${top_builddir:-.}/edmarc
report=${srcdir:-.}/tests/data/reports/capitals.xml
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
bad=0

# want STATUS WHAT COMMAND...
want() {
	status=$1
	what=$2
	shift 2
	timeout 60 "$@" >"$work/out" 2>"$work/err"
	got=$?
	[ "$got" = "$status" ] && return
	echo "FAIL: $what: exit $got, not $status"
	cat "$work/out" "$work/err"
	bad=1
}

want 0 'as usual' "$edmarc" parse "$report"
cp "$work/out" "$work/usual"
want 0 'SIGCHLD ignored' env --ignore-signal=CHLD "$edmarc" parse "$report"
cmp "$work/usual" "$work/out" || bad=1
want 65 'no standard input' sh -c '"$@" <&-' sh "$edmarc" parse -
grep -q 'no report found' "$work/out" || {
	echo "FAIL: no standard input is not an empty file"
	bad=1
}
want 0 'nothing but standard output' \
	sh -c '"$@" <&- 2>&-' sh "$edmarc" parse "$report"
cmp "$work/usual" "$work/out" || bad=1
want 74 'no standard output' \
	sh -c '"$@" >&-' sh "$edmarc" parse "$report"
exit $bad
