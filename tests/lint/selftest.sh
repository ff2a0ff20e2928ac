#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Does each check of this folder find what it is there to find? Each gets a
# small good tree, then one fault after the other.
lint=$(cd "$(dirname "$0")" && pwd)
export LC_ALL=C
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
tree=$work/tree
failed=0

spdx='/* SPDX-License-Identifier: GPL-2.0-or-later */'

put() { # FILE LINE...
	mkdir -p "$(dirname "$tree/$1")"
	file=$tree/$1
	shift
	printf '%s\n' "$@" >"$file"
}

good_tree() {
	rm -rf "$tree"
	mkdir -p "$tree/exim-local-scan" "$tree/dovecot-plugin" "$tree/tests"
	put shared/base/err.h "$spdx" '#include <stdio.h>'
	put shared/base/err.c "$spdx" '#include "base/err.h"' \
		'#include <string.h>' \
		'/* not strcpy(): see abort() */' \
		'void f(void) { puts("strcpy(a, b)"); x.exit(1); }'
	put shared/mail/idn.c "$spdx" '#include <idn2.h>' '#include "base/err.h"'
	put shared/report/read.c "$spdx" '#include <libxml/parser.h>'
	put shared/report/write.c "$spdx" '#include <libxml/xmlwriter.h>'
	put exim-local-scan/exim.h "$spdx" '#include <local_scan.h>'
	put exim-local-scan/scan.c "$spdx" '#include "exim.h"'
}

# finds CHECK TEXT: the check fails and says TEXT
finds() {
	if output=$("$lint/$1.sh" "$tree" 2>&1); then
		echo "not ok - $1 finds: $2"
		failed=1
	elif ! printf '%s\n' "$output" | grep -qF -e "$2"; then
		echo "not ok - $1 finds: $2 (it said: $output)"
		failed=1
	else
		echo "ok - $1 finds: $2"
	fi
	good_tree
}

passes() {
	if output=$("$lint/$1.sh" "$tree" 2>&1); then
		echo "ok - $1 passes what is good"
	else
		echo "not ok - $1 passes what is good (it said: $output)"
		failed=1
	fi
}

good_tree
for check in layers banned spdx words; do
	passes $check
done

put shared/base/bad.c '#include "mail/from.h"'
finds layers 'bad.c:1: "mail/from.h": base must not include mail'
put dovecot-plugin/bad.c '#include "journal/entry.h"'
finds layers 'dovecot-plugin must not include journal'
put shared/mail/more.c '#include <idn2.h>'
finds layers 'one file more than 1 includes libidn2'
put shared/report/more.c '#include <libxml/tree.h>'
finds layers 'one file more than 2 includes libxml2'
put shared/base/bad.c '#include <libxml/tree.h>'
finds layers 'of libxml2 belongs into report'
put shared/mail/idn.h '#  include <idn2.h>'
finds layers 'of libidn2 in a header of ours'
put shared/base/bad.c '#include <ldap/ldap.h>'
finds layers '<ldap/ldap.h> is in no table'
put exim-local-scan/bad.c '#include <local_scan.h>'
finds layers '<local_scan.h> is in no table'
put shared/base/bad.c '#include "nowhere.h"'
finds layers '"nowhere.h" is not in this folder'
put shared/base/err.c '#include <string.h>' '#include "base/err.h"'
finds layers 'its own header is not the first'
put shared/stuff/new.c '#include <string.h>'
finds layers 'no layer is called stuff'

put shared/store/bad.c 'int f(void) { return system ("ls"); }'
finds banned 'shared/store/bad.c:1: system() is not used here'
put tests/bad.c '/* a' '*/ int x = atoi("1");'
finds banned 'tests/bad.c:2: atoi() is not used here'
put exim-local-scan/bad.c 'void f(void) { abort(); }'
finds banned 'abort() is not used here'
put shared/base/bad.c 'void f(void) { g(fork()); }'
finds banned 'fork() is not used here'
put shared/dmarc/bad.c 'long f(void) { return time(NULL); }'
finds banned 'time() is not used here'
put shared/store/fine.c 'long f(void) { return time(NULL) + fork(); }'
passes banned
good_tree

put sql/1.sql 'SELECT 1;'
finds spdx 'sql/1.sql:1: no SPDX-License-Identifier'
put tests/check '#!/bin/sh' 'true'
finds spdx 'tests/check:1: no SPDX-License-Identifier'

todo=TODO
put shared/base/bad.c "$spdx" "/* $todo: finish */"
finds words 'bad.c:2:'
put docs/README.md "See /home""/joe/edmarc."
finds words 'a path of one machine'

# A module with a symbol and a library too many.
if command -v cc >/dev/null && command -v nm >/dev/null; then
	mkdir -p "$work/built/.libs"
	printf '%s\n' '#include <stdio.h>' 'int good(void);' \
		'int good(void) { return puts("x"); }' >"$work/m.c"
	echo 'export m.so good' >"$work/good.txt"
	printf 'export m.so good\nexport m.so more\n' >"$work/missing.txt"
	printf 'export m.so other\n' >"$work/other.txt"
	printf 'export m.so good\nwithout m.so libc.so\n' >"$work/library.txt"
	cc -shared -fPIC -o "$work/built/.libs/m.so" "$work/m.c" || exit 99
	while read -r table want; do
		output=$("$lint/exports.sh" "$work/built" "$work/$table.txt")
		got=$?
		if [ "$got" = "$want" ]; then
			echo "ok - exports: $table"
		else
			echo "not ok - exports: $table: $got, not $want: $output"
			failed=1
		fi
	done <<-END
		good 0
		missing 1
		other 1
		library 1
	END
fi

# Rules and their tests.
mkdir -p "$work/cited/data" "$work/cited/unit" "$work/cited/integration"
echo '# R1.1, R1.2: a case' >"$work/cited/data/x.cases"
while read -r want rules; do
	echo "$rules" | tr ',' '\n' >"$work/rules.txt"
	output=$("$lint/rules.sh" "$work/rules.txt" "$work/cited" 2>&1)
	got=$?
	if [ "$got" = "$want" ]; then
		echo "ok - rules: $rules"
	else
		echo "not ok - rules: $rules: $got, not $want: $output"
		failed=1
	fi
done <<-END
	0 R1.1,R1.2
	0 R1.1,R1.3 - nobody can test it
	1 R1.1,R1.3
	1 R1.1 - nobody can test it
	1 R1.11
	1 # nothing
END

# Habits of reporters and their cases, limits and their tests.
habits() { # ROW...: the last of 62
	put tests/data/reports/manifest.tsv 'path' 'a.xml	1	MAX_SAMPLE'
	put tests/data/read_xml.cases '# a title' 'field: x'
	put tests/integration/test-a.sh "is 'a title' x x"
	put docs/TESTING.md '## Habits of reporters' '' \
		"$(seq 61 | sed 's/.*/| & | a | `a.xml` | read |/')" "$@"
}
limits() { # LINE-OF-TABLE
	habits
	put shared/report/aggregate.h "$spdx"
	put shared/report/failure.h "$spdx"
	put shared/report/limits.h "$spdx" '#define MAX_SAMPLE 1' \
		'#define MAX_UNIT (2)' '#define MAX_NOTHING 3'
	put tests/unit/test_a.c "$spdx" 'int a[MAX_UNIT];'
	put tests/lint/limits.txt "$@"
}
habits '| 62 | a | `a.xml`; `read_xml.cases`: a title; `test-a.sh`: a title | read |'
passes quirks
habits '| 62 | a | `b.xml` | read |'
finds quirks '62: b.xml is not in the manifest'
habits '| 62 | a | `read_xml.cases`: another title | read |'
finds quirks '62: read_xml.cases has no case called another title'
habits '| 62 | a | `test-a.sh`: another title | read |'
finds quirks '62: test-a.sh has no test called another title'
habits '| 62 | a | | read |'
finds quirks '62: no case'
habits
finds quirks 'only 61 habits'
habits '| 63 | a | `a.xml` | read |'
finds quirks '63: comes behind 61'
limits 'MAX_NOTHING - nobody can test it'
passes limits
limits ''
finds limits 'no test names MAX_NOTHING'
limits 'MAX_NOTHING - nobody can' 'MAX_UNIT - nor this'
finds limits 'MAX_UNIT needs no reason'

# A program and its pages.
docs=$work/docs
mkdir -p "$docs"
program() { # LINE-OF-HELP DEFAULT
	cat >"$work/edmarc" <<-END
		#!/bin/sh
		case "\$1" in
		--help) printf '  load  loads\n\n  -v, --verbose  say more\n' ;;
		load) printf '$1\n' ;;
		-c) printf '[a]\n# why\nkey = $2\n' ;;
		esac
	END
	chmod +x "$work/edmarc"
}
manual() { # WANT WHAT
	output=$("$lint/manpages.sh" "$docs" "$work/edmarc" \
		"$work/module" 2>&1)
	got=$?
	if [ "$got" = 0 ] && [ "$1" = passes ]; then
		echo "ok - manpages: $2"
	elif [ "$got" != 0 ] && printf '%s\n' "$output" | grep -qF -e "$1"; then
		echo "ok - manpages: $2"
	else
		echo "not ok - manpages: $2: $output"
		failed=1
	fi
}
page() { # NAME SECTION TITLE LINE...
	name=$1 number=$2 title=$3
	shift 3
	printf '%s\n' '.Dd November 23, 2026' ".Dt $title $number" '.Os' \
		'.Sh NAME' ".Nm $name" '.Nd does things' "$@" \
		>"$docs/$name.$number"
}
pages() {
	page edmarc 8 EDMARC '.Sh DESCRIPTION' '.Bl -tag -width x' \
		'.It Fl v , Fl -verbose' 'Say more.' '.El' \
		'.Sh COMMANDS' '.Ss load' '.Bl -tag -width x' \
		'.It Fl -fast' 'Be fast.' '.El'
	page edmarc.conf 5 EDMARC.CONF '.Sh DESCRIPTION' '.Ss [a]' \
		'.Bl -tag -width x' '.It Ic key Pq 5s' 'A key.' '.El'
	page edmarc-exim 8 EDMARC-EXIM '.Sh DESCRIPTION' '.Ss The log' \
		'.Bl -tag -width x' '.It Cm score' 'Points.' \
		'.It dmarc: not done: ...' 'It was not.' '.El'
}
module() { # FORMAT-OF-THE-LINE TROUBLE
	printf '%s\n' 'static void write_log(x)' '{' "  add(log, \"$1\");" '}' \
		"  trouble(&job->outcome->trouble," "    \"$2\", why);" \
		>"$work/module/outcome.c"
}
mkdir -p "$work/module"
module 'dmarc: %s score=%s' 'not done'
pages
program '  --fast  be fast' 5000ms
manual passes 'good pages'
program '  --fast  be fast\n  --slow  be slow' 5000ms
manual 'edmarc load: not in the manual: --slow' 'a new option'
program '' 5000ms
manual 'edmarc load: only in the manual: --fast' 'an option that is gone'
program '  --fast' 6000ms
manual 'settings: not in the manual: [a] key 6s' 'another default'
program '  --fast' '5000ms\nnew = x'
manual 'settings: not in the manual: [a] new x' 'a new setting'
program '  --fast' 5000ms
module 'dmarc: %s score=%s new=%s' 'not done'
manual 'keys of the log: not in the manual: new' 'a new key'
module 'dmarc: %s' 'not done'
manual 'keys of the log: only in the manual: score' 'a key that is gone'
module 'dmarc: %s score=%s' 'broken'
manual 'trouble in the log: not in the manual: broken' 'a new trouble'
module 'dmarc: %s score=%s' 'not done'
if command -v mandoc >/dev/null; then
	program '  --fast' 5000ms
	echo '.Nonsense' >>"$docs/edmarc.8"
	manual 'unknown macro' 'a page that is not well formed'
fi

[ $failed = 0 ] && exit 0
exit 1
