#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The module in a real Exim: what it writes into the message, the journal and
# the log for mail of every kind, and that mail goes through when it cannot.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/netns.sh"
. "$INTEGRATION/nsd.sh"
. "$INTEGRATION/dkim.sh"
. "$INTEGRATION/exim.sh"
. "$INTEGRATION/judge.sh"
netns_enter "$@"
need_programs nsd exim4 openssl socat perl
begin

# Sources: 192.0.2.7 and 2001:db8::7 are allowed to send for the good ones,
# 203.0.113.9 for nobody but fwd.test.
{
	dkim_key good.test s1
	dkim_key evil.test s1
	cat <<-'ZONE'
	good.test. IN A 192.0.2.7
	good.test. IN TXT "v=spf1 ip4:192.0.2.7 ip6:2001:db8::7 -all"
	_dmarc.good.test. IN TXT "v=DMARC1; p=reject; rua=mailto:agg@good.test; fo=1:d"
	fwd.test. IN A 203.0.113.9
	fwd.test. IN TXT "v=spf1 ip4:203.0.113.9 -all"
	evil.test. IN A 203.0.113.9
	none.test. IN A 192.0.2.8
	_dmarc.none.test. IN TXT "v=DMARC1; p=none; rua=mailto:agg@none.test"
	quar.test. IN A 192.0.2.8
	_dmarc.quar.test. IN TXT "v=DMARC1; p=quarantine"
	rej.test. IN A 192.0.2.8
	_dmarc.rej.test. IN TXT "v=DMARC1; p=reject"
	_dmarc.wild.test. IN TXT "v=DMARC1; p=reject"
	*.wild.test. IN TXT "v=spf1 -all"
	org.test. IN A 192.0.2.8
	_dmarc.org.test. IN TXT "v=DMARC1; p=none; sp=reject; np=quarantine"
	sub.org.test. IN A 192.0.2.8
	test-mode.test. IN A 192.0.2.8
	_dmarc.test-mode.test. IN TXT "v=DMARC1; p=quarantine; t=y"
	plain.test. IN A 192.0.2.7
	plain.test. IN TXT "v=spf1 ip4:192.0.2.7 -all"
	ZONE
} >"$T/records"
netns_resolv "$NSD_ADDRESS"
nsd_start "$T/records"

# --------------------------------------------------------------- the server

trusted='trusted_hosts = 198.51.100.0/24, 2001:db8::9'
configure() { # lines of [exim], and sections behind it
	judge_configure "$trusted" "$@"
}
judge_start "$trusted"

exim_new mx
exim_module mx
exim_password mx
# What a program sees that Exim starts in the middle of a session.
sed -i '/^acl_check_data:/a\
  warn\
    set acl_m_points = 1.25\
  warn\
    senders = queued@good.test\
    control = freeze\
  warn\
    condition = ${if eq{$sender_address}{fds@good.test}}\
    logwrite = :main: open: ${run{/bin/ls /proc/self/fd}{${sg{$value}{\\n}{ }}}}' \
	"$T/mx/acl"
exim_start mx 192.0.2.25 2001:db8::2

# ------------------------------------------------------------------ helpers

# take SOURCE ENVELOPE-FROM FILE [ARGUMENT...]: as judge_take
take() {
	local server=192.0.2.25

	case $1 in
	*:*) server=2001:db8::2 ;;
	esac
	judge_take mx "$server" "$@"
}

# expect_verdict NAME ACTION SCORE A-R-REGEX JSON-TEXT...: what all must show
expect_verdict() {
	local name=$1 action=$2 score=$3 authres=$4 text missing=''

	shift 4
	like "$name: Authentication-Results" \
		"$(field Authentication-Results)" "^mx\.test; $authres"
	is "$name: action" "$(field X-DMARC-Action)" "$action"
	is "$name: score" "$(field X-DMARC-Score)" "$score"
	for text in "\"action\":\"$action\"" "\"score\":$score" "$@"; do
		grep -qF -e "$text" <<<"$verdict" || missing+=" $text"
	done
	is "$name: journal${missing:+ lacks$missing in $verdict}" "$missing" ''
	like "$name: log" "$log" " dmarc: .* score=$score action=$action\$"
}

# expect_none NAME: no trace of us but for the message
expect_none() {
	is "$1: is delivered" "${smtp_reply:0:7}" '250 OK '
	is "$1: no fields" "$(field 'X-DMARC-[A-Za-z]*')" ''
	is "$1: no journal line" "$verdict" ''
}

# ----------------------------------------------------------------- verdicts

judge_mail 'A <a@good.test>' >"$T/good"
take 192.0.2.7 a@good.test "$T/good"
expect_verdict 'aligned SPF' accept 0.00 \
	'dmarc=pass \(p=reject\) header.from=good.test policy.dmarc=reject; spf=pass smtp.mailfrom=good.test' \
	'"from_domains":["good.test"]' '"result":"pass"' \
	'"policy_domain":"good.test"' '"discovery_method":"treewalk"' \
	'"rua":"mailto:agg@good.test"' '"fo":"1:d"' '"t":"n"' \
	'"spf":{"result":"pass","domain":"good.test","scope":"mfrom","aligned":true}' \
	'"dkim":[]' '"client":"192.0.2.7"' '"mail_from":"a@good.test"' \
	'"rcpt_domains":["here.test"]' '"mta":"mx.test"' '"disposition":"pass"'
is 'the field stands on top' "$(head -n 3 <<<"$header" | grep -c '^Auth')" 1
like 'the log says it in one line' "$log" \
	'dmarc: pass policy=reject applied=reject from=good.test spf=pass dkim=none score=0.00 action=accept$'
is 'with a size' "$(grep -c '"size":[0-9]' <<<"$verdict")" 1

dkim_sign good.test s1 <"$T/good" >"$T/signed"
take 203.0.113.9 x@fwd.test "$T/signed"
expect_verdict 'aligned DKIM' accept 0.00 \
	'dmarc=pass .*; spf=pass smtp.mailfrom=fwd.test; dkim=pass header.d=good.test' \
	'"spf":{"result":"pass","domain":"fwd.test","scope":"mfrom","aligned":false}' \
	'"dkim":[{"domain":"good.test","selector":"s1","result":"pass","aligned":true}]'
like 'the log tells alignment' "$log" ' spf=pass\(unaligned\) dkim=pass '

take 192.0.2.7 a@good.test "$T/signed"
expect_verdict 'both' accept 0.00 'dmarc=pass ' '"aligned":true}]' \
	'"scope":"mfrom","aligned":true}'

take 2001:db8::7 a@good.test "$T/good"
expect_verdict 'aligned SPF by IPv6' accept 0.00 'dmarc=pass ' \
	'"client":"2001:db8::7"' '"spf":{"result":"pass"'

take 192.0.2.7 '' "$T/good" --helo good.test
expect_verdict 'null sender' accept 0.00 'dmarc=pass .*smtp.helo=good.test' \
	'"mail_from":""' '"scope":"helo","aligned":true'

judge_mail 'a@none.test' >"$T/none"
take 203.0.113.9 x@fwd.test "$T/none"
expect_verdict 'neither, p=none' accept 0.00 \
	'dmarc=fail \(p=none\) header.from=none.test policy.dmarc=none' \
	'"result":"fail"' '"disposition":"none"' '"reasons":[]'

judge_mail 'a@quar.test' >"$T/quar"
take 203.0.113.9 x@fwd.test "$T/quar"
expect_verdict 'neither, p=quarantine' quarantine 5.00 \
	'dmarc=fail \(p=quarantine\)' '"disposition":"quarantine"'

judge_mail 'a@rej.test' >"$T/rej"
take 203.0.113.9 x@fwd.test "$T/rej"
expect_verdict 'neither, p=reject' quarantine 8.00 \
	'dmarc=fail \(p=reject\) header.from=rej.test policy.dmarc=reject' \
	'"disposition":"quarantine"' '"type":"local_policy"'

judge_mail 'a@sub.org.test' >"$T/sub"
take 203.0.113.9 x@fwd.test "$T/sub"
expect_verdict 'subdomain with sp' quarantine 8.00 \
	'dmarc=fail \(p=none sp=reject np=quarantine\) header.from=sub.org.test policy.dmarc=reject' \
	'"policy_domain":"org.test"' '"policy_source":"sp"'
judge_mail 'a@gone.org.test' >"$T/gone"
take 203.0.113.9 x@fwd.test "$T/gone"
expect_verdict 'missing subdomain with np' quarantine 5.00 'dmarc=fail ' \
	'"policy_source":"np"'
judge_mail 'a@test-mode.test' >"$T/test-mode"
take 203.0.113.9 x@fwd.test "$T/test-mode"
expect_verdict 'test mode' accept 0.00 \
	'dmarc=fail \(p=quarantine t=y\) .*policy.dmarc=none' \
	'"type":"policy_test_mode"'

judge_mail 'a@plain.test' >"$T/plain"
take 192.0.2.7 a@plain.test "$T/plain"
expect_verdict 'no record' accept 0.00 'dmarc=none header.from=plain.test; spf' \
	'"result":"none"' '"policy_published":null'

judge_mail 'nobody: ;' >"$T/group"
take 192.0.2.7 a@plain.test "$T/group"
expect_verdict 'no author' tag 3.00 'dmarc=none; ' '"from_domains":[]'
judge_mail 'a@good.test' 'From: b@rej.test' >"$T/several"
take 192.0.2.7 a@good.test "$T/several"
expect_verdict 'several From fields' quarantine 13.00 'dmarc=fail ' \
	'"from_domains":["good.test","rej.test"]'

# ------------------------------------------------------------------ forgers

# A signature whose key does not exist: Exim says tmperror (pubkey unavailable).
cp "$T/dkim/s1.evil.test" "$T/dkim/nokey.rej.test"
cp "$T/dkim/s1.evil.test" "$T/dkim/nokey.wild.test"
dkim_sign rej.test nokey <"$T/rej" >"$T/nokey"
take 203.0.113.9 x@fwd.test "$T/nokey"
expect_verdict 'a key that does not exist' quarantine 8.00 \
	'dmarc=fail .*dkim=tmperror \(pubkey unavailable\)' '"result":"fail"'

# Nor is one where every name has a TXT record.
judge_mail '<a@wild.test>' >"$T/wild"
dkim_sign wild.test nokey <"$T/wild" >"$T/nokey"
take 203.0.113.9 x@fwd.test "$T/nokey"
expect_verdict 'no key, but a wildcard' quarantine 8.00 \
	'dmarc=fail .*dkim=tmperror \(pubkey unavailable\)' '"result":"fail"'

# A good signature of one domain, whose i= decodes into a result for another.
# Exim also takes other names than "i" for that tag.
evil='@evil.test=3B=20dkim=3Dpass=20header.d=3Drej.test'
for identity in "i=$evil" "i9=$evil" "9=i=$evil" "i;9=$evil" \
	'i=@evil.test=3B=0A=09dkim=3Dpass=20header.d=3Drej.test' \
	'i="x=22@evil.test' 'i=@evil.test (' 'i=@evil.test; I=@x=3b'; do
	dkim_sign evil.test s1 "$identity" <"$T/rej" >"$T/forged"
	take 203.0.113.9 x@fwd.test "$T/forged"
	expect_verdict "$identity" quarantine 8.00 \
		'dmarc=fail [^;]*; spf=pass smtp.mailfrom=fwd.test$' \
		'"result":"fail"' '"dkim":[]'
	like 'it is logged' "$log" 'dmarc: DKIM results not used: a DKIM-Signature'
done
# The same where Exim and its DKIM code read the header differently: behind a
# line that is no field, and behind a bare LF.
dkim_sign evil.test s1 \
	'i=@evil.test=3B=20dkim=3Dpass=20header.d=3Drej.test' <"$T/rej" |
	sed '/^From:/,$d' >"$T/signature"
for hidden in 'no field\r\n' 'X-Field: x\n'; do
	{
		sed '/^\r$/,$d' "$T/rej"
		# shellcheck disable=SC2059
		printf "$hidden"
		cat "$T/signature"
		printf '\r\nSome text.\r\n'
	} >"$T/hidden"
	take 203.0.113.9 x@fwd.test "$T/hidden"
	expect_verdict "a signature behind $hidden" quarantine 8.00 \
		'dmarc=fail [^;]*; spf=pass smtp.mailfrom=fwd.test$' \
		'"result":"fail"' '"dkim":[]'
	like 'it is logged' "$log" 'dmarc: DKIM results not used: a DKIM-Signature'
done
# A message that somebody has signed, with text of the forger in front: not a
# field, so part of the body for Exim, but not for its DKIM code.
dkim_sign good.test s1 <"$T/good" |
	sed 's/^\r$/Pay to this account:\r\nXX00\r\n&/' >"$T/prefixed"
take 203.0.113.9 x@fwd.test "$T/prefixed"
expect_verdict 'text in front of the signed body' quarantine 8.00 \
	'dmarc=fail [^;]*; spf=pass smtp.mailfrom=fwd.test$' \
	'"result":"fail"' '"dkim":[]'
like 'it is logged' "$log" 'dmarc: DKIM results not used: text that is not signed'
{
	sed '/^\r$/,$d' "$T/good"
	printf 'Pay to this account:\r\n'
	dkim_sign good.test s1 <"$T/good" | sed '/^From:/,/^Subject:/d'
} >"$T/prefixed"
take 203.0.113.9 x@fwd.test "$T/prefixed"
expect_verdict 'with the signature hidden as well' quarantine 8.00 \
	'dmarc=fail [^;]*; spf=pass smtp.mailfrom=fwd.test$' \
	'"result":"fail"' '"dkim":[]'
like 'it is logged' "$log" 'dmarc: DKIM results not used: a signature stands behind'
dkim_sign good.test s1 'i=news+1=2B2@mail.good.test' <"$T/good" >"$T/identity"
take 203.0.113.9 x@fwd.test "$T/identity"
expect_verdict 'an honest i=' accept 0.00 'dmarc=pass .*dkim=pass header.d=good.test'

forged=(
	'Authentication-Results: mx.test; dmarc=pass header.from=rej.test'
	'authentication-results: (a comment) MX.Test 1; dkim=pass'
	$'Authentication-Results:\r\n "mx.test"; spf=pass'
	'X-DMARC-Score: -99'
	'x-dmarc-action: accept'
)
foreign=(
	'Authentication-Results: other.test; dmarc=pass header.from=rej.test'
	'Authentication-Results: mx.test.example; dkim=pass'
	'X-Authentication-Results: mx.test; dkim=pass'
)
judge_mail 'a@rej.test' "${forged[@]}" "${foreign[@]}" >"$T/forged"
take 203.0.113.9 x@fwd.test "$T/forged"
is 'forged results are gone, others stay' \
	"$(field Authentication-Results | cut -c 1-22 | sort | tr '\n' '|')" \
	'mx.test.example; dkim=|mx.test; dmarc=fail (p|other.test; dmarc=pass|'
is 'one score' "$(field X-DMARC-Score)" 8.00
is 'one action' "$(field X-DMARC-Action)" quarantine
is 'what is not ours stays' "$(field X-Authentication-Results)" \
	'mx.test; dkim=pass'

# More results than Exim would let us add: it would end itself.
long=$(printf '%02000d' 7)
cp "$T/good" "$T/many"
for _ in {1..19}; do # from 20 on, Exim verifies none
	dkim_sign good.test s1 "i=$long@good.test" <"$T/many" >"$T/more"
	mv "$T/more" "$T/many"
done
take 203.0.113.9 x@fwd.test "$T/many"
expect_verdict 'many long signatures' accept 0.00 'dmarc=pass ' '"result":"pass"'
is 'all of them count' "$(grep -o '"selector":"s1"' <<<"$verdict" | wc -l)" 19

# As many fields as fit into the megabyte of header that Exim takes.
{
	printf 'From: a@rej.test\r\nX-DMARC-Score: -99\r\n'
	yes $'a:\r' | head -n 300000
	printf '\r\nSome text.\r\n'
} >"$T/flood"
take 203.0.113.9 x@fwd.test "$T/flood"
is 'a flood of fields: judged' "$(grep -c '"result":"fail"' <<<"$verdict")" 1
is 'a flood of fields: the forged one is gone' "$(field X-DMARC-Score)" 8.00

# A message that waits in the queue is explained by Exim's own file.
smtp_send 192.0.2.7 --from queued@good.test --helo good.test --to b@here.test \
	"$T/signed"
queued=$("$top_builddir/edmarc" -c "$T/edmarc.conf" evaluate --format json \
	"$T/mx/spool/input/$smtp_id-H")
for text in '"client_ip":"192.0.2.7","helo":"good.test","mail_from":"queued@good.test"' \
	'"result":"pass"' '"selector":"s1","result":"pass","aligned":true' \
	'"spf":{"result":"pass","domain":"good.test","scope":"mfrom","aligned":true}' \
	'"client_ip":"the spool file"' '"recorded":"pass","notes":null'; do
	check "a message in the queue: $text" grep -qF -e "$text" <<<"$queued"
done
exim_run mx -Mrm "$smtp_id" >/dev/null

# ---------------------------------------------------------- who is not judged

judge_mail 'a@rej.test' "${forged[@]}" >"$T/forged"
take 198.51.100.77 x@fwd.test "$T/forged"
is 'a trusted host: its fields stay' "$(field X-DMARC-Score)" -99
is 'a trusted host: its results stay' \
	"$(field Authentication-Results | wc -l)" 3
is 'a trusted host: no journal line' "$verdict" ''
take 2001:db8::9 x@fwd.test "$T/rej"
expect_none 'a trusted IPv6 host'
take 203.0.113.9 x@fwd.test "$T/forged" --auth user:secret
expect_none 'an authenticated client'
is 'an authenticated client: forged results are gone' \
	"$(field Authentication-Results)" ''
exim_run mx b@here.test <"$T/rej" >"$T/local" 2>&1
wait_for 10 'local mail' exim_idle mx
unlike 'local mail is not judged' "$(cat "$T"/mx/log/mainlog | tail -n 5)" 'dmarc:'

# ------------------------------------------------------------------ decisions

configure '[score]' 'reject_at = 8'
take 203.0.113.9 x@fwd.test "$T/rej"
is 'reject: the reply' "$smtp_reply" \
	'550 5.7.1 Email rejected per DMARC policy for rej.test'
like 'reject: the journal' "$(tail -n 1 "$T/verdicts/open.jsonl")" \
	'"disposition":"reject".*"action":"reject"'
like 'reject: the log' "$(tail -n 5 "$T/mx/log/mainlog")" \
	' dmarc: fail policy=reject applied=reject from=rej.test .*action=reject$'
configure '[score]' 'reject_at = 8' 'monitor_only = yes'
take 203.0.113.9 x@fwd.test "$T/rej"
expect_verdict 'monitor only' accept 8.00 'dmarc=fail ' '"disposition":"none"'
configure 'score_header = X-Spam-Points' 'action_header = X-Spam-Action'
judge_mail 'a@rej.test' 'X-Spam-Points: -1' 'X-DMARC-Score: 1' >"$T/names"
take 203.0.113.9 x@fwd.test "$T/names"
is 'other names for the fields' \
	"$(field X-Spam-Points) $(field X-Spam-Action) $(field X-DMARC-Score)" \
	'8.00 quarantine 1'

configure '[score]' 'reject_at = 8' 'reject_code = 5.7.26' \
	'reject_text = DMARC says no to %d'
take 203.0.113.9 x@fwd.test "$T/rej"
is 'the texts are ours to choose' "$smtp_reply" \
	'550 5.7.26 DMARC says no to rej.test'

# ----------------------------------------------------- domains of recipients

configure '[domain:a.test]' 'reject_at = 8' 'reject_text = a.test says no' \
	'[domain:b.test]' 'monitor_only = yes' '[domain:broken.test]' 'tag_at = x'
take 203.0.113.9 x@fwd.test "$T/rej" --to b@a.test
is 'one of two domains rejects: accepted, and both are told' \
	"${smtp_reply:0:7} $(field X-DMARC-Action)" \
	'250 OK  quarantine (here.test), reject (a.test)'
like 'the mildest is in the log' "$log" 'score=8.00 action=quarantine$'
like 'and in the journal' "$verdict" '"action":"quarantine"'
take 203.0.113.9 x@fwd.test "$T/rej" --to b@b.test
is 'one monitors only' "$(field X-DMARC-Action)" \
	'quarantine (here.test), accept (b.test)'
smtp_send 203.0.113.9 --from x@fwd.test --to b@a.test --to c@A.test "$T/rej"
is 'all recipients are of a domain that rejects' "$smtp_reply" \
	'550 5.7.1 a.test says no'
take 203.0.113.9 x@fwd.test "$T/rej" --to b@broken.test
is 'a mistake in a section: the general settings' "$(field X-DMARC-Action)" \
	quarantine
like 'it is told' "$log" \
	"dmarc: settings of a domain not used: $T/edmarc.conf: line 14: score.tag_at"
configure '[score]' 'reject_at = 8' '[domain:a.test]' 'tag_at = 3'
many=()
for i in {1..49}; do # and b@here.test
	many+=(--to "b@d$i.test")
done
take 203.0.113.9 x@fwd.test "$T/rej" "${many[@]}"
like '50 domains that reject' "$smtp_reply" '^550 5\.7\.1 '
take 203.0.113.9 x@fwd.test "$T/rej" "${many[@]}" --to b@d50.test
like 'one more is not asked, and nothing is rejected' \
	"${smtp_reply:0:7} $verdict" '^250 OK .*"disposition":"quarantine"'

# ------------------------------------------------------- points of other checks

# base NAME EXPANSION BASE SCORE ACTION [TROUBLE]: of a fail under p=reject
base() {
	configure "base_score = $2"
	take 203.0.113.9 x@fwd.test "$T/rej"
	expect_verdict "$1" "$5" "$4" 'dmarc=fail ' '"result":"fail"'
	like "$1: the log" "$log" " dkim=none base=$3 score=$4 action=$5\$"
	is "$1: trouble" "$(sed -n 's/.* dmarc: \(base_score.*\)/\1/p' <<<"$log")" \
		"${6:-}"
}
base 'points of an ACL' '$acl_m_points' 1.25 9.25 quarantine
base 'an expansion' '${if eq{$sender_address}{x@fwd.test}{-7.5}{0}}' -7.50 0.50 accept
base 'no points' '$acl_m_nothing' 0.00 8.00 quarantine
base 'a variable that Exim does not know' '$no_such_variable' 0.00 8.00 \
	quarantine 'base_score not used: unknown variable name "no_such_variable"'
base 'a forced failure' '${if eq{a}{b}{1}fail}' 0.00 8.00 quarantine \
	'base_score not used: "if" failed and "fail" requested'
base 'no number' 'a lot' 0.00 8.00 quarantine 'base_score is not a number: a lot'
configure 'base_score = $acl_m_points' '[score]' 'reject_at = 9.25'
take 203.0.113.9 x@fwd.test "$T/rej"
is 'the sum is rejected' "$smtp_reply" \
	'550 5.7.1 Email rejected per DMARC policy for rej.test'
configure 'base_score = $acl_m_points' '[score]' 'reject_at = 1'
take 192.0.2.7 a@good.test "$T/good"
is 'so is one that passes, for another reason' "$smtp_reply" \
	'550 5.7.1 Email rejected: its score is too high'

# --------------------------------------------------------------------- faults

configure
pause nsd
begun=$SECONDS
take 203.0.113.9 x@fwd.test "$T/rej"
took=$((SECONDS - begun))
expect_verdict 'DNS dead' accept 0.00 'dmarc=temperror ' '"result":"temperror"'
check 'DNS dead: in time' test "$took" -lt 25
configure '[score]' 'defer_on_temperror = yes' 'defer_text = No answer about %d'
take 203.0.113.9 x@fwd.test "$T/rej"
is 'DNS dead: deferred' "$smtp_reply" '451 4.7.0 No answer about rej.test'
like 'DNS dead: deferred, in the log' "$(tail -n 5 "$T/mx/log/mainlog")" \
	' dmarc: temperror .* action=defer$'
is 'DNS dead: deferred, not in the journal' \
	"$(grep -c '"action":"defer"' "$T/verdicts/open.jsonl")" 0
configure
resume nsd
wait_for 10 'the name server' nsd_answers "$NSD_ADDRESS"
take 203.0.113.9 x@fwd.test "$T/rej"
expect_verdict 'DNS back' quarantine 8.00 'dmarc=fail '

# unscored NAME REASON: two messages in one session are accepted, and the log says it
# once.
unscored() {
	local before after

	before=$(wc -l <"$T/mx/log/mainlog")
	smtp_send 192.0.2.7 --from a@rej.test --to b@here.test "$T/rej" "$T/rej"
	wait_for 10 'delivery' exim_idle mx
	is "$1: accepted" "$(wc -w <<<"$smtp_id")" 2
	after=$(tail -n "+$((before + 1))" "$T/mx/log/mainlog")
	is "$1: told once" "$(grep -c 'dmarc: ' <<<"$after")" 1
	like "$1: told" "$after" "dmarc: accepting mail unscored: $2"
}

rm "$T/edmarc.conf"
unscored 'no configuration' "$T/edmarc.conf: No such file"
configure
printf '[score]\nreject_at = often\n' >>"$T/edmarc.conf"
unscored 'broken configuration' \
	"$T/edmarc.conf: line 9: score.reject_at: expected a number"
configure
sed -i 's/^trusted_hosts.*/trusted_hosts = localhost/' "$T/edmarc.conf"
unscored 'a name as trusted host' \
	"$T/edmarc.conf: line 7: exim.trusted_hosts: expected addresses and networks, .* got localhost"
configure
sed -i 's/^authserv_id.*/authserv_id = a}{b/' "$T/edmarc.conf"
unscored 'an id that Exim would expand' \
	"$T/edmarc.conf: line 6: exim.authserv_id: expected a host name"
configure
sed -i '/^authserv_id/d' "$T/edmarc.conf"
take 192.0.2.7 a@good.test "$T/good"
like 'the id is primary_hostname by default' \
	"$(field Authentication-Results)" '^mx\.test; dmarc=pass'

configure
mv "$T/verdicts" "$T/elsewhere"
take 203.0.113.9 x@fwd.test "$T/rej"
is 'no journal: judged all the same' "$(field X-DMARC-Action)" quarantine
like 'no journal: told' "$log" \
	"dmarc: verdict not kept: $T/verdicts: No such file.*; expected .* mode 2770"
mv "$T/elsewhere" "$T/verdicts"
chown root "$T/verdicts"
chmod 700 "$T/verdicts"
take 203.0.113.9 x@fwd.test "$T/rej"
is 'journal of another: judged all the same' "$(field X-DMARC-Action)" \
	quarantine
like 'journal of another: told' "$log" \
	"dmarc: verdict not kept: $T/verdicts: Permission denied; expected .*uid $(id -u "$EXIM_USER") "
chown "$EXIM_USER" "$T/verdicts"
chmod 2770 "$T/verdicts"

# A guest leaves nothing open to the programs that Exim starts: the first of
# these is started before the module is loaded.
smtp_send 192.0.2.7 --from fds@good.test --to b@here.test "$T/rej" "$T/rej"
opened=$(sed -n 's/.*open: //p' "$T/mx/log/mainlog")
is 'descriptors were looked at twice' "$(wc -l <<<"$opened")" 2
# valgrind has some of its own.
[ "${EXIM_UNDER:-}" = valgrind ] ||
	is 'and are the same' "$(sort -u <<<"$opened" | wc -l)" 1

unlike 'Exim did not crash' "$(exim_log mx)" 'crash|panic|signal 11'
finish
