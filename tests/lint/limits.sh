#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Does a test name each limit of what a stranger's mail may cost? Limits are the
# MAX_... of shared/report/limits.h, aggregate.h and failure.h; a test is in
# tests/unit, or a sample whose line in the manifest names the limit. A limit that
# no test names needs a reason in limits.txt, and loses it when it gets one.
#
# usage: limits.sh [TOP]
cd "${1:-${srcdir:-.}}" || exit 99
export LC_ALL=C
bad=0
limits=$(sed -nE 's/^#define (MAX_[A-Z_]+)[ (].*/\1/p' \
	shared/report/limits.h shared/report/aggregate.h shared/report/failure.h)
[ -n "$limits" ] || { echo "limits: none found"; bad=1; }
for limit in $limits; do
	reason=$(sed -n "s/^$limit - //p" tests/lint/limits.txt)
	if grep -qrw "$limit" tests/unit/test_*.c tests/data/reports/manifest.tsv
	then
		[ -z "$reason" ] ||
			{ echo "limits: $limit needs no reason"; bad=1; }
	elif [ -z "$reason" ]; then
		echo "limits: no test names $limit"
		bad=1
	fi
done
exit $bad
