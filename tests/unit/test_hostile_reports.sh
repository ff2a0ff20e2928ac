#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Does edmarc parse hold its limits for variants of each class of hostile report?
# See tests/unit/hostile.py; SEED and VARIANTS choose others, and more.
top=${srcdir:-.}
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
exec python3 "$top/tests/unit/hostile.py" "${top_builddir:-.}/edmarc" \
	"$top/tests/data/reports" --seed "${SEED:-1}" --variants "${VARIANTS:-5}"
