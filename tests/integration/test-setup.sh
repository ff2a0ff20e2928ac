#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# edmarc setup --database on a private MariaDB
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/mariadb.sh"
need_root
begin
mariadb_start

edmarc=$top_builddir/edmarc
printf '%s\n' '[database]' 'name = edmarc-test' \
	"option_file = $MARIADB_OPTIONS" >"$T/edmarc.conf"

# run WANTED-STATUS NAME ARGUMENT...: leaves what was said in $output
run() {
	local want=$1 name=$2 status

	shift 2
	output=$("$edmarc" -c "$T/edmarc.conf" "$@" 2>&1)
	status=$?
	if [ "$status" = "$want" ]; then
		ok "$name"
	else
		not_ok "$name" "status $status, wanted $want"$'\n'"$output"
	fi
}

tables=$(sed -n 's/^CREATE TABLE IF NOT EXISTS \([a-z_]*\).*/\1/p' \
	"$srcdir"/sql/0*.sql | cat - <(echo schema_step) | sort | paste -sd' ')
n_tables=$(wc -w <<<"$tables")
steps=$(cd "$srcdir/sql" && echo 0*.sql)
n_steps=$(wc -w <<<"$steps")

run 0 'setup makes the database' setup --database --sql-dir "$srcdir/sql"
like 'and says so' "$output" '^edmarc: 001-tables.sql: done$'
is 'all tables are there' \
	"$(sql edmarc-test 'SHOW TABLES' | sort | paste -sd' ')" "$tables"
is 'all have a primary key' "$(sql "SELECT COUNT(*) FROM
	information_schema.TABLE_CONSTRAINTS WHERE TABLE_SCHEMA = 'edmarc-test'
	AND CONSTRAINT_TYPE = 'PRIMARY KEY'")" "$n_tables"
is 'and are InnoDB' "$(sql "SELECT DISTINCT ENGINE FROM
	information_schema.TABLES WHERE TABLE_SCHEMA = 'edmarc-test'")" InnoDB
is 'the steps are noted' "$(sql edmarc-test \
	'SELECT name FROM schema_step ORDER BY step' | paste -sd' ')" "$steps"

sql edmarc-test "INSERT INTO tls_policy VALUES
	(1, 1, 'keep', 'example.org', '', 1, 0)"
run 0 'a second time does nothing' setup --database --sql-dir "$srcdir/sql"
like 'and says so' "$output" '^edmarc: 001-tables.sql: was there already$'
sql edmarc-test 'DELETE FROM schema_step'
run 0 'a step that was interrupted runs again' \
	setup --database --sql-dir "$srcdir/sql"
is 'and loses nothing' "$(sql edmarc-test 'SELECT policy_type FROM tls_policy')" keep

run 0 'grants' setup --database --grants --sql-dir "$srcdir/sql"
run 0 'grants twice' setup --database --grants --sql-dir "$srcdir/sql"
like 'the loading user may write' \
	"$(sql "SHOW GRANTS FOR 'edmarc'@'localhost'")" \
	'GRANT SELECT, INSERT, UPDATE, DELETE ON `edmarc-test`'
like 'and logs in by unix_socket' \
	"$(sql "SHOW GRANTS FOR 'edmarc'@'localhost'")" 'VIA unix_socket'

# What the viewing user may see is said table by table; whoever adds a table has
# to decide. A grant from before that, on all of them, is taken back.
private='failure_report journal_segment received_original refusing_host secret'
sql "GRANT SELECT ON \`edmarc-test\`.* TO 'edmarc-view'@'localhost'"
run 0 'grants after an older version' \
	setup --database --grants --sql-dir "$srcdir/sql"
grants=$(sql "SHOW GRANTS FOR 'edmarc-view'@'localhost'")
unlike 'the viewing user may not read all' "$grants" 'ON `edmarc-test`\.\*'
is 'but each table, except those with texts of people' \
	"$(sed -n 's/^GRANT SELECT ON `edmarc-test`.`\([a-z_]*\)`.*/\1/p' \
		<<<"$grants" | cat - <(printf '%s\n' $private) | sort |
		paste -sd' ')" "$tables"
unlike 'and nothing more' "$grants" 'INSERT|UPDATE|DELETE|SHOW VIEW'

sql "ALTER USER 'edmarc-view'@'localhost' IDENTIFIED BY 'x'"
printf '[edmarc]\nsocket = %s\nuser = edmarc-view\npassword = x\n' \
	"$MARIADB_SOCKET" >"$T/view.cnf"
view() {
	mariadb --no-defaults \
		--user=edmarc-view --password=x --socket="$MARIADB_SOCKET" \
		--batch --skip-column-names edmarc-test -e "$1" 2>&1
}
for table in $private; do
	like "it is refused $table" "$(view "SELECT * FROM $table")" \
		"SELECT command denied to user 'edmarc-view'.*$table"
done
is 'it reads the others' "$(view 'SELECT COUNT(*) FROM received_report')" 0
sed "s,^option_file.*,option_file = $T/view.cnf," "$T/edmarc.conf" \
	>"$T/view.conf"
for command in 'summary' 'summary example.org' 'summary --format json'; do
	# shellcheck disable=SC2086 # words
	check "edmarc $command works with it" \
		"$edmarc" -c "$T/view.conf" $command
done

# Tables of a checkout from the time when the first step was still changed
sql edmarc-test "ALTER TABLE received_mail MODIFY set_aside TINYINT NOT NULL
	COMMENT 'in other words', ADD KEY of_ours (recipient)"
run 0 'other comments and further keys do no harm' \
	setup --database --sql-dir "$srcdir/sql"
older() { # older NAME STATEMENT WANTED
	sql 'DROP DATABASE `edmarc-test`'
	"$edmarc" -c "$T/edmarc.conf" setup --database \
		--sql-dir "$srcdir/sql" 2>/dev/null
	sql edmarc-test "$2"
	run 78 "older tables: $1" setup --database --sql-dir "$srcdir/sql"
	like 'are named with what they lack' "$output" "table $3"
	sql edmarc-test "$(grep -oE '(DROP|DELETE)[^;]*;' <<<"$output")"
	run 0 'and what it says repairs them' \
		setup --database --sql-dir "$srcdir/sql"
}
older 'a table is missing' 'DROP TABLE failure_report' \
	'failure_report is not there, though its step is noted'
older 'a column is shorter' \
	'ALTER TABLE received_report MODIFY org_name VARCHAR(100) NOT NULL' \
	'received_report of an earlier .* has no `org_name` varchar\(255\).* NOT NULL'
older 'a key is missing' 'ALTER TABLE received_report DROP KEY incomplete' \
	'received_report of an earlier .* has no KEY `incomplete` \(`complete`,`stored_at`\)'
older 'a column is missing' 'ALTER TABLE received_report DROP KEY overlap,
	DROP COLUMN period_bucket, DROP COLUMN overlaps' \
	'received_report of an earlier .* has no `overlaps` tinyint\(4\) NOT NULL DEFAULT 0'
sql edmarc-test 'ALTER TABLE received_report DROP COLUMN warnings;
	DELETE FROM schema_step WHERE step > 1'
run 78 'before the steps that are new' setup --database --sql-dir "$srcdir/sql"
unlike 'of which none is run' "$output" 'done'
run 78 'nor do others begin' summary
like 'but send there' "$output" 'run edmarc setup --database'
sql 'DROP DATABASE `edmarc-test`'
run 0 'dropped and made again' setup --database --sql-dir "$srcdir/sql"

mkdir "$T/sql"
cp "$srcdir"/sql/0*.sql "$T/sql"
next=$(printf %03d $((n_steps + 1)))
later=$(printf %03d $((n_steps + 2)))
printf 'CREATE TABLE IF NOT EXISTS half (a INT PRIMARY KEY);\nCREATE TABEL x;\n' \
	>"$T/sql/$next-broken.sql"
run 78 'a broken step' setup --database --sql-dir "$T/sql"
like 'is named with the reason of the server' "$output" \
	"$next-broken.sql: MariaDB error 1064: "
is 'and not noted' "$(sql edmarc-test 'SELECT MAX(step) FROM schema_step')" \
	"$n_steps"
mv "$T/sql/$next-broken.sql" "$T/sql/$later-later.sql"
run 78 'a missing step' setup --database --sql-dir "$T/sql"
like 'is named' "$output" "no step $next before $later-later.sql"
run 78 'no folder of steps' setup --database --sql-dir "$T/nowhere"
like 'is named' "$output" 'nowhere: No such file or directory'
run 64 'without --database it says how' setup

# A user who may log in, but has no rights here
sql "CREATE USER nobody@localhost IDENTIFIED VIA unix_socket"
chmod 755 "$T" "$T/mariadb"
output=$(setpriv --reuid=nobody --regid=nogroup --clear-groups \
	"$edmarc" -c "$T/edmarc.conf" setup --database \
	--sql-dir "$srcdir/sql" 2>&1)
is 'a user without rights is refused' $? 78
like 'with the message of the server' "$output" \
	"MariaDB error 1044: Access denied for user 'nobody'"

stop mariadb
run 75 'MariaDB is down' setup --database --sql-dir "$srcdir/sql"
like 'with its message' "$output" 'MariaDB error 2002: .*connect'
printf '%s\n' '[database]' "option_file = $T/missing.cnf" >"$T/edmarc.conf"
run 78 'no option file' setup --database --sql-dir "$srcdir/sql"
like 'is named' "$output" 'missing.cnf: No such file'
finish
