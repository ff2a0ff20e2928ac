#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Makes ./configure from configure.ac. Needed in a git checkout only; a
# release tarball has it already.
set -e
cd "$(dirname "$0")"
exec autoreconf --install --force --warnings=all
