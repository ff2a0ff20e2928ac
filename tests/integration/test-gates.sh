#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Who gets no report although somebody asked for it: history, few messages, null
# senders, lists. On a private MariaDB, by dry runs.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/mariadb.sh"
. "$INTEGRATION/store.sh"
need_root
begin
mariadb_start
: >"$T/zone"

configure() { # LINE... of [send]
	printf '%s\n' '[database]' 'name = edmarc' \
		"option_file = $MARIADB_OPTIONS" '[send]' 'org_name = Us' \
		'email = r@us.example' "$@" >"$T/s.conf"
}

# message DAYS-AGO DOMAIN RESULT DISPOSITION COUNT [SENDER]
message() {
	local day

	day=$(date -u -d "$1 days ago" +%F)
	sql edmarc "INSERT IGNORE INTO verdict_policy (policy_hash, policy_domain,
		method, p, sp, np, adkim, aspf, fo, testing, pct, rua, faults)
		VALUES (UNHEX(MD5('$2')), '$2', 'treewalk', 'reject', 'reject',
		'reject', 'r', 'r', '0', 'n', 100, 'mailto:rua@$2', '');
	INSERT INTO verdict_row (day, policy_hash, row_hash, mta, result,
		header_from, source_ip, envelope_from, disposition, dkim_aligned,
		spf_aligned, reasons, auth_results, count, first_at, last_at)
		VALUES ('$day', UNHEX(MD5('$2')), UNHEX(MD5('$*')), 'mx1', '$3',
		'$2', '::ffff:192.0.2.1', '${6-$2}', '$4', '$3' = 'pass', 0, '[]',
		'{\"dkim\":[],\"spf\":null}', $5, UNIX_TIMESTAMP('$day'),
		UNIX_TIMESTAMP('$day'))"
}

written() { # the policy domains that reports were written about
	rm -rf "$T/dry"
	mkdir "$T/dry"
	"$edmarc" -c "$T/s.conf" send --dry-run "$T/dry" \
		--zone "$T/zone" >"$T/output" 2>&1
	find "$T/dry" -name '*.eml' | sed 's,.*!\([a-z]*\)\.test!.*,\1,' |
		sort | paste -sd' '
}

configure
edmarc_run 0 'setup' s setup --database --sql-dir "$srcdir/sql"
message 1 good.test pass none 3
message 1 forged.test fail reject 5
message 1 spam.test fail quarantine 5
message 1 once.test fail reject 5
message 20 once.test pass none 1
message 1 seen.test fail none 2
message 1 null.test fail none 4 ''
message 1 both.test fail none 1 ''
message 1 both.test fail none 1

is 'all who ask, but for those with a null sender only' "$(written)" \
	'both forged good once seen spam'
report=$(gzip -dc "$T"/dry/*!both.test!*.xml.gz)
like 'which is counted where there is another cause' \
	"$(grep -o '<count>[0-9]*</count>' <<<"$report" | paste -sd' ')" \
	'^<count>1</count> <count>1</count>$|^<count>2</count>$'

configure 'report_to = good-history'
is 'not those whose mail was only turned away' "$(written)" \
	'both good once seen'
like 'with the reason' "$(cat "$T/output")" \
	'forged\.test .*skipped: no message but such as were turned away'
configure 'report_to = good-history' 'history_days = 19'
is 'good mail of long ago is no history' "$(written)" 'both good seen'
configure 'report_to = good-history' 'history_days = 20'
is 'of one day later is' "$(written)" 'both good once seen'

configure 'min_messages = 4'
is 'few messages' "$(written)" 'forged once spam'
configure 'no_reports_about = good.test, *.good.test, /dev/null'
is 'a policy domain that is listed' "$(written)" 'both forged once seen spam'
printf '# no more\nspam.test\nRUA@good.test\n' >"$T/no"
configure "no_reports_to = once.test, $T/no"
is 'addresses and domains that are' "$(written)" 'both forged seen'
like 'with the reason' "$(cat "$T/output")" \
	'rua@good\.test +refused: listed in no_reports_to'
configure "no_reports_to = $T/nowhere"
is 'a list that is away lets nothing through' "$(written)" ''
like 'and is named' "$(cat "$T/output")" 'nowhere: No such file'
configure 'report_to = some'
edmarc_run 78 'another word' s config check
configure 'no_reports_to = *@example.org'
edmarc_run 78 'another pattern' s config check

# As test-suppress.sh, but for send.
configure
edmarc_run 0 'by hand' s suppress add '@.good.test' 'rua@seen.test'
is 'suppressed addresses' "$(written)" 'both forged once spam'
finish
