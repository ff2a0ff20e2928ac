#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The Sieve script of the examples, in Dovecot with Pigeonhole: what edmarc wants
# quarantined goes to Junk, all else where it went before.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/netns.sh"
. "$INTEGRATION/dovecot.sh"
netns_enter "$@"
need_programs sievec
begin

dovecot_new
spool_new
mkdir "$DOVECOT/sieve"
cp "$srcdir/docs/examples/junk.sieve" "$DOVECOT/sieve/"
check 'it compiles' sievec -c "$DOVECOT/dovecot.conf" "$DOVECOT/sieve/junk.sieve"
printf 'plugin {\n  sieve_before = %s\n}\n' "$DOVECOT/sieve/junk.sieve" \
	>"$DOVECOT/more.conf"
dovecot_start

# filed NAME FOLDER [FIELD...]: a mail to carol, whose own script files all that
# is left to it into "sieved"
filed() {
	local name=$1 folder=$2 found

	shift 2
	rm -rf "$T/home/carol/Maildir"
	{
		printf 'From: <a@example.net>\r\n'
		[ $# = 0 ] || printf '%s\r\n' "$@"
		printf 'Subject: x\r\n\r\nSome text.\r\n'
	} >"$T/mail"
	lmtp a@example.net "$T/mail" carol@here.test >"$T/replies"
	found=$(find "$T/home/carol/Maildir" -type f -path '*/new/*' |
		sed 's,/new/.*,,; s,.*/,,')
	is "$name" "$found" "$folder"
}

filed 'quarantine' .Junk 'X-DMARC-Action: quarantine'
filed 'in any case' .Junk 'x-dmarc-action:  Quarantine '
filed 'accept' .sieved 'X-DMARC-Action: accept'
filed 'tag' .sieved 'X-DMARC-Action: tag'
filed 'the word elsewhere' .sieved 'X-DMARC-Action: no quarantine' \
	'Subject: quarantine' 'X-Other: quarantine'
filed 'no field' .sieved
filed 'our domain asks for it' .Junk \
	$'X-DMARC-Action: accept (a.test),\r\n\tquarantine (here.test)'
filed 'our domain asked for more' .Junk \
	$'X-DMARC-Action: reject (here.test),\r\n\taccept (a.test)'
filed 'another domain asks for it' .sieved \
	$'X-DMARC-Action: accept (here.test),\r\n\tquarantine (there.test)'
unlike 'Pigeonhole has nothing to say' "$(cat "$T/dovecot.log")" \
	'[Ss]ieve.*([Ee]rror|[Ww]arning|failed)'
finish
