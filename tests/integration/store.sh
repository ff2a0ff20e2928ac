# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# store.sh - spools and a database for `edmarc ingest` (after mariadb.sh)
#
#	spool_make NAME          $T/NAME/{verdicts,reports} and $T/NAME.conf
#	verdict TIME CLIENT FROM [KEY=VALUE...]  a journal line; keys: mta, envelope,
#	                         result, policy, p, disposition, spf, dkim, to (one
#	                         domain that it went to)
#	report ID BEGIN END DOMAIN [ORG] < rows   an aggregate report as XML; a row
#	                         is ADDRESS COUNT DISPOSITION DKIM SPF
#	mail_put NAME FILE       FILE as one report mail into the spool NAME
#	mail_put_whole NAME FILE the same for a FILE that is a mail
#	edmarc_run WANT WHAT NAME ARGUMENT...     checks the exit status; what was
#	                         said is in $output and $errors

edmarc=$top_builddir/edmarc
mails=0

spool_make() {
	mkdir -p "$T/$1/verdicts" "$T/$1/reports"/{tmp,new,bad}
	chmod 2770 "$T/$1/verdicts"
	chmod 0700 "$T/$1/reports" "$T/$1/reports"/*
	printf '%s\n' '[journal]' "directory = $T/$1/verdicts" \
		'[reports]' "spool = $T/$1/reports" \
		'[database]' 'name = edmarc' \
		"option_file = $MARIADB_OPTIONS" >"$T/$1.conf"
}

verdict() {
	local time=$1 client=$2 from=$3 mta=mx1.example.net envelope=a@$3
	local result=pass policy=$3 p=reject disposition=pass spf=pass dkim=pass
	local setting to= spf_aligned=true dkim_aligned=true

	shift 3
	for setting in "$@"; do
		local "${setting?}"
	done
	[ "$spf" = pass ] || spf_aligned=false
	[ "$dkim" = pass ] || dkim_aligned=false
	printf '{"v":1,"time":%s,"id":"1w-%s","mta":"%s","client":"%s",' \
		"$time" "$RANDOM" "$mta" "$client"
	printf '"helo":"h.example","mail_from":"%s","rcpt_domains":[%s],' \
		"$envelope" "${to:+\"$to\"}"
	printf '"size":5,"from_domains":["%s"],"from_domain":"%s",' \
		"$from" "$from"
	printf '"result":"%s","policy_domain":"%s",' "$result" "$policy"
	printf '"organizational_domain":"%s","discovery_method":"treewalk",' \
		"$policy"
	printf '"policy_published":{"p":"%s","sp":null,"np":null,"adkim":"r",' "$p"
	printf '"aspf":"r","psd":"u","t":"n","fo":"0","pct":100,'
	printf '"rua":"mailto:d@%s","ruf":null},"policy_source":"p",' "$policy"
	printf '"policy_selected":"%s","policy_applied":"%s",' "$p" "$p"
	printf '"disposition":"%s","reasons":[],"spf":{"result":"%s",' \
		"$disposition" "$spf"
	printf '"domain":"%s","scope":"mfrom","aligned":%s},"dkim":[{' \
		"$from" "$spf_aligned"
	printf '"domain":"%s","selector":"s1","result":"%s","aligned":%s}],' \
		"$from" "$dkim" "$dkim_aligned"
	printf '"score":0,"action":"accept"}\n'
}

report() {
	printf '<?xml version="1.0"?>\n<feedback><version>1.0</version>\n'
	printf '<report_metadata><org_name>%s</org_name>' "${5:-Reporter Inc}"
	printf '<email>noreply@reporter.example</email>'
	printf '<report_id>%s</report_id><date_range><begin>%s</begin>' "$1" "$2"
	printf '<end>%s</end></date_range></report_metadata>\n' "$3"
	printf '<policy_published><domain>%s</domain><adkim>r</adkim>' "$4"
	printf '<aspf>r</aspf><p>reject</p><sp>none</sp><pct>100</pct>'
	printf '</policy_published>\n'
	awk -v domain="$4" '{
		printf "<record><row><source_ip>%s</source_ip>", $1
		printf "<count>%s</count><policy_evaluated>", $2
		printf "<disposition>%s</disposition><dkim>%s</dkim>", $3, $4
		printf "<spf>%s</spf></policy_evaluated></row>", $5
		printf "<identifiers><header_from>%s</header_from>", domain
		printf "</identifiers><auth_results><dkim><domain>%s", domain
		printf "</domain><selector>s1</selector><result>%s", $4
		printf "</result></dkim><spf><domain>%s</domain>", domain
		printf "<scope>mfrom</scope><result>%s</result></spf>", $5
		print "</auth_results></record>"
	}'
	printf '</feedback>\n'
}

mail_put() {
	{
		printf '%s\n' 'From: noreply@reporter.example' \
			'To: dmarc.rua@example.org' 'Subject: Report Domain' \
			'MIME-Version: 1.0' 'Content-Type: text/xml' ''
		cat "$2"
	} >"$T/mail_put"
	mail_put_whole "$1" "$T/mail_put"
}

mail_put_whole() {
	local name

	mails=$((mails + 1))
	printf -v name '%010d.%016x.%d.test' "$mails" "$mails" "$$"
	{
		printf '%s\n' 'edmarc-report 1' 'received: 1795453509' \
			'recipient: dmarc.rua@example.org' \
			'sender: noreply@reporter.example' \
			'session: test' ''
		cat "$2"
	} >"$T/$1/reports/new/$name"
	chmod 600 "$T/$1/reports/new/$name"
}

edmarc_run() {
	local want=$1 what=$2 conf=$T/$3.conf status

	shift 3
	output=$("$edmarc" -c "$conf" "$@" 2>"$T/errors")
	status=$?
	errors=$(cat "$T/errors")
	if [ "$status" = "$want" ]; then
		ok "$what"
	else
		not_ok "$what" "status $status, wanted $want"$'\n'"$errors"
	fi
}

# Everything that must not depend on when and how often ingest ran. Which of two
# mails with the same report is the duplicate does: parsers work side by side.
store_state() {
	sql edmarc "
	SELECT 'row', day, HEX(row_hash), mta, source_ip, header_from, count,
		first_at, last_at FROM verdict_row
		ORDER BY day, policy_hash, row_hash, mta;
	SELECT 'policy', HEX(policy_hash), policy_domain, p
		FROM verdict_policy ORDER BY policy_hash;
	SELECT 'segment', SUM(lines_loaded), SUM(lines_bad), MIN(done)
		FROM journal_segment;
	SELECT 'mail', name, status, set_aside, reason, reports + duplicates
		FROM received_mail ORDER BY name;
	SELECT 'mails', SUM(reports), SUM(duplicates) FROM received_mail;
	SELECT 'report', HEX(report_key), complete, reporter, policy_domain,
		messages, compliant, dkim_passed, spf_passed, quarantined,
		rejected, row_count, status, duplicates
		FROM received_report ORDER BY report_key;
	SELECT 'line', HEX(report_key), row_no, source_ip, count,
		w.disposition, w.dkim_aligned, w.spf_aligned
		FROM received_row w JOIN received_report r ON r.id = w.report
		ORDER BY report_key, row_no;
	SELECT 'lost', COUNT(*) FROM received_row
		WHERE report NOT IN (SELECT id FROM received_report)"
}

store_empty() {
	sql edmarc 'TRUNCATE journal_segment; TRUNCATE verdict_policy;
		TRUNCATE verdict_row; TRUNCATE received_mail;
		TRUNCATE received_report; TRUNCATE received_row; TRUNCATE received_original;
		TRUNCATE recipient_domain; TRUNCATE failure_report;
		TRUNCATE tls_report; TRUNCATE tls_policy; TRUNCATE tls_failure'
}

# How many files wait in a spool
waiting() {
	find "$T/$1/verdicts" "$T/$1/reports/new" -maxdepth 1 -type f \
		! -name ingest.lock | wc -l
}
