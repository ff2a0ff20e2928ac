# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# nsd.sh - a private name server that knows everything (after netns.sh)
#
#	nsd_start RECORDS [ADDRESS]   default address $NSD_ADDRESS, port 53
#	pause nsd / resume nsd        questions time out / are answered again
#	stop nsd                      questions are refused by the host
#
# RECORDS is a master file without SOA and NS; names in it are relative to the
# root, so the dot at their end does not matter. One zone "." holds all, so what
# is not in it does not exist (NXDOMAIN).

NSD_ADDRESS=192.0.2.53

nsd_start() {
	local records=$1 address=${2:-$NSD_ADDRESS} folder=$T/nsd

	need_programs nsd
	mkdir -p "$folder"
	{
		printf '%s\n' '$ORIGIN .' '$TTL 60' \
			'. IN SOA ns.test. host.test. 1 3600 600 86400 60' \
			'. IN NS ns.test.' "ns.test. IN A $address"
		cat "$records"
	} >"$folder/zone" || exit 1
	cat >"$folder/nsd.conf" <<-CONF
	server:
		ip-address: $address
		port: 53
		server-count: 1
		username: ""
		zonesdir: "$folder"
		database: ""
		zonelistfile: "$folder/zone.list"
		xfrdfile: "$folder/xfrd.state"
		xfrdir: "$folder"
		pidfile: ""
		rrl-ratelimit: 0
	remote-control:
		control-enable: no
	zone:
		name: "."
		zonefile: "$folder/zone"
	CONF
	start nsd nsd -d -c "$folder/nsd.conf"
	wait_for 10 'the name server' nsd_answers "$address" ||
		bail 'the name server starts' "$(tail -n 5 "$T/nsd.log")"
}

# One question (SOA of the root) in bytes, so that no dig is needed.
nsd_answers() {
	local got

	got=$(
		exec 3<>"/dev/udp/$1/53" || exit 1
		printf '\x12\x34\1\0\0\1\0\0\0\0\0\0\0\0\6\0\1' >&3
		timeout 0.5 head -c 4 <&3 | od -An -tx1
	) 2>/dev/null
	case $got in
	' 12 34 8'?' '?0) return 0 ;; # an answer, and no error
	esac
	return 1
}
