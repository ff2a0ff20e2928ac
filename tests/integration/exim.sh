# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# exim.sh - private Exims (after netns.sh)
#
#	exim_new NAME            folder $T/NAME with the parts of a configuration,
#	                         which the test may replace or add to:
#	                         main acl routers transports retry authenticators
#	exim_start NAME ADDRESS...   daemon on port 25 of these addresses
#	exim_run NAME ARGUMENT...    the command exim4 with that configuration
#	exim_light               before netns_enter: from here on, Exims are those
#	                         of exim4-daemon-light
#	exim_trust NAME          the daemon keeps root, to deliver as other users
#	exim_log NAME            its main log, then its panic log
#	exim_idle NAME           is the queue empty? (for wait_for)
#	exim_password NAME       every user may authenticate, with "secret"
#	exim_remote NAME SOURCE LOCAL [DOMAIN SELECTOR KEYFILE]
#	                         before exim_start: mail to other domains than
#	                         those of the list LOCAL goes to their MX, from the
#	                         address SOURCE, signed with that key (dkim.sh)
#	smtp_send SOURCE ARGUMENT...  smtp-client from the address SOURCE, which
#	                         may be of either family. The dialogue is in
#	                         $smtp_dialogue; the replies to the messages are in
#	                         $smtp_reply, the ids that Exim gave them in
#	                         $smtp_id, one a line.
#
# Set before exim_start, to have it otherwise:
#	exim_under               an array: a command in front of the daemon's
#	exim_preload             libraries for its LD_PRELOAD
#	exim_queue_runs          -q1h, or nothing
#	exim_tls_hosts           who is offered STARTTLS: nobody, or *
#
# With EXIM_UNDER=valgrind in the environment, daemons run under memcheck; with
# EXIM_UNDER=asan, and an edmarc.so in EXIM_MODULE that was built with sanitizers,
# with their runtime. Each error makes the test fail when it finishes.
#
# As created, an Exim accepts mail for every address and keeps each message in
# $T/NAME/mail/ID. The module under test is added by the test:
#
#	exim_new mx
#	exim_module mx           main gets docs/examples/exim-main.conf with the
#	                         path of the built edmarc.so, acl_smtp_rcpt the
#	                         line that makes Exim check SPF
#	exim_start mx 192.0.2.25
#
# $T/NAME/sendmail is a program that submits mail to it, for `sendmail =`.
# Exim says "lost privilege for using -C" in its log: harmless, deliveries run
# as its user.

# The program that the functions below start; set it between them to have both.
EXIM=${EXIM:-exim4}
EXIM_MODULE=${EXIM_MODULE:-$top_builddir/.libs/edmarc.so}
exim_under=()
exim_preload=
exim_queue_runs=-q1h
exim_tls_hosts=
EXIM_USER=$(stat -c %U /var/spool/exim4 2>/dev/null || echo Debian-exim)

# The package cannot be installed beside exim4-daemon-heavy, so it is unpacked
# into the build folder, in the version of the rest of Exim here.
exim_light() {
	local version folder

	[ -z "${EDMARC_IN_NETNS:-}" ] || return 0 # EXIM comes from outside
	need_programs apt-get dpkg-deb
	version=$(dpkg-query -W -f '${Version}' exim4-base) || skip "no Exim"
	folder=$top_builddir/exim-light/$version
	if [ ! -x "$folder/usr/sbin/exim4" ]; then
		rm -rf "$folder"
		mkdir -p "$folder" || exit 1
		(cd "$folder" && apt-get -q -o APT::Sandbox::User=root \
			download "exim4-daemon-light=$version" >log 2>&1 &&
			dpkg-deb -x exim4-daemon-light_*.deb .) ||
			skip "exim4-daemon-light cannot be downloaded:" \
				"$(tail -n 1 "$folder/log")"
	fi
	export EXIM=$folder/usr/sbin/exim4
}

exim_new() {
	local name=$1 folder=$T/$1

	need_programs "$EXIM"
	mkdir -p "$folder"/{spool,log,mail} || exit 1
	chown -R "$EXIM_USER" "$folder"/{spool,log,mail}
	cat >"$folder/main" <<-'CONF'
	acl_smtp_rcpt = acl_check_rcpt
	acl_smtp_data = acl_check_data
	CONF
	cat >"$folder/acl" <<-'CONF'
	acl_check_rcpt:
	  accept
	acl_check_data:
	  accept
	CONF
	cat >"$folder/routers" <<-'CONF'
	keep:
	  driver = accept
	  transport = keep
	CONF
	cat >"$folder/transports" <<-CONF
	keep:
	  driver = appendfile
	  file = $folder/mail/\$message_exim_id
	  message_prefix =
	  message_suffix =
	  envelope_to_add
	  return_path_add
	  user = $EXIM_USER
	CONF
	: >"$folder/retry"
	: >"$folder/authenticators"
	printf '#!/bin/sh\nexec %s -C %s "$@"\n' "$EXIM" "$folder/exim.conf" \
		>"$folder/sendmail"
	chmod 755 "$folder/sendmail"
}

# What is the same in every configuration, with the parts included.
exim_configuration() {
	local name=$1 folder=$T/$1

	shift
	cat <<-CONF
	primary_hostname = $name.test
	exim_path = $(command -v "$EXIM")
	spool_directory = $folder/spool
	log_file_path = $folder/log/%slog
	pid_file_path = $folder/exim.pid
	daemon_smtp_ports = 25
	local_interfaces = <; $(printf '%s ; ' "$@")
	tls_advertise_hosts = $exim_tls_hosts
	host_lookup =
	rfc1413_hosts =
	smtp_accept_max = 200
	smtp_accept_max_per_connection = 100000
	smtp_accept_queue_per_connection = 0
	smtp_enforce_sync = false
	message_logs = false
	split_spool_directory = false
	deliver_drop_privilege
	never_users =
	keep_environment = ^EDMARC_
	.include $folder/main
	begin acl
	.include $folder/acl
	begin routers
	.include $folder/routers
	begin transports
	.include $folder/transports
	begin retry
	.include $folder/retry
	begin authenticators
	.include $folder/authenticators
	CONF
}

exim_start() {
	local name=$1 folder=$T/$1 address

	shift
	exim_configuration "$name" "$@" >"$folder/exim.conf" || exit 1
	exim_run "$name" -bV >"$T/$name.check" 2>&1 ||
		bail "Exim takes the configuration" "$(head -n 3 "$T/$name.check")"
	# shellcheck disable=SC2086
	exim_daemon "$name" -C "$folder/exim.conf" -bdf $exim_queue_runs
	for address in "$@"; do
		wait_for 10 "Exim on $address" exim_greets "$address" ||
			bail "Exim starts" "$(exim_log "$name")"
	done
}

# exim_daemon NAME ARGUMENT...: in the foreground, under whatever is asked for
exim_daemon() {
	local name=$1 program preload=$exim_preload

	shift
	program=$(command -v "$EXIM")
	case ${EXIM_UNDER:-} in
	'') ;;
	valgrind)
		exim_watched "$program"
		exim_under=(valgrind --quiet --vgdb=no --num-callers=30
			--leak-check=full --show-leak-kinds=definite
			--suppressions="$INTEGRATION/exim.supp"
			--log-file="$T/watched/$name.%p")
		;;
	asan)
		exim_watched "$program"
		# Threads of others end with a signal stack that is not theirs.
		export ASAN_OPTIONS="detect_leaks=0:use_sigaltstack=0"
		ASAN_OPTIONS+=":log_path=$T/watched/$name"
		preload=$(exim_sanitizer)${preload:+:$preload}
		export UBSAN_OPTIONS="print_stacktrace=1:log_path=$T/watched/$name"
		;;
	*) bail 'EXIM_UNDER is valgrind or asan' "$EXIM_UNDER" ;;
	esac
	start "$name" ${preload:+env LD_PRELOAD="$preload"} \
		${exim_under[@]+"${exim_under[@]}"} "$program" "$@"
}

# Sets $program to a copy without the set-user-id bit, which neither valgrind nor
# LD_PRELOAD works with. A daemon that root starts does not need it.
exim_watched() {
	install -d -m 1777 "$T/watched"
	program=$T/programs$1
	[ -x "$program" ] || install -D -m 755 "$1" "$program"
	patience=10
}

# The runtime that edmarc.so was linked for: gcc names it, clang does not.
exim_sanitizer() {
	local runtime

	runtime=$(ldd "$EXIM_MODULE" | sed -n 's/.*libasan.*=> \([^ ]*\).*/\1/p')
	[ -n "$runtime" ] || runtime=$(clang -print-file-name="$(
		printf 'libclang_rt.asan-%s.so' "$(uname -m)")")
	[ -e "$runtime" ] && nm -D "$EXIM_MODULE" | grep -q __asan_init ||
		bail 'EXIM_MODULE is built with sanitizers' "$EXIM_MODULE"
	echo "$runtime"
}

# What a watched Exim said: every error, but of what is not given back at the
# end only what edmarc.so had asked for. Exim itself relies on its end.
exim_errors() {
	awk '
	function flush() {
		if (stack && (!leak || ours))
			print record
		record = ""
		stack = leak = ours = 0
	}
	FNR == 1 { flush() }
	/^==[0-9]+== *$/ { flush(); next }
	/^==[0-9]+== .*(definitely|indirectly|possibly) lost/ { leak = 1 }
	/^==[0-9]+== +at 0x/ || !/^==[0-9]+==/ { stack = 1 }
	/edmarc\.so/ { ours = 1 }
	{ record = record $0 "\n" }
	END { flush() }' "$T"/watched/* </dev/null
}

# Called by finish
exim_finish() {
	local name

	[ -n "${EXIM_UNDER:-}" ] && [ -d "$T/watched" ] || return 0
	for name in "${started[@]}"; do
		[ ! -e "$T/$name/exim.conf" ] || stop "$name"
	done
	[ "$EXIM_UNDER" = asan ] || [ -n "$(ls "$T/watched")" ] ||
		not_ok "Exim ran under $EXIM_UNDER"
	is "Exim had no errors under $EXIM_UNDER" \
		"$(exim_errors 2>/dev/null | head -n 60)" ''
}

exim_greets() {
	local line

	case $1 in
	*:*) line=$(exim_greeting TCP6 "[$1]") ;;
	*) line=$(exim_greeting TCP4 "$1") ;;
	esac 2>/dev/null
	[ "${line:0:4}" = '220 ' ]
}

exim_greeting() {
	echo QUIT | socat -t 2 - "$1:$2:25"
}

exim_run() {
	local name=$1

	shift
	"$EXIM" -C "$T/$name/exim.conf" "$@"
}

exim_log() {
	cat "$T/$1/log/mainlog" "$T/$1/log/paniclog" 2>/dev/null
}

exim_idle() {
	[ "$(exim_run "$1" -bpc)" = 0 ]
}

exim_password() {
	cat >"$T/$1/authenticators" <<-'CONF'
	plain:
	  driver = plaintext
	  public_name = PLAIN
	  server_prompts = :
	  server_condition = ${if eq{$auth3}{secret}}
	  server_set_id = $auth2
	CONF
}

exim_remote() {
	local name=$1 folder=$T/$1

	{
		printf 'remote:\n  driver = dnslookup\n  domains = ! %s\n' "$3"
		printf '  transport = remote\n  no_more\n'
		cat "$folder/routers"
	} >"$folder/routers.new" && mv "$folder/routers.new" "$folder/routers"
	{
		printf 'remote:\n  driver = smtp\n  interface = %s\n' "$2"
		printf '  hosts_try_fastopen =\n'
		[ $# -lt 4 ] ||
			printf '  dkim_%s\n' "domain = $4" "selector = $5" \
				"private_key = $6"
	} >>"$folder/transports"
}

# The file that administrators include, as it stands; only the path of the
# module is that of the build.
exim_module() {
	local name=$1 module=$EXIM_MODULE

	[ -r "$module" ] || bail "the Exim module is built" "no $module"
	printf 'EDMARC_MODULE = %s\n.include %s\n' "$module" \
		"$srcdir/docs/examples/exim-main.conf" >>"$T/$name/main"
	printf 'acl_check_rcpt:\n.include %s\n  accept\n%s\n' \
		"$srcdir/docs/examples/exim-acl-rcpt.conf" \
		"$(sed '/^acl_check_rcpt:/,/^  accept/d' "$T/$name/acl")" \
		>"$T/$name/acl.new"
	mv "$T/$name/acl.new" "$T/$name/acl"
}

smtp_send() {
	local source=$1

	shift
	smtp_dialogue=$("$INTEGRATION/smtp-client" --source "$source" "$@" 2>&1)
	smtp_status=$?
	smtp_reply=$(sed -n '/^C: \.$/,/^C: /s/^S: //p' <<<"$smtp_dialogue")
	smtp_id=$(sed -n 's/^250 OK id=//p' <<<"$smtp_reply")
	return "$smtp_status"
}

# An Exim whose daemon keeps root to deliver as other users, as a real one does:
# that needs its configuration on the list of those that are trusted.
exim_trust() {
	[ -e "$T/etc-exim4" ] || cp -a /etc/exim4 "$T/etc-exim4"
	echo "$T/$1/exim.conf" >>"$T/etc-exim4/trusted_configs"
	mountpoint -q /etc/exim4 || mount --bind "$T/etc-exim4" /etc/exim4
}
