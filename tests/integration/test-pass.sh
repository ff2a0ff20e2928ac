#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Does report mail pass DMARC where it arrives (R8.7)? An Exim that signs with DKIM
# sends it over the network to another one, which looks up MX, SPF, DKIM and DMARC
# in a real name server and judges by edmarc.so.
. "$(dirname "$0")/lib.sh"
for part in netns nsd dkim exim mariadb; do
	. "$INTEGRATION/$part.sh"
done
netns_enter "$@"
need_programs gzip jq
begin
mariadb_start

edmarc=$top_builddir/edmarc
yesterday=$(date -u -d yesterday +%F)
begin=$(date -u -d "$yesterday" +%s)

# The report address lies below the domain that has the record and signs.
{
	printf '%s\n' \
		'_dmarc.hoster.example. IN TXT "v=DMARC1; p=reject"' \
		'mx.hoster.example. IN TXT "v=spf1 ip4:198.51.100.7 -all"' \
		'owner.example. IN MX 10 mx.owner.example.' \
		'mx.owner.example. IN A 192.0.2.25' \
		'_dmarc.owner.example. IN TXT "v=DMARC1; p=none; rua=mailto:rua@owner.example"'
	dkim_key hoster.example s1
} >"$T/records"
netns_resolv "$NSD_ADDRESS"
nsd_start "$T/records"

exim_new theirs
exim_module theirs
printf '[exim]\nauthserv_id = mx.owner.example\n[journal]\ndirectory = %s\n' \
	"$T/verdicts" >"$T/theirs.conf"
install -d -o "$EXIM_USER" -g root -m 2770 "$T/verdicts"
export EDMARC_CONFIG=$T/theirs.conf
exim_start theirs 192.0.2.25
exim_new ours
exim_remote ours 198.51.100.7 hoster.example hoster.example s1 \
	"$T/dkim/s1.hoster.example"
exim_start ours 198.51.100.7

"$edmarc" -c <(printf '[database]\noption_file = %s\n' "$MARIADB_OPTIONS") \
	setup --database --sql-dir "$srcdir/sql" >"$T/setup.log" 2>&1 ||
	bail 'setup' "$(cat "$T/setup.log")"
sql edmarc "INSERT INTO verdict_policy VALUES (UNHEX(MD5('o')),
	'owner.example', 'treewalk', 'none', '', '', 'r', 'r', '', 'n', 100,
	'mailto:rua@owner.example', '')"
sql edmarc "INSERT INTO verdict_row SET day = '$yesterday',
	policy_hash = UNHEX(MD5('o')), row_hash = UNHEX(MD5('r')), mta = 'mx1',
	result = 'fail', header_from = 'owner.example',
	source_ip = '::ffff:203.0.113.5', envelope_from = 'owner.example',
	disposition = 'none', dkim_aligned = 0, spf_aligned = 0, reasons = '[]',
	auth_results = '{\"dkim\":[],\"spf\":null}', count = 42,
	first_at = $begin, last_at = $begin"
printf '%s\n' '[evaluate]' "dns_servers = $NSD_ADDRESS" '[database]' \
	"option_file = $MARIADB_OPTIONS" '[send]' 'reporting = yes' \
	'org_name = Hoster' 'email = dmarc@mx.hoster.example' \
	"sendmail = $T/ours/sendmail" 'send_after = 0' \
	'send_over = 0' >"$T/edmarc.conf"

kept() {
	ls "$T"/theirs/mail/* 2>/dev/null
}

# header FILE FIELD, unfolded
header() {
	sed '/^$/q' "$1" | sed -e ':a' -e '$!N;s/\n[ \t]/ /;ta' -e 'P;D' |
		sed -n "s/^$2: *//Ip"
}

# ------------------------------------------------------------ what we send

check 'a report is sent' "$edmarc" -c "$T/edmarc.conf" send
wait_for 15 'the mail' kept
mail=$(kept | head -n 1)
[ -s "$mail" ] || bail 'it arrives' "$(exim_log ours | tail -n 3)"
results=$(header "$mail" Authentication-Results)
like 'it passes DMARC there (R8.7)' "$results" \
	'^mx\.owner\.example;.*dmarc=pass .*header\.from=mx\.hoster\.example'
verdict=$(cat "$T"/verdicts/*.jsonl | tail -n 1)
is 'by an aligned signature' \
	"$(jq -c '[.dkim[] | [.domain, .result, .aligned]]' <<<"$verdict")" \
	'[["hoster.example","pass",true]]'
is 'and by SPF, with the envelope sender that bounces come to' \
	"$(jq -c '[.spf.domain, .spf.result, .spf.aligned]' <<<"$verdict")" \
	'["mx.hoster.example","pass",true]'
like 'which is this one (R8.15)' "$(header "$mail" Return-path)" \
	'^<dmarc\+[a-z2-7]{40}@mx\.hoster\.example>$'

# ----------------------------------------------- and what it looks like there

is 'it is one to nobody who answers (R8.15)' \
	"$(header "$mail" Auto-Submitted)" auto-generated
like 'its subject is that of a report (R8.4)' "$(header "$mail" Subject)" \
	'^Report Domain: owner\.example Submitter: mx\.hoster\.example Report-ID: <[0-9a-f]{32}>$'
id=$(header "$mail" Subject | grep -o '<.*>' | tr -d '<>')
is 'the id is that of the mail (R8.6)' "$(header "$mail" Message-ID)" \
	"<$id@mx.hoster.example>"
check 'it has one date' test "$(header "$mail" Date | wc -l)" = 1
like 'the file has its name (R8.3)' "$(cat "$mail")" \
	"filename=\"mx\.hoster\.example!owner\.example!$begin!$((begin + 86399))!$id\.xml\.gz\""
is 'all is ASCII' "$(LC_ALL=C grep -c '[^ -~	]' "$mail")" 0
is 'and no line is longer than 998' "$(awk 'length > 998' "$mail" | wc -l)" 0
sed '/^Return-path:/d; /^Envelope-to:/d' "$mail" >"$T/report.eml"
is 'our own reader finds the report in it' "$("$edmarc" -c "$T/edmarc.conf" \
	parse --format json "$T/report.eml" 2>&1 |
	grep -o '"messages": *[0-9]*' | head -n 1 | tr -dc 0-9)" 42

# ------------------------------------------------------ a mail of somebody else

sed '/^Return-path:/d; /^Envelope-to:/d; /^DKIM-Signature:/,/^[^ \t]/{
	/^DKIM-Signature:/d; /^[ \t]/d}' "$mail" | sed 's/$/\r/' >"$T/forged"
before=$(kept | wc -l)
smtp_send 203.0.113.66 --server 192.0.2.25 --from dmarc@mx.hoster.example \
	--to rua@owner.example "$T/forged"
like 'the same from elsewhere is taken' "$smtp_reply" '^250 OK'
more() { [ "$(kept | wc -l)" -gt "$before" ]; }
wait_for 10 'the forged mail' more
like 'but does not pass' "$(header "$T/theirs/mail/${smtp_id:-none}" \
	Authentication-Results)" '^mx\.owner\.example;.*dmarc=fail'
finish
