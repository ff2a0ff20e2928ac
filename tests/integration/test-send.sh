#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# edmarc send: from verdict rows in a private MariaDB to the mails that a
# sendmail program gets. DNS answers come from a zone file. Mail through a real
# Exim is another test's.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/mariadb.sh"
need_root
need_programs gzip base64
begin
mariadb_start

edmarc=$top_builddir/edmarc
db=edmarc-test
yesterday=$(date -u -d yesterday +%F)
before=$(date -u -d '2 days ago' +%F)
today=$(date -u +%F)
begin=$(date -u -d "$yesterday" +%s)

# --------------------------------------------------------------- environment

configure() { # LINE... of [send]
	printf '%s\n' '[database]' "name = $db" \
		"option_file = $MARIADB_OPTIONS" '[send]' 'send_after = 0' \
		'send_over = 0' "$@" >"$T/edmarc.conf"
}

# A mail server that keeps what it is given: mail/N.args, mail/N.eml. Refuses
# recipients that stand in the file refuse.
mkdir "$T/mail" "$T/dry"
: >"$T/refuse"
cat >"$T/sendmail" <<END
#!/bin/sh
n=\$(ls $T/mail | grep -c eml).\$\$
for last; do :; done
if grep -qxF -- "\$last" $T/refuse; then
	echo 'disk of the mail server is full' >&2
	exit 75
fi
printf '%s\n' "\$@" >$T/mail/\$n.args
cat >$T/mail/\$n.eml
END
chmod +x "$T/sendmail"

cat >"$T/zone" <<'END'
_dmarc.example.com. TXT "v=DMARC1; p=reject"
agrees.test._report._dmarc.collector.example. TXT "v=DMARC1"
;!servfail later.test._report._dmarc.collector.example
END

on=('reporting = yes' 'org_name = Receiver & Sons' \
	'email = dmarc@mx.receiver.example' "sendmail = $T/sendmail")

# run WANTED-STATUS NAME ARGUMENT...: leaves what was said in $output
run() {
	local want=$1 name=$2 status

	shift 2
	output=$("$edmarc" -c "$T/edmarc.conf" send "$@" 2>&1)
	status=$?
	if [ "$status" = "$want" ]; then
		ok "$name"
	else
		not_ok "$name" "status $status, wanted $want"$'\n'"$output"
	fi
}

mails() { # to whom mails went so far, sorted
	cat "$T"/mail/*.args 2>/dev/null | grep @ | grep -v '^dmarc+' |
		sort | paste -sd' '
}

states() {
	sql $db "SELECT p.policy_domain, s.state FROM sent_report s
		JOIN verdict_policy p USING (policy_hash)
		ORDER BY s.day, p.policy_domain, p.policy_hash" |
		tr '\t' '=' | paste -sd' '
}

policy() { # HASH DOMAIN P RUA [FAULTS]
	sql $db "INSERT INTO verdict_policy VALUES (UNHEX(MD5('$1')), '$2',
		'treewalk', '$3', '', 'quarantine', 'r', 's', '1', 'y', 100,
		'$4', '${5:-}')"
}

# row DAY POLICY-HASH ROW-HASH MTA FROM IP DISPOSITION DKIM SPF COUNT
#	[REASONS AUTH-RESULTS]
row() {
	sql $db "INSERT INTO verdict_row VALUES ('$1', UNHEX(MD5('$2')),
		UNHEX(MD5('$3')), '$4', 'fail', '$5', '$6', 'bounce.$5', '',
		'$7', $8, $9, '${11:-[]}',
		'${12:-{\"dkim\":[],\"spf\":null\}}',
		${10}, $begin, $begin)"
}

"$edmarc" -c <(printf '[database]\nname = %s\noption_file = %s\n' \
	$db "$MARIADB_OPTIONS") setup --database --sql-dir "$srcdir/sql" \
	>"$T/setup.log" 2>&1 || bail 'setup' "$(cat "$T/setup.log")"

# One domain with two configurations, seen by two machines.
policy 1 example.com reject mailto:rua@example.com 'sp: not a policy'
policy 2 example.com none 'mailto:rua@example.com,mailto:x@reports.example.com'
row "$yesterday" 1 a mx1 example.com ::ffff:192.0.2.1 quarantine 0 0 3 \
	'[{"type":"policy_test_mode","comment":""}]' \
	'{"dkim":[{"domain":"evil.example","selector":"s<1>","result":"pass","human":"a & b"}],"spf":{"domain":"bounce.example.com","scope":"mfrom","result":"softfail"}}'
row "$yesterday" 1 a mx2 example.com ::ffff:192.0.2.1 quarantine 0 0 4 \
	'[{"type":"policy_test_mode","comment":""}]' \
	'{"dkim":[{"domain":"evil.example","selector":"s<1>","result":"pass","human":"a & b"}],"spf":{"domain":"bounce.example.com","scope":"mfrom","result":"softfail"}}'
row "$yesterday" 1 b mx1 sub.example.com 2001:db8::1 pass 0 1 5 '[]' \
	'{"dkim":[],"spf":{"domain":"mx.sub.example.com","scope":"helo","result":"pass"}}'
row "$yesterday" 2 c mx1 example.com ::ffff:192.0.2.9 none 0 0 1
row "$before" 1 d mx1 example.com ::ffff:192.0.2.1 none 0 0 100

policy 3 agrees.test none mailto:in@collector.example
row "$yesterday" 3 e mx1 agrees.test ::ffff:192.0.2.2 none 0 0 2
policy 4 silent.test none mailto:in@collector.example
row "$yesterday" 4 f mx1 silent.test ::ffff:192.0.2.2 none 0 0 2
policy 5 later.test none mailto:in@collector.example
row "$yesterday" 5 g mx1 later.test ::ffff:192.0.2.2 none 0 0 2
policy 6 web.test none https://collector.example/
row "$yesterday" 6 h mx1 web.test ::ffff:192.0.2.2 none 0 0 2
policy 7 norua.test none ''
row "$yesterday" 7 i mx1 norua.test ::ffff:192.0.2.2 none 0 0 2
policy 8 '' '' ''
row "$yesterday" 8 j mx1 norecord.test ::ffff:192.0.2.2 none 0 0 2
# What comes back of our own reports is no reason for another one.
policy 9 receiver.example none mailto:rua@receiver.example
row "$yesterday" 9 k mx1 mx.receiver.example ::ffff:192.0.2.7 none 1 1 20

# ------------------------------------------------------------- configuration

configure "${on[@]:1}"
run 0 'off until it is turned on'
is 'and needs no words for it' "$output" ''
configure 'reporting = yes' 'email = dmarc@mx.receiver.example'
run 78 'without a name nothing is sent'
like 'and what is missing is named' "$output" '\[send\] org_name'
configure 'reporting = yes' 'org_name = R' 'email = r <r@receiver.example>'
run 78 'neither with a strange address'
configure "${on[@]}"
run 64 'a day that is not over is not reported' --date "$today"
run 64 'nor one that is no day' --date 2026-02-30
run 64 'nor about what is no domain' --domain 'a b'
run 78 'a dry run needs a folder' --dry-run "$T/none"

# ------------------------------------------------------------------- dry run

configure "${on[@]:1}"
run 0 'a dry run works while it is off' --dry-run "$T/dry" --zone "$T/zone"
is 'and tells each report' "$(grep -c "^$yesterday" <<<"$output")" 6
like 'whom it would go to' "$output" '^    in@collector.example  would get it$'
like 'and why not' "$output" \
	'^    in@collector.example  refused: no DMARC record at silent.test._report'
like 'also before the DNS is asked' "$output" \
	'  web.test  2 messages  would be skipped: no usable address in rua$'
is 'as JSON' "$("$edmarc" -c "$T/edmarc.conf" send --dry-run --format json \
	--zone "$T/zone" | python3 -c 'import json, sys
r = json.load(sys.stdin)["reports"]
print(len(r), sum(len(x["destinations"]) for x in r))')" '6 6'
is 'as CSV' "$("$edmarc" -c "$T/edmarc.conf" send --dry-run --format csv \
	--zone "$T/zone" | wc -l)" 8
is 'nothing is noted' "$(sql $db 'SELECT COUNT(*) FROM sent_report')" 0
is 'nothing is mailed' "$(mails)" ''
is 'there is a file for each report' "$(ls "$T/dry" | grep -c '\.xml\.gz$')" 3
is 'and one for each mail' "$(ls "$T/dry" | grep -c '\.eml$')" 4
files=$(ls "$T/dry" | grep '\.xml\.gz$')
unlike 'all are named by the standard' "$(grep -vE \
	"^mx\.receiver\.example![a-z.]+!$begin!$((begin + 86399))![0-9a-f]{32}\.xml\.gz$" \
	<<<"$files")" .
gunzip "$T"/dry/*.xml.gz
xsd=${EDMARC_SHARED:-$srcdir/../shared}/xsd/rfc9990.xsd
if [ -r "$xsd" ] && command -v xmllint >/dev/null; then
	check 'all are valid' xmllint --noout --schema "$xsd" "$T"/dry/*.xml
else
	say 'no schema or no xmllint: reports are not validated'
fi
report=$(cat $(grep -l '<count>7</count>' "$T"/dry/*.xml))
flat=$(tr -d '\n' <<<"$report" | sed 's/> *</></g')
like 'what two machines saw is one row' "$flat" \
	'<source_ip>192.0.2.1</source_ip><count>7</count>'
is 'and there are two rows' "$(grep -c '<record>' <<<"$report")" 2
like 'the policy has its effective values' "$flat" \
	'<p>reject</p><sp>reject</sp><np>quarantine</np><adkim>r</adkim><aspf>s</aspf><fo>1</fo><testing>y</testing><discovery_method>treewalk</discovery_method>'
like 'faults of the record are told' "$flat" '<error>sp: not a policy</error>'
like 'reasons are told' "$flat" \
	'<disposition>quarantine</disposition><dkim>fail</dkim><spf>fail</spf><reason><type>policy_test_mode</type></reason>'
like 'signatures are told' "$flat" \
	'<dkim><domain>evil.example</domain><selector>s&lt;1&gt;</selector><result>pass</result><human_result>a &amp; b</human_result></dkim>'
like 'SPF is told' "$flat" \
	'<spf><domain>bounce.example.com</domain><scope>mfrom</scope><result>softfail</result></spf>'
like 'HELO has no scope' "$flat" \
	'<spf><domain>mx.sub.example.com</domain><result>pass</result></spf>'
like 'the period is the day' "$flat" \
	"<begin>$begin</begin><end>$((begin + 86399))</end>"
like 'we are named' "$flat" '<org_name>Receiver &amp; Sons</org_name>'
run 0 'one domain alone' --dry-run "$T/dry" --zone "$T/zone" \
	--domain Agrees.Test.
like 'is one report' "$output" '  agrees.test  2 messages  would be sent$'

# ------------------------------------------------------------------- sending

configure "${on[@]}"
echo x@reports.example.com >"$T/refuse"
run 75 'a mail server that refuses is a failure' --zone "$T/zone"
like 'and its words are told' "$output" \
	'x@reports.example.com: .*status 75: disk of the mail server is full'
like 'and counted' "$output" \
	'6 planned, 2 sent, 2 skipped, 2 postponed, 0 failed, 2 waiting, the next at'
is 'the others got theirs' "$(mails)" \
	'in@collector.example rua@example.com rua@example.com'
is 'all is noted' "$(states)" 'agrees.test=done example.com=done example.com=postponed later.test=postponed silent.test=skipped web.test=skipped'
is 'destinations as well' "$(sql $db 'SELECT address, state
	FROM sent_destination ORDER BY address, state' | tr '\t' '=' |
	paste -sd' ')" 'in@collector.example=handed_over in@collector.example=refused in@collector.example=postponed rua@example.com=handed_over rua@example.com=handed_over x@reports.example.com=postponed'
is 'sendmail is called as it should' \
	"$(paste -sd' ' $(grep -l in@collector "$T"/mail/*.args) |
		sed 's/+[a-z2-7]\{40\}@/+TOKEN@/')" \
	"-i -f dmarc+TOKEN@mx.receiver.example -- in@collector.example"
is 'with an envelope sender for each mail (R8.15)' \
	"$(cat "$T"/mail/*.args | grep '^dmarc' | sort -u | wc -l)" 3
is 'whose key is in the database' "$(sql $db \
	"SELECT LENGTH(value) FROM secret WHERE name = 'verp'")" 32
mail=$(cat $(grep -l 'Domain: example.com' "$T"/mail/*.eml | head -n 1))
like 'the mail says what it is' "$mail" '^Auto-Submitted: auto-generated$'
like 'from whom' "$mail" '^From: .*Receiver & Sons.* <dmarc@mx.receiver.example>$'
like 'with the report id' "$mail" \
	'^Message-ID: <[0-9a-f]{32}@mx.receiver.example>$'
sed -n '/filename=/,$p' <<<"$mail" | sed '1,/^$/d; /^--/,$d' | base64 -d |
	gunzip >"$T/mailed.xml"
check 'and holds the report' grep -q '<domain>example.com</domain>' \
	"$T/mailed.xml"
check 'the same that a dry run writes' cmp "$T/mailed.xml" \
	"$(grep -l "$(grep -o '<report_id>.*<' "$T/mailed.xml")" "$T"/dry/*.xml)"

is 'who refused is remembered for a while' "$(sql $db "SELECT policy_domain,
	host, until_at - UNIX_TIMESTAMP() BETWEEN 71000 AND 72000
	FROM refusing_host" | tr '\t' ' ')" 'silent.test collector.example 1'

run 0 'a second run leaves it for its time' --zone "$T/zone"
is 'in silence' "$output" ''
run 75 'but for somebody who does not want to wait' --date "$yesterday" \
	--zone "$T/zone"
is 'and sends nothing twice' "$(mails)" \
	'in@collector.example rua@example.com rua@example.com'
like 'and says so' "$output" '0 planned, 0 sent, 0 skipped, 2 postponed, 0 failed, 2 waiting'
: >"$T/refuse"
sed -i '/servfail/d' "$T/zone"
echo 'later.test._report._dmarc.collector.example. TXT "v=DMARC1"' >>"$T/zone"
sql $db 'UPDATE sent_report SET due_at = 1; UPDATE sent_destination SET due_at = 1'
run 0 'when all is well again, in time' --zone "$T/zone"
is 'the rest is sent' "$(mails)" \
	'in@collector.example in@collector.example rua@example.com rua@example.com x@reports.example.com'
like 'and said' "$output" '0 planned, 2 sent, 0 skipped, 0 postponed, 0 failed, 0 waiting$'
is 'a report keeps its id' "$(cat "$T"/mail/*.eml |
	grep -c "^Message-ID: <$(sql $db "SELECT report_id FROM sent_report s
	JOIN verdict_policy p USING (policy_hash) WHERE p.policy_hash =
	UNHEX(MD5('2'))")@")" 2
run 0 'then there is nothing to do' --zone "$T/zone"
is 'for anybody' "$output" ''
is 'indeed' "$(ls "$T/mail" | grep -c eml)" 5

# ------------------------------------------------------- several at one time

sql $db "UPDATE sent_report SET state = 'claimed', owner = 'mx9:1:1',
	lease_until = UNIX_TIMESTAMP() + 1000
	WHERE policy_hash = UNHEX(MD5('3'));
	DELETE FROM sent_destination WHERE policy_hash = UNHEX(MD5('3'))"
run 0 'what another machine has claimed' --zone "$T/zone"
is 'is left to it' "$(ls "$T/mail" | grep -c eml)" 5
sql $db "UPDATE sent_report SET lease_until = UNIX_TIMESTAMP() - 1
	WHERE policy_hash = UNHEX(MD5('3'))"
run 0 'until its lease is over' --zone "$T/zone"
is 'then it is taken over' "$(ls "$T/mail" | grep -c eml)" 6
like 'for good' "$(states)" '^agrees.test=done'

sql $db "INSERT INTO sent_report SET day = '$before', report_id = 'x',
	policy_hash = UNHEX(MD5('1')), state = 'planned', owner = '', detail = '',
	lease_until = 0, attempts = 1, messages = 0, row_count = 0, updated_at = 0,
	give_up_at = UNIX_TIMESTAMP() + 1000"
run 0 'what an earlier day left' --zone "$T/zone"
is 'is made up for' "$(ls "$T/mail" | grep -c eml)" 7
like 'with the messages of that day' "$(gunzip -c <(sed -n \
	'/filename=/,$p' "$T/mail/$(ls -t "$T/mail" | grep -m 1 eml)" |
	sed '1,/^$/d; /^--/,$d' | base64 -d))" '<count>100</count>'

count=0
for round in 1 2 3; do
	sql $db "UPDATE sent_report SET state = 'planned', due_at = 0;
		DELETE FROM sent_destination"
	rm -f "$T"/mail/*
	together=()
	for n in 1 2 3; do
		"$edmarc" -c "$T/edmarc.conf" send --date "$yesterday" \
			--zone "$T/zone" >"$T/together.$round.$n" 2>&1 &
		together+=($!)
	done
	wait "${together[@]}"
	count=$((count + $(ls "$T/mail" | grep -c eml)))
done
is 'of three runs at a time each report is sent once' "$count" 15

# ------------------------------------------------------- a DNS that is not there

# c-ares and no zone file; the refusal comes at once.
printf '%s\n' '[evaluate]' 'dns_servers = 127.0.0.1:1' >>"$T/edmarc.conf"
rm -f "$T"/dry/*
run 0 'without the DNS' --dry-run "$T/dry" --domain agrees.test
like 'consent is not known' "$output" \
	'^    in@collector.example  postponed: the Organizational'
like 'and the report waits' "$output" 'agrees.test .* would be postponed$'
run 0 'but our own domain' --dry-run "$T/dry" --domain example.com
like 'needs none' "$output" '^    rua@example.com  would get it$'

# ----------------------------------------------------------------- the document

# dry NAME SETTING... -- ARGUMENT...: into an empty folder; leaves the XML of all
# reports without white space between elements in $flat
dry() {
	local name=$1
	local set=()

	shift
	for (( ; $# > 0; )); do
		[ "$1" != -- ] || { shift; break; }
		set+=("$1") && shift
	done
	configure "${on[@]:1}" "${set[@]}"
	rm -f "$T"/dry/*
	run 0 "$name" --dry-run "$T/dry" --zone "$T/zone" "$@"
	flat=$(gzip -cd "$T"/dry/*.xml.gz | tr -d '\n' | sed 's/> *</></g')
}

valid() { # NAME SCHEMA
	local xsd=${EDMARC_SHARED:-$srcdir/../shared}/xsd/$2.xsd

	gunzip "$T"/dry/*.xml.gz
	if [ -r "$xsd" ] && command -v xmllint >/dev/null; then
		check "$1" xmllint --noout --schema "$xsd" "$T"/dry/*.xml
	fi
}

# R7.10
dry 'the form of RFC 7489' 'report_format = rfc7489' 'extra_contact = tel 12' \
	-- --domain example.com
like 'has no namespace' "$flat" '<feedback><version>1.0</version>'
like 'tells effective values and pct' "$flat" \
	'<domain>example.com</domain><adkim>r</adkim><aspf>s</aspf><p>reject</p><sp>reject</sp><pct>100</pct><fo>1</fo></policy_published>'
like 'says none where a message passed' "$flat" \
	'<count>5</count><policy_evaluated><disposition>none</disposition><dkim>fail</dkim><spf>pass</spf>'
like 'and what it has no word for in a comment' "$flat" \
	'<reason><type>other</type><comment>policy_test_mode</comment></reason>'
like 'tells HELO by its scope' "$flat" \
	'<spf><domain>mx.sub.example.com</domain><scope>helo</scope><result>pass</result></spf>'
like 'and how else to reach us' "$flat" \
	'</email><extra_contact_info>tel 12</extra_contact_info><report_id>'
unlike 'nothing of the other form is in it' "$flat" \
	'xmlns|generator|discovery_method|<np>|testing|>pass</disposition>'
valid 'and is valid' rfc7489-nonamespace
dry 'the form of RFC 9990' -- --domain example.com
like 'names the program' "$flat" '<generator>edmarc [0-9.]*</generator>'
unlike 'and not the recipients' "$flat" envelope_to

# R7.1, R8.11: the same domain with two configurations is two reports, with the
# rows of subdomains in them.
is 'one report for each configuration' \
	"$(grep -o '<feedback' <<<"$flat" | wc -l) $(grep -o \
		'<p>[a-z]*</p>' <<<"$flat" | sort | paste -sd' ')" \
	'2 <p>none</p> <p>reject</p>'
like 'which a subdomain is in' "$flat" \
	'<header_from>sub.example.com</header_from>'

policy e told.test none mailto:rua@told.test
row "$yesterday" e a mx1 told.test ::ffff:192.0.2.1 none 0 0 1
sql $db "UPDATE verdict_row SET envelope_to = 'hosted.example'
	WHERE policy_hash = UNHEX(MD5('e'))"
dry 'a row with its recipient' -- --domain told.test
like 'tells it' "$flat" \
	'<identifiers><envelope_to>hosted.example</envelope_to><envelope_from>'
valid 'and is valid' rfc9990

# R8.9: the rows with the most messages, those of two machines added up; of equal
# ones the first
policy m many.test none mailto:rua@many.test 'rua: no address in x'
sql $db "INSERT INTO verdict_row SELECT '$yesterday', UNHEX(MD5('m')),
	UNHEX(MD5(seq)), mta, 'fail', 'many.test',
	CONCAT('::ffff:192.0.2.', seq), 'many.test', '', 'none', 0, 0, '[]',
	'{\"dkim\":[],\"spf\":null}', IF(seq <= 50, 1, seq), $begin, $begin
	FROM seq_1_to_100 JOIN (SELECT 'mx1' mta UNION SELECT 'mx2') m"
all=$(((50 + (51 + 100) * 50 / 2) * 2))
dry 'more rows than max_rows' 'max_rows = 60' -- --domain many.test
like 'are told to be left out' "$output" \
	'many.test .* would be sent: 40 rows with the fewest messages left out, 60 told'
is 'the others are told' "$(grep -o '<record>' <<<"$flat" | wc -l)" 60
is 'with their messages' "$(grep -o '<count>[0-9]*' <<<"$flat" |
	awk -F'>' '{ n += $2 } END { print n }')" $((all - 80))
is 'the largest of them' "$(grep -o '<count>[0-9]*' <<<"$flat" |
	grep -c '<count>2$')" 10
like 'the report says so' "$flat" \
	"<error>rua: no address in x; rows left out, those with the fewest messages: 40 of 100, 80 of $all messages</error>"
like 'and the mail has the number of those told' "$(cat "$T"/dry/*.eml)" \
	"$((all - 80)) messages"
first=$flat
dry 'the choice' 'max_rows = 60' -- --domain many.test
is 'is the same again' "$flat" "$first"
dry 'as many rows as max_rows' 'max_rows = 100' -- --domain many.test
unlike 'are all told' "$output" 'left out'
is 'each once' "$(grep -o '<record>' <<<"$flat" | wc -l)" 100
unlike 'and none is missed' "$flat" 'left out'
dry 'one row' 'max_rows = 1' -- --domain many.test
is 'is the largest' "$(grep -o '<count>[0-9]*' <<<"$flat")" '<count>200'
configure "${on[@]}" 'max_rows = 60'
run 0 'such a report goes out' --zone "$T/zone" --domain many.test
like 'and what is missing is noted' "$(sql $db "SELECT state, row_count, detail
	FROM sent_report WHERE policy_hash = UNHEX(MD5('m'))")" \
	'^done.60.40 rows with the fewest messages left out, 60 told$'

# Somebody sends messages with a hundred signatures, and no two alike.
policy l long.test none mailto:rua@long.test
sql $db "INSERT INTO verdict_row SELECT '$yesterday', UNHEX(MD5('l')),
	UNHEX(MD5(seq)), 'mx1', 'fail', 'long.test', '::ffff:192.0.2.1',
	'long.test', '', 'none', 0, 0, '[]', CONCAT('{\"dkim\":[{\"domain\":\"a.example\",\"selector\":\"',
	SHA2(seq, 512), SHA2(-seq, 512), '\",\"result\":\"fail\"}],\"spf\":null}'),
	IF(seq = 700, 1000, 1), $begin, $begin FROM seq_1_to_1000"
dry 'a report that is too large' 'max_report_size = 50K' -- --domain long.test
like 'has fewer rows' "$output" 'long.test .* sent: [0-9]+ rows with .* left out, [0-9]+ told'
like 'with the largest among them' "$flat" '<count>1000</count>'
like 'and is sent' "$output" ' would be sent'
check 'no larger than it may be' test "$(stat -c %s "$T"/dry/*.gz)" -le 51200
sql $db "UPDATE verdict_row SET auth_results = CONCAT('{\"dkim\":[{\"domain\":\"a.example\",\"selector\":\"',
	(SELECT GROUP_CONCAT(SHA2(seq, 512)) FROM seq_1_to_30),
	'\",\"result\":\"fail\"}],\"spf\":null}') WHERE count = 1000"
configure "${on[@]:1}" 'max_report_size = 1K'
rm -f "$T"/dry/*
run 75 'one row that is too large is no report' --dry-run "$T/dry" \
	--zone "$T/zone" --domain long.test
like 'which is said' "$output" 'long.test .* would fail: the compressed report is too large'
sql $db "DELETE FROM verdict_row WHERE policy_hash IN (UNHEX(MD5('e')),
	UNHEX(MD5('m')), UNHEX(MD5('l')));
	DELETE FROM sent_report WHERE policy_hash = UNHEX(MD5('m'))"
configure "${on[@]}"

# ---------------------------------------------- rows that cannot be a report

policy 10 broken.test none mailto:rua@broken.test
row "$yesterday" 10 l mx1 broken.test ::ffff:192.0.2.2 none 0 0 2 'not JSON'
rm -f "$T"/dry/*
run 75 'a report that cannot be made' --dry-run "$T/dry" --zone "$T/zone"
like 'is told' "$output" 'broken.test .* would fail: octet '
is 'does not keep the others' "$(grep -c ' would be sent' <<<"$output")" 4
is 'and leaves no half of it' "$(ls "$T/dry" | grep -c 'broken')" 0
run 75 'for good' --zone "$T/zone"
run 0 'it is given up' --zone "$T/zone"
like 'and noted' "$(sql $db "SELECT state, detail FROM sent_report
	WHERE policy_hash = UNHEX(MD5('10'))")" '^failed.octet '

# ------------------------------------------------- sizes, and what is not mail

rua='mailto:small@size.test!1k,mailto:large@size.test!10m,https://size.test/'
policy size9 size.test none "$rua"
row "$yesterday" size9 m mx1 size.test ::ffff:192.0.2.2 none 0 0 2 \
	'[]' "{\"dkim\":[$(for ((i = 0; i < 100; i++)); do
		printf '%s{"domain":"%s.example","selector":"s","result":"fail"}' \
			"${comma:-}" "$(head -c 12 /dev/urandom | od -An -tx1 |
			tr -d ' \n')"
		comma=,
	done)],\"spf\":null}"
run 0 'RFC 9989 has sizes ignored (R1.14)' --dry-run "$T/dry" --zone "$T/zone" \
	--domain size.test
unlike 'so all get it' "$output" 'refused'
like 'and what is not mail is told (R1.15)' "$output" \
	'size\.test .*: 1 URI ignored, which we cannot send to: https://size\.test/'
sql $db "UPDATE verdict_policy SET method = 'psl'
	WHERE policy_hash = UNHEX(MD5('size9'))"
run 0 'RFC 7489 does not' --zone "$T/zone" --domain size.test
like 'the one who wants small reports gets none' \
	"$("$edmarc" -c "$T/edmarc.conf" send --status --domain size.test)" \
	'small@size\.test  refused: the report is larger'
like 'the other gets it' "$(mails)" 'large@size\.test'
unlike 'alone' "$(mails)" 'small@size\.test'

stop mariadb
run 75 'without the database it is tried later' --zone "$T/zone"
finish
