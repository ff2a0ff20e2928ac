#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Does each file include only what its layer may, and is each foreign library
# confined to its file? The table is layers.txt.
#
# usage: layers.sh [TOP]
lint=$(cd "$(dirname "$0")" && pwd)
cd "${1:-${srcdir:-.}}" || exit 99

files=$(find shared exim-local-scan dovecot-plugin -name '*.[ch]' |
	LC_ALL=C sort)
[ -n "$files" ] || { echo "layers: no sources below $PWD"; exit 99; }

# shellcheck disable=SC2086 # names without blanks, on purpose
exec awk '
function complain(text)
{
	print FILENAME ":" FNR ": " text
	bad++
}

# Is header one of the patterns in list, each with a blank behind it?
function listed(header, list,    i, n, words, word)
{
	n = split(list, words, " ")
	for (i = 1; i <= n; i++) {
		word = words[i]
		if (word == header)
			return 1
		if (substr(word, length(word)) == "*" &&
		    index(header, substr(word, 1, length(word) - 1)) == 1)
			return 1
	}
	return 0
}

function library_of(header,    name)
{
	for (name in headers)
		if (listed(header, headers[name]))
			return name
	return ""
}

function check_library(header, name)
{
	if (index("," home[name] ",", "," folder ",") == 0) {
		complain("<" header "> of " name " belongs into " home[name])
		return
	}
	if (FILENAME ~ /\.h$/) {
		complain("<" header "> of " name " in a header of ours")
		return
	}
	if (!((name, FILENAME) in users)) {
		users[name, FILENAME] = 1
		if (++used[name] > allowed[name])
			complain("<" header ">: one file more than " \
				allowed[name] " includes " name)
	}
}

function check_system(header,    name)
{
	name = library_of(header)
	if (name != "")
		check_library(header, name)
	else if (!listed(header, system_headers))
		complain("<" header "> is in no table: see layers.txt")
}

function exists(path,    line, there)
{
	there = (getline line < path) >= 0
	close(path)
	return there
}

function check_ours(header,    to)
{
	to = header
	if (!sub(/\/.*/, "", to)) {
		if (!exists(dir "/" header))
			complain("\"" header "\" is not in this folder")
		return
	}
	if (to != folder && !listed(to, may[folder]) &&
	    !listed(header, may[folder]))
		complain("\"" header "\": " folder " must not include " to)
}

# Its own header comes first, which proves that the header stands alone.
function check_first(header,    own)
{
	own = FILENAME
	if (!sub(/\.c$/, ".h", own) || !exists(own))
		return
	if (own !~ "/" header "$")
		complain("its own header is not the first")
}

FNR == 1 {
	n_includes = 0
	dir = FILENAME
	sub(/\/[^\/]*$/, "", dir)
	folder = dir
	sub(/^shared\//, "", folder)
}
FILENAME == table && $1 == "layer" {
	known[$2] = 1
	for (i = 3; i <= NF; i++)
		may[$2] = may[$2] " " $i
}
FILENAME == table && $1 == "library" {
	home[$2] = $3
	allowed[$2] = $4
	for (i = 5; i <= NF; i++)
		headers[$2] = headers[$2] " " $i
}
FILENAME == table && $1 == "host" { host[$2] = 1 }
FILENAME == table && $1 == "system" {
	for (i = 2; i <= NF; i++)
		system_headers = system_headers " " $i
}
FILENAME == table { next }

FNR == 1 && !(folder in known) { complain("no layer is called " folder) }
FILENAME in host { next }
/^[ \t]*#[ \t]*include/ {
	header = $0
	if (!match(header, /[<"][^>"]*[>"]/)) {
		complain("cannot read this #include")
		next
	}
	kind = substr(header, RSTART, 1)
	header = substr(header, RSTART + 1, RLENGTH - 2)
	if (++n_includes == 1 && folder != "dovecot-plugin")
		check_first(header)
	if (kind == "<")
		check_system(header)
	else
		check_ours(header)
}
END { exit bad > 0 }
' table="$lint/layers.txt" "$lint/layers.txt" $files
