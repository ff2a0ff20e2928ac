# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# netns.sh - a private network for a test (after lib.sh)
#
#	netns_enter "$@"          first thing in a test: runs it anew inside
#	netns_address ADDRESS...  more addresses (IPv6 ones must be named)
#	netns_resolv ADDRESS      /etc/resolv.conf names this server only
#	netns_hosts 'LINE' ...    /etc/hosts holds these lines and localhost
#
# The test gets network, mount and process namespaces of its own: it may use
# any port and address, nothing reaches the outside, and when its first process
# ends the kernel ends the rest.
#
# 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24 (RFC 5737) are all local: any
# address of them can be listened on and sent from without more ado. Of
# 2001:db8::/32, ::1 to ::9 are there. Nothing here is 127.x, because libspf2
# answers "pass" for every such client.

netns_flags="--net --mount --pid --fork --kill-child --mount-proc"

netns_enter() {
	if [ -z "${EDMARC_IN_NETNS:-}" ]; then
		need_root
		need_programs unshare ip
		# shellcheck disable=SC2086
		unshare $netns_flags true 2>/dev/null ||
			skip "no namespaces can be made here"
		# shellcheck disable=SC2086
		EDMARC_IN_NETNS=1 exec unshare $netns_flags "$BASH" "$0" "$@"
	fi
	unset EDMARC_IN_NETNS
	ip link set lo up || exit 1
	ip address add 192.0.2.1/24 dev lo
	ip address add 198.51.100.1/24 dev lo
	ip address add 203.0.113.1/24 dev lo
	netns_address 2001:db8::{1,2,3,4,5,6,7,8,9}
}

netns_address() {
	local address

	for address in "$@"; do
		case $address in
		*:*) ip -6 address add "$address/128" dev lo nodad ;;
		*) ip address add "$address/32" dev lo ;;
		esac || exit 1
	done
}

# netns_put FILE: standard input instead of FILE, for this test only
netns_put() {
	local copy=$T/etc-${1##*/} place

	place=$(readlink -f "$1")
	cat >"$copy" || exit 1
	# Once only: a mount on top of a mount would outlive the test.
	[ "$place" -ef "$copy" ] || mount --bind "$copy" "$place" || exit 1
}

netns_resolv() {
	printf 'nameserver %s\noptions timeout:1 attempts:1\n' "$1" |
		netns_put /etc/resolv.conf
}

netns_hosts() {
	printf '%s\n' '127.0.0.1 localhost' "$@" | netns_put /etc/hosts
}
