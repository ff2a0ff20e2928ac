#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Does edmarc parse give the right numbers: for our own samples, and for the
# shared corpus, where it is? See tests/unit/reports.py.
top=${srcdir:-.}
edmarc=${top_builddir:-.}/edmarc
shared=${EDMARC_SHARED:-$top/../shared}

command -v python3 >/dev/null || { echo "no python3"; exit 77; }
result=0
echo "our own samples:"
python3 "$top/tests/unit/reports.py" "$edmarc" "$top/tests/data/reports" ||
	result=1
for folder in "$shared/corpus" "$shared/corpus/hostile"; do
	if [ ! -r "$folder/manifest.tsv" ]; then
		echo "$folder: not here, left out"
		continue
	fi
	echo "$folder:"
	python3 "$top/tests/unit/reports.py" "$edmarc" "$folder" \
		--known "$top/tests/unit/reports-known.tsv" || result=1
done
# A TLS report need not name the host: then nothing may stand in its place.
"$edmarc" parse "$top/tests/data/reports/tls.eml" | sed -n '/ times/p' |
	grep -v ' times$' && { echo "FAIL: failures to no host"; result=1; }
exit $result
