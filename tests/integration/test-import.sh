#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# edmarc ingest PATH...: what lies in files, directories, Maildirs and mbox files
# is loaded once, however often and in however many pieces, and stays where it is.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/mariadb.sh"
. "$INTEGRATION/store.sh"
need_root
need_programs awk comm find gzip script sha256sum
begin
mariadb_start
spool_make one
sql 'CREATE DATABASE edmarc'
edmarc_run 0 'setup' one setup --database --sql-dir "$srcdir/sql"
data=$srcdir/tests/data/reports
day=1795392000

# make_mbox FIRST LAST: mails with a report each, of 1 message more than the one
# before
make_mbox() {
	awk -v first="$1" -v last="$2" -v day="$day" 'BEGIN {
		for (i = first; i <= last; i++) {
			print "From noreply@reporter.example Mon Nov 23 10:00:00 2026"
			print "From: noreply@reporter.example"
			print "Subject: Report Domain: example.org Report-ID: " i
			print "MIME-Version: 1.0\nContent-Type: text/xml\n"
			print "<feedback><report_metadata>"
			print "<org_name>Reporter Inc</org_name>"
			print "<email>noreply@reporter.example</email>"
			print "<report_id>" i "</report_id><date_range><begin>" day
			print "</begin><end>" day + 86399 "</end></date_range>"
			print "</report_metadata><policy_published>"
			print "<domain>example.org</domain><p>none</p>"
			print "</policy_published><record><row>"
			print "<source_ip>192.0.2.1</source_ip><count>" i "</count>"
			print "<policy_evaluated><disposition>none</disposition>"
			print "<dkim>pass</dkim><spf>fail</spf></policy_evaluated>"
			print "</row><identifiers><header_from>example.org"
			print "</header_from></identifiers><auth_results>"
			print "</auth_results></record></feedback>\n"
		}
	}'
}

# Everything in the store but when, and by which number, it came
imported_state() {
	sql edmarc "SELECT HEX(report_key), complete, reporter, report_id,
		messages, row_count, duplicates FROM received_report
		ORDER BY report_key;
	SELECT name, status, set_aside, reason, reports, duplicates
		FROM received_mail ORDER BY name;
	SELECT COUNT(*), SUM(count) FROM received_row"
}

fingerprint() {
	find "$1" -type f -printf '%p %s %T@ %m\n' | sort
	find "$1" -type f -exec sha256sum {} + | sort
}

# ------------------------------------------------------------ our own samples

mkdir "$T/samples"
cp "$data"/* "$T/samples/"
rm "$T/samples/make.py" "$T/samples/manifest.tsv"
before=$(fingerprint "$T/samples")
edmarc_run 65 'samples, good and bad' one ingest "$T/samples"
like 'the last line has the numbers' "$output" \
	'^[0-9]+ mails: [0-9]+ stored, [0-9]+ duplicate, [0-9]+ partial, [0-9]+ rejected; [0-9]+ new reports$'
is 'and is the only one' "$(wc -l <<<"$output")" 1
like 'what was rejected is listed with its reason' "$errors" \
	"^edmarc: $T/samples/doctype.xml: .*DOCTYPE"
is 'each once' "$(grep -c '/doctype.xml: ' <<<"$errors")" 1
is 'as many as were counted' "$(grep -c "^edmarc: $T/samples/" <<<"$errors")" \
	"$(sql edmarc 'SELECT COUNT(*) FROM received_mail WHERE set_aside = 1')"
is 'no file is touched' "$(fingerprint "$T/samples")" "$before"
is 'and none is locked' "$(find "$T/one" -name ingest.lock)" ''
# Of some reports there are several versions: any one of them may be the first.
awk -F'\t' -v OFS='\t' '$3 == "aggregate" && $4 ~ /^(accept|partial|tolerant)$/ {
	print tolower($5), $6, $7, $8, $9, $10, $11
}' "$data/manifest.tsv" | sort -u >"$T/want"
sql edmarc "SELECT LOWER(org_name), report_id, begin_at, end_at, policy_domain,
	row_count, messages FROM received_report WHERE complete = 1" |
	sort >"$T/got"
cut -f 1-5 "$T/got" >"$T/got-keys"
cut -f 1-5 "$T/want" | uniq >"$T/want-keys"
is 'all reports of the manifest are there, and no others' \
	"$(comm -3 "$T/got-keys" "$T/want-keys")" ''
is 'with rows and messages as it says' "$(comm -23 "$T/got" "$T/want")" ''
is 'and all rows are there' "$(sql edmarc 'SELECT COUNT(*), SUM(count)
	FROM received_row')" "$(awk -F'\t' '{ rows += $6; messages += $7 }
	END { print rows "\t" messages }' "$T/got")"
like 'failure reports came in as well' \
	"$(sql edmarc 'SELECT COUNT(*) FROM failure_report')" '^[1-9]'
like 'and TLS reports' "$(sql edmarc 'SELECT COUNT(*) FROM tls_report')" '^[1-9]'
edmarc_run 0 'nothing is set aside in the spool' one summary
unlike 'as the summary knows' "$output" 'set aside'
state=$(imported_state)
edmarc_run 65 'the same once more' one ingest "$T/samples"
like 'brings nothing' "$output" ': 0 stored, .* 0 new reports$'
is 'and changes nothing' "$(imported_state)" "$state"

# ------------------------------------------------------------ single files

store_empty
edmarc_run 0 'a file' one ingest "$data/rfc7489.xml"
like 'is stored' "$output" '^1 mails: 1 stored, 0 duplicate, 0 partial, 0 rejected; 1 new reports$'
like 'known by its content' "$(sql edmarc 'SELECT name FROM received_mail')" \
	"^import\\.$(sha256sum "$data/rfc7489.xml" | cut -c 1-32)\$"
cp "$data/rfc7489.xml" "$T/other-name"
ln -s "$T/other-name" "$T/link"
edmarc_run 0 'under two other names' one ingest "$T/other-name" "$T/link"
like 'it is known' "$output" '^2 mails: 0 stored, 2 duplicate'
is 'and not counted as reported twice' \
	"$(sql edmarc 'SELECT duplicates FROM received_report')" 0
gzip -c "$data/rfc7489.xml" >"$T/packed.gz"
edmarc_run 0 'in another form' one ingest "$T/packed.gz"
like 'the report is a duplicate' "$output" '^1 mails: 0 stored, 1 duplicate'
is 'that the reporter sent' \
	"$(sql edmarc 'SELECT duplicates FROM received_report')" 1
edmarc_run 65 'what is not there' one ingest "$T/nothing" "$data/rfc9990.xml"
like 'is told' "$errors" "^edmarc: $T/nothing: No such file or directory$"
like 'and does not keep the rest' "$output" '^2 mails: 1 stored, .* 1 rejected'
mkfifo "$T/fifo"
edmarc_run 65 'a pipe' one ingest "$T/fifo"
like 'is no file' "$errors" "^edmarc: $T/fifo: not a regular file$"
truncate -s 61M "$T/long"
edmarc_run 65 'a file that is too long for a mail' one ingest "$T/long"
like 'is refused without being read' "$errors" "$T/long: longer than a mail may be"
edmarc_run 64 'not with --watch' one ingest --watch "$data/rfc9990.xml"
edmarc_run 64 'nor with --once' one ingest --once "$data/rfc9990.xml"

# ------------------------------------------------------- directories, Maildirs

store_empty
make_mbox 1 40 >"$T/forty"
mkdir -p "$T/Maildir"/{new,cur,tmp} "$T/Maildir/.Old"/{new,cur,tmp} \
	"$T/plain/b/c" "$T/plain/.hidden"
awk -v T="$T" '/^From / {
	n++
	folder = n <= 10 ? "Maildir/new" : n <= 20 ? "Maildir/cur" :
		n <= 30 ? "Maildir/.Old/cur" : "plain/b/c"
	file = T "/" folder "/" n ".mail:2,S"
	next
} { print > file }' "$T/forty"
echo 'dovecot' >"$T/Maildir/dovecot.index"
echo 'half' >"$T/Maildir/tmp/half"
echo 'secret' >"$T/plain/.hidden/file"
ln -s "$T/forty" "$T/plain/link"
ln -s "$T/plain" "$T/plain/b/loop"
edmarc_run 0 'a Maildir and a tree' one ingest --jobs 1 "$T/Maildir" "$T/plain"
like 'all mails, and nothing else' "$output" '^40 mails: 40 stored'
is 'with their numbers' "$(sql edmarc 'SELECT COUNT(*), SUM(messages),
	SUM(duplicates) FROM received_report')" "40	820	0"
edmarc_run 0 'the same mails in an mbox' one ingest "$T/forty"
like 'are the same' "$output" '^40 mails: 0 stored, 40 duplicate'

# ------------------------------------------------------------------------- mbox

store_empty
make_mbox 1 2000 >"$T/mbox"
edmarc_run 0 'an mbox' one ingest "$T/mbox"
like 'of 2,000 mails' "$output" '^2000 mails: 2000 stored, 0 duplicate, 0 partial, 0 rejected; 2000 new reports$'
is 'with its numbers' "$(sql edmarc 'SELECT COUNT(*), SUM(messages),
	MIN(messages), MAX(messages) FROM received_report')" "2000	2001000	1	2000"
is 'from this sender' "$(sql edmarc 'SELECT DISTINCT sender FROM received_mail')" \
	noreply@reporter.example
whole=$(imported_state)
{
	make_mbox 2001 2001
	printf 'From x@y.example Mon Nov 23 10:00:01 2026\nSubject: Hello\n\nno report\n>From here\n\n'
	make_mbox 2002 2002
} >"$T/three"
edmarc_run 65 'a mail that is none' one ingest "$T/three"
like 'is named by its place' "$errors" "^edmarc: $T/three, mail 2: "
like 'between two good ones' "$output" '^3 mails: 2 stored, .* 1 rejected'

# -------------------------------------------------------------- ended in between

stored() {
	[ "$(sql edmarc 'SELECT COUNT(*) FROM received_report')" -ge "$1" ]
}

import_start() {
	: >"$T/import.log"
	start import "$edmarc" -c "$T/one.conf" ingest --jobs 1 "$T/mbox"
}

for at in 1 300 900; do
	store_empty
	import_start
	wait_for 30 "$at reports" stored "$at"
	stop import KILL
	some=$(sql edmarc 'SELECT COUNT(*) FROM received_report')
	edmarc_run 0 "killed after $some of 2000, and again" one ingest "$T/mbox"
	like 'what is there is known' "$output" '^2000 mails: '
	is 'all are there once' "$(imported_state)" "$whole"
done

store_empty
import_start
wait_for 30 '300 reports' stored 300
kill -INT "${pids[import]}"
wait "${pids[import]}"
is 'interrupted, it says to try again' $? 75
some=$(sql edmarc 'SELECT COUNT(*) FROM received_mail')
like 'and how far it came' "$(cat "$T/import.log")" \
	"^stopped after $some mails: $some stored, .*; the same command goes on$"
[ "$some" -lt 2000 ] || not_ok 'in between' "$some"
edmarc_run 0 'and goes on' one ingest "$T/mbox"
is 'to the same' "$(imported_state)" "$whole"

store_empty
import_start
wait_for 30 '300 reports' stored 300
mariadb_kill
wait "${pids[import]}"
is 'without the database, too' $? 75
like 'saying why' "$(cat "$T/import.log")" 'MariaDB'
like 'and how far it came' "$(cat "$T/import.log")" '^stopped after [0-9]+ mails'
mariadb_start
edmarc_run 0 'and goes on' one ingest "$T/mbox"
is 'to the same' "$(imported_state)" "$whole"

# ---------------------------------------------- beside the service, as any user

store_empty
start service "$edmarc" -c "$T/one.conf" ingest --watch
wait_for 10 'the service' test -s "$T/one/reports/ingest.lock"
edmarc_run 0 'beside ingest --watch' one ingest "$T/mbox"
is 'all are there once' "$(imported_state)" "$whole"
stop service

# -------------------------------------------------------------------- a terminal

store_empty
TERM=xterm script -qec "stty cols 60; '$edmarc' -c '$T/one.conf' ingest \
	'$T/mbox' '$data/doctype.xml'" /dev/null >"$T/seen" </dev/null
is 'on a terminal' $? 65
lines=$(tr '\r' '\n' <"$T/seen")
like 'a line is redrawn' "$lines" \
	'^[0-9]+ mails, [0-9]+% of [0-9.]+ MB, [0-9]+/s.*: [0-9]+ s'
is 'that fits' "$(sed 's/\x1b\[K//' <<<"$lines" |
	awk '/% of/ && length($0) > 59' | wc -l)" 0
like 'and makes room' "$lines" "doctype.xml: .*DOCTYPE"
like 'for the last line' "$lines" '^.{0,4}2001 mails: 2000 stored'
TERM=dumb script -qec "'$edmarc' -c '$T/one.conf' ingest '$T/mbox'" /dev/null \
	>"$T/seen" </dev/null
unlike 'not on a dumb one' "$(cat "$T/seen")" '% of'

finish
