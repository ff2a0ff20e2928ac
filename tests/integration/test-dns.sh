#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The resolver asks a real name server: what is found and what is not, long
# answers over TCP, servers that are dead or silent.
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/netns.sh"
. "$INTEGRATION/nsd.sh"
netns_enter "$@"
need_programs nsd
begin

asker=$top_builddir/tests/integration/ask_dns
[ -x "$asker" ] || bail 'the asking program is built' \
	"make tests/integration/ask_dns"

# ask [-s SERVERS] [-d MS] NAME/TYPE...: the answers in $answer, $took
ask() {
	local output

	output=$("$asker" "$@" 2>&1)
	took=$(sed -n 's/^took \([0-9]*\) ms$/\1/p' <<<"$output")
	answer=$(sed '/^took /d' <<<"$output")
}

# quick NAME MILLISECONDS: the last ask took no longer
quick() {
	if [ "${took:-999999}" -le "$2" ]; then
		ok "$1"
	else
		not_ok "$1" "took $took ms"
	fi
}

# N times the same character, as character-strings of 200
long_txt() {
	local i

	for ((i = 0; i < $1; i += 200)); do
		printf ' "%0200d"' 0
	done
}

{
	printf '%s\n' \
		'a.example. IN TXT "v=DMARC1; p=re" "ject"' \
		'a.example. IN A 192.0.2.80' \
		'a.example. IN AAAA 2001:db8::80' \
		'a.example. IN MX 20 second.example.' \
		'a.example. IN MX 10 First.example.' \
		'two.example. IN TXT "one"' \
		'two.example. IN TXT "two"' \
		'fresh.example. 0 IN TXT "fresh"' \
		'x.empty.example. IN A 192.0.2.81' \
		'*.wild.example. IN TXT "wild"' \
		'alias.example. IN CNAME chain.example.' \
		'chain.example. IN CNAME a.example.' \
		'dangling.example. IN CNAME gone.example.' \
		'nomail.example. IN MX 0 .'
	printf 'long.example. IN TXT%s\n' "$(long_txt 1000)"
	printf 'longer.example. IN TXT%s\n' "$(long_txt 30000)"
	printf 'via.example. IN CNAME longer.example.\n'
} >"$T/records"
nsd_start "$T/records"

ask -s "$NSD_ADDRESS" a.example/TXT a.example/A a.example/AAAA a.example/MX \
	two.example/TXT nomail.example/MX
is 'records are found, in one batch' "$answer" \
	'a.example/TXT found v=DMARC1; p=reject
a.example/A found 192.0.2.80
a.example/AAAA found 2001:db8::80
a.example/MX found first.example|second.example
two.example/TXT found one|two
nomail.example/MX found '
quick 'at once' 1000

ask -s "$NSD_ADDRESS" gone.example/TXT two.example/A empty.example/TXT \
	x.wild.example/TXT wild.example/TXT x.wild.example/A
is 'names that do not exist, and names without data' "$answer" \
	'gone.example/TXT nxdomain
two.example/A nodata
empty.example/TXT nodata
x.wild.example/TXT found wild
wild.example/TXT nodata
x.wild.example/A nodata'

ask -s "$NSD_ADDRESS" alias.example/TXT alias.example/A dangling.example/TXT \
	chain.example/MX
is 'aliases are followed, one to nowhere exists' "$answer" \
	'alias.example/TXT found v=DMARC1; p=reject
alias.example/A found 192.0.2.80
dangling.example/TXT nodata
chain.example/MX found first.example|second.example'

ask -s "$NSD_ADDRESS" long.example/TXT longer.example/TXT via.example/TXT
is 'long answers come, by TCP if they must' "$answer" \
	'long.example/TXT found (1000 octets)
longer.example/TXT found (30000 octets)
via.example/TXT found (30000 octets)'
quick 'soon' 2000

questions=()
for ((i = 0; i < 60; i++)); do
	questions+=("n$i.wild.example/TXT")
done
ask -s "$NSD_ADDRESS" "${questions[@]}"
is 'many questions at the same time' "$(grep -c 'found wild$' <<<"$answer")" 60

netns_resolv "$NSD_ADDRESS"
ask a.example/A
is 'the server of resolv.conf' "$answer" 'a.example/A found 192.0.2.80'

# Questions that come alone, by the C library.
ask -1 a.example/TXT gone.example/TXT two.example/A alias.example/TXT
is 'a question alone goes out by the C library' "$answer" \
	'a.example/TXT found v=DMARC1; p=reject
gone.example/TXT nxdomain
two.example/A nodata
alias.example/TXT found v=DMARC1; p=reject
library 4, c-ares 0'
ask -1 a.example/TXT a.example/A a.example/TXT gone.example/TXT gone.example/TXT \
	fresh.example/TXT fresh.example/TXT
is 'an answer is kept as long as it may be, also that there is none' "$answer" \
	'a.example/TXT found v=DMARC1; p=reject
a.example/A found 192.0.2.80
a.example/TXT found v=DMARC1; p=reject
gone.example/TXT nxdomain
gone.example/TXT nxdomain
fresh.example/TXT found fresh
fresh.example/TXT found fresh
library 5, c-ares 0'
ask -1 long.example/TXT longer.example/TXT a.example/TXT
is 'what is too long for a packet comes by c-ares' "$answer" \
	'long.example/TXT found (1000 octets)
longer.example/TXT found (30000 octets)
a.example/TXT found v=DMARC1; p=reject
library 3, c-ares 2'
ask -1 -s "$NSD_ADDRESS" a.example/TXT
is 'servers of our own are for c-ares' "$answer" \
	'a.example/TXT found v=DMARC1; p=reject
library 0, c-ares 1'
ask -1 -d 900 a.example/TXT
is 'so is a deadline below a second' "$answer" \
	'a.example/TXT found v=DMARC1; p=reject
library 0, c-ares 1'

ask -s "192.0.2.99, [2001:db8::9]:5353 $NSD_ADDRESS" a.example/A
like 'what is no list of servers is refused' "$answer" \
	'^bad name server address'
ask -s "192.0.2.99, [2001:db8::9]:5353, $NSD_ADDRESS" a.example/A \
	gone.example/TXT
is 'servers that are down are passed over' "$answer" \
	'a.example/A found 192.0.2.80
gone.example/TXT nxdomain'
quick 'at once, since their hosts say so' 1000

# A name server 20 ms away: a walk of eight names, which nobody has in a cache.
# The time is from the first question to the last answer as the server sees it;
# the best of several runs, as a busy machine can only make it longer.
need_programs perl
start slow perl "$INTEGRATION/slow-dns" 192.0.2.77 "$NSD_ADDRESS" 20
wait_for 5 'the name server far away' test -s "$T/slow.log"
printf '%s\n' '[evaluate]' 'dns_servers = 192.0.2.77' >"$T/slow.conf"
printf 'From: x@a.b.c.d.e.f.far.example\n\n' >"$T/far.eml"

# walk: the round trips of one walk in $trips (hundredths), in $packets the log
walk() {
	local before

	before=$(wc -l <"$T/slow.log")
	"$top_builddir/edmarc" -c "$T/slow.conf" evaluate --format json \
		"$T/far.eml" >"$T/far.json" 2>&1
	packets=$(tail -n "+$((before + 1))" "$T/slow.log")
	trips=$(awk 'NR == 1 { first = $2 } { last = $2 }
		END { printf "%d", (last - first) / 200 }' <<<"$packets")
}

best=999999
for ((i = 0; i < 10; i++)); do
	walk
	[ "$trips" -lt "$best" ] || continue
	best=$trips
	best_packets=$packets
done
like 'a long walk comes to its end' "$(cat "$T/far.json")" \
	'"queries":\["_dmarc.a.b.c.d.e.f.far.example",.*,"_dmarc.example"\]'
is 'it asks for one name, and then for all others at once' \
	"$(cut -d ' ' -f 1 <<<"$best_packets" | uniq -c | awk '{ print $1, $2 }')" \
	'1 query
1 answer
7 query
7 answer'
if [ "$best" -le 220 ] && [ "$best" -ge 200 ]; then
	ok 'in at most 2.2 round trips'
else
	not_ok 'in at most 2.2 round trips' "$best hundredths"
fi
stop slow

# Takes questions and says nothing.
start silent perl -MIO::Socket::INET -e \
	'$s = IO::Socket::INET->new(Proto => "udp", LocalAddr => "192.0.2.66:53")
		or die; print "ready\n"; close STDOUT; sleep'
wait_for 5 'the silent server' test -s "$T/silent.log"
ask -d 3000 -s "192.0.2.66,$NSD_ADDRESS" a.example/A gone.example/TXT \
	longer.example/TXT
is 'a silent server is passed over' "$answer" \
	'a.example/A found 192.0.2.80
gone.example/TXT nxdomain
longer.example/TXT found (30000 octets)'
quick 'well within the deadline' 2000
ask -d 1000 -s 192.0.2.66 a.example/A b.example/TXT
is 'only a silent server' "$answer" \
	'a.example/A fail timeout
b.example/TXT fail timeout'
quick 'costs the deadline, not more' 1500

netns_resolv 192.0.2.66
ask -1 -d 3000 a.example/TXT b.example/TXT
is 'a silent server, of resolv.conf' "$answer" \
	'a.example/TXT fail timeout
b.example/TXT fail timeout
library 1, c-ares 2'
quick 'costs the deadline, not more' 3500
ask -1 -j 200 -d 3000 a.example/TXT b.example/TXT
is 'what was jumped out of is not used again' "$answer" \
	'b.example/TXT fail timeout
library 1, c-ares 1'
quick 'and costs the deadline' 3800
netns_resolv "$NSD_ADDRESS"
printf 'nameserver 192.0.2.66\nnameserver %s\n' "$NSD_ADDRESS" |
	netns_put /etc/resolv.conf
ask -1 -d 6000 a.example/TXT b.wild.example/TXT
is 'a silent server is passed over by c-ares' "$answer" \
	'a.example/TXT found v=DMARC1; p=reject
b.wild.example/TXT found wild
library 1, c-ares 2'
netns_resolv "$NSD_ADDRESS"

pause nsd
ask -d 800 -s "$NSD_ADDRESS" a.example/A longer.example/TXT
is 'a server that hangs' "$answer" \
	'a.example/A fail timeout
longer.example/TXT fail timeout'
quick 'costs the deadline, not more' 1300
resume nsd
stop nsd
ask -s "$NSD_ADDRESS" a.example/A
is 'a server that is gone' "$answer" \
	'a.example/A fail no name server could answer'
quick 'is noticed at once' 1000
finish
