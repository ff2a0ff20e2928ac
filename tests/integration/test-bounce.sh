#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Reports that come back: edmarc send gives them to an Exim, another one refuses
# some, and what Exim makes of that goes by Dovecot and its plugin into the spool,
# by ingest into the list of suppressed addresses, and keeps the next ones back.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/netns.sh"
. "$INTEGRATION/exim.sh"
. "$INTEGRATION/dovecot.sh"
. "$INTEGRATION/mariadb.sh"
. "$INTEGRATION/store.sh"
netns_enter "$@"
begin
mariadb_start
dovecot_new
spool_new
dovecot_start

# Another server: it knows one user, has one for whom it has no room now, and
# nobody else.
exim_new them
cat >"$T/them/acl" <<CONF
acl_check_rcpt:
  defer message = try again later
        local_parts = full
  deny message = 5.1.1 no such user here
       ! local_parts = good : \${if exists{$T/back}{gone}{}}
  accept
acl_check_data:
  accept
CONF
exim_start them 192.0.2.26

# Ours. Without a retry rule, Exim gives up at once what was deferred.
exim_new us
echo 'domainlist local_domains = hosted.example' >>"$T/us/main"
cat >"$T/us/routers" <<CONF
.include $srcdir/docs/examples/exim-routers.conf
theirs:
  driver = manualroute
  domains = them.example
  route_list = * 192.0.2.26 byname
  transport = out
postmaster:
  driver = accept
  domains = +local_domains
  local_parts = dmarc.report
  transport = keep
CONF
echo 'domainlist relay_to_domains = ' >>"$T/us/main"
dovecot_example exim-transports.conf >"$T/us/edmarc-transports.conf"
cat >>"$T/us/transports" <<CONF
out:
  driver = smtp
  allow_localhost
.include $T/us/edmarc-transports.conf
CONF
exim_trust us
exim_configuration us 192.0.2.25 | sed '/^deliver_drop_privilege/d' \
	>"$T/us/exim.conf"
start us exim4 -C "$T/us/exim.conf" -bdf -q1h
wait_for 10 'our Exim' exim_greets 192.0.2.25 ||
	bail 'Exim starts' "$(exim_log us)"

mkdir -p "$T/verdicts"
chmod 2770 "$T/verdicts"
: >"$T/zone"
for d in them.example nowhere.example; do
	echo "_dmarc.$d. TXT \"v=DMARC1; p=none\"" >>"$T/zone"
done
printf '%s\n' '[journal]' "directory = $T/verdicts" '[reports]' \
	"spool = $SPOOL" '[database]' 'name = edmarc' \
	"option_file = $MARIADB_OPTIONS" '[send]' 'reporting = yes' \
	'org_name = Us' 'email = dmarc.report@hosted.example' \
	"sendmail = $T/us/sendmail" 'suppress_days = 1, 3' >"$T/s.conf"
edmarc_run 0 'setup' s setup --database --sql-dir "$srcdir/sql"

# reported DAYS-AGO ADDRESS...: a message of that day for each, whose owner asks
# for reports there
reported() {
	local day address domain

	day=$(date -u -d "$1 days ago" +%F)
	shift
	for address in "$@"; do
		domain=${address#*@}
		sql edmarc "INSERT IGNORE INTO verdict_policy (policy_hash,
			policy_domain, method, p, sp, np, adkim, aspf, fo,
			testing, pct, rua, faults) VALUES (UNHEX(MD5('$address')),
			'$domain', 'treewalk', 'none', 'none', 'none', 'r', 'r',
			'0', 'n', 100, 'mailto:$address', '');
		INSERT INTO verdict_row (day, policy_hash, row_hash, mta, result,
			header_from, source_ip, envelope_from, disposition,
			dkim_aligned, spf_aligned, reasons, auth_results, count,
			first_at, last_at) VALUES ('$day',
			UNHEX(MD5('$address')), UNHEX(MD5('row')), 'mx1', 'pass',
			'$domain', '::ffff:192.0.2.1', '$domain', 'none', 1, 1,
			'[]', '{\"dkim\":[],\"spf\":null}', 3,
			UNIX_TIMESTAMP('$day'), UNIX_TIMESTAMP('$day'))"
	done
}

send() { # DAYS-AGO
	edmarc_run 0 "send the reports of $1 days ago" s send --zone "$T/zone" \
		--date "$(date -u -d "$1 days ago" +%F)"
	wait_for 20 'delivery and what comes of it' exim_idle us
}

ingest() { # NAME: as root, whom the spool has to belong to then
	chown -R 0:0 "$SPOOL"
	edmarc_run 0 "$1" s ingest
	chown -R $EDMARC_UID:$EDMARC_UID "$SPOOL"
}

suppressed() {
	"$edmarc" -c "$T/s.conf" suppress list --format json |
		jq -r '.[] | "\(.pattern) \(if .in_force then "now"
			else "over" end) \(.bounces)"' | sort | paste -sd,
}

# destination ADDRESS DAYS-AGO
destination() {
	sql edmarc "SELECT detail FROM sent_destination WHERE address = '$1'
		AND day = '$(date -u -d "$2 days ago" +%F)'"
}

theirs() { # how many mails arrived there
	find "$T/them/mail" -type f | wc -l
}

reported 9 good@them.example gone@them.example full@them.example \
	rua@nowhere.example
send 9
is 'one of four arrives' "$(theirs)" 1
is 'three come back into the spool' \
	"$(find "$SPOOL/new" -type f | wc -l)" 3
like 'to the envelope sender of their report' "$(cat "$SPOOL"/new/*)" \
	'^recipient: dmarc\.report\+[a-z2-7]{40}@hosted\.example$'
like 'as Exim writes it' "$(cat "$SPOOL"/new/*)" '^Action: failed'
mkdir "$T/kept"
cp "$SPOOL"/new/* "$T/kept/"
ingest 'ingest'
is 'reads all of them' "$(find "$SPOOL/new" "$SPOOL/bad" -type f | wc -l)" 0
is 'who is unknown is suppressed, who has no room is not' "$(suppressed)" \
	'gone@them.example now 1,rua@nowhere.example now 1'
is 'all are noted' "$(sql edmarc 'SELECT address, kind FROM bounce
	ORDER BY address' | tr '\t\n' '= ')" \
	'full@them.example=soft gone@them.example=hard rua@nowhere.example=hard '
is 'with the more exact code' "$(sql edmarc "SELECT status FROM bounce
	WHERE address = 'gone@them.example'")" 5.1.1
like 'and at the report' "$(destination gone@them.example 9)" \
	'came back \(hard\): .*no such user here'

reported 8 good@them.example gone@them.example full@them.example
send 8
is 'the next report goes to the others only' "$(theirs)" 2
like 'and says why' "$(destination gone@them.example 8)" \
	'^suppressed until .*no such user here'
ingest 'ingest'
is 'who has no room is not suppressed after the second either' \
	"$(suppressed)" 'gone@them.example now 1,rua@nowhere.example now 1'

# Again, as a relay might do or somebody who has seen it.
for f in "$T"/kept/*; do
	install -m 600 -o $EDMARC_UID -g $EDMARC_UID "$f" \
		"$SPOOL/new/$(basename "$f" | sed 's/^[0-9]*/1700000000/')"
done
ingest 'ingest of the same bounces'
is 'takes them' "$(find "$SPOOL/new" -type f | wc -l)" 0
is 'and suppresses for no longer' "$(suppressed)" \
	'gone@them.example now 1,rua@nowhere.example now 1'

# Forged: another token, for an address that is well.
token=$(sed -n 's/^recipient: dmarc.report+\([a-z2-7]*\)@.*/\1/p' \
	"$T"/kept/* | head -n 1)
forged=$(tr 'a-z2-7' 'b-z2-7a' <<<"$token")
bounce() { # ADDRESS
	printf '%s\r\n' 'From: mailer-daemon@them.example' 'MIME-Version: 1.0' \
		'Content-Type: multipart/report; report-type=delivery-status; boundary=x' \
		'' '--x' 'Content-Type: message/delivery-status' '' \
		'Reporting-MTA: dns; them.example' '' \
		'Final-Recipient: rfc822;good@them.example' 'Action: failed' \
		'Status: 5.1.1' '' '--x--' >"$T/forged"
	smtp_send 203.0.113.7 --server 192.0.2.25 --from '' --to "$1" "$T/forged"
	wait_for 10 'delivery' exim_idle us
}
bounce "dmarc.report+$forged@hosted.example"
ingest 'ingest of a forged bounce'
edmarc_run 0 'which is set aside' s rejected list --format csv
like 'with the reason' "$output" 'its address is forged'
bounce dmarc.rua@hosted.example
ingest 'ingest of one to the report address'
is 'neither suppresses anybody' "$(suppressed)" \
	'gone@them.example now 1,rua@nowhere.example now 1'
bounce dmarc.report@hosted.example
is 'what comes without a token is for people' \
	"$(find "$T/us/mail" -type f | wc -l) $(find "$SPOOL/new" -type f | wc -l)" \
	'1 0'

# later SECONDS: as if everything had happened so much earlier
later() {
	sql edmarc "UPDATE suppression SET added_at = added_at - $1,
		until_at = until_at - $1, tried_at = GREATEST(tried_at - $1, 0);
		UPDATE sent_destination SET updated_at = updated_at - $1"
}
later 86400
is 'a day later it is over' "$(suppressed)" \
	'gone@them.example over 1,rua@nowhere.example over 1'
reported 7 good@them.example gone@them.example
send 7
ingest 'ingest'
is 'the next one is sent, comes back, and counts as the second in a row' \
	"$(suppressed)" 'gone@them.example now 2,rua@nowhere.example over 1'
is 'for three days' "$(sql edmarc "SELECT until_at - added_at FROM suppression
	WHERE pattern = 'gone@them.example'")" 259200

later 259200
: >"$T/back"
before=$(theirs)
reported 6 gone@them.example
send 6
is 'when the address is there again, the report arrives' "$(theirs)" \
	$((before + 1))
later 432001
ingest 'and when nothing came back in five days'
is 'it is forgotten' "$(suppressed)" 'rua@nowhere.example over 1'
finish
