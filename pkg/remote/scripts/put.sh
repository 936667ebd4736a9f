# SPDX-License-Identifier: Apache-2.0
#
# Puts a program in place: its digest and size are the first line, and its bytes follow. It is written aside, and
# replaces the one that is there once it is whole, runs on this machine and has nothing against being installed.
read -r wanted size
need_root
case $wanted in '' | *[!0-9a-f]*) fail input ;; esac
case $size in '' | *[!0-9]*) fail input ;; esac
mkdir -p "$folder" 2>/dev/null || fail write "there is no folder $folder"
[ ! -d "$program" ] || fail write "$program is a folder"
command -v sha256sum >/dev/null || fail tool sha256sum

if command -v flock >/dev/null; then
	exec 9<"$folder"
	flock -n 9 || fail busy
	rm -f "$folder"/.solution-bootstrap.new.* # of one that was killed
fi
new=
trap '[ -z "$new" ] || rm -f "$new"' EXIT
trap 'exit 1' HUP INT PIPE TERM

free=$(df -Pk "$folder" | sed -n '2s/^.*[[:space:]]\([0-9]\{1,\}\)[[:space:]]\{1,\}[0-9]\{1,\}%.*$/\1/p')
[ "${free:-$size}" -gt $((size / 1024)) ] || fail space "$free"

umask 077
new=$(mktemp "$folder/.solution-bootstrap.new.XXXXXX" 2>&1) || {
	text=$new new=
	fail write "$text"
}
umask 022
text=$(cat 2>&1 >"$new") || fail write "$text"
[ "$(digest "$new")" = "$wanted" ] || fail digest
chown 0:0 "$new"
chmod 0755 "$new"
sync "$new" 2>/dev/null || : # older ones take no file

version=$(version "$new")
[ -n "$version" ] || fail run "$("$new" --version 2>&1 </dev/null | head -n 1)"
said=$("$new" install --dry-run 2>&1 >/dev/null </dev/null) || {
	say "$said"
	fail command
}
if [ -e "$program" ]; then
	rm -f "$previous"
	ln "$program" "$previous" 2>/dev/null || cp -p "$program" "$previous"
	echo "previous $(digest "$previous")"
fi
mv -f "$new" "$program"
new=
echo "version $version"
