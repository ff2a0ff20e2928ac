#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# edmarc ingest under load, killed again and again at any moment, and a database
# that fails it in every way: each report counts once in the end.
#
#	KILLS=500 make check-integration ONLY=kill
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/mariadb.sh"
. "$INTEGRATION/store.sh"
need_root
need_programs awk find python3 strace
begin
kills=${KILLS:-100}
mariadb_start
spool_make one
sql 'CREATE DATABASE edmarc'
edmarc_run 0 'setup' one setup --database --sql-dir "$srcdir/sql"
generate=$srcdir/tests/bench/gen_reports
begin_at=$(($(date +%s) / 86400 * 86400 - 86400))

# ------------------------------------------------------------------------ kills

# Many mails for each transaction, one report that takes several, and doubles.
spool_make master
"$generate" 1000 "$T/master/reports/new" 4500 || bail 'mails'
for name in $(ls "$T/master/reports/new" | awk 'NR % 10 == 1'); do
	cp "$T/master/reports/new/$name" "$T/master/reports/new/${name%.bench}.again"
done
chmod 600 "$T"/master/reports/new/*

start_over() {
	store_empty
	rm -rf "$T/one/reports"
	mkdir -p "$T"/one/reports/{tmp,bad}
	cp -al "$T/master/reports/new" "$T/one/reports/new"
	chmod 0700 "$T/one/reports" "$T/one/reports"/*
}

start_over
edmarc_run 0 'the whole, undisturbed' one ingest
wanted=$(store_state)
like 'has everything' "$(grep '^mails' <<<"$wanted")" 'mails.1001.101'

# In turn: ingest itself, at any moment; one of its parsers; MariaDB.
killed=0 parsers=0 servers=0 passes=0 wrong=
run_killed() { # seconds until the kill; false when it had ended before
	local pid parser status

	"$edmarc" -c "$T/one.conf" ingest 2>"$T/said" &
	pid=$!
	sleep "$1"
	if ((killed % 5 == 4)); then
		parser=$(awk '{ print $1 }' "/proc/$pid/task/$pid/children" \
			2>/dev/null)
		[ -z "$parser" ] || kill -KILL "$parser" 2>/dev/null &&
			parsers=$((parsers + 1))
		sleep 0.05
	fi
	if ((killed % 50 == 49)); then
		mariadb_kill
		servers=$((servers + 1))
		wait "$pid"
		status=$?
		mariadb_start >/dev/null
		killed=$((killed + 1))
		[ "$status" = 75 ]
		return
	fi
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	[ $? = 137 ] && killed=$((killed + 1))
}
while ((killed < kills)); do
	start_over
	while run_killed "0.$(printf '%03d' $((20 + RANDOM % 180)))"; do
		((killed < kills)) || break
	done 2>/dev/null
	"$edmarc" -c "$T/one.conf" ingest 2>"$T/said" ||
		wrong="$wrong $killed: $(tail -n 1 "$T/said");"
	[ "$(store_state)" = "$wanted" ] || wrong="$wrong $killed: numbers;"
	[ "$(waiting one)" = 0 ] || wrong="$wrong $killed: waiting;"
	[ -z "$(ls "$T/one/reports/bad")" ] || wrong="$wrong $killed: bad;"
	passes=$((passes + 1))
done
is "killed $killed times in $passes passes over 1102 mails" "$wrong" ''
check "parsers ($parsers) and MariaDB ($servers) among them" \
	test "$parsers" -gt 0 -a "$servers" -gt 0

# ------------------------------------------------------------------ the database

# faults STATEMENTS: what MariaDB does at each row that comes in
faults() {
	sql edmarc "DROP TRIGGER IF EXISTS fault"
	[ -z "$1" ] || mariadb --no-defaults --socket="$MARIADB_SOCKET" edmarc <<-SQL
	DELIMITER //
	CREATE TRIGGER fault BEFORE INSERT ON received_row FOR EACH ROW
	BEGIN $1 END//
	SQL
}

# some_mails N DOMAIN: N mails with a report of one row each
some_mails() {
	local i

	store_empty
	rm -rf "$T/one/reports/bad"/* "$T/one/reports/new"/*
	for ((i = 0; i < $1; i++)); do
		report "f$i" "$begin_at" $((begin_at + 86399)) "$2" \
			<<<'192.0.2.1 1 none pass pass' >"$T/m"
		mail_put one "$T/m"
	done
}

stored() {
	sql edmarc 'SELECT COUNT(*), COALESCE(SUM(messages), 0),
		(SELECT COUNT(*) FROM received_row), MIN(complete)
		FROM received_report'
}

some_mails 60 example.org
report poison "$begin_at" $((begin_at + 86399)) poison.example \
	<<<'192.0.2.1 1 none pass pass' >"$T/m"
mail_put one "$T/m"
faults "IF NEW.header_from = 'poison.example' THEN
	SIGNAL SQLSTATE '22001' SET MYSQL_ERRNO = 1406,
	MESSAGE_TEXT = 'Data too long for a column'; END IF;"
edmarc_run 0 'a mail that the database does not take' one ingest
like 'is set aside with its reason' "$errors" \
	'status=rejected .*MariaDB error 1406: Data too long'
like 'and those of the same transaction are not' "$errors" \
	'mails=61 reports=60 duplicates=0 set_aside=1'
is 'each once' "$(stored)" $'60\t60\t60\t1'

some_mails 60 example.org
faults "SET @deadlocks = COALESCE(@deadlocks, 0) + 1;
	IF @deadlocks % 7 = 0 AND @deadlocks < 30 THEN
	SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213,
	MESSAGE_TEXT = 'Deadlock found'; END IF;"
edmarc_run 0 'deadlocks' one ingest
is 'are tried again' "$(stored)" $'60\t60\t60\t1'
is 'and nothing is set aside' "$(ls "$T/one/reports/bad")" ''

some_mails 60 example.org
faults "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1114,
	MESSAGE_TEXT = 'The table is full';"
edmarc_run 75 'a full disk' one ingest
like 'is told' "$errors" 'MariaDB error 1114: The table is full'
is 'and leaves all mails where they are' "$(waiting one)" 60
is 'and nothing in the tables' "$(stored)" $'0\t0\t0\tNULL'
faults ''
edmarc_run 0 'when there is room' one ingest
is 'they are loaded' "$(stored)" $'60\t60\t60\t1'

sql "CREATE USER app IDENTIFIED BY 'x';
	GRANT SELECT, INSERT, UPDATE, DELETE ON edmarc.* TO app;
	SET GLOBAL read_only = 1"
printf '[edmarc]\nsocket = %s\nuser = app\npassword = x\n' "$MARIADB_SOCKET" \
	>"$T/app.cnf"
sed "s,$MARIADB_OPTIONS,$T/app.cnf," "$T/one.conf" >"$T/app.conf"
some_mails 30 example.org
edmarc_run 75 'a database that is read-only' app ingest
like 'is told' "$errors" 'MariaDB error 1290: .*read-only'
is 'and leaves all mails where they are' "$(waiting one)" 30
sql 'SET GLOBAL read_only = 0'
edmarc_run 0 'when it can be written to' app ingest
is 'they are loaded' "$(stored)" $'30\t30\t30\t1'

some_mails 30 example.org
faults "IF NEW.row_no = 1 AND @slept IS NULL THEN
	SET @slept = SLEEP(20); END IF;"
"$edmarc" -c "$T/app.conf" ingest 2>"$T/said" &
ingest=$!
busy() {
	victim=$(sql "SELECT id FROM information_schema.PROCESSLIST
		WHERE state = 'User sleep'")
	[ -n "$victim" ]
}
wait_for 10 'the transaction' busy
sql "KILL $victim"
wait "$ingest"
is 'a connection lost in a transaction' $? 75
like 'is told' "$(cat "$T/said")" 'MariaDB error (2006|2013|1927|1317)'
is 'and undone' "$(stored)" $'0\t0\t0\tNULL'
faults ''
edmarc_run 0 'the next run' app ingest
is 'loads all' "$(stored)" $'30\t30\t30\t1'

# ------------------------------------------------------------------ the sandbox

some_mails 5 example.org
edmarc=$T/without-seccomp
cat >"$edmarc" <<-SHELL
	#!/bin/sh
	exec strace -f -qq -o /dev/null -e trace=seccomp \
		-e inject=seccomp:error=EINVAL "$top_builddir/edmarc" "\$@"
SHELL
chmod 755 "$edmarc"
edmarc_run 78 'a kernel without seccomp filters' one ingest
like 'is told' "$errors" "sandbox cannot be built .*--no-sandbox"
is 'and no mail is touched' "$(waiting one)" 5
edmarc_run 0 'with --no-sandbox' one ingest --no-sandbox
is 'all is loaded' "$(stored)" $'5\t5\t5\t1'
finish
