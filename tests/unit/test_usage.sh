#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Wrong usage and files that cannot be read: the exit status, and whether the
# message says which command and which file are meant.
edmarc=${top_builddir:-.}/edmarc
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
bad=0

# want STATUS TEXT ARGUMENT...
want() {
	status=$1
	text=$2
	shift 2
	timeout 60 "$edmarc" "$@" >"$work/out" 2>"$work/err" </dev/null
	got=$?
	[ "$got" = "$status" ] && grep -qF -e "$text" "$work/err" && return
	echo "FAIL: edmarc $*: exit $got, not $status, or no '$text' in"
	cat "$work/err"
	bad=1
}

want 64 'usage: edmarc'
want 64 'no command bogus' bogus
for command in $("$edmarc" --help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p'); do
	want 64 "--bogus: no such option; see edmarc $command --help" \
		$command --bogus
	want 64 '--help=me: takes no value' $command --help=me
done
[ "$command" ] || {
	echo "FAIL: edmarc --help lists no command"
	bad=1
}
for word in --older --reason --format; do
	want 64 "$word: a value is missing; see edmarc rejected --help" \
		rejected list $word
done
want 64 '--jobs 0: not a number from 1 to ' ingest --jobs 0
want 64 '--days 36501: not a number from 1 to 36500' summary --days 36501
want 64 '--format xml: not text, json or csv' parse --format xml
want 64 '--format csv: not text or json' evaluate --format csv
want 64 'DOMAIN a..b: not a domain name' summary a..b
want 64 'usage: edmarc config' config check show
want 64 'usage: edmarc summary' summary a.example b.example
want 64 'usage: edmarc show' show name
want 64 'usage: edmarc setup' setup --grants
want 64 'usage: edmarc ingest' ingest --once --watch
want 64 'usage: edmarc parse' parse
want 65 "$work/none: No such file" parse "$work/none"
want 65 "$work: Is a directory" parse "$work"

# What would fail at night is told when it is configured.
config() {
	printf '%s\n' "$@" >"$work/conf"
}
config '[send]' 'reporting = yes'
want 78 '[send] org_name is needed' -c "$work/conf" config check
config '[send]' 'reporting = yes' 'org_name = O' 'email = nobody'
want 78 'email = nobody: not a plain address' -c "$work/conf" config check
config '[send]' 'reporting = yes' 'org_name = O' 'email = a@b.example' \
	"sendmail = $work/none"
want 78 "sendmail = $work/none: No such file" -c "$work/conf" config check
config '[send]' 'reporting = yes' 'org_name = O' 'email = a@b.example' \
	'sendmail = /bin/true'
"$edmarc" -c "$work/conf" config check >"$work/out" || {
	echo "FAIL: config check of what send can work with"
	bad=1
}
config '[domains]' 'hosted_query = DELETE FROM domains'
want 78 'hosted_query: not a SELECT' -c "$work/conf" config check
exit $bad
