#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The units and the cron file of docs/examples, as far as they can be looked at
# where systemd does not run.
. "$(dirname "$0")/lib.sh"
need_programs systemd-analyze
begin
examples=$srcdir/docs/examples

mkdir "$T/units" "$T/units/edmarc-send.service.d"
for unit in edmarc-ingest.service edmarc-send.service edmarc-send.timer; do
	sed "s,/usr/bin/edmarc,$top_builddir/edmarc," "$examples/$unit" \
		>"$T/units/$unit"
done
for unit in "$T"/units/*.*; do
	[ -f "$unit" ] || continue
	output=$(systemd-analyze verify --man=no "$unit" 2>&1)
	is "${unit##*/} is understood" "$?: $output" '0: '
done

# exposed SERVICE: how much of the system it could reach, in tenths
exposed() {
	systemd-analyze security --offline=yes "$T/units/$1" |
		sed -n 's/.*exposure level for .*: \([0-9]*\)\.\([0-9]\).*/\1\2/p'
}

check 'edmarc-ingest.service reaches little' \
	test "$(exposed edmarc-ingest.service)" -le 20
# Exim is setuid root and delivers.
unlike 'nothing in edmarc-send.service keeps sendmail from being root' \
	"$(cat "$T/units/edmarc-send.service")" \
	'^(NoNewPrivileges|SystemCallFilter|Private(Devices|Users)|Protect(Clock|Home|Kernel)|Restrict|LockPersonality|MemoryDeny)'
cp "$examples/edmarc-send-smarthost.conf" \
	"$T/units/edmarc-send.service.d/smarthost.conf"
check 'with a smarthost it reaches little' \
	test "$(exposed edmarc-send.service)" -le 20

while read -r line; do
	like "cron can run: $line" "$line" \
		'^([0-9*/]+ +){5}edmarc +/usr/bin/edmarc (ingest|send)$'
done < <(grep -v '^#\|^MAILTO=' "$examples/edmarc.cron")
finish
