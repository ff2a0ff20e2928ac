#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# edmarc suppress on a private MariaDB
. "$(dirname "$0")/lib.sh"
. "$INTEGRATION/mariadb.sh"
. "$INTEGRATION/store.sh"
need_root
begin
mariadb_start
spool_make s
edmarc_run 0 'the database is made' s setup \
	--database --sql-dir "$srcdir/sql"

edmarc_run 0 'an empty list' s suppress list
is 'says so' "$output" '0 suppressed'
edmarc_run 0 'as JSON' s suppress list --format json
is 'is an empty array' "$(tr -d '\n' <<<"$output")" '[]'

edmarc_run 0 'an address' s suppress add --reason 'asked us to' Rua@Them.Example
is 'is told as it is stored' "$output" 'rua@them.example suppressed'
edmarc_run 0 'a domain, and all below another' s suppress add --days 3 \
	'@other.example' '@.Group.example'
edmarc_run 0 'the list' s suppress list --format csv
like 'has the address' "$output" \
	'^"rua@them.example",yes,manual,"asked us to",0,[0-9]+,.$'
like 'the domain, with its end' "$output" \
	'^"\*@other.example",yes,manual,"",0,[0-9]+,[0-9]+.$'
like 'and the pattern of domains, which is no formula' "$output" \
	"^\"'@.group.example\",yes,manual,"
edmarc_run 0 'for people' s suppress list
like 'says how long' "$output" 'until it is removed, by hand'
like 'and how many' "$output" '^3 suppressed$'
is 'three days are three days' \
	"$(sql edmarc "SELECT until_at - added_at FROM suppression
		WHERE pattern = '*@other.example'")" 259200

sql edmarc "UPDATE suppression SET until_at = 1000
	WHERE pattern = '*@other.example'"
edmarc_run 0 'when its time is over' s suppress list --format json
is 'it is not in force' "$(jq -r '.[] | select(.in_force | not) | .pattern' \
	<<<"$output")" '*@other.example'

edmarc_run 0 'removed' s suppress remove RUA@them.example @other.example
is 'one is left' "$(sql edmarc 'SELECT pattern FROM suppression')" \
	'@.group.example'
edmarc_run 65 'removed twice' s suppress remove rua@them.example
like 'is told' "$errors" 'rua@them.example is not suppressed'
edmarc_run 65 'what is no pattern' s suppress add 'them.example'
like 'is told, too' "$errors" 'them.example: expected an address'

edmarc_run 64 'a list of patterns' s suppress list x@y.example
edmarc_run 64 'nothing to add' s suppress add
edmarc_run 64 'a format for add' s suppress add --format csv x@y.example
edmarc_run 64 'days for remove' s suppress remove --days 3 x@y.example
edmarc_run 64 'no days' s suppress add --days 0 x@y.example
finish
