# SPDX-License-Identifier: Apache-2.0
#
# Has the program remove its service, and then removes the program. The first line says how.
read -r mode
case $mode in
plan) run "$program" uninstall --dry-run ;;
plan-purge) run "$program" uninstall --dry-run --purge ;;
keep | purge)
	need_root
	if [ "$mode" = purge ]; then
		run "$program" uninstall --purge
	else
		run "$program" uninstall
	fi
	rm -f "$program" "$previous"
	echo "said $program removed"
	;;
*) fail input ;;
esac
