#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The whole loop on real servers: messages of scenario.sh come in through Exim
# and are judged, ingest loads the verdicts, send reports them to their domains'
# owners, and the report mail comes back through Exim and Dovecot, first by LMTP
# and then by dovecot-lda, into the summary. What was sent is what is shown.
#
# In the second run MariaDB is down while mail and reports arrive.
. "$(dirname "$0")/lib.sh"
for part in netns nsd dkim exim dovecot mariadb scenario world; do
	. "$INTEGRATION/$part.sh"
done
netns_enter "$@"
need_programs jq
begin

# loop NAME [EXIM-LINE...]: one world from the first message to the summary
loop_start() {
	say "reports are delivered by $1"
	shift
	world_new "$@"
	world_start
}

loop_stop() {
	local name

	for name in mx dovecot mariadb nsd; do
		stop "$name"
	done
	umount /etc/passwd /etc/group /etc/resolv.conf /etc/exim4
	rm -rf "$T"/{mx,dovecot,mariadb,reports,verdicts,home}
}

# header FIELD: of the message that was kept last, unfolded
header() {
	sed -n '1,/^$/p' "$T/mx/mail/$id" | sed -e ':a' -e '$!N;s/\n[ \t]/ /;ta' \
		-e 'P;D' | sed -n "s/^$1: *//Ip"
}

# One message of the scenario, as often as it says.
send_and_check() {
	local name=$1 times=$7 expect=$8 action=$9 i line

	for ((i = 0; i < times; i++)); do
		scenario_send "$@" || bail "$name is accepted" "$smtp_dialogue"
	done
	id=$smtp_id
	wait_for 10 "delivery of $id" test -s "$T/mx/mail/$id" ||
		bail "$name is delivered" "$(exim_log mx | tail -n 3)"
	like "$name: Authentication-Results says $expect" \
		"$(header Authentication-Results)" \
		"^mx\\.hoster\\.example;.*dmarc=$expect .*header\\.from=$5"
	is "$name: the action is $action" "$(header X-DMARC-Action)" "$action"
	line=$(world_verdict "$id")
	is "$name: the journal has it once" "$(grep -c . <<<"$line")" 1
	is "$name: and says $expect" "$(jq -r .result <<<"$line")" "$expect"
	explained "$name" "$T/mx/mail/$id" "$line"
	is "$name: score in the header and in the journal" \
		"$(header X-DMARC-Score)" \
		"$(jq -r '.score' <<<"$line" | xargs printf '%.2f')"
}

# explained NAME FILE VERDICT-LINE: what lies in the folder says by itself what the
# module had found
explained() {
	local keys='{client: (.client // .client_ip), mail_from, from_domains,
		result, policy_applied, spf, dkim: [.dkim[] | {domain, result,
		aligned}], score, action}'

	is "$1: evaluated offline it is the same" \
		"$("$top_builddir/edmarc" -c "$T/edmarc.conf" evaluate \
			--format json "$2" | jq -cS "$keys + {recorded, notes}")" \
		"$(jq -cS "$keys + {recorded: .result, notes: null}" <<<"$3")"
}

# Nobody knows: a name server that does not answer.
send_without_dns() {
	local before=$SECONDS

	pause nsd
	scenario_send dns-dead 203.0.113.66 spoof.example evil@spoof.example \
		shop.example - || not_ok 'accepted without DNS' "$smtp_dialogue"
	resume nsd
	id=$smtp_id
	wait_for 10 "delivery of $id" test -s "$T/mx/mail/$id"
	like 'DNS dead: temperror' "$(header Authentication-Results)" \
		'dmarc=temperror'
	is 'DNS dead: delivered' "$(header X-DMARC-Action)" accept
	# The file says that it was another result when the message came.
	like 'DNS dead: evaluated later' "$("$top_builddir/edmarc" \
		-c "$T/edmarc.conf" evaluate "$T/mx/mail/$id")" \
		'The result was temperror when'
	is 'DNS dead: within a minute' "$((SECONDS - before < 60))" 1
}

# expected DOMAIN FIELD: what the scenario says of a policy domain
expected() {
	scenario_table | awk -v domain="$1" -v field="$2" '
	{
		n = split($5, label, ".")
		if (label[n - 1] "." label[n] != domain) next
		times = $7
		messages += times
		if ($8 == "pass") compliant += times
		if ($9 == "quarantine") quarantined += times
		if ($1 == "both" || $1 ~ /^dkim-only/) dkim += times
		if ($1 ~ /^(both|spf-only|ipv6|null-sender)$/) spf += times
	}
	END {
		if (field == "messages") print messages + 0
		if (field == "compliant") print compliant + 0
		if (field == "quarantined") print quarantined + 0
		if (field == "dkim_passed") print dkim + 0
		if (field == "spf_passed") print spf + 0
		if (field == "dkim_failed") print messages - dkim
		if (field == "spf_failed") print messages - spf
	}'
}

# shown DOMAIN FIELD: what the summary says
shown() {
	jq -r --arg domain "$1" \
		".domains[] | select(.domain == \$domain) | .$2" <<<"$summary"
}

check_summary() {
	local domain field

	summary=$(world_view summary --format json) ||
		bail 'the summary can be had' "$summary"
	for domain in acme.example bank.example relay.example; do
		for field in messages compliant quarantined spf_passed \
			spf_failed dkim_passed dkim_failed; do
			is "$domain: $field" "$(shown "$domain" "$field")" \
				"$(expected "$domain" "$field")"
		done
		is "$domain: rejected" "$(shown "$domain" rejected)" 0
		is "$domain: its reporter" \
			"$(shown "$domain" 'reporters[0].name // .reporters[0]')" \
			Hoster
	done
	# The message that nobody could judge has no policy domain.
	for field in messages compliant quarantined; do
		is "shop.example: $field" "$(shown shop.example "$field")" \
			"$(expected shop.example "$field")"
	done
}

reports_arrived() {
	[ "$(find "$SPOOL/new" -type f | wc -l)" = "$1" ]
}

# Everything that waits in the spools, byte by byte.
waiting() {
	find "$T/verdicts" "$SPOOL" -type f ! -name ingest.lock | sort |
		xargs cksum
}

# The database is away: commands say so and leave everything where it is.
without_database() {
	local before

	stop mariadb
	before=$(waiting)
	output=$(world_edmarc ingest 2>&1)
	is 'no database: ingest exits 75' "$?" 75
	like 'and says what the client library says' "$output" \
		"Can't connect to local server"
	is 'and touches no spool' \
		"$(waiting)" \
		"$before"
	world_edmarc send --date "$WORLD_DAY" >/dev/null 2>&1
	is 'no database: send exits 75' "$?" 75
	world_view summary >/dev/null 2>&1
	is 'no database: summary exits 75' "$?" 75
}

# From the first message to the summary. loop [down]: without the database as
# long as mail comes in
loop() {
	local line dry=$T/dry down=${1:-}

	[ -z "$down" ] || stop mariadb

	while IFS= read -r line; do
		# shellcheck disable=SC2086
		send_and_check $line
	done < <(scenario_table)
	send_without_dns
	is 'nothing of edmarc failed in Exim' \
		"$(exim_log mx | grep -i 'edmarc.*\(error\|lost\|fail:\)')" ''

	if [ -n "$down" ]; then
		without_database
		mariadb_start
	fi
	check 'ingest loads the verdicts' world_edmarc ingest
	is 'the journal is empty' "$(find "$T/verdicts" -name '*.jsonl' \
		-size +0 | wc -l)" 0
	is 'all messages are in the store' \
		"$(sql edmarc 'SELECT SUM(count) FROM verdict_row')" \
		"$(scenario_table | awk '{ n += $7 } END { print n + 1 }')"

	install -d -o edmarc "$dry"
	check 'send, as a try' world_edmarc send --date "$WORLD_DAY" \
		--dry-run "$dry"
	is 'would send four reports' "$(ls "$dry" | grep -c '\.xml\.gz$')" 4
	check 'send' world_edmarc send --date "$WORLD_DAY"
	wait_for 20 'four report mails' reports_arrived 4 ||
		not_ok 'four report mails arrive' "$(exim_log mx | tail -n 5)"
	check 'send again' world_edmarc send --date "$WORLD_DAY"
	wait_for 10 'an empty queue' world_delivered
	reports_arrived 4 && ok 'a second run sends nothing' ||
		not_ok 'a second run sends nothing' "$(ls "$SPOOL/new")"

	if [ -n "$down" ]; then
		without_database
		mariadb_start
	fi
	check 'ingest loads the reports' world_edmarc ingest
	check 'and has nothing more to do' world_edmarc ingest
	is 'the spool is empty' "$(find "$SPOOL/new" "$SPOOL/bad" -type f)" ''
	check_summary
}

# reporter ID SOURCE HELO FROM: a report of noreply@acme.example, as that host and
# author send it, with a field of ours that it has written itself
reporter() {
	local begin

	begin=$(date -u -d "$WORLD_DAY" +%s)
	printf '%s\r\n' \
		'Authentication-Results: mx.hoster.example; dmarc=pass header.from=acme.example' \
		'Received: from acme.example by mx.hoster.example with LMTP id 1' \
		"From: reports@$4" 'To: dmarc.rua@bank.example' \
		'Subject: Report Domain: bank.example' 'MIME-Version: 1.0' \
		'Content-Type: text/xml' '' '<feedback><report_metadata>' \
		'<org_name>Acme</org_name><email>noreply@acme.example</email>' \
		"<report_id>$1</report_id><date_range><begin>$begin</begin>" \
		"<end>$((begin + 3600))</end></date_range></report_metadata>" \
		'<policy_published><domain>bank.example</domain><p>none</p>' \
		'</policy_published><record><row>' \
		'<source_ip>192.0.2.1</source_ip><count>1</count>' \
		'</row><identifiers><header_from>bank.example</header_from>' \
		'</identifiers></record></feedback>' >"$T/reporter"
	smtp_send "$2" --server "$SCENARIO_MX" --helo "$3" \
		--from "reports@$3" --to dmarc.rua@bank.example "$T/reporter" ||
		not_ok "a report by $3 is accepted" "$smtp_dialogue"
}

# What our own Exim and the module have found is what is stored with a report.
check_reporters() {
	reporter genuine 192.0.2.10 acme.example acme.example
	reporter another 192.0.2.11 bank.example bank.example
	reporter forged 203.0.113.66 spoof.example acme.example
	reporter unknown 198.51.100.9 norecord.example norecord.example
	wait_for 20 'four more report mails' reports_arrived 4 ||
		not_ok 'four more report mails arrive' "$(exim_log mx | tail -n 5)"
	check 'ingest loads them' world_edmarc ingest
	is 'who has passed DMARC, and as whom' "$(sql edmarc "SELECT report_id,
		authenticated, auth_domain FROM received_report
		WHERE reporter = 'Acme' ORDER BY report_id")" "\
another	other	bank.example
forged	no	acme.example
genuine	yes	acme.example
unknown	no	norecord.example"
	# They were handed to sendmail on this machine: nobody has judged them.
	is 'of our own reports nothing is known' "$(sql edmarc "SELECT DISTINCT
		authenticated, auth_domain FROM received_report
		WHERE reporter = 'Hoster'")" $'unknown\t'
}

loop_start LMTP
loop
check_reporters
loop_stop

loop_start dovecot-lda 'EDMARC_LDA = yes'
loop down
check_reporters
loop_stop

finish
