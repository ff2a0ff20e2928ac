#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Do the manual pages say what the program does? Options of each command in
# edmarc(8), settings and their defaults in edmarc.conf(5), lines of the log in
# edmarc-exim(8), and the pages themselves by mandoc, where it is installed.
#
# usage: manpages.sh [DOCS [PROGRAM [MODULE]]]
docs=${1:-${srcdir:-.}/docs}
program=${2:-${top_builddir:-.}/edmarc}
module=${3:-${srcdir:-.}/exim-local-scan}
export LC_ALL=C
bad=0
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT

if [ ! -x "$program" ]; then
	echo "manpages: $program is not built"
	exit 77
fi

compare() { # WHAT, with $work/program and $work/page
	sort -u "$work/program" >"$work/a"
	sort -u "$work/page" >"$work/b"
	comm -23 "$work/a" "$work/b" | sed "s/^/$1: not in the manual: /" \
		>"$work/differ"
	comm -13 "$work/a" "$work/b" | sed "s/^/$1: only in the manual: /" \
		>>"$work/differ"
	[ -s "$work/differ" ] || return 0
	cat "$work/differ"
	bad=1
}

# --options in a help text
help_options() {
	grep -oE -e '--[a-z][a-z0-9-]*' | grep -vx -e '--help'
}

# The options that edmarc.8 lists for a command; "" for those of all.
page_options() {
	awk -v command="$1" '
	/^\.Sh / { section = "" }
	/^\.Ss / { section = $2 }
	/^\.It / && section == command {
		for (i = 1; i < NF; i++)
			if ($i == "Fl" && $(i + 1) ~ /^-/)
				print "-" $(i + 1)
	}' "$docs/edmarc.8" | grep -vx -e '--help'
}

"$program" --help | awk '/^  [a-z]/ { print $1 }' >"$work/program"
awk '/^\.Sh / { commands = $2 == "COMMANDS" }
     /^\.Ss / && commands { print $2 }' "$docs/edmarc.8" >"$work/page"
commands=$(cat "$work/program")
[ -n "$commands" ] || { echo "manpages: edmarc --help lists nothing"; bad=1; }
compare commands

"$program" --help | grep -E '^  -' | help_options >"$work/program"
page_options "" >"$work/page"
compare edmarc
for command in $commands; do
	if ! "$program" "$command" --help >"$work/help"; then
		echo "edmarc $command --help fails"
		bad=1
	fi
	help_options <"$work/help" >"$work/program"
	page_options "$command" >"$work/page"
	compare "edmarc $command"
done

# "section key default", as the page and as the program say it.
"$program" -c /dev/null config show | awk '
	/^\[/ { section = $1 }
	/^[a-z]/ {
		value = $0
		sub(/^[^=]*= ?/, "", value)
		if (value ~ /^-?[0-9]+\.00$/)
			sub(/\.00$/, "", value)
		if (value ~ /000ms$/)
			sub(/000ms$/, "s", value)
		if (value == "")
			value = "empty"
		print section, $1, value
	}' >"$work/program"
awk '
	/^\.Sh / { section = "" }
	/^\.Ss \[/ { section = $2 }
	/^\.It Ic / && section != "" {
		value = $0
		sub(/^\.It Ic [^ ]+ Pq /, "", value)
		sub(/^Pa /, "", value)
		print section, $3, value
	}' "$docs/edmarc.conf.5" >"$work/page"
[ -s "$work/program" ] || { echo "manpages: config show is empty"; bad=1; }
compare settings

# Keys of the log line, and the beginnings of the lines about trouble, in
# edmarc-exim(8) and as the module writes them.
sed -n '/^static void write_log/,/^}/p' "$module"/*.c | grep -oE '[a-z]+=' |
	tr -d = >"$work/program"
awk '/^\.Ss / { lines = /The log/ }
     lines && /^\.It Cm / { print $3 }' "$docs/edmarc-exim.8" >"$work/page"
[ -s "$work/program" ] || { echo "manpages: no log line"; bad=1; }
compare 'keys of the log'
cat "$module"/*.c | tr -d '\n' |
	grep -oE 'trouble,[[:space:]]*"(dmarc: )?[^:"]*|trouble\(log, *"[^"]*' |
	sed -e 's/^[^"]*"//' -e 's/^dmarc: //' >"$work/program"
sed -n 's/^\.It dmarc: \([^:]*\):.*/\1/p' "$docs/edmarc-exim.8" >"$work/page"
[ -s "$work/program" ] || { echo "manpages: no trouble"; bad=1; }
compare 'trouble in the log'

if command -v mandoc >/dev/null; then
	for page in "$docs"/*.[1578]; do
		mandoc -T lint -W warning "$page" || bad=1
	done
else
	echo "mandoc is not installed: the form of the pages was not checked"
fi
exit $bad
