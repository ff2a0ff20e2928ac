#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What edmarc ingest writes for Prometheus: in its form, and true.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/mariadb.sh"
. "$INTEGRATION/store.sh"
need_root
need_programs awk find touch
begin
mariadb_start
spool_make one
sql 'CREATE DATABASE edmarc'
edmarc_run 0 'setup' one setup --database --sql-dir "$srcdir/sql"
data=$srcdir/tests/data/reports
prom=$T/edmarc.prom
sed "\$a [ingest]\nmetrics = $prom" "$T/one.conf" >"$T/prom.conf"

# lint FILE: what node_exporter and promtool ask for
lint() {
	awk '
	function wrong(why) { print FILENAME ":" FNR ": " why; bad = 1 }
	/^# HELP / {
		if (NF < 4) wrong("no help")
		if ($3 in help) wrong("second HELP of " $3)
		help[$3] = 1
		next
	}
	/^# TYPE / {
		if (!($3 in help)) wrong("TYPE before HELP")
		if ($3 in type) wrong("second TYPE of " $3)
		if ($4 != "counter" && $4 != "gauge") wrong("type " $4)
		if (($4 == "counter") != ($3 ~ /_total$/))
			wrong("_total is for counters: " $3)
		type[$3] = $4
		last = $3
		next
	}
	/^#/ || /^$/ { wrong("neither HELP, TYPE nor a sample"); next }
	{
		if ($0 !~ /^[a-z_]+(\{[a-z]+="[a-z]+"\})? [0-9]+(\.[0-9]+)?$/)
			wrong("form: " $0)
		name = $1
		sub(/\{.*/, "", name)
		if (name != last) wrong(name " does not stand behind its TYPE")
		if (name !~ /^edmarc_/) wrong("name " name)
		if ($1 in seen) wrong("series " $1 " twice")
		seen[$1] = 1
		used[name] = 1
	}
	END {
		for (name in type) if (!(name in used)) wrong("none of " name)
		if (length(used) < 12) wrong("too few")
		exit bad
	}' "$1"
}

value() {
	awk -v series="$1" '$1 == series { print $2 }' "$prom"
}

day=1795392000
journal=$T/one/verdicts/open.jsonl
edmarc_run 0 'nobody asked' one ingest
is 'nothing is written' "$(find "$T" -name '*.prom*')" ''
{
	verdict "$day" 192.0.2.1 example.org
	verdict "$day" 192.0.2.2 example.org
	echo 'this is no verdict'
} >"$journal"
for file in ordinary.eml ordinary.eml gzip.eml two.eml junk.eml; do
	mail_put_whole one "$data/$file"
done
mail_put one "$data/negative-count.xml"
edmarc_run 0 'a pass' prom ingest
check 'is in good form' lint "$prom"
is 'for all to read' "$(stat -c %a "$prom")" 644
is 'without a rest' "$(find "$T" -maxdepth 1 -name '*.prom?*')" ''
for status in ok partial rejected; do
	# duplicates are ok in the table
	case $status in
	ok) sum=$(($(value 'edmarc_ingest_mails_total{status="stored"}') + \
		$(value 'edmarc_ingest_mails_total{status="duplicate"}'))) ;;
	*) sum=$(value "edmarc_ingest_mails_total{status=\"$status\"}") ;;
	esac
	is "mails $status" "$sum" "$(sql edmarc "SELECT COUNT(*)
		FROM received_mail WHERE status = '$status'")"
done
is 'a duplicate is told' \
	"$(value 'edmarc_ingest_mails_total{status="duplicate"}')" 1
is 'reports' "$(value 'edmarc_ingest_reports_total{status="stored"}')" \
	"$(sql edmarc 'SELECT SUM(reports) FROM received_mail')"
is 'duplicates' "$(value 'edmarc_ingest_reports_total{status="duplicate"}')" \
	"$(sql edmarc 'SELECT SUM(duplicates) FROM received_mail')"
is 'verdicts' "$(value 'edmarc_ingest_verdict_lines_total{status="good"}')" 2
is 'bad ones' "$(value 'edmarc_ingest_verdict_lines_total{status="bad"}')" 1
is 'nothing waits' "$(value 'edmarc_spool_files{spool="reports"}')$(
	value 'edmarc_spool_files{spool="verdicts"}')" 00
is 'what was set aside' "$(value edmarc_set_aside_mails)" \
	"$(find "$T/one/reports/bad" -type f ! -name '*.reason' | wc -l)"
check 'which is something' test "$(value edmarc_set_aside_mails)" -gt 0
is 'the database is up' "$(value edmarc_database_up)" 1
is 'one good pass' "$(value 'edmarc_ingest_passes_total{result="good"}')" 1
check 'just now' test $(($(date +%s) - \
	$(value edmarc_ingest_last_success_timestamp_seconds))) -le 60

# ------------------------------------------------------------ without a database

mail_put_whole one "$data/plain-xml.eml"
mail_put_whole one "$data/tar.eml"
touch -d '2 hours ago' "$T/one/reports/new"/*
verdict "$day" 192.0.2.1 example.org >"$journal"
stop mariadb
edmarc_run 75 'without the database' prom ingest
check 'the form is good' lint "$prom"
is 'it is told' "$(value edmarc_database_up)" 0
is 'a failed pass' "$(value 'edmarc_ingest_passes_total{result="failed"}')" 1
is 'no success' "$(value edmarc_ingest_last_success_timestamp_seconds)" 0
is 'mails wait' "$(value 'edmarc_spool_files{spool="reports"}')" 2
is 'so many bytes' "$(value 'edmarc_spool_bytes{spool="reports"}')" \
	"$(cat "$T/one/reports/new"/* | wc -c)"
age=$(value 'edmarc_spool_oldest_seconds{spool="reports"}')
check 'for two hours' test "$age" -ge 7200 -a "$age" -lt 7400
is 'and verdicts' "$(value 'edmarc_spool_files{spool="verdicts"}')" 1
mariadb_start

# ---------------------------------------------------------------------- --watch

start service "$edmarc" -c "$T/one.conf" ingest --watch --metrics "$T/w.prom"
prom=$T/w.prom
loaded() {
	[ "$(awk '/^edmarc_ingest_mails_total/ { n += $2 } END { print n + 0 }' \
		"$prom")" = "$1" ]
}
check 'the service tells what it loads' wait_for 10 'two mails' loaded 2
mail_put_whole one "$data/whole-zip.eml"
mv "$T/one/reports/new"/* "$T/one/reports/tmp/" &&
	mv "$T/one/reports/tmp"/* "$T/one/reports/new/"
check 'and adds what comes' wait_for 20 'three mails' loaded 3
check 'in good form' lint "$prom"
stop service
edmarc_run 64 'not for an import' one ingest --metrics "$T/x" "$data/rfc7489.xml"
edmarc_run 0 'a folder that is not there' one ingest --metrics "$T/none/x.prom"
like 'is told' "$errors" "metrics: $T/none/x.prom.*No such file"

# The test itself: it has to see what is wrong.
printf '# HELP edmarc_x x\n# TYPE edmarc_x gauge\nedmarc_x 1\nedmarc_x 2\n' \
	>"$T/bad"
lint "$T/bad" >"$T/said" && not_ok 'a series twice' || ok 'a series twice'
like 'is seen' "$(cat "$T/said")" 'series edmarc_x twice'
finish
