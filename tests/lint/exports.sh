#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Do the modules show exactly the symbols of exports.txt, and do they load no
# library that they must not?
#
# usage: exports.sh [FOLDER [TABLE]]: FOLDER holds the built modules
top=${1:-${top_builddir:-.}}
table=${2:-$(dirname "$0")/exports.txt}
export LC_ALL=C
bad=0
seen=0

words() { # KIND MODULE
	awk -v kind="$1" -v module="$2" '$1 == kind && $2 == module {
		for (i = 3; i <= NF; i++)
			print $i
	}' "$table" | sort -u
}

check() { # MODULE PATH
	want=$(words export "$1")
	got=$(nm -D --defined-only "$2" | awk '{ print $NF }' | sort -u)
	if [ "$got" != "$want" ]; then
		echo "$1: exports $(echo "$got" | tr '\n' ' ')"
		echo "$1: expected $(echo "$want" | tr '\n' ' ')"
		bad=1
	fi
	needs=$(ldd "$2" 2>&1)
	for library in $(words without "$1"); do
		case $needs in
		*"$library"*)
			echo "$1: loads $library"
			bad=1
			;;
		esac
	done
}

for module in $(awk '$1 == "export" { print $2 }' "$table" | sort -u); do
	path=$(find "$top" -path '*/.libs/*' -name "$module" | head -n 1)
	if [ -z "$path" ]; then
		echo "$module: not built"
		continue
	fi
	seen=1
	check "$module" "$path"
done
[ $seen = 1 ] || exit 77
exit $bad
