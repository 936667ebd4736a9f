# SPDX-License-Identifier: Apache-2.0
#
# Has the program install its service, or with "plan" only tell what it would do. A service whose program was replaced
# is restarted, if that has not happened with its unit.
read -r mode
case $mode in
plan) run "$program" install --dry-run ;;
apply)
	need_root
	run "$program" install
	if [ -d /run/systemd/system ]; then
		pid=$(systemctl show --property MainPID "$service")
		pid=${pid#MainPID=}
		if [ "${pid:-0}" != 0 ] && ! [ "/proc/$pid/exe" -ef "$program" ]; then
			run systemctl try-restart "$service"
			echo "said $service restarted"
		fi
	fi
	;;
*) fail input ;;
esac
