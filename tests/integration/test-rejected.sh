#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# edmarc rejected: what was set aside is found, shown, put back and dropped.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/mariadb.sh"
. "$INTEGRATION/store.sh"
need_root
need_programs awk find jq
begin
mariadb_start
spool_make one
sql 'CREATE DATABASE edmarc'
edmarc_run 0 'setup' one setup --database --sql-dir "$srcdir/sql"

bad=$T/one/reports/bad
new=$T/one/reports/new
names() {
	"$edmarc" -c "$T/one.conf" rejected list --format json "$@" |
		jq -r '.[].name'
}

edmarc_run 0 'nothing set aside' one rejected list
is 'is said' "$output" "0 mails set aside in $T/one/reports/bad"
is 'and is an empty list in JSON' \
	"$("$edmarc" -c "$T/one.conf" rejected list --format json | jq -c .)" '[]'

yesterday=$(($(date +%s) / 86400 * 86400 - 86400))
echo '<html>no report</html>' >"$T/web"
printf '%s' '<feedback><report_metadata>' >"$T/cut"
report r1 "$yesterday" $((yesterday + 86399)) example.org >"$T/good" \
	<<<'192.0.2.1 7 none pass pass'
for file in web cut good; do
	mail_put one "$T/$file"
done
edmarc_run 0 'two of three cannot be read' one ingest
list=$(names)
web=$(sed -n 1p <<<"$list")
cut=$(sed -n 2p <<<"$list")
is 'and are listed, oldest first' "$list" "$(printf '%s\n' "$web" "$cut")"
edmarc_run 0 'as text' one rejected list
like 'with time, size and addresses' "$output" \
	'2026-11-23T17:05:09Z, [0-9]+ bytes, from noreply@reporter.example to dmarc.rua@example.org'
like 'the reason' "$output" '<html> is no report|no report'
like 'and their number' "$output" '^2 mails set aside'
edmarc_run 0 'as CSV' one rejected list --format csv
like 'one line each' "$output" "\"$web\",1795453509,\"noreply@reporter.example\""
is 'as many lines' "$(wc -l <<<"$output")" 3
reason=$("$edmarc" -c "$T/one.conf" rejected list --format json |
	jq -r '.[1].reason')
is 'chosen by reason' "$(names --reason "$reason")" "$cut"
is 'in any letter case' "$(names --reason "${reason^^}")" "$cut"
is 'by age' "$(names --older 36500)" ''

edmarc_run 0 'one is shown' one rejected show "$web"
like 'with its sender' "$output" '^sender:    noreply@reporter.example$'
like 'and its header' "$output" '^  Subject: Report Domain$'
"$edmarc" -c "$T/one.conf" rejected show --raw "$web" >"$T/raw"
tail -n +7 "$bad/$web" >"$T/want"
check 'octet by octet' cmp "$T/raw" "$T/want"
edmarc_run 65 'what is not there' one rejected show 1.2.3.4
like 'is refused by name' "$errors" '1.2.3.4: no such mail in'
edmarc_run 65 'nor is a path' one rejected show "../new/$web"
for words in '' 'retry' 'drop' 'list --all' "drop --all $web" 'show' \
	"retry $web --older 3" 'list --raw' 'everything' 'list --older x'; do
	# shellcheck disable=SC2086 # words
	edmarc_run 64 "wrong usage: $words" one rejected $words
done

# A hostile mail must not reach the terminal
printf 'edmarc-report 1\nreceived: 1795453600\nrecipient: a@b.example\n\n%b' \
	'Subject: \033]0;x\007\nFrom: x\r\n\nbody' >"$bad/1795453600.1.2.h"
edmarc_run 0 'hostile text' one rejected show 1795453600.1.2.h
like 'is quoted' "$output" 'Subject: \\x1b\]0;x\\x07'
edmarc_run 0 'and its mail goes' one rejected drop 1795453600.1.2.h

# Fields over several lines, as they stand in the mail
{
	printf 'edmarc-report 1\nreceived: 1795453600\nrecipient: a@b.example\n\n'
	printf 'Received: from a\tby b;\r\n\tMon, 1 \t(x)\r\n  \033[2J\r\n'
	printf 'From: x\r\n\r\nSubject: of the body\r\n'
} >"$bad/1795453600.1.2.h"
edmarc_run 0 'folded fields' one rejected show 1795453600.1.2.h
is 'are folded where they were, and safe' "$(sed 1,/^header:/d <<<"$output")" "\
  Received: from a by b;
      Mon, 1  (x)
      \\x1b[2J
  From: x"
{
	printf 'edmarc-report 1\nreceived: 1795453600\nrecipient: a@b.example\n\n'
	for i in $(seq 1000); do
		echo "X-Field-$i: some text to fill the space"
	done
} >"$bad/1795453600.1.2.h"
edmarc_run 0 'a long header' one rejected show 1795453600.1.2.h
is 'ends with where the rest is' "$(tail -n 1 <<<"$output")" \
	'  (there is more: edmarc rejected show --raw)'
edmarc_run 0 'and its mail goes' one rejected drop 1795453600.1.2.h

# Put back, when it can be read now
{
	head -n 12 "$bad/$cut"
	report r2 "$yesterday" $((yesterday + 86399)) example.org \
		<<<'192.0.2.2 5 none pass pass'
} >"$T/mended"
cat "$T/mended" >"$bad/$cut"
edmarc_run 0 'retry' one rejected retry "$cut"
is 'says so' "$output" '1 mail put back for ingest'
is 'it waits again' "$(find "$new" -type f -printf '%f\n')" "$cut"
edmarc_run 0 'ingest' one ingest
is 'and counts now' "$(sql edmarc 'SELECT SUM(messages) FROM received_report')" 12
is 'it is nowhere else' "$(names)" "$web"
is 'and no reason is left' "$(find "$bad" -type f | wc -l)" 2
edmarc_run 0 'retry of all' one rejected retry --all
edmarc_run 0 'reads what is as bad as before' one ingest
is 'into the same place' "$(names)" "$web"

edmarc_run 0 'summary' one summary
like 'says where to look' "$output" '1 mail is set aside; see edmarc rejected list'
stop mariadb
edmarc_run 75 'without the database nothing is dropped' one rejected drop "$web"
is 'the mail is there' "$(names)" "$web"
mariadb_start
edmarc_run 0 'drop' one rejected drop --all --reason report
is 'says how many' "$output" '1 mail dropped'
is 'nothing is left' "$(find "$bad" -type f)" ''
edmarc_run 0 'the summary forgets it' one summary
unlike 'as well' "$output" 'set aside'
finish
