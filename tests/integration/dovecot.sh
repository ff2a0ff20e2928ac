# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# dovecot.sh - a private Dovecot 2.3 that takes in reports (after lib.sh)
#
#	dovecot_new              makes its folders, users and configuration
#	dovecot_debian           replaces that by what Debian installs
#	dovecot_start            LMTP on $DOVECOT_LMTP
#	dovecot_lda ARG...       dovecot-lda with that configuration
#	dovecot_plugin on|off    is lib99_edmarc_plugin.so there?
#	spool_new                an empty report spool $SPOOL, owned by edmarc
#	spool_recipients         the recipients of all mails in it, sorted
#	lmtp FROM FILE RCPT...   one transaction; a line "RCPT CODE TEXT" for each,
#	                         refused recipients first; FILE has CR LF
#
# Users: alice, bob (own uids) and carol (own uid, Sieve) of any domain. Mail for
# the account dmarc.rua@own.example goes to alice, for dave to bob, by way of the
# plugin that dovecot_chain builds. The report user comes from docs/examples, with paths and uid replaced. Its uid is
# low, as that of a system user.

DOVECOT_LMTP=
SPOOL=
EDMARC_UID=397
ALICE_UID=70001
BOB_UID=70002
CAROL_UID=70003

# The examples as administrators install them, for this instance.
dovecot_example() {
	sed -e "s,/etc/dovecot/,$DOVECOT/," -e "s,/run/dovecot/,$DOVECOT/run/," \
		-e "s,/var/spool/edmarc/reports,$SPOOL," \
		-e "s,/var/lib/edmarc,$T/home/edmarc," \
		-e "s,:edmarc:edmarc:,:$EDMARC_UID:$EDMARC_UID:," \
		-e "s,^  \(user\|group\) = edmarc\$,  \1 = $EDMARC_UID," \
		-e "s,/usr/lib/dovecot/dovecot-lda,& -c $DOVECOT/dovecot.conf," \
		"$srcdir/docs/examples/$1"
}

dovecot_new() {
	local user

	need_root
	need_programs dovecot doveadm
	[[ $(dovecot --version) = 2.3.* ]] || skip "needs Dovecot 2.3"
	DOVECOT=$T/dovecot
	DOVECOT_LMTP=$DOVECOT/run/lmtp
	SPOOL=$T/reports
	mkdir -p "$DOVECOT"/{run,state,modules} "$T"/home/{alice,bob,carol,edmarc}
	chown $EDMARC_UID:$EDMARC_UID "$T/home/edmarc"
	chown $ALICE_UID:$ALICE_UID "$T/home/alice"
	chown $BOB_UID:$BOB_UID "$T/home/bob"
	chown $CAROL_UID:$CAROL_UID "$T/home/carol"
	ln -s /usr/lib/dovecot/modules/* "$DOVECOT/modules/"
	rm -f "$DOVECOT/modules/lib99_edmarc_plugin.so"
	dovecot_plugin on
	cat >"$DOVECOT/users" <<-USERS
	alice::$ALICE_UID:$ALICE_UID::$T/home/alice
	bob::$BOB_UID:$BOB_UID::$T/home/bob
	carol::$CAROL_UID:$CAROL_UID::$T/home/carol::userdb_mail_plugins=sieve
	dave::$BOB_UID:$BOB_UID::$T/home/bob::userdb_mail_plugins=chain
	USERS
	echo "dmarc.rua@own.example::$ALICE_UID:$ALICE_UID::$T/home/alice" \
		>"$DOVECOT/accounts"
	printf 'require ["fileinto","mailbox"];\nfileinto :create "sieved";\n' \
		>"$T/home/carol/.dovecot.sieve"
	chown $CAROL_UID "$T/home/carol/.dovecot.sieve"
	dovecot_example edmarc-rua.userdb >"$DOVECOT/edmarc-rua.userdb"
	dovecot_example dovecot-2.3.conf >"$DOVECOT/edmarc.conf"
	cat >"$DOVECOT/dovecot.conf" <<-CONF
	base_dir = $DOVECOT/run
	state_dir = $DOVECOT/state
	log_path = /dev/stderr
	protocols = lmtp
	ssl = no
	mail_plugin_dir = $DOVECOT/modules
	mail_location = maildir:~/Maildir
	postmaster_address = postmaster@example.org
	lda_mailbox_autocreate = yes
	passdb {
	  driver = passwd-file
	  args = username_format=%Ln $DOVECOT/users
	}
	userdb {
	  driver = passwd-file
	  args = username_format=%Lu $DOVECOT/accounts
	}
	userdb {
	  driver = passwd-file
	  args = username_format=%Ln $DOVECOT/users
	}
	!include edmarc.conf
	!include_try more.conf
	CONF
}

dovecot_plugin() {
	local module=$top_builddir/.libs/lib99_edmarc_plugin.so

	[ -r "$module" ] || bail "the Dovecot plugin is built" "no $module"
	rm -f "$DOVECOT/modules/lib99_edmarc_plugin.so"
	[ "$1" = off ] || ln -s "$module" "$DOVECOT/modules/"
}

# Debian's own configuration as the packages carry it, and the examples where the
# administrator installs them. Only places, and TLS keys it lacks, are changed.
dovecot_debian() {
	local stock=/usr/share/dovecot

	[ -f "$stock/conf.d/10-mail.conf" ] || return 1
	cp -r "$stock/dovecot.conf" "$stock/conf.d" "$DOVECOT/"
	sed -i '/^ssl_\(cert\|key\|dh\)/d' "$DOVECOT/conf.d/10-ssl.conf"
	mv "$DOVECOT/edmarc.conf" "$DOVECOT/conf.d/99-edmarc.conf"
	cat >"$DOVECOT/local.conf" <<-CONF
	base_dir = $DOVECOT/run
	state_dir = $DOVECOT/state
	log_path = /dev/stderr
	protocols = lmtp
	mail_plugin_dir = $DOVECOT/modules
	CONF
}

# Somebody else's plugin, which can be built where ours was.
dovecot_chain() {
	local include

	# shellcheck disable=SC1091
	include=$(. /usr/lib/dovecot/dovecot-config && echo "$dovecot_pkgincludedir")
	"${CC:-cc}" -shared -fPIC -DHAVE_CONFIG_H -I"$include" \
		-o "$DOVECOT/modules/lib95_chain_plugin.so" \
		"$INTEGRATION/chain-plugin.c" 2>"$T/chain.log" ||
		bail 'the other plugin is built' "$(head -n 5 "$T/chain.log")"
}

dovecot_start() {
	start dovecot dovecot -F -c "$DOVECOT/dovecot.conf"
	wait_for 10 'Dovecot' test -S "$DOVECOT_LMTP" ||
		bail 'Dovecot starts' "$(tail -n 5 "$T/dovecot.log")"
}

dovecot_lda() {
	/usr/lib/dovecot/dovecot-lda -c "$DOVECOT/dovecot.conf" "$@"
}

spool_new() {
	rm -rf "$SPOOL"
	mkdir "$SPOOL" "$SPOOL"/{tmp,new,bad} || exit 1
	chmod 700 "$SPOOL" "$SPOOL"/{tmp,new,bad}
	chown -R $EDMARC_UID:$EDMARC_UID "$SPOOL"
}

spool_recipients() {
	local file

	for file in "$SPOOL"/new/*; do
		[ -f "$file" ] && sed -n '/^$/q; s/^recipient: //p' "$file"
	done | sort | tr '\n' ' ' | sed 's/ $//'
}

lmtp() {
	local from=$1 file=$2 rcpt to=()

	shift 2
	for rcpt in "$@"; do
		to+=(--to "$rcpt")
	done
	"$INTEGRATION/smtp-client" --lmtp --server "$DOVECOT_LMTP" \
		--from "$from" "${to[@]}" "$file" | awk '
	/^C: / { asked = data = 0 }
	/^C: RCPT/ {
		rcpt = $0
		gsub(/^C: RCPT TO:<|>$/, "", rcpt)
		asked = 1
	}
	/^C: \.$/ { data = 1 }
	/^S: / && asked && $2 == "250" { taken[n++] = rcpt }
	/^S: / && asked && $2 != "250" { print rcpt, substr($0, 4) }
	/^S: / && data { print taken[i++], substr($0, 4) }'
}
