#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# edmarc send over a smarthost: a private Exim with TLS that takes mail only from
# who has logged in. Servers that lie are in tests/unit/test_smtp.c.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/netns.sh"
. "$INTEGRATION/mariadb.sh"
. "$INTEGRATION/exim.sh"
netns_enter "$@"
need_programs openssl gzip
begin
netns_hosts '192.0.2.25 mail.relay.test' '192.0.2.25 other.relay.test'
mariadb_start

edmarc=$top_builddir/edmarc
yesterday=$(date -u -d yesterday +%F)
begin=$(date -u -d "$yesterday" +%s)

# -------------------------------------------------------------- certificates

tls=$T/tls
mkdir "$tls"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=Test CA' \
	-keyout "$tls/ca.key" -out "$tls/ca.pem" 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj '/CN=mail.relay.test' \
	-keyout "$tls/key.pem" -out "$tls/csr.pem" 2>/dev/null
openssl x509 -req -days 2 -in "$tls/csr.pem" -CA "$tls/ca.pem" \
	-CAkey "$tls/ca.key" -CAcreateserial -out "$tls/cert.pem" \
	-extfile <(echo 'subjectAltName = DNS:mail.relay.test') 2>/dev/null ||
	bail 'a certificate is made'
chmod 644 "$tls"/*

# -------------------------------------------------------------------- servers

exim_new relay
exim_tls_hosts='*'
cat >>"$T/relay/main" <<END
tls_certificate = $tls/cert.pem
tls_privatekey = $tls/key.pem
tls_on_connect_ports = 465
log_selector = +smtp_connection
END
cat >"$T/relay/acl" <<'END'
acl_check_rcpt:
  deny message = log in first
       hosts = ! 192.0.2.99
       ! authenticated = *
  deny message = nobody of that name
       local_parts = nobody
  defer message = come back later
        local_parts = later
  accept
acl_check_data:
  deny message = we do not like it
       condition = ${if match{$recipients}{picky}}
  accept
END
cat >"$T/relay/authenticators" <<'END'
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{us}}{eq{$auth3}{se:cret}}}}
  server_set_id = $auth2
  server_advertise_condition = ${if def:tls_in_cipher}
END
exim_start relay 192.0.2.25

"$edmarc" -c <(printf '[database]\noption_file = %s\n' "$MARIADB_OPTIONS") \
	setup --database --sql-dir "$srcdir/sql" >"$T/setup.log" 2>&1 ||
	bail 'setup' "$(cat "$T/setup.log")"

# domain NAME RUA-LOCAL-PART...: a report is owed
domain() {
	local name=$1 rua

	shift
	rua=$(printf ",mailto:%s@$name" "$@")
	sql edmarc "INSERT INTO verdict_policy VALUES (UNHEX(MD5('$name')),
		'$name', 'treewalk', 'none', '', '', 'r', 'r', '', 'n', 100,
		'${rua#,}', '');
		INSERT INTO verdict_row SET day = '$yesterday',
		policy_hash = UNHEX(MD5('$name')), row_hash = UNHEX(MD5('r')),
		mta = 'mx1', result = 'fail', header_from = '$name',
		source_ip = '::ffff:192.0.2.1', envelope_from = '$name',
		disposition = 'none', dkim_aligned = 0, spf_aligned = 0,
		reasons = '[]', auth_results = '{\"dkim\":[],\"spf\":null}',
		count = 3, first_at = $begin, last_at = $begin"
}

printf 'us\nse:cret\n' >"$T/login"
printf 'us\nwrong\n' >"$T/bad-login"
chmod 600 "$T"/*login
: >"$T/zone"

configure() { # LINE... of [send]
	printf '%s\n' '[database]' "option_file = $MARIADB_OPTIONS" '[send]' \
		'reporting = yes' 'org_name = R' \
		'email = dmarc@receiver.example' \
		'sendmail = /bin/false' "smarthost_ca_file = $tls/ca.pem" \
		"smarthost_login_file = $T/login" "$@" >"$T/edmarc.conf"
}

# run WANTED-STATUS NAME DOMAIN: leaves what was said in $output
run() {
	local status

	output=$("$edmarc" -c "$T/edmarc.conf" send --zone "$T/zone" \
		--domain "$3" 2>&1)
	status=$?
	if [ "$status" = "$1" ]; then
		ok "$2"
	else
		not_ok "$2" "status $status, wanted $1"$'\n'"$output"
	fi
}

arrived() { # DOMAIN
	grep -l "^Envelope-to: .*@$1$" "$T"/relay/mail/* 2>/dev/null | wc -l
}

delivered() { # DOMAIN: the mail
	cat $(grep -l "^Envelope-to: .*@$1$" "$T"/relay/mail/* | head -n 1)
}

here() {
	[ "$(arrived "$1")" -ge "${2:-1}" ]
}

# ------------------------------------------------------------------- the way

domain first.test rua more
configure 'smarthost = smtp://mail.relay.test:25/mx.receiver.example'
before=$(exim_log relay | grep -c 'TCP/IP connection count')
run 0 'a mail goes to the smarthost' first.test
wait_for 10 'two mails' here first.test 2
is 'one for each destination' "$(arrived first.test)" 2
log=$(exim_log relay | grep ' <= ')
like 'by TLS' "$log" 'X=TLS1\.[23]:'
like 'after a login' "$log" ' A=plain:us '
like 'with our name' "$log" ' H=\(mx\.receiver\.example\) '
is 'over one connection' \
	"$(($(exim_log relay | grep -c 'TCP/IP connection count') - before))" 1
mail=$(delivered first.test)
like 'the bounce address says what it is about (R8.15)' "$mail" \
	'^Return-path: <dmarc\+[a-z2-7]{40}@receiver\.example>$'
is 'each has its own' "$(cat "$T"/relay/mail/* | grep -c '^Return-path') \
$(cat "$T"/relay/mail/* | grep '^Return-path' | sort -u | wc -l)" '2 2'
like 'From: has not' "$mail" '^From: R <dmarc@receiver\.example>$'
sed -n '/filename=/,$p' <<<"$mail" | sed '1,/^$/d; /^--/,$d' | base64 -d |
	gunzip >"$T/report.xml"
like 'the report is whole' "$(cat "$T/report.xml")" '<count>3</count>'
is 'a run without work says so' "$("$edmarc" -c "$T/edmarc.conf" send \
	--zone "$T/zone" --domain first.test 2>&1 | grep -o ' 0 sent')" ' 0 sent'

domain wrapped.test rua
configure 'smarthost = smtps://mail.relay.test:465'
stop relay
sed -i 's/^daemon_smtp_ports.*/daemon_smtp_ports = 25 : 465/' \
	"$T/relay/exim.conf"
exim_daemon relay -C "$T/relay/exim.conf" -bdf
wait_for 10 'Exim' exim_greets 192.0.2.25
run 0 'TLS from the start' wrapped.test
wait_for 10 'the mail' here wrapped.test
is 'works as well' "$(arrived wrapped.test)" 1

# ------------------------------------------------------------------- refusals

domain never.test nobody rua
configure 'smarthost = smtp://mail.relay.test'
run 75 'a destination that is refused' never.test
like 'has the words of the server' "$output" \
	'to nobody@never.test: .*550 nobody of that name'
wait_for 10 'the mail' here never.test
is 'and the other destination has its report' "$(arrived never.test)" 1
domain later.test later
run 75 'one that is put off' later.test
like 'as well' "$output" 'to later@later.test: .*451 .*come back later'
domain picky.test picky
run 75 'a mail that is not taken' picky.test
like 'as well' "$output" 'to picky@picky.test: .*550 .*we do not like it'

domain login.test rua more
configure 'smarthost = smtp://mail.relay.test' \
	"smarthost_login_file = $T/bad-login"
run 75 'a wrong password' login.test
like 'is told' "$output" 'to rua@login.test: .*535 Incorrect auth'
unlike 'and not shown' "$output" wrong
is 'and not tried for each mail' \
	"$(exim_log relay | grep -c 'authenticator failed')" 1
chmod 644 "$T/bad-login"
run 78 'a file of passwords that all can read' login.test
like 'is not used' "$output" 'bad-login: a password that others can read'

# ------------------------------------------------------------------------ TLS

domain name.test rua
configure 'smarthost = smtp://other.relay.test'
run 75 'a certificate for another name' name.test
like 'is not good enough (R8.8)' "$output" \
	"other\.relay\.test.*(subject name|does not match)"
is 'nothing has left' "$(arrived name.test)" 0
configure 'smarthost = smtp://mail.relay.test' 'smarthost_ca_file ='
run 75 'an authority that nobody knows' name.test
like 'neither' "$output" 'mail\.relay\.test: .*certificate'
configure 'smarthost = smtp://other.relay.test' 'smarthost_tls = optional'
run 78 'a password is for a server that we know' name.test
like 'and says so' "$output" 'smarthost_tls = required'
configure 'smarthost = smtp://other.relay.test' 'smarthost_tls = optional' \
	'smarthost_login_file ='
run 75 'without a password any server will do' name.test
like 'but not for the server' "$output" '550 log in first'
like 'which had TLS even so' "$(exim_log relay | grep 'log in first')" \
	'X=TLS1'
configure 'smarthost = smtp://other.relay.test' 'smarthost_tls = no' \
	'smarthost_login_file ='
# The last answer was for good, so each has a report of its own.
domain plain.test rua
run 75 'nor without TLS' plain.test
unlike 'which it then had not' "$(exim_log relay | grep 'log in first' |
	tail -n 1)" 'X=TLS1'

# -------------------------------------------------------------------- no relay

stop relay
domain gone.test rua
configure 'smarthost = smtp://mail.relay.test'
run 75 'a smarthost that is not there' gone.test
like 'is told' "$output" 'mail\.relay\.test: .*(onnect|refused)'
configure 'smarthost = smtp://nowhere.relay.test'
run 75 'or has no address' gone.test
like 'is told, too' "$output" 'nowhere\.relay\.test'
finish
