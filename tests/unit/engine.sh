#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# standard = rfc7489 where its list or libopendmarc is missing: `edmarc config
# check` says so, and `edmarc evaluate` does not guess.
edmarc=${top_builddir:-.}/edmarc
export LC_ALL=C
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
bad=0

printf 'From: a@example.com\n\n' >"$work/message"
: >"$work/zone"

# fails LIBRARIES LIST TEXT: both, with exit status 78 and TEXT
fails() {
	printf '[evaluate]\nstandard = rfc7489\npublic_suffix_list = %s\n' \
		"$2" >"$work/conf"
	for command in "config check" \
		"evaluate --zone $work/zone $work/message"; do
		# shellcheck disable=SC2086 # a command is several words
		LD_LIBRARY_PATH=$1 "$edmarc" -c "$work/conf" $command \
			>"$work/out" 2>"$work/err"
		got=$?
		[ $got -eq 78 ] || {
			echo "FAIL: $command: exit $got, not 78"
			bad=1
		}
		grep -qF -e "$3" "$work/err" || {
			echo "FAIL: $command: no '$3' in"
			cat "$work/err"
			bad=1
		}
	done
}

list=$work/list
cp "${srcdir:-.}/tests/data/suffixes.dat" "$list"
fails "" /nowhere/list "/nowhere/list: No such file or directory"

# A library that is none, and one of others with the same name.
mkdir "$work/empty" "$work/other"
: >"$work/empty/libopendmarc.so.2"
fails "$work/empty" "$list" "libopendmarc cannot be loaded: "
cp "$(ldd "$edmarc" | awk '/libidn2/ { print $3 }')" \
	"$work/other/libopendmarc.so.2"
fails "$work/other" "$list" "libopendmarc.so.2 has no opendmarc_"

# All is there; and what is missing does no harm to the other standard.
LD_LIBRARY_PATH="" "$edmarc" -c "$work/conf" config check >"$work/out" || {
	echo "FAIL: config check of what is good"
	bad=1
}
printf '[evaluate]\npublic_suffix_list = /nowhere/list\n' >"$work/conf"
"$edmarc" -c "$work/conf" config check >"$work/out" || {
	echo "FAIL: config check of rfc9989"
	bad=1
}
exit $bad
