#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# edmarc ingest and edmarc summary on a private MariaDB: what comes in, and
# that a fault at any moment neither loses nor doubles anything.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/mariadb.sh"
. "$INTEGRATION/store.sh"
need_root
need_programs awk find strace
begin
mariadb_start
spool_make one
edmarc_run 78 'no database yet' one ingest
like 'says the server' "$errors" "MariaDB error 1049: Unknown database 'edmarc'"
sql 'CREATE DATABASE edmarc'
edmarc_run 78 'no tables yet' one ingest
like 'says what to do' "$errors" 'run edmarc setup --database'
edmarc_run 0 'setup' one setup --database --sql-dir "$srcdir/sql"

day=1795392000 # 2026-11-23
now=$(date +%s)
yesterday=$((now / 86400 * 86400 - 86400))
journal=$T/one/verdicts/open.jsonl

# ----------------------------------------------------------------- verdicts

edmarc_run 0 'nothing to do' one ingest
{
	verdict $((day + 10)) 192.0.2.1 example.org
	verdict $((day + 20)) 192.0.2.1 example.org
	verdict $((day + 5)) 192.0.2.1 example.org
	verdict $((day + 86400)) 192.0.2.1 example.org
	verdict $((day + 30)) 2001:db8::1 example.org
	verdict $((day + 30)) 192.0.2.1 example.org mta=mx2.example.net
	verdict $((day + 30)) 192.0.2.1 example.org p=none
	echo 'this is no verdict'
	verdict $((day + 30)) not-an-address example.org
	verdict $((day + 40)) 192.0.2.1 sub.example.org policy=example.org \
		result=fail disposition=reject spf=fail dkim=fail envelope=
	printf '{"v":1,"time":179'
} >"$journal"
edmarc_run 0 'verdicts are loaded' one ingest
like 'and counted' "$errors" 'lines=8 bad_lines=3 mails=0 reports=0'
is 'nothing waits any more' "$(waiting one)" 0
is 'equal messages are one row' "$(sql edmarc 'SELECT day, mta, source_ip,
	header_from, envelope_from, result, disposition, dkim_aligned,
	spf_aligned, count, first_at, last_at FROM verdict_row
	ORDER BY day, mta, source_ip, count DESC, header_from')" "\
2026-11-23	mx1.example.net	::ffff:192.0.2.1	example.org	example.org	pass	pass	1	1	3	1795392005	1795392020
2026-11-23	mx1.example.net	::ffff:192.0.2.1	example.org	example.org	pass	pass	1	1	1	1795392030	1795392030
2026-11-23	mx1.example.net	::ffff:192.0.2.1	sub.example.org		fail	reject	0	0	1	1795392040	1795392040
2026-11-23	mx1.example.net	2001:db8::1	example.org	example.org	pass	pass	1	1	1	1795392030	1795392030
2026-11-23	mx2.example.net	::ffff:192.0.2.1	example.org	example.org	pass	pass	1	1	1	1795392030	1795392030
2026-11-24	mx1.example.net	::ffff:192.0.2.1	example.org	example.org	pass	pass	1	1	1	1795478400	1795478400"
is 'a policy is kept once' "$(sql edmarc 'SELECT policy_domain, method, p, sp,
	adkim, fo, testing, pct, rua FROM verdict_policy ORDER BY p')" "\
example.org	treewalk	none		r	0	n	100	mailto:d@example.org
example.org	treewalk	reject		r	0	n	100	mailto:d@example.org"
is 'machines share the hash of a row' "$(sql edmarc "SELECT COUNT(DISTINCT mta)
	FROM verdict_row WHERE day = '2026-11-23' AND source_ip = '::ffff:192.0.2.1'
	AND header_from = 'example.org' GROUP BY row_hash HAVING COUNT(*) > 1")" 2
is 'JSON columns' "$(sql edmarc 'SELECT DISTINCT reasons, auth_results
	FROM verdict_row WHERE dkim_aligned = 0')" '[]	{"dkim":[{"domain":"sub.example.org","selector":"s1","result":"fail","human":""}],"spf":{"domain":"sub.example.org","scope":"mfrom","result":"fail"}}'
bad=$(cat "$T"/one/verdicts/bad/*)
like 'a bad line is kept' "$bad" '^this is no verdict$'
like 'and one that the store cannot take' "$bad" 'not-an-address'
like 'with its reason' "$bad" 'client: not an address'
like 'and one without its end' "$bad" '^\{"v":1,"time":179$'
like 'with its reason too' "$bad" '^# the line has no end$'

verdict $((day + 50)) 192.0.2.1 example.org >"$journal"
edmarc_run 0 'more of the same' one ingest
is 'adds to the row' "$(sql edmarc 'SELECT count, last_at FROM verdict_row
	ORDER BY count DESC LIMIT 1')" $'4\t1795392050'

# A value that a column refuses, whatever the program believed
sql edmarc "ALTER TABLE verdict_row MODIFY header_from VARCHAR(15)
	CHARACTER SET ascii COLLATE ascii_bin NOT NULL"
{
	verdict $((day + 60)) 192.0.2.1 example.org
	verdict $((day + 60)) 192.0.2.1 much-too-long.example.org
	verdict $((day + 70)) 192.0.2.1 example.org
} >"$journal"
edmarc_run 0 'a line that the server refuses' one ingest
like 'is set aside alone' "$errors" 'lines=2 bad_lines=1'
like 'with the reason of the server' "$(cat "$T"/one/verdicts/bad/*)" \
	'# MariaDB error 1406: Data too long'
is 'the others count' "$(sql edmarc 'SELECT MAX(count) FROM verdict_row')" 6
sql edmarc "ALTER TABLE verdict_row MODIFY header_from VARCHAR(253)
	CHARACTER SET ascii COLLATE ascii_bin NOT NULL"

# More than one transaction, more than one chunk of the file
verdict "$day" 192.0.2.9 many.example >"$T/line"
awk '{ for (i = 0; i < 12000; i++) print }' "$T/line" >"$journal"
edmarc_run 0 'a large segment' one ingest
is 'counts to the last line' "$(sql edmarc "SELECT count FROM verdict_row
	WHERE header_from = 'many.example'")" 12000

# ------------------------------------------------------------------ reports

report r1 "$yesterday" $((yesterday + 86399)) example.org >"$T/r1" <<-ROWS
	192.0.2.1 100 none pass pass
	192.0.2.1 5 none pass fail
	2001:db8::7 20 none fail pass
	198.51.100.9 7 quarantine fail fail
	203.0.113.4 3 reject fail fail
ROWS
report r2 "$yesterday" $((yesterday + 86399)) example.org 'Another Größe' \
	>"$T/r2" <<-ROWS
	192.0.2.1 2000 none pass pass
ROWS
report r3 $((yesterday - 20 * 86400)) $((yesterday - 20 * 86400 + 86399)) \
	example.org >"$T/r3" <<<'192.0.2.1 9 none pass pass'
report r4 "$yesterday" $((yesterday + 86399)) example.net >"$T/r4" \
	<<<'192.0.2.1 1 none fail fail'
echo '<html>no report</html>' >"$T/r5"
for r in r1 r2 r3 r4 r5 r1; do
	mail_put one "$T/$r"
done
edmarc_run 0 'report mails are loaded' one ingest
like 'and counted' "$errors" 'mails=6 reports=4 duplicates=1 set_aside=1'
is 'nothing waits any more' "$(waiting one)" 0
is 'mails are noted' "$(sql edmarc 'SELECT status, set_aside, reports,
	duplicates, recipient, sender FROM received_mail ORDER BY name')" "\
ok	0	1	0	dmarc.rua@example.org	noreply@reporter.example
ok	0	1	0	dmarc.rua@example.org	noreply@reporter.example
ok	0	1	0	dmarc.rua@example.org	noreply@reporter.example
ok	0	1	0	dmarc.rua@example.org	noreply@reporter.example
rejected	1	0	0	dmarc.rua@example.org	noreply@reporter.example
ok	0	0	1	dmarc.rua@example.org	noreply@reporter.example"
is 'the sums of a report' "$(sql edmarc "SELECT complete, reporter, messages,
	compliant, dkim_passed, spf_passed, quarantined, rejected, row_count,
	duplicates FROM received_report WHERE report_id = 'r1'")" \
	"1	Reporter Inc	135	125	105	120	7	3	5	1"
is 'what cannot be read is in bad/' \
	"$(find "$T/one/reports/bad" -type f | wc -l)" 2
like 'with a reason' "$(cat "$T"/one/reports/bad/*.reason)" '[a-z]'

# ------------------------------------------------------------------ summary

edmarc_run 0 'summary' one summary
is 'a table of all domains' "$(sed 1d <<<"$output")" "
Domain                   Messages  Compliant  Quarant.  Rejected    SPF   DKIM
example.net                     1          0         0         0   0.0%   0.0%
example.org                 2,135      2,125         7         3  99.3%  98.6%
2 domains                   2,136      2,125         7         3  99.3%  98.5%

Of these, 2,136 messages in 3 reports came by mail that is not known
to have passed DMARC for the reporter's domain.

1 mail is set aside; see edmarc rejected list"
edmarc_run 0 'summary of a domain' one summary EXAMPLE.org.
period=$(date -u -d "@$yesterday" +%F)
is 'has the details' "$(sed 1d <<<"$output")" "
example.org

  Messages          2,135
  Compliant         2,125   99.5%
  Quarantined           7    0.3%
  Rejected              3    0.1%
  SPF               2,120   99.3% passed, 15 failed
  DKIM              2,105   98.6% passed, 30 failed

Sources of compliant messages (2)
  192.0.2.1                                         2,105
  2001:db8::7                                          20

Reporters                                        Messages   Reports
  Another Gr\\xc3\\xb6\\xc3\\x9fe                       2,000         1
  Reporter Inc                                        135         1

Reports                               Reporter                        Messages
  $period                          Another Gr\\xc3\\xb6\\xc3\\x9fe        2,000
  $period                          Reporter Inc                         135

Of these, 2,135 messages in 2 reports came by mail that is not known
to have passed DMARC for the reporter's domain.

1 mail is set aside; see edmarc rejected list"
edmarc_run 0 'summary of more days' one summary --days 30 --format csv \
	example.org
is 'as CSV' "${output//$'\r'/}" "\
kind,domain,name,report_id,begin,end,reports,messages,compliant,quarantined,rejected,spf_passed,spf_failed,dkim_passed,dkim_failed,unauthenticated_reports,unauthenticated_messages,overlapping_reports,authenticated,auth_domain
domain,\"example.org\",,,,,3,2144,2134,7,3,2129,15,2114,30,3,2144,0,,
source,\"example.org\",\"192.0.2.1\",,,,,,2114,,,,,,,,,,,
source,\"example.org\",\"2001:db8::7\",,,,,,20,,,,,,,,,,,
reporter,\"example.org\",\"Another Größe\",,,,1,2000,,,,,,,,,,,,
reporter,\"example.org\",\"Reporter Inc\",,,,2,144,,,,,,,,,,,,
report,\"example.org\",\"Reporter Inc\",\"r3\",$((yesterday - 20 * 86400)),$((yesterday - 20 * 86400 + 86399)),,9,,,,,,,,,,0,unknown,\"\"
report,\"example.org\",\"Another Größe\",\"r2\",$yesterday,$((yesterday + 86399)),,2000,,,,,,,,,,0,unknown,\"\"
report,\"example.org\",\"Reporter Inc\",\"r1\",$yesterday,$((yesterday + 86399)),,135,,,,,,,,,,0,unknown,\"\"
total,\"\",,,,,3,2144,2134,7,3,2129,15,2114,30,3,2144,0,,
set_aside,\"\",,,,,,1,,,,,,,,,,,,"
edmarc_run 0 'summary as JSON' one summary --format json
is 'holds everything' "$(sed 's/"until":[0-9]*/"until":0/' <<<"$output")" "{\"days\":15,\"until\":0,\"domains\":[{\"domain\":\"example.net\",\"messages\":1,\"compliant\":0,\"quarantined\":0,\"rejected\":0,\"spf_passed\":0,\"spf_failed\":1,\"dkim_passed\":0,\"dkim_failed\":1,\"unauthenticated_reports\":1,\"unauthenticated_messages\":1,\"overlapping_reports\":0,\"sources\":[],\"reporters\":[{\"name\":\"Reporter Inc\",\"reports\":1,\"messages\":1}],\"reports\":[{\"reporter\":\"Reporter Inc\",\"report_id\":\"r4\",\"begin\":$yesterday,\"end\":$((yesterday + 86399)),\"messages\":1,\"authenticated\":\"unknown\",\"auth_domain\":\"\",\"overlaps\":false}]},{\"domain\":\"example.org\",\"messages\":2135,\"compliant\":2125,\"quarantined\":7,\"rejected\":3,\"spf_passed\":2120,\"spf_failed\":15,\"dkim_passed\":2105,\"dkim_failed\":30,\"unauthenticated_reports\":2,\"unauthenticated_messages\":2135,\"overlapping_reports\":0,\"sources\":[{\"ip\":\"192.0.2.1\",\"messages\":2105},{\"ip\":\"2001:db8::7\",\"messages\":20}],\"reporters\":[{\"name\":\"Another Größe\",\"reports\":1,\"messages\":2000},{\"name\":\"Reporter Inc\",\"reports\":1,\"messages\":135}],\"reports\":[{\"reporter\":\"Another Größe\",\"report_id\":\"r2\",\"begin\":$yesterday,\"end\":$((yesterday + 86399)),\"messages\":2000,\"authenticated\":\"unknown\",\"auth_domain\":\"\",\"overlaps\":false},{\"reporter\":\"Reporter Inc\",\"report_id\":\"r1\",\"begin\":$yesterday,\"end\":$((yesterday + 86399)),\"messages\":135,\"authenticated\":\"unknown\",\"auth_domain\":\"\",\"overlaps\":false}]}],\"total\":{\"reports\":3,\"messages\":2136,\"compliant\":2125,\"quarantined\":7,\"rejected\":3,\"spf_passed\":2120,\"spf_failed\":16,\"dkim_passed\":2105,\"dkim_failed\":31,\"unauthenticated_reports\":3,\"unauthenticated_messages\":2136,\"overlapping_reports\":0},\"set_aside\":1}"

cp "$T/one.conf" "$T/hosted.conf"
printf '[domains]\nhosted = %s\n' "$T/domains" >>"$T/hosted.conf"
printf 'zzz.example\nexample.org\nbbb.example # quiet\n' >"$T/domains"
edmarc_run 0 'summary of hosted domains' hosted summary --format csv
is 'names them all, and no other' \
	"$(grep -E '^(domain|total),' <<<"${output//$'\r'/}")" "\
domain,\"bbb.example\",,,,,0,0,0,0,0,0,0,0,0,0,0,0,,
domain,\"example.org\",,,,,2,2135,2125,7,3,2120,15,2105,30,2,2135,0,,
domain,\"zzz.example\",,,,,0,0,0,0,0,0,0,0,0,0,0,0,,
total,\"\",,,,,2,2135,2125,7,3,2120,15,2105,30,2,2135,0,,"

# The other two sources of hosted domains
{
	verdict $((now - 100 * 86400)) 192.0.2.1 example.org to=old.example
	verdict $((now - 80 * 86400)) 192.0.2.1 example.org to=new.example
	verdict $((now - 95 * 86400)) 192.0.2.1 example.org to=new.example
	verdict "$now" 192.0.2.1 example.org to=example.net
} >"$journal"
edmarc_run 0 'verdicts with recipients' one ingest
is 'domains that get mail are known' "$(sql edmarc 'SELECT domain,
	TO_DAYS(last_day) - TO_DAYS(FROM_UNIXTIME(UNIX_TIMESTAMP()))
	FROM recipient_domain ORDER BY domain')" \
	$'example.net\t0\nnew.example\t-80\nold.example\t-100'
shown() {
	grep -E '^domain,' <<<"${output//$'\r'/}" | cut -d , -f 2
}
cp "$T/one.conf" "$T/accepted.conf"
printf '[domains]\nhosted_accepted = yes\n' >>"$T/accepted.conf"
edmarc_run 0 'summary of domains that get mail' accepted summary --format csv
is 'forgets those that get none' "$(shown)" $'"example.net"\n"new.example"'
sql edmarc "CREATE TABLE panel (name VARCHAR(255), owner INT);
	INSERT INTO panel VALUES ('EXAMPLE.org', 1), ('no domain', 2)"
cp "$T/hosted.conf" "$T/query.conf"
echo 'hosted_query = SELECT name FROM panel' >>"$T/query.conf"
echo 'bbb.example' >"$T/domains"
edmarc_run 0 'summary of domains in a table' query summary --format csv
is 'adds them to the file' "$(shown)" $'"bbb.example"\n"example.org"'
like 'and says what is no domain' "$errors" \
	'domains.hosted_query: not a domain name: no domain'
sql edmarc 'DROP TABLE panel'
edmarc_run 78 'a query that fails' query summary
like 'is named' "$errors" 'domains.hosted_query: MariaDB error 1146'
sed -i 's/SELECT/DELETE/' "$T/query.conf"
edmarc_run 78 'a query that is none' query summary
like 'is named too' "$errors" 'domains.hosted_query: not a SELECT'
rm "$T/domains"
edmarc_run 78 'config check without the file' query config check
like 'names it' "$errors" "domains.hosted: $T/domains: No such file"

edmarc_run 0 'a domain without reports' one summary quiet.example
like 'has none' "$output" '^No reports.$'
edmarc_run 64 'no domain' one summary 'a b'
edmarc_run 64 'no number of days' one summary --days 0
edmarc_run 64 'no format' one summary --format xml

# Names longer than what is fetched at first, between short ones
long=$(printf 'é%.0s' {1..200}) longer=$(printf '€%.0s' {1..255})
n=9
for name in short "$long" tiny "${longer}cut" last; do
	n=$((n - 1))
	report "n$n" "$yesterday" $((yesterday + 86399)) names.example "$name" \
		>"$T/m" <<<"192.0.2.1 $n none pass pass"
	mail_put one "$T/m"
done
edmarc_run 0 'reporters with long names' one ingest
edmarc_run 0 'in a summary' one summary --format csv names.example
is 'come out as they went in, cut to the column' \
	"$(sed -n 's/^reporter,"names.example","\([^"]*\)".*/\1/p' <<<"$output")" \
	"short"$'\n'"$long"$'\n'"tiny"$'\n'"$longer"$'\n'"last"
edmarc_run 0 'as text' one summary names.example
is 'no line is wider than a terminal' \
	"$(awk 'length > 80' <<<"$output")" ''

# What [client] wants for all programs is not for us
{
	printf '[client]\ndefault-character-set = latin1\n'
	cat "$MARIADB_OPTIONS"
} >"$T/latin1.cnf"
sed "s,$MARIADB_OPTIONS,$T/latin1.cnf," "$T/one.conf" >"$T/latin1.conf"
report latin1 "$yesterday" $((yesterday + 86399)) names.example 'Größe' \
	>"$T/m" <<<'192.0.2.1 1 none pass pass'
mail_put one "$T/m"
edmarc_run 0 'an option file with another charset' latin1 ingest
is 'changes no text' "$(sql edmarc "SELECT reporter FROM received_report
	WHERE report_id = 'latin1'")" 'Größe'

sql edmarc "UPDATE received_report SET messages = 9223372036854775807
	WHERE policy_domain = 'names.example'"
edmarc_run 0 'sums that no number can hold' one summary --format json
like 'do not become small ones' "$output" \
	'"names.example","messages":9223372036854775807,.*"total":\{"reports":[0-9]+,"messages":9223372036854775807,'

# Another machine is in the middle of the same report, and may never end it
report half "$yesterday" $((yesterday + 86399)) half.example >"$T/m" \
	<<<'192.0.2.1 1 none pass pass'
mail_put one "$T/m"
edmarc_run 0 'a report' one ingest
sql edmarc "UPDATE received_report SET complete = 0, mail_name = 'elsewhere'
	WHERE report_id = 'half'"
mail_put one "$T/m"
edmarc_run 75 'the same while it is incomplete' one ingest
like 'has to wait' "$errors" 'the same report is just coming in'
is 'and is not removed' "$(waiting one)" 1
sql edmarc "DELETE FROM received_row WHERE report IN
	(SELECT id FROM received_report WHERE report_id = 'half');
	DELETE FROM received_report WHERE report_id = 'half'"
edmarc_run 0 'the other one is refused' one ingest
is 'and this one counts' "$(sql edmarc "SELECT complete, messages
	FROM received_report WHERE report_id = 'half'")" $'1\t1'
sed "s,<end>[0-9]*,<end>$((yesterday + 3600))," "$T/m" >"$T/period"
mail_put one "$T/period"
edmarc_run 0 'the same id for another period' one ingest
like 'is another report' "$errors" 'mails=1 reports=1 duplicates=0'

# A row that is larger than all that the server takes at once
del=$(printf '\177%.0s' {1..4000})
report giant "$yesterday" $((yesterday + 86399)) giant.example >"$T/m" \
	<<<'192.0.2.1 1 none pass pass'
awk -v text="$del" '/<auth_results>/ {
	for (i = 0; i < 90; i++)
		more = more "<dkim><domain>d.example</domain><selector>s" i \
			"</selector><result>pass</result><human_result>" text \
			"</human_result></dkim>"
	sub(/<auth_results>/, "<auth_results>" more)
} { print }' "$T/m" >"$T/giant"
mail_put one "$T/giant"
report after "$yesterday" $((yesterday + 86399)) giant.example >"$T/m" \
	<<<'192.0.2.1 1 none pass pass'
mail_put one "$T/m"
sql 'SET GLOBAL max_allowed_packet = 1048576'
edmarc_run 0 'a row larger than max_allowed_packet' one ingest
sql 'SET GLOBAL max_allowed_packet = 16777216'
like 'is set aside with the reason' "$errors" \
	'status=rejected .*max_allowed_packet of MariaDB leaves room for'
like 'and keeps nothing behind it waiting' "$errors" \
	'mails=2 reports=1 duplicates=0 set_aside=1'
aside=$(ls -t "$T/one/reports/bad" | grep -v reason | head -n 1)
mv "$T/one/reports/bad/$aside" "$T/one/reports/new"
rm "$T/one/reports/bad/$aside.reason"
edmarc_run 0 'when the server takes more' one ingest
like 'it can be read' "$errors" 'mails=1 reports=1 duplicates=0 set_aside=0'

# ------------------------------------------------------- retry from bad/

aside=$(find "$T/one/reports/bad" -type f ! -name '*.reason')
rm "$aside.reason"
sed -i 's,<html>no report</html>,,' "$aside"
cat "$T/r4" >>"$aside"
sed -i 's,<report_id>r4,<report_id>r6,' "$aside"
mv "$aside" "$T/one/reports/new"
edmarc_run 0 'a mail that was repaired and put back' one ingest
like 'is read anew' "$errors" 'mails=1 reports=1 duplicates=0 set_aside=0'
edmarc_run 0 'the summary' one summary
unlike 'no longer counts it as unread' "$output" 'set aside'

# ------------------------------------------------------------ large reports

awk 'BEGIN { for (i = 0; i < 12000; i++)
	printf "2001:db8::%x 2 none pass fail\n", i }' >"$T/rows"
report big "$yesterday" $((yesterday + 86399)) big.example <"$T/rows" >"$T/big"
mail_put one "$T/big"
mail_put one "$T/big"
edmarc_run 0 'a report of 12,000 rows, twice' one ingest
like 'is one and a duplicate' "$errors" 'mails=2 reports=1 duplicates=1'
is 'in full' "$(sql edmarc "SELECT complete, messages, row_count, duplicates,
	(SELECT COUNT(*) FROM received_row WHERE report = id)
	FROM received_report WHERE report_id = 'big'")" '1	24000	12000	1	12000'
sed 's,</feedback>,,' "$T/big" >"$T/cut"
sed -i 's,<report_id>big,<report_id>cut,' "$T/cut"
mail_put one "$T/cut"
edmarc_run 0 'a large report without its end' one ingest
like 'is set aside' "$errors" 'mails=1 reports=0 duplicates=0 set_aside=1'
is 'and leaves nothing behind' "$(sql edmarc "SELECT
	(SELECT COUNT(*) FROM received_report WHERE report_id = 'cut'),
	(SELECT COUNT(*) FROM received_row
		WHERE report NOT IN (SELECT id FROM received_report))")" '0	0'

# ---------------------------------------------------------- whose spool is it

chmod 2777 "$T/one/verdicts"
edmarc_run 78 'a spool open to others' one ingest
like 'is refused with what is expected' "$errors" \
	'verdicts: mode 2777, expected at most 2770'
chmod 2770 "$T/one/verdicts"
mv "$T/one/reports" "$T/one/elsewhere"
edmarc_run 78 'a missing spool' one ingest
like 'is named' "$errors" 'one/reports: No such file'
mv "$T/one/elsewhere" "$T/one/reports"
chmod 755 "$T/one"
errors=$(setpriv --reuid=nobody --regid=nogroup --clear-groups \
	"$edmarc" -c "$T/one.conf" ingest 2>&1)
is "somebody else's spool" $? 78
like 'is refused with who may' "$errors" 'cannot work here; expected owner'

chown nobody "$T/one/verdicts"
edmarc_run 78 'root in the spool of a service' one ingest
like 'is told who else' "$errors" 'verdicts: owner uid [0-9]+: run .*not as root'
chown root "$T/one/verdicts"

printf 'left by root' >"$T/one/verdicts/ingest.lock"
mv "$T/one/verdicts/ingest.lock" "$T/elsewhere"
ln -s "$T/elsewhere" "$T/one/verdicts/ingest.lock"
edmarc_run 78 'a lock that leads elsewhere is not followed' one ingest
rm "$T/one/verdicts/ingest.lock"

# One file that cannot be worked on keeps nothing else waiting
mkdir "$T/one/verdicts/0000000001.0000000000000001.dir.jsonl"
verdict $((day + 90)) 192.0.2.34 example.org >"$journal"
report r8 "$yesterday" $((yesterday + 86399)) example.org >"$T/m" \
	<<<'192.0.2.78 1 none pass pass'
mail_put one "$T/m"
edmarc_run 75 'a segment that is a directory' one ingest
like 'is named' "$errors" '0000000001.0000000000000001.dir.jsonl'
like 'and the rest is loaded' "$errors" 'lines=1 bad_lines=0 mails=1 reports=1'
rmdir "$T/one/verdicts/0000000001.0000000000000001.dir.jsonl"

# ------------------------------------------------------------ MariaDB is away

verdict $((day + 80)) 192.0.2.33 example.org >"$journal"
report r7 "$yesterday" $((yesterday + 86399)) example.org >"$T/r7" \
	<<<'192.0.2.77 1 none pass pass'
mail_put one "$T/r7"
before=$(find "$T/one" -type f ! -name ingest.lock | sort)
stop mariadb
edmarc_run 75 'ingest without MariaDB' one ingest
like 'says what the server says' "$errors" 'MariaDB error 2002: .*connect'
is 'and leaves the spools alone' \
	"$(find "$T/one" -type f ! -name ingest.lock | sort)" "$before"
edmarc_run 75 'summary without MariaDB' one summary
like 'says so too' "$errors" 'MariaDB error 2002: '
is 'and prints nothing' "$output" ''
mariadb_start
edmarc_run 0 'MariaDB is back' one ingest
is 'and all is loaded' "$(sql edmarc "SELECT
	(SELECT SUM(count) FROM verdict_row WHERE source_ip = '::ffff:192.0.2.33'),
	(SELECT SUM(messages) FROM received_report WHERE report_id = 'r7')")" '1	1'

# Somebody holds a row we need, longer than the server lets us wait
sql 'SET GLOBAL innodb_lock_wait_timeout = 1'
verdict $((day + 80)) 192.0.2.33 example.org >"$journal"
sql edmarc "START TRANSACTION; SELECT COUNT(*) FROM verdict_row
	WHERE source_ip = '::ffff:192.0.2.33' FOR UPDATE; SELECT SLEEP(3)" \
	>"$T/locked" &
locker=$!
locked() {
	[ "$(sql 'SELECT COUNT(*) FROM information_schema.INNODB_TRX
		WHERE trx_rows_locked > 0')" = 1 ]
}
wait_for 2 'the lock' locked
edmarc_run 0 'a lock wait timeout' one ingest
wait "$locker"
is 'is tried again, once as it turns out' "$(sql edmarc "SELECT SUM(count)
	FROM verdict_row WHERE source_ip = '::ffff:192.0.2.33'")" 2
sql 'SET GLOBAL innodb_lock_wait_timeout = 50'

# ------------------------------------------------------------- killed anywhere

# A little of everything: two segments, a bad line, mails good, bad and doubled
# and one of several transactions.
store_empty
spool_make master
{
	verdict $((day + 1)) 192.0.2.1 example.org
	echo broken
	verdict $((day + 2)) 192.0.2.1 example.org
} >"$T/master/verdicts/1795392000.0000000000000001.test.jsonl"
verdict $((day + 3)) 192.0.2.1 example.org \
	>"$T/master/verdicts/1795392000.0000000000000002.test.jsonl"
head -n 5100 "$T/rows" >"$T/some"
report some "$yesterday" $((yesterday + 86399)) big.example <"$T/some" >"$T/big"
for r in r1 big r5 r1 r2; do
	mail_put master "$T/$r"
done
rm -rf "$T/one"
cp -a "$T/master" "$T/one"
edmarc_run 0 'the whole, undisturbed' one ingest
wanted=$(store_state)
left=$(cd "$T/one" && find . -path '*bad*' -type f | sort)

# kill_at CALL N: SIGKILL at the N-th of these system calls of ingest: sendto is
# all that is said to MariaDB, unlink removes segments, unlinkat mails, renameat
# closes segments and sets mails aside. Returns 1 when it came to its end before.
kill_at() {
	store_empty
	rm -rf "$T/one"
	cp -a "$T/master" "$T/one"
	strace -qq -o /dev/null -e "trace=$1" \
		-e "inject=$1:signal=KILL:when=$2" \
		"$edmarc" -c "$T/one.conf" ingest >/dev/null 2>&1
	[ $? = 137 ]
}

for calls in sendto unlink unlinkat renameat; do
	n=1 wrong=
	while kill_at "$calls" "$n" 2>/dev/null; do
		"$edmarc" -c "$T/one.conf" ingest >"$T/again.log" 2>&1 ||
			wrong="$wrong $n: exit;"
		[ "$(store_state)" = "$wanted" ] || wrong="$wrong $n: numbers;"
		[ "$(waiting one)" = 0 ] || wrong="$wrong $n: waiting;"
		[ "$(cd "$T/one" && find . -path '*bad*' -type f | sort)" = \
			"$left" ] || wrong="$wrong $n: bad;"
		n=$((n + 1))
	done
	is "killed at any of $((n - 1)) calls of $calls" "$wrong" ''
	check 'there were some' test "$n" -gt 1
done

# -------------------------------------------------- killed, MariaDB this time

store_empty
rm -rf "$T/one"
cp -a "$T/master" "$T/one"
# So many rows that a transaction holds a few mails only
for ((i = 0; i < 300; i++)); do
	echo "192.0.2.$((i % 250)) 1 none pass pass"
done >"$T/rows"
for ((i = 0; i < 150; i++)); do
	report "m$i" "$yesterday" $((yesterday + 86399)) example.org \
		<"$T/rows" >"$T/m"
	mail_put one "$T/m"
done
"$edmarc" -c "$T/one.conf" ingest 2>"$T/errors" &
ingest=$!
enough() {
	[ "$(sql edmarc "SELECT COUNT(*) FROM received_mail")" -ge 5 ]
}
wait_for 20 'some mails' enough
mariadb_kill
wait "$ingest"
is 'MariaDB dies while ingest works' $? 75
like 'which says so' "$(cat "$T/errors")" 'MariaDB error 20(02|13|06): '
check 'some mails wait' test "$(waiting one)" -gt 0
mariadb_start
edmarc_run 0 'after its return' one ingest
is 'each mail counts once' "$(sql edmarc "SELECT COUNT(*), SUM(messages)
	FROM received_report WHERE policy_domain = 'example.org'
	AND report_id LIKE 'm%'")" $'150\t45000'
is 'nothing is left incomplete' "$(sql edmarc 'SELECT COUNT(*)
	FROM received_report WHERE complete = 0')" 0

# ------------------------------------------------------------- several at once

store_empty
for machine in a b; do
	spool_make "$machine"
	for ((i = 0; i < 40; i++)); do
		verdict $((day + i)) "192.0.2.$i" example.org
	done >"$T/lines"
	for ((i = 0; i < 8; i++)); do
		awk '{ for (i = 0; i < 100; i++) print }' "$T/lines" \
			>"$T/$machine/verdicts/179539200$i.000000000000000$i.$machine.jsonl"
	done
	for ((i = 0; i < 30; i++)); do
		report "s$i" "$yesterday" $((yesterday + 86399)) example.org \
			<<<'192.0.2.1 1 none pass pass' >"$T/m"
		mail_put "$machine" "$T/m"
	done
done
"$edmarc" -c "$T/a.conf" ingest 2>"$T/a.errors" &
first=$!
"$edmarc" -c "$T/b.conf" ingest 2>"$T/b.errors" &
second=$!
wait "$first"
is 'two machines load at once: the first' $? 0
wait "$second"
is 'and the second' $? 0
is 'each message counts once' "$(sql edmarc 'SELECT COUNT(*), SUM(count),
	MIN(count), MAX(count) FROM verdict_row')" $'40\t64000\t1600\t1600'
is 'a report that both have is one' "$(sql edmarc 'SELECT COUNT(*),
	SUM(messages), SUM(duplicates), MIN(complete) FROM received_report')" \
	$'30\t30\t30\t1'

# --------------------------------------------------------------------- --watch

store_empty
start watch "$edmarc" -c "$T/a.conf" ingest --watch
watch_pid=${pids[watch]}
sleep 0.3
edmarc_run 75 'a second ingest on the same spool' a ingest
like 'is told who works there' "$errors" \
	"another ingest works here, process $watch_pid\$"
loaded() {
	[ "$(sql edmarc "SELECT COUNT(*) FROM received_report
		WHERE report_id = '$1'")" = 1 ]
}
report w1 "$yesterday" $((yesterday + 86399)) example.org >"$T/m" \
	<<<'192.0.2.1 1 none pass pass'
# As Dovecot does it: complete when it appears
mail_move() {
	spool_make side
	mail_put side "$1"
	mv "$T"/side/reports/new/* "$T/a/reports/new/"
}
mail_move "$T/m"
check 'a mail is loaded when it comes' wait_for 3 'the mail' loaded w1
verdict "$day" 192.0.2.200 watch.example >"$T/a/verdicts/open.jsonl"
counted() {
	[ "$(sql edmarc "SELECT COUNT(*) FROM verdict_row
		WHERE header_from = 'watch.example'")" = 1 ]
}
check 'and the journal soon' wait_for 10 'the verdict' counted
stop mariadb
sed -i 's/w1/w2/' "$T/m"
mail_move "$T/m"
sleep 1
check 'MariaDB goes, and ingest stays' running watch
mariadb_start
check 'and goes on afterwards' wait_for 20 'the mail' loaded w2
like 'having said what was wrong' "$(cat "$T/watch.log")" \
	'MariaDB error .*; trying again in 1 s'
kill -TERM "$watch_pid"
wait "$watch_pid"
is 'SIGTERM ends it' $? 0
unset 'pids[watch]'
finish
