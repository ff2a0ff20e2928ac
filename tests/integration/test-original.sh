#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# keep_original: mails of reports come back octet by octet, and go after their
# days.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/mariadb.sh"
. "$INTEGRATION/store.sh"
need_root
need_programs awk cmp find gzip
begin
mariadb_start
spool_make one
sql 'CREATE DATABASE edmarc'
edmarc_run 0 'setup' one setup --database --sql-dir "$srcdir/sql"
data=$srcdir/tests/data/reports
sed '/^\[reports\]/a keep_original = 3' "$T/one.conf" >"$T/keep.conf"

original() {
	"$edmarc" -c "$T/keep.conf" show --original "$1"
}

# CR LF, NUL and all other octets stand behind the report.
day=1795392000
report crlf "$day" $((day + 86399)) example.org <<<'192.0.2.1 1 none pass pass' \
	>"$T/xml"
{
	printf '%s\r\n' 'From: a@reporter.example' 'Subject: x' \
		'MIME-Version: 1.0' 'Content-Type: multipart/mixed; boundary=b' '' \
		'--b' 'Content-Type: text/xml' ''
	sed 's/$/\r/' "$T/xml"
	printf '%s\r\n' '--b' 'Content-Type: application/octet-stream' \
		'Content-Transfer-Encoding: 8bit' ''
	for ((i = 0; i < 256; i++)); do
		printf '%b' "\\0$(printf %o "$i")"
	done
	printf '\r\n--b--\r\nno end of line'
} >"$T/octets"

edmarc_run 0 'off' one ingest "$data/rfc7489.xml"
is 'nothing is kept' "$(sql edmarc 'SELECT COUNT(*) FROM received_original')" 0
mail_put_whole one "$T/octets"
edmarc_run 0 'on' keep ingest
name=$(sql edmarc 'SELECT mail_name FROM received_original')
like 'the mail of the spool is kept' "$name" '^[0-9]{10}\.'
is 'with its length' "$(sql edmarc 'SELECT bytes FROM received_original')" \
	"$(stat -c %s "$T/octets")"
original "$name" >"$T/back"
check 'by its name it is what came' cmp "$T/octets" "$T/back"
original crlf >"$T/back"
check 'by the id of its report, too' cmp "$T/octets" "$T/back"

edmarc_run 0 'an imported file' keep ingest "$data/report.zip" "$data/tls.json"
original "$(awk -F'\t' '$1 == "report.zip" { print $6 }' "$data/manifest.tsv")" \
	>"$T/back"
check 'comes back' cmp "$data/report.zip" "$T/back"
original "$(sql edmarc 'SELECT report_id FROM tls_report')" >"$T/back"
check 'and a TLS report' cmp "$data/tls.json" "$T/back"
kept=$(sql edmarc 'SELECT COUNT(*) FROM received_original')
edmarc_run 0 'a failure report' keep ingest "$data/failure.eml"
gzip -c "$data/report.zip" >"$T/again.gz"
edmarc_run 0 'a duplicate' keep ingest "$T/again.gz"
edmarc_run 65 'and what is rejected' keep ingest "$data/doctype.xml"
is 'are not kept' "$(sql edmarc 'SELECT COUNT(*) FROM received_original')" "$kept"

# The same id by two reporters
for who in One Two; do
	report shared "$day" $((day + 86399)) example.org "$who" >"$T/$who" \
		<<<'192.0.2.1 1 none pass pass'
done
edmarc_run 0 'an id of two reporters' keep ingest "$T/One" "$T/Two"
edmarc_run 65 'is not enough' keep show --original shared
is 'says which there are' "$(grep -c 'import\.[0-9a-f]*$' <<<"$errors")" 2
like 'and what to do' "$errors" 'shared: several mails'
edmarc_run 65 'what is not there' keep show --original nothing
like 'is told' "$errors" 'nothing: no mail of this name'
edmarc_run 64 'a name is needed' keep show --original
edmarc_run 64 'and the option' keep show shared

# Both sides of the limit
declare -A said
report long "$day" $((day + 86399)) example.org >"$T/long" \
	<<<'192.0.2.1 1 none pass pass'
head -c 9000000 /dev/urandom >"$T/random"
for n in 8300000 8400000; do
	{
		printf '%s\r\n' 'From: a@reporter.example' 'MIME-Version: 1.0' \
			'Content-Type: multipart/mixed; boundary=b' '' \
			'--b' 'Content-Type: text/xml' ''
		sed "s/>long</>long$n</" "$T/long"
		printf '%s\n' '--b' 'Content-Type: application/octet-stream' ''
		head -c "$n" "$T/random"
		printf '\n--b--\n'
	} >"$T/long$n"
	edmarc_run 0 "$n octets that cannot be compressed" keep ingest \
		"$T/long$n"
	said[$n]=$errors
done
unlike 'below the limit nothing is said' "${said[8300000]}" 'not kept'
original long8300000 | cmp - "$T/long8300000" && ok 'and it is kept' ||
	not_ok 'and it is kept'
like 'above it is' "${said[8400000]}" 'original not kept, more than 8 MiB'
is 'and the report counts all the same' "$(sql edmarc "SELECT COUNT(*)
	FROM received_report WHERE report_id LIKE 'long8%'")" 2

sql edmarc "UPDATE received_original SET compressed = LEFT(compressed, 200)
	WHERE mail_name = '$name'"
edmarc_run 65 'what is damaged in the database' keep show --original "$name"
like 'is not taken for the mail' "$errors" 'damaged gzip data'

# Their days
sql edmarc "UPDATE received_original SET stored_at = UNIX_TIMESTAMP() - 3 * 86400
	- IF(mail_name = '$name', 100, -100)"
kept=$(sql edmarc 'SELECT COUNT(*) FROM received_original')
edmarc_run 0 'after three days' keep ingest
is 'what is older goes' "$(sql edmarc 'SELECT COUNT(*) FROM received_original')" \
	$((kept - 1))
like 'and the log says so' "$errors" '1 old originals removed'
edmarc_run 0 'without keep_original' one ingest
is 'all go' "$(sql edmarc 'SELECT COUNT(*) FROM received_original')" 0
finish
