#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# edmarc config check: what the users of Exim and of ingest may not do.
. "$(dirname "$0")/lib.sh"
need_root
need_programs setpriv getent
exim=mail
ingest=edmarc
getent passwd "$ingest" >/dev/null || ingest=nobody
getent passwd "$exim" >/dev/null || skip "no user $exim"
begin
edmarc=$top_builddir/edmarc
group=$(id -gn "$ingest")
verdicts=$T/spool/verdicts
reports=$T/spool/reports
conf=$T/etc/edmarc.conf

# Everything as README has it
fresh() {
	rm -rf "$T/etc" "$T/spool" "$T/metrics"
	install -d -m 0755 "$T/etc" "$T/spool"
	install -d -o "$exim" -g "$group" -m 2770 "$verdicts"
	install -d -o "$ingest" -g "$group" -m 0700 "$reports"{,/tmp,/new,/bad}
	install -d -o "$ingest" -m 0755 "$T/metrics"
	echo example.org >"$T/etc/domains"
	printf '%s\n' '[journal]' "directory = $verdicts" \
		'[reports]' "spool = $reports" '[ingest]' \
		"metrics = $T/metrics/e.prom" '[domains]' \
		"hosted = $T/etc/domains" >"$conf"
}

# wrong WHAT REGEX COMMAND...: after the command, config check says this
wrong() {
	local what=$1 regex=$2

	shift 2
	fresh
	"$@"
	output=$("$edmarc" -c "$conf" config check 2>&1)
	is "$what" $? 78
	like 'is told' "$output" "$regex"
}

fresh
output=$("$edmarc" -c "$conf" config check 2>&1)
is 'all is well' "$? $output" "0 $conf: good"
wrong 'a file only root can read' \
	"edmarc.conf \(owner root, group root, mode 0600\): user $exim has to read it, as Exim; no message is scored" \
	chmod 600 "$conf"
like 'for ingest as well' "$output" \
	"edmarc.conf .*: user $ingest has to read it, for ingest"
wrong 'in a folder only root can enter' \
	"edmarc.conf: user $exim cannot get there \(Permission denied\)" \
	chmod 700 "$T/etc"
wrong 'verdicts that ingest cannot take' \
	"verdicts .*mode 2700\): user $ingest has to read and remove files there" \
	chmod 0700 "$verdicts"
wrong 'verdicts for all' \
	'verdicts \(.*, mode 2777\): must not be open to others: chmod o= ' \
	chmod 2777 "$verdicts"
wrong 'a part of the report spool that is of another' \
	"reports/new \(owner root, .*\): user $ingest has to work there" \
	chown root "$reports/new"
wrong 'no folder for metrics' \
	"metrics \(owner root, .*mode 0755\): user $ingest has to make files there, for \[ingest\] metrics" \
	chown root "$T/metrics"
wrong 'a list that ingest cannot read' \
	"user $ingest, for ingest: domains.hosted: .*domains: Permission denied" \
	chmod 600 "$T/etc/domains"

fresh
rm -r "$reports/bad"
output=$("$edmarc" -c "$conf" config check 2>&1)
is 'what is not there' $? 0
like 'is a warning' "$output" "reports/bad is not there; $ingest has to work"
chmod 600 "$T/etc/domains"
chown "$ingest" "$T/etc/domains"
chmod 711 "$T/spool"
output=$(setpriv --reuid="$ingest" --regid="$group" --clear-groups \
	"$edmarc" -c "$conf" config check 2>&1)
is 'the user of ingest looks for itself' $? 0
chown root "$reports/tmp"
output=$(setpriv --reuid="$ingest" --regid="$group" --clear-groups \
	"$edmarc" -c "$conf" config check 2>&1)
is 'and sees what it cannot do' $? 78
finish
