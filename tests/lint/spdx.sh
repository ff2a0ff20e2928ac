#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Does each file of ours say in its first lines under which licence it is?
# Samples (mails, reports, corpora) are data that a line would change.
#
# usage: spdx.sh [TOP]
cd "${1:-${srcdir:-.}}" || exit 99

# Generated files, and the folders of builds, are not below these names.
files=$(find shared exim-local-scan dovecot-plugin sql tests docs debian \
		configure.ac Makefile.am autogen.sh .clang-format .clang-tidy \
		.ci -type f \
		\( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' -o \
		-name '*.sql' -o -name '*.inc' -o -name '*.cases' -o \
		-name '*.am' -o -name '*.ac' -o -name '*.md' -o \
		-name '*.[1578]' -o -name '*.conf' -o -name '*.txt' -o \
		-name 'run' -o -name 'check' -o -name 'demo' -o \
		-name 'packages' -o -name 'flags.m4' \) \
		! -path '*/data/*/*' ! -path '*/corpus/*' \
		! -path 'shared/build/aux/*' \
		2>/dev/null | LC_ALL=C sort)
[ -n "$files" ] || { echo "spdx: no files below $PWD"; exit 99; }

bad=0
for file in $files; do
	if ! head -n 2 "$file" |
	     grep -q 'SPDX-License-Identifier: GPL-2.0-or-later'; then
		echo "$file:1: no SPDX-License-Identifier"
		bad=1
	fi
done
exit $bad
