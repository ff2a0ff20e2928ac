#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Which reports count: by the mail that brings them, by the domain they are about,
# by their time; and each of them once, however it comes.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/mariadb.sh"
. "$INTEGRATION/store.sh"
need_root
need_programs awk find gzip jq
begin
mariadb_start
spool_make one
spool_make two
sql 'CREATE DATABASE edmarc'
edmarc_run 0 'setup' one setup --database --sql-dir "$srcdir/sql"

yesterday=$(($(date +%s) / 86400 * 86400 - 86400))
day() { # day N: "BEGIN END" N days before yesterday
	echo "$((yesterday - $1 * 86400)) $((yesterday - $1 * 86400 + 86399))"
}

# setting NAME SECTION LINE: another configuration for the spool one
setting() {
	sed "/^\[$2\]/a $3" "$T/one.conf" >"$T/$1.conf"
	grep -q "^\[$2\]" "$T/one.conf" ||
		printf '[%s]\n%s\n' "$2" "$3" >>"$T/$1.conf"
}

# mail REPORT [FIELDS]: a mail as it comes from Exim, with these fields on top
mail() {
	{
		[ -z "${2:-}" ] || printf '%b\n' "$2"
		printf '%s\n' 'Received: from out ([192.0.2.1])' \
			'	by mx.hoster.example with esmtp (Exim)' \
			'Authentication-Results: mx.hoster.example; dmarc=pass header.from=reporter.example' \
			'From: noreply@reporter.example' 'MIME-Version: 1.0' \
			'Content-Type: text/xml' ''
		cat "$1"
	} >"$T/mail"
	mail_put_whole one "$T/mail"
}

# ------------------------------------------------------------ authenticated?

us='Authentication-Results: mx.hoster.example'
for r in yes other no unknown; do
	report "$r" $(day 0) example.org >"$T/$r" <<<'192.0.2.1 10 none pass pass'
done
mail "$T/yes" "$us; dmarc=pass (p=reject) header.from=mail.reporter.example;\n\tspf=pass"
mail "$T/other" "$us; dmarc=pass header.from=evil.example"
mail "$T/no" "$us;\n\tdmarc=fail header.from=reporter.example"
mail "$T/unknown"
setting mark exim 'authserv_id = mx.hoster.example'
edmarc_run 0 'mails with and without a pass' mark ingest
is 'are told apart' "$(sql edmarc 'SELECT report_id, authenticated, auth_domain
	FROM received_report ORDER BY report_id')" "\
no	no	reporter.example
other	other	evil.example
unknown	unknown	
yes	yes	mail.reporter.example"
is 'and so are the mails' "$(sql edmarc 'SELECT authenticated, auth_domain
	FROM received_mail ORDER BY name')" "\
yes	mail.reporter.example
yes	evil.example
no	reporter.example
unknown	"
edmarc_run 0 'summary' mark summary example.org
like 'counts all of them' "$output" 'Messages +40$'
like 'and tells what may be forged' "$output" \
	'^Of these, 30 messages in 3 reports came by mail that is not known$'
edmarc_run 0 'as JSON' mark summary --format json
is 'for programs' "$(jq -c '.domains[0] | [.unauthenticated_reports,
	.unauthenticated_messages, (.reports | map(.authenticated) | sort)]' \
	<<<"$output")" '[3,30,["no","other","unknown","yes"]]'
setting count reports 'unauthenticated = count'
edmarc_run 0 'summary that does not care' count summary example.org
like 'counts the same' "$output" 'Messages +40$'
unlike 'and says nothing' "$output" 'Of these'

store_empty
setting aside reports 'unauthenticated = set-aside'
printf '[exim]\nauthserv_id = mx.hoster.example\n' >>"$T/aside.conf"
mail "$T/yes" "$us; dmarc=pass header.from=reporter.example"
mail "$T/other" "$us; dmarc=pass header.from=evil.example"
mail "$T/no" "$us; dmarc=fail header.from=reporter.example"
mail "$T/unknown"
echo 'Hello' >"$T/hello"
mail "$T/hello" "$us; dmarc=fail header.from=somebody.example"
edmarc_run 0 'set aside' aside ingest
is 'only what has not passed' "$(sql edmarc 'SELECT report_id
	FROM received_report ORDER BY report_id')" $'other\nunknown\nyes'
is 'is not counted; what is no report has a reason of its own' "$(sql edmarc '
	SELECT status, authenticated, reason FROM received_mail
	WHERE set_aside ORDER BY name')" "\
rejected	no	the mail did not pass DMARC (Author Domain reporter.example)
rejected	no	no report found: text/xml: something else"
is 'and kept' "$(cat "$T"/one/reports/bad/*.reason)" "\
the mail did not pass DMARC (Author Domain reporter.example)
no report found: text/xml: something else"
edmarc_run 0 'what is none goes' aside rejected drop --all --reason 'no report'
edmarc_run 0 'put back' aside rejected retry --all
edmarc_run 0 'under another setting' mark ingest
is 'it counts' "$(sql edmarc 'SELECT authenticated FROM received_report
	WHERE report_id = "no"')" no
is 'and nothing is set aside' "$(ls "$T/one/reports/bad")" ''

# Without the setting, our name is that of the machine.
store_empty
mail "$T/yes" "Authentication-Results: $(hostname); dmarc=pass header.from=reporter.example"
edmarc_run 0 'no authserv_id' one ingest
is 'is the name of the machine' "$(sql edmarc 'SELECT authenticated
	FROM received_report')" yes

# A header that is read in several pieces.
store_empty
mail "$T/yes" "$us; dmarc=pass header.from=reporter.example
$(seq -f 'X-Scanner-%g: nothing found here' 1500)"
edmarc_run 0 'a header of 50 kB' mark ingest
is 'is read to its end' "$(sql edmarc 'SELECT authenticated
	FROM received_report')" yes

# ------------------------------------------------------------------- hosted?

store_empty
setting hosted domains "hosted = $T/domains"
echo hosted.example >"$T/domains"
for domain in hosted.example mail.hosted.example other.example; do
	report "$domain" $(day 0) "$domain" >"$T/$domain" \
		<<<'192.0.2.1 5 none pass pass'
	mail_put one "$T/$domain"
done
{
	printf '%s\n' 'From: noreply@reporter.example' 'MIME-Version: 1.0' \
		'Content-Type: multipart/mixed; boundary=b'
	for id in hosted.example other.example; do
		printf '%s\n' '' '--b' 'Content-Type: text/xml' ''
		report "both-$id" $(day 0) $id <<<'192.0.2.1 7 none pass pass'
	done
	printf '%s\n' '--b--'
} >"$T/both"
mail_put_whole one "$T/both"

# A list that cannot be read, or that is empty for a moment: mails wait, and all
# else goes on.
journal=$T/one/verdicts/open.jsonl
verdicts() {
	sql edmarc 'SELECT COALESCE(SUM(count), 0) FROM verdict_row'
}
# waits NAME CONFIGURATION REASON
waits() {
	verdict "$yesterday" 192.0.2.1 example.org >"$journal"
	before=$(verdicts)
	edmarc_run 78 "$1" "$2" ingest --metrics "$T/held.prom"
	like 'is an error with its name and reason' "$errors" \
		"report mail has to wait: $3"
	is 'nothing is taken' "$(find "$T/one/reports/new" -type f | wc -l)" 4
	is 'or stored' "$(sql edmarc 'SELECT COUNT(*) FROM received_mail')" 0
	is 'but verdicts are' "$(verdicts)" $((before + 1))
	like 'and numbers are written' "$(cat "$T/held.prom")" \
		'^edmarc_spool_files\{spool="reports"\} 4$'
	rm "$T/held.prom"
}
rm "$T/domains"
waits 'a list that is missing' hosted \
	"domains.hosted: $T/domains: No such file or directory"
printf '# later\n' >"$T/domains"
waits 'a list that is empty' hosted '\[domains\]: no domain is in what hosted'
setting query domains 'hosted_query = SELECT name FROM panel'
waits 'a query that fails' query \
	"domains.hosted_query: MariaDB error 1146: Table 'edmarc.panel' doesn't"
rm "$T/domains"
verdict "$yesterday" 192.0.2.1 example.org >"$journal"
want=$(($(verdicts) + 2))
start service "$edmarc" -c "$T/hosted.conf" ingest --watch \
	--metrics "$T/held.prom"
told() { # told N TEXT: so many times
	[ "$(grep -c -- "$2" "$T/service.log")" = "$1" ]
}
check 'the service says what is wrong' wait_for 20 'a line in its log' \
	told 1 "report mail has to wait, verdicts are loaded: .*$T/domains"
verdict "$yesterday" 192.0.2.1 example.org >"$journal"
all_in() {
	[ "$(verdicts)" = "$want" ]
}
check 'goes on with verdicts' wait_for 30 'two verdicts' all_in
check 'and says it once' told 1 'report mail has to wait'
is 'its mails wait' "$(find "$T/one/reports/new" -type f | wc -l)" 4
echo hosted.example >"$T/domains"
check 'when the list is there' wait_for 30 'the mails' \
	told 1 'report mail is loaded again'
is 'it loads them by itself' "$(find "$T/one/reports/new" -type f | wc -l)" 0
stop service
sql edmarc 'DELETE FROM received_mail; DELETE FROM received_report;
	DELETE FROM received_row'
for name in "$T"/one/reports/bad/*.test; do
	rm "$name.reason" "$name"
done
for domain in hosted.example mail.hosted.example other.example; do
	mail_put one "$T/$domain"
done
mail_put_whole one "$T/both"
echo hosted.example >"$T/domains"
edmarc_run 0 'with the list' hosted ingest
is 'domains of others do not count' "$(sql edmarc 'SELECT report_id
	FROM received_report ORDER BY report_id')" \
	$'both-hosted.example\nhosted.example\nmail.hosted.example'
is 'but are set aside with the reason' "$(sql edmarc 'SELECT status, reports,
	reason FROM received_mail WHERE set_aside ORDER BY name')" "\
rejected	0	policy domain other.example is not hosted here
partial	1	policy domain other.example is not hosted here"
echo other.example >>"$T/domains"
edmarc_run 0 'the domain is added' hosted rejected retry --all
edmarc_run 0 'and the mails read again' hosted ingest
is 'now all count, once' "$(sql edmarc 'SELECT COUNT(*), SUM(messages),
	SUM(duplicates) FROM received_report')" $'5\t29\t0'
is 'nothing is left' "$(find "$T/one/reports/new" "$T/one/reports/bad" \
	-type f)" ''

# A TLS report about a domain of ours and one of others
store_empty
echo hosted.example >"$T/domains"
{
	printf '%s\n' 'From: noreply@reporter.example' 'MIME-Version: 1.0' \
		'Content-Type: application/tlsrpt+json' ''
	jq -n --arg until "$(date -u +%FT00:00:00Z)" \
		--arg since "$(date -u -d yesterday +%FT00:00:00Z)" '{
		"organization-name": "Reporter", "report-id": "1",
		"contact-info": "tls@reporter.example",
		"date-range": {"start-datetime": $since, "end-datetime": $until},
		"policies": [["other.example", 5], ["hosted.example", 7]] | map({
			"policy": {"policy-type": "sts", "policy-domain": .[0]},
			"summary": {"total-successful-session-count": 1,
				"total-failure-session-count": .[1]},
			"failure-details": [{"result-type": "certificate-expired",
				"failed-session-count": .[1]}]})}'
} >"$T/tls"
tls() { # what is stored of it
	sql edmarc 'SELECT policy_domain, p.failures, result, sessions
		FROM tls_policy p JOIN tls_failure f
		ON f.report = p.report AND f.policy_no = p.policy_no
		ORDER BY policy_domain'
}
mail_put_whole one "$T/tls"
edmarc_run 0 'a TLS report, partly ours' hosted ingest
is 'what is ours counts' "$(tls)" 'hosted.example	7	certificate-expired	7'
is 'and the mail is set aside for the rest' "$(sql edmarc 'SELECT status,
	set_aside, reports, reason FROM received_mail')" \
	$'partial\t1\t1\tpolicy domain other.example is not hosted here'
echo other.example >>"$T/domains"
edmarc_run 0 'the domain is added' hosted rejected retry --all
edmarc_run 0 'and the mail read again' hosted ingest
is 'both count, once' "$(tls)" 'hosted.example	7	certificate-expired	7
other.example	5	certificate-expired	5'
is 'and nothing is set aside' "$(find "$T/one/reports/bad" -type f)" ''

# ---------------------------------------------------------------- the absurd

store_empty
now=$(date +%s)
bad() { # bad ID BEGIN END
	report "$@" example.org >"$T/bad" <<<'192.0.2.1 1 none pass pass'
	mail_put one "$T/bad"
}
bad future "$yesterday" $((now + 90000))
bad inverted "$yesterday" $((yesterday - 1))
bad long $((yesterday - 401 * 86400)) "$yesterday"
bad old 0 86399
bad good $((yesterday - 400 * 86400)) "$yesterday"
report many $(day 0) example.org >"$T/bad" \
	<<<'192.0.2.1 9007199254740993 none pass pass'
mail_put one "$T/bad"
report most $(day 0) example.net >"$T/bad" \
	<<<'192.0.2.1 9007199254740992 none pass fail'
mail_put one "$T/bad"
edmarc_run 0 'what cannot be' one ingest
is 'is set aside' "$(sql edmarc "SELECT REGEXP_REPLACE(reason,
	'^.*line [0-9]+: |: [0-9].*', '') FROM received_mail
	WHERE set_aside ORDER BY name")" "\
the period ends in the future
the period ends before it begins
the period is longer than 400 days
the period begins before there was DMARC
impossible number of messages"
is 'and the rest counts, up to the limit' "$(sql edmarc 'SELECT report_id,
	messages FROM received_report ORDER BY report_id')" \
	$'good\t1\nmost\t9007199254740992'
edmarc_run 0 'summary' one summary --format json example.net
is 'adds it up' "$(jq -c '.domains[0] | [.messages, .dkim_passed, .spf_failed]' \
	<<<"$output")" '[9007199254740992,9007199254740992,9007199254740992]'
rm "$T"/one/reports/bad/*

# ---------------------------------------------------------------------- once

store_empty
report twice $(day 0) example.org >"$T/twice" <<<'192.0.2.1 3 none pass pass'
gzip -c "$T/twice" >"$T/twice.gz"
{
	printf '%s\n' 'From: noreply@reporter.example' 'MIME-Version: 1.0' \
		'Content-Type: application/gzip' \
		'Content-Transfer-Encoding: base64' ''
	base64 "$T/twice.gz"
} >"$T/packed"
mail_put one "$T/twice"
mail_put_whole one "$T/packed"
edmarc_run 0 'one report in two formats' one ingest
is 'is one' "$(sql edmarc 'SELECT COUNT(*), SUM(messages), SUM(duplicates)
	FROM received_report')" $'1\t3\t1'
mail_put one "$T/twice"
edmarc_run 0 'again' one ingest
is 'changes the count of duplicates only' "$(sql edmarc 'SELECT COUNT(*),
	SUM(messages), SUM(duplicates) FROM received_report')" $'1\t3\t2'

# Somebody guesses the id and the period of a report and is first, or second.
pass="$us; dmarc=pass header.from=reporter.example"
fail="$us; dmarc=fail header.from=reporter.example"
# squat COUNT FIELDS: the same report, with this number of messages
squat() {
	report squat $(day 0) example.org >"$T/squat" \
		<<<"192.0.2.1 $1 none pass pass"
	mail "$T/squat" "$2"
}
counted() {
	sql edmarc 'SELECT messages, authenticated, overlaps FROM received_report
		WHERE complete = 1 ORDER BY messages'
}
for fields in "$fail" "$us; dmarc=pass header.from=evil.example" ''; do
	store_empty
	squat 666 "$fields"
	edmarc_run 0 'a forged report' mark ingest
	is 'counts as such' "$(counted | cut -f 1)" 666
	squat 7 "$pass"
	edmarc_run 0 'the real one' mark ingest
	is 'takes its place' "$(counted)" '7	yes	0'
	like 'which is told' "$errors" 'displaced=1: the same reports had come'
	squat 666 "$fields"
	squat 7 "$pass"
	edmarc_run 0 'both again' mark ingest
	is 'are duplicates' "$(counted)" '7	yes	0'
	unlike 'and displace nothing' "$errors" displaced
	store_empty
	squat 666 "$fields"
	squat 7 "$pass"
	edmarc_run 0 'both at once' mark ingest
	is 'only the real one counts' "$(counted)" '7	yes	0'
	is 'and the other is a duplicate' "$(sql edmarc 'SELECT duplicates
		FROM received_report')" 1
done
edmarc_run 0 'summary' mark summary --format json example.org
is 'knows nothing of the forged one' "$(jq -c '.domains[0] |
	[.messages, .unauthenticated_reports, (.reports | length)]' \
	<<<"$output")" '[7,0,1]'

# Under a domain of his own somebody is himself, whatever he calls himself.
store_empty
report squat $(day 0) example.org <<<'192.0.2.1 666 none pass pass' |
	sed s/noreply@reporter.example/x@evil.example/ >"$T/evil"
mail "$T/evil" "$us; dmarc=pass header.from=evil.example"
edmarc_run 0 'a report of somebody else' mark ingest
squat 7 "$pass"
edmarc_run 0 'and the real one' mark ingest
is 'do not hide each other' "$(counted | cut -f 1,2)" $'7\tyes\n666\tyes'

# A large one, which comes in by several transactions
large() { # large ROWS: a report of that many rows, of one message each
	awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++)
		print "192.0.2.1 1 none pass pass" }' |
		report squat $(day 0) example.org
}
store_empty
squat 666 "$fail"
edmarc_run 0 'a forged report' mark ingest
large 2500 | head -n 2400 >"$T/cut"
awk 'NR == 2300 { sub("<count>1<", "<count>9007199254740993<") } 1' "$T/cut" \
	>"$T/absurd"
mail "$T/absurd" "$pass"
edmarc_run 0 'a large one that turns out to be absurd' mark ingest
is 'is refused, and takes no place' "$(counted | cut -f 1)" 666
large 2500 >"$T/large"
mail "$T/large" "$pass"
edmarc_run 0 'the real one is large' mark ingest
is 'and takes its place as well' "$(counted)" '2500	yes	0'
mail "$T/large" "$fail"
squat 666 "$fail"
edmarc_run 0 'what comes then' mark ingest
is 'are duplicates' "$(counted) $(sql edmarc 'SELECT duplicates
	FROM received_report WHERE complete')" '2500	yes	0 2'
is 'its rows are all there' "$(sql edmarc 'SELECT COUNT(*) FROM received_row
	JOIN received_report ON id = report WHERE complete')" 2500
# What was displaced goes with what is left incomplete.
sql edmarc 'UPDATE received_report SET stored_at = 1 WHERE complete = 0'
squat 666 "$fail"
edmarc_run 0 'later' mark ingest
is 'nothing is left of the forged one' "$(sql edmarc 'SELECT
	(SELECT COUNT(*) FROM received_report), (SELECT COUNT(*)
	FROM received_row)')" $'1\t2500'

# The same with TLS reports
# tls_mail COUNT FIELDS [ADDRESS]
tls_mail() {
	{
		printf '%b\n' "$2" 'Received: from out ([192.0.2.1])' \
			'\tby mx.hoster.example with esmtp (Exim)'
		sed "s/hosted.example/example.org/
			s/tls@reporter.example/${3:-tls@reporter.example}/
			s/session-count\": *[57]/session-count\": $1/" "$T/tls"
	} >"$T/tls_mail"
	mail_put_whole one "$T/tls_mail"
}
tls_counted() {
	sql edmarc 'SELECT authenticated, SUM(failures) FROM tls_report
		JOIN tls_policy ON report = id GROUP BY id ORDER BY 2'
}
store_empty
tls_mail 666 "$fail"
edmarc_run 0 'a forged TLS report' mark ingest
is 'counts as such' "$(tls_counted)" $'no\t1332'
tls_mail 3 "$pass"
tls_mail 666 "$fail"
edmarc_run 0 'the real one' mark ingest
is 'takes its place' "$(tls_counted)" $'yes\t6'
is 'and nothing is left of the other' "$(sql edmarc 'SELECT COUNT(*),
	SUM(sessions) FROM tls_failure')" $'2\t6'
tls_mail 666 "$us; dmarc=pass header.from=evil.example" x@evil.example
edmarc_run 0 'one of somebody else' mark ingest
is 'stands beside it' "$(tls_counted)" $'yes\t6\nyes\t1332'

# Two machines, two spools, the same mails at the same time
store_empty
for i in $(seq 300); do
	report "m$i" $(day $((i % 200))) "d$((i % 7)).example" >"$T/m" \
		<<<"192.0.2.1 $i none pass pass"
	mail_put one "$T/m"
	mail_put two "$T/m"
done
"$edmarc" -c "$T/one.conf" ingest 2>"$T/one.log" &
first=$!
"$edmarc" -c "$T/two.conf" ingest 2>"$T/two.log" &
second=$!
wait "$first"
is 'two machines at the same time: one' "$?" 0
wait "$second"
is 'and the other' "$?" 0
is 'have each report once' "$(sql edmarc 'SELECT COUNT(*), SUM(messages),
	SUM(duplicates), SUM(row_count) FROM received_report')" \
	$'300\t45150\t300\t300'
is 'with its rows' "$(sql edmarc 'SELECT COUNT(*), SUM(count)
	FROM received_row')" $'300\t45150'
is 'and what they count agrees' "$(sql edmarc 'SELECT SUM(reports),
	SUM(duplicates) FROM received_mail')" $'300\t300'

# ------------------------------------------------------------------ overlaps

store_empty
# overlap ID BEGIN END WANT [DOMAIN] [REPORTER]; hours from yesterday on
overlap() {
	report "$1" $((yesterday + $2 * 3600)) $((yesterday + $3 * 3600)) \
		"${5:-example.org}" ${6:+"$6"} >"$T/o" \
		<<<'192.0.2.1 1 none pass pass'
	mail_put one "$T/o"
	edmarc_run 0 "overlap: $1 is stored" one ingest
	is "overlap: $1" "$(sql edmarc "SELECT overlaps FROM received_report
		WHERE report_id = '$1'")" "$4"
	if [ "$4" = 1 ]; then
		like 'and the log says so' "$errors" 'overlaps=1'
	else
		unlike 'and the log has nothing' "$errors" 'overlaps='
	fi
}
overlap first -48 -24 0
overlap next -24 0 0
overlap before -72 -48 0
overlap inside -20 -19 1
overlap across -25 -23 1
overlap domain -48 -24 0 example.net
overlap reporter -48 -24 0 example.org Somebody
overlap week -400 -73 0
overlap week-again -401 -390 1
overlap late -74 -72 1
overlap year -9000 -400 1
overlap within -8999 -8998 1
overlap far -9048 -9000 0
is 'those before are left alone' "$(sql edmarc "SELECT SUM(overlaps)
	FROM received_report WHERE report_id IN ('first', 'next')")" 0
edmarc_run 0 'summary' one summary --days 900 --format json example.org
is 'tells how many' "$(jq .domains[0].overlapping_reports <<<"$output")" 6
edmarc_run 0 'summary as text' one summary --days 900 example.org
is 'marks those it shows' "$(grep -c ' \*$' <<<"$output")" 6
like 'and says what the mark means' "$output" \
	'^\* 6 reports cover a time that another of the same reporter covers$'
edmarc_run 0 'summary as JSON' one summary --days 900 --format json example.org
is 'and which' "$(jq -r '[.domains[0].reports[] | select(.overlaps) |
	.report_id] | sort | join(" ")' <<<"$output")" \
	'across inside late week-again within year'
# Both in one transaction
store_empty
report a $(day 0) example.org >"$T/a" <<<'192.0.2.1 1 none pass pass'
report b $(day 0) example.org >"$T/b" <<<'192.0.2.1 1 none pass pass'
mail_put one "$T/a"
mail_put one "$T/b"
edmarc_run 0 'two that come together' one ingest
is 'are both marked' "$(sql edmarc 'SELECT SUM(overlaps)
	FROM received_report')" 2

finish
