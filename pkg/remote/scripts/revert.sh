# SPDX-License-Identifier: Apache-2.0
#
# Puts back the program that a put has replaced: its digest is the first line.
read -r wanted
need_root
[ -n "$wanted" ] && [ "$(digest "$previous")" = "$wanted" ] || fail previous
mv -f "$previous" "$program"
