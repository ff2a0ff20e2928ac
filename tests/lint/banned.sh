#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Are the functions of banned.txt left alone? Comments, texts and members of
# structures do not count.
#
# usage: banned.sh [TOP]
lint=$(cd "$(dirname "$0")" && pwd)
cd "${1:-${srcdir:-.}}" || exit 99

files=$(find shared exim-local-scan dovecot-plugin tests -name '*.[ch]' |
	LC_ALL=C sort)
[ -n "$files" ] || { echo "banned: no sources below $PWD"; exit 99; }

# shellcheck disable=SC2086 # names without blanks, on purpose
exec awk '
# The code of a line: texts become "", comments nothing.
function code_of(line,    out, c, two)
{
	out = ""
	while (line != "") {
		two = substr(line, 1, 2)
		c = substr(line, 1, 1)
		if (in_comment) {
			if (two == "*/") {
				in_comment = 0
				line = substr(line, 3)
			} else {
				line = substr(line, 2)
			}
		} else if (two == "/*") {
			in_comment = 1
			line = substr(line, 3)
		} else if (two == "//") {
			return out
		} else if (c == "\"" || c == "\x27") {
			line = substr(line, 2)
			while (line != "" && substr(line, 1, 1) != c)
				line = substr(line,
					substr(line, 1, 1) == "\\" ? 3 : 2)
			line = substr(line, 2)
			out = out c c
		} else {
			out = out c
			line = substr(line, 2)
		}
	}
	return out
}

function check_call(name)
{
	if (!((where, name) in banned) || ((FILENAME, name) in excepted))
		return
	print FILENAME ":" FNR ": " name "() is not used here"
	bad++
}

# Every NAME( that is no member and no declaration of a member.
function check_calls(code,    name, before)
{
	before = ""
	while (match(code, /[A-Za-z_][A-Za-z0-9_]*[ \t]*\(/)) {
		name = substr(code, RSTART, RLENGTH - 1)
		sub(/[ \t]*$/, "", name)
		before = before substr(code, 1, RSTART - 1)
		if (before !~ /(\.|->)$/)
			check_call(name)
		before = before name "("
		code = substr(code, RSTART + RLENGTH)
	}
}

function ban(where, name)
{
	banned[where, name] = 1
}

FILENAME == table && $1 == "ban" {
	for (i = 3; i <= NF; i++) {
		if ($2 == "all") {
			ban("guest", $i)
			ban("core", $i)
			ban("rest", $i)
		} else if ($2 == "guest") {
			ban("guest", $i)
			ban("core", $i)
		} else {
			ban($2, $i)
		}
	}
}
FILENAME == table && $1 == "except" { excepted[$2, $3] = 1 }
FILENAME == table { next }
FNR == 1 {
	in_comment = 0
	where = "rest"
	if (FILENAME ~ /^shared\/(mail|dns|dmarc|report)\//)
		where = "core"
	else if (FILENAME ~ /^(shared\/(base|journal)|exim-local-scan|dovecot-plugin)\//)
		where = "guest"
}
{ check_calls(code_of($0)) }
END { exit bad > 0 }
' table="$lint/banned.txt" "$lint/banned.txt" $files
