# SPDX-License-Identifier: Apache-2.0
#
# Tells what the machine is, and what is installed there. It changes nothing.
echo "system $(uname -s)"
echo "machine $(uname -m)"
echo "user $(id -u)"
[ ! -d /run/systemd/system ] || echo 'systemd yes'
[ ! -e "/etc/systemd/system/$service" ] || echo 'service yes'
[ ! -e "$previous" ] || echo "previous $(digest "$previous")"
if [ -f "$program" ]; then
	echo "digest $(digest "$program")"
	echo "version $(version "$program")"
fi
