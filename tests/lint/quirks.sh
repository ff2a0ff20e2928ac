#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Does each habit of reporters have a case? docs/TESTING.md has a table of them,
# with numbers from 1 on and none left out. A case is a file of tests/data/reports
# that its manifest names, or a title: `FILE`: TITLE, where FILE is one of
# tests/data or tests/integration.
#
# usage: quirks.sh [TOP]
cd "${1:-${srcdir:-.}}" || exit 99
export LC_ALL=C
awk -F'|' '
function fail(text) { print "quirks: " number ": " text; bad = 1 }
function has(file, text,    line, found) {
	while ((getline line <file) > 0)
		if (index(line, text))
			found = 1
	close(file)
	return found
}
function look(item,    file, title) {
	file = item
	sub(/^`/, "", file)
	sub(/`.*/, "", file)
	title = item
	if (!sub(/^`[^`]+`: /, "", title)) {
		if (!(file in samples))
			fail(file " is not in the manifest")
	} else if (file ~ /\.sh$/) {
		if (!has("tests/integration/" file, "\047" title "\047"))
			fail(file " has no test called " title)
	} else if (!has("tests/data/" file, "# " title)) {
		fail(file " has no case called " title)
	}
}
FILENAME ~ /manifest/ {
	split($0, field, "\t")
	samples[field[1]] = 1
	next
}
/^## / { inside = $0 == "## Habits of reporters" }
inside && $2 ~ /^ [0-9]+ $/ {
	number = $2 + 0
	if (number != ++last)
		fail("comes behind " last - 1)
	last = number
	n = split($4, items, ";")
	cases = 0
	for (i = 1; i <= n; i++) {
		gsub(/^ +| +$/, "", items[i])
		if (items[i] != "") {
			look(items[i])
			cases++
		}
	}
	if (cases == 0)
		fail("no case")
	if ($5 !~ /[a-z]/)
		fail("what do we do?")
}
END {
	number = "all"
	if (last < 62)
		fail("only " last + 0 " habits")
	exit bad
}' tests/data/reports/manifest.tsv docs/TESTING.md
