#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# `edmarc evaluate` as a user calls it: options, exit status, both formats.
edmarc=${top_builddir:-.}/edmarc
export LC_ALL=C
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
bad=0

cat >"$work/zone" <<'END'
_dmarc.example.com. IN TXT "v=DMARC1; p=reject; sp=quarantine"
news.example.com.   IN A   192.0.2.1
;!servfail _dmarc.broken.example
END
printf 'Received: by us\r\nFrom: "No, one" <u@News.Example.com>\r\n\r\nFrom: x@y.example\r\n' \
	>"$work/message"
: >"$work/conf"
echo '[score]
fail_quarantine = 1.25' >"$work/mild.conf"

fail() {
	echo "FAIL: $*"
	bad=1
}

# status WANTED ARGUMENT...: standard output to $work/out, errors to $work/err
status() {
	want=$1
	shift
	"$edmarc" -c "${conf:-$work/conf}" evaluate "$@" >"$work/out" \
		2>"$work/err" <"${input:-/dev/null}"
	got=$?
	[ $got -eq "$want" ] || {
		fail "evaluate $*: exit $got, not $want"
		cat "$work/err"
	}
}

# says WHAT: the last output holds this text
says() {
	grep -qF -e "$1" "$work/out" || {
		fail "no '$1' in"
		cat "$work/out"
	}
}

complains() {
	grep -qF -e "$1" "$work/err" || {
		fail "no '$1' in"
		cat "$work/err"
	}
}

# All there is in JSON, from a file.
status 0 --zone "$work/zone" --ip 2001:db8::7 --helo mx.example.net \
	--mail-from '<u@bounce.example>' --spf pass \
	--dkim pass,d=Example.com,s=k1 --dkim=tmperror,s=k2,d=x.example \
	--format json "$work/message"
cat >"$work/want" <<'END'
{"client_ip":"2001:db8::7","helo":"mx.example.net","mail_from":"u@bounce.example","from_domains":["news.example.com"],"from_domain":"news.example.com","result":"pass","policy_domain":"example.com","organizational_domain":"example.com","discovery_method":"treewalk","policy_published":{"p":"reject","sp":"quarantine","np":"quarantine","adkim":"r","aspf":"r","psd":"u","t":"n","fo":"0","pct":100,"rua":null,"ruf":null},"policy_source":"sp","policy_selected":"quarantine","policy_applied":"quarantine","disposition":"pass","reasons":[],"spf":{"result":"pass","domain":"bounce.example","scope":"mfrom","aligned":false},"dkim":[{"domain":"example.com","selector":"k1","result":"pass","aligned":true},{"domain":"x.example","selector":"k2","result":"temperror","aligned":false}],"score":0.00,"action":"accept","queries":["_dmarc.news.example.com","_dmarc.example.com","_dmarc.com"],"explanation":"The Author Domain is news.example.com. The DMARC record at example.com applies. It asks for sp=quarantine, because the Author Domain is below it. SPF of bounce.example: pass, but not aligned (relaxed). DKIM of example.com (selector k1): pass, aligned (relaxed). DKIM of x.example (selector k2): temperror, so it authenticates nothing. The message passes.","client_name":null,"file":"FILE","inputs":{"client_ip":"--ip","client_name":null,"helo":"--helo","mail_from":"--mail-from","spf":"--spf","dkim":"--dkim"},"recorded":null,"notes":null}
END
sed "s|\"$work/|\"|; s|\"message\"|\"FILE\"|" "$work/out" >"$work/out.file"
diff "$work/want" "$work/out.file" || fail "JSON"

# The same from standard input, in text, with the results in one text.
for file in "" -; do
	input=$work/message
	# shellcheck disable=SC2086 # no argument at all is one of the cases
	status 0 --zone "$work/zone" --mail-from u@bounce.example \
		--auth-results 'Authentication-Results: mx.test; spf=pass smtp.mailfrom=bounce.example; dkim=pass header.d=example.com header.s=k1' \
		$file
	input=
	says 'result        pass'
	says 'policy        sp=quarantine'
	says 'SPF           pass bounce.example (mfrom)'
	says 'DKIM          pass example.com (k1), aligned'
	says 'asked for     _dmarc.com'
done

# The public suffix list (R2.4); what nobody told is null.
cp "${srcdir:-.}/tests/data/suffixes.dat" "$work/suffixes"
printf '[evaluate]\npublic_suffix_list = %s\n' "$work/suffixes" \
	>"$work/psl.conf"
conf=$work/psl.conf
status 0 --method psl --zone "$work/zone" --format json "$work/message"
says '"discovery_method":"psl"'
says '"queries":["_dmarc.news.example.com","_dmarc.example.com"]'
says '"client_ip":null,"helo":null,"mail_from":null,'
says '"spf":null,"dkim":[]'
says '"result":"fail"'
printf '[evaluate]\npublic_suffix_list = /nowhere/list\n' >"$work/psl.conf"
status 78 --method psl --zone "$work/zone" "$work/message"
complains '/nowhere/list'
status 0 --method treewalk --zone "$work/zone" "$work/message"

# pct, for the draw that is given (R6.7, R6.8).
echo '_dmarc.example.com. TXT "v=DMARC1; p=reject; pct=30"' >"$work/sampled"
printf 'From: u@example.com\n\n' >"$work/sample"
printf '[evaluate]\npublic_suffix_list = %s\n' "$work/suffixes" \
	>"$work/psl.conf"
printf '[evaluate]\npct = honour\n' >"$work/honour.conf"
for method in psl treewalk; do
	conf=$work/psl.conf
	[ $method = psl ] || conf=$work/honour.conf
	status 0 --method $method --draw 29 --zone "$work/sampled" "$work/sample"
	says 'policy        p=reject'
	status 0 --method $method --draw 30 --zone "$work/sampled" "$work/sample"
	says 'p=reject, applied as quarantine (not in the sample of pct=30)'
	status 0 --method $method --zone "$work/sampled" --format json \
		"$work/sample"
	says '"policy_applied":"reject"'
done
conf=$work/conf
status 0 --draw 99 --zone "$work/sampled" --format json "$work/sample"
says '"policy_applied":"reject"'
status 64 --draw 100 "$work/sample"
complains '--draw'
status 64 --draw half "$work/sample"

# Both standards on one message: a record at a subdomain only is an organization
# of its own for RFC 9989 (E15).
conf=$work/psl.conf
echo '_dmarc.mail.example.com. TXT "v=DMARC1; p=reject"' >"$work/two-ways"
printf 'From: u@mail.example.com\n\n' >"$work/mail"
status 0 --compare --zone "$work/two-ways" --dkim pass,d=example.com "$work/mail"
cat >"$work/want" <<'END'
result        rfc9989: fail
              rfc7489: pass
from          mail.example.com
organization  rfc9989: mail.example.com
              rfc7489: example.com
record at     mail.example.com
policy        p=reject
applied as    reject
SPF aligned   -
DKIM aligned  rfc9989: -
              rfc7489: example.com
score         rfc9989: 8.00
              rfc7489: 0.00
action        rfc9989: quarantine
              rfc7489: accept
disposition   rfc9989: quarantine
              rfc7489: pass
differ in     6 of 11 points
asked for     _dmarc.mail.example.com
asked for     _dmarc.example.com
asked for     _dmarc.com
END
head -n 21 "$work/out" | diff "$work/want" - || fail "--compare"
says 'RFC 7489:'
says 'The message passes.'
status 0 --compare --zone "$work/two-ways" --dkim pass,d=example.com \
	--format json "$work/mail"
says '"mail_from":null,"rfc9989":{"from_domains":["mail.example.com"],'
says '"rfc7489":{"from_domains":["mail.example.com"],'
says '"differ":["result","organizational_domain","dkim","score","action","disposition"]'
says '"queries":["_dmarc.mail.example.com","_dmarc.example.com","_dmarc.com"],'

# pct counts in one of them; a record that cannot be used counts in both.
status 0 --compare --draw 30 --zone "$work/sampled" --format json "$work/sample"
says '"differ":["policy_applied","score"]'
echo '_dmarc.example.com. TXT "v=DMARC1; p=bogus"' >"$work/useless"
status 0 --compare --zone "$work/useless" "$work/sample"
says 'result        none (the record cannot be used)'
says 'policy        -'
says 'differ in     0 of 11 points'

# What one verdict finds out about a key is not told to the other one as a fact.
status 0 --compare --zone "$work/sampled" --auth-results \
	'mx.test; dkim=tmperror (pubkey unavailable) header.d=example.com header.s=x' \
	--format json "$work/sample"
says '"differ":[]'
says '"queries":["_dmarc.example.com","_dmarc.com","x._domainkey.example.com"]'
status 64 --compare --method psl "$work/sample"
complains '--compare'
printf '[evaluate]\npublic_suffix_list = /nowhere/list\n' >"$work/psl.conf"
status 78 --compare --zone "$work/zone" "$work/message"
complains '/nowhere/list'

# Settings count.
conf=$work/mild.conf
status 0 --zone "$work/zone" --format json "$work/message"
says '"score":1.25,"action":"accept"'
conf=

# Without --zone the name servers are asked; here nobody listens.
printf '[evaluate]\ndns_servers = 127.0.0.1:1\ndns_timeout = 300ms\n' \
	>"$work/dead.conf"
conf=$work/dead.conf
status 0 --format json "$work/message"
says '"result":"temperror"'
conf=

# A null sender speaks through HELO (R5.2).
for sender in '' '<>'; do
	status 0 --zone "$work/zone" --helo mail.news.example.com \
		--mail-from "$sender" --spf pass --format json "$work/message"
	says '"spf":{"result":"pass","domain":"mail.news.example.com","scope":"helo","aligned":true}'
done

# A query that fails.
printf 'From: a@broken.example\n' >"$work/broken"
status 0 --zone "$work/zone" --format json "$work/broken"
says '"result":"temperror"'
says '"reasons":[{"type":"other"'

# No From: at all, and an empty message.
printf 'Subject: x\n\nFrom: a@b.example\n' >"$work/nobody"
status 0 --zone "$work/zone" --format json "$work/nobody"
says '"from_domains":[],"from_domain":null,"result":"none"'
status 0 --zone "$work/zone" --format json
says '"from_domains":[]'

# Two From: fields are two.
printf 'From: a@example.com\nfrom : a@example.com\n\n' >"$work/two"
status 0 --zone "$work/zone" --dkim pass,d=example.com --format json \
	"$work/two"
says '"result":"fail"'

# Only the header is read: the rest may be of any size; a header may not.
{
	cat "$work/message"
	head -c 3000000 /dev/zero
} >"$work/long"
status 0 --zone "$work/zone" "$work/long"
{
	head -c 3000000 /dev/zero | tr '\0' x
	cat "$work/message"
} >"$work/endless"
status 65 --zone "$work/zone" "$work/endless"
complains 'header of more than'

# What a stored message tells by itself: as our server wrote it, from an mbox,
# with the folder's Received field on top.
cat >"$work/stored" <<'END'
From bounce@news.example.com Mon Nov 23 21:00:00 2026
Return-path: <bounce@news.example.com>
Received: from mx.test
	by store.test with LMTP
Authentication-Results: mx.test;
	dmarc=pass (p=reject) header.from=news.example.com policy.dmarc=quarantine;
	spf=pass smtp.mailfrom=news.example.com;
	dkim=pass header.d=other.example header.s=k1
X-DMARC-Score: 0.00
Received: from [192.0.2.1] (helo=mail.news.example.com)
	by mx.test with esmtp (Exim 4.96)
Authentication-Results: other.example; dkim=pass header.d=example.com
DKIM-Signature: v=1; d=other.example; s=k1
From: u@news.example.com

END
printf '[exim]\nauthserv_id = mx.test\n' >"$work/mx.conf"
conf=$work/mx.conf
status 0 --zone "$work/zone" --format json "$work/stored"
says '"client_ip":"192.0.2.1","helo":"mail.news.example.com","mail_from":"bounce@news.example.com",'
says '"spf":{"result":"pass","domain":"news.example.com","scope":"mfrom","aligned":true},"dkim":[{"domain":"other.example","selector":"k1","result":"pass","aligned":false}]'
says '"inputs":{"client_ip":"Received","client_name":null,"helo":"Received","mail_from":"Return-Path","spf":"Authentication-Results of mx.test","dkim":"Authentication-Results of mx.test"},"recorded":"pass","notes":null}'
status 0 --zone "$work/zone" "$work/stored"
says 'result        pass'
says 'client        192.0.2.1 (Received)'
says 'MAIL FROM     bounce@news.example.com (Return-Path)'
says 'DKIM by       Authentication-Results of mx.test'
says 'recorded      pass'
# With CR LF, and on standard input, it is the same.
sed 's/$/\r/' "$work/stored" >"$work/crlf"
cp "$work/out" "$work/out.lf"
status 0 --zone "$work/zone" "$work/crlf"
diff "$work/out.lf" "$work/out" || fail 'CR LF'
input=$work/stored
status 0 --zone "$work/zone"
diff "$work/out.lf" "$work/out" || fail 'standard input'
input=
# Options come first, each for itself.
status 0 --zone "$work/zone" --spf fail --ip 192.0.2.9 --helo x.test \
	--format json "$work/stored"
says '"client_ip":"192.0.2.9","helo":"x.test",'
says '"spf":{"result":"fail",'
says '"selector":"k1"'
says '"spf":"--spf","dkim":"Authentication-Results of mx.test"},"recorded":"pass","notes":"The result was pass when'
status 0 --zone "$work/zone" --dkim fail,d=example.com --format json "$work/stored"
says '"dkim":[{"domain":"example.com","selector":null,"result":"fail"'
says '"spf":{"result":"pass",'
status 0 --zone "$work/zone" --auth-results 'x.test; none' --format json "$work/stored"
says '"spf":null,"dkim":[]'
says '"dkim":"--auth-results"'
# Only the server that is named is believed, or, without a name, the topmost.
status 0 --zone "$work/zone" --authserv-id OTHER.example "$work/stored"
says 'DKIM          pass example.com (-), aligned'
status 0 --zone "$work/zone" --authserv-id nobody.test "$work/stored"
says 'result        fail'
says 'SPF by        -'
says 'has a DKIM signature that was not'
says 'no Authentication-Results field of nobody.test; those of'
conf=$work/conf
status 0 --zone "$work/zone" "$work/stored"
says 'The topmost Authentication-Results field, of mx.test, was believed'
says 'result        pass'
# Without any.
status 0 --zone "$work/zone" --format json "$work/message"
says '"notes":"The message has no Authentication-Results field."'
# A message in Exim's queue.
cat >"$work/1xVbGt-000016-1h-H" <<'END'
1xVbGt-000016-1h-H
Debian-exim 104 107
<x@fwd.test>
1795468099 0
-received_time_usec .526725
--helo_name client.test
-host_address [203.0.113.9]:53109
-aclm 0 22
-host_address [1.2.3.4
-received_protocol esmtp
XX
1
b@here.test

END
queued() { # FLAG TEXT: a field as it stands in a spool file
	text=$(printf '%b.' "$2")
	text=${text%.}
	printf '%03d%s %s' "${#text}" "$1" "$text" >>"$work/1xVbGt-000016-1h-H"
}
queued ' ' 'Authentication-Results: mx.test;\n\tspf=pass smtp.mailfrom=example.com\n'
queued P 'Received: from [192.0.2.1] (helo=no.test)\n\tby mx.test\n'
queued F 'From: a@example.com\n'
queued '*' 'Authentication-Results: a; spf=fail\n'
status 0 --zone "$work/zone" --format json "$work/1xVbGt-000016-1h-H"
says '"client_ip":"203.0.113.9","helo":"client.test","mail_from":"x@fwd.test","from_domains":["example.com"]'
says '"inputs":{"client_ip":"the spool file","client_name":null,"helo":"the spool file","mail_from":"the spool file","spf":"Authentication-Results of mx.test"'
sed 's/^020F/999F/' "$work/1xVbGt-000016-1h-H" >"$work/torn-H"
status 65 --zone "$work/zone" "$work/torn-H"
complains 'torn-H: bad length of a field in the spool file'
# Several files: all of them, and the first failure.
status 65 --zone "$work/zone" "$work/stored" /nowhere/message "$work/message"
complains /nowhere/message
says "file          $work/stored"
says "file          $work/message"
status 0 --zone "$work/zone" --format json "$work/stored" "$work/message"
[ "$(wc -l <"$work/out")" = 2 ] || fail 'an object for each file'

# Wrong usage.
status 64 --method dns
status 64 --format csv
status 64 --format xml
status 64 --ip 192.0.2
status 64 --spf great
status 64 --dkim great,d=example.com
status 64 --dkim pass
status 64 --dkim pass,d=a..b
status 64 --dkim pass,d=example.com,x=y
status 64 --spf pass --auth-results 'mx.test; none'
status 64 --zone
status 64 --nothing
complains '--nothing: no such option; see edmarc evaluate --help'
status 0 --help
says 'usage: edmarc evaluate'

# Bad input.
status 65 --zone /nowhere/zone "$work/message"
complains /nowhere/zone
printf 'a TXT "x\n' >"$work/torn"
status 65 --zone "$work/torn" "$work/message"
complains "$work/torn"
status 65 --zone "$work/zone" /nowhere/message
complains /nowhere/message
status 65 --zone "$work/zone" --auth-results ';' "$work/message"
complains '--auth-results: '

# Overrides: who is tried, and what "config check" says of a list.
printf 'forwarder.example\n*.forwarder.example # all of them\n' >"$work/list"
printf '[override]\ntrusted_forwarder_hosts = %s\n' "$work/list" \
	>"$work/override.conf"
conf=$work/override.conf
status 0 --zone "$work/zone" --client-name mx.forwarder.example "$work/message"
says 'applied as none'
says 'trusted_forwarder: client mx.forwarder.example'
status 0 --zone "$work/zone" --client-name mx.other.example "$work/message"
says 'quarantine'
printf 'From: a@example.com\nList-Id: <l.lists.example>\n\n' >"$work/list.eml"
printf '[override]\nmailing_lists = l.lists.example\n' >"$work/override.conf"
status 0 --zone "$work/zone" --dkim pass,d=lists.example "$work/list.eml"
says 'mailing_list: list l.lists.example, authenticated as lists.example'
printf '[override]\nallowed_authors = %s\n' "$work/list" >"$work/override.conf"
"$edmarc" -c "$work/override.conf" config check >"$work/out" 2>&1 ||
	fail "a good list: $(cat "$work/out")"
echo 'not a name' >>"$work/list"
"$edmarc" -c "$work/override.conf" config check >"$work/out" 2>&1
[ $? -eq 78 ] || fail 'config check takes a bad list'
says 'line 3: no domain: not a name'
rm "$work/list"
status 0 --zone "$work/zone" "$work/message"
complains 'list of overrides not used: '
unset conf

# Mail of a relay: who is behind it, in the place of the relay.
printf '[exim]\ntrusted_relays = 192.0.2.7\n' >"$work/relay.conf"
printf '%s\n' 'Received: from x.test (x.test [203.0.113.9]) by relay.test' \
	'From: a@example.com' '' >"$work/relayed"
conf=$work/relay.conf
status 0 --zone "$work/zone" --ip 192.0.2.7 --mail-from a@example.com \
	--spf pass --format json "$work/relayed"
says '"client_ip":"203.0.113.9","helo":"x.test"'
says '"result":"pass"'
status 0 --zone "$work/zone" --ip 192.0.2.8 --mail-from a@example.com \
	--spf pass --format json "$work/relayed"
says '"client_ip":"192.0.2.8"'
unset conf

# A configuration that is named must be there; the usual one need not.
conf=/nowhere/edmarc.conf
status 78 --zone "$work/zone" "$work/message"
complains /nowhere/edmarc.conf

exit $bad
