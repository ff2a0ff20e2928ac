#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Is there a test for each rule of rules.txt? A test says so by its number: in the
# title of a case, or in a comment. A rule without a test needs a reason, and loses
# it when it gets one.
#
# usage: rules.sh [--list] [RULES [TESTS]]
list=
[ "${1:-}" = --list ] && { list=1; shift; }
rules=${1:-${srcdir:-.}/tests/lint/rules.txt}
tests=${2:-${srcdir:-.}/tests}
export LC_ALL=C
bad=0
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT

# "R1.1 FILE:LINE", for each number that a test cites.
grep -rnoE 'R[0-9]+\.[0-9]+' "$tests/data" "$tests/unit" \
	"$tests/integration" 2>/dev/null | grep -v '^Binary' |
	sed -nE 's/^([^:]*:[0-9]+):(R[0-9]+\.[0-9]+)$/\2 \1/p' |
	sort -u >"$work/cited"
grep -E '^R' "$rules" >"$work/rules"
[ -s "$work/rules" ] || { echo "rules: no rules in $rules"; bad=1; }
while read -r rule dash reason; do
	where=$(sed -n "s|^$rule $tests/||p" "$work/cited")
	if [ -n "$list" ]; then
		printf '%-7s%s\n' "$rule" \
			"$(echo ${where:-$dash $reason} | cut -c 1-200)"
	elif [ -z "$where" ] && [ -z "$reason" ]; then
		echo "rules: no test cites $rule"
		bad=1
	elif [ -n "$where" ] && [ -n "$reason" ]; then
		echo "rules: $rule needs no reason any more"
		bad=1
	fi
done <"$work/rules"
exit $bad
