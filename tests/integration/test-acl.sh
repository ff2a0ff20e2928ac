#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What ACLs of a real Exim are told by ${dlfunc}: alone, together with
# local_scan(), and with settings of domains that Exim looks up.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/netns.sh"
. "$INTEGRATION/nsd.sh"
. "$INTEGRATION/dkim.sh"
. "$INTEGRATION/exim.sh"
. "$INTEGRATION/judge.sh"
netns_enter "$@"
need_programs nsd exim4 openssl socat perl sqlite3
exim4 -bV | grep -q Expand_dlfunc || skip "this Exim has no \${dlfunc}"
begin

{
	dkim_key good.test s1
	cat <<-'ZONE'
	good.test. IN A 192.0.2.7
	good.test. IN TXT "v=spf1 ip4:192.0.2.7 -all"
	_dmarc.good.test. IN TXT "v=DMARC1; p=reject"
	fwd.test. IN A 203.0.113.9
	fwd.test. IN TXT "v=spf1 ip4:203.0.113.9 -all"
	rej.test. IN A 192.0.2.8
	_dmarc.rej.test. IN TXT "v=DMARC1; p=reject; t=y"
	_dmarc.rej2.test. IN TXT "v=DMARC1; p=reject"
	rej2.test. IN A 192.0.2.8
	ZONE
} >"$T/records"
netns_resolv "$NSD_ADDRESS"
nsd_start "$T/records"

# -------------------------------------------------------------- the servers

trusted='trusted_hosts = 198.51.100.0/24'
configure() { # lines of [exim], and sections behind it
	judge_configure "$trusted" "$@"
}
judge_start "$trusted"

questions="result policy applied domain policy_domain spf dkim score action
	reason authres header reply"

# ask WORD: the expansion
ask() {
	printf '${dlfunc{EDMARC_MODULE}{edmarc}{%s}}' "$1"
}

exim_new mx
exim_module mx
exim_password mx
# What the local part of the sender asks for.
{
	echo 'acl_check_rcpt:'
	echo '  warn'
	echo '    condition = ${if eq{$sender_address_local_part}{rcpt}}'
	echo "    logwrite = asked rcpt: $(ask '')"
	echo '  warn'
	echo '    condition = ${if eq{$sender_address_local_part}{late}{0}{1}}'
	echo '    spf = pass : fail : softfail : neutral : none : permerror : temperror'
	echo '  accept'
	echo 'acl_check_mime:'
	echo '  warn'
	echo '    condition = ${if eq{$sender_address_local_part}{mime}}'
	echo "    logwrite = asked mime: $(ask '')"
	echo '  accept'
	echo 'acl_check_data:'
	echo '  warn'
	echo '    condition = ${if eq{$sender_address_local_part}{many}}'
	echo '    logwrite = asked many: ${dlfunc{EDMARC_MODULE}{edmarc}{result}{x}}'
	echo '  warn'
	echo '    condition = ${if eq{$sender_address_local_part}{word}}'
	echo "    logwrite = asked word: $(ask colour)"
	echo '  warn'
	echo '    condition = ${if eq{$sender_address_local_part}{forced}}'
	echo "    logwrite = asked forced: $(ask action) \$no_such_variable"
	echo '  warn'
	echo '    condition = ${if eq{$sender_address_local_part}{file}}'
	echo "    set acl_m_x = \${readfile{$T/$(ask domain)}}"
	echo '  warn'
	echo '    condition = ${if eq{$sender_address_local_part}{word-as-file}}'
	echo "    logwrite = read: \${readfile{$T/file-$(ask result)}{}}"
	echo '  warn'
	echo '    condition = ${if !eq{$sender_address_local_part}{silent}}'
	for word in '' $questions; do
		echo "    logwrite = asked $word: \${escape:$(ask "$word")}"
	done
	echo '    logwrite = extracted: ${extract{dkim}{'"$(ask '')"'}}'
	echo '    set acl_m_points = 1.5'
	echo '  warn'
	echo '    condition = ${if eq{$sender_address_local_part}{late}}'
	echo '    spf = pass : fail : softfail : neutral : none : permerror : temperror'
	echo '  warn'
	echo '    condition = ${if eq{$sender_address_local_part}{link}}'
	echo "    logwrite = asked link: \${dlfunc{$T/link.so}{edmarc}{action}}"
	echo '  warn'
	echo '    condition = ${if eq{$sender_address_local_part}{adds}}'
	echo '    add_header = From: a@good.test'
	echo '    remove_header = X-Old'
	echo '  warn'
	echo '    condition = ${if eq{$sender_address_local_part}{records}}'
	echo "    logwrite = asked records: $(ask record) $(ask record) $(ask clean)"
	echo "    add_header = $(ask header)"
	echo '  deny'
	echo '    condition = ${if eq{$sender_address_local_part}{deny}}'
	echo '  accept'
} >"$T/mx/acl"
echo 'acl_smtp_mime = acl_check_mime' >>"$T/mx/main"
ln -s "$top_builddir/.libs/edmarc.so" "$T/link.so"
printf 'found' >"$T/file-pass"
printf 'found' >"$T/good.test"
exim_start mx 192.0.2.25

# One without local_scan_path, as exim-acl-data.conf has it.
exim_new only
printf 'EDMARC_MODULE = %s\n' "$top_builddir/.libs/edmarc.so" >>"$T/only/main"
printf 'acl_check_rcpt:\n.include %s\n  accept\nacl_check_data:\n.include %s\n  accept\n' \
	"$srcdir/docs/examples/exim-acl-rcpt.conf" \
	"$srcdir/docs/examples/exim-acl-data.conf" >"$T/only/acl"
exim_password only
exim_start only 192.0.2.26

# ------------------------------------------------------------------ helpers

# mail FROM-LINE [MORE-FIELD...]: a message that Exim's MIME ACL looks at
mail() {
	judge_mail "$1" 'Content-Type: text/plain' "${@:2}"
}

# take NAME SOURCE ENVELOPE-FROM FILE [ARGUMENT...]: as judge_take
take() {
	local server=192.0.2.25

	[ "$1" = mx ] || server=192.0.2.26
	judge_take "$1" "$server" "${@:2}"
}

# asked WORD: what the ACL was told
asked() {
	sed -n "s/^.* asked $1: //p" <<<"$log"
}

# told NAME "WORD=ANSWER"...: in $log
told() {
	local name=$1 pair got=''

	shift
	for pair; do
		[ "$(asked "${pair%%=*}")" = "${pair#*=}" ] ||
			got+=" ${pair%%=*}=$(asked "${pair%%=*}")"
	done
	is "$name" "$got" ''
}

# lines of a kind in the journal and the log about the message
count() {
	grep -c -e "$1" <<<"$2"
}

# The datagrams of this namespace so far: questions to NSD and its answers.
datagrams() {
	awk '/^Udp: [0-9]/ { print $2 }' /proc/net/snmp
}

# --------------------------------------------------------------- each question

mail 'A <a@good.test>' >"$T/good"
dkim_sign good.test s1 <"$T/good" >"$T/signed"
take mx 192.0.2.7 a@good.test "$T/signed"
line='result=pass policy=reject applied=reject domain=good.test policy_domain=good.test spf=pass dkim=pass score=0.00 action=accept'
told 'a message that passes' result=pass policy=reject \
	applied=reject domain=good.test policy_domain=good.test spf=pass \
	dkim=pass score=0.00 action=accept reply= \
	'authres=dmarc=pass (p=reject) header.from=good.test policy.dmarc=reject'
is 'all in a line' "$(sed -n 's/^.* asked : //p' <<<"$log")" "$line"
like 'the line is for ${extract}' "$log" ' extracted: pass$'
like 'the reason is sentences' "$(asked reason)" \
	'^The Author Domain is good\.test\. The DMARC record at good\.test applies\..* DKIM of good\.test .*pass, aligned'
is 'the fields are what local_scan() adds' \
	"$(asked header | sed 's/\\t/ /g;s/\\n/\n/g' | tac | grep . |
		sed 's/^:at_start://;s/:at_start:$//' | grep -c 'X-DMARC-\|dmarc=pass\|dkim=pass')" 4
is 'one line in the journal' "$(wc -l <<<"$verdict")" 1
is 'one line in the log' "$(count ' dmarc: ' "$log")" 1
is 'one score, one field of results' \
	"$(field X-DMARC-Score | wc -l) $(field Authentication-Results | wc -l)" '1 1'

mail 'a@rej.test' >"$T/rej"
take mx 203.0.113.9 x@fwd.test "$T/rej"
told 'one that fails in test mode' result=fail policy=reject \
	applied=quarantine domain=rej.test 'spf=pass(unaligned)' dkim=none \
	score=5.00 action=quarantine
mail 'nobody: ;' >"$T/none"
take mx 203.0.113.9 x@fwd.test "$T/none"
told 'no author' result=none policy=- applied=- domain=- policy_domain=- \
	score=3.00 action=tag authres=dmarc=none

configure '[score]' 'reject_at = 8' 'reject_text = No, %d' \
	'defer_on_temperror = yes'
mail 'a@rej2.test' >"$T/rej2"
smtp_send 203.0.113.9 --from x@fwd.test --to b@here.test "$T/rej2"
like 'what is rejected: the reply' "$(grep ' asked reply: ' "$T/mx/log/mainlog" | tail -n 1)" \
	' asked reply: 5\.7\.1 No, rej2\.test$'
is 'and that of local_scan()' "$smtp_reply" '550 5.7.1 No, rej2.test'
configure

# ----------------------------------------------------------- one evaluation

before=$(datagrams)
take mx 203.0.113.9 silent@fwd.test "$T/rej2"
silent=$(($(datagrams) - before))
before=$(datagrams)
take mx 203.0.113.9 loud.@fwd.test "$T/rej2"
is "15 questions ask the DNS as often as none ($silent datagrams)" \
	$(($(datagrams) - before)) "$silent"
check 'which is not never' test "$silent" -gt 4
take mx 203.0.113.9 link@fwd.test "$T/rej2"
is 'by another name of the file: the same' \
	"$(asked link) $(wc -l <<<"$verdict") $(count ' dmarc: ' "$log")" \
	'quarantine 1 1'

smtp_send 192.0.2.7 --from silent@good.test --to b@here.test "$T/good"
smtp_send 192.0.2.7 --from a@good.test --to b@here.test "$T/good" "$T/rej2" "$T/good"
is 'three messages of a connection' \
	"$(for id in $smtp_id; do sed -n "s/^.* $id asked result: //p" "$T/mx/log/mainlog"; done | tr '\n' ' ')" \
	'pass fail pass '
is 'each is in the journal once' \
	"$(for id in $smtp_id; do grep -c "\"id\":\"$id\"" "$T/verdicts/open.jsonl"; done | tr '\n' ' ')" \
	'1 1 1 '
# A transaction that the ACL refuses, one that is given up, one by BDAT.
before=$(wc -l <"$T/mx/log/mainlog")
lines=$(wc -l <"$T/verdicts/open.jsonl")
# bdat FILE: as one chunk
bdat() {
	printf 'BDAT %d LAST\r\n' "$(wc -c <"$1")"
	cat "$1"
}
{
	printf 'EHLO x\r\nMAIL FROM:<deny@fwd.test>\r\nRCPT TO:<b@here.test>\r\nDATA\r\n'
	cat "$T/good"
	printf '.\r\nMAIL FROM:<rcpt@fwd.test>\r\nRCPT TO:<b@here.test>\r\nRSET\r\n'
	printf 'MAIL FROM:<mime@fwd.test>\r\nRCPT TO:<b@here.test>\r\n'
	bdat "$T/rej2"
	printf 'MAIL FROM:<mime@fwd.test>\r\nRCPT TO:<b@here.test>\r\n'
	bdat "$T/none"
	printf 'QUIT\r\n'
} >"$T/session"
dialogue=$(socat -t 10 - "TCP4:192.0.2.25:25,bind=203.0.113.9" <"$T/session")
after=$(tail -n "+$((before + 1))" "$T/mx/log/mainlog")
is 'BDAT is taken' "$(grep -c '^250.* id=' <<<"$dialogue")" 2
is 'transactions of a session are judged apart' \
	"$(sed -n 's/^.* asked result: //p' <<<"$after" | tr '\n' ' ')" \
	'fail fail none '
is 'also before DATA' "$(sed -n 's/^.* asked mime: result=\([a-z]*\).*/\1/p' <<<"$after" | tr '\n' ' ')" \
	'fail none '
is 'what the ACL refused is not in the journal' \
	$(($(wc -l <"$T/verdicts/open.jsonl") - lines)) 2
like 'at RCPT there is nothing to judge' "$after" \
	'asked rcpt: result=unjudged policy=- applied=- domain=- policy_domain=- spf=- dkim=- score=0\.00 action=accept$'

# Fields that an ACL adds are not the sender's, but look like his.
take mx 203.0.113.9 adds@fwd.test "$T/rej2"
is 'an ACL that adds a From: field does not change the verdict' \
	"$(asked result) $(grep -o '"from_domains":[^]]*]' <<<"$verdict")" \
	'fail "from_domains":["rej2.test"]'
configure 'base_score = $acl_m_points'
take mx 203.0.113.9 x@fwd.test "$T/rej2"
is 'points that come after the first question count in the end' \
	"$(asked score) $(field X-DMARC-Score)" '8.00 9.50'
configure
take mx 192.0.2.7 late@good.test "$T/good"
is 'without a result of Exim our own counts' "$(asked spf) $(asked result)" \
	'pass pass'
unlike 'and goes on to count' "$log" 'judged again'
configure 'spf = exim'
take mx 192.0.2.7 late@good.test "$T/good"
is 'SPF that is checked after the first question' \
	"$(asked spf) $(asked result) $(grep -o '"result":"[a-z]*","policy_domain' <<<"$verdict" | cut -d '"' -f 4)" \
	'unknown fail pass'
like 'counts, and is told' "$log" \
	' dmarc: judged again: SPF was checked after an ACL had asked$'
configure

# ------------------------------------------------------- who is not judged

none=':result=unjudged policy=- applied=- domain=- policy_domain=- spf=- dkim=- score=0.00 action=accept'
take mx 203.0.113.9 x@fwd.test "$T/rej2" --auth user:secret
is 'an authenticated client' ":$(sed -n 's/^.* asked : //p' <<<"$log")" "$none"
told 'and in other words' 'reason=Not judged: the client is authenticated.' \
	authres=none header= reply=
take mx 198.51.100.3 x@fwd.test "$T/rej2"
told 'a trusted host' result=unjudged action=accept \
	'reason=Not judged: the client is a trusted host.'
exim_run mx -be "\${dlfunc{$top_builddir/.libs/edmarc.so}{edmarc}}" >"$T/be" 2>&1
is 'exim -be' ":$(cat "$T/be")" "$none"
configure 'nonsense = yes'
take mx 203.0.113.9 x@fwd.test "$T/rej2"
told 'a broken configuration' result=unjudged action=accept header= \
	'reason=Not judged: the configuration has a mistake.'
is 'it is told once' "$(count 'dmarc: accepting mail unscored' "$log")" 1
configure

# ------------------------------------------------------------------ mistakes

# refused SENDER REGEX: the expansion fails, and Exim says why
refused() {
	smtp_send 192.0.2.7 --from "$1@good.test" --to b@here.test "$T/good"
	like "$1: the client may come again" "$smtp_reply" '^451 '
	like "$1: the log" "$(tail -n 3 "$T/mx/log/mainlog")" "$2"
}
refused many 'edmarc takes one argument at most'
refused word 'edmarc does not know "colour"'
refused file "Tainted filename '$T/good.test'"
take mx 192.0.2.7 word-as-file@good.test "$T/good"
like 'a word of ours is no tainted name' "$log" 'read: found$'
configure "base_score = \${if eq{\${dlfunc{$top_builddir/.libs/edmarc.so}{edmarc}{result}}}{pass}{1}{2}}"
take mx 192.0.2.7 a@good.test "$T/good"
is 'base_score that asks edmarc: not endless' "$(asked score) $(field X-DMARC-Score)" \
	'0.00 0.00'
is 'and told once' "$(count 'base_score not used: .*edmarc is asked by its own base_score or domain_settings' "$log")" 1
configure 'base_score = ${if eq{a}{b}{1}fail}'
refused forced 'unknown variable name "no_such_variable"'
take mx 192.0.2.7 a@good.test "$T/good"
is 'a forced failure inside is none outside' "$(asked action)" accept

# ------------------------------------------------------------- hostile text

long=$(printf 'a%.0s' {1..70000})
for from in '"x
 Bcc: evil@evil.test" <a@rej2.test>' 'a@rej2.test, b@$h_to:.test' \
	"a@'; DROP TABLE x; --.test" 'a@${run{/bin/id}}.test' \
	$'a@b\x01\x7f\xff.test' 'a@../../etc/passwd' 'a@[192.0.2.1]' "$long@rej2.test" \
	"a@$long.test" 'a@-rej.test' 'a@xn--.test' '<a@rej2.test>(\)(' 'a@b=c;d.test'; do
	mail "${from//$'\n'/$'\r\n'}" >"$T/hostile"
	take mx 203.0.113.9 x@fwd.test "$T/hostile"
	name=${from:0:20}
	like "${name@Q}: a line" "$(sed -n 's/^.* asked : //p' <<<"$log")" \
		'^result=[a-z]+ policy=[a-z-]+ applied=[a-z-]+ domain=[a-z0-9._-]+ policy_domain=[a-z0-9._-]+ spf=[a-z()]+ dkim=[a-z()]+ score=[0-9.]+ action=[a-z]+$'
	unlike "${name@Q}: nothing to fold or to escape" \
		"$(grep -v 'asked header' <<<"$log" | grep 'asked ')" '\\'
done

# ------------------------------------------------------------------ ACL only

forged=(
	'Authentication-Results: mx.test; dmarc=pass header.from=rej2.test'
	'authentication-results: (a comment) MX.Test 1; dkim=pass'
	'X-DMARC-Score: -99'
	'Authentication-Results: other.test; dmarc=pass header.from=rej2.test'
)
mail 'a@rej2.test' "${forged[@]}" >"$T/forged"
take only 203.0.113.9 x@fwd.test "$T/forged"
is 'without local_scan: forged results are gone, ours are on top' \
	"$(field Authentication-Results | tr '\n' '|')" \
	'mx.test; dmarc=fail (p=reject) header.from=rej2.test policy.dmarc=reject; spf=pass smtp.mailfrom=fwd.test|other.test; dmarc=pass header.from=rej2.test|'
is 'they stand where local_scan() puts them' "$(sed -n 's/:.*//p' <<<"$header" | head -n 4 | tr '\n' ' ')" \
	"$(take mx 203.0.113.9 silent@fwd.test "$T/forged" >/dev/null; sed -n 's/:.*//p' <<<"$header" | head -n 4 | tr '\n' ' ')"
is 'score and action' "$(field X-DMARC-Score) $(field X-DMARC-Action)" \
	'8.00 quarantine'
is 'one line in the journal, one in the log' \
	"$(wc -l <<<"$verdict") $(count ' dmarc: fail ' "$log")" '1 1'
like 'it is the same line' "$verdict" '"rcpt_domains":\["here.test"\].*"result":"fail".*"action":"quarantine"'
take only 192.0.2.7 a@good.test "$T/signed"
is 'one that passes' "$(field X-DMARC-Action) $(wc -l <<<"$verdict")" 'accept 1'
like 'with its results' "$(field Authentication-Results)" \
	'^mx\.test; dmarc=pass .*; spf=pass .*; dkim=pass header.d=good\.test'
take only 203.0.113.9 x@fwd.test "$T/forged" --auth user:secret
is 'an authenticated client: forged results are gone, nothing is added' \
	"$(field Authentication-Results | cut -c 1-10) $(field 'X-DMARC-[A-Za-z]*')$verdict" \
	'other.test '
take only 198.51.100.7 x@fwd.test "$T/forged"
is 'a trusted host: its fields stay' \
	"$(field Authentication-Results | wc -l) $(field X-DMARC-Score)$verdict" '3 -99'
configure '[score]' 'reject_at = 8'
smtp_send 203.0.113.9 --server 192.0.2.26 --from x@fwd.test --to b@here.test "$T/rej2"
is 'rejected' "$smtp_reply" '550 5.7.1 Email rejected per DMARC policy for rej2.test'
like 'and in the journal' "$(tail -n 1 "$T/verdicts/open.jsonl")" \
	'"disposition":"reject".*"action":"reject"'
configure '[score]' 'defer_on_temperror = yes'
lines=$(wc -l <"$T/verdicts/open.jsonl")
pause nsd
smtp_send 203.0.113.9 --server 192.0.2.26 --from x@fwd.test --to b@here.test "$T/rej2"
resume nsd
wait_for 10 'the name server' nsd_answers "$NSD_ADDRESS"
is 'deferred' "$smtp_reply" '451 4.7.0 DMARC cannot be checked now, try again later'
is 'not in the journal' "$(wc -l <"$T/verdicts/open.jsonl")" "$lines"
configure

take mx 203.0.113.9 records@fwd.test "$T/forged"
is 'an ACL that records, and local_scan()' \
	"$(asked records) $(wc -l <<<"$verdict") $(count ' dmarc: fail ' "$log") $(field X-DMARC-Score | wc -l)" \
	'quarantine quarantine 3 1 1 1'
is 'do not double the results' "$(field Authentication-Results | cut -c 1-19 | tr '\n' '|')" \
	'mx.test; dmarc=fail|other.test; dmarc=p|'
configure 'base_score = ${if def:acl_m_late{9}{0}}' '[score]' 'reject_at = 17'

# ------------------------------------------------------- settings of domains

cat >"$T/domains" <<'LIST'
a.test: reject_at = 8; reject_text = a.test says no to %d
b.test: monitor_only = yes
broken.test: reject_at = often
section.test: [send]; reporting = yes
both.test: quarantine_at = 9; tag_at = 1
LIST
sqlite3 "$T/domains.db" \
	"create table d (name text primary key, reject_at real, monitor text);
	insert into d values ('a.test', 8, null), ('b.test', null, 'yes');"
chmod 644 "$T/domains.db"

# both NAME CONFIG-LINE: what a lookup of any kind gives
both() {
	configure "$2"
	take mx 203.0.113.9 silent@fwd.test "$T/rej2" --to b@b.test --to c@B.TEST
	is "$1: one monitors only" "$(field X-DMARC-Action)" \
		'quarantine (here.test), accept (b.test)'
	smtp_send 203.0.113.9 --from silent@fwd.test --to b@a.test "$T/rej2"
	like "$1: one rejects" "$smtp_reply" '^550 5\.7\.1 '
	is "$1: no trouble" \
		"$(tail -n 8 "$T/mx/log/mainlog" | grep -c 'domain_settings')" 0
}
both lsearch "domain_settings = \${lookup{%d}lsearch{$T/domains}}"
is 'with its text' "$smtp_reply" '550 5.7.1 a.test says no to rej2.test'
both sqlite "domain_settings = \${lookup sqlite,file=$T/domains.db {select coalesce('reject_at = ' || reject_at || ';', '') || coalesce('monitor_only = ' || monitor, '') from d where name = '%d'}}"
both 'a file for each domain' "domain_settings = \${if exists{$T/conf/%d}{\${readfile{$T/conf/%d}}}{\${lookup{%d}lsearch{$T/domains}}}}"

configure "domain_settings = \${lookup{%d}lsearch{$T/domains}}" \
	'[domain:both.test]' 'quarantine_at = 4'
take mx 203.0.113.9 silent@fwd.test "$T/rej2" --to x@both.test
is 'a section goes before the lookup' "$(field X-DMARC-Action)" quarantine
configure "domain_settings = \${lookup{%d}lsearch{$T/domains}}"
take mx 203.0.113.9 silent@fwd.test "$T/rej2" --to x@both.test
is 'without it' "$(field X-DMARC-Action)" 'quarantine (here.test), tag (both.test)'
for domain in broken section; do
	take mx 203.0.113.9 x@fwd.test "$T/rej2" --to "x@$domain.test"
	is "$domain: the general settings" "$(field X-DMARC-Action)" quarantine
	is "$domain: told once, however often it is asked" \
		"$(count "dmarc: domain_settings not used: $domain.test: domain_settings: line [12]: " "$log")" 1
done
take mx 203.0.113.9 x@fwd.test "$T/rej2" --to x@b.test
told 'ACLs know it, too' action=accept score=8.00

configure "domain_settings = \${lookup{%d}lsearch{$T/nowhere}}"
take mx 203.0.113.9 x@fwd.test "$T/rej2" --to x@a.test --to x@b.test --to x@c.test
is 'a lookup that fails: the general settings' "$(field X-DMARC-Action)" quarantine
is 'told once' "$(count 'dmarc: domain_settings not used: failed to open' "$log")" 1
configure "domain_settings = \${lookup{%d}lsearch{$T/domains}{\$value}fail}"
take mx 203.0.113.9 x@fwd.test "$T/rej2" --to x@nobody.test
is 'a lookup that is made to fail: the same' "$(field X-DMARC-Action)" quarantine

# What a recipient can write must not become more than a name.
configure "domain_settings = \${run{/bin/sh -c \"echo %d >>$T/verdicts/run\"}}"
for domain in '-rf.test' 'a;id.test' '$h_from:.test' "a'b.test" 'A-b.test' \
	'../etc' '[192.0.2.1]' 'a..b' 'x}{y.test'; do
	smtp_send 203.0.113.9 --from silent@fwd.test --to b@here.test \
		--to "x@$domain" "$T/rej2"
done
is 'only names reach the expansion' "$(sort -u "$T/verdicts/run" | tr '\n' ' ')" \
	'a-b.test here.test '
rm -f "$T/verdicts/run"
many=()
for i in {1..60}; do
	many+=(--to "x@d$i.test")
done
take mx 203.0.113.9 x@fwd.test "$T/rej2" "${many[@]}"
is '50 domains are looked up, once each' \
	"$(sort "$T/verdicts/run" | uniq -c | awk '{ print $1 }' | sort -u) $(wc -l <"$T/verdicts/run")" \
	'1 50'

# ------------------------------------------------------------------- reload

configure
mkfifo "$T/say"
socat -t 10 - "TCP4:192.0.2.25:25,bind=203.0.113.9" <"$T/say" >"$T/heard" &
remember session $!
exec 7>"$T/say"
# send_open FILE N: over the connection that is open; wait for the N-th message
send_open() {
	{
		printf 'MAIL FROM:<silent@fwd.test>\r\nRCPT TO:<b@here.test>\r\nDATA\r\n'
		cat "$1"
		printf '.\r\n'
	} >&7
	wait_for 10 "reply $2" heard "$2"
}
heard() {
	[ "$(grep -c '^\(250 OK id=\|550 \)' "$T/heard")" = "$1" ]
}
printf 'HELO x\r\n' >&7
send_open "$T/rej2" 1
configure '[score]' 'reject_at = 8'
send_open "$T/rej2" 2
smtp_send 203.0.113.9 --from silent@fwd.test --to b@here.test "$T/rej2"
is 'a new connection has the new configuration' "$smtp_reply" \
	'550 5.7.1 Email rejected per DMARC policy for rej2.test'
send_open "$T/rej2" 3
is 'one that was open keeps the old one' \
	"$(grep -o '^\(250 OK id=\|550 \)' "$T/heard" | tr '\n' ' ')" \
	'250 OK id= 250 OK id= 250 OK id= '
printf 'QUIT\r\n' >&7
exec 7>&-

for name in mx only; do
	unlike "Exim $name did not crash" "$(exim_log $name)" 'crash|panic|signal 11'
done
finish
