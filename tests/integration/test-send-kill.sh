#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# edmarc send, killed at any moment and at each step, by several at one time, with
# clocks that are wrong and a database that goes away: the mail server gets each
# report once. Only of a sender that dies while the mail server has a mail it gets
# that mail again, and it is the same one.
#
#	KILLS=200 STRIDE=1 make check-integration ONLY=send-kill
#
# STRIDE is how many calls of the system lie between one kill and the next: each run
# begins with another one, so that all are met in time. With 1 it takes minutes more.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/mariadb.sh"
need_root
need_programs faketime strace
begin
kills=${KILLS:-20}
stride=${STRIDE:-8}
mariadb_start
edmarc=$top_builddir/edmarc
db=edmarc

# --------------------------------------------------------------- environment

# A mail server that notes to whom which mail went, in one write for each, and
# takes a moment.
cat >"$T/sendmail" <<END
#!/bin/sh
for last; do :; done
id=\$(sed -n 's/^Message-ID: //p')
sleep 0.0\$((\$\$ % 4))
echo "\$id \$last" >>$T/accepted
END
chmod +x "$T/sendmail"
: >"$T/zone"

configure() { # LINE...
	printf '%s\n' '[database]' "name = $db" \
		"option_file = $MARIADB_OPTIONS" '[send]' 'reporting = yes' \
		'org_name = R' 'email = dmarc@receiver.example' \
		"sendmail = $T/sendmail" 'send_after = 0' 'send_over = 0' \
		'max_per_minute = 0' 'max_per_host = 0' "$@" >"$T/edmarc.conf"
}

# In the background only as "${sender[@]}" &: then $! is edmarc, and no shell.
sender=("$edmarc" -c "$T/edmarc.conf" send --zone "$T/zone")
send() {
	"${sender[@]}" "$@"
}

# domains N [DAYS-AGO]: verdicts about N domains with two destinations each, seen
# by two machines
domains() {
	local day

	day=$(date -u -d "${2:-1} days ago" +%F)
	sql $db "INSERT IGNORE INTO verdict_policy (policy_hash, policy_domain,
		method, p, sp, np, adkim, aspf, fo, testing, pct, rua, faults)
		SELECT UNHEX(MD5(seq)), CONCAT('d', seq, '.test'), 'treewalk',
		'none', '', '', 'r', 'r', '0', 'n', 100, CONCAT('mailto:a@d',
		seq, '.test,mailto:b@d', seq, '.test'), '' FROM seq_1_to_$1;
		INSERT INTO verdict_row (day, policy_hash, row_hash, mta, result,
		header_from, source_ip, envelope_from, disposition, dkim_aligned,
		spf_aligned, reasons, auth_results, count, first_at, last_at)
		SELECT '$day', UNHEX(MD5(seq)), UNHEX(MD5('r')), mta, 'fail',
		CONCAT('d', seq, '.test'), '::ffff:192.0.2.1', CONCAT('d', seq, '.test'), 'none', 0, 0,
		'[]', '{\"dkim\":[],\"spf\":null}', 1, 0, 0 FROM seq_1_to_$1
		JOIN (SELECT 'mx1' mta UNION SELECT 'mx2') m"
}

start_over() {
	sql $db 'TRUNCATE verdict_row; TRUNCATE verdict_policy;
		TRUNCATE sent_report; TRUNCATE sent_destination;
		TRUNCATE sent_minute; TRUNCATE sent_since'
	: >"$T/accepted"
}

# The mails that came, each once; and those that came more often
came() {
	sort -u "$T/accepted" | wc -l
}
again() {
	sort "$T/accepted" | uniq -d
}
# How often the first destination of all got something: ids must be the same
ids() {
	sort -u "$T/accepted" | awk '{ print $2 }' | sort | uniq -d
}

# The claims of a sender that is dead run out now and not in 15 minutes. What it
# was handing over goes to $T/flying.
bury() { # PID
	sql $db "SELECT CONCAT('<', s.report_id, '@receiver.example> ', d.address)
		FROM sent_report s JOIN sent_destination d USING (day, policy_hash)
		WHERE s.owner LIKE '%:$1:%' AND d.state = 'sending'" >>"$T/flying"
	sql $db "UPDATE sent_report SET lease_until = 1
		WHERE state = 'claimed' AND owner LIKE '%:$1:%'"
}

# What came twice must have been on its way when somebody died.
unexplained() {
	comm -23 <(again) <(sort -u "$T/flying")
}

printf '[database]\nname = %s\noption_file = %s\n' $db "$MARIADB_OPTIONS" \
	>"$T/edmarc.conf"
"$edmarc" -c "$T/edmarc.conf" setup --database --sql-dir "$srcdir/sql" \
	>"$T/setup.log" 2>&1 || bail 'setup' "$(cat "$T/setup.log")"
configure

# ------------------------------------------------- three senders, killed at random

start_over
: >"$T/flying"
domains 300
killed=0 rounds=0 flying=0
pid=()
while ((rounds < 400)); do
	rounds=$((rounds + 1))
	for n in 0 1 2; do
		if [ -z "${pid[n]:-}" ] || ! kill -0 "${pid[n]}" 2>/dev/null
		then
			"${sender[@]}" >>"$T/said" 2>&1 &
			pid[n]=$!
		fi
	done
	sleep "0.$(printf '%02d' $((RANDOM % 40)))"
	n=$((RANDOM % 3))
	if ((killed < kills)) && kill -KILL "${pid[n]}" 2>/dev/null; then
		killed=$((killed + 1))
		wait "${pid[n]}" 2>/dev/null
		sleep 0.1 # its last mail is taken, whatever became of it
		bury "${pid[n]}"
	fi
	left=$(sql $db "SELECT COUNT(*) FROM sent_report WHERE state <> 'done'")
	planned=$(sql $db 'SELECT COUNT(*) FROM sent_report')
	if [ "$left" = 0 ] && [ "$planned" = 300 ]; then
		((killed < kills)) || break
		# All is sent and there are kills left: send all again.
		wait "${pid[@]}"
		flying=$((flying + $(wc -l <"$T/flying")))
		is "nothing but what was on its way came twice ($killed kills)" \
			"$(unexplained)" ''
		is 'and nothing was lost' "$(came)" 600
		start_over
		: >"$T/flying"
		domains 300
	fi
done 2>/dev/null
wait "${pid[@]}" 2>/dev/null
flying=$((flying + $(wc -l <"$T/flying")))
is "three senders, killed $killed times: nothing is lost" "$(came)" 600
check 'some with a mail on its way' test "$flying" -gt 0
is 'nothing comes twice but what was on its way' "$(unexplained)" ''
is 'and that under the same id' "$(ids)" ''
say "$(again | wc -l) of 600 came twice, $(sort -u "$T/flying" | wc -l) were on their way"

# --------------------------------------------------------------- killed at each step

# At the n-th call of the system that talks to the database, to a child or to the
# file of the mail; entering it, so before it has happened.
steps=0 twice=0 wrong=
for call in sendto recvfrom clone wait4 close; do
	for ((n = 1 + RANDOM % stride; n < 400; n += stride)); do
		start_over
		: >"$T/flying"
		domains 1
		strace -qq -o /dev/null -e trace="$call" \
			-e inject="$call:signal=KILL:when=$n" \
			"$edmarc" -c "$T/edmarc.conf" send --zone "$T/zone" \
			>"$T/said" 2>&1
		status=$?
		[ "$status" = 137 ] || break
		steps=$((steps + 1))
		sleep 0.05
		sql $db "SELECT CONCAT('<', s.report_id, '@receiver.example> ',
			d.address) FROM sent_report s JOIN sent_destination d
			USING (day, policy_hash)
			WHERE d.state = 'sending'" >"$T/flying"
		sql $db "UPDATE sent_report SET lease_until = 1
			WHERE state = 'claimed'"
		send >"$T/said" 2>&1 || wrong="$wrong $call $n: $(cat "$T/said");"
		[ "$(came)" = 2 ] || wrong="$wrong $call $n: $(came) mails;"
		[ -z "$(unexplained)" ] || wrong="$wrong $call $n: twice;"
		[ -z "$(again)" ] || twice=$((twice + 1))
	done 2>/dev/null
	[ "$status" = 0 ] || wrong="$wrong $call: status $status;"
done
is "killed at each of $steps steps: all arrives, once" "$wrong" ''
check "$twice of them had a mail on its way" test "$twice" -lt "$steps"
[ "$stride" -gt 1 ] || check 'some had' test "$twice" -gt 0

# ----------------------------------------------------------------------- clocks

start_over
domains 100
together=()
for clock in +0 +400d -400d; do
	faketime -f "$clock" "$edmarc" -c "$T/edmarc.conf" send \
		--zone "$T/zone" >"$T/said.$clock" 2>&1 &
	together+=($!)
done
wait "${together[@]}"
is 'three senders in three years: each mail comes' "$(came)" 200
is 'once' "$(again)" ''
is 'all about the same day' "$(sql $db 'SELECT COUNT(DISTINCT day)
	FROM sent_report')" 1

# The clock of the database goes a day ahead, and back: what was claimed is lost to
# its owner, who stops.
start_over
domains 20
cat >"$T/slow" <<END
#!/bin/sh
: >$T/slow.began
until [ -e $T/go ]; do sleep 0.05; done
exec $T/sendmail "\$@"
END
chmod +x "$T/slow"
sed -i "s,^sendmail.*,sendmail = $T/slow," "$T/edmarc.conf"
"${sender[@]}" >"$T/said" 2>&1 &
first=$!
wait_for 20 'a mail on its way' test -e "$T/slow.began"
sql $db 'UPDATE sent_report SET lease_until = lease_until - 86400
	WHERE lease_until > 0'
configure
check 'another sender takes all' send
is 'also what the first one had' "$(sql $db "SELECT COUNT(*) FROM sent_report
	WHERE state = 'done'")" 20
: >"$T/go"
wait "$first"
is 'the first one ends in peace' "$?" 0
is 'each mail came' "$(came)" 40
check 'and no more than the one on its way came twice' \
	test "$(again | wc -l)" -le 1

# ---------------------------------------------------------- MariaDB is restarted

start_over
domains 3
rm -f "$T/go" "$T/slow.began"
sed -i "s,^sendmail.*,sendmail = $T/slow," "$T/edmarc.conf"
"${sender[@]}" >"$T/said" 2>&1 &
first=$!
wait_for 20 'a mail on its way' test -e "$T/slow.began"
mariadb_kill
: >"$T/go"
wait_for 20 'the mail' test -s "$T/accepted"
mariadb_start >/dev/null
wait "$first"
is 'MariaDB is killed while a mail is taken: it is noted later' "$(cat "$T/said")" \
	'reports: 3 planned, 3 sent, 0 skipped, 0 postponed, 0 failed, 0 waiting'
is 'all mails came' "$(came)" 6
is 'once' "$(again)" ''

start_over
configure
domains 50
stop mariadb
send >"$T/said" 2>&1
is 'without MariaDB nothing is sent' "$? $(came)" '75 0'
mariadb_start >/dev/null
check 'then all is' send
is 'once' "$(came) $(again)" '100 '

# ---------------------------------------------------------------------- downtime

start_over
configure 'catch_up_days = 3'
domains 5 9
domains 5 1
check 'the first run of all' send
is 'is about yesterday' "$(came)" 10
sql $db "UPDATE sent_since SET first_day = first_day - INTERVAL 30 DAY"
domains 5 2
domains 5 3
domains 5 4
domains 5 5
check 'after three days' send
is 'three days are made up for, and no more' "$(came) $(sql $db \
	'SELECT COUNT(DISTINCT day) FROM sent_report')" '40 4'
sql $db "UPDATE verdict_row SET count = count + 2
	WHERE day = CURRENT_DATE - INTERVAL 1 DAY AND mta = 'mx1'"
like 'what comes late is told' "$(send --status)" \
	'^.*: 5 planned, 5 sent, 0 skipped, 0 postponed, 0 failed, 0 waiting; 10 messages came late$'
is 'and not sent' "$(send)$(came)" 40

# ----------------------------------------------------------------------- resend

yesterday=$(date -u -d yesterday +%F)
before=$(sort "$T/accepted")
check 'sent again' send --resend --date "$yesterday" --domain d3.test \
	--to b@d3.test
is 'one mail, under its old id' "$(again)" "$(grep "$(sql $db "SELECT report_id
	FROM sent_report s JOIN verdict_policy p USING (policy_hash)
	WHERE day = '$yesterday' AND policy_domain = 'd3.test'")" \
	<<<"$before" | grep b@d3.test)"
check 'a whole day' send --resend --date "$yesterday"
is 'is ten mails' "$(wc -l <"$T/accepted")" 51

# ----------------------------------------------------------------------- give up

start_over
configure "sendmail = /bin/false"
domains 1
send >"$T/said" 2>&1
is 'what nobody takes' "$?" 75
like 'waits' "$(send --status)" \
	'd1.test  2 messages  postponed, next .*: /bin/false: exit status 1$'
sql $db 'UPDATE sent_report SET give_up_at = 1'
send >"$T/said" 2>&1
like 'and is given up in the end' "$(cat "$T/said")" ' 1 failed, 0 waiting'
like 'with the reason' "$(send --status)" \
	'd1.test  2 messages  failed: given up: /bin/false: exit status 1$'
like 'of each destination' "$(send --status --format csv)" \
	'"a@d1.test","failed",1,.*exit status 1'

# ------------------------------------------------------------------------- pace

start_over
configure 'max_per_minute = 7' 'max_per_host = 5'
domains 20
sql $db "UPDATE verdict_policy SET rua = 'mailto:all@collector.test'
	WHERE policy_domain < 'd2'"
echo '*._report._dmarc.collector.test. TXT "v=DMARC1"' >"$T/zone"
"${sender[@]}" >"$T/said" 2>&1 &
first=$!
"${sender[@]}" >"$T/said2" 2>&1 &
second=$!
full_minute() {
	[ "$(sql $db "SELECT MAX(mails) FROM sent_minute WHERE host = ''")" = 7 ]
}
wait_for 70 'a full minute' full_minute
kill "$first" "$second"
wait "$first" "$second"
most=$(sql $db "SELECT MAX(mails) FROM sent_minute WHERE host = ''")
is 'no minute has more mails than it may' "$most" 7
check 'nor has one host' test "$(sql $db "SELECT COALESCE(MAX(mails), 0)
	FROM sent_minute WHERE host <> ''")" -le 5
check 'the rest waits' test "$(sql $db "SELECT COUNT(*) FROM sent_report
	WHERE state IN ('planned', 'postponed')")" -gt 0
is 'and nobody has it' "$(sql $db "SELECT COUNT(*) FROM sent_report
	WHERE state = 'claimed'")" 0

# Spread over hours: another run keeps the times. It stays for what is due soon, so
# it has to be told to end.
start_over
configure 'send_over = 4h'
domains 200
for_a_moment() {
	timeout --preserve-status 2 "$edmarc" -c "$T/edmarc.conf" send \
		--zone "$T/zone"
}
plan() {
	sql $db "SELECT HEX(policy_hash), due_at FROM sent_report
		WHERE state = 'planned' ORDER BY 1"
}
check 'a plan over four hours' for_a_moment
is 'is spread over them' "$(sql $db 'SELECT MAX(due_at) - MIN(due_at) > 10000,
	COUNT(DISTINCT due_at) > 180 FROM sent_report')" $'1\t1'
first=$(plan)
check 'another run' for_a_moment
is 'keeps it' "$(comm -13 <(sort <<<"$first") <(plan | sort))" ''
finish
