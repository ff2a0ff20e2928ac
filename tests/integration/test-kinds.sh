#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Failure reports and TLS reports: from the spool into their tables.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/mariadb.sh"
. "$INTEGRATION/store.sh"
need_root
need_programs awk find
begin
mariadb_start
spool_make one
sql 'CREATE DATABASE edmarc'
edmarc_run 0 'setup' one setup --database --sql-dir "$srcdir/sql"
data=$srcdir/tests/data/reports

mail_put_whole one "$data/failure.eml"
mail_put_whole one "$data/failure-exim.eml"
mail_put_whole one "$data/abuse.eml"
mail_put_whole one "$data/tls.eml"
mail_put_whole one "$data/tls.eml"
mail_put_whole one "$data/tls-plain.eml"
mail_put_whole one "$data/failure-other.eml"
edmarc_run 0 'all kinds' one ingest
like 'are counted' "$errors" 'mails=7 reports=4 duplicates=2 set_aside=1'
is 'failure reports have their values' "$(sql edmarc "SELECT feedback_type,
	auth_failure, reported_domain, source_ip, arrival_at, incidents,
	header_from, mail_from, rcpt_to, delivery_result, identity_alignment,
	authentication_results, dkim_domain, subject, message_id, user_agent,
	header FROM failure_report ORDER BY mail_name LIMIT 1")" \
	$'auth-failure\tdmarc\texample.org\t::ffff:192.0.2.7\t1700046000\t1\texample.org\tbounce@sender.example\tyou@reporter.example\tdelivered\tnone\treporter.example; dmarc=fail header.from=example.org\texample.org\t=?utf-8?Q?Gru=C3=9F?= of today\t<7@sender.example>\tTester/1.0\t'
is 'of all forms' "$(sql edmarc 'SELECT feedback_type, source_ip
	FROM failure_report ORDER BY mail_name')" \
	$'auth-failure\t::ffff:192.0.2.7\nauth-failure\t::ffff:192.0.2.7\nabuse\t2001:db8::7'
is 'a TLS report is there once' "$(sql edmarc 'SELECT org_name, contact,
	report_id, begin_at, end_at FROM tls_report')" \
	$'Reporter\ttls@reporter.example\t1\t1700006400\t1700092799'
is 'with its policies' "$(sql edmarc 'SELECT policy_no, policy_type,
	policy_domain, successes, failures FROM tls_policy ORDER BY policy_no')" \
	$'1\tsts\texample.org\t5326\t303\n2\ttlsa\texample.org\t7\t0'
is 'and what failed' "$(sql edmarc 'SELECT failure_no, policy_no, result,
	sessions FROM tls_failure ORDER BY failure_no')" \
	$'1\t1\tcertificate-expired\t300\n2\t1\tstarttls-not-supported\t3'
is 'each mail is known' "$(sql edmarc 'SELECT status, reports, duplicates,
	set_aside FROM received_mail ORDER BY name')" \
	$'ok\t1\t0\t0\nok\t1\t0\t0\nok\t1\t0\t0\nok\t1\t0\t0\nok\t0\t1\t0\nok\t0\t1\t0\nrejected\t0\t0\t1'
is 'and its file is gone' "$(find "$T/one/reports/new" -type f)" ''
edmarc_run 0 'what could not be read is read again' one rejected retry --all
edmarc_run 0 'ingest' one ingest
is 'and stays where it was' "$(sql edmarc 'SELECT COUNT(*), SUM(set_aside)
	FROM received_mail')" $'7\t1'

# The header only where it is asked for
sed "/^\[reports\]/a failure_headers = yes" "$T/one.conf" >"$T/headers.conf"
mail_put_whole one "$data/failure-header.eml"
edmarc_run 0 'with headers' headers ingest
like 'the header is kept' "$(sql edmarc "SELECT header FROM failure_report
	WHERE header <> ''")" '^Return-Path: <bounce@sender.example>'

# Personal data go after their time
sql edmarc "UPDATE failure_report SET received_at = $(date +%s) - 31 * 86400
	WHERE feedback_type = 'abuse'"
sql edmarc "UPDATE failure_report SET received_at = $(date +%s) - 29 * 86400
	WHERE feedback_type <> 'abuse'"
edmarc_run 0 'ingest' one ingest
like 'old ones are removed' "$errors" '1 old failure reports removed'
is 'the others stay' "$(sql edmarc 'SELECT COUNT(*), COUNT(DISTINCT
	feedback_type) FROM failure_report')" $'3\t1'

# Two in one pass
mail_put_whole one "$data/tls-two.json"
sed -e 's/"report-id": "1"/"report-id": "2"/' "$data/tls-two.json" >"$T/tls"
sql edmarc 'TRUNCATE tls_report; TRUNCATE tls_policy; TRUNCATE tls_failure'
mail_put_whole one "$T/tls"
mail_put_whole one "$data/failure-crlf.eml"
edmarc_run 0 'a second time' one ingest
is 'two TLS reports' "$(sql edmarc 'SELECT COUNT(*) FROM tls_report')" 2
is 'with four policies' "$(sql edmarc 'SELECT COUNT(*) FROM tls_policy')" 4
finish
