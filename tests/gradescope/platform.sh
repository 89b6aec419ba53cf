#!/bin/sh
# Runs a command as the platform would: in a root of its own, where FOLDER is /autograder.
#
#   unshare --mount --propagation private sh platform.sh FOLDER COMMAND...
#
# Everything else of this machine is there as it is; nothing is made in its own root folder.
set -eu
folder=$1
shift
root=$folder.root
mkdir -p "$root"
mount -t tmpfs -o mode=755 platform "$root"
for each in /*; do
  name=${each#/}
  if [ -L "$each" ]; then
    cp -P "$each" "$root/$name"
  elif [ -d "$each" ]; then
    mkdir "$root/$name"
    mount --rbind "$each" "$root/$name"
  fi
done
mkdir "$root/autograder" "$root/.before"
mount --bind "$folder" "$root/autograder"
cd "$root"
pivot_root . .before
umount -l /.before
rmdir /.before
cd /autograder
exec "$@"
