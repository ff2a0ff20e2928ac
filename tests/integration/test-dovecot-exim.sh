#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Report mail from SMTP to the spool: Exim with the example routers in front of
# Dovecot, by LMTP and by dovecot-lda, for hosted and for relayed domains.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/netns.sh"
. "$INTEGRATION/exim.sh"
. "$INTEGRATION/dovecot.sh"
netns_enter "$@"
begin

printf '%s\r\n' 'From: reporter@example.net' 'Subject: Report domain: a.example' \
	'' 'the last line' >"$T/mail"

# mx NAME ADDRESS [MAIN-LINE]: hosts hosted.example, relays relayed.example
mx() {
	local name=$1 address=$2

	exim_new "$name"
	cat >>"$T/$name/main" <<-CONF
	domainlist local_domains = hosted.example : other.example
	domainlist relay_to_domains = relayed.example
	${3:-}
	CONF
	cat >"$T/$name/acl" <<-CONF
	acl_check_rcpt:
	  require message = relay not permitted
	          domains = +local_domains : +relay_to_domains
	  require verify = recipient
	  accept
	acl_check_data:
	  accept
	CONF
	cat >"$T/$name/routers" <<-CONF
	.include $srcdir/docs/examples/exim-routers.conf
	relay:
	  driver = accept
	  domains = +relay_to_domains
	  transport = keep
	accounts:
	  driver = accept
	  local_parts = alice : bob
	  transport = accounts
	CONF
	dovecot_example exim-transports.conf >"$T/$name/edmarc-transports.conf"
	cat >>"$T/$name/transports" <<-CONF
	accounts:
	  driver = lmtp
	  socket = $DOVECOT_LMTP
	.include $T/$name/edmarc-transports.conf
	CONF
	echo '* * F,1h,1s' >"$T/$name/retry"
	exim_trust "$name"
	exim_configuration "$name" "$address" |
		sed '/^deliver_drop_privilege/d' >"$T/$name/exim.conf"
	start "$name" exim4 -C "$T/$name/exim.conf" -bdf -q1h
	wait_for 10 "Exim on $address" exim_greets "$address" ||
		bail 'Exim starts' "$(exim_log "$name")"
}

# answers ADDRESS RCPT...: the codes for recipients, then for the message
answers() {
	local address=$1 rcpt to=()

	shift
	for rcpt in "$@"; do
		to+=(--to "$rcpt")
	done
	smtp_send 203.0.113.7 --server "$address" --from bounces@example.net \
		"${to[@]}" "$T/mail"
	awk '/^C: (RCPT|\.$)/ { asked = 1; next }
		/^C: / { asked = 0 }
		/^S: / && asked { printf "%s%s", comma, $2; comma = " " }
		END { print "" }' <<<"$smtp_dialogue"
}

alices_mail() {
	find "$T/home/alice/Maildir/new" -type f 2>/dev/null | wc -l
}

# What both transports must do.
takes_reports() {
	local name=$1 address=$2

	say "Exim $name"
	spool_new
	rm -rf "$T/home/alice/Maildir"
	is "$name: the report address of hosted domains is accepted" \
		"$(answers "$address" dmarc.rua@hosted.example \
			DMARC.RUA+x@other.example)" '250 250 250'
	wait_for 5 'delivery' exim_idle "$name"
	is "$name: and kept" "$(spool_recipients)" \
		'DMARC.RUA+x@other.example dmarc.rua@hosted.example'
	like "$name: with the sender" "$(cat "$SPOOL"/new/*)" \
		'^sender: bounces@example\.net$'
	is "$name: whole" "$(cat "$SPOOL"/new/* | grep -c 'the last line')" 2
	spool_new
	is "$name: of a domain that is relayed, too" \
		"$(answers "$address" Dmarc.Rua@relayed.example)" '250 250'
	wait_for 5 'delivery' exim_idle "$name"
	like "$name: and kept here" "$(spool_recipients)" \
		'^[Dd]marc\.[Rr]ua@relayed\.example$'
	is "$name: nothing was relayed" "$(ls "$T/$name/mail")" ''
	is "$name: other mail for that domain is" \
		"$(answers "$address" alice@relayed.example)" '250 250'
	wait_for 5 'delivery' exim_idle "$name"
	is "$name: passed on" "$(ls "$T/$name/mail" | wc -l)" 1
	spool_new
	is "$name: of other kinds as well" \
		"$(answers "$address" dmarc.ruf@hosted.example \
			tls.rpt@relayed.example)" '250 250 250'
	wait_for 5 'delivery' exim_idle "$name"
	is "$name: and kept as well" "$(spool_recipients)" \
		'dmarc.ruf@hosted.example tls.rpt@relayed.example'
	spool_new
	is "$name: no other domain, no similar name" \
		"$(answers "$address" dmarc.rua@elsewhere.example \
			dmarc.ruax@hosted.example dmarc@hosted.example)" \
		'550 550 550'
	is "$name: with others in one message" \
		"$(answers "$address" alice@hosted.example \
			dmarc.rua@hosted.example bob@hosted.example)" \
		'250 250 250 250'
	wait_for 5 'delivery' exim_idle "$name"
	is "$name: all have it" "$(spool_recipients) $(alices_mail)" \
		'dmarc.rua@hosted.example 1'

	rm -r "$SPOOL/new"
	is "$name: no spool: accepted" "$(answers "$address" \
		alice@hosted.example dmarc.rua@hosted.example)" '250 250 250'
	wait_for 5 'the other delivery' two_mails
	wait_for 5 'the deferral' eval "exim_log $name | grep -q '== dmarc.rua'"
	is "$name: the other has it once, the report waits" \
		"$(alices_mail) $(exim_run "$name" -bpc)" '2 1'
	spool_new
	exim_run "$name" -qff >/dev/null 2>&1
	wait_for 5 'the second try' exim_idle "$name"
	is "$name: kept after repair, nothing doubled" \
		"$(spool_recipients) $(alices_mail)" \
		'dmarc.rua@hosted.example 2'
	is "$name: nothing bounced" "$(exim_log "$name" |
		grep -cE ' \*\* | <= <>|Frozen')" 0
}

two_mails() {
	[ "$(alices_mail)" = 2 ]
}

dovecot_new
dovecot_start
mx lmtp 192.0.2.25
takes_reports lmtp 192.0.2.25
mx lda 192.0.2.26 'EDMARC_LDA = yes'
takes_reports lda 192.0.2.26
finish
