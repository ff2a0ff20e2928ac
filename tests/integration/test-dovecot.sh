#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Report mail is taken in by Dovecot, through LMTP and dovecot-lda, and nobody
# else's mail is touched.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/netns.sh"
. "$INTEGRATION/dovecot.sh"
netns_enter "$@"
need_programs perl setpriv
begin

# codes FROM FILE RCPT...: the codes of the recipients, in their order
codes() {
	local replies rcpt result=

	replies=$(lmtp "$@")
	shift 2
	for rcpt in "$@"; do
		result+=" $(awk -v rcpt="$rcpt" '$1 == rcpt { print $2 }' \
			<<<"$replies" | tr '\n' ' ')"
	done
	# shellcheck disable=SC2086
	echo $result
}

# How many mails a user has, in INBOX or in the folder.
mails() {
	find "$T/home/$1/Maildir${2:+/.$2}/new" -type f 2>/dev/null | wc -l
}

forget_mail() {
	rm -rf "$T"/home/*/Maildir
	spool_new
}

# The pid that delivered last, and everybody's in the log.
lmtp_pid() {
	sed -n 's/.*lmtp([^)]*)<\([0-9]*\)>.*/\1/p' "$T/dovecot.log" | tail -n 1
}

tell() {
	tail -n 400 "$T/dovecot.log" | grep -c -e "$1"
}

printf '%s\r\n' 'From: reporter@example.net' 'Subject: Report domain: a.example' \
	'' '.a line that begins with a dot' 'the last line' >"$T/mail"

dovecot_new
dovecot_chain
spool_new
# One process, so that what one delivery leaves behind meets the next.
printf 'service lmtp {\n  process_limit = 1\n}\n' >"$DOVECOT/more.conf"
dovecot_start

say 'LMTP: whose mail it is'
is 'the address is taken in any case and with a detail, in every domain' \
	"$(codes s@example.net "$T/mail" dmarc.rua@a.example \
		DMARC.RUA@Other.example dmarc.rua+x@a.example)" '250 250 250'
is 'each recipient has its file' "$(spool_recipients)" \
	'DMARC.RUA@Other.example dmarc.rua+x@a.example dmarc.rua@a.example'
is 'nothing is left in tmp' "$(ls "$SPOOL/tmp")" ''
is 'files are for their owner only' \
	"$(stat -c '%a %u' "$SPOOL"/new/* | sort -u)" "600 $EDMARC_UID"
file=$(grep -l '^recipient: DMARC.RUA@' "$SPOOL"/new/*)
like 'the sender is in the envelope' "$(head -n 5 "$file")" \
	'^sender: s@example\.net$'
is 'the mail is as it was sent' \
	"$(sed -n '/^From: reporter/,$p' "$file" | tr -d '\r' | md5sum)" \
	"$(tr -d '\r' <"$T/mail" | md5sum)"
is 'a null sender is empty' "$(spool_new
	codes '' "$T/mail" dmarc.rua@a.example
	grep -h '^sender:' "$SPOOL"/new/*)" $'250\nsender: '
printf 'Return-Path: <forged@a.example>\r\n' | cat - "$T/mail" >"$T/mail.forged"
is 'even if the mail names one' "$(spool_new
	codes '' "$T/mail.forged" dmarc.rua@a.example
	grep -h '^sender:' "$SPOOL"/new/*)" $'250\nsender: '
is 'similar and unknown names are not taken' \
	"$(codes s@example.net "$T/mail" dmarc.ruax@a.example \
		dmarc.rua-x@a.example xdmarc.rua@a.example nobody@a.example)" \
	'550 550 550 550'
is 'failure and TLS reports have addresses of their own' "$(spool_new
	codes s@example.net "$T/mail" dmarc.ruf@a.example TLS.rpt+x@a.example \
		dmarc.rufx@a.example tls@a.example
	spool_recipients)" $'250 250 550 550\nTLS.rpt+x@a.example dmarc.ruf@a.example'
is 'an address without a domain' "$(spool_new
	codes s@example.net "$T/mail" dmarc.rua
	spool_recipients)" $'250\ndmarc.rua'

say 'LMTP: others in the same transaction, in every order'
for order in 'dmarc.rua alice bob' 'dmarc.rua bob alice' 'alice dmarc.rua bob' \
	'alice bob dmarc.rua' 'bob alice dmarc.rua' 'bob dmarc.rua alice' \
	'carol dmarc.rua alice' 'dmarc.rua carol alice'; do
	forget_mail
	read -r one two three <<<"$order"
	is "$order: all are served" "$(codes s@example.net "$T/mail" \
		$one@a.example $two@a.example $three@a.example)" '250 250 250'
	is "$order: the report is kept once" "$(spool_recipients)" \
		'dmarc.rua@a.example'
	is "$order: the others have their mail" \
		"$(($(mails alice) + $(mails bob) + $(mails carol sieved)))" 2
	is "$order: nothing is in the report user's home" \
		"$(ls -A "$T/home/edmarc")" ''
	is "$order: under their own uids" "$(find "$T/home" -path '*/new/*' \
		-printf '%p %U\n' | sed 's,.*/home/\([a-z]*\)/.* ,\1 ,' |
		grep -cvE "alice $ALICE_UID|bob $BOB_UID|carol $CAROL_UID")" 0
done
is 'Sieve has run all the same' "$(mails carol sieved)" 1
forget_mail
is 'Sieve of a later user does not end our hook' \
	"$(for rcpt in dmarc.rua carol dmarc.rua carol dmarc.rua; do
		codes s@example.net "$T/mail" $rcpt@a.example
	done | tr '\n' ' ')" '250 250 250 250 250 '
is 'three reports, two mails for Sieve' \
	"$(find "$SPOOL/new" -type f | wc -l) $(mails carol sieved)" '3 2'
is 'it was one process' "$(sed -n 's/.*lmtp([^)]*)<\([0-9]*\)>.*/\1/p' \
	"$T/dovecot.log" | sort -u | wc -l)" 1
forget_mail
is 'reports of several domains among others' "$(codes s@example.net "$T/mail" \
	dmarc.rua@a.example alice@a.example dmarc.rua@b.example bob@a.example \
	dmarc.rua@c.example)" '250 250 250 250 250'
is 'each has its file' "$(spool_recipients)" \
	'dmarc.rua@a.example dmarc.rua@b.example dmarc.rua@c.example'
is 'complete' "$(grep -c 'the last line' "$SPOOL"/new/* | grep -c ':1$')" 3

forget_mail
# Ours, theirs, ours again, Sieve, ours again: each asks on to the one before.
is 'a plugin that asks on comes back to us and goes on' \
	"$(for rcpt in dmarc.rua dave dmarc.rua alice carol dmarc.rua dave; do
		codes s@example.net "$T/mail" $rcpt@a.example
	done | tr '\n' ' ')" '250 250 250 250 250 250 250 '
is 'everybody has theirs' "$(find "$SPOOL/new" -type f | wc -l) $(mails bob) $(
	mails alice) $(mails carol sieved)" '3 2 1 1'
check 'it was asked' test "$(tell 'chain: asked')" -gt 0
forget_mail
is 'a real account of that name is left alone' "$(codes s@example.net \
	"$T/mail" dmarc.rua@a.example dmarc.rua@own.example)" '250 250'
is 'and has its mail' "$(mails alice) $(spool_recipients)" \
	'1 dmarc.rua@a.example'

say 'LMTP: when it cannot be kept'
# refused NAME PATTERN: the report is, others are not, and nothing is left
refused() {
	local name=$1 pattern=$2 replies before

	rm -rf "$T"/home/*/Maildir
	before=$(tell 'report mail not kept')
	replies=$(lmtp s@example.net "${mail:-$T/mail}" alice@a.example \
		dmarc.rua@a.example bob@a.example)
	like "$name: tempfail" "$replies" \
		"^dmarc.rua@a.example 451 4.2.0 <dmarc.rua@a.example> Report"
	is "$name: the others are served" "$(grep -c ' 250 ' <<<"$replies")$(
		mails alice)$(mails bob)" 211
	is "$name: one line in the log" \
		"$(($(tell 'report mail not kept') - before))" 1
	like "$name: with the reason" "$(grep 'not kept' "$T/dovecot.log" |
		tail -n 1)" "$pattern"
	unlike "$name: the reply does not tell paths" "$replies" "$T"
	is "$name: nothing is left" \
		"$(find "$SPOOL/tmp" "$SPOOL/new" -type f 2>/dev/null)" ''
	is "$name: nothing is in the report user's home" \
		"$(ls -A "$T/home/edmarc")" ''
}
repaired() {
	is "$1: taken after repair" \
		"$(codes s@example.net "$T/mail" dmarc.rua@a.example)" 250
	is "$1: and kept" "$(spool_recipients)" 'dmarc.rua@a.example'
}

forget_mail
rm -r "$SPOOL/new"
refused 'no new/' "/new: No such file.* uid $EDMARC_UID with mode 0700"
spool_new
repaired 'no new/'
rm -r "$SPOOL"
refused 'no spool' ': No such file or directory; expected'
spool_new
repaired 'no spool'
spool_new
chown 0:0 "$SPOOL"/{tmp,new}
refused 'of another owner' '/tmp: Permission denied; expected'
spool_new
repaired 'of another owner'
spool_new
chmod 755 "$SPOOL/new"
refused 'open to others' "/new: owned by uid $EDMARC_UID, mode 0755; expected"
chmod 750 "$SPOOL/new"
repaired 'open to others'
spool_new
head -c 300000 /dev/zero | tr '\0' x | fold -w 76 | sed 's/$/\r/' \
	>"$T/mail.300k"
mount -t tmpfs -o size=200k none "$SPOOL" && mkdir "$SPOOL"/{tmp,new,bad}
chmod 700 "$SPOOL" "$SPOOL"/{tmp,new,bad}
chown -R $EDMARC_UID "$SPOOL"
mail=$T/mail.300k refused 'a full disk' 'No space left on device'
head -c 196k /dev/zero >"$SPOOL/others"
refused 'a disk that is nearly full' 'the disk is nearly full, 0 MiB are left'
rm "$SPOOL/others"
is 'a full disk: what fits is taken' \
	"$(codes s@example.net "$T/mail" dmarc.rua@a.example)" 250
umount "$SPOOL"
spool_new
head -c 63000000 /dev/zero | tr '\0' x | fold -w 76 | sed 's/$/\r/' \
	>"$T/mail.63M"
mail=$T/mail.63M refused 'larger than the limit' 'mail of more than 62914560 bytes'
rm "$T/mail.63M"

say 'LMTP: large mail'
spool_new
head -c 20000000 /dev/urandom | base64 -w 76 | sed 's/$/\r/' >"$T/mail.27M"
is 'a mail of 27 MB is taken' \
	"$(codes s@example.net "$T/mail.27M" dmarc.rua@a.example)" 250
is 'complete' "$(tail -c "$(stat -c %s "$T/mail.27M")" "$SPOOL"/new/* | md5sum)" \
	"$(md5sum <"$T/mail.27M")"
peak=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$(lmtp_pid)/status")
check "without being held in memory (peak $peak kB)" test "$peak" -lt 25000
rm "$T/mail.27M"

say 'the plugin is missing, or for another Dovecot'
stop dovecot
rm -rf "$DOVECOT/run"
dovecot_plugin off
spool_new
dovecot_start
is 'missing: only reports wait' "$(codes s@example.net "$T/mail" \
	alice@a.example dmarc.rua@a.example bob@a.example)" '250 451 250'
dovecot_plugin on
is 'there again' "$(codes s@example.net "$T/mail" dmarc.rua@a.example)" 250
is 'and kept' "$(spool_recipients)" 'dmarc.rua@a.example'
stop dovecot
rm -rf "$DOVECOT/run"
dovecot_plugin off
sed 's/2\.3\.ABIv[0-9]/2.3.ABIvX/' "$top_builddir/.libs/lib99_edmarc_plugin.so" \
	>"$DOVECOT/modules/lib99_edmarc_plugin.so"
spool_new
dovecot_start
is 'another ABI: only reports wait' "$(codes s@example.net "$T/mail" \
	alice@a.example dmarc.rua@a.example bob@a.example)" '250 451 250'
like 'Dovecot says why' "$(tail -n 20 "$T/dovecot.log")" \
	'lib99_edmarc_plugin.so: Module is for different ABI'
rm "$DOVECOT/modules/lib99_edmarc_plugin.so"
dovecot_plugin on

say 'all mail is delivered as one user'
stop dovecot
rm -rf "$DOVECOT/run"
{
	getent passwd root dovecot dovenull
	echo "vmail:x:$BOB_UID:$BOB_UID::$T/home/bob:/bin/false"
} | netns_put /etc/passwd
printf 'service lmtp {\n  user = vmail\n}\n' >"$DOVECOT/more.conf"
sed "s/:$EDMARC_UID:$EDMARC_UID:/:$BOB_UID:$BOB_UID:/" "$DOVECOT/edmarc-rua.userdb" \
	>"$T/userdb" && mv "$T/userdb" "$DOVECOT/edmarc-rua.userdb"
chown -R $BOB_UID:$EDMARC_UID "$SPOOL"
chmod 2770 "$SPOOL" "$SPOOL"/{tmp,new,bad}
dovecot_start
is 'bob and the report address are, others cannot be' "$(codes s@example.net \
	"$T/mail" bob@a.example dmarc.rua@a.example alice@a.example)" \
	'250 250 451'
is 'the group of ingest may read and remove it' \
	"$(stat -c '%a %u %g' "$SPOOL"/new/*)" "640 $BOB_UID $EDMARC_UID"
check 'it does' setpriv --reuid $EDMARC_UID --regid $EDMARC_UID --clear-groups \
	bash -c 'head -n 1 "$1"/new/* && rm "$1"/new/*' - "$SPOOL"
stop dovecot
rm -rf "$DOVECOT/run"
umount /etc/passwd
rm "$DOVECOT/more.conf"
dovecot_example edmarc-rua.userdb >"$DOVECOT/edmarc-rua.userdb"
spool_new
dovecot_start

say 'the report user is nobody to other services'
is 'no login, whatever the password' \
	"$(doveadm -c "$DOVECOT/dovecot.conf" auth test dmarc.rua@a.example '' \
		>/dev/null 2>&1 </dev/null; echo $?)" 77
check 'doveadm can look at it' doveadm -c "$DOVECOT/dovecot.conf" mailbox \
	status -u dmarc.rua@a.example messages INBOX

say 'dovecot-lda'
# The user's uid has no right to Dovecot's statistics: an error line, no more.
lda_as_edmarc() {
	setpriv --reuid $EDMARC_UID --regid $EDMARC_UID --clear-groups \
		/usr/lib/dovecot/dovecot-lda -c "$DOVECOT/dovecot.conf" "$@" \
		<"$T/mail.lf" >>"$T/lda.log" 2>&1
	echo $?
}

# lda WANT NAME ARG...: its exit code
lda() {
	local want=$1 name=$2 got

	shift 2
	dovecot_lda -f s@example.net "$@" <"$T/mail.lf" >>"$T/lda.log" 2>&1
	got=$?
	is "$name" "$got" "$want"
}
tr -d '\r' <"$T/mail" >"$T/mail.lf"
forget_mail
lda 0 'a report' -d dmarc.rua@a.example
lda 0 'for the address before an alias' -d dmarc.rua@b.example \
	-a reports@b.example
lda 0 'with a detail' -d dmarc.rua@c.example -r DMARC.rua+x@c.example
is 'all are kept' "$(spool_recipients)" \
	'DMARC.rua+x@c.example dmarc.rua@a.example reports@b.example'
is 'with the sender' "$(grep -h '^sender:' "$SPOOL"/new/* | sort -u)" \
	'sender: s@example.net'
is 'as it came' "$(file=("$SPOOL"/new/*)
	tail -c "$(stat -c %s "$T/mail.lf")" "${file[0]}" | md5sum)" \
	"$(md5sum <"$T/mail.lf")"
lda 0 'alice' -d alice@a.example
lda 0 'carol, who has Sieve' -d carol@a.example
is 'they have their mail' "$(mails alice)$(mails carol sieved)" 11
lda 67 'nobody' -d nobody@a.example
lda 67 'a similar name' -d dmarc.ruax@a.example
spool_new
is 'run as the user of the spool' "$(lda_as_edmarc -d dmarc.rua@a.example)" 0
is 'it is kept' "$(spool_recipients)" 'dmarc.rua@a.example'
rm -r "$SPOOL/tmp"
lda 75 'no spool' -d dmarc.rua@a.example
like 'the log tells why' "$(tail -n 3 "$T"/{dovecot,lda}.log)" \
	'/tmp: No such file or directory; expected'
spool_new
mount -t tmpfs -o size=200k none "$SPOOL" && mkdir "$SPOOL"/{tmp,new,bad}
chmod 700 "$SPOOL" "$SPOOL"/{tmp,new,bad}
chown -R $EDMARC_UID "$SPOOL"
dovecot_lda -d dmarc.rua@a.example <"$T/mail.300k" >>"$T/lda.log" 2>&1
is 'a full disk' "$?" 75
is 'nothing is left' "$(find "$SPOOL" -type f)" ''
umount "$SPOOL"
dovecot_plugin off
lda 75 'the plugin is missing' -d dmarc.rua@a.example
lda 0 'that does not stop alice' -d alice@a.example
dovecot_plugin on
is 'nothing is in the home of the report user' \
	"$(find "$T/home/edmarc" -type f -path '*/new/*')" ''

stop dovecot
rm -rf "$DOVECOT/run"
spool_new
if dovecot_debian; then
	say "Debian's configuration, INBOX in /var/mail"
	# Looks into INBOX at RCPT.
	echo 'lmtp_rcpt_check_quota = yes' >>"$DOVECOT/local.conf"
	dovecot_start
	is 'the address is accepted, a wrong one not' "$(codes s@example.net \
		"$T/mail" dmarc.rua@a.example nobody@a.example)" '250 550'
	is 'by dovecot-lda, too' "$(lda_as_edmarc -d dmarc.rua@b.example)" 0
	is 'all is kept' "$(spool_recipients)" \
		'dmarc.rua@a.example dmarc.rua@b.example'
else
	say "not Debian: its configuration was not tried"
fi
finish
