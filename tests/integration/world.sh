# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# world.sh - all servers together, as one administrator would run them (after
# netns.sh, nsd.sh, dkim.sh, exim.sh, dovecot.sh, mariadb.sh, scenario.sh)
#
#	world_new [EXIM-LINE...]  folders, users, configurations; the lines go
#	                          into the main section of Exim's configuration
#	world_start               NSD, MariaDB with its tables, Dovecot, Exim
#	world_edmarc ARG...       the program as the user edmarc
#	world_view ARG...         the program as the user edmarc-view
#	world_verdict ID          the verdict line of a message, before ingest
#	world_delivered           have all queued messages left Exim? (wait_for)
#
# Exim's clock is one day behind, so that all mail arrives yesterday: reports
# are made of days that are over. The users edmarc and edmarc-view exist in the
# test's own /etc/passwd only.

WORLD_DAY=$(date -u -d yesterday +%F)
VIEW_UID=398
WORLD_ADDRESSES="192.0.2.25 2001:db8::1"

world_users() {
	{
		cat /etc/passwd
		echo "edmarc:x:$EDMARC_UID:$EDMARC_UID::$T/home/edmarc:/bin/sh"
		echo "edmarc-view:x:$VIEW_UID:$VIEW_UID::/nonexistent:/bin/sh"
	} >"$T/passwd"
	{
		cat /etc/group
		echo "edmarc:x:$EDMARC_UID:"
		echo "edmarc-view:x:$VIEW_UID:"
	} >"$T/group"
	netns_put /etc/passwd <"$T/passwd"
	netns_put /etc/group <"$T/group"
}

world_conf() {
	cat <<-CONF
	[exim]
	authserv_id = mx.hoster.example

	[evaluate]
	dns_timeout = 3s

	[journal]
	directory = $T/verdicts

	[reports]
	spool = $SPOOL

	[database]
	option_file = $MARIADB_OPTIONS

	[send]
	reporting = yes
	org_name = Hoster
	email = dmarc-reports@hoster.example
	sendmail = /usr/sbin/sendmail
	CONF
}

world_exim() {
	local line

	exim_new mx
	{
		echo 'domainlist local_domains = acme.example : bank.example : shop.example'
		echo 'domainlist relay_to_domains = relay.example'
		# so that edmarc send may say what the envelope sender is
		echo "trusted_users = $EXIM_USER : edmarc"
		for line in "$@"; do
			echo "$line"
		done
	} >>"$T/mx/main"
	exim_module mx
	{
		echo ".include $srcdir/docs/examples/exim-routers.conf"
		cat "$T/mx/routers"
	} >"$T/mx/routers.new" && mv "$T/mx/routers.new" "$T/mx/routers"
	dovecot_example exim-transports.conf >"$T/mx/edmarc-transports.conf"
	echo ".include $T/mx/edmarc-transports.conf" >>"$T/mx/transports"
	echo '* * F,1h,5s' >"$T/mx/retry"
}

world_new() {
	need_programs setpriv
	# Who hands a message to sendmail has Exim load the module, too.
	[ "${EXIM_UNDER:-}" != asan ] ||
		skip "a set-user-id Exim cannot have the runtime of ASan"
	faketime=$(find /usr/lib -name libfaketime.so.1 | head -n 1)
	[ -n "$faketime" ] || skip "libfaketime is missing"
	dovecot_new
	spool_new
	install -d -o "$EXIM_USER" -g $EDMARC_UID -m 2770 "$T/verdicts"
	world_users
	MARIADB_OPTIONS=$T/mariadb.cnf
	world_conf >"$T/edmarc.conf"
	world_exim "$@"
}

# As exim_start, but a day behind, and as the machine's own Exim (in this mount
# namespace): with the configuration where Exim looks for it, deliveries may run
# as other users and /usr/sbin/sendmail takes mail from anybody.
world_exim_start() {
	local address

	# shellcheck disable=SC2086
	exim_configuration mx $WORLD_ADDRESSES |
		sed -e '/^deliver_drop_privilege/d' \
			-e 's/^keep_environment.*/& : ^FAKE : ^LD_PRELOAD/' \
			>"$T/mx/exim.conf"
	rm -rf "$T/etc-exim4"
	cp -a /etc/exim4 "$T/etc-exim4"
	cp "$T/mx/exim.conf" "$T/etc-exim4/exim4.conf"
	mount --bind "$T/etc-exim4" /etc/exim4
	exim4 -bV >"$T/mx-check.log" 2>&1 ||
		bail 'Exim takes the configuration' "$(head -n 3 "$T/mx-check.log")"
	# Not by the program faketime, whose semaphores are named by pid and thus
	# clash between namespaces.
	exim_preload=$faketime EDMARC_CONFIG=$T/edmarc.conf FAKETIME=-1d \
		exim_daemon mx -bdf -q5s
	for address in $WORLD_ADDRESSES; do
		wait_for 10 "Exim on $address" exim_greets "$address" ||
			bail 'Exim starts' "$(exim_log mx)"
	done
}

world_start() {
	scenario_records >"$T/records"
	nsd_start "$T/records"
	netns_resolv "$NSD_ADDRESS"
	mariadb_start
	"$top_builddir/edmarc" -c "$T/edmarc.conf" setup --database --grants \
		--sql-dir "$srcdir/sql" >"$T/setup.log" 2>&1 ||
		bail 'the database is made' "$(cat "$T/setup.log")"
	dovecot_start
	world_exim_start
}

world_edmarc() {
	setpriv --reuid edmarc --regid edmarc --clear-groups \
		"$top_builddir/edmarc" -c "$T/edmarc.conf" "$@"
}

world_view() {
	setpriv --reuid edmarc-view --regid edmarc-view --clear-groups \
		"$top_builddir/edmarc" -c "$T/edmarc.conf" "$@"
}

world_verdict() {
	cat "$T"/verdicts/*.jsonl 2>/dev/null | grep -F "\"$1\""
}

world_delivered() {
	exim_idle mx
}
