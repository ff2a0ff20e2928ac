#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# standard = rfc7489 in a real Exim: libopendmarc judges, and is loaded by nobody
# who does not need it; what happens when it errs, or when its list is missing.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/netns.sh"
. "$INTEGRATION/nsd.sh"
. "$INTEGRATION/dkim.sh"
. "$INTEGRATION/exim.sh"
netns_enter "$@"
need_programs nsd exim4 openssl perl
begin

# Sources: 192.0.2.7 may send for good.test, 198.51.100.5 is trusted.
{
	dkim_key mail.good.test s1
	cat <<-'ZONE'
	good.test. IN TXT "v=spf1 ip4:192.0.2.7 -all"
	_dmarc.good.test. IN TXT "v=DMARC1; p=reject; sp=quarantine; adkim=bob"
	other.test. IN TXT "v=spf1 ip4:192.0.2.7 -all"
	x.test. IN TXT "v=spf1 ip4:192.0.2.7 -all"
	_dmarc.x.test. IN TXT "v=DMARC1; p=reject; pct=0"
	ZONE
} >"$T/records"
netns_resolv "$NSD_ADDRESS"
nsd_start "$T/records"
printf 'test\n*.wild.test\n' >"$T/suffixes"

# --------------------------------------------------------------- the server

configure() { # the list
	printf '%s\n' '[journal]' "directory = $T/verdicts" \
		'[evaluate]' 'standard = rfc7489' "public_suffix_list = $1" \
		'[exim]' 'authserv_id = mx.test' \
		'trusted_hosts = 198.51.100.0/24' >"$T/edmarc.conf"
}

configure "$T/suffixes"
export EDMARC_CONFIG=$T/edmarc.conf
mkdir "$T/verdicts"
chown "$EXIM_USER" "$T/verdicts"
chmod 2770 "$T/verdicts"
exim_new mx
exim_module mx
# Told at the end of DATA, before the module sees the message.
sed -i '/^acl_check_data:/a\
  warn\
    logwrite = :main: library: ${if match{${readfile{/proc/self/maps}}}{libopendmarc}{yes}{no}}' \
	"$T/mx/acl"
exim_start mx 192.0.2.25

# ------------------------------------------------------------------ helpers

mail() { # FROM
	printf '%s\r\n' "From: $1" 'To: <b@here.test>' 'Subject: a message' '' \
		'Some text.'
}

# take SERVER SOURCE ENVELOPE-FROM FILE...: one connection; then $results, of
# each message, $verdict, the last one's, and $log
take() {
	local name=mx server=$1 source=$2 from=$3 id

	shift 3
	[ "$server" = 192.0.2.25 ] || name=wrong
	results='' log=''
	smtp_send "$source" --server "$server" --from "$from" \
		--to b@here.test "$@" || return 1
	for id in $smtp_id; do
		wait_for 10 'delivery' test -s "$T/$name/mail/$id" || return 1
		results+=$(sed -e ':a' -e '$!N;s/\n[ \t]\+/ /;ta' -e 'P;D' \
			"$T/$name/mail/$id" |
			sed -n '/^\r*$/q;s/^Authentication-Results: mx.test; //p')
		results+=$'\n'
		verdict=$(grep -F "\"id\":\"$id\"" "$T/verdicts/open.jsonl")
		log+=$(sed -n "s/^.* $id \(dmarc\|library\): //p" \
			"$T/$name/log/mainlog")
		log+=$'\n'
	done
}

# ----------------------------------------------------------------- verdicts

mail a@good.test >"$T/good"
take 192.0.2.25 192.0.2.7 a@good.test "$T/good" "$T/good"
like 'aligned SPF' "$results" '^dmarc=pass \(p=reject sp=quarantine\)'
like 'found by the list' "$verdict" '"discovery_method":"psl"'
like 'the library is loaded with the first message' "$log" '^no
pass .*
yes
pass '
unlike 'and agrees' "$log" 'libopendmarc'

mail a@news.good.test >"$T/news"
dkim_sign mail.good.test s1 <"$T/news" >"$T/signed"
take 192.0.2.25 203.0.113.9 a@other.test "$T/signed"
like 'aligned DKIM' "$results" '^dmarc=pass .* header.from=news.good.test'
unlike 'of which it knows' "$log" 'libopendmarc'

take 192.0.2.25 192.0.2.7 a@other.test "$T/news"
like 'neither' "$results" '^dmarc=fail .* policy.dmarc=quarantine'
like 'and it agrees on sp' "$log" \
	'fail policy=quarantine applied=quarantine from=news.good.test'
unlike 'without a word' "$log" 'libopendmarc'

# A label of one letter, about which it errs by itself; and pct.
mail a@x.test >"$T/x"
take 192.0.2.25 192.0.2.7 a@other.test "$T/x"
like 'a name that the library loses' "$results" '^dmarc=fail '
like 'and pct' "$log" 'fail policy=reject applied=quarantine from=x.test'
unlike 'do no harm' "$log" 'libopendmarc'

take 192.0.2.25 198.51.100.5 a@good.test "$T/good" "$T/good"
is 'no list for a trusted host' "$log" $'no\nno\n'

# ----------------------------------------------------------- a wrong library

# As built for the unit tests: nothing is aligned, and the policy is p=reject.
exim_under=(env LD_LIBRARY_PATH="$top_builddir/tests/unit/.libs")
exim_new wrong
exim_module wrong
exim_start wrong 192.0.2.26
take 192.0.2.26 192.0.2.7 a@good.test "$T/good"
like 'our own judgement counts' "$results" '^dmarc=pass '
like 'and the difference is told' "$log" \
	'^libopendmarc judges otherwise: for good.test it says "fail, p=reject, pct=100", we say "pass, p=reject, pct=100, SPF aligned"$'

# ------------------------------------------------------------- no list at all

configure "$T/nowhere"
take 192.0.2.25 192.0.2.7 a@good.test "$T/good"
is 'without the list: no result' "$results" $'\n'
is 'no journal line' "$verdict" ''
like 'one line in the log' "$log" \
	"^accepted unscored: $T/nowhere: No such file or directory\$"
finish
