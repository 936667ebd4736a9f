#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Boots the systemd of this machine in namespaces, on a copy-on-write view of its files, as process 1:
#
#   unshare --mount --pid --fork --kill-child --cgroup --uts --ipc --net boot.sh FOLDER
#
# FOLDER/share is /share in there, and all else that is written is gone when it ends. Services that would change the
# kernel that all share are left out.
set -eu

folder=$1
root=$folder/root

mount --make-rprivate /
mount -t tmpfs tmpfs "$folder" -o mode=0755
mkdir "$folder/upper" "$folder/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$root"

mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs tmpfs "$root/dev" -o mode=0755
for device in null zero full random urandom tty; do
	touch "$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts devpts "$root/dev/pts" -o newinstance,ptmxmode=0666
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs tmpfs "$root/run" -o mode=0755
mount -t tmpfs tmpfs "$root/tmp" -o mode=1777

: >"$root/etc/fstab"
: >"$root/etc/machine-id"
for unit in systemd-sysctl systemd-modules-load systemd-binfmt systemd-udevd systemd-udev-trigger systemd-random-seed; do
	ln -sf /dev/null "$root/etc/systemd/system/$unit.service"
done
ip link set lo up

cd "$root"
mkdir -p old share
mount --bind "$2" share
pivot_root . old
umount -l /old
# As systemd does by itself, but not in a container: what is mounted later is seen by services that run.
mount --make-rshared /
exec env -i container=other "PATH=$PATH" /lib/systemd/systemd --system --unit=basic.target --show-status=no
