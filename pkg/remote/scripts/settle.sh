# SPDX-License-Identifier: Apache-2.0
#
# Removes the program that a put has replaced: the new one answers.
need_root
rm -f "$previous"
