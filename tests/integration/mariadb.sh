# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# mariadb.sh - a private MariaDB (after lib.sh, and after begin)
#
#	mariadb_start [OPTION...]   makes the data folder the first time, starts
#	                            the server and writes the option file
#	                            $MARIADB_OPTIONS (group [edmarc])
#	mariadb_kill                kill -9, as after a power cut
#	stop mariadb                the orderly end
#	pause mariadb / resume mariadb
#	sql [DATABASE] STATEMENT    tab-separated answer without headings
#
# On a socket in $T only, never on a port. Root logs in by unix_socket.

MARIADB_SOCKET=
MARIADB_OPTIONS=

mariadb_install() {
	need_programs mariadbd mariadb-install-db mariadb
	MARIADB_SOCKET=$T/mariadb/s
	MARIADB_OPTIONS=$T/mariadb.cnf
	[ -d "$T/mariadb" ] && return 0
	mkdir "$T/mariadb"
	# $T is root's and the server is mysql, so its socket lies in its folder.
	[ "$(id -u)" != 0 ] || chown mysql: "$T/mariadb"
	mariadb-install-db --no-defaults --user="$1" --datadir="$T/mariadb" \
		--auth-root-authentication-method=socket \
		--skip-test-db --skip-name-resolve \
		>"$T/mariadb-install.log" 2>&1 ||
		bail 'MariaDB makes its folder' "$(tail "$T/mariadb-install.log")"
	printf '[edmarc]\nsocket = %s\n' "$MARIADB_SOCKET" >"$MARIADB_OPTIONS"
}

mariadb_start() {
	local user=mysql

	[ "$(id -u)" = 0 ] || user=$(id -un)
	mariadb_install "$user"
	# Small, because several tests may run on one machine; and with temporary
	# files of its own, since each server that starts clears what it finds.
	start mariadb mariadbd --no-defaults --user="$user" \
		--datadir="$T/mariadb" --socket="$MARIADB_SOCKET" \
		--pid-file="$T/mariadb/pid" --skip-networking \
		--tmpdir="$T/mariadb" \
		--innodb-buffer-pool-size=64M --innodb-log-file-size=32M \
		--performance-schema=OFF --skip-log-bin "$@"
	wait_for 60 'MariaDB' mariadb_answers ||
		bail 'MariaDB starts' "$(tail -n 5 "$T/mariadb.log")"
}

mariadb_answers() {
	mariadb --no-defaults --socket="$MARIADB_SOCKET" -e 'SELECT 1'
}

mariadb_kill() {
	stop mariadb KILL
}

# sql [DATABASE] STATEMENT
sql() {
	local database=

	if [ $# = 2 ]; then
		database=$1
		shift
	fi
	mariadb --no-defaults --socket="$MARIADB_SOCKET" --batch --raw \
		--skip-column-names --default-character-set=utf8mb4 \
		${database:+"$database"} -e "$1"
}
