#!/bin/bash
# Runs a command in an arm64 userland: enter.sh ROOT CPUINFO CACHE WORK COUNTER COMMAND...
# CACHE is seen as /cache, WORK as /mnt (the current folder), and COUNTER, a folder with QEMU and its plugin or
# "", as /opt/count. Started in a mount namespace of its own (unshare --mount), so that nothing stays mounted.
set -eu
root=$1 cpuinfo=$2 cache=$3 work=$4 counter=$5
shift 5

mkdir -p "$root"/{proc,sys,dev,cache,mnt}
for place in proc sys dev; do mount --rbind "/$place" "$root/$place"; done
mount --bind "$cpuinfo" "$root/proc/cpuinfo"
mount --bind "$cache" "$root/cache"
mount --bind "$work" "$root/mnt"
for file in resolv.conf hosts; do
  [ -e "$root/etc/$file" ] || : >"$root/etc/$file"
  mount --bind "$(realpath "/etc/$file")" "$root/etc/$file"
done

# This QEMU is a program of this machine, linked to this machine's libraries.
if [ -n "$counter" ]; then
  libraries=/usr/lib/$(gcc -print-multiarch)
  mkdir -p "$root/opt/count" "$root$libraries" "$root/usr/lib64"
  [ -e "$root/lib64" ] || ln -s usr/lib64 "$root/lib64"
  mount --bind "$libraries" "$root$libraries"
  mount --bind "$(realpath /lib64)" "$root/usr/lib64"
  mount --bind "$counter" "$root/opt/count"
fi
exec chroot "$root" /usr/bin/env -i -C /mnt "$@"
