#!/bin/sh
# shellcheck shell=sh
# archive_wal.sh %p %f: archive_command of a primary whose warm standby is fed by archived WAL. A segment that is there already is
# compared, never overwritten: two primaries that archive into one place must be noticed. Status 0 means that it is on disk.
set -eu
archive=@@archive@@
seconds=@@seconds@@
part=$archive/$2.$$.part
trap 'rm -f -- "$part"' EXIT
if [ -e "$archive/$2" ]; then
  if cmp -s -- "$1" "$archive/$2"; then exit 0; fi
  printf 'poolctl archive_wal: %s is in the archive already, with another content\n' "$2" >&2
  exit 1
fi
timeout "$seconds" cp -- "$1" "$part"
sync -- "$part"
# link(2) fails when the name came there meanwhile, where a rename would replace it.
ln -T -- "$part" "$archive/$2"
sync -- "$archive"
