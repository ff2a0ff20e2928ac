# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# dkim.sh - keys and signatures for test messages, by openssl
#
#	dkim_key DOMAIN SELECTOR           a key in $T/dkim/; prints its record
#	                                   for a master file
#	dkim_sign DOMAIN SELECTOR [TAGS] <IN >OUT
#	                                   puts a signature on top (RFC 6376:
#	                                   rsa-sha256, simple/simple, From, To,
#	                                   Subject) with more tags ("i=@x")
#
# Messages have CR LF line ends. What is signed must not end in an empty line.

dkim_key() {
	local key=$T/dkim/$2.$1

	need_programs openssl
	mkdir -p "$T/dkim"
	openssl genrsa -out "$key" 2048 2>/dev/null || exit 1
	chmod 644 "$key" # test keys, which Exim's user reads
	printf '%s._domainkey.%s. IN TXT' "$2" "$1"
	printf 'v=DKIM1; k=rsa; p=%s' "$(openssl rsa -in "$key" -pubout \
		-outform DER 2>/dev/null | openssl base64 -A)" |
		fold -w 200 | sed 's/.*/ "&"/' | tr -d '\n'
	echo
}

dkim_sign() {
	local domain=$1 selector=$2 file=$T/dkim/message.$BASHPID hash name

	cat >"$file"
	hash=$(sed '1,/^\r$/d' "$file" | openssl dgst -sha256 -binary |
		openssl base64 -A)
	printf 'DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; d=%s;\r\n' \
		"$domain" >"$file.field"
	[ -z "${3:-}" ] || printf ' %s;\r\n' "$3" >>"$file.field"
	printf ' s=%s; h=from:to:subject; bh=%s;\r\n b=' "$selector" "$hash" \
		>>"$file.field"
	{
		for name in From To Subject; do
			grep -m 1 -i "^$name:" "$file"
		done
		cat "$file.field"
	} >"$file.signed"
	cat "$file.field"
	openssl dgst -sha256 -sign "$T/dkim/$selector.$domain" "$file.signed" |
		openssl base64 -A
	printf '\r\n'
	cat "$file"
	rm -f "$file" "$file.field" "$file.signed"
}
