# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# judge.sh - one message through the module, and what it has become (after exim.sh)
#
#	judge_start LINE...      the journal $T/verdicts, and $T/edmarc.conf, which
#	                         is named in the environment
#	judge_configure LINE...  another $T/edmarc.conf; the lines go into [exim]
#	judge_mail FROM [FIELD...]   a message on standard output
#	judge_take NAME SERVER SOURCE SENDER FILE [ARGUMENT...]
#	                         send FILE from the address SOURCE to the Exim NAME,
#	                         which has the address SERVER, with more arguments
#	                         for smtp-client. Sets $header, $verdict (its line in
#	                         the journal, or nothing) and $log (the lines of
#	                         Exim's log with its id).
#	field NAME               the bodies of these fields in $header, unfolded

judge_configure() {
	{
		printf '[journal]\ndirectory = %s/verdicts\n' "$T"
		printf '[evaluate]\ndns_timeout = 2s\n'
		printf '%s\n' '[exim]' 'authserv_id = mx.test' "$@"
	} >"$T/edmarc.conf"
}

judge_start() {
	judge_configure "$@"
	export EDMARC_CONFIG=$T/edmarc.conf
	mkdir "$T/verdicts"
	chown "$EXIM_USER" "$T/verdicts"
	chmod 2770 "$T/verdicts"
}

judge_mail() {
	printf 'From: %s\r\n' "$1"
	shift
	[ $# = 0 ] || printf '%s\r\n' "$@"
	printf '%s\r\n' 'To: <b@here.test>' 'Subject: a message' '' 'Some text.'
}

judge_take() {
	local name=$1 server=$2 source=$3 from=$4 file=$5

	shift 5
	header='' verdict='' log=''
	smtp_send "$source" --server "$server" --from "$from" \
		--to b@here.test "$@" "$file" || return 1
	wait_for 10 'delivery' test -s "$T/$name/mail/$smtp_id" || return 1
	header=$(sed '/^\r*$/,$d' "$T/$name/mail/$smtp_id")
	verdict=$(grep -F "\"id\":\"$smtp_id\"" "$T/verdicts/open.jsonl" \
		2>/dev/null)
	log=$(grep -F "$smtp_id" "$T/$name/log/mainlog")
}

field() {
	printf '%s\n' "$header" | sed -e ':a' -e '$!N;s/\n[ \t]\+/ /;ta' -e 'P;D' |
		sed -n "s/^$1: //Ip"
}
