#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Is the tree free of unfinished corners and of paths of the machine it was
# written on?
#
# usage: words.sh [TOP]
cd "${1:-${srcdir:-.}}" || exit 99

bad=0
look() { # WHAT REGEX: an extended regular expression
	# This folder has to say the words in order to look for them.
	if grep -rnIE --exclude-dir=lint --exclude-dir=corpus \
		--exclude='*.[lt]o' --exclude='*.log' "$2" \
		shared exim-local-scan dovecot-plugin sql tests docs debian \
		.ci README.md configure.ac Makefile.am 2>/dev/null |
		grep -vE '^shared/build/(aux/|libtool\.m4|lt)'; then
		echo "^ $1"
		bad=1
	fi
}

look 'unfinished' '(^|[^A-Za-z])(TODO|FIXME|XXX|TBD)([^A-Za-z]|$)'
look 'a path of one machine' \
	'(^|[^A-Za-z0-9_.$}/-])/(work/(main|shared)|home/[a-z]|root/|tmp/(wt|brief))'
exit $bad
